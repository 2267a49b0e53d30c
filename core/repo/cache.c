/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What files hashed to, so that unchanged ones are not read again: gaol/cache, after git's index.
 *
 * Little-endian: "gaolcach", u32 version 2, u32 CRC-32 of what follows, u64 count, then per inode
 * 56 bytes: ino, size, mtime ns, ctime ns (8 each), 20 bytes hash, u32 flags (1: a tree of chunks;
 * 2: the file has no attribute of gaol's). An entry counts only when all four numbers match, and is
 * kept only when the file's ctime was older than the kernel's clock tick in which reading began: a
 * later write then gives another ctime. The device is left out: upper is one file system, whose
 * number may change with a reboot.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/inside.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAGIC "gaolcach"
#define VERSION 2u
#define HEAD 24u
#define ITEM 56u
#define CACHE_LIMIT (1u << 30)
#define FLAG_CHUNKED 1u
#define FLAG_PLAIN 2u

struct item {
	uint64_t ino, size;
	int64_t mtime, ctime;
	git_oid oid;
	uint32_t flags;
};

struct cache {
	struct item *v; /* open addressing; ino 0 is empty */
	size_t n, cap;
};

static int64_t ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static struct item *slot(struct item *v, size_t cap, uint64_t ino)
{
	size_t i = (size_t)(ino * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (cap - 1);

	while (v[i].ino && v[i].ino != ino)
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static void put(struct cache *c, const struct item *it)
{
	struct item *to;

	if (c->n * 2 >= c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 256;
		struct item *v = xcalloc(cap, sizeof(*v));
		for (size_t i = 0; i < c->cap; i++)
			if (c->v[i].ino)
				*slot(v, cap, c->v[i].ino) = c->v[i];
		free(c->v);
		c->v = v;
		c->cap = cap;
	}
	to = slot(c->v, c->cap, it->ino);
	c->n += !to->ino;
	*to = *it;
}

static uint64_t get64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}

static uint32_t get32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return le32toh(v);
}

static void parse(struct cache *c, const char *p, size_t len)
{
	uint64_t n;

	if (len < HEAD || memcmp(p, MAGIC, 8) || get32(p + 8) != VERSION)
		return;
	n = get64(p + 16);
	if (n > CACHE_LIMIT / ITEM || len != HEAD + n * ITEM ||
	    get32(p + 12) != crc32_z(0, (const Bytef *)p + 16, len - 16))
		return;
	for (p += HEAD; n; n--, p += ITEM) {
		struct item it = {
		    .ino = get64(p),
		    .size = get64(p + 8),
		    .mtime = (int64_t)get64(p + 16),
		    .ctime = (int64_t)get64(p + 24),
		    .flags = get32(p + 52),
		};
		memcpy(it.oid.id, p + 32, GIT_OID_RAWSZ);
		if (it.ino)
			put(c, &it);
	}
}

struct cache *cache_load(int gaolfd)
{
	struct cache *c = xcalloc(1, sizeof(*c));
	struct buf b = {0};

	if (gaolfd >= 0 && !file_read_at(gaolfd, FILE_CACHE, CACHE_LIMIT, &b))
		parse(c, b.p ? b.p : "", b.len);
	buf_free(&b);
	return c;
}

void cache_free(struct cache *c)
{
	if (c)
		free(c->v);
	free(c);
}

/* The inode's item, when it is known with just these times and size; else NULL. */
static const struct item *known(const struct cache *c, const struct stat *st)
{
	const struct item *it = c && c->cap ? slot(c->v, c->cap, st->st_ino) : NULL;

	if (!it || !it->ino || it->size != (uint64_t)st->st_size || it->mtime != ns(&st->st_mtim) ||
	    it->ctime != ns(&st->st_ctim))
		return NULL;
	return it;
}

bool cache_plain(const struct cache *c, const struct stat *st)
{
	const struct item *it = known(c, st);

	return it && it->flags & FLAG_PLAIN;
}

bool cache_get(const struct cache *c, const struct stat *st, git_oid *oid, bool *chunked)
{
	const struct item *it = known(c, st);

	if (!it)
		return false;
	*oid = it->oid;
	*chunked = it->flags & FLAG_CHUNKED;
	return true;
}

void cache_put(struct cache *c, const struct stat *st, const git_oid *oid, bool chunked, bool plain)
{
	struct item it = {
	    .ino = st->st_ino,
	    .size = (uint64_t)st->st_size,
	    .mtime = ns(&st->st_mtim),
	    .ctime = ns(&st->st_ctim),
	    .oid = *oid,
	    .flags = (chunked ? FLAG_CHUNKED : 0) | (plain ? FLAG_PLAIN : 0),
	};

	put(c, &it);
}

static void add64(struct buf *b, uint64_t v)
{
	v = htole64(v);
	buf_add(b, &v, 8);
}

static void add32(struct buf *b, uint32_t v)
{
	v = htole32(v);
	buf_add(b, &v, 4);
}

void cache_save(const struct cache *c, int gaolfd)
{
	struct buf b = {0};
	uint32_t crc;

	buf_str(&b, MAGIC);
	add32(&b, VERSION);
	add32(&b, 0);
	add64(&b, c->n);
	for (size_t i = 0; i < c->cap; i++) {
		const struct item *it = &c->v[i];
		if (!it->ino)
			continue;
		add64(&b, it->ino);
		add64(&b, it->size);
		add64(&b, (uint64_t)it->mtime);
		add64(&b, (uint64_t)it->ctime);
		buf_add(&b, it->oid.id, GIT_OID_RAWSZ);
		add32(&b, it->flags);
	}
	crc = htole32((uint32_t)crc32_z(0, (const Bytef *)b.p + 16, b.len - 16));
	memcpy(b.p + 12, &crc, 4);
	file_replace_at(gaolfd, FILE_CACHE, b.p, b.len, 0600, false);
	buf_free(&b);
}
