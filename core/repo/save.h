/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * save: makes a checkpoint of upper/ (and work/index, the layer's table of hard links).
 *
 * Given what was touched since the present checkpoint, nothing else is looked at; else all of upper
 * is walked, and files that the cache knows unchanged are not read. Hard links take a walk too. All new objects go into one pack, made
 * durable before the ref moves: after a crash the checkpoint is there whole or not at all.
 * The layer may be in use meanwhile; a file that is written during the call may be caught half
 * written, so a warden holds changes back, or has its guest sync and accepts that.
 */
#ifndef GAOL_CORE_REPO_SAVE_H
#define GAOL_CORE_REPO_SAVE_H

#include "core/repo/repo.h"

struct seal_ends;
struct touched;

/* What has changed since the present checkpoint, so that the rest need not be looked at. */
struct save_from {
	struct touched *touched; /* core/layer/touched.h; NULL: nothing is known */
	const char *base; /* the tree that it began from: in hexadecimal, as save_result's */
	/* The layer goes on changing, and keeps what was there (core/layer/seal.h); NULL: it does
	 * not change. Where that is kept for what was touched alone and more is to be looked at, the
	 * call gives -EAGAIN. */
	const struct seal_ends *seal;
};
struct save_request {
	enum ckpt_kind kind;
	const char *message; /* NULL or "": a word for the kind; more lines are allowed */
	bool always;	     /* make one although nothing changed since the present one */
	const struct save_from *from; /* NULL: all of upper is looked at */
};
struct save_result {
	bool unchanged; /* nothing had changed; without always, none was made and number and hash
			   are the present one's */
	unsigned number;
	char hash[REPO_HASH_LEN + 1];
	uint64_t added, modified, deleted; /* as in struct checkpoint */
	uint64_t bytes;
	char tree[REPO_HASH_LEN + 1]; /* of the layer: what touched names are relative to next */
	const char *whole; /* why all of upper was looked at, NULL: only what was touched */
};
/* 0, -ECANCELED, or -errno with e set (-ENOSPC: nothing was changed). h may be NULL. */
int save(struct repo *r, const struct save_request *q, struct save_result *out,
	 const struct repo_hooks *h, struct err *e);
/* True (1) when upper differs from the present checkpoint in anything a checkpoint keeps (times
 * too), 0 when not, or -errno with e set. Writes nothing. */
int save_needed(struct repo *r, const struct repo_hooks *h, struct err *e);

#endif
