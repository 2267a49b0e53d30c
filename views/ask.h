/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask: one question to a jail's warden and its answer, from the loop: nothing waits, and a warden
 * that hangs is given up after a while.
 */
#ifndef GAOL_VIEWS_ASK_H
#define GAOL_VIEWS_ASK_H

#include "views/view.h"
#include <jansson.h>

struct ask;

/*
 * Called once, from the loop. o: the answer, borrowed; NULL: there is none, and error says why
 * (-ETIMEDOUT: it did not come, -EPIPE: the warden is gone, -EIO: it refused).
 */
typedef void ask_fn(void *user, const json_t *o, int error);

/* Asks; NULL when there is no warden to ask (fn is not called then). */
struct ask *ask_start(const struct view_env *env, const char *jail, const char *verb,
		      int64_t timeout_ms, ask_fn *fn, void *user);
/* The same with arguments, taken over; NULL: none. */
struct ask *ask_call(const struct view_env *env, const char *jail, const char *verb, json_t *args,
		     int64_t timeout_ms, ask_fn *fn, void *user);
/* Gives it up without a call of fn. NULL is allowed. Not to be called from fn. */
void ask_cancel(struct ask *a);

#endif
