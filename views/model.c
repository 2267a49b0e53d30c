/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/model.h"
#include "core/buf.h"
#include "views/jobs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct jail_status *v;
	size_t n, cap;
};

struct model {
	const struct jail_places *places;
	struct jobs *jobs;
	model_changed_fn *changed;
	void *user;
	struct list list;
	bool loaded;
	bool reading; /* a job is under way */
	bool again;   /* somebody asked meanwhile */
};

struct reading {
	struct model *model;
	struct list list;
};

static bool collect(void *user, const struct jail_status *st)
{
	struct list *l = user;

	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = *st;
	return true;
}

static void work(struct job *j, void *data)
{
	struct reading *r = data;

	jail_each(r->model->places, collect, &r->list);
}

static bool same(const struct list *a, const struct list *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->v, b->v, a->n * sizeof(*a->v)));
}

static void done(void *data)
{
	struct reading *r = data;
	struct model *m = r->model;
	bool news = !m->loaded || !same(&m->list, &r->list);
	struct list old = m->list;

	m->list = r->list;
	r->list = old;
	m->loaded = true;
	m->reading = false;
	if (m->again)
		model_refresh(m);
	if (news)
		m->changed(m->user);
}

static void drop(void *data)
{
	struct reading *r = data;

	free(r->list.v);
	free(r);
}

static const struct job_ops reading_ops = {.work = work, .done = done, .drop = drop};

struct model *model_new(const struct jail_places *places, struct jobs *jobs,
			model_changed_fn *changed, void *user)
{
	struct model *m = xcalloc(1, sizeof(*m));

	*m = (struct model){.places = places, .jobs = jobs, .changed = changed, .user = user};
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	free(m->list.v);
	free(m);
}

void model_refresh(struct model *m)
{
	struct reading *r;

	m->again = m->reading;
	if (m->reading)
		return;
	m->reading = true;
	r = xcalloc(1, sizeof(*r));
	r->model = m;
	jobs_start(m->jobs, &reading_ops, r);
}

bool model_loaded(const struct model *m)
{
	return m->loaded;
}

size_t model_count(const struct model *m)
{
	return m->list.n;
}

const struct jail_status *model_at(const struct model *m, size_t i)
{
	return &m->list.v[i];
}

const struct jail_status *model_find(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->list.n; i++)
		if (!strcmp(m->list.v[i].name, name))
			return &m->list.v[i];
	return NULL;
}

const char *model_summary(const struct model *m, char *buf, size_t size)
{
	size_t up = 0;

	for (size_t i = 0; i < m->list.n; i++)
		up += status_is_up(&m->list.v[i]);
	snprintf(buf, size, "%zu jail%s, %zu up", m->list.n, m->list.n == 1 ? "" : "s", up);
	return buf;
}

bool status_is_up(const struct jail_status *st)
{
	switch (st->state) {
	case JAIL_BOOTING:
	case JAIL_RUNNING:
	case JAIL_PAUSED:
	case JAIL_STOPPING:
	case JAIL_SAVING:
	case JAIL_RESTORING:
		return true;
	default:
		return false;
	}
}

enum style status_style(const struct jail_status *st)
{
	switch (st->state) {
	case JAIL_RUNNING:
		return STYLE_GOOD;
	case JAIL_BOOTING:
	case JAIL_PAUSED:
	case JAIL_STOPPING:
	case JAIL_SAVING:
	case JAIL_RESTORING:
		return STYLE_BUSY;
	case JAIL_CRASHED:
	case JAIL_FAILED:
		return STYLE_BAD;
	default:
		return STYLE_DIM;
	}
}
