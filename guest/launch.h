/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * launch: a program as the host asked for it (chanproto.h), from the bytes to its exec.
 */
#ifndef GAOL_GUEST_LAUNCH_H
#define GAOL_GUEST_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Strings point into the message that was parsed. */
struct launch {
	uint32_t flags, uid, gid;
	uint16_t rows, cols, ngroups, argc, envc;
	const unsigned char *groups; /* u32 each */
	const char *user, *cwd, *term;
	const char *argv; /* argc strings, then envc more, one behind the other */
	const char *env;
};

/* Where a child gets its descriptors 0, 1 and 2, and whether 0 is its controlling terminal. */
struct launch_io {
	int fd[3];
	bool tty;
};

/* Why a launch failed: written by the child into a close-on-exec pipe. */
struct launch_error {
	int err;
	char what[256];
};

/* Parses n bytes; false when they are no launch. */
bool launch_parse(struct launch *l, const unsigned char *p, size_t n);

/*
 * Forks the program into its own session. Returns the pid and in *err_fd the end of a pipe: end
 * of file there means that exec succeeded, else it holds one struct launch_error. -errno when
 * there is no child. The caller keeps (and closes) the descriptors of io.
 */
pid_t launch_start(const struct launch *l, const struct launch_io *io, int *err_fd);

#endif
