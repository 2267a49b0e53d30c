/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader's side of a ring: every number in the memory is the writer's claim, no more. */
#include "core/buf.h"
#include "core/ring.h"
#include "core/ring_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SCAN_MAX 65536 /* records that one call passes over */
#define RESYNC_MAX 64  /* tries to overtake a writer that laps us */

struct ring_reader {
	const unsigned char *map;
	size_t size;
	size_t sub_size;
	uint64_t sub_count;
	uint64_t sub;  /* cursor: number of a sub-buffer, */
	size_t off;    /* bytes of its records passed, */
	uint64_t want; /* seq that must come next; 0: whatever comes */
	bool broken;
	uint64_t copy[(2 * PATH_MAX + EVENT_COMM_MAX + 1) / 8];
};

static uint64_t load(const word *w)
{
	return atomic_load_explicit(w, memory_order_acquire);
}

static bool power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

struct ring_reader *ring_reader_new(int fd)
{
	const struct header *h;
	struct ring_reader *rr;
	struct stat st;
	uint64_t sub_size, count;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK)) {
		errno = EPROTO;
		return NULL;
	}
	if (fstat(fd, &st) < 0)
		return NULL;
	if (st.st_size < RING_HEADER + RING_SIZE_MIN || st.st_size > RING_HEADER + RING_SIZE_MAX) {
		errno = EPROTO;
		return NULL;
	}
	h = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (h == MAP_FAILED)
		return NULL;
	sub_size = load(&h->sub_size);
	count = load(&h->sub_count);
	if (load(&h->magic) != RING_MAGIC || load(&h->version) != RING_VERSION ||
	    !power_of_two(sub_size) || sub_size < SUB_MIN || sub_size > SUB_MAX ||
	    !power_of_two(count) || count != (uint64_t)(st.st_size - RING_HEADER) / sub_size ||
	    count * sub_size != (uint64_t)(st.st_size - RING_HEADER)) {
		munmap((void *)h, (size_t)st.st_size);
		errno = EPROTO;
		return NULL;
	}
	rr = xmalloc(sizeof(*rr));
	*rr = (struct ring_reader){.map = (const unsigned char *)h,
				   .size = (size_t)st.st_size,
				   .sub_size = sub_size,
				   .sub_count = count};
	ring_seek_oldest(rr);
	return rr;
}

void ring_reader_free(struct ring_reader *rr)
{
	if (!rr)
		return;
	munmap((void *)rr->map, rr->size);
	free(rr);
}

static const struct sub *sub_of(const struct ring_reader *rr, uint64_t n)
{
	return (const struct sub *)(rr->map + RING_HEADER +
				    (n & (rr->sub_count - 1)) * rr->sub_size);
}

static uint64_t head_of(const struct ring_reader *rr)
{
	return load(&((const struct header *)rr->map)->head);
}

/* What the head of a sub-buffer says, taken while it was number n's. */
struct sub_view {
	uint64_t first;
	uint64_t count;
	size_t used;
};

/* True when everything loaded from s since its owner was checked belongs to number n. */
static bool still_owned(const struct sub *s, uint64_t n)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&s->owner, memory_order_relaxed) == n + 1;
}

/* 1 with *v filled, 0 when the slot is not (or no longer) number n's, -EPROTO for nonsense. */
static int view_sub(const struct ring_reader *rr, uint64_t n, struct sub_view *v)
{
	const struct sub *s = sub_of(rr, n);
	uint64_t commit;

	if (load(&s->owner) != n + 1)
		return 0;
	v->first = atomic_load_explicit(&s->first, memory_order_relaxed);
	commit = load(&s->commit);
	if (!still_owned(s, n))
		return 0;
	v->count = commit >> 32;
	v->used = commit & UINT32_MAX;
	if (v->used > rr->sub_size - SUB_HEAD || v->used % 8 || v->count > v->used / RECORD_HEAD ||
	    !v->first || v->first + v->count < v->first)
		return -EPROTO;
	return 1;
}

/*
 * Puts the cursor at the start of the oldest whole sub-buffer. The writer may take it away
 * meanwhile, so this tries a few times; the newest one is the last resort.
 */
static int resync(struct ring_reader *rr)
{
	struct sub_view v;

	for (int i = 0; i < RESYNC_MAX; i++) {
		uint64_t head = head_of(rr);
		uint64_t n = head >= rr->sub_count - 1 ? head - (rr->sub_count - 1) : 0;
		int ret;

		if (i >= RESYNC_MAX / 2)
			n = head;
		ret = view_sub(rr, n, &v);
		if (ret < 0)
			return ret;
		if (!ret && i < RESYNC_MAX / 2 && n < head)
			ret = view_sub(rr, ++n, &v);
		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		rr->sub = n;
		rr->off = 0;
		return 1;
	}
	return 0;
}

static void take_words(void *to, const word *from, size_t n)
{
	unsigned char *p = to;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = atomic_load_explicit(from++, memory_order_relaxed);

		memcpy(p + i, &v, 8);
	}
}

/*
 * Copies the record under the cursor (v: its sub-buffer) into *rec and rr->copy. 1, 0 when the
 * sub-buffer was taken away meanwhile, -EPROTO for nonsense. Nothing is judged before it is known
 * to be whole, and no number is used before it is judged against the bounds of the copy.
 */
static int take_record(struct ring_reader *rr, const struct sub_view *v, struct record *rec)
{
	const struct sub *s = sub_of(rr, rr->sub);
	size_t room = v->used - rr->off;

	if (room < RECORD_HEAD)
		return still_owned(s, rr->sub) ? -EPROTO : 0;
	take_words(rec, s->data + rr->off / 8, RECORD_HEAD);
	if (!record_fits(rec, room))
		return still_owned(s, rr->sub) ? -EPROTO : 0;
	take_words(rr->copy, s->data + (rr->off + RECORD_HEAD) / 8, rec->len - RECORD_HEAD);
	return still_owned(s, rr->sub) ? 1 : 0;
}

/* One step: 1 with a record, 0 at the end, 2 when the cursor moved on, -EPROTO. */
static int step(struct ring_reader *rr, struct record *rec, uint64_t *lost)
{
	/* loaded first: when it is beyond our sub-buffer, commit there is final */
	uint64_t head = head_of(rr);
	struct sub_view v;
	int ret = view_sub(rr, rr->sub, &v);

	if (ret > 0 && rr->off >= v.used) {
		if (head <= rr->sub)
			return 0;
		rr->sub++;
		rr->off = 0;
		return 2;
	}
	if (ret > 0)
		ret = take_record(rr, &v, rec);
	if (!ret) {
		ret = resync(rr);
		return ret > 0 ? 2 : ret;
	}
	if (ret < 0)
		return ret;
	if (!rec->seq || rec->seq == UINT64_MAX || rec->seq < rr->want)
		return -EPROTO;
	if (rr->want && lost)
		*lost += rec->seq - rr->want;
	rr->want = rec->seq + 1;
	rr->off += rec->len;
	return 1;
}

int ring_next(struct ring_reader *rr, unsigned classes, struct event *ev, uint64_t *lost)
{
	struct record rec;

	for (int i = 0; i < SCAN_MAX && !rr->broken; i++) {
		int ret = step(rr, &rec, lost);

		if (ret < 0)
			rr->broken = true;
		if (!ret)
			return 0;
		if (ret == 1 && (rec.class & classes)) {
			*ev = record_event(&rec, (const char *)rr->copy);
			return 1;
		}
	}
	return rr->broken ? -EPROTO : 0;
}

uint64_t ring_cursor(const struct ring_reader *rr)
{
	return rr->want ? rr->want - 1 : 0;
}

uint64_t ring_newest(const struct ring_reader *rr)
{
	struct sub_view v;

	for (int i = 0; i < RESYNC_MAX; i++) {
		int ret = view_sub(rr, head_of(rr), &v);

		if (ret)
			return ret > 0 ? v.first + v.count - 1 : 0;
	}
	return 0;
}

void ring_seek_oldest(struct ring_reader *rr)
{
	struct sub_view v;

	rr->want = 0;
	for (int i = 0; i < RESYNC_MAX; i++) {
		int ret = resync(rr);

		if (ret > 0)
			ret = view_sub(rr, rr->sub, &v);
		if (ret > 0)
			rr->want = v.first;
		if (ret < 0)
			rr->broken = true;
		if (ret)
			return;
	}
}

void ring_seek_newest(struct ring_reader *rr)
{
	struct sub_view v;

	for (int i = 0; i < RESYNC_MAX; i++) {
		uint64_t head = head_of(rr);
		int ret = view_sub(rr, head, &v);

		if (ret < 0)
			rr->broken = true;
		if (ret > 0) {
			rr->sub = head;
			rr->off = v.used;
			rr->want = v.first + v.count;
		}
		if (ret)
			return;
	}
}

void ring_seek_after(struct ring_reader *rr, uint64_t seq)
{
	struct sub_view v;
	struct record rec;
	uint64_t last;

	ring_seek_newest(rr);
	last = ring_cursor(rr);
	if (seq >= last)
		return;
	ring_seek_oldest(rr);
	/* whole sub-buffers first, by the number that the next one begins with */
	while (rr->sub < head_of(rr) && view_sub(rr, rr->sub + 1, &v) > 0 && v.first <= seq + 1) {
		rr->sub++;
		rr->off = 0;
		rr->want = v.first;
	}
	for (int i = 0; i < SCAN_MAX && rr->want && rr->want <= seq && !rr->broken; i++) {
		int ret = step(rr, &rec, NULL);

		if (ret < 0)
			rr->broken = true;
		if (!ret)
			break;
	}
	/* what is gone between seq and the cursor counts as lost at the next record */
	if (rr->want > seq + 1)
		rr->want = seq + 1;
}

bool ring_pending(const struct ring_reader *rr)
{
	struct sub_view v;
	int ret = view_sub(rr, rr->sub, &v);

	if (rr->broken || ret < 0)
		return false;
	return !ret || rr->off < v.used || head_of(rr) > rr->sub;
}
