/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inodes of the upper layer: how a node's one is reached, and how new ones come to be. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

int place_of(struct layer *l, uint32_t i, struct place *p)
{
	struct node *n = node_at(l, i);
	int err;

	*p = (struct place){.fd = -1, .name = p->buf};
	if (i == ROOT) {
		p->fd = l->upper;
		p->name = ".";
		return 0;
	}
	if (n->flags & NODE_INDEXED) {
		index_name(n->origin_tag, n->origin_ino, p->buf);
		p->fd = l->index;
		return 0;
	}
	if (!n->names)
		return -ESTALE;
	err = dir_get(l, n->names->parent, &p->dir);
	if (err)
		return err;
	p->fd = p->dir->upper;
	p->name = n->names->s;
	return p->fd < 0 ? -ESTALE : 0;
}

void place_done(struct place *p)
{
	dir_unpin(&p->dir);
}

static int fd_again(int fd, int flags)
{
	char path[40];
	int got;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	got = open(path, flags | O_CLOEXEC);
	return got < 0 ? -errno : got;
}

int upper_open(struct layer *l, uint32_t i, int flags)
{
	cleanup_place struct place p = {.fd = -1};
	int fd, err = place_of(l, i, &p);

	if (!err) {
		fd = openat(p.fd, p.name, flags | O_NOFOLLOW | O_CLOEXEC);
		return fd >= 0 ? fd : errno == ENOENT ? -ESTALE : -errno;
	}
	fd = node_fd(l, i);
	if (fd < 0)
		fd = orphan_fd(l, i);
	return fd < 0 ? -ESTALE : fd_again(fd, flags);
}

int upper_record(struct layer *l, uint32_t i, int fd, struct record *r)
{
	const struct node *n = node_at(l, i);
	int err;

	if (node_is_upper(n) && !n->origin_ino) {
		node_record_get(n, r);
		return 0;
	}
	err = record_read(fd, node_is_dir(n) ? S_IFDIR : S_IFREG, r);
	return err == -EPROTO ? -EIO : err;
}

/* had: an attribute may be there already, so that a default record must remove it. */
int record_write(int fd, const struct record *r, bool had)
{
	uint8_t raw[RECORD_SIZE];

	if (record_is_default(r)) {
		if (had && fremovexattr(fd, RECORD_XATTR) < 0 && errno != ENODATA)
			return -errno;
		return 0;
	}
	record_encode(r, raw);
	return fsetxattr(fd, RECORD_XATTR, raw, sizeof(raw), 0) < 0 ? -errno : 0;
}

void temp_name(struct layer *l, char out[24])
{
	snprintf(out, 24, "t.%u", ++l->temp);
}

int temp_make(struct layer *l, struct temp *t)
{
	*t = (struct temp){.fd = -1};
	if (!l->no_tmpfile) {
		t->fd = openat(l->work, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (t->fd >= 0)
			return 0;
		if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
			return -errno;
		l->no_tmpfile = true;
	}
	do {
		temp_name(l, t->name);
		t->fd = openat(l->work, t->name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	} while (t->fd < 0 && errno == EEXIST);
	return t->fd < 0 ? -errno : 0;
}

/* Gives an unnamed file a name in a directory. */
static int fd_link(int fd, int dirfd, const char *name)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int temp_place(struct layer *l, struct temp *t, int dirfd, const char *name, bool replace)
{
	int err = 0;

	if (!replace) {
		err = *t->name ? (linkat(l->work, t->name, dirfd, name, 0) < 0 ? -errno : 0)
			       : fd_link(t->fd, dirfd, name);
		if (!err && *t->name) {
			unlinkat(l->work, t->name, 0);
			*t->name = '\0';
		}
		return err;
	}
	if (!*t->name) {
		do {
			temp_name(l, t->name);
			err = fd_link(t->fd, l->work, t->name);
		} while (err == -EEXIST);
		if (err)
			*t->name = '\0';
	}
	if (!err && renameat(l->work, t->name, dirfd, name) < 0)
		err = -errno;
	if (!err)
		*t->name = '\0';
	return err;
}

void temp_drop(struct layer *l, struct temp *t)
{
	if (*t->name)
		unlinkat(l->work, t->name, 0);
	*t->name = '\0';
	fd_close(&t->fd);
}

/* The one inode that whiteouts are links to is made when it is missing or has too many links. */
static int whiteout_new(struct layer *l)
{
	struct record r = {.whiteout = true};
	struct temp t;
	int err = temp_make(l, &t);

	if (!err)
		err = record_write(t.fd, &r, false);
	if (!err)
		err = temp_place(l, &t, l->work, "whiteout", true);
	temp_drop(l, &t);
	return err;
}

int whiteout_make(struct layer *l, int dirfd, const char *name)
{
	for (int try = 0;; try++) {
		int err;
		if (linkat(l->work, "whiteout", dirfd, name, 0) == 0)
			return 0;
		if (try || (errno != ENOENT && errno != EMLINK && errno != EPERM))
			return -errno;
		err = whiteout_new(l);
		if (err)
			return err;
	}
}

int whiteout_temp(struct layer *l, char out[24])
{
	int err;

	do {
		temp_name(l, out);
		err = whiteout_make(l, l->work, out);
	} while (err == -EEXIST);
	return err;
}

/*
 * At most ORPHANS_MAX nameless inodes are held for nodes that are known but not open; the oldest
 * goes first, and its node answers ESTALE from then on.
 */
void orphan_keep(struct layer *l, uint32_t i, int fd)
{
	uint32_t slot = l->orphan_next;

	if (fd < 0)
		return;
	if (l->orphan[slot].node)
		orphan_drop(l, l->orphan[slot].node);
	l->orphan[slot] = (struct orphan){.node = i, .fd = fd};
	node_at(l, i)->orphan = slot + 1;
	l->orphan_next = (slot + 1) % l->orphan_cap;
	l->norphans++;
}

int orphan_fd(struct layer *l, uint32_t i)
{
	uint32_t slot = node_at(l, i)->orphan;

	return slot ? l->orphan[slot - 1].fd : -1;
}

void orphan_drop(struct layer *l, uint32_t i)
{
	uint32_t slot = node_at(l, i)->orphan;

	if (!slot)
		return;
	if (node_fd(l, i) < 0)
		quota_closed(l, l->orphan[slot - 1].fd);
	close(l->orphan[slot - 1].fd);
	l->orphan[slot - 1] = (struct orphan){.fd = -1};
	node_at(l, i)->orphan = 0;
	l->norphans--;
}
