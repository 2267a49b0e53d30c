/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mounts: what a Linux user land expects around its root: file systems, links, kernel settings.
 */
#ifndef GAOL_GUEST_MOUNTS_H
#define GAOL_GUEST_MOUNTS_H

/* Mounts /proc, /sys, /dev, /dev/pts, /dev/shm and /run, makes links and modes. What fails is
 * told to the kernel's log and left out: a jail without /run is better than none. */
void mounts_make(void);
/* Loopback up, limits, core pattern, Ctrl-Alt-Del as a signal. */
void mounts_settle(void);
/* Unmounts what can be, the last mounted first, and makes the root read-only. */
void mounts_undo(void);

#endif
