/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lookin: one state of a jail, opened once and looked into by jobs one after another; it lives as
 * long as its view or a job of it does.
 */
#ifndef GAOL_VIEWS_LOOKIN_H
#define GAOL_VIEWS_LOOKIN_H

#include "core/jailview.h"

struct lookin;

/* word: as jailview_resolve takes it. Nothing is opened yet. */
struct lookin *lookin_new(const struct jail_places *places, const char *jail, const char *word);
/* One more user, or one less; in the loop's thread only. NULL is allowed. */
struct lookin *lookin_share(struct lookin *l);
void lookin_leave(struct lookin *l);

/*
 * In a job: the side, locked for this thread until lookin_unlock, opened if it was not yet. NULL
 * with e set (nothing is locked then).
 */
struct side *lookin_lock(struct lookin *l, struct err *e);
void lookin_unlock(struct lookin *l);
/* "now", "base" or "#3", once it was opened; while locked. */
const char *lookin_label(const struct lookin *l);

#endif
