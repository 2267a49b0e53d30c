/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feedlink: the connection between a feed and a jail's warden: connects without waiting, maps the
 * ring, is woken when there is news, connects anew when the warden comes back.
 */
#ifndef GAOL_VIEWS_FEEDLINK_H
#define GAOL_VIEWS_FEEDLINK_H

#include "core/ring.h"
#include "views/view.h"

struct feedlink;

struct feedlink_ops {
	/* Records came or got lost. */
	void (*event)(void *user, const struct event *ev);
	void (*lost)(void *user, uint64_t n);
	/* After a run of the above. */
	void (*news)(void *user);
	void *user;
};

struct feedlink *feedlink_new(const struct view_env *env, const char *jail,
			      const struct feedlink_ops *ops);
void feedlink_free(struct feedlink *l);
/* About once a second: connects when there is a warden and no connection. */
void feedlink_tick(struct feedlink *l);
/* Records up to seq are known already: the first ring goes on behind it. */
void feedlink_since(struct feedlink *l, uint64_t seq);
/* True while records can come. */
bool feedlink_is_up(const struct feedlink *l);

#endif
