/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user: accounts of the guest, read from its own /etc/passwd and /etc/group (a static program has
 * no name service, and the guest's files are all there is).
 */
#ifndef GAOL_GUEST_USER_H
#define GAOL_GUEST_USER_H

#include "core/chanproto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct user {
	uint32_t uid, gid;
	uint32_t groups[CHAN_MAX_GROUPS];
	size_t ngroups;
	bool known;	/* there is a line in /etc/passwd */
	char name[64];	/* "" unless known */
	char home[256]; /* "/" unless known */
	char shell[256];
};

/*
 * Finds the account by name (not "" ) or else by u->uid. When known, the name, home and shell
 * are filled; uid and gid too when asked by name. True when found.
 */
bool user_find(struct user *u, const char *name);
/* Fills groups with gid and every group of /etc/group that lists the user's name. */
void user_find_groups(struct user *u);

#endif
