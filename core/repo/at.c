/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening what was scanned, also when it has lost its name since. */
#include "core/fd.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int at_begin(struct at *a, int fd, struct sealed *s)
{
	struct stat st = {0};

	*a = (struct at){.fd = fd, .sealed = s};
	if (s && fstat(fd, &st))
		return -errno;
	a->ino = st.st_ino;
	return 0;
}

/* The inode that had the name, by its name or as it was kept. */
static int open_was(const struct at *a, const struct ent *x, int flags)
{
	cleanup_fd int fd = a->fd < 0 ? -1 : openat(a->fd, x->name, flags);
	struct stat st;
	uint64_t ino;

	if (fd >= 0 && !fstat(fd, &st) && st.st_ino == x->st.st_ino &&
	    !((st.st_mode ^ x->st.st_mode) & S_IFMT))
		return fd_steal(&fd);
	/* another one has it, so there is a record */
	if (!sealed_sync(a->sealed) || !sealed_name(a->sealed, a->ino, x->name, &ino) ||
	    ino != x->st.st_ino)
		return -ESTALE;
	return sealed_fd(a->sealed, ino, S_ISDIR(x->st.st_mode));
}

int at_subdir(struct at *a, const struct at *up, const struct ent *x, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd;

	*a = (struct at){.fd = -1, .ino = x->st.st_ino, .sealed = up->sealed};
	if (!up->sealed) {
		a->fd = openat(up->fd, x->name, flags);
		if (a->fd < 0)
			return errno == ENOENT || errno == ENOTDIR
				   ? -ENOENT
				   : err_sys(e, "upper layer: cannot open a directory");
		return 0;
	}
	fd = open_was(up, x, flags);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, -EAGAIN, "upper layer: a directory moved away");
	a->fd = fd;
	return 0;
}

int at_file(const struct at *a, const struct ent *x)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd;

	if (a->sealed) {
		fd = open_was(a, x, flags);
		return fd == -ENOENT ? -ESTALE : fd;
	}
	fd = openat(a->fd, x->name, flags);
	return fd < 0 ? -errno : fd;
}
