/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The union: which layer an entry comes from, its attributes, its node. */
#include "core/buf.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int name_check(const char *name)
{
	size_t n = strnlen(name, NAME_MAX + 1);

	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	if (!n || memchr(name, '/', n) || (n <= 2 && !strncmp(name, "..", n)))
		return -EINVAL;
	return 0;
}

void upper_shown(const struct record *r, const struct stat *native, struct stat *st)
{
	*st = *native;
	st->st_mode = r->mode;
	st->st_uid = r->uid;
	st->st_gid = r->gid;
	st->st_rdev = r->rdev;
	st->st_dev = LAYER_DEV;
	st->st_ino = r->origin_ino ? ino_make((uint16_t)r->origin_dev, r->origin_ino)
				   : ino_make(TAG_UPPER, native->st_ino);
	if (!S_ISREG(r->mode) && !S_ISDIR(r->mode) && !S_ISLNK(r->mode))
		st->st_size = st->st_blocks = 0;
}

static void node_shown(struct layer *l, uint32_t i, const struct stat *found, struct stat *st)
{
	struct node *n = node_at(l, i);
	struct stat own = *found;
	const struct stat *native = &own;
	struct record r = {
	    .mode = n->mode,
	    .uid = n->uid,
	    .gid = n->gid,
	    .rdev = makedev(n->rdev_major, n->rdev_minor),
	    .origin_dev = n->origin_tag,
	    .origin_ino = n->origin_ino,
	};

	own.st_nlink -= seal_linked(l, own.st_ino);
	upper_shown(&r, native, st);
	if (n->flags & NODE_INDEXED)
		st->st_nlink = index_nlink(l, i, native->st_nlink);
	else if (S_ISDIR(n->mode) && !(n->flags & NODE_DEAD) && !(n->rflags & RECORD_OPAQUE))
		st->st_nlink = dir_nlink(l, i, native->st_nlink);
	if (n->rflags & RECORD_META) {
		struct stat low;
		if (!data_stat(l, i, &low)) {
			st->st_size = low.st_size;
			st->st_blocks = low.st_blocks;
		}
	}
	if (i == ROOT)
		st->st_ino = 1;
}

/* The upper half of a look-up: 0 with f->kind and f->whiteout set. */
static int upper_find(struct layer *l, struct dir *d, const char *name, struct found *f)
{
	struct name *nm = name_find(l, d->node, name);
	struct node *n = nm ? node_at(l, nm->node) : NULL;
	int err;

	/* Only we write upper: what a known node's record says needs no second reading. */
	if (n && (n->flags & NODE_UPPER)) {
		if (fstatat(d->upper, name, &f->st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    f->st.st_ino == n->upper_ino) {
			f->indexed = n->flags & NODE_INDEXED;
			node_record_get(n, &f->rec);
			f->kind = FOUND_UPPER;
			f->here = true;
			return 0;
		}
	}
	err = record_read_at(d->upper, name, &f->st, &f->rec);
	if (err)
		return err == -ENOENT ? 0 : err == -EPROTO ? -EIO : err;
	f->whiteout = f->rec.whiteout;
	if (f->whiteout)
		return 0;
	f->kind = FOUND_UPPER;
	f->here = true;
	if (S_ISREG(f->rec.mode) && f->rec.origin_ino && f->st.st_nlink > 1 && l->indexed)
		f->indexed = index_has(l, &f->rec, f->st.st_ino);
	return 0;
}

int union_find(struct layer *l, struct dir *d, const char *name, bool below, struct found *f)
{
	uint64_t dir_ino = 0;
	int err;

	f->kind = FOUND_NONE;
	f->whiteout = f->indexed = f->here = false;
	f->hit.kind = HIT_NONE;
	f->at = authority_step(d->at, name, strlen(name));
	if (f->at.word == AUTH_HIDE && !auth_is_waypoint(f->at))
		return 0;
	if (d->upper >= 0) {
		err = upper_find(l, d, name, f);
		if (err)
			return err;
		if (f->kind != FOUND_NONE && !below)
			return 0;
		if (f->whiteout && !below)
			return 0;
	}
	if (!d->sides.n && !auth_is_waypoint(f->at))
		return 0;
	/* a name for synthetic inode numbers that does not change when the parent is copied up */
	dir_ino = d->sides.n ? d->sides.s[0].ino : d->node == ROOT ? 1 : d->at.word + 2u;
	err = lower_find(l, &d->sides, dir_ino, name, f->at, &f->hit);
	if (err || f->hit.kind == HIT_NONE || f->kind != FOUND_NONE || f->whiteout)
		return err;
	f->kind = FOUND_LOWER;
	if (f->hit.kind == HIT_SHOWN && S_ISREG(f->hit.st.st_mode) && f->hit.st.st_nlink > 1 &&
	    l->indexed && index_find(l, f->hit.tag, &f->hit.st, &f->st, &f->rec)) {
		f->kind = FOUND_UPPER;
		f->indexed = true;
	}
	return 0;
}

static void lower_shown(const struct hit *h, struct stat *st)
{
	*st = h->st;
	st->st_dev = LAYER_DEV;
	st->st_ino = ino_make(h->tag, h->st.st_ino);
}

/* Reads where a redirected entry came from. */
static void origin_read(int dirfd, const char *name, struct node *n)
{
	char path[sizeof("/proc/self/fd/") + 12 + NAME_MAX + 1], buf[PATH_MAX];
	ssize_t len;

	free(n->origin);
	n->origin = NULL;
	if (!(n->rflags & RECORD_REDIRECT))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	len = lgetxattr(path, RECORD_ORIGIN_XATTR, buf, sizeof(buf) - 1);
	buf[len > 0 ? len : 0] = '\0';
	/* a redirect without its path merges nothing */
	n->origin = xstrdup(buf);
}

static void node_from(struct layer *l, uint32_t i, struct dir *d, const char *name,
		      const struct found *f)
{
	struct node *n = node_at(l, i);

	node_unhash(l, i);
	if (f->kind == FOUND_UPPER) {
		char buf[48];
		n->flags |= NODE_UPPER | (f->indexed ? NODE_INDEXED : 0);
		n->upper_ino = f->st.st_ino;
		node_record_set(n, &f->rec);
		if (f->indexed &&
		    index_name((uint16_t)f->rec.origin_dev, f->rec.origin_ino, buf) > 0)
			origin_read(l->index, buf, n);
		else
			origin_read(d->upper, name, n);
	} else {
		n->mode = f->hit.st.st_mode;
		n->lower_ino = f->hit.st.st_ino;
		n->tag = f->hit.tag;
	}
	node_hash(l, i);
}

static bool node_matches(const struct node *n, const struct found *f)
{
	if (f->kind == FOUND_UPPER)
		return (n->flags & NODE_UPPER) && n->upper_ino == f->st.st_ino;
	return !(n->flags & NODE_UPPER) && n->lower_ino == f->hit.st.st_ino &&
	       n->tag == f->hit.tag && (n->mode & S_IFMT) == (f->hit.st.st_mode & S_IFMT);
}

uint32_t union_adopt(struct layer *l, struct dir *d, const char *name, const struct found *f)
{
	struct name *nm = name_find(l, d->node, name);
	mode_t mode = f->kind == FOUND_UPPER ? f->rec.mode : f->hit.st.st_mode;
	uint32_t i;

	if (nm && node_matches(node_at(l, nm->node), f))
		return nm->node;
	if (nm) {
		/* the host put something else there */
		uint32_t old = nm->node;
		name_del(l, nm);
		node_drop(l, old);
	}
	i = 0;
	if (!S_ISDIR(mode))
		i = f->kind == FOUND_UPPER ? node_by_upper(l, f->st.st_ino)
					   : node_by_lower(l, f->hit.tag, f->hit.st.st_ino);
	if (i && (f->kind == FOUND_UPPER || f->hit.st.st_nlink > 1) &&
	    node_matches(node_at(l, i), f)) {
		name_add(l, d->node, name, i);
		return i;
	}
	i = node_new(l);
	node_from(l, i, d, name, f);
	name_add(l, d->node, name, i);
	return i;
}

uint32_t union_take(struct layer *l, struct dir *d, const char *name, const struct found *f,
		    struct stat *st)
{
	uint32_t i = union_adopt(l, d, name, f);

	if (f->indexed)
		node_at(l, i)->flags |= NODE_INDEXED;
	if (st && f->kind == FOUND_UPPER)
		node_shown(l, i, &f->st, st);
	else if (st)
		lower_shown(&f->hit, st);
	return i;
}

int union_node(struct layer *l, uint32_t dir, const char *name, uint32_t *node, struct stat *st)
{
	cleanup_dir struct dir *d = NULL;
	struct found f;
	int err = name_check(name);

	if (!err)
		err = dir_get(l, dir, &d);
	if (!err)
		err = union_find(l, d, name, false, &f);
	if (err)
		return err;
	if (f.kind == FOUND_NONE)
		return -ENOENT;
	*node = union_take(l, d, name, &f, st);
	return 0;
}

/* A lower node: found again by its name, still the same inode. */
static int lower_stat(struct layer *l, uint32_t i, struct stat *st)
{
	struct node *n = node_at(l, i);
	cleanup_dir struct dir *d = NULL;
	struct found f;
	int err, fd = node_fd(l, i);

	if (n->names) {
		err = dir_get(l, n->names->parent, &d);
		if (!err)
			err = union_find(l, d, n->names->s, false, &f);
		if (!err && f.kind != FOUND_NONE && node_matches(n, &f)) {
			lower_shown(&f.hit, st);
			return 0;
		}
	}
	if (fd < 0)
		fd = orphan_fd(l, i);
	if (fd < 0)
		return -ESTALE;
	if (fstat(fd, st) < 0)
		return -errno;
	st->st_dev = LAYER_DEV;
	st->st_ino = ino_make(n->tag, n->lower_ino);
	if (!n->names)
		st->st_nlink = 0;
	return 0;
}

/* The root of a view without an upper: the topmost lower's, by its record where it has records. */
static int lower_root_stat(struct layer *l, struct stat *st)
{
	cleanup_dir struct dir *d = NULL;
	struct record r;
	int err = dir_get(l, ROOT, &d);

	if (err)
		return err;
	if (!d->sides.n || fstat(d->sides.s[0].fd, st) < 0)
		return -EIO;
	if (l->lower[d->sides.s[0].lower].virtual) {
		err = record_read_at(d->sides.s[0].fd, ".", NULL, &r);
		if (err)
			return err;
		st->st_mode = r.mode;
		st->st_uid = r.uid;
		st->st_gid = r.gid;
	}
	st->st_dev = LAYER_DEV;
	st->st_ino = 1;
	return 0;
}

int union_stat(struct layer *l, uint32_t i, struct stat *st)
{
	struct node *n = node_at(l, i);
	cleanup_place struct place p = {.fd = -1};
	struct stat native;
	int err, fd;

	if (i == ROOT && !(n->flags & NODE_UPPER))
		return lower_root_stat(l, st);
	if (!(n->flags & NODE_UPPER))
		return lower_stat(l, i, st);
	err = place_of(l, i, &p);
	if (!err) {
		if (fstatat(p.fd, p.name, &native, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? -ESTALE : -errno;
	} else {
		fd = node_fd(l, i);
		if (fd < 0)
			fd = orphan_fd(l, i);
		if (fd < 0)
			return -ESTALE;
		if (fstat(fd, &native) < 0)
			return -errno;
		if (n->flags & NODE_DEAD)
			native.st_nlink = 0;
	}
	node_shown(l, i, &native, st);
	return 0;
}

void entry_give(struct layer *l, uint32_t i, const struct stat *st, struct layer_entry *out)
{
	node_at(l, i)->lookups++;
	out->node = node_id(l, i);
	out->st = *st;
}

int layer_lookup(struct layer *l, uint64_t dir, const char *name, const struct layer_cred *c,
		 struct layer_entry *out)
{
	uint32_t d = node_index(l, dir), i;
	struct stat st;
	int err;

	if (!d)
		return -ESTALE;
	err = union_node(l, d, name, &i, &st);
	if (err == -ENOENT && l->events_read && l->authority) {
		struct auth_at at;
		if (!node_auth(l, d, &at) &&
		    authority_step(at, name, strlen(name)).word == AUTH_HIDE)
			refuse(l, -ENOENT, d, name, c);
	}
	if (!err)
		entry_give(l, i, &st, out);
	return err;
}

void layer_forget(struct layer *l, uint64_t node, uint64_t n)
{
	uint32_t i = node_index(l, node);

	if (!i || i == ROOT)
		return;
	node_at(l, i)->lookups -= n < node_at(l, i)->lookups ? n : node_at(l, i)->lookups;
	node_drop(l, i);
}

int layer_getattr(struct layer *l, uint64_t node, struct stat *st)
{
	uint32_t i = node_index(l, node);

	return i ? union_stat(l, i, st) : -ESTALE;
}

int layer_walk(struct layer *l, const char *path, struct layer_entry *out)
{
	uint32_t i = ROOT;
	char name[NAME_MAX + 1];
	struct stat st;
	int err = *path == '/' ? union_stat(l, ROOT, &st) : -EINVAL;

	while (!err) {
		uint32_t up = i;
		size_t n;
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (!n)
			break;
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, n);
		name[n] = '\0';
		path += n;
		err = union_node(l, up, name, &i, &st);
		if (err)
			node_drop(l, up);
	}
	if (!err)
		entry_give(l, i, &st, out);
	return err;
}
