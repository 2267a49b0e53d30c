/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply: chosen changes of a jail brought out to a directory of the host: apply.c decides and asks,
 * applyout.c does one change, applyattr.c knows modes, owners and attributes.
 */
#ifndef GAOL_TUI_CLI_APPLY_H
#define GAOL_TUI_CLI_APPLY_H

#include "core/err.h"
#include "core/repo/diff.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

enum apply_mode { APPLY_SHOW, APPLY_DO, APPLY_SCRIPT };

struct apply {
	struct side *base, *from;
	int root;	   /* the directory, O_PATH */
	const char *to;	   /* its name, for messages and the script */
	const char *place; /* NAME or NAME@ID, for the script */
	enum apply_mode mode;
	int64_t since; /* seconds; a host file that changed later was not what the jail deleted */
	FILE *f;
	uint64_t done, equal, conflicts, skipped; /* result */
};

/*
 * Compares base with "from" and shows, does or prints each change below paths (NULL-terminated
 * absolute guest paths, NULL: all). /P of the jail is P below the directory.
 *
 * A change conflicts, is told and left out, when the host's entry is neither what the jail started
 * from (content, type) nor what it made of it, or the host changed it after the jail copied it.
 * So does a changed mode, owner or attribute of which the host has a third value. Modes lose set-id
 * bits and are cut by the umask. Owners are the caller's; root keeps the guest's for new entries and
 * where the guest changed it, else the host's. Of attributes those named user.* come. Devices, fifos,
 * sockets and other attributes are left out. Nothing below the directory is followed as a link. 0 or -errno with e set.
 */
int apply_changes(struct apply *a, const char *const *paths, struct err *e);

/* applyout.c: makes the host's entry at path (relative) what "from" has at /path. 0 or -errno. */
int applyout_make(struct apply *a, const char *path, const struct diff_entry *d);
int applyout_remove(struct apply *a, const char *path, bool dir);
/* lstat below the root without following any link on the way; 0 or -errno. */
int applyout_stat(const struct apply *a, const char *path, struct stat *st);
/* 1 when the host's file or link at path has the content that s has at /path, 0 when not, -errno.
 */
int applyout_same(const struct apply *a, const char *path, struct side *s, const struct stat *host);

/* The directory that path lies in; *name is the rest. The entry itself, for reading. Both through
 * no link: a descriptor or -errno. */
int applyout_parent(const struct apply *a, const char *path, const char **name);
int applyout_open(const struct apply *a, const char *path);

/* applyattr.c: whether an attribute of this name comes out. */
bool applyattr_comes(const char *name);
/* A mode as it comes out. */
mode_t applyattr_mode(mode_t mode);
/* Bits of d->what, of attributes, that come out: DIFF_MODE, and as root DIFF_UID and DIFF_GID. */
unsigned applyattr_wanted(const struct diff_entry *d);
/* For those of them in what: what is in the way, or NULL; *equal: the host has them so already. */
const char *applyattr_conflict(struct apply *a, const char *path, const struct diff_entry *d,
			       unsigned what, const struct stat *host, bool *equal);
/* Gives an entry that is only changed in its attributes what it is to have. 0 or -errno. */
int applyattr_set(struct apply *a, const char *path, const struct diff_entry *d);
/* Gives fd the user.* attributes of the jail's entry; those that it removed go. 0 or -errno. */
int applyattr_bring(struct apply *a, const char *path, int fd);
/* Gives "to" what the host's old file has: user.* and its access list. 0 or -errno. */
int applyattr_keep(int from, int to);
/* As root: the owner of what is made in the place of old (NULL: of nothing). 0 or -errno. */
int applyattr_owner(int fd, const struct stat *old, const struct diff_entry *d);
/* Prints the commands that do the same as applyattr_set. 0 or -errno. */
int applyattr_script(struct apply *a, const char *path, const struct diff_entry *d,
		     const char *quoted);

#endif
