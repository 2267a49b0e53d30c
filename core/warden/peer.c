/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections of clients: their queues, and messages in and out. */
#include "core/fd.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PEERS_MAX 64
#define QUEUE_MAX (16u << 20)
#define MESSAGES_A_TURN 32

struct message {
	struct message *next;
	uint16_t type;
	uint32_t tag;
	int fd;	   /* -1, or ours to close */
	int which; /* 1, 2: output of an exec stream, whose credit returns when it is sent */
	size_t n;
	unsigned char data[];
};

static void peer_ready(void *user, int events);

static void message_free(struct message *m)
{
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

struct peer *peer_find(struct warden *w, uint64_t id)
{
	for (struct peer *p = w->peers; p; p = p->next)
		if (p->id == id)
			return p->dead ? NULL : p;
	return NULL;
}

uint64_t peer_id(const struct peer *p)
{
	return p->id;
}

bool peer_is_clear(const struct peer *p)
{
	return !p->queue;
}

static void peer_bury(struct warden *w)
{
	for (struct peer **at = &w->peers; *at;) {
		struct peer *p = *at;
		if (!p->dead) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
}

bool peer_any(const struct warden *w)
{
	const struct peer *p = w->peers;

	while (p && p->dead)
		p = p->next;
	return p != NULL;
}

static void sweep(void *user)
{
	peer_bury(user);
	console_bury(user);
	warden_maybe_quit(user);
}

void peer_sweep_later(struct warden *w)
{
	if (!w->sweep)
		w->sweep = loop_timer_add(w->loop, 0, sweep, w);
	loop_timer_arm(w->sweep, 0);
}

/* Only closed here: a caller up the stack may still hold p. The sweep frees it. */
void peer_drop(struct warden *w, struct peer *p)
{
	if (p->dead)
		return;
	p->dead = true;
	loop_fd_del(p->watch);
	p->watch = NULL;
	close(p->sock);
	p->sock = -1;
	while (p->queue) {
		struct message *m = p->queue;
		p->queue = m->next;
		message_free(m);
	}
	p->queue_end = &p->queue;
	peer_sweep_later(w);
	warden_peer_gone(w, p->id);
}

void peer_drop_all(struct warden *w)
{
	for (struct peer *p = w->peers; p; p = p->next)
		peer_drop(w, p);
	peer_bury(w);
}

static bool enqueue(struct warden *w, struct peer *p, uint16_t type, uint32_t tag, int which,
		    const void *data, size_t n, int fd)
{
	if (p->queued + n > QUEUE_MAX) {
		warden_log("a client reads too slowly: dropped");
		peer_drop(w, p);
		return false;
	}
	struct message *m = xmalloc(sizeof(*m) + n);
	*m = (struct message){.type = type, .tag = tag, .which = which, .n = n, .fd = -1};
	if (fd >= 0)
		m->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (n)
		memcpy(m->data, data, n);
	*p->queue_end = m;
	p->queue_end = &m->next;
	p->queued += n;
	loop_fd_want(p->watch, LOOP_IN | LOOP_OUT);
	return true;
}

static bool send_or_queue(struct warden *w, struct peer *p, uint16_t type, uint32_t tag, int which,
			  const void *data, size_t n, int fd)
{
	if (p->dead)
		return false;
	if (!p->queue) {
		int ret = proto_send(p->sock, type, tag, data, n, fd);
		if (!ret && which)
			exec_consumed(w, p->id, tag, which, n);
		if (!ret)
			return true;
		if (ret != -EAGAIN) {
			peer_drop(w, p);
			return false;
		}
	}
	return enqueue(w, p, type, tag, which, data, n, fd);
}

bool peer_send(struct warden *w, struct peer *p, uint16_t type, uint32_t tag, const void *data,
	       size_t n, int fd)
{
	return send_or_queue(w, p, type, tag, 0, data, n, fd);
}

bool peer_send_output(struct warden *w, struct peer *p, uint32_t tag, int which, const void *data,
		      size_t n)
{
	return send_or_queue(w, p, which == 2 ? PROTO_EXEC_ERR : PROTO_EXEC_OUT, tag, which, data,
			     n, -1);
}

bool peer_send_json(struct warden *w, struct peer *p, uint16_t type, uint32_t tag, json_t *o,
		    int fd)
{
	char *text = json_dumps(o, JSON_COMPACT);
	bool there = text && peer_send(w, p, type, tag, text, strlen(text), fd);

	free(text);
	return there;
}

static void flush(struct warden *w, struct peer *p)
{
	while (p->queue && !p->dead) {
		struct message *m = p->queue;
		int ret = proto_send(p->sock, m->type, m->tag, m->data, m->n, m->fd);
		if (ret == -EAGAIN)
			return;
		if (ret) {
			peer_drop(w, p);
			return;
		}
		p->queue = m->next;
		if (!p->queue)
			p->queue_end = &p->queue;
		p->queued -= m->n;
		if (m->which)
			exec_consumed(w, p->id, m->tag, m->which, m->n);
		message_free(m);
	}
	if (p->dead)
		return;
	loop_fd_want(p->watch, LOOP_IN);
	if (p->view)
		console_pump(w, p);
}

static void receive(struct warden *w, struct peer *p)
{
	unsigned char *data = xmalloc(PROTO_MAX);

	for (int i = 0; i < MESSAGES_A_TURN && !p->dead; i++) {
		struct proto_head h;
		int fd;
		ssize_t n = proto_recv(p->sock, &h, data, &fd);
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			peer_drop(w, p);
			break;
		}
		warden_message(w, p, &h, data, (size_t)n, fd);
	}
	free(data);
}

static void peer_ready(void *user, int events)
{
	struct peer *p = user;
	struct warden *w = p->warden;

	if (events & LOOP_OUT)
		flush(w, p);
	if (!p->dead && events & (LOOP_IN | LOOP_HUP))
		receive(w, p);
}

/* Only the owner of the jail (or root) may steer: the room is closed to others, this is the second
 * lock. */
static bool may_enter(int sock)
{
	struct ucred u;
	socklen_t n = sizeof(u);

	return !getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &u, &n) &&
	       (u.uid == geteuid() || u.uid == 0);
}

struct peer *peer_adopt(struct warden *w, int sock)
{
	int count = 0;

	for (struct peer *p = w->peers; p; p = p->next)
		count++;
	if (count >= PEERS_MAX || !may_enter(sock)) {
		close(sock);
		return NULL;
	}
	fcntl(sock, F_SETFL, O_NONBLOCK);
	fcntl(sock, F_SETFD, FD_CLOEXEC);
	struct peer *p = xcalloc(1, sizeof(*p));
	*p = (struct peer){.warden = w, .id = ++w->last_peer, .sock = sock, .next = w->peers};
	p->queue_end = &p->queue;
	p->watch = loop_fd_add(w->loop, sock, LOOP_IN, peer_ready, p);
	w->peers = p;
	json_t *o = json_object();
	json_object_set_new(o, "name", json_string(w->jail.name));
	json_object_set_new(o, "status", jail_status_to_json(&w->st));
	peer_send_json(w, p, PROTO_HELLO, 0, o, -1);
	json_decref(o);
	return p;
}

static void incoming(void *user, int events)
{
	struct warden *w = user;
	int sock = accept4(w->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (sock >= 0)
		peer_adopt(w, sock);
}

int peer_listen(struct warden *w, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	cleanup_fd int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", w->jail.run);
	unlink(at.sun_path);
	mode_t old = umask(0177);
	bool bound = s >= 0 && !bind(s, (struct sockaddr *)&at, sizeof(at)) && !listen(s, 16);
	umask(old);
	if (!bound)
		return err_sys(e, "%s: cannot listen", at.sun_path);
	w->listen_fd = fd_steal(&s);
	w->listen_watch = loop_fd_add(w->loop, w->listen_fd, LOOP_IN, incoming, w);
	return 0;
}

void answer(struct warden *w, struct call c, json_t *result)
{
	struct peer *p = peer_find(w, c.peer);

	if (p)
		peer_send_json(w, p, PROTO_RESULT, c.tag, result, -1);
	json_decref(result);
}

void answer_error(struct warden *w, struct call c, int code, const char *fmt, ...)
{
	struct peer *p = peer_find(w, c.peer);
	struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&text, fmt, ap);
	va_end(ap);
	if (p) {
		json_t *o = json_object();
		json_t *s = json_stringn(buf_cstr(&text), text.len);
		json_object_set_new(
		    o, "error",
		    s ? s : json_string("an error with foreign bytes: see the jail's log"));
		json_object_set_new(o, "code", json_integer(code < 0 ? -code : code));
		peer_send_json(w, p, PROTO_ERROR, c.tag, o, -1);
		json_decref(o);
	}
	warden_log("refused: %s", buf_cstr(&text));
	buf_free(&text);
}

void answer_progress(struct warden *w, struct call c, const char *phase, uint64_t done,
		     uint64_t total)
{
	struct peer *p = peer_find(w, c.peer);

	if (!p || !peer_is_clear(p))
		return;
	json_t *o = json_pack("{s:s, s:I, s:I}", "phase", phase, "done", (json_int_t)done, "total",
			      (json_int_t)total);
	peer_send_json(w, p, PROTO_PROGRESS, c.tag, o, -1);
	json_decref(o);
}
