/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mount table and device tags.
 *
 * /proc/self/mountinfo (proc(5)) is read once at open. A mount point inside a lower is either
 * crossed (file systems of local disks and memory, which cannot hang) or shown as an empty
 * directory that is never touched, not even by stat: proc, sysfs, devtmpfs, FUSE, network file
 * systems, autofs, whatever is not listed below. A mount that appears later stops RESOLVE_NO_XDEV
 * and is treated as an empty directory too.
 *
 * A tag stands for a device in inode numbers and records. Device numbers change over a reboot, so
 * a tag is bound to a name: the smallest mount point of the device, or, for a btrfs subvolume, the
 * path where it was first met. The names stand in work/devices, NUL-terminated, tag 1 first.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define INO_BITS 48
#define MOUNTINFO_MAX (16u << 20)
#define DEVICES_MAX (8u << 20)

static const char *const crossed[] = {
    "ext2",  "ext3",  "ext4",	 "xfs",	   "btrfs",   "f2fs",	  "jfs",      "nilfs2",
    "zfs",   "tmpfs", "ramfs",	 "rootfs", "overlay", "erofs",	  "squashfs", "vfat",
    "exfat", "ntfs3", "iso9660", "udf",	   "hfsplus", "reiserfs", "bcachefs",
};

static bool is_crossed(const char *type)
{
	for (size_t i = 0; i < sizeof(crossed) / sizeof(*crossed); i++)
		if (!strcmp(crossed[i], type))
			return true;
	return false;
}

/* \ooo in mountinfo stands for a byte. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* The part of path below base, with its leading slash; NULL when it is not strictly below. */
static const char *below(const char *base, const char *path)
{
	size_t n = strlen(base);

	if (n == 1)
		return path[1] ? path : NULL;
	return !strncmp(base, path, n) && path[n] == '/' && path[n + 1] ? path + n : NULL;
}

static void mount_note(struct layer *l, const char *path, bool empty)
{
	for (int i = 0; i < l->nlower; i++) {
		const char *rel = below(l->lower[i].path, path);
		if (rel && (empty || authority_find(l->lower[i].mounts, rel).word != AUTH_EMPTY))
			authority_add(l->lower[i].mounts, rel, empty ? AUTH_EMPTY : AUTH_WRITE,
				      false, false, NULL);
	}
}

static void device_note(struct layer *l, dev_t dev, const char *path)
{
	for (size_t i = 0; i < l->nmounted; i++) {
		struct tag *t = &l->mounted[i];
		if (t->dev != dev)
			continue;
		if (strcmp(path, t->id) < 0) {
			free(t->id);
			t->id = xstrdup(path);
		}
		return;
	}
	l->mounted = xrealloc(l->mounted, (l->nmounted + 1) * sizeof(*l->mounted));
	l->mounted[l->nmounted++] = (struct tag){.id = xstrdup(path), .dev = dev};
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
static void mount_line(struct layer *l, char *line)
{
	unsigned ma, mi;
	int at = 0;
	char *point, *end, *type;

	if (sscanf(line, "%*u %*u %u:%u %*s %n", &ma, &mi, &at) != 2 || !at)
		return;
	point = line + at;
	end = strchr(point, ' ');
	type = end ? strstr(end, " - ") : NULL;
	if (!type)
		return;
	*end = '\0';
	type += 3;
	type[strcspn(type, " ")] = '\0';
	unescape(point);
	if (is_crossed(type))
		device_note(l, makedev(ma, mi), point);
	mount_note(l, point, !is_crossed(type));
}

static int tags_load(struct layer *l, struct err *e)
{
	struct buf b = {0};
	int err = 0;
	size_t keep = 0;

	if (l->work < 0)
		return 0;
	l->tags_fd =
	    openat(l->work, "devices", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_APPEND, 0600);
	if (l->tags_fd < 0)
		return err_sys(e, "work/devices: cannot open");
	err = file_read_at(l->work, "devices", DEVICES_MAX, &b);
	while (!err && keep < b.len && l->ntags < TAG_MAX) {
		const char *s = b.p + keep;
		size_t n = strnlen(s, b.len - keep);
		if (n == b.len - keep)
			break; /* cut short by a crash: not used yet by anything */
		l->tag = xrealloc(l->tag, (l->ntags + 1) * sizeof(*l->tag));
		l->tag[l->ntags++] = (struct tag){.id = xstrdup(s)};
		keep += n + 1;
	}
	if (!err && keep < b.len && ftruncate(l->tags_fd, (off_t)keep) < 0)
		err = -errno;
	buf_free(&b);
	return err ? err_set(e, err, "work/devices: cannot read: %s", strerror(-err)) : 0;
}

int mounts_open(struct layer *l, const char *const *empty, struct err *e)
{
	cleanup_fd int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	struct buf b = {0};
	char *save = NULL, chunk[65536];
	ssize_t n = 0;

	for (int i = 0; i < l->nlower; i++)
		l->lower[i].mounts = authority_new(AUTH_WRITE);
	if (fd < 0)
		return err_sys(e, "/proc/self/mountinfo: cannot open");
	while (b.len < MOUNTINFO_MAX && (n = fd_read_full(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&b, chunk, (size_t)n);
	if (n < 0) {
		buf_free(&b);
		return err_set(e, (int)n, "/proc/self/mountinfo: cannot read");
	}
	if (b.p)
		for (char *s = strtok_r(b.p, "\n", &save); s; s = strtok_r(NULL, "\n", &save))
			mount_line(l, s);
	buf_free(&b);
	for (; empty && *empty; empty++)
		mount_note(l, *empty, true);
	return tags_load(l, e);
}

void mounts_close(struct layer *l)
{
	for (int i = 0; i < l->nlower; i++)
		authority_free(l->lower[i].mounts);
	for (uint32_t i = 0; i < l->ntags; i++)
		free(l->tag[i].id);
	for (size_t i = 0; i < l->nmounted; i++)
		free(l->mounted[i].id);
	free(l->tag);
	free(l->mounted);
	fd_close(&l->tags_fd);
}

static void tag_name(struct layer *l, dev_t dev, int fd, char *id, size_t size)
{
	char link[40];
	ssize_t n = -1;

	for (size_t i = 0; i < l->nmounted; i++) {
		if (l->mounted[i].dev == dev) {
			snprintf(id, size, "%s", l->mounted[i].id);
			return;
		}
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (fd >= 0)
		n = readlink(link, id, size - 1);
	if (n > 0)
		id[n] = '\0';
	else
		snprintf(id, size, "#%u:%u", major(dev), minor(dev));
}

uint16_t tag_of(struct layer *l, dev_t dev, int fd)
{
	char id[PATH_MAX];

	for (uint32_t i = 0; i < l->ntags; i++)
		if (l->tag[i].known && l->tag[i].dev == dev)
			return (uint16_t)(i + 1);
	tag_name(l, dev, fd, id, sizeof(id));
	for (uint32_t i = 0; i < l->ntags; i++) {
		if (!l->tag[i].known && !strcmp(l->tag[i].id, id)) {
			l->tag[i].known = true;
			l->tag[i].dev = dev;
			return (uint16_t)(i + 1);
		}
	}
	if (l->ntags >= TAG_MAX)
		return TAG_MAX;
	l->tag = xrealloc(l->tag, (l->ntags + 1) * sizeof(*l->tag));
	l->tag[l->ntags++] = (struct tag){.id = xstrdup(id), .dev = dev, .known = true};
	/* A tag that cannot be written down holds for this run; numbers may change after it. */
	if (l->tags_fd >= 0)
		fd_write_full(l->tags_fd, id, strlen(id) + 1);
	return (uint16_t)l->ntags;
}

/* Numbers beyond 48 bits are folded; no file system that is crossed hands them out. */
uint64_t ino_make(uint16_t tag, uint64_t ino)
{
	uint64_t mask = (UINT64_C(1) << INO_BITS) - 1;

	if (ino > mask)
		ino = ((ino * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - INO_BITS)) & mask;
	return (uint64_t)tag << INO_BITS | ino;
}
