/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a directory's git tree back; the repository may have been tampered with. */
#include "core/buf.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include "core/repo/name.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREE_LIMIT (256u << 20)

struct item {
	const char *name;
	bool is_tree, used;
	git_oid oid;
};

struct items {
	char *raw;
	struct item *v;
	size_t n;
};

static void items_free(struct items *t)
{
	free(t->raw);
	free(t->v);
}

static int bad(struct err *e, const git_oid *oid, const char *why)
{
	char hash[GIT_OID_HEXSZ + 1];

	git_oid_tostr(hash, sizeof(hash), oid);
	return err_set(e, -EPROTO,
		       "checkpoints: object %.12s %s: the repository is damaged: see `git fsck`",
		       hash, why);
}

static int object(struct repo *r, const git_oid *oid, git_object_t type, void **data, size_t *n,
		  struct err *e)
{
	int err = object_read(r, oid, type, TREE_LIMIT, data, n);

	if (err == -ENOENT)
		return bad(e, oid, "is missing");
	if (err == -EFBIG)
		return bad(e, oid, "is too large");
	return err ? bad(e, oid, "cannot be read") : 0;
}

/* Parses a raw tree: "MODE NAME\0" and 20 bytes each. */
static int items_read(struct repo *r, const git_oid *oid, struct items *t, struct err *e)
{
	void *raw = NULL;
	size_t n, cap = 0;
	char *s, *end;
	int err = object(r, oid, GIT_OBJECT_TREE, &raw, &n, e);

	*t = (struct items){.raw = raw};
	if (err)
		return err;
	for (s = raw, end = s + n; s < end;) {
		char *name = memchr(s, ' ', (size_t)(end - s));
		char *nul = name ? memchr(name, '\0', (size_t)(end - name)) : NULL;
		bool tree = end - s > 6 && !memcmp(s, "40000 ", 6);
		if (!nul || end - nul <= GIT_OID_RAWSZ || (!tree && memcmp(s, "100644 ", 7)))
			return bad(e, oid, "is no tree of gaol's");
		if (t->n == cap) {
			cap = cap ? cap * 2 : 16;
			t->v = xrealloc(t->v, cap * sizeof(*t->v));
		}
		t->v[t->n] = (struct item){.name = name + 1, .is_tree = tree};
		git_oid_fromraw(&t->v[t->n++].oid, (unsigned char *)nul + 1);
		s = nul + 1 + GIT_OID_RAWSZ;
	}
	return 0;
}

/* git's order sorts trees as NAME/, so both places are looked at. */
static int item_order(const struct item *it, const char *name, bool tree)
{
	size_t na = strlen(it->name), nb = strlen(name), n = na < nb ? na : nb;
	int c = memcmp(it->name, name, n);
	unsigned char a, b;

	if (c)
		return c;
	a = na > n ? (unsigned char)it->name[n] : it->is_tree ? '/' : 0;
	b = nb > n ? (unsigned char)name[n] : tree ? '/' : 0;
	return a < b ? -1 : a > b;
}

static struct item *items_find(struct items *t, const char *name, bool tree)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = item_order(&t->v[mid], name, tree);
		if (!c)
			return &t->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static struct item *items_take(struct items *t, const char *name, bool tree)
{
	struct item *it = items_find(t, name, tree);

	if (it)
		it->used = true;
	return it;
}

/* Parses a tree's %meta, appending to d from entry "from" on. */
static int read_meta(struct repo *r, const git_oid *oid, struct items *t, bool root, struct ents *d,
		     bool *shards, struct err *e)
{
	struct item *it = items_take(t, FORMAT_META, false);
	struct ents part = {0};
	unsigned line;
	void *text;
	size_t n;
	int err;

	if (!it)
		return bad(e, oid, "has no %meta");
	err = object(r, &it->oid, GIT_OBJECT_BLOB, &text, &n, e);
	if (err)
		return err;
	/* an own list, so that order is checked inside this text alone */
	part.mem = d->mem;
	err = meta_parse(text, n, root, &part, shards, &line);
	d->mem = part.mem;
	part.mem = NULL;
	free(text);
	for (size_t i = 0; i < part.n && !err; i++)
		*ents_add(d) = part.v[i];
	free(part.v);
	if (err) {
		char why[48];
		snprintf(why, sizeof(why), "is a %%meta with a wrong line %u", line);
		return bad(e, &it->oid, why);
	}
	return 0;
}

/* Gives entries from on their content; every item of the tree must be used. */
static int match(const git_oid *oid, struct items *t, struct ents *d, size_t from, struct err *e)
{
	for (size_t i = from; i < d->n; i++) {
		struct ent *x = &d->v[i];
		char name[NAME_GIT_MAX + 1];
		struct item *it;
		if (!ent_has_content(x))
			continue;
		name_to_git(x->name, name);
		it = items_take(t, name, ent_is_dir(x) || x->chunked);
		if (!it)
			return bad(e, oid, "lacks an entry that its %meta has");
		x->oid = it->oid;
		x->has_oid = true;
	}
	for (size_t i = 0; i < t->n; i++)
		if (!t->v[i].used)
			return bad(e, oid, "has an entry that its %meta lacks");
	return 0;
}

int load_shard(struct repo *r, const git_oid *oid, unsigned shard, struct ents *d, struct err *e)
{
	struct items t;
	size_t from = d->n;
	bool shards = false;
	int err = items_read(r, oid, &t, e);

	if (!err)
		err = read_meta(r, oid, &t, false, d, &shards, e);
	if (!err && shards)
		err = bad(e, oid, "is a shard with shards");
	for (size_t i = from; i < d->n && !err; i++)
		if (format_shard(d->v[i].name) != shard)
			err = bad(e, oid, "has an entry in the wrong shard");
	if (!err)
		err = match(oid, &t, d, from, e);
	items_free(&t);
	return err;
}

/* want NULL: all of them; s (may be NULL) learns which there are. */
static int load_shards(struct repo *r, struct items *t, const bool *want, struct shards *s,
		       struct ents *d, struct err *e)
{
	int err = 0;

	for (unsigned i = 0; i < FORMAT_SHARDS && !err; i++) {
		char name[8];
		struct item *it;
		snprintf(name, sizeof(name), "%%%02x", i);
		it = items_take(t, name, true);
		if (it && s) {
			s->has[i] = true;
			s->oid[i] = it->oid;
		}
		if (it && (!want || want[i]))
			err = load_shard(r, &it->oid, i, d, e);
	}
	ents_sort(d);
	return err;
}

/* Takes "." out of the list. */
static int take_self(const git_oid *oid, struct ents *d, struct ent *self, struct err *e)
{
	struct ent *x = ents_find(d, ".");

	if (!x)
		return bad(e, oid, "is a root without a line for \".\"");
	if (self)
		*self = *x;
	memmove(x, x + 1, (size_t)(d->v + d->n - x - 1) * sizeof(*x));
	d->n--;
	return 0;
}

int load_part(struct repo *r, const git_oid *oid, bool root, const bool *want, struct shards *s,
	      struct ents *d, struct ent *self, git_oid *index, struct err *e)
{
	struct items t;
	bool shards = false;
	struct item *it;
	int err = items_read(r, oid, &t, e);

	if (!err)
		err = read_meta(r, oid, &t, root, d, &shards, e);
	if (!err && root)
		err = take_self(oid, d, self, e);
	if (index)
		memset(index, 0, sizeof(*index));
	it = !err && root ? items_take(&t, FORMAT_INDEX, true) : NULL;
	if (it && index)
		*index = it->oid;
	if (!err && shards && d->n)
		err = bad(e, oid, "is split but lists entries");
	if (s)
		*s = (struct shards){.split = shards};
	if (!err && shards)
		err = load_shards(r, &t, want, s, d, e);
	if (!err)
		err = match(oid, &t, d, shards ? d->n : 0, e);
	items_free(&t);
	return err;
}

int load_dir(struct repo *r, const git_oid *oid, bool root, struct ents *d, struct ent *self,
	     git_oid *index, struct err *e)
{
	return load_part(r, oid, root, NULL, NULL, d, self, index, e);
}

/* The shards of a split directory, nothing loaded; split is false for another one. */
static int shards_of(struct repo *r, const git_oid *oid, struct shards *s, struct err *e)
{
	struct items t;
	int err = items_read(r, oid, &t, e);

	*s = (struct shards){0};
	for (unsigned i = 0; i < FORMAT_SHARDS && !err; i++) {
		char name[8];
		snprintf(name, sizeof(name), "%%%02x", i);
		const struct item *it = items_find(&t, name, true);
		s->has[i] = it;
		s->split |= s->has[i];
		if (it)
			s->oid[i] = it->oid;
	}
	items_free(&t);
	return err;
}

int load_differing(struct repo *r, const git_oid *a, const git_oid *b, bool root, struct ents *da,
		   struct ents *db, struct ent *sa, struct ent *sb, struct err *e)
{
	bool want[FORMAT_SHARDS];
	struct shards s, u;
	int err = shards_of(r, a, &s, e);

	if (!err)
		err = shards_of(r, b, &u, e);
	for (unsigned i = 0; i < FORMAT_SHARDS && !err; i++)
		want[i] = s.has[i] != u.has[i] ||
			  (s.has[i] && !git_oid_equal(&s.oid[i], &u.oid[i]));
	bool both = !err && s.split && u.split;
	if (!err)
		err = load_part(r, a, root, both ? want : NULL, NULL, da, sa, NULL, e);
	if (!err)
		err = load_part(r, b, root, both ? want : NULL, NULL, db, sb, NULL, e);
	return err;
}

int load_commit_tree(struct repo *r, const char *hash, git_oid *tree, struct err *e)
{
	git_commit *c = NULL;
	git_oid oid;

	if (git_oid_fromstr(&oid, hash) || git_commit_lookup(&c, r->git, &oid))
		return repo_git_err(e, -ENOENT, "checkpoint %.12s", hash);
	*tree = *git_commit_tree_id(c);
	git_commit_free(c);
	return 0;
}
