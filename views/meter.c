/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/meter.h"
#include "core/hostproc.h"
#include "core/loop.h"
#include "core/usage.h"
#include "views/jobs.h"
#include "views/model.h"
#include <stdlib.h>
#include <string.h>

#define EVERY_MS 2000
#define SIZE_EVERY_MS 30000 /* a layer is walked for its size */
#define SHARE 20	    /* measuring may take one part in so many of the time */

struct entry {
	char jail[JAIL_NAME_MAX + 1];
	pid_t warden;
	bool resize; /* the layer's size is due */
	uint64_t cpu_ms, pss, layer;
	bool sized;
	double cpu;
	int64_t at, sized_at; /* ms of the monotonic clock */
};

struct meter {
	const struct view_env *env;
	struct job *job;
	struct entry *v;
	size_t n;
	int64_t due;
};

struct measuring {
	struct meter *meter;
	const struct jail_places *places;
	struct entry *v;
	size_t n;
	int64_t began;
};

static void size_layer(struct measuring *k, struct entry *e)
{
	struct usage u = {0};
	struct jail j;

	if (jail_open(&j, k->places, e->jail, NULL))
		return;
	if (!usage_tree(j.dirfd, "upper", &u)) {
		e->layer = u.bytes;
		e->sized = true;
	}
	e->sized_at = loop_now_ms();
	jail_close(&j);
}

static void work(struct job *j, void *data)
{
	struct measuring *k = data;

	for (size_t i = 0; i < k->n && !*job_cancelled(j); i++) {
		struct entry *e = &k->v[i];
		struct hostcost c = {0};
		int64_t before = e->at;
		uint64_t cpu = e->cpu_ms;

		e->cpu = -1;
		e->pss = 0;
		if (e->warden && hostproc_cost(e->warden, &c)) {
			e->at = loop_now_ms();
			e->cpu_ms = c.cpu_ms;
			e->pss = c.pss;
			if (before && e->at > before && c.cpu_ms >= cpu)
				e->cpu = (double)(c.cpu_ms - cpu) * 100 / (double)(e->at - before);
		}
		if (e->resize)
			size_layer(k, e);
	}
}

static void done(void *data)
{
	struct measuring *k = data;
	struct meter *m = k->meter;
	int64_t now = loop_now_ms(), pause = (now - k->began) * SHARE;
	struct entry *old = m->v;

	m->job = NULL;
	m->v = k->v;
	m->n = k->n;
	k->v = old;
	m->due = now + (pause > EVERY_MS ? pause : EVERY_MS);
	env_dirty(m->env);
}

static void drop(void *data)
{
	struct measuring *k = data;

	free(k->v);
	free(k);
}

static const struct job_ops measuring_ops = {.work = work, .done = done, .drop = drop};

struct meter *meter_new(const struct view_env *env)
{
	struct meter *m = xcalloc(1, sizeof(*m));

	m->env = env;
	return m;
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	job_cancel(m->job);
	free(m->v);
	free(m);
}

static const struct entry *find(const struct meter *m, const char *jail)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].jail, jail))
			return &m->v[i];
	return NULL;
}

void meter_tick(struct meter *m)
{
	size_t n = model_count(m->env->model);
	int64_t now = loop_now_ms();
	bool any = false;
	struct measuring *k;

	if (m->job || now < m->due || !n)
		return;
	k = xcalloc(1, sizeof(*k));
	k->meter = m;
	k->places = m->env->places;
	k->began = now;
	k->n = n;
	k->v = xcalloc(n, sizeof(*k->v));
	for (size_t i = 0; i < n; i++) {
		const struct jail_status *st = model_at(m->env->model, i);
		const struct entry *old = find(m, st->name);
		struct entry *e = &k->v[i];

		if (old)
			*e = *old;
		if (!old || old->warden != st->warden)
			e->at = 0;
		memcpy(e->jail, st->name, sizeof(e->jail));
		e->warden = st->warden;
		e->resize = !e->sized_at || (st->warden && now - e->sized_at > SIZE_EVERY_MS);
		any |= e->resize || e->warden || (old && old->warden);
	}
	if (!any) { /* all are down, and nothing has changed since they went */
		drop(k);
		return;
	}
	m->job = jobs_start(m->env->jobs, &measuring_ops, k);
}

bool meter_get(const struct meter *m, const char *jail, struct meter_costs *out)
{
	const struct entry *e = find(m, jail);

	if (!e)
		return false;
	*out = (struct meter_costs){
	    .cpu = e->warden ? e->cpu : -1, .pss = e->pss, .layer = e->layer, .sized = e->sized};
	return true;
}
