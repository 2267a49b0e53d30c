/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The warden attacked through the file system device's socket: messages without sense, rings that
 * loop or lie, memory that is taken away, requests without end (QEMU's docs/interop/vhost-user.rst
 * has the messages, virtio 1.2 section 2.7 the rings).
 */
#include "tests/attacks/standin.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MEMORY (1 << 20)
#define GUEST_AT UINT64_C(0x100000)
#define USER_AT UINT64_C(0x7f0000000000)
#define ENTRIES 64
#define USED_AT 0x1000
#define DATA_AT 0x40000
#define QUEUE 1 /* virtio-fs: 0 is the hurried one */
#define SECONDS 20

struct front {
	int sock, mem, kick;
	uint8_t *at;
	uint16_t offered;
};

static void say(const char *what)
{
	dprintf(1, "device: %s\n", what);
}

static int dial(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/f"};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	if (s < 0 || connect(s, (struct sockaddr *)&at, sizeof(at))) {
		dprintf(1, "device: connect: %s\n", strerror(errno));
		return -1;
	}
	return s;
}

static int message(struct front *f, uint32_t request, const void *p, uint32_t n, int fd)
{
	struct {
		uint32_t request, flags, size;
		uint8_t payload[256];
	} __attribute__((packed)) m = {request, 1, n, {0}};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&m, 12 + n};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n)
		memcpy(m.payload, p, n);
	if (fd >= 0) {
		h.msg_control = control;
		h.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(f->sock, &h, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static uint64_t ask(struct front *f, uint32_t request)
{
	uint8_t reply[12 + 8];
	uint64_t v = 0;

	message(f, request, NULL, 0, -1);
	for (size_t n = 0; n < sizeof(reply);) {
		ssize_t got = read(f->sock, reply + n, sizeof(reply) - n);
		if (got <= 0)
			return 0;
		n += (size_t)got;
	}
	memcpy(&v, reply + 12, sizeof(v));
	return v;
}

static void share(struct front *f, uint64_t size)
{
	struct {
		uint32_t n, pad;
		uint64_t gpa, size, uva, off;
	} t = {1, 0, GUEST_AT, size, USER_AT, 0};
	static char zeros[4096];

	f->mem = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	for (int i = 0; i < MEMORY / 4096; i++)
		if (write(f->mem, zeros, sizeof(zeros)) != sizeof(zeros))
			say("no memory");
	f->at = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, f->mem, 0);
	message(f, 5, &t, sizeof(t), f->mem);
}

/* As an honest kernel comes up, until the queue is on. */
static void come_up(struct front *f, uint64_t size)
{
	uint32_t num[2] = {QUEUE, ENTRIES}, base[2] = {QUEUE, 0}, on[2] = {QUEUE, 1};
	uint64_t index = QUEUE, v;
	struct {
		uint32_t index, flags;
		uint64_t desc, used, avail, log;
	} a = {QUEUE, 0, USER_AT, USER_AT + USED_AT, USER_AT + ENTRIES * 16, 0};

	message(f, 3, NULL, 0, -1);
	v = ask(f, 1) & (UINT64_C(1) << 32 | UINT64_C(1) << 30);
	uint64_t protocol = ask(f, 15);
	message(f, 16, &protocol, 8, -1);
	message(f, 2, &v, 8, -1);
	share(f, size);
	f->kick = eventfd(0, 0);
	message(f, 13, &index, 8, eventfd(0, 0));
	message(f, 8, num, 8, -1);
	message(f, 10, base, 8, -1);
	message(f, 9, &a, sizeof(a), -1);
	message(f, 12, &index, 8, f->kick);
	message(f, 18, on, 8, -1);
}

static void offer(struct front *f, uint16_t head)
{
	volatile uint16_t *avail = (void *)(f->at + ENTRIES * 16);
	uint64_t one = 1;

	avail[2 + f->offered++ % ENTRIES] = head;
	__sync_synchronize();
	avail[1] = f->offered;
	if (write(f->kick, &one, 8) != 8)
		say("no kick");
}

static void describe(struct front *f, unsigned i, uint64_t at, uint32_t len, uint16_t flags,
		     uint16_t next)
{
	struct vring_desc d = {at, len, flags, next};

	memcpy(f->at + i * sizeof(d), &d, sizeof(d));
}

/* The warden has had enough of us: the socket ends. Else the time is over. */
static void await_end(struct front *f)
{
	char c;

	while (read(f->sock, &c, 1) > 0)
		;
	say("the warden hung up");
}

static void garbage(struct front *f)
{
	uint32_t noise[64];

	for (unsigned i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		noise[i] = i * 2654435761u;
	while (send(f->sock, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
		;
	await_end(f);
}

/* Requests with an opcode that is none, and names that are none, as fast as the ring takes them. */
static void flood(struct front *f)
{
	struct timespec t0, t;
	unsigned long n = 0;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (unsigned i = 0; i < ENTRIES; i += 2) {
		uint32_t head[10] = {40, 9999 + i};
		memcpy(f->at + DATA_AT + i * 512, head, sizeof(head));
		describe(f, i, GUEST_AT + DATA_AT + i * 512, 40, VRING_DESC_F_NEXT,
			 (uint16_t)(i + 1));
		describe(f, i + 1, GUEST_AT + DATA_AT + i * 512 + 256, 128, VRING_DESC_F_WRITE, 0);
	}
	do {
		volatile uint16_t *used = (void *)(f->at + USED_AT);

		if ((uint16_t)(f->offered - used[1]) < ENTRIES / 2)
			offer(f, (uint16_t)(f->offered % (ENTRIES / 2) * 2));
		clock_gettime(CLOCK_MONOTONIC, &t);
		n++;
	} while (t.tv_sec - t0.tv_sec < SECONDS);
	say("the flood is over");
}

static void again(struct front *f)
{
	/* An answer: the first one has been accepted. */
	ask(f, 1);
	int s = dial();
	say(s < 0 ? "no second connection" : "A SECOND CONNECTION");
}

static void endless(struct front *f)
{
	describe(f, 0, GUEST_AT + DATA_AT, 64, VRING_DESC_F_NEXT, 1);
	describe(f, 1, GUEST_AT + DATA_AT, 64, VRING_DESC_F_NEXT, 0);
	offer(f, 0);
	await_end(f);
}

static void index_lies(struct front *f)
{
	offer(f, 60000);
	await_end(f);
}

static void memory_goes(struct front *f)
{
	describe(f, 0, GUEST_AT + MEMORY * 8, 64, 0, 0);
	offer(f, 0);
	await_end(f);
}

void device_attack(const char *how)
{
	static const struct {
		const char *name;
		uint64_t size; /* of the memory that is told, 0: do not come up */
		void (*fn)(struct front *f);
	} ways[] = {{"garbage", 0, garbage},	  {"again", 0, again},
		    {"endless", MEMORY, endless}, {"index", MEMORY, index_lies},
		    {"flood", MEMORY, flood},	  {"memory", UINT64_C(64) << 20, memory_goes}};
	struct front f = {.sock = dial(), .mem = -1, .kick = -1};

	if (f.sock < 0)
		return;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, how)) {
			if (ways[i].size)
				come_up(&f, ways[i].size);
			ways[i].fn(&f);
		}
}
