/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copy-up: a lower entry gets an inode in upper, first its metadata, its data when it is written.
 *
 * Metadata: a temporary with record, attributes and times, linked or renamed into place. Data of a
 * META entry: copied into the same upper inode, made durable (the lower's bytes were, and must not
 * turn to zeros in a power cut), then the META flag is cleared, which is one setxattr: atomic, and
 * hard links and open descriptors stay.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COPY_CHUNK (256u << 10)
#define XATTR_LIST_MAX 65536

static int64_t ts_ns(const struct timespec *t)
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

/* Finds where the lower file of a META or lower node is: its directory's sides and its hit. */
static int data_find(struct layer *l, uint32_t i, struct sides *ss, bool *owned, const char **name,
		     struct auth_at *at, struct hit *h, struct dir **d)
{
	struct node *n = node_at(l, i);
	int err;

	*owned = false;
	if ((n->rflags & RECORD_REDIRECT) && n->origin) {
		err = sides_walk(l, n->origin, ss, name, at);
		*owned = !err;
	} else if (!n->names) {
		return -ESTALE;
	} else {
		err = dir_get(l, n->names->parent, d);
		if (err)
			return err;
		*ss = (*d)->sides;
		*name = n->names->s;
		*at = authority_step((*d)->at, *name, strlen(*name));
	}
	if (!err)
		err = lower_find(l, ss, 0, *name, *at, h);
	if (!err && (h->kind != HIT_SHOWN || !S_ISREG(h->st.st_mode)))
		err = -ENOENT;
	return err;
}

int data_stat(struct layer *l, uint32_t i, struct stat *st)
{
	cleanup_dir struct dir *d = NULL;
	struct sides ss;
	struct auth_at at;
	struct hit h = {0};
	const char *name;
	bool owned;
	int err = data_find(l, i, &ss, &owned, &name, &at, &h, &d);

	if (owned)
		sides_close(&ss);
	*st = h.st;
	return err;
}

int data_open(struct layer *l, uint32_t i, int flags, struct stat *st)
{
	struct node *n = node_at(l, i);
	cleanup_dir struct dir *d = NULL;
	struct sides ss;
	struct auth_at at;
	struct hit h;
	const char *name;
	bool owned, upper = n->flags & NODE_UPPER;
	int fd, err;

	if (upper ? !(n->rflags & RECORD_META) : !S_ISREG(n->mode))
		return -EINVAL;
	err = data_find(l, i, &ss, &owned, &name, &at, &h, &d);
	if (!err && !upper && (h.st.st_ino != n->lower_ino || h.tag != n->tag))
		err = -ESTALE;
	fd = err ? err : lower_open(l, &ss, name, at, &h, flags);
	if (owned)
		sides_close(&ss);
	if (fd >= 0 && st)
		*st = h.st;
	/* the host took away the data of a file whose metadata upper has */
	return fd == -ENOENT ? (upper ? -EIO : -ESTALE) : fd;
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

/* Copies [off, end) by the kernel, or through memory where it cannot. */
static int range_copy(int from, int to, off_t off, off_t end)
{
	char *mem = NULL;
	int err = 0;

	while (off < end && !err) {
		off_t in = off, out = off;
		ssize_t n = mem ? -1 : copy_file_range(from, &in, to, &out, (size_t)(end - off), 0);
		if (n < 0) {
			size_t want = end - off < COPY_CHUNK ? (size_t)(end - off) : COPY_CHUNK;
			if (!mem && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) {
				err = -errno;
				break;
			}
			if (!mem)
				mem = xmalloc(COPY_CHUNK);
			n = pread(from, mem, want, off);
			if (n < 0)
				err = -errno;
			for (ssize_t put = 0, k; !err && put < n; put += k) {
				k = pwrite(to, mem + put, (size_t)(n - put), off + put);
				if (k < 0)
					err = -errno;
			}
		}
		if (n <= 0)
			break; /* the host cut the file short */
		off += n;
	}
	free(mem);
	return err;
}

/* The first len bytes of from go to to, holes stay holes. */
static int data_copy(int from, int to, off_t len, off_t size)
{
	off_t off = 0;
	int err = 0;

	if (len == size && ioctl(to, FICLONE, from) == 0)
		return 0;
	if (ftruncate(to, len) < 0)
		return -errno;
	while (off < len && !err) {
		off_t data = lseek(from, off, SEEK_DATA), hole;
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			data = off;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0 || hole > len)
			hole = len;
		err = range_copy(from, to, data, hole);
		off = hole > off ? hole : len;
	}
	return err;
}

static void record_from(struct record *r, const struct hit *h)
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

static void node_uppered(struct layer *l, uint32_t i, const struct record *r, ino_t ino)
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
static int times_get(int dirfd, struct timespec ts[2])
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
	int err = 0;

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
	if (size > keep && keep >= 0)
		err = data_copy(low, to, keep, size);
	else if (size)
		err = data_copy(low, to, size, size);
	if (!err && keep && size && fdatasync(to) < 0)
		err = -errno;
	return err;
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
	int err = temp_make(l, &t);

	if (err)
		return err;
	record_from(&r, &f->hit);
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
			index_covered(l, i);
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

static int copyup_file(struct layer *l, uint32_t i, off_t keep)
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

/* An unlinked lower file that is still open has nowhere to be copied but into the void. */
static int copyup_orphan(struct layer *l, uint32_t i, off_t keep)
{
	struct node *n = node_at(l, i);
	int from = node_fd(l, i), err;
	struct temp t;
	struct stat st, own;
	struct hit h = {.tag = n->tag};
	struct record r;

	if (from < 0)
		from = orphan_fd(l, i);
	if (from < 0)
		return -ESTALE;
	if (fstat(from, &st) < 0)
		return -errno;
	err = temp_make(l, &t);
	if (err)
		return err;
	h.st = st;
	record_from(&r, &h);
	err = data_copy(from, t.fd, keep < st.st_size ? keep : st.st_size, st.st_size);
	if (!err)
		err = record_write(t.fd, &r, false);
	if (!err && fstat(t.fd, &own) < 0)
		err = -errno;
	if (!err) {
		node_uppered(l, i, &r, own.st_ino);
		orphan_drop(l, i);
		orphan_keep(l, i, fcntl(t.fd, F_DUPFD_CLOEXEC, 0));
	}
	temp_drop(l, &t);
	return err ? err : handles_follow(l, i);
}

int copyup_data(struct layer *l, uint32_t i, off_t keep)
{
	struct node *n = node_at(l, i);
	cleanup_fd int to = -1, from = -1;
	struct timespec ts[2];
	struct record r;
	struct stat low;
	off_t size;
	int err;

	if (!S_ISREG(n->mode))
		return -EINVAL;
	if (!(n->flags & NODE_UPPER))
		return n->names ? copyup_file(l, i, keep) : copyup_orphan(l, i, keep);
	if (!(n->rflags & RECORD_META))
		return 0;
	to = upper_open(l, i, O_RDWR);
	if (to < 0)
		return to;
	err = times_get(to, ts);
	if (!err)
		err = upper_record(l, i, to, &r);
	if (!err && keep) {
		from = data_open(l, i, O_RDONLY, &low);
		if (from == -ESTALE)
			from = fcntl(node_lower_fd(l, i), F_DUPFD_CLOEXEC, 0);
		if (from < 0)
			return from < -1 ? from : -EIO;
		if (fstat(from, &low) < 0)
			return -errno;
		size = low.st_size;
		err = data_copy(from, to, keep < size ? keep : size, size);
		if (!err && fdatasync(to) < 0)
			err = -errno;
	} else if (!err && ftruncate(to, 0) < 0) {
		err = -errno;
	}
	if (err)
		return err;
	r.flags &= ~(uint32_t)(RECORD_META | RECORD_REDIRECT);
	futimens(to, ts);
	err = record_write(to, &r, true);
	if (err)
		return err;
	fremovexattr(to, RECORD_ORIGIN_XATTR);
	n->rflags = r.flags;
	free(n->origin);
	n->origin = NULL;
	return handles_follow(l, i);
}

static int flags_set(struct layer *l, uint32_t i, uint32_t flags, const char *origin)
{
	struct node *n = node_at(l, i);
	cleanup_fd int fd = upper_open(l, i, node_is_dir(n) ? O_RDONLY | O_DIRECTORY : O_RDWR);
	struct record r;
	int err;

	if (fd < 0)
		return fd;
	err = upper_record(l, i, fd, &r);
	if (!err && origin && fsetxattr(fd, RECORD_ORIGIN_XATTR, origin, strlen(origin), 0) < 0)
		err = -errno;
	if (err)
		return err;
	r.flags |= flags;
	if (flags & RECORD_OPAQUE)
		r.flags &= ~(uint32_t)RECORD_REDIRECT;
	err = record_write(fd, &r, true);
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

enum layer_source layer_source_of(struct layer *l, uint64_t node, bool *drift)
{
	uint32_t i = node_index(l, node);
	cleanup_fd int fd = -1, low = -1;
	struct record r;
	struct stat st;

	if (drift)
		*drift = false;
	if (!i || !(node_at(l, i)->flags & NODE_UPPER))
		return LAYER_FROM_LOWER;
	if (!(node_at(l, i)->rflags & RECORD_META))
		return LAYER_FROM_UPPER;
	if (drift) {
		fd = upper_open(l, i, O_RDONLY);
		low = data_open(l, i, O_RDONLY, &st);
		*drift = fd < 0 || low < 0 || upper_record(l, i, fd, &r) ||
			 r.lower_size != (uint64_t)st.st_size ||
			 r.lower_mtime != ts_ns(&st.st_mtim) || r.lower_ctime != ts_ns(&st.st_ctim);
	}
	return LAYER_FROM_META;
}
