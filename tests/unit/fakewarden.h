/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fakewarden: a jail's lock, state file and socket, and a thread that answers status, watch, events
 * and arm as a warden does, with a ring of the test's own. For tests of clients.
 */
#ifndef GAOL_TESTS_UNIT_FAKEWARDEN_H
#define GAOL_TESTS_UNIT_FAKEWARDEN_H

#include "core/fd.h"
#include "core/jail.h"
#include "core/proto.h"
#include "core/ring.h"
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct fakewarden {
	struct jail jail;
	struct jail_status status;
	struct ring *ring;
	int lock, listener, end[2]; /* end: a pipe that is closed to stop the thread */
	pthread_t thread;
	char last_call[64]; /* verb of the last call it does not know; answered with {} */
};

static void fw_answer(struct fakewarden *w, int s, uint32_t tag, const json_t *call)
{
	const char *verb = json_string_value(json_object_get(call, "verb"));
	json_t *o = NULL;

	if (verb && !strcmp(verb, "events")) {
		o = json_pack("{s:I}", "last", (json_int_t)ring_last(w->ring));
		proto_send_json(s, PROTO_RING, tag, o, ring_fd(w->ring));
	} else if (verb && (!strcmp(verb, "watch") || !strcmp(verb, "status"))) {
		o = jail_status_to_json(&w->status);
		proto_send_json(s, PROTO_RESULT, tag, o, -1);
	} else {
		snprintf(w->last_call, sizeof(w->last_call), "%s", verb ? verb : "");
		o = json_object();
		proto_send_json(s, PROTO_RESULT, tag, o, -1);
	}
	json_decref(o);
}

/* Serves one client until it leaves or the test ends. */
static void fw_serve(struct fakewarden *w, int s)
{
	static char buf[PROTO_MAX];
	json_t *hello = json_pack("{s:s, s:o}", "name", w->jail.name, "status",
				  jail_status_to_json(&w->status));
	uint64_t armed = UINT64_MAX;

	proto_send_json(s, PROTO_HELLO, 0, hello, -1);
	json_decref(hello);
	for (;;) {
		struct pollfd pf[] = {{.fd = s, .events = POLLIN},
				      {.fd = w->end[0], .events = POLLIN}};
		struct proto_head h;
		ssize_t n;

		/* the ring is looked at every ms: nobody tells this thread of a push */
		poll(pf, 2, 1);
		if (pf[1].revents)
			return;
		if (armed != UINT64_MAX && ring_last(w->ring) > armed) {
			armed = UINT64_MAX;
			proto_send(s, PROTO_WAKE, 0, NULL, 0, -1);
		}
		if (!pf[0].revents)
			continue;
		n = proto_recv(s, &h, buf, NULL);
		if (n < 0)
			return;
		if (h.type == PROTO_ARM && n == 8)
			memcpy(&armed, buf, 8);
		if (h.type == PROTO_CALL) {
			json_t *call = proto_json(buf, (size_t)n);

			fw_answer(w, s, h.tag, call);
			json_decref(call);
		}
	}
}

static void *fw_thread(void *arg)
{
	struct fakewarden *w = arg;

	for (;;) {
		struct pollfd pf[] = {{.fd = w->listener, .events = POLLIN},
				      {.fd = w->end[0], .events = POLLIN}};

		poll(pf, 2, -1);
		if (pf[1].revents)
			return NULL;
		int s = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);

		if (s >= 0) {
			fw_serve(w, s);
			close(s);
		}
	}
}

static void fw_start(struct fakewarden *w, const struct jail_places *places, const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct err e;

	memset(w, 0, sizeof(*w));
	ck_assert_int_eq(jail_open(&w->jail, places, name, &e), 0);
	w->lock = jail_lock(&w->jail);
	ck_assert_int_ge(w->lock, 0);
	ck_assert_int_eq(jail_status_read(&w->jail, &w->status), 0);
	w->status.state = JAIL_RUNNING;
	w->status.warden = getpid();
	ck_assert_int_eq(jail_status_write(&w->jail, &w->status), 0);
	w->ring = ring_new(RING_SIZE_MIN);
	mkdir(w->jail.run, 0700);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", w->jail.run);
	w->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(w->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(w->listener, 4), 0);
	ck_assert_int_eq(pipe(w->end), 0);
	ck_assert_int_eq(pthread_create(&w->thread, NULL, fw_thread, w), 0);
}

static void fw_stop(struct fakewarden *w)
{
	char path[256];

	close(w->end[1]);
	pthread_join(w->thread, NULL);
	close(w->end[0]);
	close(w->listener);
	snprintf(path, sizeof(path), "%s/sock", w->jail.run);
	unlink(path);
	ring_free(w->ring);
	fd_close(&w->lock);
	jail_close(&w->jail);
}

#endif
