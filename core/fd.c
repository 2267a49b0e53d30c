/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/fd.h"
#include "core/buf.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void fd_cleanup(int *fd)
{
	fd_close(fd);
}

int fd_steal(int *fd)
{
	int got = *fd;
	*fd = -1;
	return got;
}

ssize_t fd_read_full(int fd, void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(fd, (char *)p + done, n - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int fd_write_full(int fd, const void *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);
		if (put < 0 && errno == EAGAIN) {
			struct pollfd pf = {.fd = fd, .events = POLLOUT};
			poll(&pf, 1, -1);
			continue;
		}
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		p = (const char *)p + put;
		n -= (size_t)put;
	}
	return 0;
}

int file_read_at(int dirfd, const char *path, size_t max, struct buf *out)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	for (size_t total = 0;;) {
		char *to = buf_room(out, 65536);
		ssize_t got = fd_read_full(fd, to, 65536);
		size_t add = got > 0 && total + (size_t)got <= max ? (size_t)got : 0;
		/* a buf ends with a NUL, also after an error */
		to[add] = '\0';
		if (got < 0)
			return (int)got;
		total += (size_t)got;
		if (total > max)
			return -EFBIG;
		out->len += (size_t)got;
		if (got < 65536)
			return 0;
	}
}

int file_replace_at(int dirfd, const char *path, const void *p, size_t n, mode_t mode, bool sync)
{
	uint64_t tag = 0;
	char tmp[4096];

	if (getrandom(&tag, sizeof(tag), 0) != sizeof(tag))
		return -errno;
	int len = snprintf(tmp, sizeof(tmp), "%s.%016llx", path, (unsigned long long)tag);
	if (len < 0 || (size_t)len >= sizeof(tmp))
		return -ENAMETOOLONG;
	cleanup_fd int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	int ret = fd_write_full(fd, p, n);
	if (!ret && sync && fsync(fd))
		ret = -errno;
	if (!ret && renameat(dirfd, tmp, dirfd, path))
		ret = -errno;
	if (ret)
		unlinkat(dirfd, tmp, 0);
	return ret;
}

int dir_make_path(const char *path, mode_t mode)
{
	char part[4096];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/*
 * A tree may be as deep as its maker liked, descriptors and the stack are not: what lies DEEP
 * levels below the top is moved up to it, and taken from there.
 */
#define DEEP 64

struct removal {
	int top;
	dev_t dev;
	unsigned depth;
	unsigned long moved; /* entries, each under a name of its own */
};

static int remove_entry(struct removal *r, int dirfd, const char *name);

static int move_up(struct removal *r, int dirfd, const char *name)
{
	char fresh[48];

	do
		snprintf(fresh, sizeof(fresh), ".gaol-removed-%lu", ++r->moved);
	while (renameat2(dirfd, name, r->top, fresh, RENAME_NOREPLACE) && errno == EEXIST);
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) ? 0 : -EBUSY;
}

/* Empties an open directory, which it closes. */
static int remove_children(struct removal *r, int fd)
{
	int ret = 0;
	DIR *d = fdopendir(fd);

	if (!d) {
		close(fd);
		return -errno;
	}
	r->depth++;
	for (struct dirent *de; !ret && (de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			ret = remove_entry(r, dirfd(d), de->d_name);
	r->depth--;
	closedir(d);
	return ret;
}

static int open_to_empty(int dirfd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);

	if (fd < 0 && errno == EACCES && !fchmodat(dirfd, name, 0700, 0))
		fd = openat(dirfd, name, flags);
	return fd < 0 ? -errno : fd;
}

static int remove_entry(struct removal *r, int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return unlinkat(dirfd, name, 0) && errno != ENOENT ? -errno : 0;
	if (st.st_dev != r->dev)
		return -EBUSY;
	if (!unlinkat(dirfd, name, AT_REMOVEDIR))
		return 0;
	if (r->depth >= DEEP)
		return move_up(r, dirfd, name);
	int fd = open_to_empty(dirfd, name);
	int ret = fd < 0 ? fd : remove_children(r, fd);
	if (!ret && unlinkat(dirfd, name, AT_REMOVEDIR) && errno != ENOENT)
		ret = -errno;
	return ret == -ENOENT ? 0 : ret;
}

int dir_remove_tree(int dirfd, const char *name)
{
	struct removal r = {.top = open_to_empty(dirfd, name)};
	struct stat st;

	if (r.top == -ENOTDIR || r.top == -ELOOP)
		return unlinkat(dirfd, name, 0) && errno != ENOENT ? -errno : 0;
	if (r.top < 0)
		return r.top == -ENOENT ? 0 : r.top;
	int ret = fstat(r.top, &st) ? -errno : 0;
	r.dev = st.st_dev;
	/* What was moved up while the top was read may have been missed: once more. */
	for (unsigned long before = ~0ul; !ret && before != r.moved;) {
		int fd = openat(r.top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		before = r.moved;
		ret = fd < 0 ? -errno : remove_children(&r, fd);
	}
	close(r.top);
	if (!ret && unlinkat(dirfd, name, AT_REMOVEDIR) && errno != ENOENT)
		ret = -errno;
	return ret;
}
