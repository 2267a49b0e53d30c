/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frontend: the guest's half of a vhost-user device for unit tests: speaks the control messages
 * over a socket, keeps rings in a memfd, and lies on request. Everything runs in the test's own
 * thread: fe_turn lets the device's loop work until nothing is left to do.
 */
#ifndef GAOL_TESTS_FRONTEND_H
#define GAOL_TESTS_FRONTEND_H

#include "core/loop.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FE_NUM 64			/* entries of each ring */
#define FE_SIZE (1 << 20)		/* bytes of guest memory */
#define FE_GPA UINT64_C(0x100000)	/* where it begins for the guest */
#define FE_UVA UINT64_C(0x7f0000000000) /* and in the frontend's own terms */
#define FE_RING 0x4000			/* bytes between the rings */
#define FE_DATA 0x40000			/* the rest is for buffers */
#define FE_TURNS 10000

struct fe {
	struct loop *loop;
	int sock;
	int memfd;
	uint8_t *mem;
	uint64_t features;
	struct {
		int kick, call;
		uint16_t avail, used;
	} q[8];
};

struct fe_msg {
	uint32_t request, flags, size;
	uint8_t payload[512];
} __attribute__((packed));

static inline struct vring_desc *fe_desc(struct fe *f, unsigned q)
{
	return (void *)(f->mem + q * FE_RING);
}

static inline volatile uint16_t *fe_avail(struct fe *f, unsigned q)
{
	return (void *)(f->mem + q * FE_RING + FE_NUM * 16);
}

static inline volatile uint16_t *fe_used(struct fe *f, unsigned q)
{
	return (void *)(f->mem + q * FE_RING + 0x1000);
}

/* A listening socket in a fresh place; the path goes into *at. */
static inline int fe_listen(struct sockaddr_un *at)
{
	char dir[] = "/tmp/gaol-fe-XXXXXX";
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_ptr_nonnull(mkdtemp(dir));
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(at->sun_path, sizeof(at->sun_path), "%s/s", dir);
	ck_assert_int_eq(bind(s, (void *)at, sizeof(*at)), 0);
	ck_assert_int_eq(listen(s, 1), 0);
	return s;
}

static inline void fe_turn(struct fe *f)
{
	for (int i = 0; i < 8; i++)
		loop_once(f->loop, 0);
}

/* Connects and removes the path. */
static inline void fe_connect(struct fe *f, struct loop *l, const struct sockaddr_un *at)
{
	char path[sizeof(at->sun_path)];

	*f = (struct fe){.loop = l, .memfd = -1};
	for (int i = 0; i < 8; i++)
		f->q[i].kick = f->q[i].call = -1;
	f->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(f->sock, (const void *)at, sizeof(*at)), 0);
	unlink(at->sun_path);
	strcpy(path, at->sun_path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	fe_turn(f);
}

static inline void fe_close(struct fe *f)
{
	for (int i = 0; i < 8; i++) {
		if (f->q[i].kick >= 0)
			close(f->q[i].kick);
		if (f->q[i].call >= 0)
			close(f->q[i].call);
	}
	if (f->mem)
		munmap(f->mem, FE_SIZE);
	if (f->memfd >= 0)
		close(f->memfd);
	if (f->sock >= 0)
		close(f->sock);
}

/* Sends one message with nfds copies of fd. */
static inline void fe_send_fds(struct fe *f, uint32_t request, uint32_t flags, const void *p,
			       uint32_t n, const int *fds, int nfds)
{
	struct fe_msg m = {request, flags, n, {0}};
	char control[CMSG_SPACE(32 * sizeof(int))] = {0};
	struct iovec iov = {&m, 12 + n};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n)
		memcpy(m.payload, p, n);
	if (nfds) {
		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	(void)!sendmsg(f->sock, &h, MSG_NOSIGNAL);
	fe_turn(f);
}

static inline void fe_send(struct fe *f, uint32_t request, const void *p, uint32_t n)
{
	fe_send_fds(f, request, 1, p, n, NULL, 0);
}

/* Reads the reply to the last message; its payload's size or -1. */
static inline int fe_reply(struct fe *f, void *p, uint32_t max)
{
	struct fe_msg m;

	if (recv(f->sock, &m, 12, MSG_DONTWAIT) != 12 || m.flags != 5 ||
	    m.size > sizeof(m.payload) ||
	    (m.size && recv(f->sock, m.payload, m.size, MSG_DONTWAIT) != (ssize_t)m.size))
		return -1;
	memcpy(p, m.payload, m.size < max ? m.size : max);
	return (int)m.size;
}

static inline void fe_memory(struct fe *f)
{
	struct {
		uint32_t n, pad;
		uint64_t gpa, size, uva, off;
	} t = {1, 0, FE_GPA, FE_SIZE, FE_UVA, 0};

	f->memfd = memfd_create("guest", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(f->memfd, FE_SIZE), 0);
	f->mem = mmap(NULL, FE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f->memfd, 0);
	fe_send_fds(f, 5, 1, &t, sizeof(t), &f->memfd, 1);
}

static inline void fe_queue(struct fe *f, unsigned q)
{
	uint32_t num[2] = {q, FE_NUM}, base[2] = {q, 0}, on[2] = {q, 1};
	uint64_t at = FE_UVA + q * FE_RING, index = q;
	struct {
		uint32_t index, flags;
		uint64_t desc, used, avail, log;
	} a = {q, 0, at, at + 0x1000, at + FE_NUM * 16, 0};
	int call[2];

	f->q[q].kick = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, call),
			 0);
	f->q[q].call = call[0];
	fe_send_fds(f, 13, 1, &index, 8, &call[1], 1);
	close(call[1]);
	fe_send(f, 8, num, 8);
	fe_send(f, 10, base, 8);
	fe_send(f, 9, &a, sizeof(a));
	fe_send_fds(f, 12, 1, &index, 8, &f->q[q].kick, 1);
	fe_send(f, 18, on, 8);
}

/* The whole way up to enabled queues. want: feature bits to accept of what is offered. */
static inline void fe_up(struct fe *f, unsigned nqueues, uint64_t want)
{
	uint64_t v = 0;

	fe_send(f, 3, NULL, 0);
	fe_send(f, 1, NULL, 0);
	ck_assert_int_eq(fe_reply(f, &v, 8), 8);
	f->features = v & (want | UINT64_C(1) << 32 | UINT64_C(1) << 30);
	fe_send(f, 15, NULL, 0);
	ck_assert_int_eq(fe_reply(f, &v, 8), 8);
	fe_send(f, 16, &v, 8);
	fe_send(f, 2, &f->features, 8);
	fe_memory(f);
	for (unsigned q = 0; q < nqueues; q++)
		fe_queue(f, q);
}

static inline void fe_put_desc(struct fe *f, unsigned q, unsigned i, uint64_t addr, uint32_t len,
			       uint16_t flags, uint16_t next)
{
	fe_desc(f, q)[i] = (struct vring_desc){addr, len, flags, next};
}

static inline void fe_offer(struct fe *f, unsigned q, uint16_t head)
{
	volatile uint16_t *a = fe_avail(f, q);

	a[2 + f->q[q].avail++ % FE_NUM] = head;
	__sync_synchronize();
	a[1] = f->q[q].avail;
}

static inline void fe_kick(struct fe *f, unsigned q)
{
	uint64_t one = 1;

	(void)!write(f->q[q].kick, &one, 8);
	fe_turn(f);
}

/* The next used element: true and its id and length. */
static inline bool fe_take(struct fe *f, unsigned q, uint32_t *id, uint32_t *len)
{
	volatile uint16_t *u = fe_used(f, q);

	if (u[1] == f->q[q].used)
		return false;
	volatile uint32_t *e = (void *)(u + 2);
	e += 2 * (f->q[q].used++ % FE_NUM);
	*id = e[0];
	*len = e[1];
	return true;
}

/* Notifications that came since the last time. */
static inline unsigned fe_calls(struct fe *f, unsigned q)
{
	uint64_t v;
	unsigned n = 0;

	while (read(f->q[q].call, &v, 8) == 8)
		n++;
	return n;
}

/* One request: out bytes at FE_DATA + off readable, in bytes behind them writable. */
static inline void fe_request(struct fe *f, unsigned q, uint32_t off, uint32_t out, uint32_t in)
{
	uint64_t at = FE_GPA + FE_DATA + off;

	if (out)
		fe_put_desc(f, q, 0, at, out, in ? VRING_DESC_F_NEXT : 0, 1);
	if (in)
		fe_put_desc(f, q, out ? 1 : 0, at + out, in, VRING_DESC_F_WRITE, 0);
	fe_offer(f, q, 0);
	fe_kick(f, q);
}

/* True when an honest guest (with EVENT_IDX) would kick for the next buffer it offers. */
static inline bool fe_wants_kick(struct fe *f, unsigned q)
{
	uint16_t event = fe_used(f, q)[2 + FE_NUM * 4], next = (uint16_t)(f->q[q].avail + 1);

	return vring_need_event(event, next, f->q[q].avail);
}

/* Open descriptors of this process. */
static inline int fe_count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
