/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hunks: the pane of a diff: what changed in one entry, attributes first, then lines.
 */
#ifndef GAOL_VIEWS_HUNKS_H
#define GAOL_VIEWS_HUNKS_H

#include "views/compare.h"

extern const struct view_ops hunks_view;

/* Shows an entry (copied) of a comparison whose words are resolved; NULL: nothing. Read beside the
 * loop; the newest call wins. */
void hunks_show(struct view *v, const struct compare_words *w, const struct compare_entry *e);
/* The sides are opened anew with the next hunks_show: they have changed. */
void hunks_forget(struct view *v);

#endif
