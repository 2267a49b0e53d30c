/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/dnstcp.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/net/plan.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 53, HEAD = 2 /* bytes of a message's length */, MESSAGE = HEAD + 65535 };

struct half {
	int fd;
	struct loop_fd *watch;
	struct buf in;	/* a message that is not whole yet */
	struct buf out; /* messages for it */
};

struct talk {
	struct talk *next;
	struct dnstcp *d;
	struct half guest, server;
	uint16_t port; /* the guest's */
	int64_t heard; /* ms of CLOCK_MONOTONIC */
};

struct dnstcp {
	struct loop *loop;
	struct judge *judge;
	int listener[2]; /* IPv4, IPv6 */
	struct loop_fd *watch[2];
	struct talk *talks;
	unsigned n;
};

static int socket_of(bool v6)
{
	return socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static socklen_t address(bool v6, const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};

	*out = (struct sockaddr_storage){0};
	if (v6) {
		inet_pton(AF_INET6, text, &a6.sin6_addr);
		memcpy(out, &a6, sizeof(a6));
		return sizeof(a6);
	}
	inet_pton(AF_INET, text, &a4.sin_addr);
	memcpy(out, &a4, sizeof(a4));
	return sizeof(a4);
}

/* One connection */

static void half_close(struct half *h)
{
	loop_fd_del(h->watch);
	fd_close(&h->fd);
	buf_free(&h->in);
	buf_free(&h->out);
}

static void end(struct talk *t)
{
	struct talk **at = &t->d->talks;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->d->n--;
	half_close(&t->guest);
	half_close(&t->server);
	free(t);
}

/* Who does not take what it is sent is not read from either: nothing piles up. */
static void want(struct talk *t)
{
	bool full = t->guest.out.len || t->server.out.len;

	loop_fd_want(t->guest.watch, (t->guest.out.len ? LOOP_OUT : 0) | (full ? 0 : LOOP_IN));
	loop_fd_want(t->server.watch, (t->server.out.len ? LOOP_OUT : 0) | (full ? 0 : LOOP_IN));
}

static bool put(struct half *h)
{
	ssize_t n = h->out.len ? send(h->fd, h->out.p, h->out.len, MSG_NOSIGNAL) : 0;

	if (n > 0)
		buf_eat(&h->out, (size_t)n);
	return n >= 0 || errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
}

/* Takes the whole messages of one side; false: one may not pass, or the side is through. */
static bool take(struct talk *t, struct half *from, struct half *to)
{
	bool asks = from == &t->guest;
	ssize_t n = recv(from->fd, buf_room(&from->in, MESSAGE), MESSAGE, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		return false;
	from->in.len += (size_t)n;
	t->heard = loop_now_ms();
	while (from->in.len >= HEAD) {
		const uint8_t *p = (const uint8_t *)from->in.p;
		size_t len = (size_t)p[0] << 8 | p[1];

		if (from->in.len < HEAD + len)
			break;
		if (asks ? !judge_dns_question(t->d->judge, t->port, p + HEAD, len, t->heard)
			 : !judge_dns_answer(t->d->judge, t->port, p + HEAD, len, t->heard))
			return false;
		buf_add(&to->out, p, HEAD + len);
		buf_eat(&from->in, HEAD + len);
	}
	return true;
}

static void serve(struct talk *t, struct half *h, int events)
{
	struct half *other = h == &t->guest ? &t->server : &t->guest;
	bool ok = true;

	if (events & LOOP_OUT)
		ok = put(h);
	if (ok && (events & LOOP_IN))
		ok = take(t, h, other) && put(other);
	else if (ok && (events & LOOP_HUP))
		ok = false;
	if (ok)
		want(t);
	else
		end(t);
}

static void on_guest(void *user, int events)
{
	struct talk *t = user;

	serve(t, &t->guest, events);
}

static void on_server(void *user, int events)
{
	struct talk *t = user;

	serve(t, &t->server, events);
}

static void begin(struct dnstcp *d, int given, uint16_t port, bool v6)
{
	struct talk *t = xcalloc(1, sizeof(*t));
	struct sockaddr_storage a;
	socklen_t len = address(v6, v6 ? PLAN_DNS6 : PLAN_DNS, &a);

	*t = (struct talk){.next = d->talks,
			   .d = d,
			   .guest.fd = given,
			   .server.fd = socket_of(v6),
			   .port = port,
			   .heard = loop_now_ms()};
	d->talks = t;
	d->n++;
	if (t->server.fd >= 0 &&
	    (!connect(t->server.fd, (struct sockaddr *)&a, len) || errno == EINPROGRESS)) {
		t->guest.watch = loop_fd_add(d->loop, given, LOOP_IN, on_guest, t);
		t->server.watch = loop_fd_add(d->loop, t->server.fd, LOOP_IN, on_server, t);
	}
	if (!t->guest.watch || !t->server.watch)
		end(t);
}

/* The listener */

static void incoming(struct dnstcp *d, bool v6)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	int fd = accept4(d->listener[v6], (struct sockaddr *)&from, &len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	uint16_t port;

	if (fd < 0)
		return;
	/* The port lies at the same place in both families. */
	memcpy(&port, (char *)&from + offsetof(struct sockaddr_in, sin_port), sizeof(port));
	if (d->n >= DNSTCP_MAX)
		close(fd);
	else
		begin(d, fd, ntohs(port), v6);
}

static void on_listener4(void *user, int events)
{
	(void)events;
	incoming(user, false);
}

static void on_listener6(void *user, int events)
{
	(void)events;
	incoming(user, true);
}

static int listen_on(bool v6)
{
	cleanup_fd int fd = socket_of(v6);
	struct sockaddr_storage a;
	socklen_t len = address(v6, v6 ? PLAN_GATEWAY6 : PLAN_GATEWAY, &a);
	int one = 1;

	/* The card is not up yet. */
	if (fd < 0 ||
	    setsockopt(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &one,
		       sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&a, len) || listen(fd, DNSTCP_MAX))
		return -errno;
	return fd_steal(&fd);
}

struct dnstcp *dnstcp_open(struct loop *l, struct judge *j)
{
	struct dnstcp *d = xcalloc(1, sizeof(*d));

	*d = (struct dnstcp){.loop = l, .judge = j};
	for (int v6 = 0; v6 < 2; v6++) {
		d->listener[v6] = listen_on(v6);
		if (d->listener[v6] >= 0)
			d->watch[v6] = loop_fd_add(l, d->listener[v6], LOOP_IN,
						   v6 ? on_listener6 : on_listener4, d);
	}
	if (d->watch[0])
		return d;
	dnstcp_close(d);
	return NULL;
}

void dnstcp_close(struct dnstcp *d)
{
	if (!d)
		return;
	while (d->talks)
		end(d->talks);
	for (int v6 = 0; v6 < 2; v6++) {
		loop_fd_del(d->watch[v6]);
		fd_close(&d->listener[v6]);
	}
	free(d);
}

void dnstcp_tick(struct dnstcp *d, int64_t now)
{
	struct talk *next;

	for (struct talk *t = d ? d->talks : NULL; t; t = next) {
		next = t->next;
		if (now - t->heard > DNSTCP_QUIET_MS)
			end(t);
	}
}
