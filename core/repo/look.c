/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places and things of a side: the union of an upper layer, wherever it lies, over base. */
#include "core/repo/look.h"
#include "core/buf.h"
#include "core/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INO_MASK ((UINT64_C(1) << 48) - 1)

static const struct layer_cred nobody = {0};

static int base_error(struct side *s, int err, const char *name)
{
	return err_set(&s->err, err, "base: %s: %s", name, strerror(-err));
}

/* Looks up in a base directory; *node is 0 when it is not there. */
static int base_find(struct side *s, uint64_t dir, const char *name, uint64_t *node,
		     struct stat *st)
{
	struct layer_entry le;
	int err;

	*node = 0;
	if (!dir)
		return 0;
	err = layer_lookup(s->base, dir, name, &nobody, &le);
	if (err == -ENOENT || err == -EACCES || err == -ENOTDIR)
		return 0;
	if (err)
		return base_error(s, err, name);
	*node = le.node;
	*st = le.st;
	return 0;
}

/* The base entry that a redirect names. */
static int base_walk(struct side *s, const char *path, uint64_t *node, struct stat *st)
{
	struct layer_entry le;
	char *abs;
	int err;

	*node = 0;
	if (!s->base || !*path)
		return 0;
	abs = xasprintf("/%s", path);
	err = layer_walk(s->base, abs, &le);
	free(abs);
	if (err == -ENOENT || err == -EACCES || err == -ENOTDIR)
		return 0;
	if (err)
		return base_error(s, err, path);
	*node = le.node;
	*st = le.st;
	return 0;
}

void base_forget(struct side *s, uint64_t *node)
{
	if (*node && *node != LAYER_ROOT)
		layer_forget(s->base, *node, 1);
	*node = 0;
}

int place_base(struct side *s, const struct place *p, const char *name, uint64_t *node,
	       struct stat *st)
{
	return base_find(s, p->node, name, node, st);
}

void place_close(struct side *s, struct place *p)
{
	base_forget(s, &p->node);
	ents_free(&p->ents);
	fd_close(&p->fd);
}

static int place_load(struct side *s, struct place *p)
{
	if (!p->upper)
		return 0;
	if (s->kind == SIDE_CHECKPOINT)
		return load_dir(s->r, &p->tree, p->root, &p->ents, NULL, NULL, &s->err);
	return scan_dir(&(struct at){.fd = p->fd}, 0, s->cache, &p->ents, &s->err);
}

int place_root(struct side *s, struct place *p)
{
	struct stat st;
	int err;

	*p = (struct place){.fd = -1, .root = true, .upper = s->kind != SIDE_BASE};
	if (s->base) {
		err = layer_getattr(s->base, LAYER_ROOT, &st);
		if (err)
			return base_error(s, err, "/");
		p->node = LAYER_ROOT;
		p->ino = st.st_ino;
	}
	p->tree = s->root;
	if (s->kind == SIDE_NOW) {
		p->fd = openat(s->r->upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (p->fd < 0)
			return err_sys(&s->err, "upper layer: cannot open");
	}
	err = place_load(s, p);
	if (err)
		place_close(s, p);
	return err;
}

/*
 * A base file with several names may have been copied up by another of them. The number of its
 * device's tag may differ in this view of base: inode, size and mtime tell it.
 */
static const struct ent *index_find(const struct side *s, const struct stat *st)
{
	int64_t mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;

	if (!S_ISREG(st->st_mode) || st->st_nlink < 2)
		return NULL;
	for (size_t i = 0; i < s->index.n; i++) {
		const struct record *r = &s->index.v[i].rec;
		if (r->origin_ino == (st->st_ino & INO_MASK) && r->lower_mtime == mtime &&
		    r->lower_size == (uint64_t)st->st_size)
			return &s->index.v[i];
	}
	return NULL;
}

static int find_in_base(struct side *s, struct place *p, const char *name, struct thing *t)
{
	int err = base_find(s, p->node, name, &t->node, &t->bst);
	const struct ent *x = t->node ? index_find(s, &t->bst) : NULL;

	t->there = t->node;
	if (x) {
		t->upper = true;
		t->x = *x;
		t->dirfd = s->index_fd;
		if (!(x->rec.flags & RECORD_META))
			base_forget(s, &t->node);
	}
	return err;
}

int place_find(struct side *s, struct place *p, const char *name, struct thing *t)
{
	const struct ent *x = ents_find(&p->ents, name);

	*t = (struct thing){.dirfd = p->fd};
	if (!x)
		return find_in_base(s, p, name, t);
	t->there = !x->rec.whiteout;
	t->upper = true;
	t->x = *x;
	if (!(x->rec.flags & RECORD_META))
		return 0;
	return x->redirect ? base_walk(s, x->redirect, &t->node, &t->bst)
			   : base_find(s, p->node, name, &t->node, &t->bst);
}

void thing_done(struct side *s, struct thing *t)
{
	base_forget(s, &t->node);
}

/* The base half of a directory that upper has. */
static int enter_base(struct side *s, struct place *p, const struct ent *x, const char *name,
		      struct place *out)
{
	struct stat st;
	int err;

	if (x->rec.flags & RECORD_OPAQUE)
		return 0;
	if (x->redirect)
		err = base_walk(s, x->redirect, &out->node, &st);
	else
		err = base_find(s, p->node, name, &out->node, &st);
	if (out->node && !S_ISDIR(st.st_mode))
		base_forget(s, &out->node);
	out->ino = out->node ? st.st_ino : 0;
	return err;
}

int place_enter(struct side *s, struct place *p, const struct thing *t, const char *name,
		struct place *out)
{
	struct stat st;
	int err;

	*out = (struct place){.fd = -1};
	if (!t->upper) {
		err = base_find(s, p->node, name, &out->node, &st);
		out->ino = out->node ? st.st_ino : 0;
		return err;
	}
	out->upper = true;
	out->tree = t->x.oid;
	if (s->kind == SIDE_NOW) {
		out->fd = openat(t->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (out->fd < 0 && errno != ENOENT && errno != ENOTDIR)
			return err_sys(&s->err, "upper layer: cannot open %s", name);
		out->upper = out->fd >= 0;
	}
	err = enter_base(s, p, &t->x, name, out);
	if (!err)
		err = place_load(s, out);
	if (err)
		place_close(s, out);
	return err;
}

static void names_add(struct names *n, const char *name)
{
	if (n->n == n->cap) {
		n->cap = n->cap ? n->cap * 2 : 64;
		n->v = xrealloc(n->v, n->cap * sizeof(*n->v));
	}
	n->v[n->n++] = name;
}

static bool take_name(void *user, const char *name, const struct layer_entry *le, off_t next)
{
	struct names *n = user;

	if (strcmp(name, ".") && strcmp(name, ".."))
		names_add(n, ents_dup(&n->mem, name, strlen(name)));
	return true;
}

int place_names(struct side *s, const struct place *p, bool base, struct names *names)
{
	uint64_t dh;
	int err;

	for (size_t i = 0; i < p->ents.n; i++)
		names_add(names, p->ents.v[i].name);
	if (!base || !p->node)
		return 0;
	err = layer_opendir(s->base, p->node, &dh);
	if (err == -EACCES || err == -ENOENT)
		return 0;
	if (err)
		return base_error(s, err, "cannot list");
	err = layer_readdir(s->base, dh, 0, false, take_name, names);
	layer_releasedir(s->base, dh);
	return err < 0 ? base_error(s, err, "cannot list") : 0;
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void names_sort(struct names *n)
{
	size_t kept = 0;

	if (n->n > 1)
		qsort(n->v, n->n, sizeof(*n->v), name_cmp);
	for (size_t i = 0; i < n->n; i++)
		if (!kept || strcmp(n->v[kept - 1], n->v[i]))
			n->v[kept++] = n->v[i];
	n->n = kept;
}

void look_names_free(struct names *n)
{
	free(n->v);
	ents_free(&n->mem);
	*n = (struct names){0};
}

mode_t thing_mode(const struct thing *t)
{
	return !t->there ? 0 : t->upper ? t->x.rec.mode : t->bst.st_mode;
}

int thing_stat(struct side *s, const struct thing *t, struct stat *st)
{
	const struct record *r = &t->x.rec;
	uint64_t size = 0;
	int err = 0;

	*st = t->bst;
	st->st_ino = 0;
	st->st_nlink = t->bst.st_nlink > 1 ? 2 : 1;
	if (!t->upper)
		return 0;
	st->st_mode = r->mode;
	st->st_uid = r->uid;
	st->st_gid = r->gid;
	st->st_rdev = r->rdev;
	st->st_mtim = t->x.mtime;
	st->st_nlink = t->x.link || t->x.st.st_nlink > 1 ? 2 : 1;
	if (r->flags & RECORD_META)
		return 0; /* base's size */
	if (S_ISREG(r->mode) || S_ISLNK(r->mode))
		err = s->kind == SIDE_CHECKPOINT ? content_size(s->r, &t->x, &size) : 0;
	st->st_size = (off_t)(s->kind == SIDE_CHECKPOINT ? size : t->x.size);
	if (S_ISDIR(r->mode) || (!S_ISREG(r->mode) && !S_ISLNK(r->mode)))
		st->st_size = 0;
	return err;
}

static int xattr_cmp(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

static int base_xattrs(struct side *s, uint64_t node, struct ents *mem, struct xattr **v, size_t *n)
{
	ssize_t len = layer_listxattr(s->base, node, NULL, 0), size;
	char *list, *value;
	size_t max = 0;

	*n = 0;
	*v = NULL;
	if (len <= 0)
		return len == -EOPNOTSUPP || !len ? 0 : (int)len;
	list = ents_alloc(mem, (size_t)len);
	len = layer_listxattr(s->base, node, list, (size_t)len);
	for (char *at = list; len > 0 && at < list + len; at += strlen(at) + 1)
		max++;
	*v = ents_alloc(mem, max * sizeof(**v));
	value = xmalloc(65536);
	for (char *at = list; len > 0 && at < list + len; at += strlen(at) + 1) {
		size = layer_getxattr(s->base, node, at, value, 65536);
		if (size < 0)
			continue;
		(*v)[(*n)++] = (struct xattr){
		    .name = at,
		    .value = ents_dup(mem, value, (size_t)size),
		    .len = (size_t)size,
		};
	}
	free(value);
	if (*n > 1)
		qsort(*v, *n, sizeof(**v), xattr_cmp);
	return 0;
}

int thing_xattrs(struct side *s, const struct thing *t, struct ents *mem, struct xattr **v,
		 size_t *n)
{
	*v = NULL;
	*n = 0;
	if (!t->there)
		return 0;
	if (!t->upper)
		return t->node ? base_xattrs(s, t->node, mem, v, n) : 0;
	*v = t->x.xattrs;
	*n = t->x.nxattrs;
	return 0;
}

static int64_t ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

bool thing_drifted(const struct thing *t, const struct stat *base)
{
	const struct record *r = &t->x.rec;

	if (!t->upper || !r->origin_ino || !base || S_ISDIR(r->mode))
		return false;
	return r->lower_size != (uint64_t)base->st_size || r->lower_mtime != ns(&base->st_mtim) ||
	       r->lower_ctime != ns(&base->st_ctim);
}
