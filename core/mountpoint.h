/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountpoint: what is mounted where, by /proc/self/mountinfo alone: the mount itself is never
 * asked, since the process that serves it may be dead (or be us).
 */
#ifndef GAOL_CORE_MOUNTPOINT_H
#define GAOL_CORE_MOUNTPOINT_H

#include "core/err.h"
#include <stdbool.h>

/* True when a file system of this type ("fuse.gaol") is mounted on path, topmost or not. */
bool mountpoint_is(const char *path, const char *fstype);
/*
 * Detaches (lazily) all file systems of this type that are mounted on path; as an ordinary user
 * through fusermount3. 0, also when there is none; -errno with e set when one stays.
 */
int mountpoint_detach(const char *path, const char *fstype, struct err *e);
/*
 * Detaches all file systems of this type from the caller's mount namespace, which must be one of
 * its own: a copy of a mount in a namespace that lives on keeps the file system alive after
 * everybody else has unmounted it (mount_namespaces(7)). What cannot be detached stays.
 */
void mountpoint_forget(const char *fstype);

#endif
