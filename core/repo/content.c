/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Content of files as objects, and back (format.h: blobs, chunks, map). */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/runs.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INNER 4096u /* chunks in one inner tree */
#define MAP_LIMIT (64u << 20)

static ssize_t read_at(int fd, void *p, size_t n, uint64_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, (char *)p + done, n - done, (off_t)(off + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

struct chunker {
	struct pack *p;
	int fd;
	uint64_t size;
	struct runs runs;
	size_t run; /* first one that does not end before the chunk */
	struct pace *pace;
	struct err *e;
	uint8_t *mem;
	const struct content_was *was; /* may be NULL */
	struct sealed *sealed;	       /* NULL: the file does not change */
	uint64_t ino;
	git_tree *outer, *inner;       /* its trees; the inner one of the chunks at hand, or NULL */
};

/* True when the chunk of n bytes at off holds data. */
static bool chunk_has_data(struct chunker *c, uint64_t off, size_t n)
{
	while (c->run < c->runs.n && c->runs.v[c->run].off + c->runs.v[c->run].len <= off)
		c->run++;
	return c->run < c->runs.n && c->runs.v[c->run].off < off + n;
}

/* n bytes at off were read into p: what has changed since is put right. */
static int correct(struct sealed *s, uint64_t ino, uint64_t off, void *p, size_t n)
{
	if (!s)
		return 0;
	return sealed_sync(s) ? sealed_data(s, ino, off, p, n) : -EPROTO;
}

/* Fills mem with the chunk at off, n bytes. */
static int chunk_fill(struct chunker *c, uint64_t off, size_t n)
{
	memset(c->mem, 0, n);
	for (size_t i = c->run; i < c->runs.n && c->runs.v[i].off < off + n; i++) {
		uint64_t from = c->runs.v[i].off > off ? c->runs.v[i].off : off;
		uint64_t end = c->runs.v[i].off + c->runs.v[i].len;
		ssize_t got;
		end = end > off + n ? off + n : end;
		got = read_at(c->fd, c->mem + (from - off), (size_t)(end - from), from);
		if (got < 0)
			return (int)got;
	}
	return correct(c->sealed, c->ino, off, c->mem, n);
}

static int was_open(struct chunker *c)
{
	if (c->was && git_tree_lookup(&c->outer, c->was->r->git, &c->was->ent->oid))
		return repo_git_err(c->e, -EIO, "checkpoints: cannot read a stored file");
	return 0;
}

static int was_inner(struct chunker *c, uint64_t first)
{
	const git_tree_entry *te;
	char name[16];

	git_tree_free(c->inner);
	c->inner = NULL;
	snprintf(name, sizeof(name), "%05x", (unsigned)(first / INNER));
	te = c->outer ? git_tree_entry_byname(c->outer, name) : NULL;
	if (te && git_tree_lookup(&c->inner, c->was->r->git, git_tree_entry_id(te)))
		return repo_git_err(c->e, -EIO, "checkpoints: cannot read a stored file");
	return 0;
}

/*
 * The stored chunk of that number and name, when it is what the file has there now, else NULL: it
 * was not written to, is as long, and holds data. The file system may make zeros of a hole beside
 * what is written, also in the next chunk.
 */
static const git_oid *was_chunk(struct chunker *c, uint64_t number, const char *name, size_t n)
{
	uint64_t off = number * FORMAT_CHUNK, size = c->was ? c->was->ent->size : 0;
	uint64_t len = size > off ? size - off : 0;
	const git_tree_entry *te = c->inner ? git_tree_entry_byname(c->inner, name) : NULL;

	if (!te || (len > FORMAT_CHUNK ? FORMAT_CHUNK : len) != n ||
	    touch_has_chunk(c->was->touch, number))
		return NULL;
	return git_tree_entry_id(te);
}

/* Chunks first to first + INNER into one inner tree; *any: it has entries. */
static int inner_write(struct chunker *c, uint64_t first, git_oid *oid, bool *any)
{
	struct treebuf t = {0};
	int err = was_inner(c, first);

	for (uint64_t i = first; i < first + INNER && i * FORMAT_CHUNK < c->size && !err; i++) {
		uint64_t off = i * FORMAT_CHUNK;
		size_t n = c->size - off < FORMAT_CHUNK ? (size_t)(c->size - off) : FORMAT_CHUNK;
		const git_oid *same;
		git_oid blob;
		char name[8];
		if (!chunk_has_data(c, off, n))
			continue;
		snprintf(name, sizeof(name), "%03x", (unsigned)(i - first));
		same = was_chunk(c, i, name, n);
		err = same ? 0 : chunk_fill(c, off, n);
		if (err)
			err = err_set(c->e, err, "upper layer: cannot read a file: %s",
				      strerror(-err));
		if (!err && c->pace)
			err = pace_step(c->pace, 1);
		if (!err && !same)
			err = pack_add(c->p, GIT_OBJECT_BLOB, c->mem, n, &blob, c->e);
		if (!err)
			treebuf_add(&t, name, false, same ? same : &blob);
	}
	*any = t.n;
	if (!err && *any)
		err = treebuf_write(&t, c->p, oid, c->e);
	treebuf_free(&t);
	return err;
}

static int map_write(struct chunker *c, struct treebuf *t)
{
	struct buf b = {0};
	git_oid oid;
	int err;

	if (c->runs.n == 1 && !c->runs.v[0].off && c->runs.v[0].len == c->size)
		return 0;
	for (size_t i = 0; i < c->runs.n; i++)
		buf_fmt(&b, "%" PRIu64 " %" PRIu64 "\n", c->runs.v[i].off, c->runs.v[i].len);
	err = pack_add(c->p, GIT_OBJECT_BLOB, buf_cstr(&b), b.len, &oid, c->e);
	buf_free(&b);
	if (!err)
		treebuf_add(t, FORMAT_MAP, false, &oid);
	return err;
}

static int store_chunks(struct chunker *c, git_oid *oid)
{
	struct treebuf t = {0};
	int err = was_open(c);

	c->mem = xmalloc(FORMAT_CHUNK);
	for (uint64_t first = 0; first * FORMAT_CHUNK < c->size && !err; first += INNER) {
		git_oid inner;
		char name[16];
		bool any;
		err = inner_write(c, first, &inner, &any);
		snprintf(name, sizeof(name), "%05x", (unsigned)(first / INNER));
		if (!err && any)
			treebuf_add(&t, name, true, &inner);
	}
	if (!err)
		err = map_write(c, &t);
	if (!err)
		err = treebuf_write(&t, c->p, oid, c->e);
	treebuf_free(&t);
	git_tree_free(c->inner);
	git_tree_free(c->outer);
	free(c->mem);
	return err;
}

static int store_blob(struct chunker *c, struct ent *x)
{
	size_t size = (size_t)c->size;
	uint8_t small[16384], *mem = size <= sizeof(small) ? small : xmalloc(size);
	ssize_t got = read_at(c->fd, mem, size, 0);
	int err = got < 0 ? (int)got : 0;

	if (!err && c->sealed) {
		memset(mem + got, 0, size - (size_t)got);
		got = (ssize_t)size;
		err = correct(c->sealed, c->ino, 0, mem, size);
	}
	err = err ? err_set(c->e, err, "upper layer: cannot read a file: %s", strerror(-err))
		  : pack_add(c->p, GIT_OBJECT_BLOB, mem, (size_t)got, &x->oid, c->e);
	x->size = got > 0 ? (uint64_t)got : 0;
	if (mem != small)
		free(mem);
	return err;
}

/* The runs of data, those that were when it was sealed. */
static int find_runs(struct chunker *c)
{
	struct runs was = {0};
	int err = runs_find(c->fd, c->size, 0, &c->runs);

	if (!sealed_sync(c->sealed))
		return err_set(c->e, -EPROTO, "upper layer: its seal is damaged");
	if (sealed_runs(c->sealed, c->ino, &was)) {
		free(c->runs.v);
		c->runs = was;
	}
	return err;
}

int content_store(struct pack *p, int fd, const struct stat *st, struct sealed *s,
		  const struct content_was *was, struct ent *x, struct pace *pace, struct err *e)
{
	struct chunker c = {.p = p,
			    .fd = fd,
			    .size = (uint64_t)st->st_size,
			    .pace = pace,
			    .e = e,
			    .was = was,
			    .sealed = s,
			    .ino = st->st_ino};
	int err = 0;

	x->chunked = false;
	x->size = c.size;
	/* st_blocks cannot rule holes out: it counts the block of the attributes too */
	if (S_ISREG(x->rec.mode) && c.size) {
		err = find_runs(&c);
		x->chunked = c.size > FORMAT_BLOB_MAX || c.runs.n != 1 || c.runs.v[0].off ||
			     c.runs.v[0].len != c.size;
	}
	if (!err)
		err = x->chunked ? store_chunks(&c, &x->oid)
				 : store_blob(&c, x);
	x->has_oid = !err;
	free(c.runs.v);
	return err;
}

static bool before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* May be remembered: read in a later tick than it was changed in, and not changed since. */
static bool is_settled(const struct at *at, int fd, const struct stat *st,
		       const struct timespec *begun)
{
	struct stat after;
	const char *list;
	size_t n;

	if (sealed_inode_was(at->sealed, st->st_ino, &after, &list, &n))
		return false;
	return !fstat(fd, &after) && before(&after.st_ctim, begun) &&
	       after.st_size == st->st_size && !before(&st->st_mtim, &after.st_mtim) &&
	       !before(&after.st_mtim, &st->st_mtim) && !before(&st->st_ctim, &after.st_ctim);
}

static int read_content(struct pack *p, const struct at *at, struct ent *x,
			const struct content_was *was, struct cache *fresh, struct pace *pace,
			struct err *e)
{
	cleanup_fd int fd = at_file(at, x);
	struct timespec begun;
	struct stat st;
	int err;

	clock_gettime(CLOCK_REALTIME_COARSE, &begun);
	if (fd < 0 || fstat(fd, &st))
		return fd == -ENOENT ? -ENOENT
				     : err_set(e, fd == -ESTALE ? -EAGAIN : fd < 0 ? fd : -EIO,
					       "upper layer: cannot open %s", x->name);
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	/* what it was, not what it has become */
	if (at->sealed)
		st = x->st;
	err = content_store(p, fd, &st, at->sealed, was, x, pace, e);
	if (!err && fresh && is_settled(at, fd, &st, &begun))
		cache_put(fresh, &st, &x->oid, x->chunked,
			  x->plain && !before(&x->st.st_ctim, &st.st_ctim));
	return err;
}

int content_of(struct repo *r, struct pack *p, const struct at *at, struct ent *x, const struct cache *old,
	       struct cache *fresh, struct pace *pace, struct err *e)
{
	mode_t type = x->rec.mode & S_IFMT;

	if (!ent_has_content(x) || ent_is_dir(x))
		return 0;
	if (type != S_IFREG && type != S_IFLNK) {
		x->has_oid = true;
		return pack_add(p, GIT_OBJECT_BLOB, "", 0, &x->oid, e);
	}
	if (cache_get(old, &x->st, &x->oid, &x->chunked) &&
	    git_odb_exists_ext(r->odb, &x->oid, GIT_ODB_LOOKUP_NO_REFRESH)) {
		if (fresh)
			cache_put(fresh, &x->st, &x->oid, x->chunked, x->plain);
		x->has_oid = true;
		return 0;
	}
	return read_content(p, at, x, NULL, fresh, pace, e);
}

int content_renew(struct repo *r, struct pack *p, const struct at *at, struct ent *x, const struct ent *was,
		  const struct touch *t, struct pace *pace, struct err *e)
{
	struct content_was w = {.r = r, .ent = was, .touch = t};
	mode_t type = x->rec.mode & S_IFMT;
	bool known = was && was->has_oid && !(t->flags & TOUCH_WHOLE) &&
		     (was->rec.mode & S_IFMT) == type;

	if (!ent_has_content(x) || (type != S_IFREG && type != S_IFLNK) || !known)
		return content_of(r, p, at, x, NULL, NULL, pace, e);
	if (!t->nranges && (!was->chunked || was->size == x->size)) {
		x->oid = was->oid;
		x->chunked = was->chunked;
		x->has_oid = true;
		return 0;
	}
	return read_content(p, at, x, was->chunked ? &w : NULL, NULL, pace, e);
}
