/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * need: which walls a jail asks for, and whether this host raises them: [walls] of jail.conf.
 *
 * Namespaces, the list of system calls and limits are raised or nothing starts. Landlock is asked
 * for by each jail unless its allow-missing names it; what not every jail can have ("cgroup", a
 * "uid" of its own) is asked for by need.
 */
#ifndef GAOL_CORE_WALL_NEED_H
#define GAOL_CORE_WALL_NEED_H

#include "core/conf.h"

#define NEED_LANDLOCK "landlock"
#define NEED_CGROUP "cgroup"
#define NEED_UID "uid"

/* True when need names that wall. */
bool need_asks(const struct conf *c, const char *wall);
/* True when allow-missing names it. */
bool need_allows(const struct conf *c, const char *wall);
/*
 * Before a start: 0, or -ENOTSUP with e set for the first wall that is asked for and missing. name
 * is the jail's. A control group is not looked at: whoever makes it knows, and says need_refuse.
 */
int need_check(const struct conf *c, const char *name, struct err *e);
/* -ENOTSUP with e set: a control group was asked for, and why there is none. */
int need_refuse_cgroup(const char *name, const char *why, struct err *e);
/*
 * For a new jail: what this host lacks goes into allow-missing, so that it starts here, its
 * jail.conf says what is missing, and a jail that was made on a better host does not start on a
 * worse one in silence.
 */
void need_admit(struct conf *c);

#endif
