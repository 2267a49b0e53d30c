/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/tally.h"
#include "core/loop.h"
#include "views/compare.h"
#include "views/jobs.h"
#include "views/model.h"
#include <stdlib.h>
#include <string.h>

#define EVERY_MS 5000 /* between two counts of a running jail */
#define SHARE 20      /* a count may take one part in so many of the time */

struct entry {
	char jail[JAIL_NAME_MAX + 1];
	struct tally_counts counts;
	bool valid;
	bool settled; /* it did not run, and has not since: the count stands */
	uint64_t moves;
	int64_t due; /* ms of the monotonic clock */
};

struct tally {
	const struct view_env *env;
	struct job *job;
	struct entry *v;
	size_t n;
};

struct counting {
	struct tally *tally;
	const struct jail_places *places;
	struct compare_words words;
	struct tally_counts counts;
	uint64_t moves;
	bool up;
	int64_t began;
	int ret;
};

static bool count(void *user, const struct diff_entry *d)
{
	struct tally_counts *c = user;

	if (d->status == DIFF_ADDED)
		c->added++;
	else if (d->status == DIFF_DELETED)
		c->deleted++;
	else
		c->changed++;
	c->more = c->added + c->changed + c->deleted >= TALLY_MAX;
	return !c->more;
}

static void work(struct job *j, void *data)
{
	struct counting *k = data;
	struct diff_options o = {.cancel = job_cancelled(j)};
	struct compare c = {0};
	struct err e;

	k->ret = compare_open(&c, k->places, &k->words, o.cancel, &e);
	if (!k->ret)
		k->ret = diff_each(c.a, c.b, &o, count, &k->counts, &e);
	if (k->counts.more)
		k->ret = 0;
	compare_close(&c);
}

static struct entry *find(const struct tally *t, const char *jail)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->v[i].jail, jail))
			return &t->v[i];
	return NULL;
}

static void done(void *data)
{
	struct counting *k = data;
	struct tally *t = k->tally;
	struct entry *e = find(t, k->words.jail);
	int64_t now = loop_now_ms(), pause = (now - k->began) * SHARE;

	t->job = NULL;
	e->valid = !k->ret;
	e->counts = k->counts;
	e->moves = k->moves;
	e->settled = !k->up;
	e->due = now + (pause > EVERY_MS ? pause : EVERY_MS);
	env_dirty(t->env);
	tally_tick(t);
}

static void drop(void *data)
{
	free(data);
}

static const struct job_ops counting_ops = {.work = work, .done = done, .drop = drop};

struct tally *tally_new(const struct view_env *env)
{
	struct tally *t = xcalloc(1, sizeof(*t));

	t->env = env;
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	job_cancel(t->job);
	free(t->v);
	free(t);
}

static struct entry *find_or_add(struct tally *t, const char *jail)
{
	struct entry *e = find(t, jail);

	if (e)
		return e;
	t->v = xrealloc(t->v, (t->n + 1) * sizeof(*t->v));
	e = &t->v[t->n++];
	*e = (struct entry){0};
	memcpy(e->jail, jail, sizeof(e->jail));
	return e;
}

static bool is_due(const struct entry *e, const struct jail_status *st, int64_t now)
{
	if (st->moves != e->moves)
		return true;
	return now >= e->due && !(e->settled && !status_is_up(st));
}

static void begin(struct tally *t, const struct jail_status *st)
{
	struct counting *k = xcalloc(1, sizeof(*k));

	k->tally = t;
	k->places = t->env->places;
	k->moves = st->moves;
	k->up = status_is_up(st);
	k->began = loop_now_ms();
	memcpy(k->words.jail, st->name, sizeof(k->words.jail));
	t->job = jobs_start(t->env->jobs, &counting_ops, k);
}

void tally_tick(struct tally *t)
{
	const struct jail_status *next = NULL;
	int64_t now = loop_now_ms(), earliest = INT64_MAX;

	if (t->job)
		return;
	for (size_t i = 0; i < model_count(t->env->model); i++) {
		const struct jail_status *st = model_at(t->env->model, i);
		const struct entry *e = find_or_add(t, st->name);

		/* a layer that is being put back is neither here nor there */
		if (st->state == JAIL_RESTORING || !st->checkpoint || !is_due(e, st, now))
			continue;
		if (e->due < earliest) {
			earliest = e->due;
			next = st;
		}
	}
	if (next)
		begin(t, next);
}

bool tally_get(const struct tally *t, const char *jail, struct tally_counts *out)
{
	const struct entry *e = find(t, jail);

	if (!e || !e->valid)
		return false;
	*out = e->counts;
	return true;
}
