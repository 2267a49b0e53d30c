/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/user.h"
#include "core/buf.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRY_MAX (1 << 20) /* bytes of one entry; groups with many members are long */

/* A copy of s, or of instead when s could not stand as a field of /etc/passwd. */
static char *field(const char *s, const char *instead)
{
	return xstrdup(s && *s && !strpbrk(s, ":\n") ? s : instead);
}

static char *absolute(const char *s, const char *instead)
{
	return field(s && *s == '/' ? s : NULL, instead);
}

/* Not finding an entry has several names, see getpwnam(3). */
static bool is_missing(int ret)
{
	return !ret || ret == ENOENT || ret == ESRCH || ret == EBADF || ret == EPERM;
}

/* The name of a group, or NULL. The caller frees it. */
static char *group_name(gid_t gid)
{
	struct group g, *found = NULL;
	size_t size = 4096;
	char *mem = NULL, *name = NULL;
	int ret;

	do {
		mem = xrealloc(mem, size);
		ret = getgrgid_r(gid, &g, mem, size, &found);
		size *= 2;
	} while (ret == ERANGE && size <= ENTRY_MAX);
	if (!ret && found)
		name = field(found->gr_name, "");
	free(mem);
	return name;
}

static void fill_groups(struct user *u, const gid_t *all, size_t n)
{
	u->groups = xmalloc((n + 1) * sizeof(u->groups[0]));
	for (size_t i = 0; i < n; i++)
		if (all[i] != u->gid)
			u->groups[u->ngroups++] = all[i];
}

/* Supplementary groups as the data base has them. */
static void lookup_groups(struct user *u)
{
	int n = 64;
	gid_t *all = NULL;

	for (;;) {
		int room = n;

		all = xrealloc(all, (size_t)room * sizeof(all[0]));
		if (getgrouplist(u->name, u->gid, all, &n) >= 0)
			break;
		n = n > room ? n : room * 2; /* n tells how many there are */
		if (n > 65536) {	     /* NGROUPS_MAX of the kernel */
			n = 0;
			break;
		}
	}
	fill_groups(u, all, (size_t)n);
	free(all);
}

/* All but the groups; *known tells whether there is an entry. */
static int lookup_entry(uid_t uid, struct user *out, bool *known, struct err *e)
{
	struct passwd p, *found = NULL;
	size_t size = 4096;
	char *mem = NULL, stand_in[16];
	int ret;

	do {
		mem = xrealloc(mem, size);
		ret = getpwuid_r(uid, &p, mem, size, &found);
		size *= 2;
	} while (ret == ERANGE && size <= ENTRY_MAX);
	if (!found && !is_missing(ret)) {
		free(mem);
		return err_set(e, -ret,
			       "user %u: cannot be looked up: %s: check /etc/nsswitch.conf", uid,
			       strerror(ret));
	}
	*known = found;
	snprintf(stand_in, sizeof(stand_in), "u%u", uid);
	out->uid = uid;
	out->gid = found ? found->pw_gid : uid;
	out->name = field(found ? found->pw_name : NULL, stand_in);
	out->gecos = field(found ? found->pw_gecos : NULL, "");
	out->home = absolute(found ? found->pw_dir : NULL, "/");
	out->shell = absolute(found ? found->pw_shell : NULL, "/bin/sh");
	free(mem);
	return 0;
}

static void name_group(struct user *u)
{
	u->group = group_name(u->gid);
	if (!u->group || !*u->group) {
		free(u->group);
		u->group = xasprintf("g%u", u->gid);
	}
}

int user_lookup(uid_t uid, struct user *out, struct err *e)
{
	bool known;
	int ret;

	*out = (struct user){0};
	ret = lookup_entry(uid, out, &known, e);
	if (ret < 0)
		return ret;
	name_group(out);
	if (known)
		lookup_groups(out);
	return 0;
}

int user_self(struct user *out, struct err *e)
{
	gid_t *all;
	bool known;
	int ret, n;

	*out = (struct user){0};
	ret = lookup_entry(getuid(), out, &known, e);
	if (ret < 0)
		return ret;
	out->gid = getgid(); /* newgrp(1) and containers differ from the data base */
	name_group(out);
	n = getgroups(0, NULL);
	all = xmalloc(((size_t)(n > 0 ? n : 0) + 1) * sizeof(all[0]));
	n = n > 0 ? getgroups(n, all) : 0;
	fill_groups(out, all, n > 0 ? (size_t)n : 0);
	free(all);
	return 0;
}

void user_free(struct user *u)
{
	free(u->name);
	free(u->group);
	free(u->gecos);
	free(u->home);
	free(u->shell);
	free(u->groups);
	*u = (struct user){0};
}
