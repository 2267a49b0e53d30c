/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hard links of lower files: work/index/TAG-INO (hexadecimal) is one more link of the inode that
 * such a file was copied up to, so that its other names, still lower, lead to it. The attribute
 * user.gaol.n of that inode (a byte, then a signed 32-bit number, little-endian) says what the
 * guest sees as st_nlink: 'R', that number more than the inode's own links; or 'A', that number
 * itself. 'A' stands only while a lower name gets a real link, which changes the inode's links but
 * not what is seen; so the count is right wherever a crash cuts in. With no lower name left
 * uncovered (the number is -1: the index's own link) the index entry goes.
 */
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT_XATTR "user.gaol.n"
#define COUNT_SIZE 5

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

struct count {
	char kind; /* 'A', 'R', 0: none */
	int32_t n;
};

static struct count count_parse(const uint8_t *b, ssize_t got)
{
	uint32_t v = b[1] | (uint32_t)b[2] << 8 | (uint32_t)b[3] << 16 | (uint32_t)b[4] << 24;

	if (got != COUNT_SIZE || (b[0] != 'A' && b[0] != 'R'))
		return (struct count){0};
	return (struct count){.kind = (char)b[0], .n = (int32_t)v};
}

static struct count count_get(int fd)
{
	uint8_t b[COUNT_SIZE];

	return count_parse(b, fgetxattr(fd, COUNT_XATTR, b, sizeof(b)));
}

static int count_set(int fd, char kind, int64_t n)
{
	uint32_t v = (uint32_t)(int32_t)n;
	uint8_t b[COUNT_SIZE] = {(uint8_t)kind, (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
				 (uint8_t)(v >> 24)};

	return fsetxattr(fd, COUNT_XATTR, b, sizeof(b), 0) < 0 ? -errno : 0;
}

static nlink_t count_shown(struct count c, nlink_t native)
{
	return c.kind == 'A'   ? (nlink_t)c.n
	       : c.kind == 'R' ? native + (nlink_t)(int64_t)c.n
			       : native;
}

int index_add(struct layer *l, int fd, uint16_t tag, uint64_t ino, uint32_t nlink)
{
	char name[48], path[40];
	int err;

	touch_all(l);
	index_name(tag, ino, name);
	seal_index(l, fd, name);
	err = count_set(fd, 'A', nlink);
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

/* Makes the count relative again; 1 when no lower name needs the entry any more, 0, or -errno. */
static int settle(struct layer *l, int fd)
{
	struct count c = count_get(fd);
	struct stat st;
	int err = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	st.st_nlink -= seal_linked(l, st.st_ino);
	if (c.kind == 'A') {
		c = (struct count){.kind = 'R', .n = (int32_t)(c.n - (int64_t)st.st_nlink)};
		err = count_set(fd, c.kind, c.n);
	}
	return err ? err : c.kind == 'R' && c.n <= -1;
}

void index_settle(struct layer *l, const char *name)
{
	cleanup_fd int fd = openat(l->index, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	touch_all(l);
	seal_index(l, fd, name);
	if (fd < 0 || settle(l, fd) <= 0 || unlinkat(l->index, name, 0) < 0)
		return;
	l->indexed--;
	if (!fstat(fd, &st) && !node_by_upper(l, st.st_ino))
		quota_closed(l, fd);
}

void index_settle_node(struct layer *l, uint32_t i)
{
	struct node *n = node_at(l, i);
	char name[48];
	struct stat st;

	index_name(n->origin_tag, n->origin_ino, name);
	index_settle(l, name);
	if (fstatat(l->index, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		n->flags &= (uint16_t)~NODE_INDEXED;
}

nlink_t index_nlink(struct layer *l, uint32_t i, nlink_t native)
{
	char name[48], path[sizeof("/proc/self/fd/") + 64];
	struct node *n = node_at(l, i);
	uint8_t b[COUNT_SIZE] = {0};
	ssize_t got;

	index_name(n->origin_tag, n->origin_ino, name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", l->index, name);
	got = lgetxattr(path, COUNT_XATTR, b, sizeof(b));
	return count_shown(count_parse(b, got), native);
}

int index_link(struct layer *l, uint32_t i, struct dir *d, const char *name)
{
	struct node *n = node_at(l, i);
	char from[48];
	struct stat st;
	cleanup_fd int fd = upper_open(l, i, O_RDWR);
	int err;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	touch_all(l);
	st.st_nlink -= seal_linked(l, st.st_ino);
	seal_index(l, fd, NULL);
	index_name(n->origin_tag, n->origin_ino, from);
	err = count_set(fd, 'A', (int64_t)count_shown(count_get(fd), st.st_nlink));
	if (!err && linkat(l->index, from, d->upper, name, 0) < 0)
		err = -errno;
	index_settle_node(l, i);
	quota_grew(l, fd, quota_of(&st));
	return err;
}
