/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_layer: `gaol layer -o lowerdir=A[:B...][,upperdir=U[,workdir=W]][,...] MOUNTPOINT [-f]`
 *
 * Mounts a layer without a guest, for people and test suites. Also a mount helper: called as
 * mount.fuse.gaol (a link in /sbin), it takes mount(8)'s "SOURCE MOUNTPOINT -o OPTIONS", so that
 * `mount -t fuse.gaol none /mnt -o lowerdir=/usr,upperdir=/var/tmp/u` works.
 */
#ifndef GAOL_TUI_CMD_LAYER_H
#define GAOL_TUI_CMD_LAYER_H

/* argv[0] is "layer" or a name that begins with "mount.". Returns the exit status: 0 (mounted; with
 * -f: unmounted again), 1 (failed) or 2 (usage). */
int cmd_layer(int argc, char **argv);

#endif
