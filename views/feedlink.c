/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/feedlink.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/loop.h"
#include "views/model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 4096 /* records between two looks at the keys */
/* Behind records one rests before arming again: the screen is painted ten times a second, and each
 * arm costs a wake-up. What comes after a silence is there at once. */
#define REST_MS 40
#define ALL_CLASSES (EVENT_CHANGE | EVENT_READ | EVENT_DENIED | EVENT_JAIL | EVENT_NET)

struct feedlink {
	const struct view_env *env;
	struct feedlink_ops ops;
	char jail[JAIL_NAME_MAX + 1];
	struct client *client;
	struct loop_fd *watch;
	struct loop_timer *more; /* a full batch was read: there may be more; or it rests */
	struct ring_reader *ring;
	uint64_t last; /* seq of the last record seen: the next ring goes on there */
	int tag;
};

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
	l->last = ring_cursor(l->ring);
	if (ret < 0)
		hang_up(l);
	else if (n)
		loop_timer_arm(l->more, n == BATCH ? 0 : REST_MS);
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

/* The warden has said hello. */
static void begin(struct feedlink *l)
{
	l->tag = client_send_call(l->client, "events", NULL);
	if (l->tag < 0 || client_send_call(l->client, "watch", NULL) < 0)
		hang_up(l);
}

static void on_message(struct feedlink *l, struct client_msg *m)
{
	if (m->head.type == PROTO_HELLO)
		begin(l);
	else if (m->head.type == PROTO_RING && (int)m->head.tag == l->tag && !l->ring)
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
	if (!l->client || ret >= 0)
		return;
	/* what it recorded last is still there */
	drain(l);
	if (l->client)
		hang_up(l);
}

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
	loop_timer_del(l->more);
	loop_fd_del(l->watch);
	client_free(l->client);
	ring_reader_free(l->ring);
	free(l);
}

void feedlink_tick(struct feedlink *l)
{
	const struct jail_status *st = model_find(l->env->model, l->jail);

	if (l->client || !st || !st->warden ||
	    client_dial(&l->client, l->env->places, l->jail, NULL))
		return;
	l->watch = loop_fd_add(l->env->loop, client_fd(l->client), LOOP_IN, on_socket, l);
	if (!l->watch)
		hang_up(l);
}

void feedlink_since(struct feedlink *l, uint64_t seq)
{
	if (!l->ring)
		l->last = seq;
}

bool feedlink_is_up(const struct feedlink *l)
{
	return l->ring != NULL;
}
