/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feedpast: the last events of a jail that has no warden, from its journal, read beside the loop.
 */
#ifndef GAOL_VIEWS_FEEDPAST_H
#define GAOL_VIEWS_FEEDPAST_H

#include "views/feedstore.h"
#include "views/jobs.h"
#include "views/view.h"

#define FEEDPAST_EVENTS 50000 /* that are read at most */

/* From the loop, once, unless the job is cancelled. store is the callee's to keep; last: seq of the
 * last event in it, 0: there is none. */
typedef void feedpast_fn(void *user, struct feedstore *store, uint64_t last);
struct job *feedpast_start(const struct view_env *env, const char *jail, feedpast_fn *fn,
			   void *user);

#endif
