/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * repo: a jail's checkpoints: JAIL/checkpoints.git, a bare git repository that stock git can read.
 *
 * The repository has, beside what git keeps there, a directory gaol/ of our own:
 *   gaol/number   the last number given to a checkpoint (text), never goes back
 *   gaol/cache    what the files of upper/ hashed to (cache.h); safe to lose
 *   gaol/redo     hashes that `redo` returns to, newest last (restore.h)
 *   gaol/journal  a restore that is being applied; gaol/stage/ its new files (restore.h)
 *   gaol/tmp.*    packs being written; left by a crash they are removed by the next save
 * The tree format is described in format.h.
 *
 * Who may call what: any number of processes and threads may read (log, diff, side) at any time,
 * each with its own struct repo; a struct repo belongs to one thread at a time. Only one process
 * at a time may write (save, restore, tag): the warden's worker, or whoever holds the jail's lock.
 * No call reads git configuration outside the repository, or looks for a repository elsewhere.
 */
#ifndef GAOL_CORE_REPO_REPO_H
#define GAOL_CORE_REPO_REPO_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPO_DIR "checkpoints.git"
#define REPO_HASH_LEN 40		 /* hexadecimal digits of a commit */
#define REPO_MAIN "refs/heads/main"	 /* the present line */
#define REPO_UNDONE "refs/heads/undone/" /* + number: tip of a line that a rollback left */

struct repo;

/*
 * Opens the repository of the jail whose directory is jailfd (O_RDONLY or O_PATH; duplicated, the
 * caller keeps it). 0 or -errno with e set; -ENOENT: there is no repository. Free with repo_close.
 */
int repo_open(struct repo **out, int jailfd, struct err *e);
/* Sets the library up, which repo_open does otherwise: it takes some ms. */
void repo_warm(void);
void repo_close(struct repo *r);
/*
 * Makes an empty repository in the jail's directory (durable when it returns); -EEXIST when there
 * is one. Checkpoint 1 is then made by save() with kind CKPT_INITIAL.
 */
int repo_create(int jailfd, struct err *e);

/*
 * Told about every 100 ms while a call works: phase is a word ("scan", "store", "stage", "apply"),
 * done of total (0: not known) entries or bytes. Return false to cancel: the call undoes what it
 * began and returns -ECANCELED. A NULL progress is allowed.
 */
struct repo_hooks {
	bool (*progress)(void *user, const char *phase, uint64_t done, uint64_t total);
	/* A save of a sealed layer has read all it wants of upper; may be NULL. */
	void (*stored)(void *user);
	void *user;
};

/* What a checkpoint was made for; stands in its commit as "Gaol-Kind: WORD". */
enum ckpt_kind {
	CKPT_INITIAL,  /* initial: the empty layer of a new jail */
	CKPT_HAND,     /* hand: asked for by a person */
	CKPT_AUTO,     /* auto: by time or before a start */
	CKPT_ROLLBACK, /* rollback: the present, saved before it was rolled back */
	CKPT_EXIT,     /* exit: when a guest ended */
	CKPT_KINDS
};
const char *ckpt_kind_name(enum ckpt_kind k);
/* The kind of a word, -1 for an unknown one. */
int ckpt_kind_parse(const char *s);

/* A checkpoint as the log has it. Strings are owned; text is as given, unescaped. */
struct checkpoint {
	unsigned number; /* per jail, from 1, never used twice */
	char hash[REPO_HASH_LEN + 1];
	char parent[REPO_HASH_LEN + 1]; /* "" for the first */
	enum ckpt_kind kind;
	int64_t time;	/* seconds of CLOCK_REALTIME */
	char *message;	/* first line */
	char **tags;	/* names without refs/tags/, sorted; NULL-terminated, never NULL */
	bool present;	/* the tip of the present line: what the layer was last saved as or
			   rolled back to */
	bool abandoned; /* not on the present line: a rollback left it */
	/* Against its parent, counted in entries of the upper layer (a deleted base file is an
	 * entry that was added there but counts as deleted): */
	uint64_t added, modified, deleted;
	uint64_t bytes; /* what the checkpoint added to the repository, compressed */
};
/* Releases what c owns; a zeroed one is allowed. */
void checkpoint_free(struct checkpoint *c);

#endif
