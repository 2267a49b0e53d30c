/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blame: which checkpoint changed a path last, found beside the loop. */
#ifndef GAOL_VIEWS_BLAME_H
#define GAOL_VIEWS_BLAME_H

#include "core/repo/repo.h"
#include "views/jobs.h"
#include "views/view.h"

struct blame {
	unsigned number; /* of the checkpoint, 0: none has changed it */
	int64_t time;
	char *message;
	bool since; /* and it has been changed after the present checkpoint */
	unsigned present;
	struct err err; /* "": none */
};

/* From the loop, once, unless the job is cancelled; b lives during the call only. */
typedef void blame_fn(void *user, const struct blame *b);
/* from: the checkpoint to begin with, going back along its line; "": now. */
struct job *blame_start(const struct view_env *env, const char *jail, const char *from,
			const char *path, blame_fn *fn, void *user);

#endif
