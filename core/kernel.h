/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel: where the guest's kernel image is.
 */
#ifndef GAOL_CORE_KERNEL_H
#define GAOL_CORE_KERNEL_H

#include "core/err.h"
#include <stddef.h>

/*
 * Finds the kernel image; the first of these that exists is taken, and must then be right:
 *   $GAOL_KERNEL
 *   $GAOL_CACHE/kernel/current/linux when that is set, else
 *   $XDG_CACHE_HOME/gaol/kernel/current/linux   ($HOME/.cache without XDG_CACHE_HOME)
 *   /var/cache/gaol/kernel/current/linux
 *   GAOL_LIBDIR/linux
 * buf (PATH_MAX is enough) gets its path with links resolved. 0, or with e set: -ENOENT when there
 * is none, -EACCES when kernel_check refuses it.
 */
int kernel_find(char *buf, size_t size, struct err *e);

/*
 * A kernel image runs every jail, so nobody else may be able to change it: a regular, executable
 * ELF file of root or the caller, not writable by others, in directories of which the same holds
 * (a sticky one such as /tmp is allowed above it). path has no links in it. 0, or -EACCES or
 * -errno with e set.
 */
int kernel_check(const char *path, struct err *e);

#endif
