/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/usage.h"
#include "core/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void add(struct usage *u, const struct stat *st)
{
	uint64_t bytes = (uint64_t)st->st_blocks * 512;
	double inode = 1;

	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1) {
		u->shared += bytes;
		bytes /= st->st_nlink;
		inode /= (double)st->st_nlink;
	}
	if (S_ISDIR(st->st_mode)) {
		u->dirs++;
		u->dir_bytes += bytes;
	}
	u->bytes += bytes;
	u->inodes += inode;
}

static int tree(int dirfd, const char *name, dev_t dev, struct usage *u)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct stat st;
	int ret = 0;

	if (!d) {
		ret = -errno;
		fd_close(&fd);
		return ret == -ENOENT ? 0 : ret;
	}
	if (!fstat(fd, &st) && (!dev || st.st_dev == dev)) {
		add(u, &st);
		dev = st.st_dev;
	} else {
		closedir(d);
		return 0;
	}
	for (struct dirent *de; !ret && (de = readdir(d));) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
		    fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		u->entries++;
		if (S_ISDIR(st.st_mode))
			ret = tree(fd, de->d_name, dev, u);
		else
			add(u, &st);
	}
	closedir(d);
	return ret;
}

int usage_tree(int dirfd, const char *name, struct usage *out)
{
	return tree(dirfd, name, 0, out);
}

/* With work/index each link of an inode is met, and its shares make a whole. */
int usage_layer(int dirfd, int64_t *bytes, int64_t *inodes)
{
	struct usage u = {0}, index = {0};
	struct stat st;
	int ret = usage_tree(dirfd, "upper", &u);

	if (!ret)
		ret = usage_tree(dirfd, "work/index", &index);
	if (ret)
		return ret;
	u.inodes += index.inodes - (double)index.dirs;
	u.bytes += index.bytes - index.dir_bytes;
	/* whiteouts are links of one inode, which work/ has too */
	if (!fstatat(dirfd, "work/whiteout", &st, AT_SYMLINK_NOFOLLOW))
		u.inodes -= (double)(st.st_nlink - 1) / (double)st.st_nlink;
	*bytes = (int64_t)(u.bytes - u.dir_bytes + u.dirs * USAGE_DIR);
	*inodes = (int64_t)(u.inodes + 0.5);
	return 0;
}
