/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tally: how much each jail has changed since its last checkpoint, counted beside the loop.
 *
 * One jail at a time; a jail is counted again when it got another checkpoint, and while it runs
 * every few seconds, but never so often that counting takes more than a twentieth of the time.
 */
#ifndef GAOL_VIEWS_TALLY_H
#define GAOL_VIEWS_TALLY_H

#include "views/view.h"

#define TALLY_MAX 10000 /* entries that are counted; then it is "more" */

struct tally;

struct tally_counts {
	uint32_t added, changed, deleted;
	bool more;
};

struct tally *tally_new(const struct view_env *env);
void tally_free(struct tally *t);
/* About once a second, and after the model changed: begins the next count that is due. */
void tally_tick(struct tally *t);
/* False: not counted yet, or it cannot be. */
bool tally_get(const struct tally *t, const char *jail, struct tally_counts *out);

#endif
