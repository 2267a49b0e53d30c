/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/feedpast.h"
#include "core/buf.h"
#include "core/history.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ALL_CLASSES (EVENT_CHANGE | EVENT_READ | EVENT_DENIED | EVENT_JAIL | EVENT_NET)

struct past {
	const struct jail_places *places;
	char jail[JAIL_NAME_MAX + 1];
	struct feedstore *store;
	uint64_t last;
	feedpast_fn *fn;
	void *user;
};

static void work(struct job *j, void *data)
{
	struct past *p = data;
	struct jail_status st;
	struct history *h;
	struct event ev;
	struct jail jail;
	uint64_t from, lost = 0;
	int ret;

	if (jail_open(&jail, p->places, p->jail, NULL))
		return;
	from = !jail_status_read(&jail, &st) && st.events > FEEDPAST_EVENTS
		   ? st.events - FEEDPAST_EVENTS
		   : 0;
	h = history_new(jail.dirfd, from, NULL);
	while (!*job_cancelled(j) &&
	       ((ret = history_next(h, ALL_CLASSES, &ev, &lost)) == 1 || ret == -EAGAIN)) {
		if (ret != 1)
			continue;
		/* what was lost before the first one that is shown is no news */
		if (lost && p->last)
			feedstore_add_lost(p->store, lost);
		lost = 0;
		feedstore_add(p->store, &ev);
		p->last = ev.seq;
	}
	history_free(h);
	jail_close(&jail);
}

static void done(void *data)
{
	struct past *p = data;

	p->fn(p->user, p->store, p->last);
	p->store = NULL;
}

static void drop(void *data)
{
	struct past *p = data;

	feedstore_free(p->store);
	free(p);
}

static const struct job_ops past_ops = {.work = work, .done = done, .drop = drop};

struct job *feedpast_start(const struct view_env *env, const char *jail, feedpast_fn *fn,
			   void *user)
{
	struct past *p = xcalloc(1, sizeof(*p));

	p->places = env->places;
	p->store = feedstore_new();
	p->fn = fn;
	p->user = user;
	snprintf(p->jail, sizeof(p->jail), "%s", jail);
	return jobs_start(env->jobs, &past_ops, p);
}
