/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/feedlink.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/loop.h"
#include "views/jobs.h"
#include "views/model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 4096 /* records between two looks at the keys */
#define ALL_CLASSES (EVENT_CHANGE | EVENT_READ | EVENT_DENIED | EVENT_JAIL)

struct feedlink {
	const struct view_env *env;
	struct feedlink_ops ops;
	char jail[JAIL_NAME_MAX + 1];
	struct job *job; /* connecting */
	struct client *client;
	struct loop_fd *watch;
	struct loop_timer *more; /* a full batch was read: there may be more */
	struct ring_reader *ring;
	uint64_t last; /* seq of the last record seen: the next ring goes on there */
	int tag;
};

/* Connecting, in a thread. */
struct reach {
	struct feedlink *link;
	const struct jail_places *places;
	char jail[JAIL_NAME_MAX + 1];
	struct client *client;
};

static void reach_work(struct job *j, void *data)
{
	struct reach *r = data;
	struct jail jail;

	if (jail_open(&jail, r->places, r->jail, NULL))
		return;
	/* no reason is kept: the list of jails says how the jail is */
	if (client_connect(&r->client, &jail, NULL))
		r->client = NULL;
	jail_close(&jail);
}

static void hang_up(struct feedlink *l)
{
	loop_fd_del(l->watch);
	l->watch = NULL;
	client_free(l->client);
	l->client = NULL;
	ring_reader_free(l->ring);
	l->ring = NULL;
	l->ops.news(l->ops.user);
}

static void arm(struct feedlink *l)
{
	uint64_t seq = ring_cursor(l->ring);

	l->last = seq;
	if (client_send(l->client, PROTO_ARM, 0, &seq, sizeof(seq)))
		hang_up(l);
}

/* Reads a batch; arms when there is nothing left. */
static void drain(void *user)
{
	struct feedlink *l = user;
	uint64_t lost = 0;
	struct event ev;
	int n = 0, ret = 0;

	if (!l->ring)
		return;
	while (n < BATCH && (ret = ring_next(l->ring, ALL_CLASSES, &ev, &lost)) == 1) {
		if (lost) {
			l->ops.lost(l->ops.user, lost);
			lost = 0;
		}
		l->ops.event(l->ops.user, &ev);
		n++;
	}
	if (lost)
		l->ops.lost(l->ops.user, lost);
	if (n || lost)
		l->ops.news(l->ops.user);
	if (ret < 0)
		hang_up(l);
	else if (n == BATCH)
		loop_timer_arm(l->more, 0);
	else
		arm(l);
}

static void take_ring(struct feedlink *l, int fd)
{
	l->ring = fd >= 0 ? ring_reader_new(fd) : NULL;
	if (!l->ring) {
		hang_up(l);
		return;
	}
	/* a jail of the same name that was made anew begins with 1 again */
	if (l->last && l->last <= ring_newest(l->ring))
		ring_seek_after(l->ring, l->last);
	drain(l);
}

static void on_message(struct feedlink *l, struct client_msg *m)
{
	if (m->head.type == PROTO_RING && (int)m->head.tag == l->tag && !l->ring)
		take_ring(l, m->fd);
	else if (m->head.type == PROTO_WAKE)
		drain(l);
	else if (m->head.type == PROTO_STATUS)
		model_refresh(l->env->model);
	fd_close(&m->fd);
}

static void on_socket(void *user, int events)
{
	struct feedlink *l = user;
	struct client_msg m;
	int ret = 0;

	while (l->client && (ret = client_next(l->client, &m)) == 1)
		on_message(l, &m);
	if (l->client && ret < 0)
		hang_up(l);
}

static void reach_done(void *data)
{
	struct reach *r = data;
	struct feedlink *l = r->link;

	l->job = NULL;
	if (!r->client)
		return;
	l->client = r->client;
	r->client = NULL;
	l->watch = loop_fd_add(l->env->loop, client_fd(l->client), LOOP_IN, on_socket, l);
	l->tag = client_send_call(l->client, "events", NULL);
	if (!l->watch || l->tag < 0 || client_send_call(l->client, "watch", NULL) < 0)
		hang_up(l);
}

static void reach_drop(void *data)
{
	struct reach *r = data;

	client_free(r->client);
	free(r);
}

static const struct job_ops reach_ops = {
    .work = reach_work, .done = reach_done, .drop = reach_drop};

struct feedlink *feedlink_new(const struct view_env *env, const char *jail,
			      const struct feedlink_ops *ops)
{
	struct feedlink *l = xcalloc(1, sizeof(*l));

	l->env = env;
	l->ops = *ops;
	memcpy(l->jail, jail, sizeof(l->jail));
	l->more = loop_timer_add(env->loop, -1, drain, l);
	return l;
}

void feedlink_free(struct feedlink *l)
{
	if (!l)
		return;
	job_cancel(l->job);
	loop_timer_del(l->more);
	loop_fd_del(l->watch);
	client_free(l->client);
	ring_reader_free(l->ring);
	free(l);
}

void feedlink_tick(struct feedlink *l)
{
	const struct jail_status *st = model_find(l->env->model, l->jail);
	struct reach *r;

	if (l->client || l->job || !st || !st->warden)
		return;
	r = xcalloc(1, sizeof(*r));
	r->link = l;
	r->places = l->env->places;
	memcpy(r->jail, l->jail, sizeof(r->jail));
	l->job = jobs_start(l->env->jobs, &reach_ops, r);
}

bool feedlink_is_up(const struct feedlink *l)
{
	return l->ring != NULL;
}
