/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/text.h"
#include "core/buf.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a character does to a terminal; the numbers are those of unicode_gen.py. */
enum text_class {
	CLASS_UNSAFE, /* steers, hides, or is nothing that terminals agree on */
	CLASS_NARROW, /* one column */
	CLASS_WIDE,   /* two */
	CLASS_MARK,   /* none: drawn over the character before it */
};

#include "core/unicode_table.h"

#define MARKS_MAX 4 /* in a row over one base; more only bury the neighbouring rows */
#define TAB_STOP 8

static enum text_class class_of(uint32_t cp)
{
	size_t lo = 0, hi = sizeof(unicode_runs) / sizeof(unicode_runs[0]);

	if (cp >= 0x20 && cp < 0x7f)
		return CLASS_NARROW;
	if (cp > 0x10ffff)
		return CLASS_UNSAFE;
	/* the last run that begins at or before cp; the first begins at 0 */
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (unicode_runs[mid] >> 2 <= cp)
			lo = mid;
		else
			hi = mid;
	}
	return unicode_runs[lo] & 3;
}

bool text_is_unsafe(uint32_t cp)
{
	return class_of(cp) == CLASS_UNSAFE;
}

/* One bit (0x80) in each byte of w that equals c; bits above the first may be false. */
static uint64_t bytes_equal(uint64_t w, uint64_t c)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x = w ^ (ones * c);

	return (x - ones) & ~x & (ones << 7);
}

/*
 * The number of leading bytes that are printable ASCII, eight at a time. Most of what a feed shows
 * is nothing else, so this is the loop that decides about its speed.
 */
static size_t plain_run(const char *s, size_t n, bool backslash)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t high = ones << 7;
	size_t i = 0;

	while (i + 8 <= n) {
		uint64_t w, bad;

		memcpy(&w, s + i, 8);
		bad = (w | (w - ones * 0x20)) & high; /* beyond ASCII, or below space */
		bad |= bytes_equal(w, 0x7f);
		if (!backslash)
			bad |= bytes_equal(w, '\\');
		if (bad)
			break;
		i += 8;
	}
	while (i < n && s[i] >= 0x20 && s[i] < 0x7f && (backslash || s[i] != '\\'))
		i++;
	return i;
}

size_t text_decode(const char *s, size_t n, uint32_t *cp)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len;
	uint32_t c, least;

	if (u[0] < 0x80) {
		*cp = u[0];
		return 1;
	}
	if (u[0] >= 0xc2 && u[0] <= 0xdf) {
		len = 2, c = u[0] & 0x1f, least = 0x80;
	} else if (u[0] >= 0xe0 && u[0] <= 0xef) {
		len = 3, c = u[0] & 0x0f, least = 0x800;
	} else if (u[0] >= 0xf0 && u[0] <= 0xf4) {
		len = 4, c = u[0] & 0x07, least = 0x10000;
	} else {
		return 0;
	}
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return len;
}

/* Appends the visible form of a character that may not pass. */
static void add_escape(struct buf *out, uint32_t cp)
{
	switch (cp) {
	case '\t':
		buf_str(out, "\\t");
		break;
	case '\n':
		buf_str(out, "\\n");
		break;
	case '\r':
		buf_str(out, "\\r");
		break;
	case 0x1b:
		buf_str(out, "\\e");
		break;
	case '\\':
		buf_str(out, "\\\\");
		break;
	default:
		if (cp < 0x80)
			buf_fmt(out, "\\x%02x", (unsigned)cp);
		else
			buf_fmt(out, "\\u{%X}", (unsigned)cp);
	}
}

/* Where text_escape stands. */
struct escape {
	struct buf *out;
	int flags;
	size_t row; /* offset in out where counting of columns went on last */
	size_t col; /* column there */
	int marks;  /* combining marks that may still follow; 0: no base in front */
};

static void add_tab(struct escape *x)
{
	static const char spaces[] = "        ";

	x->col += text_width(x->out->p ? x->out->p + x->row : "", x->out->len - x->row);
	buf_add(x->out, spaces, TAB_STOP - x->col % TAB_STOP);
	x->col = 0; /* a tab stop: only the distance to the next one matters */
	x->row = x->out->len;
}

/* Handles the one character at s, which no plain run could take; returns its bytes. */
static size_t add_other(struct escape *x, const char *s, size_t n)
{
	uint32_t cp;
	size_t len = text_decode(s, n, &cp);
	int marks = x->marks;
	enum text_class class;

	x->marks = 0;
	if (!len) {
		buf_fmt(x->out, "\\x%02x", (unsigned char)*s);
		return 1;
	}
	if (cp == '\t' && (x->flags & TEXT_TABS)) {
		add_tab(x);
		return 1;
	}
	if (cp == '\n' && (x->flags & TEXT_NEWLINE)) {
		buf_ch(x->out, '\n');
		x->row = x->out->len;
		x->col = 0;
		return 1;
	}
	class = class_of(cp);
	if (cp == '\\' || class == CLASS_UNSAFE || (cp >= 0x80 && (x->flags & TEXT_ASCII)) ||
	    (class == CLASS_MARK && !marks)) {
		add_escape(x->out, cp);
		return len;
	}
	buf_add(x->out, s, len);
	x->marks = class == CLASS_MARK ? marks - 1 : MARKS_MAX;
	return len;
}

void text_escape(struct buf *out, const char *s, size_t n, int flags)
{
	struct escape x = {.out = out, .flags = flags, .row = out->len};
	size_t i = 0;

	while (i < n) {
		size_t run = plain_run(s + i, n - i, flags & TEXT_BACKSLASH);

		if (run) {
			buf_add(out, s + i, run);
			i += run;
			/* a mark over a space would stand over whatever is beside it */
			x.marks = s[i - 1] == ' ' ? 0 : MARKS_MAX;
			continue;
		}
		i += add_other(&x, s + i, n - i);
	}
}

char *text_escaped(const char *s)
{
	struct buf b = {0};

	text_escape(&b, s, strlen(s), 0);
	return buf_take(&b);
}

/* Columns of the character at s and its bytes in *len; what no escaped text holds counts one. */
static size_t cell(const char *s, size_t n, size_t *len)
{
	static const unsigned char columns[] = {
	    [CLASS_UNSAFE] = 1, [CLASS_NARROW] = 1, [CLASS_WIDE] = 2, [CLASS_MARK] = 0};
	uint32_t cp;

	*len = text_decode(s, n, &cp);
	if (!*len) {
		*len = 1;
		return 1;
	}
	return columns[class_of(cp)];
}

size_t text_width(const char *s, size_t n)
{
	size_t i = 0, cols = 0;

	while (i < n) {
		size_t run = plain_run(s + i, n - i, true), len;

		i += run;
		cols += run;
		if (i < n) {
			cols += cell(s + i, n - i, &len);
			i += len;
		}
	}
	return cols;
}

size_t text_fit(const char *s, size_t n, size_t cols)
{
	size_t i = 0, used = 0;

	while (i < n) {
		size_t run = plain_run(s + i, n - i, true), len, w;

		if (run > cols - used)
			run = cols - used;
		i += run;
		used += run;
		if (i == n)
			break;
		w = cell(s + i, n - i, &len);
		if (w > cols - used)
			break;
		used += w;
		i += len;
	}
	return i;
}
