/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/kernel.h"
#include "core/fd.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CURRENT "kernel/current/linux"
#define REMEDY "run `make kernel`, or set GAOL_KERNEL to an image"

static bool ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* Every directory above path: who can rename its entries can put another image there. */
static int check_parents(const char *path, struct err *e)
{
	char dir[PATH_MAX];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *slash; (slash = strrchr(dir, '/'));) {
		const char *shown = slash == dir ? "/" : dir;

		*slash = '\0';
		if (lstat(*dir ? dir : "/", &st) < 0)
			return err_set(e, -errno, "%s: cannot be looked at: %s: " REMEDY, shown,
				       strerror(errno));
		if (!ours(&st) || ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX)))
			return err_set(e, -EACCES,
				       "%s: the directory %s can be changed by others: move the "
				       "image or change its mode",
				       path, *dir ? dir : "/");
	}
	return 0;
}

int kernel_check(const char *path, struct err *e)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	unsigned char id[EI_NIDENT];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "%s: cannot be opened: %s: " REMEDY, path,
			       strerror(errno));
	if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IXUSR))
		return err_set(e, -EACCES, "%s: not an executable file: " REMEDY, path);
	if (!ours(&st))
		return err_set(e, -EACCES,
			       "%s: belongs to uid %u: it must be root's or yours: " REMEDY, path,
			       st.st_uid);
	/* one's own private group, and root's, are as good as the owner */
	if ((st.st_mode & S_IWOTH) ||
	    ((st.st_mode & S_IWGRP) && st.st_gid != 0 && st.st_gid != getegid()))
		return err_set(e, -EACCES, "%s: can be changed by others: chmod go-w it", path);
	if (fd_read_full(fd, id, sizeof(id)) != sizeof(id) || memcmp(id, ELFMAG, SELFMAG) != 0)
		return err_set(e, -EACCES, "%s: not a kernel image (no ELF file): " REMEDY, path);
	return check_parents(path, e);
}

/* Looks at one place: 1 when something is there, 0 when not. */
/* The cache of this user: as kernel/build.sh chooses it. */
static void cache_place(char *out, size_t size)
{
	const char *own = getenv("GAOL_CACHE"), *cache = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME");

	*out = '\0';
	if (own && *own)
		snprintf(out, size, "%s/" CURRENT, own);
	else if (cache && *cache == '/')
		snprintf(out, size, "%s/gaol/" CURRENT, cache);
	else if (home && *home == '/')
		snprintf(out, size, "%s/.cache/gaol/" CURRENT, home);
}

static int try_place(const char *path, char *buf, size_t size)
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		return 0;
	snprintf(buf, size, "%s", real);
	return 1;
}

int kernel_find(char *buf, size_t size, struct err *e)
{
	const char *given = getenv("GAOL_KERNEL");
	char mine[PATH_MAX];

	if (given && *given) {
		if (!try_place(given, buf, size))
			return err_set(e, -errno, "GAOL_KERNEL: %s: %s: correct or unset it", given,
				       strerror(errno));
		return kernel_check(buf, e);
	}
	cache_place(mine, sizeof(mine));
	if ((*mine && try_place(mine, buf, size)) ||
	    try_place("/var/cache/gaol/" CURRENT, buf, size) ||
	    try_place(GAOL_LIBDIR "/linux", buf, size))
		return kernel_check(buf, e);
	return err_set(e, -ENOENT, "kernel image: none found: " REMEDY);
}
