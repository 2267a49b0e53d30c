/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building git trees: raw, and of a directory of the layer (format.h). */
#include "core/buf.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include "core/repo/name.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tree_item {
	char *name;
	bool is_tree;
	git_oid oid;
};

void treebuf_add(struct treebuf *t, const char *name, bool is_tree, const git_oid *oid)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		t->v = xrealloc(t->v, t->cap * sizeof(*t->v));
	}
	t->v[t->n++] = (struct tree_item){.name = xstrdup(name), .is_tree = is_tree, .oid = *oid};
}

/* git's order: a tree's name sorts as if it ended in a slash. */
static int item_cmp(const void *pa, const void *pb)
{
	const struct tree_item *a = pa, *b = pb;
	size_t na = strlen(a->name), nb = strlen(b->name), n = na < nb ? na : nb;
	int c = memcmp(a->name, b->name, n);
	unsigned char ca, cb;

	if (c)
		return c;
	ca = na > n ? (unsigned char)a->name[n] : a->is_tree ? '/' : 0;
	cb = nb > n ? (unsigned char)b->name[n] : b->is_tree ? '/' : 0;
	return ca < cb ? -1 : ca > cb;
}

int treebuf_write(struct treebuf *t, struct pack *p, git_oid *oid, struct err *e)
{
	struct buf b = {0};
	int err;

	if (t->n > 1)
		qsort(t->v, t->n, sizeof(*t->v), item_cmp);
	for (size_t i = 0; i < t->n; i++) {
		buf_str(&b, t->v[i].is_tree ? "40000 " : "100644 ");
		buf_add(&b, t->v[i].name, strlen(t->v[i].name) + 1);
		buf_add(&b, t->v[i].oid.id, GIT_OID_RAWSZ);
	}
	err = pack_add(p, GIT_OBJECT_TREE, buf_cstr(&b), b.len, oid, e);
	buf_free(&b);
	treebuf_free(t);
	return err;
}

void treebuf_free(struct treebuf *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].name);
	free(t->v);
	*t = (struct treebuf){0};
}

static int add_meta(struct treebuf *t, struct pack *p, const struct buf *meta, struct err *e)
{
	git_oid oid;
	int err = pack_add(p, GIT_OBJECT_BLOB, meta->p, meta->len, &oid, e);

	if (!err)
		treebuf_add(t, FORMAT_META, false, &oid);
	return err;
}

/*
 * Adds entries and their %meta: the n entries of d whose indexes are in v, or all of d for NULL.
 * self goes where its name sorts; it has no tree entry.
 */
static int add_entries(struct treebuf *t, struct pack *p, const struct ents *d, const uint32_t *v,
		       size_t n, const struct ent *self, struct err *e)
{
	struct buf meta = {0};
	int err;

	meta_header(&meta, false);
	for (size_t i = 0; i < n; i++) {
		const struct ent *x = &d->v[v ? v[i] : i];
		char name[NAME_GIT_MAX + 1];
		if (self && strcmp(self->name, x->name) < 0) {
			meta_print(&meta, self);
			self = NULL;
		}
		meta_print(&meta, x);
		if (!ent_has_content(x))
			continue;
		name_to_git(x->name, name);
		treebuf_add(t, name, ent_is_dir(x) || x->chunked, &x->oid);
	}
	if (self)
		meta_print(&meta, self);
	err = add_meta(t, p, &meta, e);
	buf_free(&meta);
	return err;
}

/* Indexes of entries by shard, each shard's in their order; shard i is v[at[i]] to v[at[i + 1]]. */
static uint32_t *sort_shards(const struct ents *d, size_t at[FORMAT_SHARDS + 1])
{
	uint32_t *v = xmalloc(d->n * sizeof(*v));
	uint8_t *shard = xmalloc(d->n);
	size_t next[FORMAT_SHARDS] = {0};

	for (size_t i = 0; i < d->n; i++)
		next[shard[i] = (uint8_t)format_shard(d->v[i].name)]++;
	at[0] = 0;
	for (size_t i = 0; i < FORMAT_SHARDS; i++) {
		at[i + 1] = at[i] + next[i];
		next[i] = at[i];
	}
	for (size_t i = 0; i < d->n; i++)
		v[next[shard[i]]++] = (uint32_t)i;
	free(shard);
	return v;
}

/* Those shards of d that are in anew (NULL: all); the others are s's. */
static int add_shards(struct treebuf *t, struct pack *p, const struct ents *d, const bool *anew,
		      const struct shards *s, const struct ent *self, struct err *e)
{
	size_t at[FORMAT_SHARDS + 1];
	struct buf meta = {0};
	uint32_t *v;
	int err;

	meta_header(&meta, true);
	if (self)
		meta_print(&meta, self);
	err = add_meta(t, p, &meta, e);
	buf_free(&meta);
	v = sort_shards(d, at);
	for (int i = 0; i < FORMAT_SHARDS && !err; i++) {
		struct treebuf sub = {0};
		bool kept = anew && !anew[i];
		git_oid oid;
		char name[8];
		if (kept ? !s->has[i] : at[i] == at[i + 1])
			continue;
		if (!kept)
			err = add_entries(&sub, p, d, v + at[i], at[i + 1] - at[i], NULL, e);
		if (!kept && !err)
			err = treebuf_write(&sub, p, &oid, e);
		treebuf_free(&sub);
		snprintf(name, sizeof(name), "%%%02x", i);
		if (!err)
			treebuf_add(t, name, true, kept ? &s->oid[i] : &oid);
	}
	free(v);
	return err;
}

static int finish(struct treebuf *t, struct pack *p, const git_oid *index, git_oid *oid, int err,
		  struct err *e)
{
	if (!err && index)
		treebuf_add(t, FORMAT_INDEX, true, index);
	if (!err)
		err = treebuf_write(t, p, oid, e);
	treebuf_free(t);
	return err;
}

int tree_write_shards(struct pack *p, const struct ents *d, const bool *anew,
		      const struct shards *s, const struct ent *self, const git_oid *index,
		      git_oid *oid, struct err *e)
{
	struct treebuf t = {0};
	int err = add_shards(&t, p, d, anew, s, self, e);

	return finish(&t, p, index, oid, err, e);
}

int tree_write(struct pack *p, const struct ents *d, const struct ent *self, const git_oid *index,
	       git_oid *oid, struct err *e)
{
	struct treebuf t = {0};
	int err;

	if (d->n > FORMAT_FLAT_MAX)
		err = add_shards(&t, p, d, NULL, NULL, self, e);
	else
		err = add_entries(&t, p, d, NULL, d->n, self, e);
	return finish(&t, p, index, oid, err, e);
}
