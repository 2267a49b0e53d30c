/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli: gaol by verbs. One file per verb, each with one struct verb: the truth about its name,
 * arguments, options and help, from which --help, `gaol help`, bash completion and the commands of
 * gaol(1) are printed.
 *
 * A verb's function returns the exit status: 0 done, 1 failed (after one line "gaol: what: why:
 * what to do" on stderr), 2 usage.
 */
#ifndef GAOL_TUI_CLI_CLI_H
#define GAOL_TUI_CLI_CLI_H

#include "core/err.h"
#include "core/jail.h"
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* What one invocation works with. */
struct cli {
	struct jail_places places; /* empty until cli_places */
};

/* An option. Keys below 128 are its letter too; from CLI_LONG on it has only a long name. */
enum { CLI_LONG = 256 };
struct cli_opt {
	int key;	  /* 0 ends a list */
	const char *name; /* without "--"; NULL: only a letter */
	const char *arg;  /* what its value is called, NULL: it takes none */
	const char *help; /* one sentence */
};

enum verb_flags {
	VERB_INTERNAL = 1, /* not shown in lists */
	VERB_COMMAND = 2,  /* a command may follow, behind "--" */
	VERB_BARE = 4,	   /* with VERB_COMMAND: options end at the first other word */
	VERB_RAW = 8,	   /* the verb parses its arguments itself */
};

/* What a verb's operands are, for completion. */
enum verb_words {
	WORDS_NONE,
	WORDS_JAIL,	  /* NAME */
	WORDS_CONSOLE,	  /* NAME[:N] */
	WORDS_JAILS,	  /* NAME... */
	WORDS_JAIL_ID,	  /* NAME, then checkpoint IDs */
	WORDS_JAIL_STATE, /* NAME, then a state */
	WORDS_COPY,	  /* NAME:PATH, or files */
	WORDS_VERB,	  /* a verb */
	WORDS_COMMAND	  /* a program */
};

struct verb {
	const char *name;
	const char *args; /* operands as shown in usage */
	const char *help; /* one sentence without a full stop */
	const char *more; /* paragraphs for --help and the manual; NULL: none */
	/* Pairs of a command line and what it does; ends with NULL. */
	const char *const *examples;
	const struct cli_opt *opts; /* NULL: none but --help */
	unsigned flags;
	enum verb_words words;
	int (*fn)(struct cli *c, const struct verb *v, int argc, char **argv);
};

/* All verbs in the order of the manual; NULL-terminated. */
extern const struct verb *const cli_verbs[];
/* The verb of a name, or NULL. */
const struct verb *cli_find(const char *name);
/* The main function: finds the verb in argv[1] and runs it. Without one: help, status 2. */
int cli_main(int argc, char **argv);

/* Prints a verb's help. */
void cli_help_verb(const struct verb *v, FILE *f);
/* Prints the list of verbs. */
void cli_help_all(FILE *f);

/*
 * The arguments of a verb. cli_args_init splits off the command behind "--" where the verb takes
 * one; cli_next returns the key of one option after another (its value is in arg), 0 at the end,
 * -1 when the verb must return status (help was printed, or a usage error told). Then v[0..n) are
 * the operands.
 */
struct cli_args {
	const struct verb *verb;
	char **v;
	int n;
	char **command; /* NULL-terminated; NULL: there is no "--" */
	int ncommand;
	const char *arg;
	int status;
	/* for cli_next */
	int argc;
	char **argv;
	char letters[64];
	struct option longs[24];
};
void cli_args_init(struct cli_args *a, const struct verb *v, int argc, char **argv);
int cli_next(struct cli_args *a);
/* True when the number of operands lies in min..max; else tells and sets a->status. */
bool cli_operands(struct cli_args *a, int min, int max);
/* For verbs without options of their own: parses, checks the number of operands. */
bool cli_simple(struct cli_args *a, const struct verb *v, int argc, char **argv, int min, int max);

/* Tells a usage error of a verb ("gaol: VERB: ..."); returns CLI_USAGE. */
int cli_usage(const struct verb *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints e; returns CLI_FAILED. */
int cli_fail(const struct err *e);

/* Finds the places once. 0 or -errno with e set. */
int cli_places(struct cli *c, struct err *e);
/* Opens a jail by name. 0 or -errno with e set. */
int cli_jail(struct cli *c, const char *name, struct jail *j, struct err *e);
/*
 * Calls fn for each jail that the operands name (each a name, or a pattern as in glob(7), which
 * must match one at least). Goes on behind a failure. Returns the worst status of fn.
 */
typedef int cli_jail_fn(void *user, struct jail *j);
int cli_each_jail(struct cli *c, char *const *names, int n, cli_jail_fn *fn, void *user);

struct client;
/*
 * Connects to a jail's warden, or starts one for a jail that has none; *spawned then tells that it
 * is to be ended by cli_done. 0 or -errno with e set.
 */
int cli_steer(struct client **out, const struct jail *j, bool *spawned, struct err *e);
struct json_t;
/*
 * One call of a jail's warden by name, with cli_steer and cli_done around it. args is taken over;
 * *result (may be NULL) is the caller's. Returns 0 or -errno with e set.
 */
int cli_call(struct cli *c, const char *name, const char *call, struct json_t *args,
	     struct json_t **result, struct err *e);
/* Sets KEY=VALUE words (n of them) in a jail's jail.conf: all, or none. 0 or -errno with e set. */
int cli_set(struct jail *j, char *const *words, int n, struct err *e);
/* Ends what cli_steer began: a warden that was only started for one call goes again. */
void cli_done(struct client *client, bool spawned);
/* Waits until the warden has ended: from then on nobody holds the jail's lock. */
void cli_await_end(struct client *client);

/*
 * Calls a verb that the guest itself answers, and waits for at most ms: a guest may never answer.
 * 0 with *result the caller's, or -errno with e set (-ETIMEDOUT).
 */
struct json_t;
int cli_ask_guest(struct client *client, const char *verb, int ms, struct json_t **result,
		  struct err *e);

/* Every verb, by file. */
extern const struct verb verb_new, verb_ls, verb_start, verb_stop, verb_kill, verb_attach,
    verb_checkpoint, verb_log, verb_diff, verb_rollback, verb_redo, verb_rm, verb_wait, verb_events,
    verb_cp, verb_cat, verb_exec, verb_run, verb_doctor, verb_audit, verb_learn, verb_completion, verb_help, verb_version,
    verb_layer, verb_warden, verb_worker, verb_netpath, verb_net, verb_allow, verb_deny, verb_pcap,
    verb_restart, verb_pause, verb_resume, verb_record, verb_replay, verb_ps, verb_top, verb_set;
/* Checkpoints beyond the first few: */
extern const struct verb verb_export, verb_import, verb_apply;
extern const struct verb verb_prune;
extern const struct verb verb_compare, verb_mount, verb_umount;
extern const struct verb verb_fork, verb_restore, verb_tag, verb_untag, verb_rename, verb_verify, verb_df;

/*
 * Completion: calls fn for each word that words[index] (or nothing, when index is n) could become;
 * words[0] is "gaol". about explains it, may hold anything, and may be NULL.
 */
typedef void cli_word_fn(void *user, const char *word, const char *about);
void cli_complete(struct cli *c, int index, char **words, int n, cli_word_fn *fn, void *user);

#endif
