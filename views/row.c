/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/row.h"
#include "core/text.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of raw text that one column can need: a base character and its marks. */
#define BYTES_A_COLUMN 24

static const struct {
	const char *utf8, *ascii;
} glyphs[GLYPH_COUNT] = {
    [GLYPH_ELLIPSIS] = {.utf8 = "\xe2\x80\xa6", .ascii = "~"},
    [GLYPH_NODE] = {.utf8 = "\xe2\x97\x8b", .ascii = "o"},
    [GLYPH_PRESENT] = {.utf8 = "\xe2\x97\x8f", .ascii = "*"},
    [GLYPH_LINE] = {.utf8 = "\xe2\x94\x82", .ascii = "|"},
    [GLYPH_JOIN] = {.utf8 = "\xe2\x94\x80\xe2\x95\xaf", .ascii = "-'"},
    [GLYPH_DASH] = {.utf8 = "\xe2\x94\x80", .ascii = "-"},
    [GLYPH_MARK] = {.utf8 = "\xe2\x96\x8c", .ascii = ">"},
    [GLYPH_ARROW] = {.utf8 = "\xe2\x86\x92", .ascii = "->"},
    [GLYPH_CRUMB] = {.utf8 = "\xe2\x80\xba", .ascii = ">"},
};

void row_reset(struct row *r)
{
	buf_reset(&r->text);
	r->nspans = 0;
	r->cols = 0;
}

void row_free(struct row *r)
{
	buf_free(&r->text);
	free(r->spans);
	*r = (struct row){.limit = r->limit, .ascii = r->ascii};
}

/* What was appended from start on becomes a span. */
static void close_ink(struct row *r, enum style s, uint32_t ink, size_t start)
{
	size_t len = r->text.len - start;
	size_t cols = len ? text_width(r->text.p + start, len) : 0;
	struct row_span *last = r->nspans ? &r->spans[r->nspans - 1] : NULL;

	if (!len)
		return;
	if (last && last->style == s && last->ink == ink) {
		last->len += len;
		last->cols += cols;
	} else {
		if (r->nspans == r->cap) {
			r->cap = r->cap ? r->cap * 2 : 16;
			r->spans = xrealloc(r->spans, r->cap * sizeof(*r->spans));
		}
		r->spans[r->nspans++] = (struct row_span){.style = s,
							  .ink = ink,
							  .start = start,
							  .len = len,
							  .col = r->cols,
							  .cols = cols};
	}
	r->cols += cols;
}

static void close_span(struct row *r, enum style s, size_t start)
{
	close_ink(r, s, 0, start);
}

static void append(struct row *r, enum style s, const char *text, size_t n, int flags)
{
	size_t start = r->text.len;

	if (r->limit) {
		size_t left = r->limit > r->cols ? r->limit - r->cols : 0;

		if (n / BYTES_A_COLUMN > left)
			n = left * BYTES_A_COLUMN;
	}
	text_escape(&r->text, text, n, flags | (r->ascii == ROW_ASCII ? TEXT_ASCII : 0));
	close_span(r, s, start);
}

void row_add(struct row *r, enum style s, const char *text, size_t n)
{
	append(r, s, text, n, 0);
}

void row_content(struct row *r, enum style s, const char *text, size_t n)
{
	append(r, s, text, n, TEXT_TABS | TEXT_BACKSLASH);
}

void row_ink(struct row *r, uint32_t ink, const char *text, size_t n)
{
	size_t start = r->text.len;

	text_escape(&r->text, text, n, TEXT_BACKSLASH | (r->ascii == ROW_ASCII ? TEXT_ASCII : 0));
	close_ink(r, STYLE_TEXT, ink, start);
}

void row_str(struct row *r, enum style s, const char *text)
{
	append(r, s, text, strlen(text), TEXT_BACKSLASH);
}

void row_fmt(struct row *r, enum style s, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	append(r, s, buf_cstr(&b), b.len, 0);
	buf_free(&b);
}

void row_glyph(struct row *r, enum style s, enum glyph g)
{
	size_t start = r->text.len;

	buf_str(&r->text, r->ascii ? glyphs[g].ascii : glyphs[g].utf8);
	close_span(r, s, start);
}

void row_bar(struct row *r, enum style s, unsigned level)
{
	static const char ascii[] = " .:-=+*#@";
	size_t start = r->text.len;

	level = level > 8 ? 8 : level;
	if (!level || r->ascii)
		buf_ch(&r->text, ascii[level]);
	else
		buf_add(&r->text, (char[]){'\xe2', '\x96', (char)(0x80 + level)}, 3);
	close_span(r, s, start);
}

static void spaces(struct row *r, enum style s, size_t n)
{
	size_t start = r->text.len;

	while (n--)
		buf_ch(&r->text, ' ');
	close_span(r, s, start);
}

void row_to(struct row *r, size_t col)
{
	if (col > r->cols)
		spaces(r, STYLE_TEXT, col - r->cols);
}

/* Text that is escaped already, of at most width columns, filled up on one side. */
static void put(struct row *r, enum style s, const char *p, size_t n, size_t width, bool right)
{
	size_t cols = text_width(p, n), start;

	if (right && cols < width)
		spaces(r, s, width - cols);
	start = r->text.len;
	buf_add(&r->text, p, n);
	close_span(r, s, start);
	if (!right && cols < width)
		spaces(r, STYLE_TEXT, width - cols);
}

/* Bytes to leave out in front so that what is left has at most cols columns. */
static size_t skip_to_fit(const char *p, size_t n, size_t cols)
{
	size_t total = text_width(p, n);

	return total > cols ? text_fit(p, n, total - cols) : 0;
}

static void field(struct row *r, enum style s, size_t width, const char *text, size_t n, bool tail)
{
	struct buf b = {0};
	size_t from = 0;

	/* names are at most 4 KiB each; a longer text is cut before work is put into it */
	if (n > width * BYTES_A_COLUMN + 8192) {
		from = tail ? n - width * BYTES_A_COLUMN : 0;
		n = width * BYTES_A_COLUMN;
	}
	text_escape(&b, text + from, n, r->ascii == ROW_ASCII ? TEXT_ASCII : 0);
	if (text_width(buf_cstr(&b), b.len) <= width) {
		put(r, s, buf_cstr(&b), b.len, width, false);
	} else if (tail && width) {
		size_t skip = skip_to_fit(b.p, b.len, width - 1);
		size_t col = r->cols;

		/* a wide character at the cut leaves a column free */
		row_glyph(r, STYLE_DIM, GLYPH_ELLIPSIS);
		while (text_width(b.p + skip, b.len - skip) > width - 1)
			skip += text_fit(b.p + skip, b.len - skip, 2);
		put(r, s, b.p + skip, b.len - skip, 0, false);
		row_to(r, col + width);
	} else if (width) {
		size_t col = r->cols;

		put(r, s, b.p, text_fit(b.p, b.len, width - 1), 0, false);
		row_glyph(r, STYLE_DIM, GLYPH_ELLIPSIS);
		row_to(r, col + width);
	}
	buf_free(&b);
}

void row_field(struct row *r, enum style s, size_t width, const char *text, size_t n)
{
	field(r, s, width, text, n, false);
}

void row_field_tail(struct row *r, enum style s, size_t width, const char *text, size_t n)
{
	field(r, s, width, text, n, true);
}

void row_right(struct row *r, enum style s, size_t width, const char *fmt, ...)
{
	struct buf b = {0}, safe = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	text_escape(&safe, buf_cstr(&b), b.len, r->ascii == ROW_ASCII ? TEXT_ASCII : 0);
	put(r, s, buf_cstr(&safe), text_fit(buf_cstr(&safe), safe.len, width), width, true);
	buf_free(&b);
	buf_free(&safe);
}

const char *row_text(const struct row *r)
{
	return buf_cstr(&r->text);
}
