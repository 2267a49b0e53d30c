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
/* Unmounts what can be, the last mounted first, but for the root: virtiofs has nothing to write
 * behind a sync, and its remount would drop every dentry (see mounts_settle_root). */
void mounts_undo(void);
/*
 * Syncs, and lets the requests that nobody waits for (FORGET, RELEASE) come back: UML's power-off
 * resets the devices and then removes them, and virtio_fs_remove (fs/fuse/virtio_fs.c) waits for
 * every request that was under way at the reset, for ever. A round trip flushes what was sent
 * before it, the pause covers the queue of FORGETs, which has no reply.
 */
void mounts_settle_root(void);

#endif
