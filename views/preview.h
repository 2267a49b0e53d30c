/* SPDX-License-Identifier: GPL-2.0-or-later */
/* preview: the pane of a tree: an entry's attributes, then the beginning of what is in it. */
#ifndef GAOL_VIEWS_PREVIEW_H
#define GAOL_VIEWS_PREVIEW_H

#include "core/repo/side.h"
#include "views/lookin.h"
#include "views/view.h"

extern const struct view_ops preview_view;

/* Shows an entry; path NULL: nothing. Read beside the loop; the newest call wins. */
void preview_show(struct view *v, struct lookin *in, const char *path, const struct stat *st,
		  enum side_origin from, bool drift);
/* A line above the content: what blame found. */
void preview_say(struct view *v, const char *text);
/* "base", "layer", ...: an origin in a word. */
const char *preview_origin(enum side_origin from);

#endif
