/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restore: brings the layer back to a checkpoint.
 *
 * Nobody may use the layer meanwhile: the guest is stopped and layer_close was called.
 *
 * 1. The present is saved (kind rollback) unless it equals the present checkpoint.
 * 2. What differs is staged in gaol/stage: from here on no disk space is needed.
 * 3. gaol/journal (which trees, which refs) is written and synced: the point of no return.
 * 4. Staged entries are renamed into place, what goes is renamed away, attributes are set, all
 *    synced; refs move; the journal goes. A crash in here is completed by restore_recover.
 * Failure or a kill before 3 leaves the layer as it was.
 *
 * Refs: main moves to the target; if the line that it leaves is not part of the target's, its tip
 * is kept as undone/NUMBER; branches undone/ that main now contains go.
 */
#ifndef GAOL_CORE_REPO_RESTORE_H
#define GAOL_CORE_REPO_RESTORE_H

#include "core/repo/repo.h"

struct restore_request {
	/* An ID as log_resolve takes it; NULL or "": the newest checkpoint of kind hand or initial
	 * on the present line that differs from now. */
	const char *to;
	bool redo;	     /* instead: where the last rollback came from; to is not looked at */
	bool plan;	     /* only find the target and tell unchanged; nothing is written */
	const char *message; /* of the saved one; NULL: "before rollback to N" */
	const char *name;    /* the jail's, for messages */
	const struct save_from *from; /* what has changed, as in struct save_request; may be NULL */
};
struct restore_result {
	bool unchanged;	 /* the layer already is that checkpoint: nothing was done */
	unsigned number; /* rolled back to */
	char hash[REPO_HASH_LEN + 1];
	int64_t time;	  /* at which that checkpoint was made, seconds of CLOCK_REALTIME */
	unsigned saved;	  /* number of the "before rollback" checkpoint, 0: the present was saved */
	unsigned from;	  /* number of the checkpoint that redo would return to */
	uint64_t entries; /* of the layer that were changed, made or removed */
	char tree[REPO_HASH_LEN + 1]; /* the layer's afterwards */
	const char *whole;	      /* as in struct save_result */
};
/*
 * 0, -ECANCELED (only before 3), -ENOENT (no such checkpoint, nothing to redo), -EBUSY (the layer
 * has a rename in flight: open it once), or -errno with e set. h may be NULL.
 */
int restore(struct repo *r, const struct restore_request *q, struct restore_result *out,
	    const struct repo_hooks *h, struct err *e);

/*
 * Completes what a crash interrupted; to be called before layer_open whenever nobody else uses the
 * jail (a warden's start). *done (may be NULL) is set when there was something. Removes left-overs
 * of interrupted saves as well. 0 or -errno with e set.
 */
int restore_recover(struct repo *r, bool *done, struct err *e);
/* True when a journal waits for restore_recover. */
bool restore_pending(struct repo *r);

#endif
