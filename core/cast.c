/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/cast.h"
#include "core/buf.h"
#include "core/text.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Bytes of a character by its first byte; 1 for what begins none. */
static size_t length_by_lead(unsigned char c)
{
	return c >= 0xf0 && c <= 0xf4 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
}

/* The number of bytes at the end of s that could become a character. */
static size_t cut_tail(const char *s, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)s[n - back];

		if ((c & 0xc0) == 0x80)
			continue;
		return c >= 0xc2 && c <= 0xf4 && length_by_lead(c) > back ? back : 0;
	}
	return 0;
}

static void put_string(struct buf *out, const char *s, size_t n)
{
	uint32_t cp;

	buf_ch(out, '"');
	for (size_t i = 0; i < n;) {
		size_t len = text_decode(s + i, n - i, &cp);

		if (!len) {
			buf_str(out, "\xef\xbf\xbd");
			i++;
			continue;
		}
		if (cp == '"' || cp == '\\')
			buf_fmt(out, "\\%c", (char)cp);
		else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			buf_fmt(out, "\\u%04x", cp);
		else
			buf_add(out, s + i, len);
		i += len;
	}
	buf_ch(out, '"');
}

static void put_event(struct cast *c, enum cast_code code, const char *s, size_t n, int64_t now_ms,
		      struct buf *out)
{
	int64_t ms = now_ms - (c->v2 ? c->start : c->last);

	if (ms < 0)
		ms = 0;
	c->last = now_ms;
	buf_fmt(out, "[%lld.%03lld, \"%c\", ", (long long)(ms / 1000), (long long)(ms % 1000),
		code);
	put_string(out, s, n);
	buf_str(out, "]\n");
}

void cast_begin(struct cast *c, bool v2, unsigned rows, unsigned cols, const char *title,
		int64_t now_ms, struct buf *out)
{
	*c = (struct cast){.v2 = v2, .start = now_ms, .last = now_ms};
	if (v2)
		buf_fmt(out, "{\"version\": 2, \"width\": %u, \"height\": %u", cols, rows);
	else
		buf_fmt(out,
			"{\"version\": 3, \"term\": {\"cols\": %u, \"rows\": %u, "
			"\"type\": \"xterm-256color\"}",
			cols, rows);
	buf_fmt(out, ", \"timestamp\": %lld, \"title\": ", (long long)time(NULL));
	put_string(out, title, strlen(title));
	if (v2)
		buf_str(out, ", \"env\": {\"TERM\": \"xterm-256color\"}");
	buf_str(out, "}\n");
}

void cast_event(struct cast *c, enum cast_code code, const void *p, size_t n, int64_t now_ms,
		struct buf *out)
{
	struct cast_cut *cut = code == CAST_INPUT ? &c->in : &c->out;
	struct buf whole = {0};

	buf_add(&whole, cut->p, cut->n);
	buf_add(&whole, p, n);
	cut->n = cut_tail(buf_cstr(&whole), whole.len);
	if (cut->n)
		memcpy(cut->p, whole.p + whole.len - cut->n, cut->n);
	if (whole.len > cut->n)
		put_event(c, code, whole.p, whole.len - cut->n, now_ms, out);
	buf_free(&whole);
}

void cast_size(struct cast *c, unsigned rows, unsigned cols, int64_t now_ms, struct buf *out)
{
	char text[32];

	snprintf(text, sizeof(text), "%ux%u", cols, rows);
	put_event(c, CAST_SIZE, text, strlen(text), now_ms, out);
}

void cast_text(struct cast *c, enum cast_code code, const char *s, int64_t now_ms, struct buf *out)
{
	if (code != CAST_EXIT || !c->v2)
		put_event(c, code, s, strlen(s), now_ms, out);
}

void cast_end(struct cast *c, int64_t now_ms, struct buf *out)
{
	if (c->in.n)
		put_event(c, CAST_INPUT, c->in.p, c->in.n, now_ms, out);
	if (c->out.n)
		put_event(c, CAST_OUTPUT, c->out.p, c->out.n, now_ms, out);
	c->in.n = c->out.n = 0;
}
