/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * term: a terminal in memory: what a guest writes to its console becomes lines of styled text, the
 * last of them its screen, those before what scrolled off. The only module that speaks libvterm.
 *
 * Everything written passes tui/filter.c first, so libvterm sees whole sequences of a known list
 * and valid UTF-8, and its numbers are kept small. Nothing that the guest writes makes a terminal
 * answer: what libvterm would send back is thrown away.
 */
#ifndef GAOL_TUI_TERM_H
#define GAOL_TUI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct row;
struct term;

#define TERM_LINES_MAX 10000	   /* lines kept above the screen */
#define TERM_BYTES_MAX (16u << 20) /* bytes of them; the oldest go first */
#define TERM_ROWS_MAX 500
#define TERM_COLS_MAX 1000

/* Sizes are brought into 2 .. TERM_ROWS_MAX, TERM_COLS_MAX. */
struct term *term_new(size_t rows, size_t cols);
void term_free(struct term *t);
void term_resize(struct term *t, size_t rows, size_t cols);
void term_write(struct term *t, const void *p, size_t n);

/* Numbers of the oldest line kept and behind the last of the screen; a line keeps its number. */
uint64_t term_first(const struct term *t);
uint64_t term_end(const struct term *t);
/* Appends a line to out: printable, in ink, each character in the column where the guest put it. */
void term_line(const struct term *t, uint64_t pos, struct row *out);
/* Where the guest's cursor stands; false: it is hidden. */
bool term_cursor(const struct term *t, uint64_t *pos, size_t *col);
/* Appends what a key (keymaps/key.h) sends in the mode that the guest has set. */
void term_key(struct term *t, uint32_t key, struct buf *out);

#endif
