/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/ask.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/loop.h"
#include <errno.h>
#include <stdlib.h>

struct ask {
	struct client *client;
	struct loop_fd *watch;
	struct loop_timer *limit;
	char verb[16];
	json_t *args;
	int tag; /* 0: the warden has not said hello yet */
	ask_fn *fn;
	void *user;
};

void ask_cancel(struct ask *a)
{
	if (!a)
		return;
	loop_fd_del(a->watch);
	loop_timer_del(a->limit);
	client_free(a->client);
	json_decref(a->args);
	free(a);
}

static void finish(struct ask *a, const json_t *o, int error)
{
	a->fn(a->user, o, error);
	ask_cancel(a);
}

static void on_limit(void *user)
{
	finish(user, NULL, -ETIMEDOUT);
}

/* True: it is over, a is gone. */
static bool on_message(struct ask *a, const struct client_msg *m)
{
	json_t *o;

	if (m->head.type == PROTO_HELLO && !a->tag) {
		a->tag = client_send_call(a->client, a->verb, json_incref(a->args));
		if (a->tag > 0)
			return false;
		finish(a, NULL, -EPIPE);
		return true;
	}
	if (m->head.type == PROTO_ERROR) {
		finish(a, NULL, -EIO);
		return true;
	}
	if (m->head.type != PROTO_RESULT || (int)m->head.tag != a->tag)
		return false;
	o = proto_json(m->data, m->len);
	finish(a, o, o ? 0 : -EIO);
	json_decref(o);
	return true;
}

static void on_socket(void *user, int events)
{
	struct ask *a = user;
	struct client_msg m;
	int ret;

	while ((ret = client_next(a->client, &m)) == 1) {
		fd_close(&m.fd);
		if (on_message(a, &m))
			return;
	}
	if (ret < 0)
		finish(a, NULL, -EPIPE);
}

struct ask *ask_start(const struct view_env *env, const char *jail, const char *verb,
		      int64_t timeout_ms, ask_fn *fn, void *user)
{
	return ask_call(env, jail, verb, NULL, timeout_ms, fn, user);
}

struct ask *ask_call(const struct view_env *env, const char *jail, const char *verb, json_t *args,
		     int64_t timeout_ms, ask_fn *fn, void *user)
{
	struct ask *a = xcalloc(1, sizeof(*a));

	a->fn = fn;
	a->user = user;
	a->args = args;
	snprintf(a->verb, sizeof(a->verb), "%s", verb);
	if (!client_dial(&a->client, env->places, jail, NULL)) {
		a->watch = loop_fd_add(env->loop, client_fd(a->client), LOOP_IN, on_socket, a);
		a->limit = loop_timer_add(env->loop, timeout_ms, on_limit, a);
	}
	if (a->watch)
		return a;
	ask_cancel(a);
	return NULL;
}
