/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hold: gaol's own processes give away what they do not need, before they read what a guest made.
 *
 * The worker needs nothing but files: it may write below the jail's directory only, start no
 * program, open no socket, and make none of the calls that change the system. The warden of root's
 * jails keeps what mounting, changing its uid and reading /proc take, and drops the rest. It is not
 * held further: a Landlock domain may not mount, and bubblewrap, which it starts, would inherit it.
 */
#ifndef GAOL_CORE_WALL_HOLD_H
#define GAOL_CORE_WALL_HOLD_H

#include "core/err.h"
#include <stddef.h>

/*
 * Holds this process and its children for good: creating, changing, removing and executing files
 * only below dirfd (no executing at all), and no call of hold_calls. Reading stays as it is. Where
 * the host's Landlock cannot rename between directories (before Linux 5.19) or is missing, only
 * the calls are held. 0 or -errno with e set.
 */
int hold_worker(int dirfd, struct err *e);
/* Drops the capabilities that a warden of root's has no use for, also for its children. 0 or
 * -errno with e set; nothing to do for others than root. */
int hold_warden(struct err *e);
/* The names of the calls that a worker may not make; *n is their number. */
const char *const *hold_calls(size_t *n);

#endif
