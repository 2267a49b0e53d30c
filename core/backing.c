/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/backing.h"
#include "core/buf.h"
#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct backing_map { /* struct fuse_backing_map */
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};

#define BACKING_OPEN _IOW(229, 1, struct backing_map) /* FUSE_DEV_IOC_BACKING_OPEN */
#define BACKING_CLOSE _IOW(229, 2, uint32_t)	      /* FUSE_DEV_IOC_BACKING_CLOSE */

enum { BUCKETS_MIN = 64 };

struct open_node {
	struct open_node *next;
	uint64_t node;
	uint32_t opens;
	int32_t id; /* 0: through the cache */
};

struct backing {
	int dev;
	bool refused;
	size_t count;
	size_t nbuckets; /* a power of two */
	struct open_node **bucket;
};

struct backing *backing_new(int dev)
{
	struct backing *b = xcalloc(1, sizeof(*b));

	b->dev = dev;
	b->nbuckets = BUCKETS_MIN;
	b->bucket = xcalloc(b->nbuckets, sizeof(*b->bucket));
	return b;
}

static void unregister(const struct backing *b, int32_t id)
{
	uint32_t number = (uint32_t)id;

	if (id)
		ioctl(b->dev, BACKING_CLOSE, &number);
}

/* 0 when the kernel does not take it. */
static int32_t enroll(struct backing *b, int fd)
{
	struct backing_map map = {.fd = fd};
	int id;

	if (fd < 0 || b->refused)
		return 0;
	id = ioctl(b->dev, BACKING_OPEN, &map);
	if (id > 0)
		return id;
	/* No memory is a matter of the moment; no right, no such call and a stacked file system stay. */
	b->refused = id == 0 || (errno != ENOMEM && errno != ENOSPC && errno != ENFILE);
	return 0;
}

/* The lower half of a node's number is its index in the layer's table: dense, its own hash. */
static struct open_node **place(const struct backing *b, uint64_t node)
{
	struct open_node **p = &b->bucket[(uint32_t)node & (b->nbuckets - 1)];

	while (*p && (*p)->node != node)
		p = &(*p)->next;
	return p;
}

static void grow(struct backing *b)
{
	struct open_node **old = b->bucket;
	size_t n = b->nbuckets;

	b->nbuckets = n * 2;
	b->bucket = xcalloc(b->nbuckets, sizeof(*b->bucket));
	for (size_t i = 0; i < n; i++) {
		for (struct open_node *o = old[i], *next; o; o = next) {
			struct open_node **p = place(b, o->node);

			next = o->next;
			o->next = NULL;
			*p = o;
		}
	}
	free(old);
}

int backing_add(struct backing *b, uint64_t node, int fd)
{
	struct open_node **p = place(b, node), *o = *p;

	if (o) {
		if (o->id && fd < 0)
			return -EBUSY;
		o->opens++;
		return o->id;
	}
	if (b->count >= b->nbuckets) {
		grow(b);
		p = place(b, node);
	}
	o = xcalloc(1, sizeof(*o));
	*o = (struct open_node){.node = node, .opens = 1, .id = enroll(b, fd)};
	*p = o;
	b->count++;
	return o->id;
}

void backing_del(struct backing *b, uint64_t node)
{
	struct open_node **p = place(b, node), *o = *p;

	if (!o || --o->opens)
		return;
	*p = o->next;
	unregister(b, o->id);
	free(o);
	b->count--;
}

void backing_attr_stale(const struct backing *b, uint64_t node)
{
	struct {
		struct fuse_out_header head;
		struct fuse_notify_inval_inode_out body;
	} note = {
	    .head = {.len = sizeof(note), .error = FUSE_NOTIFY_INVAL_INODE},
	    .body = {.ino = node, .off = -1}, /* no pages */
	};

	/* It may have forgotten the inode already. */
	if (write(b->dev, &note, sizeof(note)) < 0)
		return;
}

size_t backing_count(const struct backing *b)
{
	return b->count;
}

void backing_free(struct backing *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->nbuckets; i++) {
		for (struct open_node *o = b->bucket[i], *next; o; o = next) {
			next = o->next;
			unregister(b, o->id);
			free(o);
		}
	}
	free(b->bucket);
	free(b);
}
