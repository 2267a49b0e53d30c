/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * theme: what the meanings of views/row.h look like: colours for terminals of any number of
 * colours, attributes for those without. Knows no curses; tui/screen.c paints with it.
 *
 * Nothing is told by a colour alone: letters, signs and words say the same, and the attributes of
 * mono keep apart what must be seen apart.
 */
#ifndef GAOL_TUI_THEME_H
#define GAOL_TUI_THEME_H

#include "views/row.h"
#include <stdint.h>

enum theme_name { THEME_DARK, THEME_LIGHT, THEME_MONO };

/* Attributes, a set. */
enum theme_attr { THEME_BOLD = 1, THEME_DIM = 2, THEME_UNDERLINE = 4, THEME_REVERSE = 8 };

/* What lies under a row. */
enum theme_ground {
	GROUND_NONE,
	GROUND_CURSOR,	/* the row under the cursor */
	GROUND_BLURRED, /* the same in a pane that has not the keys */
	GROUND_COUNT
};

#define THEME_OWN (-1) /* the terminal's own colour */

struct theme_paint {
	int32_t fg, bg; /* 0xRRGGBB, 0..255 or 0..7, as the terminal has colours; THEME_OWN */
	unsigned attr;	/* of enum theme_attr */
};

/*
 * How a style looks on a ground in a terminal with so many colours (0 or 1: none; 8; 256; 1 << 24).
 * THEME_MONO is the same everywhere.
 */
struct theme_paint theme_paint(enum theme_name t, int32_t colours, enum style s,
			       enum theme_ground g);
/* The colour of the 256 of xterm's cube and greys that is nearest to 0xRRGGBB. */
int32_t theme_near256(int32_t rgb);
/* 0xRRGGBB of one of those (16..255). */
int32_t theme_rgb_of(int32_t colour);

#endif
