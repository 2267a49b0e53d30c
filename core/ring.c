/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writer's side of a ring. */
#include "core/ring.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/ring_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUB_COUNT 16 /* in rings of middle size: a slow reader loses at least a sixteenth */

/* Linux 5.1; the headers of older systems lack it, their kernels answer EINVAL. */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

struct ring {
	unsigned char *map;
	size_t size;
	size_t sub_size;
	uint64_t sub_mask;
	int fd;
	uint64_t head;	 /* the writer's own numbers: what is in the memory is only told */
	uint64_t seq;	 /* of the newest record */
	size_t used;	 /* bytes of records in the present sub-buffer */
	uint64_t count;	 /* records in it */
	struct sub *sub; /* it */
};

static void store(word *w, uint64_t v)
{
	atomic_store_explicit(w, v, memory_order_release);
}

/* Opens sub-buffer number n: takes its slot away from readers first, then fills in its head. */
static void open_sub(struct ring *r, uint64_t n)
{
	struct sub *s = (struct sub *)(r->map + RING_HEADER + (n & r->sub_mask) * r->sub_size);

	atomic_store_explicit(&s->owner, 0, memory_order_relaxed);
	/* no store of new content may be seen before the one above */
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&s->first, r->seq + 1, memory_order_relaxed);
	atomic_store_explicit(&s->commit, 0, memory_order_relaxed);
	store(&s->owner, n + 1);
	r->sub = s;
	r->head = n;
	r->used = 0;
	r->count = 0;
	store(&((struct header *)r->map)->head, n);
}

/*
 * Seals the size (a reader must not meet SIGBUS) and, where the kernel can, every way of writing
 * but our mapping; the descriptor that is given away is a read-only one.
 */
static int seal(int rw)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW;
	char path[64];
	int ro, guarded;

	guarded = fcntl(rw, F_ADD_SEALS, seals | F_SEAL_FUTURE_WRITE) == 0;
	if (!guarded && fcntl(rw, F_ADD_SEALS, seals) < 0)
		return -1;
	/* without the third seal, whoever could reopen the file could write it */
	if (fchmod(rw, 0400) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", rw);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	if (ro < 0 && guarded) /* no /proc: the seals are wall enough */
		ro = fcntl(rw, F_DUPFD_CLOEXEC, 0);
	return ro;
}

static size_t round_up(size_t size)
{
	size_t n = RING_SIZE_MIN;

	while (n < size && n < RING_SIZE_MAX)
		n *= 2;
	return n;
}

struct ring *ring_new(size_t size)
{
	cleanup_fd int rw = memfd_create("gaol-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t data = round_up(size), total = RING_HEADER + data, sub_size = data / SUB_COUNT;
	struct header *h;
	struct ring *r;
	int ro;

	if (rw < 0 || ftruncate(rw, (off_t)total) < 0)
		return NULL;
	h = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 0);
	if (h == MAP_FAILED)
		return NULL;
	ro = seal(rw);
	if (ro < 0) {
		int keep = errno;

		munmap(h, total);
		errno = keep;
		return NULL;
	}
	if (sub_size < SUB_MIN)
		sub_size = SUB_MIN;
	if (sub_size > SUB_MAX)
		sub_size = SUB_MAX;
	r = xmalloc(sizeof(*r));
	*r = (struct ring){.map = (unsigned char *)h,
			   .size = total,
			   .sub_size = sub_size,
			   .sub_mask = data / sub_size - 1,
			   .fd = ro};
	store(&h->version, RING_VERSION);
	store(&h->sub_size, sub_size);
	store(&h->sub_count, data / sub_size);
	open_sub(r, 0);
	store(&h->magic, RING_MAGIC);
	return r;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	munmap(r->map, r->size);
	fd_close(&r->fd);
	free(r);
}

int ring_fd(const struct ring *r)
{
	return r->fd;
}

uint64_t ring_last(const struct ring *r)
{
	return r->seq;
}

void ring_start_at(struct ring *r, uint64_t seq)
{
	r->seq = seq;
	open_sub(r, 0);
}

uint64_t ring_written(const struct ring *r)
{
	return r->head * r->sub_size + r->used;
}

uint64_t ring_capacity(const struct ring *r)
{
	return (r->sub_mask + 1) * r->sub_size;
}

/* Where put_bytes stands: whole words go out, the last few bytes wait in acc. */
struct sink {
	word *to;
	uint64_t acc;
	unsigned fill; /* bytes in acc, below 8 */
};

static void put_word(word *to, uint64_t v)
{
	atomic_store_explicit(to, v, memory_order_relaxed);
}

static void put_bytes(struct sink *k, const char *p, size_t n)
{
	unsigned char raw[8];

	memcpy(raw, &k->acc, 8);
	while (n) {
		size_t take = 8 - k->fill;

		if (!k->fill && n >= 8) {
			uint64_t v;

			memcpy(&v, p, 8);
			put_word(k->to++, v);
			p += 8;
			n -= 8;
			continue;
		}
		if (take > n)
			take = n;
		memcpy(raw + k->fill, p, take);
		k->fill += (unsigned)take;
		p += take;
		n -= take;
		if (k->fill == 8) {
			memcpy(&k->acc, raw, 8);
			put_word(k->to++, k->acc);
			k->fill = 0;
			memset(raw, 0, 8);
		}
	}
	memcpy(&k->acc, raw, 8);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void ring_push(struct ring *r, const struct event *ev)
{
	size_t n1 = ev->path_len < PATH_MAX ? ev->path_len : PATH_MAX;
	size_t n2 = ev->path2_len < PATH_MAX ? ev->path2_len : PATH_MAX;
	struct record rec = record_of(ev, n1, n2);
	size_t len = rec.len;
	uint64_t raw[RECORD_HEAD / 8];
	struct sink sink = {0};

	rec.seq = r->seq + 1;
	if (!rec.time)
		rec.time = now_ns();
	if (r->used + len > r->sub_size - SUB_HEAD)
		open_sub(r, r->head + 1);
	sink.to = r->sub->data + r->used / 8;
	memcpy(raw, &rec, sizeof(raw));
	for (size_t i = 0; i < RECORD_HEAD / 8; i++)
		put_word(sink.to++, raw[i]);
	if (n1)
		put_bytes(&sink, ev->path, n1);
	if (n2)
		put_bytes(&sink, ev->path2, n2);
	if (rec.comm_len)
		put_bytes(&sink, ev->comm, rec.comm_len);
	if (sink.fill)
		put_word(sink.to, sink.acc);
	r->seq++;
	r->used += len;
	r->count++;
	store(&r->sub->commit, r->count << 32 | r->used);
}
