/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * row: one line of a view: escaped text with styles, before it knows of any terminal.
 *
 * All text that enters a row passes core/text.c; a row is printable and has a known width. Styles
 * are meanings; tui/screen.c gives them colours.
 */
#ifndef GAOL_VIEWS_ROW_H
#define GAOL_VIEWS_ROW_H

#include "core/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum style {
	STYLE_TEXT,
	STYLE_DIM,    /* present, but not what one looks for */
	STYLE_STRONG, /* the one word of a row */
	STYLE_HEAD,   /* heads of columns and sections */
	STYLE_KEY,    /* a key to press */
	STYLE_ID,     /* numbers of checkpoints, names to type */
	STYLE_GOOD,   /* running, done */
	STYLE_BUSY,   /* under way, worth a look */
	STYLE_BAD,    /* crashed, refused, failed */
	STYLE_ADD,
	STYLE_DEL,
	STYLE_ADD_WORD, /* what of an added line is new */
	STYLE_DEL_WORD,
	STYLE_CHANGE,
	STYLE_META, /* owner, mode and other attributes */
	STYLE_HUNK,
	STYLE_BAR,    /* status bar */
	STYLE_BARKEY, /* a key in it */
	STYLE_COUNT
};

enum glyph {
	GLYPH_ELLIPSIS, /* text goes on */
	GLYPH_NODE,	/* a checkpoint */
	GLYPH_PRESENT,	/* the present one */
	GLYPH_LINE,	/* | between checkpoints */
	GLYPH_JOIN,	/* a line that ends on the left: "-'" */
	GLYPH_DASH,
	GLYPH_MARK,
	GLYPH_ARROW,
	GLYPH_CRUMB,
	GLYPH_COUNT
};

/* What a terminal cannot show. */
enum row_ascii {
	ROW_UTF8,
	ROW_ASCII,	/* nothing beyond ASCII */
	ROW_ASCII_LINES /* letters beyond ASCII, but not the signs of enum glyph */
};

/*
 * Ink: what a guest wants its text on its console to look like, over STYLE_TEXT: colours of the 256
 * and attributes. 0: like any text.
 */
#define INK_FG(n) ((uint32_t)(n) + 1)
#define INK_BG(n) (((uint32_t)(n) + 1) << 9)
#define INK_FG_OF(ink) ((int)((ink)&511) - 1)	     /* 0..255, -1: the terminal's own */
#define INK_BG_OF(ink) ((int)((ink) >> 9 & 511) - 1) /* the same */
enum { INK_BOLD = 1 << 18, INK_UNDERLINE = 1 << 19, INK_ITALIC = 1 << 20, INK_REVERSE = 1 << 21 };

struct row_span {
	enum style style;
	uint32_t ink;	   /* beside STYLE_TEXT */
	size_t start, len; /* bytes of text */
	size_t col, cols;  /* where it stands, how wide it is */
};

struct row {
	struct buf text;
	struct row_span *spans;
	size_t nspans, cap;
	size_t cols;  /* width so far */
	size_t limit; /* columns that will be looked at; text beyond may be left out. 0: all */
	enum row_ascii ascii; /* of the terminal */
};

/* Empties a row, keeps its memory, limit and ascii. */
void row_reset(struct row *r);
void row_free(struct row *r);

/* Appends a C string, gaol's or an admin's words: a backslash passes single. */
void row_str(struct row *r, enum style s, const char *text);
/* Appends n bytes, a name: foreign text. */
void row_add(struct row *r, enum style s, const char *text, size_t n);
/* Appends n bytes of a file's content: tabs become spaces, backslashes pass single. */
void row_content(struct row *r, enum style s, const char *text, size_t n);
/* The same in ink. */
void row_ink(struct row *r, uint32_t ink, const char *text, size_t n);
/* Appends formatted text; what the arguments bring is escaped like everything. */
void row_fmt(struct row *r, enum style s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void row_glyph(struct row *r, enum style s, enum glyph g);
/* Appends one column that is level of 8 high: "▁" to "█", or " .:-=+*#" of ASCII; level 0: a blank.
 */
void row_bar(struct row *r, enum style s, unsigned level);
/* Appends spaces until the row is col columns wide. */
void row_to(struct row *r, size_t col);
/* Appends exactly width columns: text cut (with an ellipsis) or filled up. */
void row_field(struct row *r, enum style s, size_t width, const char *text, size_t n);
/* The same, but the end of the text is kept where it must be cut: for paths. */
void row_field_tail(struct row *r, enum style s, size_t width, const char *text, size_t n);
/* The same, formatted and right-aligned. */
void row_right(struct row *r, enum style s, size_t width, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The whole as a C string, for searching and tests; owned by the row. */
const char *row_text(const struct row *r);

#endif
