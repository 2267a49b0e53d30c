/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user: who calls gaol, as the host's user data base tells.
 */
#ifndef GAOL_CORE_USER_H
#define GAOL_CORE_USER_H

#include "core/err.h"
#include <stddef.h>
#include <sys/types.h>

struct user {
	uid_t uid;
	gid_t gid;
	char *name;    /* login name; "uN" for a uid N without an entry */
	char *group;   /* name of the primary group; "gN" without an entry */
	char *gecos;   /* "" when there is none */
	char *home;    /* absolute; "/" when unknown */
	char *shell;   /* absolute; "/bin/sh" when unknown */
	gid_t *groups; /* supplementary groups, the primary one not included */
	size_t ngroups;
};

/*
 * Looks up a uid. One without an entry is no error (containers have such users): the fields get
 * the stand-ins above. Fields that would break a line of /etc/passwd (':' or a newline) are
 * replaced by their stand-ins too. 0, or -errno with e set when the data base cannot be read.
 */
int user_lookup(uid_t uid, struct user *out, struct err *e);
/* The caller: user_lookup of getuid(), with the process's own gid and supplementary groups. */
int user_self(struct user *out, struct err *e);
/* Releases the strings and zeroes u. */
void user_free(struct user *u);

#endif
