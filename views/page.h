/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * page: lines of text that a job has made, for a pane. The text is foreign and escaped when it is
 * shown.
 */
#ifndef GAOL_VIEWS_PAGE_H
#define GAOL_VIEWS_PAGE_H

#include "core/buf.h"
#include "views/row.h"

struct page_line {
	char kind; /* the owner's: '+', '-', '@', ... */
	enum style style;
	int old_line, new_line; /* -1: none */
	unsigned part;		/* the owner's: number of its hunk */
	size_t start, len;	/* in the page's text */
	size_t hot, nhot;	/* bytes of the line that stand out */
};

struct page {
	struct page_line *lines;
	size_t n, cap;
	struct buf text;
};

/* Appends a line of n bytes (copied); valid until the next one. */
struct page_line *page_add(struct page *p, char kind, enum style s, const char *text, size_t n);
struct page_line *page_fmt(struct page *p, char kind, enum style s, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void page_free(struct page *p);
/* Moves the last line to place i. */
void page_lift(struct page *p, size_t i);
/*
 * Marks in lines first .. first + n - 1 and the m behind them (what went and what came) the bytes
 * in which the i-th ones differ.
 */
void page_pair(struct page *p, size_t first, size_t n, size_t m);
/* Appends the text of a line to out, what stands out in the style hot. */
void page_row(const struct page *p, const struct page_line *l, enum style hot, struct row *out);

#endif
