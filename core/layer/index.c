/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hard links of lower files: work/index/TAG-INO (hexadecimal) is one more link of the inode that
 * such a file was copied up to, so that its other names, still lower, lead to it. The attribute
 * user.gaol.n (4 bytes, little-endian) of that inode counts the lower names which upper does not
 * cover; at 0 the index entry goes. What the guest sees as st_nlink is the links in upper (without
 * the index's) plus that count. A crash between covering a name and counting leaves the count one
 * too high: a link count, never a file, is off.
 */
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT_XATTR "user.gaol.n"

int index_name(uint16_t tag, uint64_t ino, char out[48])
{
	return snprintf(out, 48, "%x-%llx", tag, (unsigned long long)ino);
}

int index_find(struct layer *l, uint16_t tag, const struct stat *low, struct stat *st,
	       struct record *r)
{
	char name[48];

	index_name(tag, low->st_ino, name);
	if (record_read_at(l->index, name, st, r))
		return 0;
	/* the number may have been given to another file since */
	return r->origin_ino == low->st_ino && r->origin_dev == tag &&
	       r->lower_mtime == low->st_mtim.tv_sec * INT64_C(1000000000) + low->st_mtim.tv_nsec &&
	       r->lower_size == (uint64_t)low->st_size;
}

bool index_has(struct layer *l, const struct record *r, ino_t upper_ino)
{
	char name[48];
	struct stat st;

	index_name((uint16_t)r->origin_dev, r->origin_ino, name);
	return fstatat(l->index, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == upper_ino;
}

static uint32_t count_get(int fd)
{
	uint8_t b[4];

	if (fgetxattr(fd, COUNT_XATTR, b, sizeof(b)) != (ssize_t)sizeof(b))
		return 0;
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static int count_set(int fd, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

	return fsetxattr(fd, COUNT_XATTR, b, sizeof(b), 0) < 0 ? -errno : 0;
}

int index_add(struct layer *l, int fd, uint16_t tag, uint64_t ino, uint32_t nlink)
{
	char name[48], path[40];
	int err = count_set(fd, nlink);

	index_name(tag, ino, name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* an entry that is there belongs to a file which the host has replaced */
	if (!err && unlinkat(l->index, name, 0) == 0)
		l->indexed--;
	if (!err && linkat(AT_FDCWD, path, l->index, name, AT_SYMLINK_FOLLOW) < 0)
		err = -errno;
	if (!err)
		l->indexed++;
	return err;
}

void index_covered(struct layer *l, uint32_t i)
{
	struct node *n = node_at(l, i);
	cleanup_fd int fd = upper_open(l, i, O_RDWR);
	uint32_t left;
	char name[48];

	if (fd < 0)
		return;
	left = count_get(fd);
	if (left > 1) {
		count_set(fd, left - 1);
		return;
	}
	index_name(n->origin_tag, n->origin_ino, name);
	if (unlinkat(l->index, name, 0) == 0)
		l->indexed--;
	fremovexattr(fd, COUNT_XATTR);
	n->flags &= (uint16_t)~NODE_INDEXED;
}

nlink_t index_nlink(struct layer *l, uint32_t i, nlink_t native)
{
	char name[48], path[sizeof("/proc/self/fd/") + 64];
	struct node *n = node_at(l, i);
	uint8_t b[4] = {0};

	index_name(n->origin_tag, n->origin_ino, name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", l->index, name);
	if (lgetxattr(path, COUNT_XATTR, b, sizeof(b)) != (ssize_t)sizeof(b))
		return native;
	return native - 1 + (b[0] | (nlink_t)b[1] << 8 | (nlink_t)b[2] << 16 | (nlink_t)b[3] << 24);
}

int index_link(struct layer *l, uint32_t i, struct dir *d, const char *name)
{
	struct node *n = node_at(l, i);
	char from[48];

	index_name(n->origin_tag, n->origin_ino, from);
	if (linkat(l->index, from, d->upper, name, 0) < 0)
		return -errno;
	index_covered(l, i);
	return 0;
}
