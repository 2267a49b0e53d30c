/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/layer/touched.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "gaoltch1"
#define DEPTH_MAX 4096

struct touched {
	struct touch *root;
	struct touch **slot; /* by parent and name */
	size_t slots, n;
	uint64_t epoch;
	bool all;
};

static uint32_t hash_of(const struct touch *dir, const char *name)
{
	uint64_t h = (uint64_t)(uintptr_t)dir * UINT64_C(0x9e3779b97f4a7c15);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

struct touched *touched_new(bool all)
{
	struct touched *t = xcalloc(1, sizeof(*t));

	t->slots = 64;
	t->slot = xcalloc(t->slots, sizeof(struct touch *));
	t->root = xcalloc(1, sizeof(*t->root) + 1);
	t->all = all;
	return t;
}

static void unhash(struct touched *t, struct touch *k)
{
	struct touch **at = &t->slot[k->hash & (t->slots - 1)];

	while (*at != k)
		at = &(*at)->hash_next;
	*at = k->hash_next;
}

/* Frees what is below dir, deepest first and without recursion: a guest chooses the depth. */
static void drop_kids(struct touched *t, struct touch *dir)
{
	struct touch *at = dir;

	while (dir->kids) {
		while (at->kids)
			at = at->kids;
		struct touch *up = at->parent;
		up->kids = at->next;
		up->nkids--;
		unhash(t, at);
		t->n--;
		free(at->ranges);
		free(at);
		at = up;
	}
	t->epoch++;
}

void touched_free(struct touched *t)
{
	if (!t)
		return;
	drop_kids(t, t->root);
	free(t->root);
	free(t->slot);
	free(t);
}

bool touched_is_all(const struct touched *t)
{
	return t->all;
}

void touched_all(struct touched *t)
{
	if (t->all)
		return;
	t->all = true;
	drop_kids(t, t->root);
}

bool touched_is_empty(const struct touched *t)
{
	return !t->all && !t->n && !t->root->flags;
}

size_t touched_count(const struct touched *t)
{
	return t->n;
}

uint64_t touched_epoch(const struct touched *t)
{
	return t->epoch;
}

struct touch *touched_root(struct touched *t)
{
	return t->all ? NULL : t->root;
}

struct touch *touched_find(struct touched *t, struct touch *dir, const char *name)
{
	uint32_t hash = hash_of(dir, name);
	struct touch *k = t->slot[hash & (t->slots - 1)];

	while (k && (k->hash != hash || k->parent != dir || strcmp(k->name, name)))
		k = k->hash_next;
	return k;
}

static void grow(struct touched *t)
{
	size_t slots = t->slots * 2;
	struct touch **slot = xcalloc(slots, sizeof(struct touch *));

	for (size_t i = 0; i < t->slots; i++) {
		for (struct touch *k = t->slot[i], *next; k; k = next) {
			next = k->hash_next;
			k->hash_next = slot[k->hash & (slots - 1)];
			slot[k->hash & (slots - 1)] = k;
		}
	}
	free(t->slot);
	t->slot = slot;
	t->slots = slots;
}

static struct touch *make(struct touched *t, struct touch *dir, const char *name)
{
	size_t n = strlen(name);
	struct touch *k = xcalloc(1, sizeof(*k) + n + 1);

	memcpy(k->name, name, n);
	k->parent = dir;
	k->next = dir->kids;
	dir->kids = k;
	dir->nkids++;
	k->hash = hash_of(dir, name);
	if (t->n++ >= t->slots)
		grow(t);
	k->hash_next = t->slot[k->hash & (t->slots - 1)];
	t->slot[k->hash & (t->slots - 1)] = k;
	return k;
}

static void become_whole(struct touched *t, struct touch *k)
{
	k->flags |= TOUCH_SELF | TOUCH_WHOLE;
	if (k->kids)
		drop_kids(t, k);
	free(k->ranges);
	k->ranges = NULL;
	k->nranges = 0;
}

struct touch *touched_add(struct touched *t, struct touch *dir, const char *name, unsigned flags)
{
	struct touch *k;

	if (t->all || !dir || dir->flags & TOUCH_WHOLE)
		return NULL;
	k = touched_find(t, dir, name);
	if (!k && t->n >= TOUCHED_MAX) {
		touched_all(t);
		return NULL;
	}
	if (!k && dir->nkids >= TOUCHED_DIR_MAX) {
		if (dir == t->root)
			touched_all(t);
		else
			become_whole(t, dir);
		return NULL;
	}
	if (!k)
		k = make(t, dir, name);
	if (flags & TOUCH_WHOLE)
		become_whole(t, k);
	k->flags |= (uint8_t)flags;
	return k;
}

/* Room for one more range, by making the list one range when it is full. */
static void ranges_room(struct touch *f)
{
	if (f->nranges == TOUCHED_RANGES) {
		f->ranges[0].last = f->ranges[f->nranges - 1].last;
		f->nranges = 1;
	}
	if (!(f->nranges & (f->nranges - 1)))
		f->ranges =
		    xrealloc(f->ranges, (f->nranges ? f->nranges * 2U : 1U) * sizeof(*f->ranges));
}

void touched_data(struct touched *t, struct touch *f, uint64_t off, uint64_t end)
{
	uint64_t first = off >> TOUCHED_CHUNK_BITS, last;
	uint16_t i, k;

	end = end > TOUCHED_END ? TOUCHED_END : end;
	if (t->all || !f || f->flags & TOUCH_WHOLE || end <= off)
		return;
	last = (end - 1) >> TOUCHED_CHUNK_BITS;
	/* i: the first range that reaches to it, k: the first that begins behind it */
	for (i = 0; i < f->nranges && f->ranges[i].last + 1 < first; i++)
		;
	for (k = i; k < f->nranges && f->ranges[k].first <= last + 1; k++)
		;
	if (i == k) {
		uint16_t was = f->nranges;
		ranges_room(f);
		if (f->nranges < was) { /* all in one now: it may hold the new one */
			touched_data(t, f, off, end);
			return;
		}
		memmove(f->ranges + i + 1, f->ranges + i, (f->nranges - i) * sizeof(*f->ranges));
		f->ranges[i] = (struct touch_range){.first = first, .last = last};
		f->nranges++;
		return;
	}
	if (f->ranges[i].first > first)
		f->ranges[i].first = first;
	if (f->ranges[k - 1].last > last)
		last = f->ranges[k - 1].last;
	if (f->ranges[i].last < last)
		f->ranges[i].last = last;
	memmove(f->ranges + i + 1, f->ranges + k, (f->nranges - k) * sizeof(*f->ranges));
	f->nranges = (uint16_t)(f->nranges - (k - i - 1));
}

bool touch_has_chunk(const struct touch *f, uint64_t chunk)
{
	size_t lo = 0, hi = f->nranges;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (f->ranges[mid].last < chunk)
			lo = mid + 1;
		else if (f->ranges[mid].first > chunk)
			hi = mid;
		else
			return true;
	}
	return false;
}

/* The next one in depth-first order below root, NULL at the end; *depth follows. */
static const struct touch *step(const struct touch *root, const struct touch *k)
{
	if (k->kids)
		return k->kids;
	while (k != root && !k->next)
		k = k->parent;
	return k == root ? NULL : k->next;
}

/* Recursion as deep as directories may be (LAYER_DEPTH_MAX). */
static void merge_kids(struct touched *t, struct touch *to, const struct touch *from)
{
	for (const struct touch *k = from->kids; k && !t->all; k = k->next) {
		uint64_t epoch = t->epoch;
		struct touch *at = touched_add(t, to, k->name, k->flags);
		for (uint16_t i = 0; at && i < k->nranges; i++)
			touched_data(t, at, k->ranges[i].first << TOUCHED_CHUNK_BITS,
				     (k->ranges[i].last + 1) << TOUCHED_CHUNK_BITS);
		if (at)
			merge_kids(t, at, k);
		/* too many names made a directory WHOLE, perhaps this one or one above */
		if (epoch != t->epoch && (t->all || to->flags & TOUCH_WHOLE))
			return;
	}
}

void touched_merge(struct touched *t, const struct touched *from)
{
	if (from->all)
		touched_all(t);
	if (t->all)
		return;
	t->root->flags |= from->root->flags;
	merge_kids(t, t->root, from->root);
}

static void add_le(struct buf *b, uint64_t v, size_t n)
{
	v = htole64(v);
	buf_add(b, &v, n);
}

void touched_write(const struct touched *t, struct buf *out)
{
	buf_str(out, MAGIC);
	buf_ch(out, t->all);
	add_le(out, t->root->nkids, 4);
	for (const struct touch *k = step(t->root, t->root); k; k = step(t->root, k)) {
		size_t n = strlen(k->name);
		buf_ch(out, (char)k->flags);
		buf_ch(out, (char)n);
		buf_add(out, k->name, n);
		add_le(out, k->nranges, 2);
		for (uint16_t i = 0; i < k->nranges; i++) {
			add_le(out, k->ranges[i].first, 8);
			add_le(out, k->ranges[i].last, 8);
		}
		add_le(out, k->nkids, 4);
	}
}

struct input {
	const unsigned char *p, *end;
	bool bad;
};

static uint64_t get_le(struct input *in, size_t n)
{
	uint64_t v = 0;

	if ((size_t)(in->end - in->p) < n) {
		in->bad = true;
		return 0;
	}
	memcpy(&v, in->p, n);
	in->p += n;
	return le64toh(v);
}

static struct touch *read_one(struct touched *t, struct input *in, struct touch *dir,
			      uint32_t *kids)
{
	unsigned flags = (unsigned)get_le(in, 1);
	size_t n = (size_t)get_le(in, 1), ranges;
	char name[256];
	struct touch *k;

	if (in->bad || !n || (size_t)(in->end - in->p) < n || memchr(in->p, '/', n) ||
	    memchr(in->p, '\0', n))
		return NULL;
	memcpy(name, in->p, n);
	name[n] = '\0';
	in->p += n;
	k = strcmp(name, ".") && strcmp(name, "..") ? touched_add(t, dir, name, flags) : NULL;
	ranges = (size_t)get_le(in, 2);
	for (size_t i = 0; k && i < ranges && !in->bad; i++) {
		uint64_t first = get_le(in, 8), last = get_le(in, 8);
		if (first > last || last >> (63 - TOUCHED_CHUNK_BITS))
			return NULL;
		touched_data(t, k, first << TOUCHED_CHUNK_BITS, (last + 1) << TOUCHED_CHUNK_BITS);
	}
	*kids = (uint32_t)get_le(in, 4);
	return in->bad ? NULL : k;
}

struct touched *touched_read(const void *p, size_t n)
{
	struct input in = {.p = p, .end = (const unsigned char *)p + n};
	struct touched *t = touched_new(false);
	uint32_t *left = xcalloc(DEPTH_MAX, sizeof(*left)); /* kids to come, by depth */
	struct touch *dir = t->root;
	size_t depth = 0;

	in.bad = n < 9 || memcmp(p, MAGIC, 8);
	if (!in.bad) {
		in.p += 8;
		t->all = get_le(&in, 1);
		left[0] = (uint32_t)get_le(&in, 4);
	}
	while (!in.bad && !t->all) {
		if (!left[depth]) {
			if (!depth)
				break;
			depth--;
			dir = dir->parent;
			continue;
		}
		left[depth]--;
		uint32_t kids = 0;
		struct touch *k = read_one(t, &in, dir, &kids);
		in.bad |= !k || (kids && depth + 1 >= DEPTH_MAX);
		if (!in.bad && kids) {
			left[++depth] = kids;
			dir = k;
		}
	}
	free(left);
	if (in.bad || (!t->all && in.p != in.end)) {
		touched_free(t);
		return NULL;
	}
	return t;
}
