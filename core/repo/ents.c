/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a directory: memory, order, comparison. */
#include "core/buf.h"
#include "core/repo/meta.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK 16384

struct ents_block {
	struct ents_block *next;
	size_t used, cap;
	_Alignas(16) char p[];
};

void ents_free(struct ents *d)
{
	while (d->mem) {
		struct ents_block *b = d->mem;
		d->mem = b->next;
		free(b);
	}
	free(d->v);
	*d = (struct ents){0};
}

void *ents_alloc(struct ents *d, size_t n)
{
	struct ents_block *b = d->mem;
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (!b || b->cap - b->used < n) {
		/* small directories are many: their first block is small */
		size_t cap = b ? BLOCK : 1024;
		cap = n > cap ? n : cap;
		b = xmalloc(sizeof(*b) + cap);
		*b = (struct ents_block){.next = d->mem, .cap = cap};
		d->mem = b;
	}
	p = b->p + b->used;
	b->used += n;
	return p;
}

char *ents_dup(struct ents *d, const void *p, size_t n)
{
	char *s = ents_alloc(d, n + 1);

	if (n)
		memcpy(s, p, n);
	s[n] = '\0';
	return s;
}

struct ent *ents_add(struct ents *d)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 8;
		d->v = xrealloc(d->v, d->cap * sizeof(*d->v));
	}
	d->v[d->n] = (struct ent){0};
	return &d->v[d->n++];
}

static int ent_cmp(const void *a, const void *b)
{
	return strcmp(((const struct ent *)a)->name, ((const struct ent *)b)->name);
}

void ents_sort(struct ents *d)
{
	if (d->n > 1)
		qsort(d->v, d->n, sizeof(*d->v), ent_cmp);
}

struct ent *ents_find(const struct ents *d, const char *name)
{
	size_t lo = 0, hi = d->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(d->v[mid].name, name);
		if (!c)
			return &d->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

bool ent_has_content(const struct ent *e)
{
	return !e->rec.whiteout && !(e->rec.flags & RECORD_META);
}

bool ent_is_dir(const struct ent *e)
{
	return !e->rec.whiteout && S_ISDIR(e->rec.mode);
}

bool xattrs_same(const struct xattr *a, size_t na, const struct xattr *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (strcmp(a[i].name, b[i].name) || a[i].len != b[i].len ||
		    memcmp(a[i].value, b[i].value, a[i].len))
			return false;
	return true;
}

bool ent_same_line(const struct ent *a, const struct ent *b)
{
	const struct record *ra = &a->rec, *rb = &b->rec;

	if (strcmp(a->name, b->name) || ra->whiteout != rb->whiteout)
		return false;
	if (ra->whiteout)
		return true;
	if (ra->mode != rb->mode || ra->flags != rb->flags || ra->uid != rb->uid ||
	    ra->gid != rb->gid || ra->rdev != rb->rdev || ra->origin_dev != rb->origin_dev ||
	    ra->origin_ino != rb->origin_ino || ra->lower_size != rb->lower_size ||
	    ra->lower_mtime != rb->lower_mtime || ra->lower_ctime != rb->lower_ctime)
		return false;
	if (a->mtime.tv_sec != b->mtime.tv_sec || a->mtime.tv_nsec != b->mtime.tv_nsec ||
	    a->link != b->link || a->left != b->left || a->chunked != b->chunked)
		return false;
	if ((a->chunked || (ra->flags & RECORD_META)) && a->size != b->size)
		return false;
	if (!a->redirect != !b->redirect || (a->redirect && strcmp(a->redirect, b->redirect)))
		return false;
	return xattrs_same(a->xattrs, a->nxattrs, b->xattrs, b->nxattrs);
}
