/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changing attributes, and reading link targets. */
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* As Linux' file_remove_privs: set-gid without group execute marks mandatory locking, it stays. */
static mode_t without_setid(mode_t mode)
{
	if (S_ISDIR(mode))
		return mode;
	mode &= ~(mode_t)S_ISUID;
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		mode &= ~(mode_t)S_ISGID;
	return mode;
}

int kill_privs(struct layer *l, uint32_t i, int fd, bool setid)
{
	struct node *n = node_at(l, i);
	struct record r;
	int err;

	if (!(n->flags & NODE_CAPFREE)) {
		if (fremovexattr(fd, CAPS_XATTR) < 0 && errno != ENODATA)
			return -errno;
		n->flags |= NODE_CAPFREE;
	}
	if (!setid || without_setid(n->mode) == n->mode)
		return 0;
	err = upper_record(l, i, fd, &r);
	if (err)
		return err;
	r.mode = without_setid(r.mode);
	err = record_write(fd, &r, true);
	if (!err)
		n->mode = r.mode;
	return err;
}

int truncate_node(struct layer *l, uint32_t i, off_t size)
{
	const struct node *n = node_at(l, i);
	bool base = !node_is_upper(n) || (n->rflags & RECORD_META);
	cleanup_fd int fd = -1;
	int64_t before;
	struct stat st;
	int err = base ? copyup_data(l, i, size) : 0;

	if (err)
		return err;
	fd = upper_open(l, i, O_RDWR);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* what is cut off, or the hole that comes; the last chunk changes its length */
	touch_data(l, i, (uint64_t)(st.st_size < size ? st.st_size : size), TOUCHED_END);
	before = quota_of(&st);
	if (!base && ftruncate(fd, size) < 0)
		return -errno;
	err = kill_privs(l, i, fd, false);
	quota_grew(l, fd, before);
	return err;
}

static bool set_times(int what, const struct stat *in, struct timespec ts[2])
{
	ts[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
	ts[1] = (struct timespec){.tv_nsec = UTIME_OMIT};
	if (what & LAYER_SET_ATIME)
		ts[0] = in->st_atim;
	if (what & LAYER_SET_MTIME)
		ts[1] = in->st_mtim;
	if (what & LAYER_SET_ATIME_NOW)
		ts[0] = (struct timespec){.tv_nsec = UTIME_NOW};
	if (what & LAYER_SET_MTIME_NOW)
		ts[1] = (struct timespec){.tv_nsec = UTIME_NOW};
	return ts[0].tv_nsec != UTIME_OMIT || ts[1].tv_nsec != UTIME_OMIT;
}

static bool same_record(const struct record *a, const struct record *b)
{
	uint8_t x[RECORD_SIZE], y[RECORD_SIZE];

	record_encode(a, x);
	record_encode(b, y);
	return !memcmp(x, y, sizeof(x));
}

/* Mode and owner in one record, so that no state between is ever seen. */
static int set_record(struct layer *l, uint32_t i, int fd, int what, const struct stat *in)
{
	struct node *n = node_at(l, i);
	struct record r, old;
	int err = upper_record(l, i, fd, &r);

	if (err)
		return err;
	old = r;
	if (what & LAYER_SET_UID)
		r.uid = in->st_uid;
	if (what & LAYER_SET_GID)
		r.gid = in->st_gid;
	if (what & LAYER_SET_MODE)
		r.mode = (r.mode & S_IFMT) | (in->st_mode & 07777);
	else if (what & (LAYER_SET_UID | LAYER_SET_GID | LAYER_KILL_SUIDGID))
		r.mode = without_setid(r.mode);
	if ((what & (LAYER_SET_UID | LAYER_SET_GID)) && S_ISREG(r.mode) &&
	    !(n->flags & NODE_CAPFREE)) {
		if (fremovexattr(fd, CAPS_XATTR) < 0 && errno != ENODATA)
			return -errno;
		n->flags |= NODE_CAPFREE;
	}
	if (r.mode != old.mode && !(n->flags & NODE_BARE))
		err = acl_chmod(fd, r.mode);
	if (err)
		return err;
	/* The same record again would move no ctime. */
	if (same_record(&r, &old))
		err = fchmod(fd, S_ISDIR(r.mode) ? 0700 : 0600) < 0 ? -errno : 0;
	else
		err = record_write(fd, &r, true);
	if (!err) {
		n->mode = r.mode;
		n->uid = r.uid;
		n->gid = r.gid;
	}
	return err;
}

static void tell_set(struct layer *l, uint32_t i, int what, const struct stat *in, bool times,
		     const struct layer_cred *c)
{
	const struct node *n = node_at(l, i);

	if (what & LAYER_SET_SIZE)
		tell_node(l, EVENT_TRUNCATE, i, n->mode, (uint64_t)in->st_size, c, NULL);
	if (what & LAYER_SET_MODE)
		tell_node(l, EVENT_CHMOD, i, n->mode, 0, c, NULL);
	if (what & (LAYER_SET_UID | LAYER_SET_GID))
		tell_node(l, EVENT_CHOWN, i, n->mode, (uint64_t)n->uid << 32 | n->gid, c, NULL);
	if (times && !(what & LAYER_SET_SIZE))
		tell_node(l, EVENT_UTIMES, i, n->mode, 0, c, NULL);
}

int layer_setattr(struct layer *l, uint64_t node, uint64_t fh, int what, const struct stat *in,
		  const struct layer_cred *c, struct stat *out)
{
	const int owner = LAYER_SET_MODE | LAYER_SET_UID | LAYER_SET_GID;
	uint32_t i = node_index(l, node);
	cleanup_fd int own = -1;
	struct timespec ts[2];
	int fd;
	bool times = set_times(what, in, ts);
	int err;

	if (!i)
		return -ESTALE;
	if ((what & LAYER_SET_SIZE) && in->st_size < 0)
		return -EINVAL;
	if ((what & LAYER_SET_SIZE) && !S_ISREG(node_at(l, i)->mode))
		return node_is_dir(node_at(l, i)) ? -EISDIR : -EINVAL;
	err = may_change_node(l, i, c);
	if (!err && (what & LAYER_SET_SIZE))
		err = truncate_node(l, i, in->st_size);
	if (!err)
		err = !node_at(l, i)->names && i != ROOT && !node_is_upper(node_at(l, i)) &&
			      S_ISREG(node_at(l, i)->mode)
			  ? copyup_data(l, i, COPYUP_ALL)
			  : copyup_meta(l, i);
	if (err)
		return err;
	fd = node_fd(l, i);
	if (fd < 0)
		fd = own =
		    upper_open(l, i, node_is_dir(node_at(l, i)) ? O_RDONLY | O_DIRECTORY : O_RDWR);
	if (fd < 0)
		return fd;
	touch_node(l, i);
	if ((what & owner) || (what & LAYER_KILL_SUIDGID)) {
		int64_t before = quota_fd(fd);
		err = set_record(l, i, fd, what, in);
		quota_grew(l, fd, before);
	}
	if (!err && times && futimens(fd, ts) < 0)
		err = -errno;
	if (err)
		return err;
	tell_set(l, i, what, in, times, c);
	return union_stat(l, i, out);
}

ssize_t layer_readlink(struct layer *l, uint64_t node, char *buf, size_t size)
{
	uint32_t i = node_index(l, node);
	cleanup_dir struct dir *d = NULL;
	cleanup_fd int fd = -1;
	struct node *n;
	struct found f;
	ssize_t got;
	int err;

	if (!i)
		return -ESTALE;
	n = node_at(l, i);
	if (!S_ISLNK(n->mode) || !size)
		return -EINVAL;
	if (node_is_upper(n)) {
		fd = upper_open(l, i, O_RDONLY);
		got = fd < 0 ? fd : fd_read_full(fd, buf, size - 1);
		buf[got > 0 ? got : 0] = '\0';
		return got;
	}
	if (!n->names)
		return -ESTALE;
	err = dir_get(l, n->names->parent, &d);
	if (!err)
		err = union_find(l, d, n->names->s, false, &f);
	if (err)
		return err;
	if (f.kind != FOUND_LOWER || f.hit.st.st_ino != n->lower_ino || f.hit.tag != n->tag)
		return -ESTALE;
	if (l->lower[d->sides.s[f.hit.side].lower].virtual) {
		fd = lower_open(l, &d->sides, n->names->s, f.at, &f.hit, O_RDONLY);
		got = fd < 0 ? fd : fd_read_full(fd, buf, size - 1);
	} else {
		got = readlinkat(d->sides.s[f.hit.side].fd, n->names->s, buf, size - 1);
		got = got < 0 ? -errno : got;
	}
	buf[got > 0 ? got : 0] = '\0';
	return got;
}
