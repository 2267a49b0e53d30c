/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copy-up: a lower entry gets an inode in upper, first its metadata, its data when it is written.
 *
 * A temporary with record, attributes, times and perhaps data is linked or renamed into place; data
 * that follows later is data.c's.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include "core/usage.h"
#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define XATTR_LIST_MAX 65536

int64_t ts_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

ssize_t lower_path(struct layer *l, uint32_t i, char *buf, size_t size)
{
	size_t at = size - 1, n;

	buf[at] = '\0';
	for (; i != ROOT; i = node_at(l, i)->names->parent) {
		const struct node *nd = node_at(l, i);
		bool moved = (nd->rflags & RECORD_REDIRECT) && nd->origin;
		const char *s = moved ? nd->origin : nd->names ? nd->names->s : NULL;
		if (!s)
			return -ESTALE;
		n = strlen(s);
		if (n + 1 > at)
			return -ENAMETOOLONG;
		if (at != size - 1)
			buf[--at] = '/';
		at -= n;
		memcpy(buf + at, s, n);
		if (moved)
			break;
	}
	n = size - 1 - at;
	memmove(buf, buf + at, n + 1);
	return (ssize_t)n;
}

static bool xattr_wanted(const char *name)
{
	return !strncmp(name, "user.", 5) || !strcmp(name, "security.capability") ||
	       !strcmp(name, "system.posix_acl_access") ||
	       !strcmp(name, "system.posix_acl_default");
}

/* Lower's attributes become the guest's; one that does not fit is left out. */
static void xattrs_copy(int from, int to, bool virtual)
{
	char *list = xmalloc(XATTR_LIST_MAX), *value = xmalloc(XATTR_SIZE_MAX);
	ssize_t n = flistxattr(from, list, XATTR_LIST_MAX);

	for (char *s = list; n > 0 && s < list + n; s += strlen(s) + 1) {
		char name[sizeof(RECORD_GUEST_PREFIX) + XATTR_NAME_MAX];
		ssize_t got;
		size_t k = strlen(RECORD_GUEST_PREFIX);
		if (virtual ? strncmp(s, RECORD_GUEST_PREFIX, k) : !xattr_wanted(s))
			continue;
		got = fgetxattr(from, s, value, XATTR_SIZE_MAX);
		if (got < 0)
			continue;
		snprintf(name, sizeof(name), "%s%s", virtual ? "" : RECORD_GUEST_PREFIX, s);
		fsetxattr(to, name, value, (size_t)got, 0);
	}
	free(list);
	free(value);
}

void record_from(struct record *r, const struct hit *h)
{
	*r = (struct record){
	    .mode = h->st.st_mode,
	    .uid = h->st.st_uid,
	    .gid = h->st.st_gid,
	    .rdev = h->st.st_rdev,
	    .origin_dev = h->tag,
	    .origin_ino = h->st.st_ino,
	    .lower_size = (uint64_t)h->st.st_size,
	    .lower_mtime = ts_ns(&h->st.st_mtim),
	    .lower_ctime = ts_ns(&h->st.st_ctim),
	};
}

void node_uppered(struct layer *l, uint32_t i, const struct record *r, ino_t ino)
{
	struct node *n = node_at(l, i);

	node_unhash(l, i);
	n->flags |= NODE_UPPER;
	n->upper_ino = ino;
	node_record_set(n, r);
	node_hash(l, i);
	dir_drop(l, i);
}

/* Entering an entry for a copy-up is no change of the directory that the guest made. */
int times_get(int dirfd, struct timespec ts[2])
{
	struct stat st;

	if (fstat(dirfd, &st) < 0)
		return -errno;
	ts[0] = st.st_atim;
	ts[1] = st.st_mtim;
	return 0;
}

static int copyup_one_dir(struct layer *l, uint32_t i, struct dir *up, const struct found *f)
{
	const char *name = node_at(l, i)->names->s;
	struct timespec ts[2] = {f->hit.st.st_atim, f->hit.st.st_mtim}, keep[2];
	cleanup_fd int fd = -1;
	struct record r;
	struct stat st;
	char temp[24];
	int err = times_get(up->upper, keep);

	do
		temp_name(l, temp);
	while (!err && mkdirat(l->work, temp, 0700) < 0 && (errno == EEXIST || (err = -errno, 0)));
	if (err)
		return err;
	record_from(&r, &f->hit);
	fd = openat(l->work, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		err = -errno;
	if (!err)
		err = record_write(fd, &r, false);
	if (!err && f->hit.kind == HIT_SHOWN) {
		const struct side *s = &up->sides.s[f->hit.side];
		bool in = guard_enter(l, s, f->at);
		cleanup_fd int low = openat(
		    s->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		guard_leave(in);
		if (low >= 0)
			xattrs_copy(low, fd, l->lower[s->lower].virtual);
	}
	if (!err && futimens(fd, ts) < 0)
		err = -errno;
	if (!err && renameat(l->work, temp, up->upper, name) < 0)
		err = -errno;
	if (err) {
		unlinkat(l->work, temp, AT_REMOVEDIR);
		return err;
	}
	quota_add(l, USAGE_DIR, 1);
	utimensat(up->upper, ".", keep, 0);
	node_uppered(l, i, &r, st.st_ino);
	return 0;
}

/* Target of a lower symlink into t's file. */
static int link_copy(struct layer *l, struct dir *up, const char *name, const struct found *f,
		     int to)
{
	const struct side *s = &up->sides.s[f->hit.side];
	char target[PATH_MAX];
	ssize_t n;

	if (l->lower[s->lower].virtual) {
		cleanup_fd int fd = openat(s->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		n = fd < 0 ? -errno : fd_read_full(fd, target, sizeof(target));
	} else {
		n = readlinkat(s->fd, name, target, sizeof(target));
		if (n < 0)
			n = -errno;
	}
	return n < 0 ? (int)n : fd_write_full(to, target, (size_t)n);
}

/* Content of the temporary: data, or the size alone with META set in r. */
static int file_fill(struct layer *l, uint32_t i, struct dir *up, const struct found *f, int to,
		     off_t keep, struct record *r)
{
	const char *name = node_at(l, i)->names->s;
	off_t size = f->hit.st.st_size;
	cleanup_fd int low = -1;

	if (S_ISLNK(r->mode))
		return link_copy(l, up, name, f, to);
	if (!S_ISREG(r->mode))
		return 0;
	low = lower_open(l, &up->sides, name, f->at, &f->hit, O_RDONLY);
	if (low < 0)
		return low;
	xattrs_copy(low, to, l->lower[up->sides.s[f->hit.side].lower].virtual);
	if (keep < 0 && size) {
		r->flags |= RECORD_META;
		return ftruncate(to, size) < 0 ? -errno : 0;
	}
	return keep < 0 ? 0 : data_fill(low, to, keep, size);
}

static int copyup_one_file(struct layer *l, uint32_t i, struct dir *up, const struct found *f,
			   off_t keep)
{
	const char *name = node_at(l, i)->names->s;
	struct timespec ts[2] = {f->hit.st.st_atim, f->hit.st.st_mtim}, times[2];
	bool many = S_ISREG(f->hit.st.st_mode) && f->hit.st.st_nlink > 1;
	struct record r;
	struct temp t;
	struct stat st;
	uint64_t size = (uint64_t)f->hit.st.st_size;
	int err = quota_room(l,
			     keep < 0		     ? 0
			     : (uint64_t)keep < size ? (uint64_t)keep
						     : size,
			     1, i, NULL, NULL);

	if (!err)
		err = temp_make(l, &t);
	if (err)
		return err;
	record_from(&r, &f->hit);
	if (keep >= 0 && keep != COPYUP_ALL)
		ts[1].tv_nsec = UTIME_NOW; /* a truncation */
	err = file_fill(l, i, up, f, t.fd, keep, &r);
	if (!err)
		err = record_write(t.fd, &r, false);
	if (!err && (futimens(t.fd, ts) < 0 || fstat(t.fd, &st) < 0))
		err = -errno;
	if (!err)
		err = times_get(up->upper, times);
	if (!err && many)
		err =
		    index_add(l, t.fd, f->hit.tag, f->hit.st.st_ino, (uint32_t)f->hit.st.st_nlink);
	if (!err)
		err = temp_place(l, &t, up->upper, name, false);
	if (!err) {
		utimensat(up->upper, ".", times, 0);
		if (many)
			node_at(l, i)->flags |= NODE_INDEXED;
		node_uppered(l, i, &r, st.st_ino);
		if (many)
			index_settle_node(l, i);
		quota_add(l, quota_fd(t.fd), 1);
	} else if (many) {
		/* should it have an index entry already, that is a whole one */
		char index[48];
		index_name(f->hit.tag, f->hit.st.st_ino, index);
		index_settle(l, index);
	}
	temp_drop(l, &t);
	return err ? err : handles_follow(l, i);
}

static int copyup_one(struct layer *l, uint32_t i, off_t keep)
{
	struct node *n = node_at(l, i);
	cleanup_dir struct dir *up = NULL;
	struct found f;
	int err;

	if (!n->names)
		return -ESTALE;
	err = dir_get(l, n->names->parent, &up);
	if (!err)
		err = union_find(l, up, n->names->s, false, &f);
	if (err)
		return err;
	if (f.kind != FOUND_LOWER || f.hit.st.st_ino != n->lower_ino || f.hit.tag != n->tag)
		return -ESTALE;
	touch_name(l, n->names->parent, n->names->s, true);
	return node_is_dir(n) ? copyup_one_dir(l, i, up, &f) : copyup_one_file(l, i, up, &f, keep);
}

int copyup_dir(struct layer *l, uint32_t i)
{
	uint32_t *chain = NULL;
	size_t n = 0;
	int err = 0;

	while (!(node_at(l, i)->flags & NODE_UPPER)) {
		if (!(n & (n - 1)))
			chain = xrealloc(chain, (n ? n * 2 : 1) * sizeof(*chain));
		chain[n++] = i;
		if (!node_at(l, i)->names) {
			err = -ESTALE;
			break;
		}
		i = node_at(l, i)->names->parent;
	}
	while (!err && n)
		err = copyup_one(l, chain[--n], -1);
	free(chain);
	return err;
}

int copyup_file(struct layer *l, uint32_t i, off_t keep)
{
	struct node *n = node_at(l, i);
	int err;

	if (!n->names)
		return -ESTALE;
	err = copyup_dir(l, n->names->parent);
	return err ? err : copyup_one(l, i, keep);
}

int copyup_meta(struct layer *l, uint32_t i)
{
	if (node_at(l, i)->flags & NODE_UPPER)
		return 0;
	return node_is_dir(node_at(l, i)) ? copyup_dir(l, i) : copyup_file(l, i, -1);
}

static int flags_set(struct layer *l, uint32_t i, uint32_t flags, const char *origin)
{
	struct node *n = node_at(l, i);
	cleanup_fd int fd = upper_open(l, i, node_is_dir(n) ? O_RDONLY | O_DIRECTORY : O_RDWR);
	int64_t before;
	struct record r;
	int err;

	if (fd < 0)
		return fd;
	touch_node(l, i);
	before = quota_fd(fd);
	err = upper_record(l, i, fd, &r);
	if (!err && origin && fsetxattr(fd, RECORD_ORIGIN_XATTR, origin, strlen(origin), 0) < 0)
		err = -errno;
	if (err)
		return err;
	r.flags |= flags;
	if (flags & RECORD_OPAQUE)
		r.flags &= ~(uint32_t)RECORD_REDIRECT;
	err = record_write(fd, &r, true);
	quota_grew(l, fd, before);
	if (err)
		return err;
	n->rflags = r.flags;
	if (origin) {
		free(n->origin);
		n->origin = xstrdup(origin);
	}
	return 0;
}

int redirect_set(struct layer *l, uint32_t i)
{
	struct node *n = node_at(l, i);
	char path[PATH_MAX];
	ssize_t len;

	if ((n->rflags & (RECORD_REDIRECT | RECORD_OPAQUE)) ||
	    (!node_is_dir(n) && !(n->rflags & RECORD_META)))
		return 0;
	len = lower_path(l, i, path, sizeof(path));
	if (len < 0)
		return (int)len;
	return flags_set(l, i, RECORD_REDIRECT, path);
}

int dir_set_opaque(struct layer *l, uint32_t i)
{
	int err = flags_set(l, i, RECORD_OPAQUE, NULL);

	dir_drop(l, i);
	return err;
}
