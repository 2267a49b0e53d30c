/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record: virtual metadata of an entry of the upper layer, kept in extended attributes.
 *
 * Every upper entry is a plain regular file (native mode 0600) or directory (0700) owned by the
 * warden; nothing that a guest does makes a set-id file, device, symlink or foreign-owned inode
 * on the host's disk. What the entry *is* for the guest stands in the attribute "user.gaol":
 * 56 bytes, little-endian, version 1 (ext4 keeps up to 68 bytes of it inside the inode):
 *
 *   off size
 *    0   1   version = 1
 *    1   1   type: S_IFMT >> 12 of the guest's type (1 fifo, 2 chr, 4 dir, 6 blk, 8 reg, 10 lnk,
 *            12 sock), 0 = whiteout
 *    2   2   mode & 07777
 *    4   4   flags, enum record_flags
 *    8   4   uid
 *   12   4   gid
 *   16   4   rdev (linux new_encode_dev form: minor & 0xff | major << 8 | (minor & ~0xff) << 12)
 *   20   4   origin device: index of the lower file system the entry was copied up from
 *   24   8   origin inode number there, 0 = not copied up; st_ino is derived from it for ever
 *   32   8   lower's size at copy-up        (used to tell drift of a META entry)
 *   40   8   lower's mtime at copy-up, ns
 *   48   8   lower's ctime at copy-up, ns
 *
 * No attribute means the default: root:root, 0644 for a file, 0755 for a directory, nothing else.
 * Times (atime, mtime) are the native ones of the upper inode. A symlink's target is the file's
 * data. A guest's own extended attribute NAME is "user.gaol.x.NAME". A redirected directory (moved
 * away from where lower has it) carries "user.gaol.o": its lower path, relative to the lower root,
 * without a leading slash: always the full path of origin, never a chain.
 */
#ifndef GAOL_CORE_LAYER_RECORD_H
#define GAOL_CORE_LAYER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define RECORD_XATTR "user.gaol"
#define RECORD_ORIGIN_XATTR "user.gaol.o"
#define RECORD_GUEST_PREFIX "user.gaol.x."
/* 8 bytes, little-endian: the number that checkpoints gave a hard link group (core/repo/meta.h) */
#define RECORD_GROUP_XATTR "user.gaol.g"
#define RECORD_SIZE 56
#define RECORD_VERSION 1

enum record_flags {
	RECORD_OPAQUE = 1 << 0,	  /* directory: lower's entries are not merged in */
	RECORD_META = 1 << 1,	  /* metadata-only copy-up: data still comes from lower */
	RECORD_REDIRECT = 1 << 2, /* directory: merges with the lower directory of user.gaol.o */
	RECORD_FLAGS_ALL = 7,
};

struct record {
	bool whiteout;
	mode_t mode; /* type and permission bits; 0 for a whiteout */
	uint32_t flags;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	uint32_t origin_dev;
	uint64_t origin_ino;
	uint64_t lower_size;
	int64_t lower_mtime;
	int64_t lower_ctime;
};

/* Writes the RECORD_SIZE bytes of r to out. */
void record_encode(const struct record *r, uint8_t out[RECORD_SIZE]);
/*
 * Reads n bytes as found on disk: 0, or -EPROTO when version, size, type, flags or a reserved
 * bit is not as documented (the disk may have been tampered with).
 */
int record_decode(struct record *r, const uint8_t *p, size_t n);
/* The record that an entry without attribute has; native is its lstat mode (S_ISDIR or regular). */
void record_default(struct record *r, mode_t native);
/* True when r equals the default of its native type, so that no attribute need be stored. */
bool record_is_default(const struct record *r);
/*
 * Reads the record of an open upper entry (O_RDONLY; for an O_PATH descriptor use record_read_at).
 * native: its st_mode. A missing attribute gives the default. 0 or -errno (-EPROTO: forged, also
 * when the recorded type cannot be held by the native one: a directory must be a directory).
 */
int record_read(int fd, mode_t native, struct record *r);
/*
 * The same for a name below a directory descriptor (never followed, by /proc/self/fd of an O_PATH
 * open), with its lstat in *st when st is not NULL.
 */
int record_read_at(int dirfd, const char *name, struct stat *st, struct record *r);

#endif
