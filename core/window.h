/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window: the host's door: a layer mounted with FUSE on a directory of the host.
 *
 * A jail's window is read-only, so that ls, grep and diff work from outside; `gaol layer` mounts
 * read-write. The window is served by the process's own loop, one request at a time. So the
 * process must never touch its own mount (stat, getcwd, statfs): it would wait for itself.
 * window_mount keeps that rule also while fusermount3 is used.
 */
#ifndef GAOL_CORE_WINDOW_H
#define GAOL_CORE_WINDOW_H

#include "core/err.h"
#include "core/layer/layer.h"
#include "core/loop.h"
#include <stdbool.h>

struct window;

struct window_config {
	bool ro;	  /* every change is EROFS; link targets are rewritten to stay inside */
	bool allow_other; /* other users may look (root, or user_allow_other in /etc/fuse.conf) */
	bool default_permissions; /* the kernel checks modes and ACLs (off: the layer's owner sees
				     all; needed with allow_other) */
	bool caching; /* attributes, names and data may be cached: nobody but this mount changes the
			 layer (gaol layer); off: every look is a request, always true */
	bool devices; /* rw and root: leave out nosuid, nodev and noexec (gaol layer -o dev,suid) */
	bool poll; /* look out for the next request for some microseconds before sleeping, where
		      that pays: waking a sleeper on an idle processor costs more than the work */
	const char *fsname;  /* NULL: "gaol" */
	const char *subtype; /* NULL: "gaol" (shown as fuse.gaol) */
	/* The mount was taken away (umount, abort); not called by window_unmount. May be NULL. */
	void (*on_gone)(void *user);
	void *user;
};

/*
 * Mounts l on the directory path; the layer outlives the window. Options are
 * [ro,]nosuid,nodev,noexec, and as root also nosymfollow for a read-only window where the kernel
 * knows it. NULL with e set when it cannot (no /dev/fuse, no fusermount3, not a directory...): a
 * notice, not a failure, for a jail.
 */
struct window *window_mount(struct loop *loop, struct layer *l, const char *path,
			    const struct window_config *c, struct err *e);
/* Unmounts (lazily when it is busy) and releases. NULL is allowed. */
void window_unmount(struct window *w);
/*
 * Lazily unmounts what a killed process left mounted on path; asks nothing of the mount itself.
 * 0 also when nothing (or no mount of gaol's) is there; -errno with e set when it stays.
 */
int window_cleanup(const char *path, struct err *e);

#endif
