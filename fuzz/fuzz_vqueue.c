/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the walk over virtqueues in memory that another processor changes meanwhile: every segment
 * lies in guest memory, sums are right, and every call comes back.
 *
 * Input: a flag byte, then patches of 7 bytes (u8 kind, u16 offset, u32 value): even kinds before,
 * odd kinds again and again by a second thread. Bit 1: the offset counts in descriptors.
 */
#include "core/fd.h"
#include "core/vqueue.h"
#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE ((size_t)65536)
#define GPA UINT64_C(0x100000)
#define UVA UINT64_C(0x7f0000000000)
#define PATCH 7
#define NUM 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct other {
	volatile uint8_t *mem;
	const uint8_t *data;
	size_t n;
	atomic_bool stop;
	atomic_uint rounds;
};

static size_t place(const uint8_t *p)
{
	size_t off = (size_t)p[1] | (size_t)p[2] << 8;

	if (p[0] & 2)
		off = off % (NUM * 16 + 64) & ~(size_t)1;
	return off % (SIZE - 4);
}

static void apply(volatile uint8_t *mem, const uint8_t *p)
{
	size_t off = place(p);

	for (int i = 0; i < (p[0] & 4 ? 2 : 4); i++)
		mem[off + (size_t)i] = p[3 + i];
}

static void *meddle(void *user)
{
	struct other *o = user;

	while (!atomic_load(&o->stop)) {
		for (size_t at = 0; at + PATCH <= o->n; at += PATCH)
			if (o->data[at] & 1)
				apply(o->mem, o->data + at);
		/* And an index that runs on, so that there is something to take. */
		o->mem[NUM * 16 + 2]++;
		atomic_fetch_add(&o->rounds, 1);
	}
	return NULL;
}

/* A ring that is right: NUM chains of one readable and one writable descriptor. */
static void furnish(uint8_t *mem)
{
	struct vring_desc *d = (void *)mem;
	uint16_t *avail = (void *)(mem + NUM * 16);

	for (uint16_t i = 0; i < NUM; i++) {
		d[i] = (struct vring_desc){GPA + 0x4000 + i * 256u, 128,
					   i % 2 ? VRING_DESC_F_WRITE : VRING_DESC_F_NEXT,
					   (uint16_t)(i + 1)};
		avail[2 + i] = (uint16_t)(i & ~1);
	}
	avail[1] = 3;
}

static void check(const struct vhost_chain *c, const uint8_t *mem)
{
	size_t sum[2] = {0};
	unsigned touched = 0;

	if (c->nread + c->nwrite > VHOST_SEGMENTS)
		abort();
	for (unsigned i = 0; i < c->nread + c->nwrite; i++) {
		const uint8_t *p = c->iov[i].iov_base;
		size_t len = c->iov[i].iov_len;
		if (!len || p < mem || len > SIZE || p > mem + SIZE - len)
			abort();
		touched += p[0] + (unsigned)p[len - 1];
		sum[i >= c->nread] += len;
	}
	if (sum[0] != c->read_len || sum[1] != c->write_len || touched == ~0u)
		abort();
}

static void run(struct vqueue *r, const struct vmem *m, const uint8_t *mem, unsigned flags)
{
	static struct vhost_chain c;
	const char *why = NULL;

	for (int i = 0; i < 60; i++) {
		int got = vqueue_pop(r, m, &c, &why);
		if (got < 0 && (!why || !*why))
			abort();
		if (got == 1) {
			check(&c, mem);
			vqueue_push(r, c.head, (uint32_t)c.write_len);
		}
		if (got < 0) /* a broken ring stays so for the device; here the next try goes on */
			r->last_avail++;
		vqueue_should_notify(r);
		vqueue_quiet(r, i & 1);
		vqueue_pending(r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_fd int fd = memfd_create("guest", MFD_CLOEXEC);
	struct vqueue r = {.num = NUM};
	struct other o = {.data = data + 1, .n = n ? n - 1 : 0};
	struct vmem m = {0};
	bool threaded = false;
	pthread_t t;
	struct err e;

	if (n < 1 || fd < 0 || ftruncate(fd, (off_t)SIZE))
		return 0;
	if (vmem_add(&m, fd, GPA, SIZE, UVA, 0, &e))
		abort();
	uint8_t *mem = vmem_at(&m, GPA, SIZE);
	furnish(mem);
	r.event_idx = data[0] & 1;
	r.indirect = data[0] & 2;
	for (size_t at = 0; at + PATCH <= o.n; at += PATCH) {
		if (o.data[at] & 1)
			threaded = true;
		else
			apply(mem, o.data + at);
	}
	if (vqueue_place(&r, &m, UVA, UVA + NUM * 16, UVA + 0x1000))
		abort();
	r.enabled = true;
	o.mem = mem;
	if (threaded && pthread_create(&t, NULL, meddle, &o))
		abort();
	while (threaded && !atomic_load(&o.rounds))
		;
	run(&r, &m, mem, data[0]);
	atomic_store(&o.stop, true);
	if (threaded)
		pthread_join(t, NULL);
	vmem_clear(&m);
	return 0;
}
