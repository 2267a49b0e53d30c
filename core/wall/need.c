/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/wall/need.h"
#include "core/wall/probe.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool names(const struct conf_list *l, const char *wall)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], wall))
			return true;
	return false;
}

bool need_asks(const struct conf *c, const char *wall)
{
	return names(&c->walls_need, wall);
}

bool need_allows(const struct conf *c, const char *wall)
{
	return names(&c->walls_missing, wall);
}

int need_check(const struct conf *c, const char *name, struct err *e)
{
	if (!need_allows(c, NEED_LANDLOCK) && !probe_landlock())
		return err_set(e, -ENOTSUP,
			       "%s: walls: this host has no Landlock: `gaol set %s "
			       "allow-missing=landlock` lets it start without",
			       name, name);
	if (need_asks(c, NEED_UID) && geteuid() != 0)
		return err_set(e, -ENOTSUP,
			       "%s: walls: needs a uid of its own, which only root can give: run "
			       "it as root, or take need = uid out of its jail.conf",
			       name);
	return 0;
}

int need_refuse_cgroup(const char *name, const char *why, struct err *e)
{
	return err_set(e, -ENOTSUP,
		       "%s: walls: needs a control group: %s: take need = cgroup out of its "
		       "jail.conf",
		       name, why);
}

void need_admit(struct conf *c)
{
	struct err e;

	if (!probe_landlock())
		conf_set(c, "walls.allow-missing", NEED_LANDLOCK, &e);
}
