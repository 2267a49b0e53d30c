/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/slirp.h"
#include "core/buf.h"
#include "core/net/gate.h"
#include "core/net/plan.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,		/* frames of one turn */
	FRAME_MAX = 65535 + 18, /* bytes */
	TIMEOUT_MS = 60000,
	NS_PER_MS = 1000000,
};

struct uplink {
	struct loop *loop;
	Slirp *slirp;
	int tap;
	struct loop_fd *watch;
	struct pollfd *fds; /* [0] is the loop's */
	int n, room;
	uint8_t frame[FRAME_MAX];
};

struct timer {
	struct uplink *u;
	SlirpTimerId id;
	void *opaque;
	struct loop_timer *t;
};

/* What libslirp asks of us */

static ssize_t send_packet(const void *p, size_t n, void *user)
{
	struct uplink *u = user;

	/* A full queue drops: libslirp's TCP sends again. */
	ssize_t put = write(u->tap, p, n);
	(void)put;
	return (ssize_t)n;
}

/* What a guest does wrong is not our log's business: it could fill it. */
static void guest_error(const char *text, void *user)
{
	(void)text;
	(void)user;
}

static int64_t clock_ns(void *user)
{
	struct timespec ts;

	(void)user;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void timer_due(void *user)
{
	struct timer *t = user;

	slirp_handle_timer(t->u->slirp, t->id, t->opaque);
}

static void *timer_new(SlirpTimerId id, void *opaque, void *user)
{
	struct uplink *u = user;
	struct timer *t = xcalloc(1, sizeof(*t));

	*t = (struct timer){.u = u, .id = id, .opaque = opaque};
	t->t = loop_timer_add(u->loop, -1, timer_due, t);
	return t;
}

static void timer_free(void *timer, void *user)
{
	struct timer *t = timer;

	(void)user;
	loop_timer_del(t->t);
	free(t);
}

static void timer_mod(void *timer, int64_t expire_ms, void *user)
{
	struct timer *t = timer;
	int64_t left = expire_ms - clock_ns(user) / NS_PER_MS;

	loop_timer_arm(t->t, left > 0 ? left : 0);
}

static void ignore_fd(int fd, void *user)
{
	(void)fd;
	(void)user;
}

static void ignore(void *user)
{
	(void)user;
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_ns,
    .timer_new_opaque = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = ignore_fd,
    .unregister_poll_fd = ignore_fd,
    .notify = ignore,
};

/* The tap */

enum { IP6_AT = 14, SOURCE_AT = IP6_AT + 8, ICMP_AT = IP6_AT + 40, SUM_AT = ICMP_AT + 2 };
enum { TARGET_AT = ICMP_AT + 8, ADVERT = 136, ADVERT_LEN = TARGET_AT + 16 };

static uint32_t add_words(const uint8_t *p, uint32_t sum, uint32_t flip)
{
	for (int i = 0; i < 16; i += 2)
		sum += ((uint32_t)p[i] << 8 | p[i + 1]) ^ flip;
	return sum;
}

/*
 * The namespace's kernel answers for the guest ("proxy"), with its own address as the sender.
 * libslirp learns the sender of an advertisement, not its target, so the sender becomes the target
 * (checksum by RFC 1624).
 */
static void sender_is_target(uint8_t *p, size_t n)
{
	if (n < ADVERT_LEN || p[12] != 0x86 || p[13] != 0xdd || p[IP6_AT + 6] != 58 ||
	    p[ICMP_AT] != ADVERT)
		return;
	uint32_t sum = ~((uint32_t)p[SUM_AT] << 8 | p[SUM_AT + 1]) & 0xffff;
	sum = add_words(p + SOURCE_AT, sum, 0xffff);
	sum = add_words(p + TARGET_AT, sum, 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	memcpy(p + SOURCE_AT, p + TARGET_AT, 16);
	p[SUM_AT] = (uint8_t)(~sum >> 8);
	p[SUM_AT + 1] = (uint8_t)~sum;
}

static void on_tap(void *user, int events)
{
	struct uplink *u = user;

	if (!(events & LOOP_IN)) {
		loop_fd_del(u->watch);
		u->watch = NULL;
		return;
	}
	for (int i = 0; i < BATCH; i++) {
		ssize_t n = read(u->tap, u->frame, sizeof(u->frame));

		if (n <= 0)
			break;
		if (!gate_may_leave(u->frame, (size_t)n))
			continue;
		sender_is_target(u->frame, (size_t)n);
		slirp_input(u->slirp, u->frame, (int)n);
	}
}

/* One turn */

static int add_poll(int fd, int events, void *user)
{
	struct uplink *u = user;
	short want = 0;

	if (u->n == u->room) {
		u->room = u->room ? 2 * u->room : 64;
		u->fds = xrealloc(u->fds, (size_t)u->room * sizeof(u->fds[0]));
	}
	want |= events & SLIRP_POLL_IN ? POLLIN : 0;
	want |= events & SLIRP_POLL_OUT ? POLLOUT : 0;
	want |= events & SLIRP_POLL_PRI ? POLLPRI : 0;
	u->fds[u->n] = (struct pollfd){.fd = fd, .events = want};
	return u->n++;
}

static int get_revents(int i, void *user)
{
	const struct uplink *u = user;
	short r = u->fds[i].revents;

	return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (r & POLLPRI ? SLIRP_POLL_PRI : 0) | (r & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

void uplink_turn(struct uplink *u)
{
	uint32_t timeout = TIMEOUT_MS;

	u->n = 0;
	add_poll(loop_descriptor(u->loop), SLIRP_POLL_IN, u);
	slirp_pollfds_fill(u->slirp, &timeout, add_poll, u);
	int n = poll(u->fds, (nfds_t)u->n,
		     loop_timeout(u->loop, timeout > TIMEOUT_MS ? TIMEOUT_MS : (int)timeout));
	if (n < 0)
		for (int i = 0; i < u->n; i++)
			u->fds[i].revents = 0;
	slirp_pollfds_poll(u->slirp, n < 0, get_revents, u);
	loop_once(u->loop, 0);
}

static int start(struct uplink *u, bool v6)
{
	SlirpConfig c = {.version = 4,
			 .in_enabled = true,
			 .in6_enabled = v6,
			 .vprefix_len = PLAN_NET6_BITS,
			 .if_mtu = PLAN_MTU,
			 .if_mru = PLAN_MTU,
			 .disable_host_loopback = true,
			 .disable_dhcp = true};

	inet_pton(AF_INET, PLAN_NET, &c.vnetwork);
	inet_pton(AF_INET, PLAN_MASK, &c.vnetmask);
	inet_pton(AF_INET, PLAN_HOST, &c.vhost);
	inet_pton(AF_INET, PLAN_DNS, &c.vnameserver);
	inet_pton(AF_INET, PLAN_GUEST, &c.vdhcp_start);
	inet_pton(AF_INET6, PLAN_NET6, &c.vprefix_addr6);
	inet_pton(AF_INET6, PLAN_HOST6, &c.vhost6);
	inet_pton(AF_INET6, PLAN_DNS6, &c.vnameserver6);
	u->slirp = slirp_new(&c, &callbacks, u);
	return u->slirp ? 0 : -EINVAL;
}

struct uplink *uplink_new(struct loop *l, int tap, bool v6, struct err *e)
{
	struct uplink *u = xcalloc(1, sizeof(*u));

	*u = (struct uplink){.loop = l, .tap = tap};
	if (start(u, v6)) {
		err_set(e, -EIO, "network: libslirp does not start");
		free(u);
		return NULL;
	}
	u->watch = loop_fd_add(l, tap, LOOP_IN, on_tap, u);
	if (!u->watch) {
		err_sys(e, "network: its tap cannot be watched");
		uplink_free(u);
		return NULL;
	}
	return u;
}

void uplink_free(struct uplink *u)
{
	if (!u)
		return;
	loop_fd_del(u->watch);
	slirp_cleanup(u->slirp);
	free(u->fds);
	free(u);
}

int uplink_publish(struct uplink *u, const struct publish *p, struct err *e)
{
	struct sockaddr_in h4 = {.sin_family = AF_INET, .sin_port = htons(p->host)};
	struct sockaddr_in g4 = {.sin_family = AF_INET, .sin_port = htons(p->guest)};
	struct sockaddr_in6 h6 = {.sin6_family = AF_INET6, .sin6_port = htons(p->host)};
	struct sockaddr_in6 g6 = {.sin6_family = AF_INET6, .sin6_port = htons(p->guest)};
	bool v6 = p->family == AF_INET6;
	const struct sockaddr *h = v6 ? (struct sockaddr *)&h6 : (struct sockaddr *)&h4;
	const struct sockaddr *g = v6 ? (struct sockaddr *)&g6 : (struct sockaddr *)&g4;
	socklen_t n = v6 ? sizeof(h6) : sizeof(h4);

	memcpy(&h4.sin_addr, p->address, sizeof(h4.sin_addr));
	memcpy(&h6.sin6_addr, p->address, sizeof(h6.sin6_addr));
	inet_pton(AF_INET, PLAN_GUEST, &g4.sin_addr);
	inet_pton(AF_INET6, PLAN_GUEST6, &g6.sin6_addr);
	int flags = (p->udp ? SLIRP_HOSTFWD_UDP : 0) | (v6 ? SLIRP_HOSTFWD_V6ONLY : 0);
	if (slirp_add_hostxfwd(u->slirp, h, n, g, n, flags))
		return err_sys(e, "network: port %u of the host", p->host);
	return 0;
}
