/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/page.h"
#include "core/text.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PAIR_MAX 4096 /* bytes of lines that are compared with each other */

struct page_line *page_add(struct page *p, char kind, enum style s, const char *text, size_t n)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->lines = xrealloc(p->lines, p->cap * sizeof(*p->lines));
	}
	p->lines[p->n] = (struct page_line){.kind = kind,
					    .style = s,
					    .old_line = -1,
					    .new_line = -1,
					    .start = p->text.len,
					    .len = n};
	buf_add(&p->text, text, n);
	return &p->lines[p->n++];
}

struct page_line *page_fmt(struct page *p, char kind, enum style s, const char *fmt, ...)
{
	struct page_line *l;
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	l = page_add(p, kind, s, buf_cstr(&b), b.len);
	buf_free(&b);
	return l;
}

void page_free(struct page *p)
{
	free(p->lines);
	buf_free(&p->text);
	*p = (struct page){0};
}

void page_lift(struct page *p, size_t i)
{
	struct page_line last;

	if (i + 1 >= p->n)
		return;
	last = p->lines[p->n - 1];
	memmove(&p->lines[i + 1], &p->lines[i], (p->n - 1 - i) * sizeof(*p->lines));
	p->lines[i] = last;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The bytes in which two lines differ, whole words of them. Nothing is marked where they have
 * nothing in common. */
static void mark(const struct page *p, struct page_line *x, struct page_line *y)
{
	const char *a = p->text.p + x->start, *b = p->text.p + y->start;
	size_t n = x->len, m = y->len, head = 0, tail = 0, least = n < m ? n : m;

	if (n > PAIR_MAX || m > PAIR_MAX)
		return;
	while (head < least && a[head] == b[head])
		head++;
	/* not within a word, nor a character */
	while (head && ((head < n && in_word(a[head])) || (head < m && in_word(b[head]))) &&
	       in_word(a[head - 1]))
		head--;
	while (tail < least - head && a[n - 1 - tail] == b[m - 1 - tail])
		tail++;
	while (tail && in_word(a[n - tail]) &&
	       ((n - tail > head && in_word(a[n - tail - 1])) ||
		(m - tail > head && in_word(b[m - tail - 1]))))
		tail--;
	if (head == strspn(a, " \t") && !tail)
		return;
	x->hot = y->hot = head;
	x->nhot = n - head - tail;
	y->nhot = m - head - tail;
}

void page_pair(struct page *p, size_t first, size_t n, size_t m)
{
	buf_cstr(&p->text); /* ends with a NUL */
	for (size_t i = 0; i < n && i < m; i++)
		mark(p, &p->lines[first + i], &p->lines[first + n + i]);
}

void page_row(const struct page *p, const struct page_line *l, enum style hot, struct row *out)
{
	const char *text = buf_cstr(&p->text) + l->start;
	int flags = TEXT_TABS | TEXT_BACKSLASH | (out->ascii ? TEXT_ASCII : 0);
	struct buf part = {0};
	size_t from, to;

	if (!l->nhot) {
		row_content(out, l->style, text, l->len);
		return;
	}
	/* escaped as a whole, because of tabs, then cut where the parts end */
	text_escape(&part, text, l->hot, flags);
	from = part.len;
	buf_reset(&part);
	text_escape(&part, text, l->hot + l->nhot, flags);
	to = part.len;
	buf_reset(&part);
	text_escape(&part, text, l->len, flags);
	if (from <= to && to <= part.len) {
		row_content(out, l->style, part.p, from);
		row_content(out, hot, part.p + from, to - from);
		row_content(out, l->style, part.p + to, part.len - to);
	}
	buf_free(&part);
}
