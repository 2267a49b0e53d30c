/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accounts: the user data base of a jail, made from the host's: its system accounts, root, and one
 * user; nobody else of the host.
 */
#ifndef GAOL_CORE_ACCOUNTS_H
#define GAOL_CORE_ACCOUNTS_H

#include "core/buf.h"
#include "core/made.h"

/* The four files as text, and whom the shadow files belong to. */
struct accounts {
	struct buf passwd;
	struct buf group;
	struct buf shadow;
	struct buf gshadow;
	gid_t shadow_gid; /* of the group shadow; 0 without one */
};

/*
 * Builds the texts for c (name, uid, gid, group, gecos, home, shell) from the host's passwd and
 * group. Kept are IDs below 1000 and 65534; lines that are not well formed are left out, and so are
 * members of groups that are no account of the jail. There is always a root. Release with
 * accounts_free.
 */
void accounts_make(struct accounts *a, const char *passwd, const char *group,
		   const struct made_config *c);
void accounts_free(struct accounts *a);

#endif
