/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New entries. The commonest file (root's, 0644) is one openat; everything else is made complete
 * as a temporary and then linked or renamed into place, over a whiteout where one lies there.
 */
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

struct making {
	uint32_t dir;
	struct dir *d; /* pinned */
	struct found f;
	struct record r;
};

static void making_done(struct making *m)
{
	dir_unpin(&m->d);
}
#define cleanup_making __attribute__((cleanup(making_done)))

/* The directory is in upper, nothing is visible at name, and it may be made. */
static int making_place(struct layer *l, struct making *m, uint64_t dir, const char *name,
			const struct layer_cred *c)
{
	int err = name_check(name);

	m->dir = node_index(l, dir);
	if (!m->dir)
		return -ESTALE;
	if (!err)
		err = dir_get(l, m->dir, &m->d);
	if (!err)
		err = union_find(l, m->d, name, true, &m->f);
	if (err)
		return err;
	if (m->f.kind != FOUND_NONE)
		return -EEXIST;
	err = may_change(l, m->f.at, m->dir, name, c);
	if (!err && m->d->upper < 0) {
		dir_unpin(&m->d);
		err = copyup_dir(l, m->dir);
		if (!err)
			err = dir_get(l, m->dir, &m->d);
	}
	if (!err)
		touch_name(l, m->dir, name, true);
	return err;
}

static int making_begin(struct layer *l, struct making *m, uint64_t dir, const char *name,
			mode_t mode, const struct layer_cred *c)
{
	const struct node *up;
	int err = making_place(l, m, dir, name, c);

	if (err)
		return err;
	err = quota_room(l, 0, 1, m->dir, name, c);
	if (err)
		return err;
	up = node_at(l, m->dir);
	m->r = (struct record){.mode = mode, .uid = c ? c->uid : 0, .gid = c ? c->gid : 0};
	if (up->mode & S_ISGID) {
		m->r.gid = up->gid;
		if (S_ISDIR(mode))
			m->r.mode |= S_ISGID;
	}
	/* what lower has here, or will have one day, must not merge into the guest's own */
	if (S_ISDIR(mode) && m->d->sides.n)
		m->r.flags |= RECORD_OPAQUE;
	return 0;
}

int made_entry(struct layer *l, struct dir *d, const char *name, const struct record *r, int fd,
	       struct layer_entry *out)
{
	struct found f = {.kind = FOUND_UPPER, .here = true, .rec = *r};
	struct stat st;
	uint32_t i;

	if ((fd >= 0 ? fstat(fd, &f.st) : fstatat(d->upper, name, &f.st, AT_SYMLINK_NOFOLLOW)) < 0)
		return -errno;
	quota_add(l, quota_of(&f.st), 1);
	i = union_take(l, d, name, &f, &st);
	node_at(l, i)->flags |= NODE_CAPFREE | NODE_BARE;
	entry_give(l, i, &st, out);
	return 0;
}

/* A file-like inode at name: *fd is open for reading and writing afterwards. */
static int make_inode(struct layer *l, struct making *m, const char *name, const char *data,
		      int flags, int *fd)
{
	struct temp t;
	int err;

	if (!data && !m->f.whiteout && record_is_default(&m->r)) {
		*fd = openat(m->d->upper, name,
			     O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC |
				 (flags & (O_SYNC | O_DSYNC)),
			     0600);
		return *fd < 0 ? -errno : 0;
	}
	err = temp_make(l, &t);
	if (err)
		return err;
	if (data)
		err = fd_write_full(t.fd, data, strlen(data));
	if (!err)
		err = record_write(t.fd, &m->r, false);
	if (!err)
		err = temp_place(l, &t, m->d->upper, name, m->f.whiteout);
	if (!err)
		*fd = fd_steal(&t.fd);
	temp_drop(l, &t);
	return err;
}

int layer_mknod(struct layer *l, uint64_t dir, const char *name, mode_t mode, dev_t rdev,
		const struct layer_cred *c, struct layer_entry *out)
{
	cleanup_making struct making m = {0};
	cleanup_fd int fd = -1;
	int err;

	if (S_ISDIR(mode) || S_ISLNK(mode) || !(mode & S_IFMT))
		return -EINVAL;
	err = making_begin(l, &m, dir, name, mode, c);
	if (!err && (S_ISCHR(mode) || S_ISBLK(mode)))
		m.r.rdev = rdev;
	if (!err)
		err = make_inode(l, &m, name, NULL, 0, &fd);
	if (!err)
		err = made_entry(l, m.d, name, &m.r, fd, out);
	if (!err)
		tell(l, S_ISREG(mode) ? EVENT_CREATE : EVENT_MKNOD, m.dir, name, m.r.mode, 0, c,
		     NULL);
	return err;
}

int layer_symlink(struct layer *l, const char *target, uint64_t dir, const char *name,
		  const struct layer_cred *c, struct layer_entry *out)
{
	cleanup_making struct making m = {0};
	cleanup_fd int fd = -1;
	size_t n = strnlen(target, PATH_MAX);
	int err;

	if (!n || n >= PATH_MAX)
		return n ? -ENAMETOOLONG : -ENOENT;
	err = making_begin(l, &m, dir, name, S_IFLNK | 0777, c);
	if (!err)
		err = quota_room(l, n, 0, m.dir, name, c);
	if (!err)
		err = make_inode(l, &m, name, target, 0, &fd);
	if (!err)
		err = made_entry(l, m.d, name, &m.r, fd, out);
	if (!err)
		tell(l, EVENT_SYMLINK, m.dir, name, m.r.mode, 0, c, target);
	return err;
}

int layer_create(struct layer *l, uint64_t dir, const char *name, mode_t mode, int flags,
		 const struct layer_cred *c, struct layer_entry *out, uint64_t *fh)
{
	cleanup_making struct making m = {0};
	cleanup_fd int fd = -1;
	struct handle *h;
	uint32_t i;
	int err = making_begin(l, &m, dir, name, S_IFREG | (mode & 07777), c);

	if (!err)
		err = quota_file(l, m.dir, c);
	if (!err)
		err = make_inode(l, &m, name, NULL, flags, &fd);
	if (!err)
		err = made_entry(l, m.d, name, &m.r, fd, out);
	if (err)
		return err;
	i = node_index(l, out->node);
	*fh = handle_new(l, i, false, &h);
	h->flags = flags;
	h->upper = true;
	h->fd = fd_steal(&fd);
	tell(l, EVENT_CREATE, m.dir, name, m.r.mode, 0, c, NULL);
	return 0;
}

int layer_tmpfile(struct layer *l, uint64_t dir, mode_t mode, int flags, const struct layer_cred *c,
		  struct layer_entry *out, uint64_t *fh)
{
	cleanup_dir struct dir *d = NULL;
	uint32_t up = node_index(l, dir), i;
	struct record r = {.mode = S_IFREG | (mode & 07777)};
	struct handle *h;
	struct node *n;
	struct stat st;
	struct temp t;
	int err;

	if (!up)
		return -ESTALE;
	err = dir_get(l, up, &d);
	if (!err)
		err = may_change(l, d->at, up, NULL, c);
	if (!err)
		err = quota_room(l, 0, 1, up, NULL, c);
	if (!err)
		err = quota_file(l, up, c);
	if (!err)
		err = temp_make(l, &t);
	if (err)
		return err;
	r.uid = c ? c->uid : 0;
	r.gid = node_at(l, up)->mode & S_ISGID ? node_at(l, up)->gid : c ? c->gid : 0;
	if (*t.name)
		err = -EOPNOTSUPP;
	if (!err)
		err = record_write(t.fd, &r, false);
	if (!err && fstat(t.fd, &st) < 0)
		err = -errno;
	if (!err) {
		quota_add(l, quota_of(&st), 1);
		i = node_new(l);
		n = node_at(l, i);
		n->flags |= NODE_UPPER | NODE_CAPFREE | NODE_BARE;
		n->upper_ino = st.st_ino;
		node_record_set(n, &r);
		node_hash(l, i);
		*fh = handle_new(l, i, false, &h);
		h->flags = flags;
		h->upper = true;
		h->fd = fd_steal(&t.fd);
		upper_shown(&r, &st, &st);
		entry_give(l, i, &st, out);
	}
	temp_drop(l, &t);
	return err;
}

/* A directory made in work/ goes into place, over a whiteout by exchange. */
static int dir_place(struct layer *l, const char *temp, int dirfd, const char *name, bool whiteout)
{
	if (!whiteout)
		return renameat(l->work, temp, dirfd, name) < 0 ? -errno : 0;
	if (renameat2(l->work, temp, dirfd, name, RENAME_EXCHANGE) < 0)
		return -errno;
	unlinkat(l->work, temp, 0);
	return 0;
}

int layer_mkdir(struct layer *l, uint64_t dir, const char *name, mode_t mode,
		const struct layer_cred *c, struct layer_entry *out)
{
	cleanup_making struct making m = {0};
	cleanup_fd int fd = -1;
	char temp[24];
	int err = making_begin(l, &m, dir, name, S_IFDIR | (mode & 07777), c);

	if (!err)
		err = depth_make(l, m.dir);
	if (err)
		return err;
	if (record_is_default(&m.r) && !m.f.whiteout) {
		if (mkdirat(m.d->upper, name, 0700) < 0)
			return -errno;
	} else {
		do
			temp_name(l, temp);
		while ((err = mkdirat(l->work, temp, 0700) < 0 ? -errno : 0) == -EEXIST);
		if (err)
			return err;
		fd = openat(l->work, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			err = -errno;
		if (!err)
			err = record_write(fd, &m.r, false);
		if (!err)
			err = dir_place(l, temp, m.d->upper, name, m.f.whiteout);
		if (err) {
			unlinkat(l->work, temp, AT_REMOVEDIR);
			return err;
		}
	}
	dir_changed(l, m.dir);
	err = made_entry(l, m.d, name, &m.r, fd, out);
	if (!err)
		tell(l, EVENT_MKDIR, m.dir, name, m.r.mode, 0, c, NULL);
	return err;
}

/* One more link of an upper inode at (d, name), over a whiteout or where nothing is. */
static int link_place(struct layer *l, uint32_t i, struct dir *d, const char *name, bool whiteout)
{
	cleanup_place struct place p = {.fd = -1};
	char temp[24], fdpath[40];
	const char *to = whiteout ? temp : name;
	int tofd = whiteout ? l->work : d->upper, fd, err = place_of(l, i, &p);

	if (err) {
		fd = node_fd(l, i);
		if (fd < 0)
			return -ENOENT;
		snprintf(fdpath, sizeof(fdpath), "/proc/self/fd/%d", fd);
	}
	do {
		temp_name(l, temp);
		if (err ? linkat(AT_FDCWD, fdpath, tofd, to, AT_SYMLINK_FOLLOW) == 0
			: linkat(p.fd, p.name, tofd, to, 0) == 0)
			break;
		if (!whiteout || errno != EEXIST)
			return -errno;
	} while (true);
	if (whiteout && renameat(l->work, temp, d->upper, name) < 0) {
		err = -errno;
		unlinkat(l->work, temp, 0);
		return err;
	}
	return 0;
}

/* The inode's names get one more: from now on data may be written by any of them. */
static void link_touch(struct layer *l, uint32_t i)
{
	cleanup_fd int fd = upper_open(l, i, O_RDONLY);
	struct stat st;

	touch_shared(l, i);
	if (fd < 0 || fstat(fd, &st) < 0)
		touch_all(l);
	else
		touch_links(l, fd, NULL, &st);
}

int layer_link(struct layer *l, uint64_t node, uint64_t dir, const char *name,
	       const struct layer_cred *c, struct layer_entry *out)
{
	cleanup_making struct making m = {0};
	uint32_t i = node_index(l, node);
	struct name *from;
	struct stat st;
	int err;

	if (!i)
		return -ESTALE;
	if (node_is_dir(node_at(l, i)))
		return -EPERM;
	err = making_place(l, &m, dir, name, c);
	if (!err)
		err = may_change_node(l, i, c);
	if (!err)
		err = copyup_meta(l, i);
	if (!err)
		err = redirect_set(l, i);
	if (!err)
		link_touch(l, i);
	if (!err)
		err = link_place(l, i, m.d, name, m.f.whiteout);
	if (err)
		return err;
	from = node_at(l, i)->names;
	orphan_drop(l, i);
	name_add(l, m.dir, name, i);
	err = union_stat(l, i, &st);
	if (err)
		return err;
	entry_give(l, i, &st, out);
	if (from)
		tell_two(l, EVENT_LINK, from->parent, from->s, m.dir, name, st.st_mode, c);
	else
		tell(l, EVENT_CREATE, m.dir, name, st.st_mode, 0, c, NULL);
	return 0;
}
