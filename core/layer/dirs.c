/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bounded cache of open directories (O_PATH descriptors of both layers), least recently used
 * out first. Upper is only written by us; a lower may be renamed or replaced by the host at any
 * time, so a directory with sides is opened anew when it was last looked at a second ago.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct auth_at auth_top(const struct layer *l)
{
	if (l->authority)
		return authority_root(l->authority);
	return (struct auth_at){.word = AUTH_WRITE, .own = true, .secret = true};
}

/* What holds at a child or, for a redirected one, at the place it came from. */
static struct auth_at auth_child(struct layer *l, struct auth_at up, const struct node *n,
				 const char *name)
{
	char path[PATH_MAX + 1] = "/";

	if (!l->authority || !n->origin || !(n->rflags & RECORD_REDIRECT))
		return authority_step(up, name, strlen(name));
	strncat(path, n->origin, PATH_MAX - 1);
	return authority_find(l->authority, path);
}

int node_auth(struct layer *l, uint32_t i, struct auth_at *at)
{
	uint32_t *chain = NULL;
	size_t n = 0;

	*at = auth_top(l);
	if (!l->authority)
		return 0;
	for (uint32_t k = i; k != ROOT; k = node_at(l, k)->names->parent) {
		if (!node_at(l, k)->names) {
			free(chain);
			return -ESTALE;
		}
		if (!(n & (n - 1)))
			chain = xrealloc(chain, (n ? n * 2 : 1) * sizeof(*chain));
		chain[n++] = k;
		if (node_at(l, k)->origin && (node_at(l, k)->rflags & RECORD_REDIRECT))
			break;
	}
	while (n--) {
		struct node *nd = node_at(l, chain[n]);
		*at = auth_child(l, *at, nd, nd->names->s);
	}
	free(chain);
	return 0;
}

void dirs_init(struct layer *l, uint32_t cap)
{
	l->dir_cap = cap;
	l->dir = xcalloc(cap, sizeof(*l->dir));
	l->lru.prev = l->lru.next = &l->lru;
}

static void lru_out(struct dir *d)
{
	d->prev->next = d->next;
	d->next->prev = d->prev;
}

static void lru_first(struct layer *l, struct dir *d)
{
	d->next = l->lru.next;
	d->prev = &l->lru;
	d->next->prev = d;
	l->lru.next = d;
}

static void dir_free(struct dir *d)
{
	fd_close(&d->upper);
	sides_close(&d->sides);
	free(d);
}

/* Takes d out of the cache; a pinned one lives until its last pin. */
static void dir_evict(struct layer *l, struct dir *d)
{
	node_at(l, d->node)->dir = 0;
	l->dir[d->slot] = NULL;
	l->ndirs--;
	lru_out(d);
	if (d->pins)
		d->gone = true;
	else
		dir_free(d);
}

void dir_drop(struct layer *l, uint32_t i)
{
	uint32_t slot = node_at(l, i)->dir;

	if (slot)
		dir_evict(l, l->dir[slot - 1]);
}

void dir_unpin(struct dir **d)
{
	struct dir *x = *d;

	if (x && !--x->pins && x->gone)
		dir_free(x);
	*d = NULL;
}

void dirs_free(struct layer *l)
{
	while (l->lru.next && l->lru.next != &l->lru)
		dir_evict(l, l->lru.next);
	free(l->dir);
}

/* Puts d into the cache; the oldest that nobody uses makes room. */
static void dir_insert(struct layer *l, struct dir *d)
{
	uint32_t slot = 0;

	if (l->ndirs == l->dir_cap) {
		struct dir *old = l->lru.prev;
		while (old != &l->lru && old->pins)
			old = old->prev;
		if (old == &l->lru)
			old = l->lru.prev; /* cannot be: a call pins four at most */
		slot = old->slot;
		dir_evict(l, old);
	} else {
		slot = l->ndirs;
		while (l->dir[slot])
			slot = (slot + 1) % l->dir_cap;
	}
	d->slot = slot;
	l->dir[slot] = d;
	l->ndirs++;
	node_at(l, d->node)->dir = slot + 1;
	lru_first(l, d);
}

/* The cached dir of i if it may be used as it is. */
static struct dir *dir_cached(struct layer *l, uint32_t i)
{
	uint32_t slot = node_at(l, i)->dir;
	struct dir *d = slot ? l->dir[slot - 1] : NULL;

	if (!d)
		return NULL;
	if (d->sides.n && i != ROOT && now_ns() - d->checked > REVALIDATE_NS) {
		dir_evict(l, d);
		return NULL;
	}
	if (d->epoch != l->epoch) {
		if (node_auth(l, i, &d->at))
			return NULL;
		d->epoch = l->epoch;
	}
	return d;
}

static int dir_open_sides(struct layer *l, struct dir *up, const struct node *n, const char *name,
			  struct dir *d)
{
	struct sides tmp;
	struct auth_at at;
	const char *last;
	int err;

	if (n->rflags & RECORD_OPAQUE)
		return 0;
	if (!(n->rflags & RECORD_REDIRECT) || !n->origin)
		return sides_step(l, &up->sides, name, d->at, &d->sides);
	err = sides_walk(l, n->origin, &tmp, &last, &at);
	if (err)
		return err == -ENOENT ? 0 : err; /* the host took the origin away */
	err = sides_step(l, &tmp, last, at, &d->sides);
	sides_close(&tmp);
	return err;
}

/* A directory that only lowers have must still be the one that was looked up. */
static int dir_same(struct layer *l, struct dir *up, const struct node *n, const char *name,
		    const struct dir *d)
{
	struct hit h;
	int err;

	if ((n->flags & NODE_UPPER) || n->tag == TAG_SYNTH)
		return 0;
	if (d->sides.n)
		return d->sides.s[0].ino == n->lower_ino && d->sides.s[0].tag == n->tag ? 0
											: -ESTALE;
	err = lower_find(l, &up->sides, 0, name, d->at, &h);
	if (!err && h.kind == HIT_NONE)
		err = -ESTALE;
	return err;
}

static int dir_open(struct layer *l, uint32_t i)
{
	struct node *n = node_at(l, i);
	cleanup_dir struct dir *up = NULL;
	struct dir *d;
	const char *name = n->names ? n->names->s : "";
	int err = 0;

	if (i != ROOT) {
		up = dir_cached(l, n->names->parent);
		if (!up)
			return -ESTALE;
		up->pins++;
	}
	d = xcalloc(1, sizeof(*d));
	*d = (struct dir){.node = i, .upper = -1, .epoch = l->epoch};
	d->checked = now_ns();
	if (i == ROOT) {
		d->at = auth_top(l);
		if (l->upper >= 0)
			d->upper = fcntl(l->upper, F_DUPFD_CLOEXEC, 0);
		if (l->upper >= 0 && d->upper < 0)
			err = -errno;
		if (!err)
			err = sides_root(l, &d->sides);
	} else {
		d->at = auth_child(l, up->at, n, name);
		if (n->flags & NODE_UPPER) {
			d->upper =
			    openat(up->upper, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (d->upper < 0)
				err = errno == ENOENT || errno == ENOTDIR ? -ESTALE : -errno;
		}
		if (!err)
			err = dir_open_sides(l, up, n, name, d);
		if (!err)
			err = dir_same(l, up, n, name, d);
	}
	if (err)
		dir_free(d);
	else
		dir_insert(l, d);
	return err;
}

int dir_get(struct layer *l, uint32_t i, struct dir **out)
{
	uint32_t *chain = NULL;
	size_t n = 0;
	int err = 0;

	if (!node_is_dir(node_at(l, i)))
		return -ENOTDIR;
	for (uint32_t k = i; !dir_cached(l, k); k = node_at(l, k)->names->parent) {
		if (!(n & (n - 1)))
			chain = xrealloc(chain, (n ? n * 2 : 1) * sizeof(*chain));
		chain[n++] = k;
		if (k == ROOT)
			break;
		if (!node_at(l, k)->names) {
			err = node_at(l, k)->flags & NODE_DEAD ? -ENOENT : -ESTALE;
			break;
		}
	}
	while (!err && n)
		err = dir_open(l, chain[--n]);
	free(chain);
	if (err)
		return err;
	*out = l->dir[node_at(l, i)->dir - 1];
	(*out)->pins++;
	lru_out(*out);
	lru_first(l, *out);
	return 0;
}
