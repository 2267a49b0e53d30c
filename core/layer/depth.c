/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How deep directories may lie inside each other (LAYER_DEPTH_MAX). Kept by mkdir and by renames
 * that move a directory further down; only those have to look below it.
 */
#include "core/fd.h"
#include "core/layer/internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Directories above and including dir, the root not counted. */
static unsigned depth_of(struct layer *l, uint32_t dir)
{
	unsigned n = 0;

	while (dir != ROOT && node_at(l, dir)->names && n <= LAYER_DEPTH_MAX) {
		dir = node_at(l, dir)->names->parent;
		n++;
	}
	return n;
}

static bool is_directory(int dirfd, const struct dirent *de)
{
	struct stat st;

	if (de->d_type != DT_UNKNOWN)
		return de->d_type == DT_DIR;
	return !fstatat(dirfd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

/* 0 when no more than room levels of directories lie below (dirfd, name) in upper. */
static int fits(int dirfd, const char *name, unsigned room)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		err = -errno;
		fd_close(&fd);
		return err;
	}
	for (const struct dirent *de; !err && (de = readdir(d));) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") || !is_directory(fd, de))
			continue;
		err = room ? fits(fd, de->d_name, room - 1) : -ENAMETOOLONG;
	}
	closedir(d);
	return err;
}

int depth_make(struct layer *l, uint32_t dir)
{
	return depth_of(l, dir) < LAYER_DEPTH_MAX ? 0 : -ENAMETOOLONG;
}

int depth_move(struct layer *l, uint32_t from, uint32_t to, int upper, const char *name)
{
	unsigned before = depth_of(l, from), after = depth_of(l, to);

	if (after <= before)
		return 0;
	if (after >= LAYER_DEPTH_MAX)
		return -ENAMETOOLONG;
	return upper < 0 ? 0 : fits(upper, name, LAYER_DEPTH_MAX - after - 1);
}
