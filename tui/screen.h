/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * screen: the terminal as a grid of styled text. The only module that speaks curses.
 */
#ifndef GAOL_TUI_SCREEN_H
#define GAOL_TUI_SCREEN_H

#include "core/err.h"
#include "tui/settings.h"
#include "views/row.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct screen;

/* What lies over a style. */
enum screen_over {
	OVER_NOTHING,
	OVER_CURSOR,  /* the row under the cursor */
	OVER_BLURRED, /* the same in a pane that has not the keys */
	OVER_HIT = 4, /* text that was searched for: added to one of the above */
};

/* Takes the terminal of standard input and output. NULL with e set. One at a time. */
struct screen *screen_new(const struct settings *set, struct err *e);
/* Takes theme, colours (but for true ones), lines and mouse of other settings. */
void screen_settings(struct screen *s, const struct settings *set);
/* Gives it back as it was. */
void screen_free(struct screen *s);
size_t screen_rows(const struct screen *s);
size_t screen_cols(const struct screen *s);
/* What may be drawn beyond ASCII. */
enum row_ascii screen_ascii(const struct screen *s);
/* After SIGWINCH: takes the new size. */
void screen_resized(struct screen *s);
/* Everything is sent anew with the next screen_show. */
void screen_spoiled(struct screen *s);

/* Begins a picture: blank, no cursor. */
void screen_clear(struct screen *s);
/* n bytes of escaped text at a place; it must fit into the row. */
void screen_put(struct screen *s, size_t y, size_t x, enum style style, int over, const char *text,
		size_t n);
/* The same in ink (views/row.h) on STYLE_TEXT. */
void screen_put_ink(struct screen *s, size_t y, size_t x, uint32_t ink, int over, const char *text,
		    size_t n);
/* cols blanks of a style. */
void screen_blank(struct screen *s, size_t y, size_t x, size_t cols, enum style style, int over);
/* Shows the terminal's own cursor there, for typing. */
void screen_caret(struct screen *s, size_t y, size_t x);
/* Sends what changed. */
void screen_show(struct screen *s);

/* Beside keys: the mouse, see screen_mouse. */
#define SCREEN_MOUSE 0x120000u
enum screen_mouse_kind {
	MOUSE_PRESS, /* of the first button */
	MOUSE_DRAG,  /* moved with it held */
	MOUSE_RELEASE,
	MOUSE_WHEEL_UP,
	MOUSE_WHEEL_DOWN
};
struct screen_mouse {
	enum screen_mouse_kind kind;
	size_t y, x;
};
/* The event that screen_key answered SCREEN_MOUSE for; to be called once for each answer. */
struct screen_mouse screen_mouse(struct screen *s);

/* The next key (keymaps/key.h), SCREEN_MOUSE, or K_NONE when none is waiting. Never waits longer
 * than it takes to tell an escape key from an escape sequence. */
uint32_t screen_key(struct screen *s);

/* The terminal is given to somebody else for a while, and taken again. */
void screen_leave(struct screen *s);
void screen_return(struct screen *s);

#endif
