/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe: which walls this host can raise.
 */
#ifndef GAOL_CORE_WALL_PROBE_H
#define GAOL_CORE_WALL_PROBE_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>

/* Version of Landlock's interface (landlock(7)), 0 when the host has none. */
int probe_landlock(void);
/* Filters with the actions that are needed: seccomp(2). */
bool probe_seccomp(void);
/* The static program that takes the last step before a guest's kernel (core/wall/step/): "wall"
 * beside the guest's init. 0 with its path in buf, or -ENOENT with e set. */
int probe_step(char *buf, size_t size, struct err *e);

#endif
