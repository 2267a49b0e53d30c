/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * made: the files that are made for a jail: a small directory tree, the topmost lower layer.
 *
 * It has the upper layer's format (core/layer/record.h: plain files 0600 and directories 0700 of
 * gaol's own, guest metadata in user.gaol), so it is given to the layer as a lower with virtual
 * set and guarded not set. In it:
 *
 *   /etc/passwd, /etc/group    the host's system accounts (id < 1000, and 65534), with root at
 *                              /root, and the one user of the jail; nobody else of the host
 *   /etc/passwd-, /etc/group-  (backups) the same; /etc/subuid, /etc/subgid empty: the host's
 *                              would name its people
 *   /etc/shadow, /etc/gshadow  0640 root:shadow, every password locked ("*")
 *   /etc/hostname, /etc/hosts, /etc/resolv.conf, /etc/machine-id (random, kept over rebuilds)
 *   /etc/mtab                  a symlink to ../proc/self/mounts
 *   /root 0700, /home, the user's home (0700, his own, empty; not made when it is a directory of
 *   the host outside /home, such as a daemon's), /tmp and /var/tmp 1777, /run
 *   /.gaol/init                the guest's static init, 0755
 */
#ifndef GAOL_CORE_MADE_H
#define GAOL_CORE_MADE_H

#include "core/err.h"
#include <stddef.h>
#include <sys/types.h>

struct made_config {
	const char *hostname; /* of the jail: letters, digits, '-', '.'; 1..63 bytes */
	const char *init;     /* host path of the guest's static init */
	const char *share;  /* directory for shared copies of init (made when missing), hard-linked
			       into each jail; NULL or another file system: a copy per jail */
	const char *resolv; /* text of /etc/resolv.conf; NULL: a comment that says no network */
	/* The jail's user beside root; name NULL: only root. Fields as in /etc/passwd; gecos and
	 * group may be NULL. */
	const char *name;
	uid_t uid;
	gid_t gid;
	const char *group;
	const char *gecos;
	const char *home;
	const char *shell;
	const char *etc; /* where the host's passwd and group are; NULL: "/etc" (for tests) */
};

/*
 * Makes dir what c asks for. When it is that already (a stamp over c, the format, and the host
 * files that went in, kept in an attribute of dir), nothing is done. Else the tree is built beside
 * dir and exchanged with it in one rename; a build that dies leaves the old tree, and its own
 * remains are removed by the next one. The caller holds the jail's lock. 0 or -errno with e set.
 */
int made_build(const char *dir, const struct made_config *c, struct err *e);

/* The path of the guest's static init: $GAOL_INIT, then "guest/init" beside the running binary
 * (build tree), then GAOL_LIBDIR "/init". 0 with the path in buf, or -ENOENT with e set. */
int made_find_init(char *buf, size_t size, struct err *e);

#endif
