/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a pane: what differs within them; rows of bytes; ink and bars in rows. */
#include "views/page.h"
#include "views/words.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct page p;
static struct row r;

static void setup(void)
{
	p = (struct page){0};
	r = (struct row){0};
}

static void teardown(void)
{
	page_free(&p);
	row_free(&r);
}

/* What stands out in the two lines, as "old|new". */
static const char *differs(const char *a, const char *b)
{
	static char text[128];
	const struct page_line *x, *y;

	page_free(&p);
	page_add(&p, '-', STYLE_DEL, a, strlen(a));
	page_add(&p, '+', STYLE_ADD, b, strlen(b));
	page_pair(&p, 0, 1, 1);
	x = &p.lines[0];
	y = &p.lines[1];
	snprintf(text, sizeof(text), "%.*s|%.*s", (int)x->nhot, p.text.p + x->start + x->hot,
		 (int)y->nhot, p.text.p + y->start + y->hot);
	return text;
}

START_TEST(words_that_differ)
{
	ck_assert_str_eq(differs("\treturn foo(1, 2);", "\treturn foobar(1, 2);"), "foo|foobar");
	ck_assert_str_eq(differs("a = 1;", "a = 12;"), "1|12");
	ck_assert_str_eq(differs("one two three", "one three"), "two |");
	ck_assert_str_eq(differs("one three", "one two three"), "|two ");
	ck_assert_str_eq(differs("user=root x", "user=rot x"), "root|rot");
	/* nothing in common: the lines as they are */
	ck_assert_str_eq(differs("alpha", "beta"), "|");
	ck_assert_str_eq(differs("\talpha", "\tbeta"), "|");
	ck_assert_str_eq(differs("", "x"), "|");
	ck_assert_str_eq(differs("same", "same"), "|");
	/* never within a character */
	ck_assert_str_eq(differs("x \xc3\xa4 y", "x \xc3\xb6 y"), "\xc3\xa4|\xc3\xb6");
}
END_TEST

START_TEST(rows_of_them)
{
	differs("a\tb\033 old c", "a\tb\033 new c");
	page_row(&p, &p.lines[1], STYLE_ADD_WORD, &r);
	ck_assert_str_eq(row_text(&r), "a       b\\e new c");
	ck_assert_uint_eq(r.nspans, 3);
	ck_assert_int_eq(r.spans[1].style, STYLE_ADD_WORD);
	ck_assert_uint_eq(r.spans[1].len, 3);
	/* a line is lifted to where it belongs */
	page_fmt(&p, 'x', STYLE_DIM, "%d", 3);
	page_lift(&p, 0);
	ck_assert_int_eq(p.lines[0].kind, 'x');
	ck_assert_int_eq(p.lines[1].kind, '-');
	ck_assert_int_eq(p.lines[2].kind, '+');
}
END_TEST

START_TEST(bytes)
{
	char text[96];
	size_t n = words_hex("ab\0\xff\033", 5, 0x1230, text);

	ck_assert_uint_lt(n, sizeof(text));
	text[n] = '\0';
	ck_assert_str_eq(text, "00001230  61 62 00 ff 1b                                    ab...");
	n = words_hex("0123456789abcdefXYZ", 19, 0, text);
	text[n] = '\0';
	ck_assert_str_eq(text, "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  "
			       "0123456789abcdef");
}
END_TEST

START_TEST(ink_and_bars)
{
	uint32_t red = INK_FG(1) | INK_BOLD, plain = INK_FG(-1) | INK_BG(-1);

	ck_assert_uint_eq(plain, 0);
	ck_assert_int_eq(INK_FG_OF(red), 1);
	ck_assert_int_eq(INK_BG_OF(red), -1);
	ck_assert_int_eq(INK_BG_OF(INK_BG(255)), 255);
	row_ink(&r, red, "a\\", 2);
	row_ink(&r, red, "b", 1);
	row_ink(&r, 0, "c\033", 2);
	ck_assert_str_eq(row_text(&r), "a\\bc\\e");
	ck_assert_uint_eq(r.nspans, 2);
	row_reset(&r);
	row_bar(&r, STYLE_ID, 0);
	row_bar(&r, STYLE_ID, 1);
	row_bar(&r, STYLE_ID, 99);
	ck_assert_str_eq(row_text(&r), " \xe2\x96\x81\xe2\x96\x88");
	ck_assert_uint_eq(r.cols, 3);
	r.ascii = true;
	row_reset(&r);
	row_bar(&r, STYLE_ID, 8);
	ck_assert_str_eq(row_text(&r), "@");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("page");
	TCase *tc = tcase_create("page");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, words_that_differ);
	tcase_add_test(tc, rows_of_them);
	tcase_add_test(tc, bytes);
	tcase_add_test(tc, ink_and_bars);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
