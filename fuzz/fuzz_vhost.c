/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the control messages of a vhost-user device, with descriptors of every kind, and its
 * queues between them: no descriptor is lost, the end is told once, every call comes back.
 *
 * Input: messages of a request, a byte of flags (0-2: descriptors' kind, 3-4: how many, 5: a wrong
 * header, 6: a small first queue's worth of known good payload), a length and the payload. Request
 * numbers from 32 on kick, push into rings, or send raw bytes.
 */
#include "core/fd.h"
#include "core/vhost.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SIZE ((size_t)65536)
#define GPA UINT64_C(0x100000)
#define UVA UINT64_C(0x7f0000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct world {
	struct loop *loop;
	struct vhost *v;
	struct vhost_chain chain;
	int sock, mem, kick, calls[2];
	uint8_t *map;
	unsigned gone, requests;
};

static bool echo(void *user, unsigned q, struct vhost_chain *c)
{
	struct world *w = user;
	uint8_t bytes[512];
	size_t n = vhost_read(c, 0, bytes, sizeof(bytes));

	w->requests++;
	vhost_push(w->v, q, c->head, (uint32_t)vhost_write(c, 0, bytes, n));
	return true;
}

static void on_kick(void *user, unsigned q)
{
	struct world *w = user;

	vhost_run(w->v, q, 8, &w->chain, echo, w);
}

static void config(void *user, uint8_t *out)
{
	memset(out, 'c', 16);
}

static void on_gone(void *user, bool broken, const char *reason)
{
	struct world *w = user;

	if (w->gone++ || !*reason)
		abort();
}

static const struct vhost_ops ops = {
    .name = "fuzz",
    .nqueues = 2,
    .config_size = 16,
    .config = config,
    .on_kick = on_kick,
    .on_gone = on_gone,
};

static void start(struct world *w)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(sa_family_t); /* a name of the kernel's choice */
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct err e;

	*w = (struct world){.loop = loop_new()};
	if (s < 0 || bind(s, (void *)&at, len) || listen(s, 1))
		abort();
	len = sizeof(at);
	getsockname(s, (void *)&at, &len);
	w->v = vhost_new(w->loop, s, &ops, w, &e);
	w->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!w->v || connect(w->sock, (void *)&at, len))
		abort();
	loop_once(w->loop, 0);
	w->mem = memfd_create("guest", MFD_CLOEXEC);
	if (ftruncate(w->mem, (off_t)SIZE))
		abort();
	w->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, w->mem, 0);
	w->kick = eventfd(0, EFD_CLOEXEC);
	if (w->map == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->calls))
		abort();
}

static void stop(struct world *w)
{
	vhost_free(w->v);
	loop_free(w->loop);
	munmap(w->map, SIZE);
	close(w->sock);
	close(w->mem);
	close(w->kick);
	close(w->calls[0]);
	close(w->calls[1]);
}

static void send_all(struct world *w, const void *head, size_t nhead, const void *p, size_t n,
		     int fd, unsigned nfds)
{
	char control[CMSG_SPACE(16 * sizeof(int))] = {0};
	struct iovec iov[2] = {{(void *)(uintptr_t)head, nhead}, {(void *)(uintptr_t)p, n}};
	struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};
	int fds[16];

	for (int i = 0; i < 16; i++)
		fds[i] = fd;
	if (nfds && fd >= 0) {
		struct cmsghdr *c;
		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	(void)!sendmsg(w->sock, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The payload that an honest guest would send; the fuzzed bytes lie over it. */
static size_t honest(uint8_t *p, unsigned request, unsigned q)
{
	const uint64_t at = UVA + q * 0x2000u;

	switch (request) {
	case 2:
		memcpy(p, &(uint64_t){UINT64_C(1) << 32 | UINT64_C(1) << 30}, 8);
		return 8;
	case 5:
		memcpy(p, &(uint64_t[]){1, GPA, SIZE, UVA, 0}, 40);
		return 40;
	case 8:
		memcpy(p, &(uint32_t[]){q, 16}, 8);
		return 8;
	case 9:
		memcpy(p, &(uint64_t[]){q, at, at + 0x1000, at + 16 * 16, 0}, 40);
		return 40;
	case 10:
	case 11:
		memcpy(p, &(uint32_t[]){q, 0}, 8);
		return 8;
	case 12:
	case 13:
	case 14:
		memcpy(p, &(uint64_t){q}, 8);
		return 8;
	case 16:
		memcpy(p, &(uint64_t){512}, 8);
		return 8;
	case 18:
		memcpy(p, &(uint32_t[]){q, 1}, 8);
		return 8;
	case 24:
		memcpy(p, &(uint32_t[]){0, 16, 0}, 12);
		return 28;
	default:
		return 0;
	}
}

static int pick_fd(struct world *w, unsigned kind)
{
	const int fds[8] = {-1, w->mem, w->kick, w->calls[1], w->calls[0], w->sock, 0, w->mem};

	return fds[kind & 7];
}

static void message(struct world *w, unsigned request, unsigned flags, const uint8_t *p, size_t n)
{
	uint8_t payload[600] = {0};
	uint32_t h[3] = {request, flags & 32 ? (unsigned)n : 1, 0};
	size_t len = 0;
	int fd = pick_fd(w, flags);

	if (flags & 64) {
		len = honest(payload, request, flags >> 7);
		fd = request == 5    ? w->mem
		     : request == 12 ? w->kick
		     : request == 13 ? w->calls[1]
				     : fd;
		/* Three bytes say where in it, and what is different. */
		for (size_t i = 0; i + 2 < n && len; i += 3)
			payload[(p[i] | p[i + 1] << 8) % len] = p[i + 2];
	} else {
		len = n;
		memcpy(payload, p, n);
	}
	h[2] = (uint32_t)len;
	send_all(w, h, sizeof(h), payload, len, fd,
		 flags & 64 ? request == 5 || request == 12 || request == 13 : flags >> 3 & 3);
}

static void other(struct world *w, unsigned what, const uint8_t *p, size_t n)
{
	uint64_t one = 1;
	char bytes[256];

	if (what % 4 == 0) {
		(void)!write(w->kick, &one, 8);
	} else if (what % 4 == 1 && n >= 2) {
		size_t at = (size_t)(p[0] | p[1] << 8) % (SIZE - 256);
		memcpy(w->map + at, p + 2, n - 2);
	} else if (what % 4 == 2) {
		send_all(w, p, n, "", 0, -1, 0);
	} else if (n && p[0] == 0xee) {
		(void)!ftruncate(w->mem, p[0] * 16); /* the guest takes its memory away */
	}
	while (recv(w->sock, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int before = dup(0), after;
	struct world w;

	close(before);
	start(&w);
	for (size_t at = 0; at + 3 <= n;) {
		size_t len = data[at + 2];
		if (len > n - at - 3)
			len = n - at - 3;
		if (data[at] < 32)
			message(&w, data[at], data[at + 1], data + at + 3, len);
		else
			other(&w, data[at], data + at + 3, len);
		loop_once(w.loop, 0);
		at += 3 + len;
	}
	for (int i = 0; i < 4; i++)
		loop_once(w.loop, 0);
	stop(&w);
	after = dup(0);
	close(after);
	if (before != after)
		abort();
	return 0;
}
