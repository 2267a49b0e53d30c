/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console pane: any bytes of a guest in pieces, between changes of its size; every line that it
 * keeps is printable. libvterm is not instrumented: a fault in it ends the run all the same. */
#include "core/text.h"
#include "tui/term.h"
#include "views/row.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct term *t, struct row *r)
{
	uint64_t end = term_end(t), pos = term_first(t), at;
	size_t col;

	if (end - pos > 200)
		pos = end - 200;
	for (; pos < end; pos++) {
		row_reset(r);
		term_line(t, pos, r);
		for (const char *p = row_text(r), *stop = p + r->text.len; p < stop;) {
			uint32_t cp;
			size_t n = text_decode(p, (size_t)(stop - p), &cp);

			if (!n || text_is_unsafe(cp))
				abort();
			p += n;
		}
	}
	if (term_cursor(t, &at, &col) && (at >= end || col > TERM_COLS_MAX))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct term *t = term_new(24, 80);
	struct row r = {0};

	/* a byte says how many follow, or, when it is small, which size comes next */
	while (size) {
		size_t n = data[0];

		data++;
		size--;
		if (n < 32 && size >= 2) {
			term_resize(t, data[0], data[1]);
			n = 2;
		} else {
			n = n < size ? n : size;
			term_write(t, data, n);
		}
		data += n < size ? n : size;
		size -= n < size ? n : size;
	}
	look(t, &r);
	row_free(&r);
	term_free(t);
	return 0;
}
