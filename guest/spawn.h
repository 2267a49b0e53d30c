/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spawn: a fork for the admin, which works also when the guest has as many processes as it may.
 */
#ifndef GAOL_GUEST_SPAWN_H
#define GAOL_GUEST_SPAWN_H

#include <sys/types.h>

/*
 * fork(2). When the limit of processes (kernel.threads-max, which counts root's as well) is met,
 * pid 1 raises it for the moment of the fork, by SPAWN_ROOM at most: a guest that is full of
 * processes can still be looked at and be helped.
 */
pid_t spawn(void);

#endif
