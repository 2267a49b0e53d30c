/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of nodes: chunks of NODE_CHUNK slots (mmap'ed, so that forgotten ones go back to the
 * system), a hash of (parent, name) and a hash of inodes. Names are a guest's: the hash is keyed.
 */
#include "core/buf.h"
#include "core/layer/internal.h"
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sysmacros.h>

#define TRIM_AFTER 65536 /* names freed until the heap is given back */

#define NODE_PAGE (32 * sizeof(struct node))

_Static_assert(sizeof(struct node) == 128, "32 nodes fill a page");

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint32_t name_hash(const struct layer *l, uint32_t parent, const char *s, size_t n)
{
	uint64_t h = l->seed[0] ^ parent, w;

	while (n) {
		size_t k = n < 8 ? n : 8;
		w = 0;
		memcpy(&w, s, k);
		h = mix(h ^ w ^ UINT64_C(0x9e3779b97f4a7c15), l->seed[1] | 1) + k;
		s += k;
		n -= k;
	}
	h = mix(h ^ l->seed[1], l->seed[0] | 1);
	return (uint32_t)(h ^ h >> 32);
}

static uint32_t hash_ino(const struct layer *l, bool upper, uint16_t tag, uint64_t ino)
{
	uint64_t h = mix(ino ^ l->seed[0], l->seed[1] | 1) ^ ((uint64_t)tag << 1 | upper);

	h = mix(h, l->seed[0] | 1);
	return (uint32_t)(h ^ h >> 32);
}

struct node *node_at(struct layer *l, uint32_t i)
{
	return &l->chunk[i / NODE_CHUNK]->node[i % NODE_CHUNK];
}

uint32_t node_index(struct layer *l, uint64_t id)
{
	uint32_t i = (uint32_t)id;
	struct node *n;

	if (!i || i / NODE_CHUNK >= l->nchunk || !l->chunk[i / NODE_CHUNK])
		return 0;
	n = node_at(l, i);
	return (n->flags & NODE_USED) && n->gen == (uint32_t)(id >> 32) ? i : 0;
}

uint64_t node_id(struct layer *l, uint32_t i)
{
	return (uint64_t)node_at(l, i)->gen << 32 | i;
}

bool node_is_dir(const struct node *n)
{
	return S_ISDIR(n->mode);
}

bool node_is_upper(const struct node *n)
{
	return n->flags & NODE_UPPER;
}

void node_record_set(struct node *n, const struct record *r)
{
	n->mode = r->mode;
	n->uid = r->uid;
	n->gid = r->gid;
	n->rflags = r->flags;
	n->rdev_major = major(r->rdev);
	n->rdev_minor = minor(r->rdev);
	n->origin_tag = (uint16_t)r->origin_dev;
	n->origin_ino = r->origin_ino;
}

void node_record_get(const struct node *n, struct record *r)
{
	*r = (struct record){
	    .mode = n->mode,
	    .flags = n->rflags,
	    .uid = n->uid,
	    .gid = n->gid,
	    .rdev = makedev(n->rdev_major, n->rdev_minor),
	    .origin_dev = n->origin_tag,
	    .origin_ino = n->origin_ino,
	};
}

static struct chunk *chunk_new(void)
{
	struct chunk *c = xcalloc(1, sizeof(*c));

	c->node = mmap(NULL, NODE_CHUNK * sizeof(*c->node), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c->node == MAP_FAILED)
		c->node = xmalloc(PTRDIFF_MAX); /* ends the program with its message */
	return c;
}

static void chunk_free(struct chunk *c)
{
	if (c)
		munmap(c->node, NODE_CHUNK * sizeof(*c->node));
	free(c);
}

/* A chunk with a free slot; the table of chunks grows when all are full. */
static uint32_t chunk_with_room(struct layer *l)
{
	uint32_t hole = l->nchunk;

	for (uint32_t k = 0; k < l->nchunk; k++) {
		uint32_t i = (l->chunk_hint + k) % l->nchunk;
		if (!l->chunk[i] && hole == l->nchunk)
			hole = i;
		if (l->chunk[i] && l->chunk[i]->used < NODE_CHUNK)
			return l->chunk_hint = i;
	}
	if (hole == l->nchunk) {
		l->chunk = xrealloc(l->chunk, (l->nchunk + 1) * sizeof(*l->chunk));
		l->nchunk++;
	}
	l->chunk[hole] = chunk_new();
	return l->chunk_hint = hole;
}

uint32_t node_new(struct layer *l)
{
	uint32_t k = chunk_with_room(l), page = 0, slot;
	struct chunk *c = l->chunk[k];

	while (c->map[page] == UINT32_MAX)
		page++;
	slot = page * 32 + (uint32_t)__builtin_ctz(~c->map[page]);
	c->map[page] |= UINT32_C(1) << slot % 32;
	c->used++;
	if (!++l->gen)
		l->gen = 1;
	c->node[slot] = (struct node){.gen = l->gen, .flags = NODE_USED};
	l->nnodes++;
	return k * NODE_CHUNK + slot;
}

static void node_free(struct layer *l, uint32_t i)
{
	uint32_t slot = i % NODE_CHUNK, page = slot / 32;
	struct chunk *c = l->chunk[i / NODE_CHUNK];
	struct node *n = node_at(l, i);

	node_unhash(l, i);
	dir_drop(l, i);
	orphan_drop(l, i);
	free(n->origin);
	*n = (struct node){0};
	l->nnodes--;
	c->map[page] &= ~(UINT32_C(1) << slot % 32);
	if (!--c->used) {
		chunk_free(c);
		l->chunk[i / NODE_CHUNK] = NULL;
	} else if (!c->map[page]) {
		madvise(&c->node[page * 32], NODE_PAGE, MADV_DONTNEED);
	}
}

static void heap_trim(struct layer *l)
{
	if (l->freed > TRIM_AFTER) {
		l->freed = 0;
		malloc_trim(0);
	}
}

void node_drop(struct layer *l, uint32_t i)
{
	while (i > ROOT) {
		struct node *n = node_at(l, i);
		uint32_t up = 0;
		if (n->lookups || n->kids || n->files)
			break;
		while (n->names) {
			/* a file's further names may hang in other directories */
			struct name *nm = n->names;
			uint32_t parent = nm->parent;
			name_del(l, nm);
			if (n->names)
				node_drop(l, parent);
			else
				up = parent;
		}
		node_free(l, i);
		i = up;
	}
	heap_trim(l);
}

static uint32_t *inode_bucket(struct layer *l, const struct node *n)
{
	uint32_t h = n->flags & NODE_UPPER ? hash_ino(l, true, 0, n->upper_ino)
					   : hash_ino(l, false, n->tag, n->lower_ino);

	return &l->inodes[h & (l->inodes_cap - 1)];
}

static void inodes_grow(struct layer *l)
{
	free(l->inodes);
	l->inodes_cap *= 2;
	l->inodes = xcalloc(l->inodes_cap, sizeof(*l->inodes));
	for (uint32_t k = 0; k < l->nchunk; k++) {
		for (uint32_t j = 0; l->chunk[k] && j < NODE_CHUNK; j++) {
			struct node *n = &l->chunk[k]->node[j];
			uint32_t *b;
			if (!(n->flags & NODE_USED))
				continue;
			b = inode_bucket(l, n);
			n->hash_next = *b;
			*b = k * NODE_CHUNK + j;
		}
	}
}

void node_hash(struct layer *l, uint32_t i)
{
	struct node *n = node_at(l, i);
	uint32_t *b;

	if (l->nnodes > l->inodes_cap)
		inodes_grow(l); /* puts i in as well */
	node_unhash(l, i);
	b = inode_bucket(l, n);
	n->hash_next = *b;
	*b = i;
}

void node_unhash(struct layer *l, uint32_t i)
{
	struct node *n = node_at(l, i);

	for (uint32_t *p = inode_bucket(l, n); *p; p = &node_at(l, *p)->hash_next) {
		if (*p == i) {
			*p = n->hash_next;
			n->hash_next = 0;
			return;
		}
	}
}

uint32_t node_by_upper(struct layer *l, uint64_t ino)
{
	uint32_t i = l->inodes[hash_ino(l, true, 0, ino) & (l->inodes_cap - 1)];

	for (; i; i = node_at(l, i)->hash_next) {
		struct node *n = node_at(l, i);
		if ((n->flags & NODE_UPPER) && n->upper_ino == ino)
			return i;
	}
	return 0;
}

uint32_t node_by_lower(struct layer *l, uint16_t tag, uint64_t ino)
{
	uint32_t i = l->inodes[hash_ino(l, false, tag, ino) & (l->inodes_cap - 1)];

	for (; i; i = node_at(l, i)->hash_next) {
		struct node *n = node_at(l, i);
		if (!(n->flags & NODE_UPPER) && n->tag == tag && n->lower_ino == ino)
			return i;
	}
	return 0;
}

struct name *name_find(struct layer *l, uint32_t parent, const char *s)
{
	size_t n = strlen(s);
	uint32_t h = name_hash(l, parent, s, n);
	struct name *nm = l->names[h & (l->names_cap - 1)];

	for (; nm; nm = nm->hash_next)
		if (nm->hash == h && nm->parent == parent && nm->len == n && !memcmp(nm->s, s, n))
			return nm;
	return NULL;
}

static void names_grow(struct layer *l)
{
	size_t cap = l->names_cap * 2;
	struct name **t = xcalloc(cap, sizeof(*t));

	for (size_t i = 0; i < l->names_cap; i++) {
		for (struct name *nm = l->names[i], *next; nm; nm = next) {
			next = nm->hash_next;
			nm->hash_next = t[nm->hash & (cap - 1)];
			t[nm->hash & (cap - 1)] = nm;
		}
	}
	free(l->names);
	l->names = t;
	l->names_cap = cap;
}

struct name *name_add(struct layer *l, uint32_t parent, const char *s, uint32_t node)
{
	size_t n = strlen(s);
	struct name *nm = xmalloc(sizeof(*nm) + n + 1), **b;
	struct node *nd = node_at(l, node);

	if (l->nnames >= l->names_cap)
		names_grow(l);
	*nm = (struct name){
	    .parent = parent,
	    .node = node,
	    .hash = name_hash(l, parent, s, n),
	    .len = (uint8_t)n,
	    .node_next = nd->names,
	};
	memcpy(nm->s, s, n + 1);
	nd->names = nm;
	b = &l->names[nm->hash & (l->names_cap - 1)];
	nm->hash_next = *b;
	*b = nm;
	node_at(l, parent)->kids++;
	l->nnames++;
	return nm;
}

void name_prefer(struct layer *l, uint32_t parent, const char *s)
{
	struct name *nm = name_find(l, parent, s);
	struct node *n = nm ? node_at(l, nm->node) : NULL;
	struct name **p;

	if (!n || (n->flags & NODE_UPPER) || n->names == nm)
		return;
	for (p = &n->names; *p != nm; p = &(*p)->node_next)
		;
	*p = nm->node_next;
	nm->node_next = n->names;
	n->names = nm;
}

void name_del(struct layer *l, struct name *nm)
{
	struct name **p = &l->names[nm->hash & (l->names_cap - 1)];

	while (*p != nm)
		p = &(*p)->hash_next;
	*p = nm->hash_next;
	p = &node_at(l, nm->node)->names;
	while (*p != nm)
		p = &(*p)->node_next;
	*p = nm->node_next;
	node_at(l, nm->parent)->kids--;
	l->nnames--;
	l->freed++;
	free(nm);
}

void table_init(struct layer *l)
{
	if (getrandom(l->seed, sizeof(l->seed), 0) != (ssize_t)sizeof(l->seed))
		l->seed[0] = (uint64_t)now_ns();
	l->names_cap = l->inodes_cap = 1024;
	l->names = xcalloc(l->names_cap, sizeof(*l->names));
	l->inodes = xcalloc(l->inodes_cap, sizeof(*l->inodes));
	/* slot 0 means "none", slot 1 is the root with generation 0: its number is LAYER_ROOT */
	node_new(l);
	node_at(l, 0)->flags = 0;
	node_new(l);
	node_at(l, ROOT)->gen = 0;
	node_at(l, ROOT)->lookups = 1;
}

void table_free(struct layer *l)
{
	for (size_t i = 0; i < l->names_cap; i++) {
		for (struct name *nm = l->names[i], *next; nm; nm = next) {
			next = nm->hash_next;
			free(nm);
		}
	}
	for (uint32_t k = 0; k < l->nchunk; k++) {
		for (uint32_t j = 0; l->chunk[k] && j < NODE_CHUNK; j++)
			if (l->chunk[k]->node[j].flags & NODE_USED)
				free(l->chunk[k]->node[j].origin);
		chunk_free(l->chunk[k]);
	}
	free(l->chunk);
	free(l->names);
	free(l->inodes);
}
