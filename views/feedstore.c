/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/feedstore.h"
#include "core/buf.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK 1024 /* events */

/* As struct event, without what can be computed; paths lie in the block's text, one behind the
 * other. */
struct packed {
	uint64_t seq;
	int64_t time;
	uint64_t bytes;
	uint32_t mode, uid, pid, text;
	int32_t err;
	uint16_t op, class;
	uint16_t path_len, path2_len, comm_len;
};

struct block {
	size_t n;
	struct packed events[BLOCK];
	struct buf text;
};

struct feedstore {
	struct block **blocks; /* oldest first */
	size_t nblocks, cap;
	uint64_t dropped; /* blocks */
	size_t bytes;
};

struct feedstore *feedstore_new(void)
{
	return xcalloc(1, sizeof(struct feedstore));
}

static void block_free(struct block *b)
{
	buf_free(&b->text);
	free(b);
}

void feedstore_free(struct feedstore *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nblocks; i++)
		block_free(s->blocks[i]);
	free(s->blocks);
	free(s);
}

static size_t block_bytes(const struct block *b)
{
	return sizeof(*b) + b->text.cap;
}

static void drop_oldest(struct feedstore *s)
{
	s->bytes -= block_bytes(s->blocks[0]);
	block_free(s->blocks[0]);
	memmove(s->blocks, s->blocks + 1, --s->nblocks * sizeof(*s->blocks));
	s->dropped++;
}

/* The block that takes the next event. */
static struct block *last_block(struct feedstore *s)
{
	struct block *b = s->nblocks ? s->blocks[s->nblocks - 1] : NULL;

	if (b && b->n < BLOCK)
		return b;
	while (s->nblocks > 1 &&
	       (s->nblocks * BLOCK >= FEEDSTORE_EVENTS_MAX || s->bytes >= FEEDSTORE_BYTES_MAX))
		drop_oldest(s);
	if (s->nblocks == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->blocks = xrealloc(s->blocks, s->cap * sizeof(*s->blocks));
	}
	b = xcalloc(1, sizeof(*b));
	s->blocks[s->nblocks++] = b;
	s->bytes += block_bytes(b);
	return b;
}

void feedstore_add(struct feedstore *s, const struct event *ev)
{
	struct block *b = last_block(s);
	struct packed *p = &b->events[b->n++];
	size_t before = b->text.cap;

	*p = (struct packed){.seq = ev->seq,
			     .time = ev->time,
			     .bytes = ev->bytes,
			     .mode = ev->mode,
			     .uid = ev->uid,
			     .pid = ev->pid,
			     .text = (uint32_t)b->text.len,
			     .err = ev->err,
			     .op = ev->op,
			     .class = ev->class,
			     .path_len = (uint16_t)ev->path_len,
			     .path2_len = (uint16_t)ev->path2_len,
			     .comm_len = (uint16_t)ev->comm_len};
	if (ev->path_len)
		buf_add(&b->text, ev->path, p->path_len);
	if (ev->path2_len)
		buf_add(&b->text, ev->path2, p->path2_len);
	if (ev->comm_len)
		buf_add(&b->text, ev->comm, p->comm_len);
	s->bytes += b->text.cap - before;
}

void feedstore_add_lost(struct feedstore *s, uint64_t lost)
{
	struct event ev = {.bytes = lost};

	feedstore_add(s, &ev);
}

uint64_t feedstore_first(const struct feedstore *s)
{
	return s->dropped * BLOCK;
}

uint64_t feedstore_end(const struct feedstore *s)
{
	if (!s->nblocks)
		return s->dropped * BLOCK;
	return (s->dropped + s->nblocks - 1) * BLOCK + s->blocks[s->nblocks - 1]->n;
}

void feedstore_get(const struct feedstore *s, uint64_t pos, struct event *ev)
{
	const struct block *b = s->blocks[pos / BLOCK - s->dropped];
	const struct packed *p = &b->events[pos % BLOCK];

	*ev = (struct event){.seq = p->seq,
			     .time = p->time,
			     .op = p->op,
			     .class = p->class,
			     .err = p->err,
			     .mode = p->mode,
			     .uid = p->uid,
			     .pid = p->pid,
			     .bytes = p->bytes,
			     .path = buf_cstr(&b->text) + p->text,
			     .path_len = p->path_len,
			     .path2 = buf_cstr(&b->text) + p->text + p->path_len,
			     .path2_len = p->path2_len,
			     .comm = buf_cstr(&b->text) + p->text + p->path_len + p->path2_len,
			     .comm_len = p->comm_len};
}

unsigned feedstore_class(const struct feedstore *s, uint64_t pos)
{
	return s->blocks[pos / BLOCK - s->dropped]->events[pos % BLOCK].class;
}

size_t feedstore_bytes(const struct feedstore *s)
{
	return s->bytes;
}
