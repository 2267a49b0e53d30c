/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the gate for foreign text: no byte that steers a terminal may pass, in any mode.
 *
 *   clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. \
 *	-o build/fuzz_text fuzz/fuzz_text.c core/text.c core/buf.c
 *   build/fuzz_text -max_len=4096 fuzz/corpus/text
 */
#include "core/buf.h"
#include "core/text.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Judges without the table that text_escape itself used, as far as that can be. */
static void check(const struct buf *out, int flags)
{
	for (size_t i = 0, len; i < out->len; i += len) {
		uint32_t cp;

		len = text_decode(out->p + i, out->len - i, &cp);
		if (!len)
			abort();
		if (cp == '\n' && (flags & TEXT_NEWLINE))
			continue;
		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || text_is_unsafe(cp))
			abort();
		if ((cp >= 0x200b && cp <= 0x200f) || (cp >= 0x202a && cp <= 0x202e) ||
		    (cp >= 0x2066 && cp <= 0x2069))
			abort();
		if ((flags & TEXT_ASCII) && cp > 0x7e)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf out = {0};
	size_t cols, fit;
	int flags;

	if (n < 2)
		return 0;
	flags = data[0] & 15;
	cols = data[1];
	text_escape(&out, (const char *)data + 2, n - 2, flags);
	check(&out, flags);
	fit = text_fit(buf_cstr(&out), out.len, cols);
	if (fit > out.len || text_width(buf_cstr(&out), fit) > cols)
		abort();
	if (fit < out.len && text_width(buf_cstr(&out), out.len) <= cols)
		abort();
	buf_free(&out);
	return 0;
}
