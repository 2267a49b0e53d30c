/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bring: entries brought into a jail's layer from outside, complete, through its warden.
 *
 * The warden's verb "bring", one entry a call; paths, link targets and attributes are
 * percent-encoded (repo/name.h, all but printable ASCII), so that any bytes pass:
 *   {"do": "make", "path", "mode" (with type), "uid", "gid", "rdev", "sec", "nsec", "target",
 *    "xattrs": {NAME: VALUE}}; with a descriptor of a regular file: the content
 *   {"do": "attr", ...}    the same for an entry that is there, whose content stays
 *   {"do": "link", "path", "to"}
 *   {"do": "remove", "path"}   a directory must be empty
 *   {"do": "open", "path"}     -> {"open": bool}: has the guest an open file there?
 *   {"do": "done"}         the guest forgets what it has cached
 * A name is the old entry or the whole new one at any time. Paths are the guest's, absolute; links
 * on the way are not followed, "." and ".." are no names: nothing leads out of the layer.
 */
#ifndef GAOL_CORE_BRING_H
#define GAOL_CORE_BRING_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct client;

struct bring_xattr {
	const char *name;
	const void *value;
	size_t len;
};

/* What an entry is. */
struct bring {
	const char *path;
	struct stat st;	    /* st_mode (with type), st_uid, st_gid, st_rdev, st_mtim */
	const char *target; /* of a symlink */
	const struct bring_xattr *xattrs;
	size_t nxattrs;
};

/*
 * All return 0 or -errno with e set. While the jail is busy (a checkpoint) they try again for half
 * a minute.
 */
/* Makes the entry; what is at its path is replaced, but for a directory, which only gets its
 * attributes (and must be empty to become something else). fd: content of a regular file, a
 * regular file itself, whose holes stay holes; -1 for other types. It is borrowed. */
int bring_make(struct client *c, const struct bring *b, int fd, struct err *e);
int bring_attr(struct client *c, const struct bring *b, struct err *e);
/* Makes path one more name of the file "to". */
int bring_link(struct client *c, const char *path, const char *to, struct err *e);
int bring_remove(struct client *c, const char *path, struct err *e);
int bring_is_open(struct client *c, const char *path, bool *open, struct err *e);
int bring_done(struct client *c, struct err *e);
/* An unnamed file for content, on the jail's disk; a descriptor or -errno with e set. */
struct jail;
int bring_temp(const struct jail *j, struct err *e);

#endif
