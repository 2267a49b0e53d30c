/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/feedtree.h"
#include "core/buf.h"
#include <stdlib.h>
#include <string.h>

#define SLOTS (1u << 19) /* of the hash table: over twice FEEDTREE_NODES_MAX */
#define DEPTH_MAX 64	 /* below that a path counts for its directory */
#define OPEN_DEPTH 2	 /* directories that are open at first */
#define HOT_MAX 2000

struct node {
	uint32_t parent, child, next; /* 0: none; the root has no siblings */
	uint32_t name, len;	      /* in the text */
	uint32_t depth;
	uint64_t below, own, bytes;
	int64_t time;
	uint16_t op;
	bool open;
};

struct feedtree {
	struct node *v;
	size_t n, cap;
	struct buf text;
	uint32_t *slots; /* index of a node, 0: free */
	uint32_t *list;
	size_t nlist, list_cap;
	bool full;
};

_Static_assert(SLOTS > 2 * FEEDTREE_NODES_MAX, "probing ends");

static uint32_t node_new(struct feedtree *t, uint32_t parent, const char *name, size_t len)
{
	struct node *n;

	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 1024;
		t->v = xrealloc(t->v, t->cap * sizeof(*t->v));
	}
	n = &t->v[t->n];
	*n = (struct node){.parent = parent, .name = (uint32_t)t->text.len, .len = (uint32_t)len};
	buf_add(&t->text, name, len);
	if (t->n) {
		n->depth = t->v[parent].depth + 1;
		n->next = t->v[parent].child;
		t->v[parent].child = (uint32_t)t->n;
	}
	n->open = n->depth < OPEN_DEPTH;
	return (uint32_t)t->n++;
}

struct feedtree *feedtree_new(void)
{
	struct feedtree *t = xcalloc(1, sizeof(*t));

	t->slots = xcalloc(SLOTS, sizeof(*t->slots));
	node_new(t, 0, "", 0);
	return t;
}

void feedtree_free(struct feedtree *t)
{
	if (!t)
		return;
	free(t->v);
	free(t->slots);
	free(t->list);
	buf_free(&t->text);
	free(t);
}

/* FNV-1a over the parent's number and the name. */
static uint32_t hash(uint32_t parent, const char *name, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ parent;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 40) ^ (uint32_t)h;
}

/* The child of a name, made when there is none; 0 when there is no room for one. */
static uint32_t child_of(struct feedtree *t, uint32_t parent, const char *name, size_t len)
{
	uint32_t at = hash(parent, name, len) & (SLOTS - 1);

	for (; t->slots[at]; at = (at + 1) & (SLOTS - 1)) {
		const struct node *n = &t->v[t->slots[at]];

		if (n->parent == parent && n->len == len && !memcmp(t->text.p + n->name, name, len))
			return t->slots[at];
	}
	t->full |= t->n >= FEEDTREE_NODES_MAX;
	if (t->n >= FEEDTREE_NODES_MAX)
		return 0;
	return t->slots[at] = node_new(t, parent, name, len);
}

void feedtree_add(struct feedtree *t, const struct event *ev)
{
	/* what was moved counts where it is */
	bool moved = ev->op == EVENT_RENAME && ev->path2_len;
	const char *p = moved ? ev->path2 : ev->path;
	const char *end = p + (moved ? ev->path2_len : ev->path_len);
	uint32_t at = 0, next;

	while (p < end && t->v[at].depth < DEPTH_MAX) {
		const char *slash;

		if (*p == '/') {
			p++;
			continue;
		}
		slash = memchr(p, '/', (size_t)(end - p));
		next = child_of(t, at, p, (size_t)((slash ? slash : end) - p));
		if (!next)
			break;
		at = next;
		p = slash ? slash : end;
	}
	t->v[at].own++;
	t->v[at].op = ev->op;
	for (;; at = t->v[at].parent) {
		struct node *n = &t->v[at];

		n->below++;
		n->time = ev->time;
		if (ev->op == EVENT_WRITE)
			n->bytes += ev->bytes;
		if (!at)
			break;
	}
}

static void list_add(struct feedtree *t, uint32_t node)
{
	if (t->nlist == t->list_cap) {
		t->list_cap = t->list_cap ? t->list_cap * 2 : 256;
		t->list = xrealloc(t->list, t->list_cap * sizeof(*t->list));
	}
	t->list[t->nlist++] = node;
}

static int by_name(const struct feedtree *t, const struct node *x, const struct node *y)
{
	size_t n = x->len < y->len ? x->len : y->len;
	int r = memcmp(t->text.p + x->name, t->text.p + y->name, n);

	return r ? r : (int)x->len - (int)y->len;
}

static int more_below(const void *a, const void *b, void *user)
{
	const struct feedtree *t = user;
	const struct node *x = &t->v[*(const uint32_t *)a], *y = &t->v[*(const uint32_t *)b];

	if (x->below != y->below)
		return x->below > y->below ? -1 : 1;
	return by_name(t, x, y);
}

static int more_own(const void *a, const void *b, void *user)
{
	const struct feedtree *t = user;
	const struct node *x = &t->v[*(const uint32_t *)a], *y = &t->v[*(const uint32_t *)b];

	if (x->own != y->own)
		return x->own > y->own ? -1 : 1;
	return x->time != y->time ? (x->time > y->time ? -1 : 1) : by_name(t, x, y);
}

/* The children of an open node, sorted, each with its own behind it. DEPTH_MAX bounds it. */
static void list_children(struct feedtree *t, uint32_t node)
{
	uint32_t *v = NULL;
	size_t n = 0, cap = 0;

	for (uint32_t c = t->v[node].child; c; c = t->v[c].next) {
		if (n == cap) {
			cap = cap ? cap * 2 : 32;
			v = xrealloc(v, cap * sizeof(*v));
		}
		v[n++] = c;
	}
	if (n)
		qsort_r(v, n, sizeof(*v), more_below, t);
	for (size_t i = 0; i < n; i++) {
		list_add(t, v[i]);
		if (t->v[v[i]].open)
			list_children(t, v[i]);
	}
	free(v);
}

size_t feedtree_list(struct feedtree *t, bool hot)
{
	t->nlist = 0;
	if (!hot) {
		list_children(t, 0);
		return t->nlist;
	}
	for (uint32_t i = 0; i < t->n; i++)
		if (t->v[i].own)
			list_add(t, i);
	if (t->nlist)
		qsort_r(t->list, t->nlist, sizeof(*t->list), more_own, t);
	if (t->nlist > HOT_MAX)
		t->nlist = HOT_MAX;
	return t->nlist;
}

static void add_path(const struct feedtree *t, uint32_t node, struct buf *out)
{
	const struct node *n = &t->v[node];

	if (!node)
		return;
	add_path(t, n->parent, out);
	buf_ch(out, '/');
	buf_add(out, t->text.p + n->name, n->len);
}

void feedtree_path(const struct feedtree *t, size_t i, struct buf *path)
{
	add_path(t, t->list[i], path);
	if (!path->len)
		buf_ch(path, '/');
}

void feedtree_get(const struct feedtree *t, size_t i, bool hot, struct feedtree_node *out,
		  struct buf *name)
{
	const struct node *n = &t->v[t->list[i]];

	*out = (struct feedtree_node){.below = n->below,
				      .own = n->own,
				      .bytes = n->bytes,
				      .time = n->time,
				      .op = n->op,
				      .depth = n->depth,
				      .children = n->child != 0,
				      .open = n->open};
	if (hot)
		feedtree_path(t, i, name);
	else
		buf_add(name, t->text.p + n->name, n->len);
}

uint32_t feedtree_id(const struct feedtree *t, size_t i)
{
	return t->list[i];
}

size_t feedtree_find(const struct feedtree *t, uint32_t id)
{
	for (size_t i = 0; i < t->nlist; i++)
		if (t->list[i] == id)
			return i;
	return SIZE_MAX;
}

void feedtree_toggle(struct feedtree *t, size_t i)
{
	if (i < t->nlist)
		t->v[t->list[i]].open = !t->v[t->list[i]].open;
}

bool feedtree_is_full(const struct feedtree *t)
{
	return t->full;
}
