/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that objects lie in: how large they are, and taking old ones away. */
#include "core/fd.h"
#include "core/repo/inside.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int file_fn(void *user, int dirfd, const char *name);

static int each_file(int at, const char *dir, file_fn *fn, void *user)
{
	int fd = openat(at, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int err = 0;

	if (!d) {
		err = errno == ENOENT ? 0 : -errno;
		fd_close(&fd);
		return err;
	}
	for (struct dirent *de; !err && (de = readdir(d));)
		if (de->d_name[0] != '.')
			err = fn(user, fd, de->d_name);
	closedir(d);
	return err;
}

/* objects/pack first, then the 256 directories of loose objects. */
static int each_object_file(struct repo *r, file_fn *pack, file_fn *loose, void *user)
{
	char name[24];
	int err = each_file(r->dir, "objects/pack", pack, user);

	for (unsigned i = 0; i < 256 && !err; i++) {
		snprintf(name, sizeof(name), "objects/%02x", i);
		err = each_file(r->dir, name, loose, user);
	}
	return err;
}

static int add_size(void *user, int dirfd, const char *name)
{
	struct stat st;

	if (!fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode))
		*(uint64_t *)user += (uint64_t)st.st_size;
	return 0;
}

int store_size(struct repo *r, uint64_t *bytes, struct err *e)
{
	int err;

	*bytes = 0;
	err = each_object_file(r, add_size, add_size, bytes);
	return err ? err_set(e, err, "checkpoints: cannot look at the packs: %s", strerror(-err))
		   : 0;
}

struct clean {
	const char *keep; /* "pack-HASH" */
	bool indexes;	  /* this round takes those; then nobody looks for the packs */
};

static int clean_pack(void *user, int dirfd, const char *name)
{
	const struct clean *c = user;
	const char *dot = strrchr(name, '.');
	char guard[300];
	struct stat st;

	if (!dot || strncmp(name, "pack-", 5) != 0 || !strncmp(name, c->keep, strlen(c->keep)) ||
	    !strcmp(dot, ".idx") != c->indexes)
		return 0;
	/* git's way to say that a pack is somebody's */
	snprintf(guard, sizeof(guard), "%.*s.keep", (int)(dot - name), name);
	if (!fstatat(dirfd, guard, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	return unlinkat(dirfd, name, 0) && errno != ENOENT ? -errno : 0;
}

static int clean_loose(void *user, int dirfd, const char *name)
{
	const struct clean *c = user;

	return !c->indexes && unlinkat(dirfd, name, 0) && errno != ENOENT ? -errno : 0;
}

int store_clean(struct repo *r, const char *keep, struct err *e)
{
	struct clean c = {.keep = keep, .indexes = true};
	int err = each_object_file(r, clean_pack, clean_loose, &c);

	c.indexes = false;
	if (!err)
		err = each_object_file(r, clean_pack, clean_loose, &c);
	if (!err && git_odb_refresh(r->odb))
		err = -EIO;
	return err ? err_set(e, err, "prune: cannot remove old packs: %s", strerror(-err)) : 0;
}
