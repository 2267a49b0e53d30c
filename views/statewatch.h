/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statewatch: tells when jails come or go or announce something, so that nobody has to look each
 * second. By inotify, on the directory of jails and on that of each: announcements are renamed into
 * place, and the lock is closed when a warden ends, however it ends (core/jail.h).
 */
#ifndef GAOL_VIEWS_STATEWATCH_H
#define GAOL_VIEWS_STATEWATCH_H

#include "core/jail.h"

struct loop;
struct model;
struct statewatch;

typedef void statewatch_fn(void *user);

/*
 * changed is called from the loop a moment after something has, once for what comes together.
 * places must stay. NULL with errno: there is no inotify, or no more of it.
 */
struct statewatch *statewatch_new(const struct jail_places *places, struct loop *loop,
				  statewatch_fn *changed, void *user);
/* NULL is allowed. */
void statewatch_free(struct statewatch *w);
/* Watches each jail of the model too; again after each change of it. False: one could not be. */
bool statewatch_jails(struct statewatch *w, const struct model *m);

#endif
