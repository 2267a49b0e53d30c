/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op: the one checkpoint, rollback or other work of the worker that a warden has under way: save.c
 * leads it through its steps, saveverbs.c begins it. */
#ifndef GAOL_CORE_WARDEN_OP_H
#define GAOL_CORE_WARDEN_OP_H

#include "core/warden/internal.h"

enum op_kind { OP_SAVE, OP_BACK, OP_SYNC, OP_REPO };
enum op_step { STEP_SYNC, STEP_PLAN, STEP_GUEST_DOWN, STEP_WORK, STEP_BOOT };

struct op {
	enum op_kind kind;
	enum op_step step;
	struct call call;
	json_t *request; /* to the worker */
	bool redo;
	bool was_up;
	bool idle;
	bool held;
	bool sealed;	   /* the layer keeps what was there */
	bool stored;	   /* the worker reads no more of it */
	bool again;	   /* what was sealed cannot be had: the guest is held now */
	bool lost;	   /* the layer was closed meanwhile */
	bool cancelled;	   /* somebody wants it no more, before the worker has begun */
	int64_t held_at;   /* ns */
	uint64_t held_us;  /* the longest time for which a request was held */
	bool synced;
	bool nobody;		      /* no client waits for the answer */
	bool starts;		      /* the jail is to be booted behind it */
	uint32_t sync_tag, count_tag; /* chan requests that are awaited, 0 = none */
	uint32_t ended;		      /* processes that the guest had */
	struct loop_timer *limit;
	struct worker *worker;
	struct worker *waits; /* the next one, NULL: it is started when it is wanted */
	json_t *result;	      /* of the work, kept until the guest is up again */
	char *error;
	int code;
};

/* Begins one as w->op; what was there must be over. */
struct op *op_open(struct warden *w, enum op_kind kind, struct call c);
/* Has the guest write what it has, and (count) count its processes; then the work begins. */
void op_sync(struct warden *w, bool count);
/* Has the worker carry the request out; fds are taken over. When it cannot start, op is over. */
void op_work(struct warden *w, struct worker_fds *fds, worker_fn *fn);
/* What the answer will be, in place of a result. */
void op_fail(struct warden *w, int code, const char *text);
/* Answers with what there is, and ends it. */
void op_answer(struct warden *w);

#endif
