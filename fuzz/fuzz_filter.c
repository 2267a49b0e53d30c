/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the filter between a guest's console and the admin's terminal: whatever comes in, what
 * goes out is text and whole sequences of a few known kinds; and however it is cut, it is the same.
 */
#include "core/buf.h"
#include "core/text.h"
#include "tui/filter.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Judges a CSI sequence without the filter's own tables: its length, or the end of the program. */
static size_t judge_csi(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x40)
		i++;
	if (i == n || i > FILTER_SEQ_MAX || (unsigned char)s[i] > 0x7e)
		abort();
	/* answers, printing, windows, key protocols */
	if (strchr("cnxityz|{}", s[i]) || (i && strchr("<=>", s[0])) || memchr(s, '$', i) ||
	    memchr(s, '\'', i) || memchr(s, '*', i) || memchr(s, '#', i) || memchr(s, '&', i))
		abort();
	if (s[i] == 'q' && (!i || s[i - 1] != ' '))
		abort();
	if (s[i] == 'p' && (i != 1 || s[0] != '!'))
		abort();
	if ((s[i] == 'u' || s[i] == 's') && i)
		abort();
	return i + 1;
}

static void judge(const struct buf *out, bool utf8)
{
	for (size_t i = 0; i < out->len;) {
		unsigned char c = (unsigned char)out->p[i];
		uint32_t cp;

		if (c == 0x1b) {
			if (++i == out->len)
				abort();
			if (out->p[i] == '[')
				i += 1 + judge_csi(out->p + i + 1, out->len - i - 1);
			else if (strchr("()", out->p[i]))
				i += 2;
			else if (out->p[i] && strchr("78DEM=>", out->p[i]))
				i++;
			else
				abort();
		} else if (c < 0x20) {
			if (c < 7 || c > 15)
				abort();
			i++;
		} else {
			size_t len = text_decode(out->p + i, out->len - i, &cp);

			if (!len || cp == 0x7f || (cp >= 0x80 && cp < 0xa0) || (!utf8 && len > 1))
				abort();
			if ((cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069))
				abort();
			i += len;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = {0}, parts = {0}, reset = {0};
	struct filter f;
	bool utf8;

	if (!n)
		return 0;
	utf8 = data[0] & 1;
	filter_init(&f, utf8);
	filter_run(&f, data, n, &whole);
	judge(&whole, utf8);
	if (whole.len > 3 * n + sizeof("\033[!p\033[?1049l\033[m\033[H\033[2J") * n)
		abort();
	filter_init(&f, utf8);
	for (size_t i = 0; i < n;) {
		size_t part = 1 + data[i] % 7;

		part = part < n - i ? part : n - i;
		filter_run(&f, data + i, part, &parts);
		i += part;
	}
	if (parts.len != whole.len || (whole.len && memcmp(parts.p, whole.p, whole.len)))
		abort();
	filter_reset(&f, &reset);
	filter_run(&f, "x", 1, &reset);
	if (reset.p[reset.len - 1] != 'x')
		abort();
	buf_free(&whole);
	buf_free(&parts);
	buf_free(&reset);
	return 0;
}
