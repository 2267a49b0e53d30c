/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a seal has kept already, and whether a node is one that its reader wants. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include "core/layer/seal_int.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t hash(const uint64_t key[2], const uint64_t *v, size_t n, const char *name)
{
	uint64_t h = key[0];

	for (size_t i = 0; i < n; i++)
		h = mix(h ^ v[i] ^ UINT64_C(0x9e3779b97f4a7c15), key[1] | 1) + i;
	for (size_t left = strlen(name); left;) {
		size_t k = left < 8 ? left : 8;
		uint64_t w = 0;
		memcpy(&w, name, k);
		h = mix(h ^ w ^ UINT64_C(0xbf58476d1ce4e5b9), key[1] | 1) + k;
		name += k;
		left -= k;
	}
	return mix(h ^ key[1], key[0] | 1);
}

bool seen_add(struct seal *s, uint32_t kind, uint64_t ino, uint64_t arg, const char *name)
{
	uint64_t v[3] = {kind, ino, arg};
	struct seen it = {.a = hash(s->key, v, 3, name) | 1, .b = hash(s->key + 2, v, 3, name)};
	size_t i;

	if (s->nseen * 2 >= s->seen_cap) {
		size_t cap = s->seen_cap ? s->seen_cap * 2 : 1024;
		struct seen *to = xcalloc(cap, sizeof(*to));
		for (size_t k = 0; k < s->seen_cap; k++) {
			if (!s->seen[k].a)
				continue;
			for (i = s->seen[k].a >> 1 & (cap - 1); to[i].a; i = (i + 1) & (cap - 1))
				;
			to[i] = s->seen[k];
		}
		free(s->seen);
		s->seen = to;
		s->seen_cap = cap;
	}
	for (i = it.a >> 1 & (s->seen_cap - 1); s->seen[i].a; i = (i + 1) & (s->seen_cap - 1))
		if (s->seen[i].a == it.a && s->seen[i].b == it.b)
			return false;
	s->seen[i] = it;
	s->nseen++;
	return true;
}

static size_t inode_slot(struct sealed_inode **v, size_t cap, uint64_t ino)
{
	size_t i = (size_t)(ino * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (cap - 1);

	while (v[i] && v[i]->ino != ino)
		i = (i + 1) & (cap - 1);
	return i;
}

struct sealed_inode *sealed_inode(struct seal *s, uint64_t ino)
{
	size_t i;

	if (s->ninodes * 2 >= s->inode_cap) {
		size_t cap = s->inode_cap ? s->inode_cap * 2 : 256;
		struct sealed_inode **to = xcalloc(cap, sizeof(struct sealed_inode *));
		for (size_t k = 0; k < s->inode_cap; k++)
			if (s->inode[k])
				to[inode_slot(to, cap, s->inode[k]->ino)] = s->inode[k];
		free(s->inode);
		s->inode = to;
		s->inode_cap = cap;
	}
	i = inode_slot(s->inode, s->inode_cap, ino);
	if (!s->inode[i]) {
		s->inode[i] = xcalloc(1, sizeof(struct sealed_inode));
		s->inode[i]->ino = ino;
		s->ninodes++;
	}
	return s->inode[i];
}

void sealed_sets_free(struct seal *s)
{
	for (size_t i = 0; i < s->inode_cap; i++)
		free(s->inode[i]);
	free(s->inode);
	free(s->seen);
}

/* True when the reader looks at node i, or at name in it: the set that it has tells. */
static bool wants(struct layer *l, uint32_t i, const char *name)
{
	uint32_t chain[LAYER_DEPTH_MAX + 2];
	struct seal *s = l->seal;
	struct touch *at;
	size_t n = 0;

	if (s->broken)
		return false;
	if (!s->was || s->moved)
		return true;
	for (; i != ROOT; i = node_at(l, i)->names->parent) {
		if (!node_at(l, i)->names || n == sizeof(chain) / sizeof(*chain))
			return true;
		chain[n++] = i;
	}
	at = touched_root(s->was);
	while (n && at && !(at->flags & TOUCH_WHOLE))
		at = touched_find(s->was, at, node_at(l, chain[--n])->names->s);
	if (name && at && !(at->flags & TOUCH_WHOLE))
		at = touched_find(s->was, at, name);
	return at;
}

/* Fine: what is measured takes less than a tick. */
static int64_t fine_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void held(struct seal *s, int64_t since)
{
	uint64_t ns = (uint64_t)(fine_ns() - since);

	if (ns > s->held)
		s->held = ns;
}

/* Attributes of a node, and bytes off to end of its data when end is not 0. */
static void keep(struct layer *l, uint32_t i, uint64_t off, uint64_t end)
{
	struct node *n = node_at(l, i);
	int64_t since = fine_ns();
	struct seal *s = l->seal;
	struct sealed_inode *in;
	cleanup_fd int own = -1;
	struct stat st;
	int fd;

	/* what is not in upper was not, or comes to be under a name that is kept */
	if (!node_is_upper(n))
		return;
	in = sealed_inode(s, n->upper_ino);
	if (in->kept && (!end || (n->rflags & RECORD_META)))
		return;
	fd = S_ISREG(n->mode) && !(n->rflags & RECORD_META) ? node_fd(l, i) : -1;
	if (fd < 0)
		fd = own = upper_open(l, i, node_is_dir(n) ? O_RDONLY | O_DIRECTORY : O_RDONLY);
	if (fd < 0 || fstat(fd, &st)) {
		/* nameless, gone: nobody wants it */
		if (fd != -ESTALE)
			seal_broken(l);
		return;
	}
	in = seal_inode(s, fd, NULL, &st);
	if (end && S_ISREG(n->mode) && !(n->rflags & RECORD_META))
		seal_data_fd(s, fd, in, off, end);
	held(s, since);
}

void seal_broken(struct layer *l)
{
	struct seal *s = l->seal;

	if (!s || s->broken)
		return;
	s->broken = true;
	s->on_broken(s->user);
}

/* What is kept in part is wanted, whatever name it has now. */
static bool wants_node(struct layer *l, uint32_t i)
{
	struct seal *s = l->seal;
	size_t at;

	if (!s || s->broken)
		return false;
	if (s->inode_cap && node_is_upper(node_at(l, i))) {
		at = inode_slot(s->inode, s->inode_cap, node_at(l, i)->upper_ino);
		if (s->inode[at] && s->inode[at]->kept)
			return true;
	}
	return wants(l, i, NULL);
}

void seal_node(struct layer *l, uint32_t i)
{
	if (wants_node(l, i))
		keep(l, i, 0, 0);
}

void seal_data(struct layer *l, uint32_t i, uint64_t off, uint64_t end)
{
	if (end > off && wants_node(l, i))
		keep(l, i, off, end);
}

/* A name that nobody wants may be a link of one that is wanted, whose count of links changes. */
static void keep_links(struct seal *s, int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
	    st.st_nlink > 1)
		seal_inode(s, dirfd, name, &st);
}

void seal_name(struct layer *l, uint32_t dir, const char *name, bool moves)
{
	cleanup_dir struct dir *d = NULL;
	int64_t since;

	if (!l->seal || l->seal->broken)
		return;
	seal_node(l, dir);
	since = fine_ns();
	if (dir_get(l, dir, &d))
		seal_broken(l);
	else if (d->upper >= 0 && !wants(l, dir, name))
		keep_links(l->seal, d->upper, name);
	else if (d->upper >= 0)
		seal_name_at(l->seal, d->upper, node_at(l, dir)->upper_ino, name, moves);
	held(l->seal, since);
}

void seal_moves(struct layer *l)
{
	if (l->seal)
		l->seal->moved = true;
}

void seal_inside(struct layer *l, int dirfd, const char *name)
{
	int64_t since = fine_ns();

	if (!l->seal || l->seal->broken)
		return;
	seal_dir_names(l->seal, dirfd, name);
	held(l->seal, since);
}

int seal_gone(struct layer *l, const char *temp)
{
	struct seal *s = l->seal;
	char name[SEAL_NAME_SIZE];

	if (s && !s->broken) {
		snprintf(name, sizeof(name), SEAL_GONE_FMT, s->dirs + 1);
		if (renameat(l->work, temp, s->dir, name) == 0) {
			s->dirs++;
			return 0;
		}
		seal_broken(l);
	}
	return dir_remove_tree(l->work, temp);
}

bool seal_reads(const struct layer *l)
{
	return l->seal && !l->seal->broken;
}

void seal_index(struct layer *l, int fd, const char *name)
{
	struct stat st;

	/* who has a set takes the index as it was stored */
	if (!l->seal || l->seal->broken || l->seal->was)
		return;
	if (fd >= 0 && !fstat(fd, &st))
		seal_inode(l->seal, fd, NULL, &st);
	if (!name)
		return;
	if (fstat(l->index, &st))
		seal_broken(l);
	else
		seal_name_at(l->seal, l->index, st.st_ino, name, false);
}

bool seal_linked(const struct layer *l, uint64_t ino)
{
	const struct seal *s = l->seal;
	size_t i = s && s->inode_cap ? inode_slot(s->inode, s->inode_cap, ino) : 0;

	return s && s->inode_cap && s->inode[i] && s->inode[i]->linked;
}
