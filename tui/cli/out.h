/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * out: what verbs print: foreign text escaped, tables, ages, JSON, colour, a pager.
 */
#ifndef GAOL_TUI_CLI_OUT_H
#define GAOL_TUI_CLI_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct buf;

/*
 * n bytes of one line of a file's content: tabs stay (no terminal is harmed by one), so that an
 * ordinary text passes byte for byte; everything else that text_escape would escape is escaped,
 * but for single backslashes.
 */
void out_line(FILE *f, const char *s, size_t n);
/* A name or a message, escaped. */
void out_text(FILE *f, const char *s);
/* The same into a buf. */
void out_text_buf(struct buf *b, const char *s);

/*
 * A table of escaped cells with aligned columns. Rows are added cell by cell; NULL cells are "-".
 * The last column is not padded. Numbers of rows and columns are free.
 */
struct table {
	char **cells; /* owned, escaped */
	size_t n;
	size_t cols;
	unsigned right; /* a bit for each column that is aligned to the right */
};
void table_add(struct table *t, const char *cell);
void table_addf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints and releases it. */
void table_print(struct table *t, FILE *f);

/* "45s", "12m", "3h05m", "4d02h" into buf of OUT_AGE bytes; returns buf. */
enum { OUT_AGE = 24, OUT_SIZE = 16 };
const char *out_age(int64_t seconds, char *buf);
/* "512", "1.5K", "256M" into buf of OUT_SIZE bytes; returns buf. */
const char *out_size(uint64_t bytes, char *buf);
/* "2026-11-24 21:05:33" (local time) into buf of OUT_AGE bytes. */
const char *out_time(int64_t seconds, char *buf);

/* A value from n foreign bytes: bytes that are no UTF-8 become U+FFFD. */
json_t *out_json_text(const char *s, size_t n);
/*
 * Sets key to a path or name. When that cannot be said in UTF-8, KEY has U+FFFD for the bytes that
 * are none, and KEY_base64 has all of them.
 */
void out_json_bytes(json_t *o, const char *key, const char *s, size_t n);
/* Prints one line of pure ASCII to stdout, and takes o over. */
void out_json_line(json_t *o);
/* A list of objects, printed as one array, a line each, as they come. */
struct json_list {
	bool begun;
};
void out_json_item(struct json_list *l, json_t *o);
void out_json_end(struct json_list *l);

/* True when f is a terminal that may be coloured (TERM is not dumb, NO_COLOR is not set). */
bool out_colour(FILE *f);

/*
 * When stdout is a terminal: starts $GAOL_PAGER, $GIT_PAGER, $PAGER or less with its input from our
 * stdout, words split at spaces; "cat" or an empty one: none. pager_end waits for it.
 */
struct pager {
	pid_t pid; /* 0: none */
};
void pager_begin(struct pager *p);
void pager_end(struct pager *p);

/* Asks on the terminal; returns the first letter of the answer in lower case, '\n' for an empty
 * one, 0 at the end of input. */
char out_ask(const char *question);
/* The whole answer into buf, without the newline; false at the end of input. */
bool out_ask_line(const char *question, char *buf, size_t size);

#endif
