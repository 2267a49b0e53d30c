/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A terminal in memory: lines, colours, what scrolls off, keys, hostile output. */
#include "core/buf.h"
#include "core/text.h"
#include "keymaps/key.h"
#include "tui/term.h"
#include "views/row.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct term *t;
static struct row r;

static void setup(void)
{
	t = term_new(5, 20);
	r = (struct row){0};
}

static void teardown(void)
{
	term_free(t);
	row_free(&r);
}

static void put(const char *text)
{
	term_write(t, text, strlen(text));
}

/* Line i of the screen, without blanks at its end. */
static const char *line_at(uint64_t pos)
{
	row_reset(&r);
	term_line(t, pos, &r);
	while (r.text.len && r.text.p[r.text.len - 1] == ' ')
		r.text.len--;
	return row_text(&r);
}

static const char *screen(size_t i)
{
	return line_at(term_end(t) - 5 + i);
}

START_TEST(text_stands_where_it_was_put)
{
	uint64_t pos;
	size_t col;

	put("one\r\ntwo\033[4;3Hfour\\");
	ck_assert_str_eq(screen(0), "one");
	ck_assert_str_eq(screen(1), "two");
	ck_assert_str_eq(screen(3), "  four\\");
	ck_assert_str_eq(screen(4), "");
	ck_assert(term_cursor(t, &pos, &col));
	ck_assert_uint_eq(pos, 3);
	ck_assert_uint_eq(col, 7);
	put("\033[?25l");
	ck_assert(!term_cursor(t, &pos, &col));
}
END_TEST

START_TEST(colours_become_ink)
{
	put("\033[1;31mred\033[m \033[44mblue\033[m \033[38;2;0;0;255mrgb\033[7mrev");
	screen(0);
	ck_assert_uint_eq(r.nspans, 6);
	ck_assert_int_eq(INK_FG_OF(r.spans[0].ink), 1);
	ck_assert(r.spans[0].ink & INK_BOLD);
	ck_assert_uint_eq(r.spans[1].ink, 0);
	ck_assert_int_eq(INK_BG_OF(r.spans[2].ink), 4);
	ck_assert_int_eq(INK_FG_OF(r.spans[2].ink), -1);
	ck_assert_int_eq(INK_FG_OF(r.spans[4].ink), 21);
	ck_assert(r.spans[5].ink & INK_REVERSE);
}
END_TEST

START_TEST(lines_scroll_off_and_keep_their_number)
{
	char text[16];
	uint64_t first;

	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d\r\n", i);
		put(text);
	}
	ck_assert_uint_eq(term_first(t), 0);
	ck_assert_uint_eq(term_end(t), 101);
	ck_assert_str_eq(line_at(0), "0");
	ck_assert_str_eq(line_at(42), "42");
	for (int i = 100; i < TERM_LINES_MAX + 500; i++) {
		snprintf(text, sizeof(text), "%d\r\n", i);
		put(text);
	}
	first = term_first(t);
	ck_assert_uint_gt(first, 400);
	snprintf(text, sizeof(text), "%d", (int)first);
	ck_assert_str_eq(line_at(first), text);
	ck_assert_str_eq(line_at(first - 1), "");
	ck_assert_str_eq(line_at(term_end(t)), "");
	/* the other screen has no past */
	put("\033[?1049h");
	for (int i = 0; i < 20; i++)
		put("x\r\n");
	ck_assert_uint_eq(term_end(t) - term_first(t), TERM_LINES_MAX + 5);
	put("\033[?1049l");
	snprintf(text, sizeof(text), "%d", TERM_LINES_MAX + 499);
	ck_assert_str_eq(screen(3), text);
}
END_TEST

/* The cursor stays on its line, whatever becomes of the screen around it. */
START_TEST(sizes_change)
{
	uint64_t pos;
	size_t col;

	put("0\r\n1\r\n2\r\n3\r\n4\r\n5\r\n$ ");
	term_resize(t, 3, 20);
	ck_assert_uint_eq(term_end(t), 7);
	ck_assert(term_cursor(t, &pos, &col));
	ck_assert_uint_eq(pos, 6);
	ck_assert_uint_eq(col, 2);
	term_resize(t, 5, 30);
	put("x\r\ny\r\n$ ");
	ck_assert_str_eq(line_at(5), "5");
	ck_assert_str_eq(line_at(6), "$ x");
	ck_assert_str_eq(line_at(7), "y");
	ck_assert_str_eq(line_at(8), "$");
	/* nothing below the cursor: no line goes */
	put("\033[2J\033[Htop");
	term_resize(t, 2, 30);
	ck_assert(term_cursor(t, &pos, &col));
	ck_assert_uint_eq(pos, term_end(t) - 2);
	ck_assert_str_eq(line_at(pos), "top");
	/* a region that is no more, a cursor saved beyond */
	term_resize(t, 40, 30);
	put("\033[30;40r\033[35;1H\0337");
	term_resize(t, 5, 30);
	put("\0338\r\nend\r\n\n\n\n\n\nend");
	ck_assert_str_eq(screen(4), "end");
}
END_TEST

/* Wide, combining and unsafe characters: each line is exactly as wide as its cells. */
START_TEST(widths_are_the_cells)
{
	put("\xe4\xb8\xad|e\xcc\x81|\xc2\xad|\xef\xb8\x8f|");
	screen(0);
	ck_assert_uint_le(text_width(row_text(&r), r.text.len), 20);
	for (const char *p = row_text(&r); *p;) {
		uint32_t cp;
		size_t n = text_decode(p, strlen(p), &cp);

		ck_assert_uint_gt(n, 0);
		ck_assert(!text_is_unsafe(cp));
		p += n;
	}
	ck_assert_int_eq(strncmp(row_text(&r), "\xe4\xb8\xad|e\xcc\x81|", 8), 0);
	r.ascii = true;
	put("\033[2J\033[H\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x82\xe4\xb8\xadz");
	ck_assert_str_eq(screen(0), "+-|\?\?z");
}
END_TEST

START_TEST(keys_as_the_guest_wants_them)
{
	struct buf b = {0};

	term_key(t, 'a', &b);
	term_key(t, 3, &b);
	term_key(t, K_ENTER, &b);
	term_key(t, 0xe9, &b);
	term_key(t, 'x' | K_ALT, &b);
	ck_assert_str_eq(buf_cstr(&b), "a\003\r\xc3\xa9\033x");
	buf_reset(&b);
	term_key(t, K_UP, &b);
	term_key(t, K_PGUP, &b);
	term_key(t, K_BACKTAB, &b);
	term_key(t, K_F1, &b);
	ck_assert_str_eq(buf_cstr(&b), "\033[A\033[5~\033[Z\033OP");
	buf_reset(&b);
	put("\033[?1h");
	term_key(t, K_UP, &b);
	ck_assert_str_eq(buf_cstr(&b), "\033OA");
	buf_free(&b);
}
END_TEST

/* Any bytes, any sizes: bounded, and every line printable. */
START_TEST(nonsense_is_survived)
{
	static const char *const parts[] = {"\033[",
					    "\033]",
					    "\033P",
					    "999999999999",
					    ";",
					    "H",
					    "J",
					    "K",
					    "L",
					    "M",
					    "@",
					    "P",
					    "X",
					    "S",
					    "T",
					    "r",
					    "m",
					    "?1049h",
					    "?1049l",
					    "?6h",
					    "\033c",
					    "\033D",
					    "\033M",
					    "\033(0",
					    "\xe4\xb8\xad",
					    "\xcc\x81",
					    "\xff",
					    "\n",
					    "\r",
					    "\t",
					    "\b",
					    "text",
					    "38;5;300",
					    "\033#8"};
	unsigned seed = 1;

	for (int i = 0; i < 60000; i++) {
		unsigned x = (unsigned)rand_r(&seed);

		put(parts[x % (sizeof(parts) / sizeof(parts[0]))]);
		if (i % 500 == 0)
			term_resize(t, (size_t)(rand_r(&seed) % 60), (size_t)(rand_r(&seed) % 120));
		if (i % 1000 == 0)
			for (uint64_t pos = term_first(t); pos < term_end(t); pos++)
				line_at(pos);
	}
	ck_assert_uint_le(term_end(t) - term_first(t), TERM_LINES_MAX + TERM_ROWS_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("term");
	TCase *tc = tcase_create("term");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, text_stands_where_it_was_put);
	tcase_add_test(tc, colours_become_ink);
	tcase_add_test(tc, lines_scroll_off_and_keep_their_number);
	tcase_add_test(tc, sizes_change);
	tcase_add_test(tc, widths_are_the_cells);
	tcase_add_test(tc, keys_as_the_guest_wants_them);
	tcase_add_test(tc, nonsense_is_survived);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
