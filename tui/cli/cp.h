/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cp: the two ways of `gaol cp`: out of a side onto the host (cpout.c), into a jail (cpin.c). */
#ifndef GAOL_TUI_CLI_CP_H
#define GAOL_TUI_CLI_CP_H

#include "core/err.h"
#include "core/repo/side.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct client;

struct cp {
	bool recursive;
	bool owner; /* uid and gid were asked for */
	uid_t uid;
	gid_t gid;
	uint64_t skipped; /* entries that were told and left out */
};

/*
 * Copies path of s (no link in it) to a file or directory of the host; into to when that is a
 * directory, under the last name of asked, the path as the user gave it. Nothing of the jail's is
 * followed on the host, and no existing link is written through below to. 0 or -errno with e set.
 */
int cp_out(struct cp *cp, struct side *s, const char *path, const char *asked, const char *to,
	   struct err *e);
/* Copies a file (or with recursive a directory) of the host to path in the jail behind c. */
int cp_in(struct cp *cp, struct client *c, const char *from, const char *path, struct err *e);
/* True when a symlink with this target, depth directories below the root of a copied tree, cannot
 * lead out of it, whatever other links that tree has. */
bool cp_link_stays(const char *target, unsigned depth);

#endif
