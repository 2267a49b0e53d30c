/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/fd.h"
#include "tui/cli/apply.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PART (256u << 10)
#define TEMP_NAME ".gaol-apply"

/* Below the directory, through no link. */
static int open_below(int root, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
			       .resolve =
				   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int applyout_parent(const struct apply *a, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? xasprintf("%.*s", (int)(slash - path), path) : xstrdup("");
	int fd = open_below(a->root, dir, O_RDONLY | O_DIRECTORY);

	*name = slash ? slash + 1 : path;
	free(dir);
	return fd;
}

int applyout_open(const struct apply *a, const char *path)
{
	const char *name;
	cleanup_fd int dir = applyout_parent(a, path, &name);
	int fd = dir < 0 ? -1
			 : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return dir < 0 ? dir : fd < 0 ? -errno : fd;
}

int applyout_stat(const struct apply *a, const char *path, struct stat *st)
{
	const char *name;
	cleanup_fd int fd = applyout_parent(a, path, &name);

	if (fd < 0)
		return fd == -ENOTDIR || fd == -ELOOP ? -ENOENT : fd;
	return fstatat(fd, *name ? name : ".", st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

static int content_of(struct side *s, const char *path, int *out)
{
	char *guest = xasprintf("/%s", path);
	int fd = memfd_create("gaol", MFD_CLOEXEC), ret;

	ret = fd < 0 ? -errno : side_cat(s, guest, fd, true, NULL);
	free(guest);
	if (ret && fd >= 0)
		close(fd);
	*out = ret ? -1 : fd;
	return ret;
}

static int same_bytes(int a, int b)
{
	char *ma = xmalloc(PART), *mb = xmalloc(PART);
	off_t off = 0;
	ssize_t na, nb;
	int same = 1;

	do {
		na = pread(a, ma, PART, off);
		nb = na > 0 ? pread(b, mb, (size_t)na, off) : pread(b, mb, 1, off);
		same = na >= 0 && na == nb && !memcmp(ma, mb, (size_t)na);
		off += na > 0 ? na : 0;
	} while (same && na > 0);
	free(ma);
	free(mb);
	return same;
}

static int same_link(int dir, const char *name, struct side *s, const char *path)
{
	char host[PATH_MAX];
	ssize_t n = readlinkat(dir, name, host, sizeof(host));
	char *guest = xasprintf("/%s", path);
	struct buf b = {0};
	int ret = n < 0 ? -errno : side_readlink(s, guest, &b);

	ret = ret ? ret : b.len == (size_t)n && !memcmp(buf_cstr(&b), host, b.len);
	buf_free(&b);
	free(guest);
	return ret;
}

int applyout_same(const struct apply *a, const char *path, struct side *s, const struct stat *host)
{
	const char *name;
	char *guest = xasprintf("/%s", path);
	cleanup_fd int dir = applyout_parent(a, path, &name);
	cleanup_fd int fd = -1, mine = -1;
	struct stat st;
	int ret = dir < 0 ? dir : side_stat(s, guest, &st);

	free(guest);
	if (ret)
		return ret == -ENOENT || ret == -ENOTDIR ? 0 : ret;
	if ((st.st_mode & S_IFMT) != (host->st_mode & S_IFMT))
		return 0;
	if (S_ISLNK(st.st_mode))
		return same_link(dir, name, s, path);
	if (!S_ISREG(st.st_mode))
		return 1;
	if (st.st_size != host->st_size)
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = content_of(s, path, &mine);
	return ret ? ret : same_bytes(fd, mine);
}

static int make_file(struct apply *a, int dir, const char *name, const char *path,
		     const struct stat *old, const struct diff_entry *d)
{
	char *guest = xasprintf("/%s", path);
	cleanup_fd int fd =
	    openat(dir, TEMP_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct timespec times[2] = {d->b.mtime, d->b.mtime};
	int ret = fd < 0 ? -errno : side_cat(a->from, guest, fd, true, NULL);

	free(guest);
	old = old && S_ISREG(old->st_mode) ? old : NULL;
	if (!ret)
		ret = applyattr_owner(fd, old, d);
	if (!ret && old) {
		cleanup_fd int was = applyout_open(a, path);
		ret = was < 0 ? 0 : applyattr_keep(was, fd);
	}
	if (!ret)
		ret = applyattr_bring(a, path, fd);
	if (!ret && fchmod(fd, applyattr_mode(d->b.mode)))
		ret = -errno;
	if (!ret && futimens(fd, times))
		ret = -errno;
	if (!ret && (fsync(fd) || renameat(dir, TEMP_NAME, dir, name)))
		ret = -errno;
	if (ret && fd >= 0)
		unlinkat(dir, TEMP_NAME, 0);
	return ret;
}

static int make_link(struct apply *a, int dir, const char *name, const char *path)
{
	char *guest = xasprintf("/%s", path);
	struct buf b = {0};
	int ret = side_readlink(a->from, guest, &b);

	free(guest);
	if (!ret && symlinkat(buf_cstr(&b), dir, TEMP_NAME))
		ret = -errno;
	if (!ret && renameat(dir, TEMP_NAME, dir, name)) {
		ret = -errno;
		unlinkat(dir, TEMP_NAME, 0);
	}
	buf_free(&b);
	return ret;
}

static int make_dir(struct apply *a, int dir, const char *name, const char *path,
		    const struct stat *old, const struct diff_entry *d)
{
	bool there = old && S_ISDIR(old->st_mode);

	if (!there && mkdirat(dir, name, 0700))
		return -errno;
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int ret = there ? 0 : applyattr_owner(fd, NULL, d);
	if (!ret && !there)
		ret = applyattr_bring(a, path, fd);
	return !ret && fchmod(fd, applyattr_mode(d->b.mode)) ? -errno : ret;
}

/* One directory above what is brought, as the jail has it. */
static int make_parent(struct apply *a, const char *path)
{
	const char *name;
	cleanup_fd int dir = applyout_parent(a, path, &name);
	char *guest = xasprintf("/%s", path);
	struct diff_entry d = {0};
	struct stat st;
	int ret = dir < 0 ? dir : side_stat(a->from, guest, &st);

	free(guest);
	if (ret)
		return ret;
	d.b = (struct diff_attr){.mode = st.st_mode, .uid = st.st_uid, .gid = st.st_gid};
	return S_ISDIR(st.st_mode) ? make_dir(a, dir, name, path, NULL, &d) : -ENOTDIR;
}

/* Those that the host lacks, when a path below them alone was asked for. */
static int make_parents(struct apply *a, const char *path)
{
	char *part = xstrdup(path);
	int ret = 0;

	for (char *slash = strchr(part, '/'); slash && !ret; slash = strchr(slash + 1, '/')) {
		struct stat st;

		*slash = '\0';
		if (applyout_stat(a, part, &st) == -ENOENT)
			ret = make_parent(a, part);
		*slash = '/';
	}
	free(part);
	return ret;
}

int applyout_make(struct apply *a, const char *path, const struct diff_entry *d)
{
	const char *name;
	cleanup_fd int dir = applyout_parent(a, path, &name);
	struct stat old;
	bool there;

	if (dir == -ENOENT) {
		int ret = make_parents(a, path);

		if (ret)
			return ret;
		dir = applyout_parent(a, path, &name);
	}
	if (dir < 0)
		return dir;
	there = !fstatat(dir, name, &old, AT_SYMLINK_NOFOLLOW);
	if (d->status == DIFF_ATTR)
		return applyattr_set(a, path, d);
	if (there && S_ISDIR(old.st_mode) && !S_ISDIR(d->b.mode) &&
	    unlinkat(dir, name, AT_REMOVEDIR))
		return -errno;
	if (there && !S_ISDIR(old.st_mode) && S_ISDIR(d->b.mode) && unlinkat(dir, name, 0))
		return -errno;
	switch (d->b.mode & S_IFMT) {
	case S_IFREG:
		return make_file(a, dir, name, path, there ? &old : NULL, d);
	case S_IFLNK:
		return make_link(a, dir, name, path);
	default:
		return make_dir(a, dir, name, path, there ? &old : NULL, d);
	}
}

int applyout_remove(struct apply *a, const char *path, bool dir)
{
	const char *name;
	cleanup_fd int fd = applyout_parent(a, path, &name);

	if (fd < 0)
		return fd;
	return unlinkat(fd, name, dir ? AT_REMOVEDIR : 0) && errno != ENOENT ? -errno : 0;
}
