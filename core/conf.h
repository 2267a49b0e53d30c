/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf: jail.conf, what a jail is, in the syntax of git-config(1).
 *
 *	[jail]
 *		memory = 512M		# a comment; ';' begins one too
 *		command = /bin/sh	; the program, then one "arg" for each argument
 *		arg = -c
 *		arg = "echo \"hello; world\""
 *	[path "/srv"]
 *		access = hide
 *
 * Section and key names are case-insensitive, [path "..."] names are not. A value runs to the end
 * of the line or to a comment, without the spaces around it; double quotes keep spaces, '#' and
 * ';'; \" \\ \n \t \b are the escapes; a backslash at the end of a line continues it. A key without
 * "=" is the boolean true. The deprecated form [section.sub] and includes are refused: a jail is
 * described by one file.
 *
 * One table (conf_schema.c) is the truth about keys: type, default, help. Parsing, writing, error
 * messages and jail.conf(5) come from it. A key that is not in it is an error, and so is a value
 * that nothing could enforce: no key is without effect.
 *
 * No text of a jail.conf is trusted: sizes, numbers and lengths are bounded, a NUL is refused.
 */
#ifndef GAOL_CORE_CONF_H
#define GAOL_CORE_CONF_H

#include "core/err.h"
#include "core/layer/authority.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

#define CONF_FILE "jail.conf"
#define CONF_FILE_MAX (256 * 1024) /* bytes of a jail.conf */
#define CONF_LIST_MAX 1024	   /* values of one list key; [path] sections */
#define CONF_VALUE_MAX 4096	   /* bytes of one value, the final NUL included */

enum conf_profile { CONF_BOX, CONF_APP, CONF_BLANK };
/* CONF_SAFE: ptrace mode, one CPU. CONF_TRUSTING: seccomp mode; faster, but a guest process can
 * read and write all memory of its guest, so views label such a jail. */
enum conf_speed { CONF_SAFE, CONF_TRUSTING };
enum conf_net { CONF_NET_NONE, CONF_NET_OPEN, CONF_NET_ASK, CONF_NET_LIST };
/* What the warden does when the guest has crashed. */
enum conf_restart { CONF_NEVER, CONF_ON_CRASH };

/* A list of strings, NULL-terminated so that it can be an argv; v is NULL when n is 0. */
struct conf_list {
	char **v;
	size_t n;
};

/* Numeric group IDs; v is NULL when n is 0. */
struct conf_groups {
	gid_t *v;
	size_t n;
};

/* One [path "..."] section. */
struct conf_path {
	char *path;	     /* absolute, normal: no "//", ".", ".." and no "/" at the end */
	enum auth_word word; /* AUTH_READ .. AUTH_HIDE */
	bool own;	     /* read with gaol's own authority (named by the admin) */
	bool secret;	     /* own includes names of credentials */
	unsigned line;	     /* line of the section in jail.conf, 0 when set by conf_add_path */
};

struct conf {
	/* [jail] */
	uint64_t memory; /* bytes of the guest, a multiple of 1 MiB */
	unsigned cpus;	 /* of the guest; above 1 only in trusting mode */
	enum conf_profile profile;
	enum conf_speed speed;
	struct conf_list command; /* program and arguments; n == 0: a login shell of the user */
	char *user;		  /* name that the command runs as */
	uid_t uid;
	gid_t gid;
	struct conf_groups groups; /* supplementary groups of the command */
	char *home;		   /* NULL: /root for uid 0, else /home/USER; see conf_home */
	char *shell;		   /* login shell of the user */
	char *hostname;		   /* NULL: the jail's name */
	char *cwd;		   /* directory the command starts in; NULL: its home */
	char *init;		   /* program that is pid 1 in place of the command; NULL: none */
	struct conf_list env; /* NAME=VALUE; all that the command gets beside HOME, USER, LOGNAME,
				 SHELL, PATH, TERM */
	enum conf_restart restart;
	bool autostart; /* `gaol start --all-enabled` starts it: at boot, at login */
	char *note;	/* the admin's own words, shown in lists; NULL: none */
	/* [path "..."], in the order of the file, each path once */
	struct conf_path *paths;
	size_t npaths;
	/* [limits]: 0 is no limit of the jail's own */
	uint64_t limit_size;   /* bytes that the layer may hold */
	unsigned limit_inodes; /* files, directories, links ... that it may hold */
	unsigned limit_files;  /* files and directories open in the layer at once */
	unsigned limit_pids;   /* processes of the guest */
	unsigned limit_cpu;    /* share of a busy host's processors, 100 is everybody's */
	/* [walls]: words of core/wall/need.h */
	struct conf_list walls_missing; /* that may be missing */
	struct conf_list walls_need;	/* that must stand beside those of every jail */
	/* [net] */
	enum conf_net net;
	struct conf_list net_allow, net_deny; /* core/net/rule.h's syntax */
	struct conf_list net_publish; /* ports of the host, core/net/publish.h's syntax */
	uint64_t net_rate;	      /* bytes a second in each direction, 0: no limit */
	uint64_t net_quota;	      /* bytes of both directions of one run, 0: no limit */
	/* [checkpoint] */
	unsigned checkpoint_every; /* seconds between automatic checkpoints, 0: none */
	bool checkpoint_at_start;  /* one before each start */
	/* [events] */
	uint64_t events_ring; /* bytes of the event ring */
	uint64_t events_keep; /* bytes of disk for the journal of events, 0: none */
	bool events_names;    /* the guest tells which program a process is */
	bool events_reads;    /* also record first reads of base files */
	/* [console] */
	uint64_t console_size;	      /* bytes of console output kept for viewers */
	char *console_record;	      /* "yes", an absolute path, or "no" */
	uint64_t console_record_size; /* bytes of one recording at most */
	unsigned char detach[2];      /* the two keys that detach a viewer, as bytes */
};

/* Fills c with the defaults. Every struct conf starts with this or with conf_parse/conf_load. */
void conf_init(struct conf *c);
/* Releases what c owns and zeroes it; a zeroed c is allowed. */
void conf_free(struct conf *c);

/*
 * Reads n bytes of text into c, over the defaults. name stands in front of messages:
 * "jail.conf:12: memory = 3X: not a size: write for instance 256M or 1G". 0 or -EINVAL with e set
 * and c zeroed.
 */
int conf_parse(const char *text, size_t n, const char *name, struct conf *c, struct err *e);
/* The same for a file (at most CONF_FILE_MAX bytes); 0 or -errno with e set. */
int conf_load(int dirfd, const char *path, struct conf *c, struct err *e);
/*
 * Appends c as the text of a jail.conf: what differs from the defaults as settings, the other keys
 * as comments with their help. conf_parse of it gives c again.
 */
void conf_write(const struct conf *c, struct buf *out);
/* Writes dirfd/path atomically and durably; 0 or -errno with e set. */
int conf_save(const struct conf *c, int dirfd, const char *path, struct err *e);

/*
 * Sets one key as if a line of a file had done it: "jail.memory" or just "memory" (the first
 * section that has it: "size" is that of [limits]), "path./srv.access". A list key is appended to.
 * For command lines: messages begin with "memory = 3X: ". 0 or -EINVAL.
 */
int conf_set(struct conf *c, const char *key, const char *value, struct err *e);
/* Replaces the command (argv of argc strings, copied); argc 0: the login shell again. 0 or -EINVAL
 * for too much of it. */
int conf_set_command(struct conf *c, int argc, char *const *argv, struct err *e);
/*
 * Adds or replaces a [path] section. path must be absolute; it is made normal ("/a//b/" is "/a/b",
 * ".." is refused). For --cow DIR (AUTH_WRITE, own), --ro DIR (AUTH_READ, own), --hide, --fresh.
 * 0 or -EINVAL with e set.
 */
int conf_add_path(struct conf *c, const char *path, enum auth_word word, bool own, bool secret,
		  struct err *e);
/*
 * The same in the text of a jail.conf, all else in it kept as it is: comments, order, spaces. text
 * is replaced. 0 or -EINVAL with e set and text as it was.
 */
int conf_edit(struct buf *text, const char *key, const char *value, struct err *e);
/* What single values cannot say (cpus needs trusting, two keys that exclude each other). conf_parse
 * ends with it; call it after the last conf_set. 0 or -EINVAL. */
int conf_check(const struct conf *c, const char *name, struct err *e);

/* The home directory of the command's user, by the rule at struct conf; into buf. Returns buf. */
const char *conf_home(const struct conf *c, char *buf, size_t size);
/*
 * The authority that c asks for: rules of its profile, then its [path] sections. *out is released
 * by authority_free. 0 or -EINVAL with e set ("jail.conf:12: ...").
 */
int conf_authority(const struct conf *c, struct authority **out, struct err *e);

const char *conf_profile_name(enum conf_profile p); /* "box", "app", "blank" */
const char *conf_speed_name(enum conf_speed s);	    /* "safe", "trusting" */
const char *conf_net_name(enum conf_net n);	    /* "none", "open", "ask", "list" */

/* One line of the schema, for manuals, completion and help. */
struct conf_key {
	const char *section;
	const char *key;
	const char *type; /* "size", "number", "boolean", "word", "text", "path", "duration", ... */
	const char *words; /* "a|b" for a word, else NULL */
	const char *deflt; /* as it would be written; "" when there is none */
	const char *help;  /* one sentence */
	bool list;	   /* may be given several times */
};
/* Calls fn for every key, in the order of the manual, until it returns false. */
void conf_each_key(bool (*fn)(void *user, const struct conf_key *k), void *user);

/* "256M" -> bytes: digits and an optional K, M, G, T (powers of 1024, either case). False for
 * anything else or an overflow. */
bool conf_size_parse(const char *s, uint64_t *out);
/* "90", "10m", "2h", "1d", "30s" -> seconds. False for anything else or an overflow. */
bool conf_duration_parse(const char *s, unsigned *out);
/* Two keys as "Ctrl-] d" (also "^] d", "C-] d"): the first a control key that no shell, editor or
 * multiplexer needs, the second a control key or a printable ASCII character. False: not so. */
bool conf_detach_parse(const char *s, unsigned char out[2]);
/* The same as text, "Ctrl-] d", into buf (16 bytes are enough). Returns buf. */
const char *conf_detach_text(const unsigned char keys[2], char *buf, size_t size);

#endif
