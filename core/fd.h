/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fd: file descriptors and small files: ownership in the declaration, whole reads and writes.
 */
#ifndef GAOL_CORE_FD_H
#define GAOL_CORE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* "cleanup_fd int fd = -1;" closes fd when the scope is left; take it out with fd_steal(&fd). */
#define cleanup_fd __attribute__((cleanup(fd_cleanup)))
void fd_cleanup(int *fd);
/* Returns *fd and sets it to -1. */
int fd_steal(int *fd);
/* Closes *fd if it is open and sets it to -1; errno is kept. */
void fd_close(int *fd);

/* Reads until n bytes or end of file; returns the count or -errno. */
ssize_t fd_read_full(int fd, void *p, size_t n);
/* Writes all n bytes (waits on EAGAIN by poll); 0 or -errno. */
int fd_write_full(int fd, const void *p, size_t n);

struct buf;
/* Appends a whole regular file of at most max bytes to out; 0, -EFBIG or -errno. */
int file_read_at(int dirfd, const char *path, size_t max, struct buf *out);
/*
 * Replaces a file atomically: written beside it as a temporary name, fsync'ed when sync is set,
 * renamed over it. 0 or -errno; on failure nothing is left behind and the old file stands.
 */
int file_replace_at(int dirfd, const char *path, const void *p, size_t n, mode_t mode, bool sync);

/* mkdir -p with the given mode for what is made; 0 or -errno. */
int dir_make_path(const char *path, mode_t mode);
/*
 * Removes a directory tree below dirfd by name, never following a link and never crossing into
 * another mount; 0 or -errno. Entries that vanish meanwhile are no error.
 */
int dir_remove_tree(int dirfd, const char *name);

#endif
