/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Content of files as objects, and back (format.h: blobs, chunks, map). */
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INNER 4096u /* chunks in one inner tree */
#define MAP_LIMIT (64u << 20)

struct run {
	uint64_t off, len;
};

struct runs {
	struct run *v;
	size_t n, cap;
};

static void runs_add(struct runs *r, uint64_t off, uint64_t len)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 8;
		r->v = xrealloc(r->v, r->cap * sizeof(*r->v));
	}
	r->v[r->n++] = (struct run){.off = off, .len = len};
}

/* The runs of data of a file; one run of all of it where the file system tells no holes. */
static int runs_find(int fd, uint64_t size, struct runs *r)
{
	off_t at = 0;

	while ((uint64_t)at < size) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;
		if (data < 0 && errno == ENXIO)
			return 0;
		hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0) {
			r->n = 0;
			runs_add(r, 0, size);
			return 0;
		}
		if ((uint64_t)data >= size)
			return 0;
		if ((uint64_t)hole > size)
			hole = (off_t)size;
		runs_add(r, (uint64_t)data, (uint64_t)(hole - data));
		at = hole;
	}
	return 0;
}

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
	git_tree *outer, *inner;       /* its trees; the inner one of the chunks at hand, or NULL */
};

/* True when the chunk of n bytes at off holds data. */
static bool chunk_has_data(struct chunker *c, uint64_t off, size_t n)
{
	while (c->run < c->runs.n && c->runs.v[c->run].off + c->runs.v[c->run].len <= off)
		c->run++;
	return c->run < c->runs.n && c->runs.v[c->run].off < off + n;
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
	return 0;
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

static int store_blob(struct pack *p, int fd, size_t size, struct ent *x, struct err *e)
{
	uint8_t small[16384], *mem = size <= sizeof(small) ? small : xmalloc(size);
	ssize_t got = read_at(fd, mem, size, 0);
	int err = got < 0 ? err_set(e, (int)got, "upper layer: cannot read a file: %s",
				    strerror((int)-got))
			  : pack_add(p, GIT_OBJECT_BLOB, mem, (size_t)got, &x->oid, e);

	x->size = got > 0 ? (uint64_t)got : 0;
	if (mem != small)
		free(mem);
	return err;
}

int content_store(struct pack *p, int fd, const struct stat *st, const struct content_was *was,
		  struct ent *x, struct pace *pace, struct err *e)
{
	struct chunker c = {.p = p,
			    .fd = fd,
			    .size = (uint64_t)st->st_size,
			    .pace = pace,
			    .e = e,
			    .was = was};
	int err = 0;

	x->chunked = false;
	x->size = c.size;
	/* st_blocks cannot rule holes out: it counts the block of the attributes too */
	if (S_ISREG(x->rec.mode) && c.size) {
		err = runs_find(fd, c.size, &c.runs);
		x->chunked = c.size > FORMAT_BLOB_MAX || c.runs.n != 1 || c.runs.v[0].off ||
			     c.runs.v[0].len != c.size;
	}
	if (!err)
		err = x->chunked ? store_chunks(&c, &x->oid)
				 : store_blob(p, fd, (size_t)c.size, x, e);
	x->has_oid = !err;
	free(c.runs.v);
	return err;
}

static bool before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static int read_content(struct pack *p, int dirfd, struct ent *x, const struct content_was *was,
			struct cache *fresh, struct pace *pace, struct err *e)
{
	struct timespec begun;
	struct stat st, after;
	cleanup_fd int fd = -1;
	int err;

	clock_gettime(CLOCK_REALTIME_COARSE, &begun);
	fd = openat(dirfd, x->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return errno == ENOENT ? -ENOENT
				       : err_sys(e, "upper layer: cannot open %s", x->name);
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	err = content_store(p, fd, &st, was, x, pace, e);
	if (err || !fresh || fstat(fd, &after) || !before(&after.st_ctim, &begun))
		return err;
	if (after.st_size == st.st_size && after.st_mtim.tv_nsec == st.st_mtim.tv_nsec &&
	    after.st_ctim.tv_nsec == st.st_ctim.tv_nsec)
		cache_put(fresh, &after, &x->oid, x->chunked,
			  x->plain && !before(&x->st.st_ctim, &after.st_ctim));
	return 0;
}

int content_of(struct repo *r, struct pack *p, int dirfd, struct ent *x, const struct cache *old,
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
	return read_content(p, dirfd, x, NULL, fresh, pace, e);
}

int content_renew(struct repo *r, struct pack *p, int dirfd, struct ent *x, const struct ent *was,
		  const struct touch *t, struct pace *pace, struct err *e)
{
	struct content_was w = {.r = r, .ent = was, .touch = t};
	mode_t type = x->rec.mode & S_IFMT;
	bool known = was && was->has_oid && !(t->flags & TOUCH_WHOLE) &&
		     (was->rec.mode & S_IFMT) == type;

	if (!ent_has_content(x) || (type != S_IFREG && type != S_IFLNK) || !known)
		return content_of(r, p, dirfd, x, NULL, NULL, pace, e);
	if (!t->nranges && (!was->chunked || was->size == x->size)) {
		x->oid = was->oid;
		x->chunked = was->chunked;
		x->has_oid = true;
		return 0;
	}
	return read_content(p, dirfd, x, was->chunked ? &w : NULL, NULL, pace, e);
}
