/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/layer/record.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum offset {
	OFF_VERSION = 0,
	OFF_TYPE = 1,
	OFF_MODE = 2,
	OFF_FLAGS = 4,
	OFF_UID = 8,
	OFF_GID = 12,
	OFF_RDEV = 16,
	OFF_ORIGIN_DEV = 20,
	OFF_ORIGIN_INO = 24,
	OFF_SIZE = 32,
	OFF_MTIME = 40,
	OFF_CTIME = 48,
};

static void put(uint8_t *p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* Linux' new_encode_dev (include/linux/kdev_t.h): 12 bits of major, 20 of minor. */
static uint32_t dev_encode(dev_t d)
{
	uint32_t ma = major(d), mi = minor(d);

	return (mi & 0xff) | (ma & 0xfff) << 8 | (mi & 0xfff00) << 12;
}

static dev_t dev_decode(uint32_t v)
{
	return makedev((v >> 8) & 0xfff, (v & 0xff) | ((v >> 12) & 0xfff00));
}

void record_encode(const struct record *r, uint8_t out[RECORD_SIZE])
{
	put(out + OFF_VERSION, RECORD_VERSION, 1);
	put(out + OFF_TYPE, r->whiteout ? 0 : (r->mode & S_IFMT) >> 12, 1);
	put(out + OFF_MODE, r->whiteout ? 0 : r->mode & 07777, 2);
	put(out + OFF_FLAGS, r->flags, 4);
	put(out + OFF_UID, r->uid, 4);
	put(out + OFF_GID, r->gid, 4);
	put(out + OFF_RDEV, dev_encode(r->rdev), 4);
	put(out + OFF_ORIGIN_DEV, r->origin_dev, 4);
	put(out + OFF_ORIGIN_INO, r->origin_ino, 8);
	put(out + OFF_SIZE, r->lower_size, 8);
	put(out + OFF_MTIME, (uint64_t)r->lower_mtime, 8);
	put(out + OFF_CTIME, (uint64_t)r->lower_ctime, 8);
}

static bool type_known(unsigned t)
{
	switch (t << 12) {
	case S_IFIFO:
	case S_IFCHR:
	case S_IFDIR:
	case S_IFBLK:
	case S_IFREG:
	case S_IFLNK:
	case S_IFSOCK:
		return true;
	default:
		return false;
	}
}

/* Which flags make sense on which type: a directory merges or not, a file has data or not. */
static bool flags_fit(unsigned type, uint32_t flags)
{
	switch (type << 12) {
	case S_IFDIR:
		return !(flags & RECORD_META);
	case S_IFREG:
		return !(flags & RECORD_OPAQUE);
	default:
		return !flags;
	}
}

int record_decode(struct record *r, const uint8_t *p, size_t n)
{
	unsigned type, mode;

	if (n != RECORD_SIZE || p[OFF_VERSION] != RECORD_VERSION)
		return -EPROTO;
	type = p[OFF_TYPE];
	mode = (unsigned)get(p + OFF_MODE, 2);
	*r = (struct record){
	    .whiteout = type == 0,
	    .mode = (mode_t)(type << 12 | mode),
	    .flags = (uint32_t)get(p + OFF_FLAGS, 4),
	    .uid = (uid_t)get(p + OFF_UID, 4),
	    .gid = (gid_t)get(p + OFF_GID, 4),
	    .rdev = dev_decode((uint32_t)get(p + OFF_RDEV, 4)),
	    .origin_dev = (uint32_t)get(p + OFF_ORIGIN_DEV, 4),
	    .origin_ino = get(p + OFF_ORIGIN_INO, 8),
	    .lower_size = get(p + OFF_SIZE, 8),
	    .lower_mtime = (int64_t)get(p + OFF_MTIME, 8),
	    .lower_ctime = (int64_t)get(p + OFF_CTIME, 8),
	};
	if ((mode & ~07777u) || (r->flags & ~(uint32_t)RECORD_FLAGS_ALL))
		return -EPROTO;
	if (r->whiteout)
		return mode || r->flags ? -EPROTO : 0;
	return type_known(type) && flags_fit(type, r->flags) ? 0 : -EPROTO;
}

void record_default(struct record *r, mode_t native)
{
	*r = (struct record){.mode = S_ISDIR(native) ? S_IFDIR | 0755 : S_IFREG | 0644};
}

bool record_is_default(const struct record *r)
{
	return !r->whiteout && (r->mode == (S_IFDIR | 0755) || r->mode == (S_IFREG | 0644)) &&
	       !r->flags && !r->uid && !r->gid && !r->rdev && !r->origin_ino;
}

/* Checks what getxattr gave (n bytes or -1 with errno) against the native type. */
static int record_judge(const uint8_t *p, ssize_t n, mode_t native, struct record *r)
{
	int err;

	if (!S_ISREG(native) && !S_ISDIR(native))
		return -EPROTO;
	if (n < 0 && errno == ENODATA) {
		record_default(r, native);
		return 0;
	}
	if (n < 0)
		return errno == ERANGE ? -EPROTO : -errno;
	err = record_decode(r, p, (size_t)n);
	if (err)
		return err;
	return S_ISDIR(native) == (!r->whiteout && S_ISDIR(r->mode)) ? 0 : -EPROTO;
}

int record_read(int fd, mode_t native, struct record *r)
{
	uint8_t raw[RECORD_SIZE + 1];
	ssize_t n = fgetxattr(fd, RECORD_XATTR, raw, sizeof(raw));

	return record_judge(raw, n, native, r);
}

/*
 * lgetxattr by /proc/self/fd/DIR/NAME costs two system calls against four with an open. It is safe
 * because name is one component, the magic link leads to dirfd's own inode, and lgetxattr does not
 * follow the last one.
 */
int record_read_at(int dirfd, const char *name, struct stat *st, struct record *r)
{
	char path[sizeof("/proc/self/fd/") + 12 + 256];
	uint8_t raw[RECORD_SIZE + 1];
	struct stat own;
	ssize_t n;

	if (!st)
		st = &own;
	if (!*name || strchr(name, '/') || !strcmp(name, "..") || strlen(name) > 255)
		return -EINVAL;
	if (fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	n = lgetxattr(path, RECORD_XATTR, raw, sizeof(raw));
	return record_judge(raw, n, st->st_mode, r);
}
