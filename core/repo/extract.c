/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Content of files out of objects; the repository may have been tampered with. */
#include "core/buf.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INNER_BITS 12
#define MAP_LIMIT (256u << 20)

struct extract {
	struct repo *r;
	const struct ent *x;
	git_tree *outer, *inner;
	uint64_t inner_at; /* number of inner + 1 */
	void *chunk;
	size_t chunk_n;
	uint64_t chunk_at; /* number of chunk + 1 */
	struct err *e;
};

static int bad(struct extract *ex, const char *why)
{
	return err_set(ex->e, -EPROTO,
		       "checkpoints: %s: content %s: the repository is damaged: see `git fsck`",
		       ex->x->name, why);
}

static void extract_end(struct extract *ex)
{
	free(ex->chunk);
	git_tree_free(ex->inner);
	git_tree_free(ex->outer);
}

/* Loads the chunk with a number; *there is false when it was left out. */
static int chunk_load(struct extract *ex, uint64_t number, bool *there)
{
	uint64_t off = number * FORMAT_CHUNK, left = ex->x->size - off;
	size_t want = left < FORMAT_CHUNK ? (size_t)left : FORMAT_CHUNK;
	const git_tree_entry *te;
	char name[16];

	*there = true;
	if (ex->chunk_at == number + 1)
		return 0;
	if (ex->inner_at != (number >> INNER_BITS) + 1) {
		git_tree_free(ex->inner);
		ex->inner = NULL;
		ex->inner_at = (number >> INNER_BITS) + 1;
		snprintf(name, sizeof(name), "%05x", (unsigned)(number >> INNER_BITS));
		te = git_tree_entry_byname(ex->outer, name);
		if (te && git_tree_lookup(&ex->inner, ex->r->git, git_tree_entry_id(te)))
			return bad(ex, "lacks chunks");
	}
	snprintf(name, sizeof(name), "%03x", (unsigned)(number & ((1u << INNER_BITS) - 1)));
	te = ex->inner ? git_tree_entry_byname(ex->inner, name) : NULL;
	*there = te;
	if (!te)
		return 0;
	free(ex->chunk);
	ex->chunk = NULL;
	ex->chunk_at = 0;
	if (object_read(ex->r, git_tree_entry_id(te), GIT_OBJECT_BLOB, want, &ex->chunk,
			&ex->chunk_n) ||
	    ex->chunk_n != want)
		return bad(ex, "has a wrong chunk");
	ex->chunk_at = number + 1;
	return 0;
}

static int run_each(struct extract *ex, uint64_t off, uint64_t len, content_fn *put, void *user)
{
	while (len) {
		uint64_t number = off / FORMAT_CHUNK;
		size_t from = (size_t)(off % FORMAT_CHUNK), n;
		bool there;
		int err = chunk_load(ex, number, &there);
		if (err)
			return err;
		if (!there)
			return bad(ex, "lacks a chunk");
		n = ex->chunk_n - from < len ? ex->chunk_n - from : (size_t)len;
		err = put(user, off, (char *)ex->chunk + from, n);
		if (err)
			return err;
		off += n;
		len -= n;
	}
	return 0;
}

/* One line of the map: 0 with *off and *len set, or -EPROTO. */
static int map_line(struct extract *ex, char **s, uint64_t min, uint64_t *off, uint64_t *len)
{
	char *end;

	*off = strtoull(*s, &end, 10);
	if (end == *s || *end != ' ')
		return bad(ex, "has a wrong map");
	*s = end + 1;
	*len = strtoull(*s, &end, 10);
	if (end == *s || *end != '\n')
		return bad(ex, "has a wrong map");
	*s = end + 1;
	if (*off < min || *off > ex->x->size || !*len || *len > ex->x->size - *off)
		return bad(ex, "has a wrong map");
	return 0;
}

static int mapped_each(struct extract *ex, const git_oid *map, content_fn *put, void *user)
{
	void *text;
	size_t n;
	uint64_t off = 0, len = 0, at = 0;
	int err = object_read(ex->r, map, GIT_OBJECT_BLOB, MAP_LIMIT, &text, &n);

	if (err)
		return bad(ex, "lacks its map");
	for (char *s = text; s < (char *)text + n && !err; at = off + len) {
		err = map_line(ex, &s, at, &off, &len);
		if (!err)
			err = run_each(ex, off, len, put, user);
	}
	free(text);
	return err;
}

static int whole_blob(struct extract *ex, content_fn *put, void *user)
{
	void *data;
	size_t n;
	int err = object_read(ex->r, &ex->x->oid, GIT_OBJECT_BLOB, FORMAT_BLOB_MAX, &data, &n);

	if (err)
		return bad(ex, err == -ENOENT ? "is missing" : "is no blob of a fitting size");
	err = n ? put(user, 0, data, n) : 0;
	free(data);
	return err;
}

struct content_reader {
	struct extract ex;
	struct ent x;
	struct err err;
	void *blob;
	size_t n;
	bool sparse;
};

int content_open(struct repo *r, const struct ent *x, struct content_reader **out, struct err *e)
{
	struct content_reader *c = xcalloc(1, sizeof(*c));
	int err = 0;

	c->x = *x;
	c->ex = (struct extract){.r = r, .x = &c->x, .e = e};
	if (!x->has_oid)
		err = bad(&c->ex, "is not stored");
	else if (!x->chunked &&
		 object_read(r, &x->oid, GIT_OBJECT_BLOB, FORMAT_BLOB_MAX, &c->blob, &c->n))
		err = bad(&c->ex, "is missing");
	else if (x->chunked && git_tree_lookup(&c->ex.outer, r->git, &x->oid))
		err = bad(&c->ex, "lacks its chunks");
	if (!err && x->chunked)
		c->sparse = git_tree_entry_byname(c->ex.outer, FORMAT_MAP);
	c->x.size = x->chunked ? x->size : c->n;
	c->ex.e = &c->err;
	if (err)
		content_close(c);
	else
		*out = c;
	return err;
}

void content_close(struct content_reader *c)
{
	if (!c)
		return;
	extract_end(&c->ex);
	free(c->blob);
	free(c);
}

uint64_t content_reader_size(const struct content_reader *c)
{
	return c->x.size;
}

ssize_t content_read(struct content_reader *c, uint64_t off, void *p, size_t n)
{
	size_t done = 0;

	if (off >= c->x.size)
		return 0;
	n = n < c->x.size - off ? n : (size_t)(c->x.size - off);
	if (!c->x.chunked) {
		memcpy(p, (char *)c->blob + off, n);
		return (ssize_t)n;
	}
	while (done < n) {
		size_t from = (size_t)(off % FORMAT_CHUNK), k = FORMAT_CHUNK - from;
		bool there;
		if (chunk_load(&c->ex, off / FORMAT_CHUNK, &there) || (!there && !c->sparse))
			return -EPROTO;
		k = k < n - done ? k : n - done;
		if (there)
			memcpy((char *)p + done, (char *)c->ex.chunk + from, k);
		else
			memset((char *)p + done, 0, k);
		done += k;
		off += k;
	}
	return (ssize_t)n;
}

int content_each(struct repo *r, const struct ent *x, content_fn *put, void *user, struct err *e)
{
	struct extract ex = {.r = r, .x = x, .e = e};
	const git_tree_entry *map;
	int err;

	if (!x->has_oid)
		return bad(&ex, "is not stored");
	if (!x->chunked)
		return whole_blob(&ex, put, user);
	if (git_tree_lookup(&ex.outer, r->git, &x->oid))
		return bad(&ex, "lacks its chunks");
	map = git_tree_entry_byname(ex.outer, FORMAT_MAP);
	err = map ? mapped_each(&ex, git_tree_entry_id(map), put, user)
		  : run_each(&ex, 0, x->size, put, user);
	extract_end(&ex);
	return err;
}

int content_size(struct repo *r, const struct ent *x, uint64_t *size)
{
	*size = x->size;
	if (!x->has_oid || x->chunked || (!S_ISREG(x->rec.mode) && !S_ISLNK(x->rec.mode)))
		return 0;
	return object_blob_size(r, &x->oid, size);
}
