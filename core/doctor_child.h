/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor_child: a question that is asked in a child process, so that it can fail, hang or crash.
 */
#ifndef GAOL_CORE_DOCTOR_CHILD_H
#define GAOL_CORE_DOCTOR_CHILD_H

#include <stddef.h>

/* Runs in the child, in its own process group, with stdin from /dev/null and stdout and stderr on
 * a pipe; returns the exit status. */
typedef int child_fn(void *user);

#define CHILD_TIMEOUT (-1) /* killed at the deadline */
#define CHILD_ERROR (-2)   /* could not be started; errno is set */

/*
 * Runs fn and waits at most ms milliseconds; its whole process group is killed then, and also when
 * it leaves others behind. The last line of what it printed goes to out (size bytes, "" for none).
 * Returns the exit status, 128 + signal, CHILD_TIMEOUT or CHILD_ERROR.
 */
int child_run(child_fn *fn, void *user, int ms, char *out, size_t size);
/* child_run of execvp(argv[0], argv); status 127 when it cannot be run. */
int child_exec(const char *const *argv, int ms, char *out, size_t size);

#endif
