/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text: the one gate for foreign bytes on their way to a terminal, a log line or a row.
 *
 * Everything that a guest, a file name or a file's content supplies passes text_escape before it
 * is shown. The rule: valid UTF-8 that is printable passes; everything else is written visibly:
 *   tab, newline, return, escape      \t \n \r \e
 *   other C0 controls, DEL, and bytes that are no UTF-8        \xHH
 *   a backslash                       \\
 *   C1 controls, bidi controls, zero-width and other invisible characters (soft hyphen, fillers,
 *   tags, variation selectors, joiners), line and paragraph separators, private use, and what
 *   Unicode has not assigned          \u{HEX}
 * A combining mark is allowed only behind a base character that is not a space, at most four in a
 * row. The classes come from a table of our own (unicode_table.h), so no locale matters.
 */
#ifndef GAOL_CORE_TEXT_H
#define GAOL_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum text_flags {
	TEXT_TABS = 1, /* a tab becomes spaces up to the next multiple of 8 columns, counted from
			  the row's start in this call */
	TEXT_BACKSLASH = 2, /* a backslash passes single (file contents; names keep the doubling) */
	TEXT_ASCII = 4,	    /* everything beyond ASCII is escaped (for a C locale) */
	TEXT_NEWLINE = 8,   /* a newline passes as itself (multi-line text for a pager) */
};

/* Appends n bytes of s, escaped, to out. The result is printable UTF-8, one row unless
 * TEXT_NEWLINE. */
void text_escape(struct buf *out, const char *s, size_t n, int flags);
/* The same for a C string into a new string; the caller frees it. */
char *text_escaped(const char *s);

/*
 * Decodes one character of s (n > 0 bytes left) into *cp; returns its length in bytes, or 0 when
 * the bytes are no valid UTF-8 (overlong, surrogate, beyond U+10FFFF, cut short).
 */
size_t text_decode(const char *s, size_t n, uint32_t *cp);

/* Columns that n bytes of *escaped* text take (wide characters two, combining none). */
size_t text_width(const char *s, size_t n);
/* The number of leading bytes of escaped text that fit into cols columns, whole characters only. */
size_t text_fit(const char *s, size_t n, size_t cols);

/* True where a character must not reach a terminal as it is. Independent of the locale. */
bool text_is_unsafe(uint32_t cp);

#endif
