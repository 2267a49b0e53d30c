/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "tui/filter.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define E "\033"
#define BAD "\xef\xbf\xbd"

struct sample {
	const char *in;
	const char *out;
};

static const struct sample passes[] = {
    {"hello\r\n\tworld\b\a", "hello\r\n\tworld\b\a"},
    {"caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80"},
    {E "[1;31mred" E "[m", E "[1;31mred" E "[m"},
    {E "[38;2;1;2;3mx" E "[38:5:7m", E "[38;2;1;2;3mx" E "[38:5:7m"},
    {E "[H" E "[2J" E "[3;4H" E "[K" E "[?J", E "[H" E "[2J" E "[3;4H" E "[K" E "[?J"},
    {E "[2;20r" E "[5S" E "[T" E "[s" E "[u", E "[2;20r" E "[5S" E "[T" E "[s" E "[u"},
    {E "[?1049h" E "[?25l" E "[?25h", E "[?1049h" E "[?25l" E "[?25h"},
    {E "[?1;7h", E "[?1h" E "[?7h"},
    {E "[4h" E "[4l", E "[4h" E "[4l"},
    {E "7" E "8" E "M" E "D" E "=" E ">", E "7" E "8" E "M" E "D" E "=" E ">"},
    {E "(0qqq" E "(B\x0e\x0f", E "(0qqq" E "(B\x0e\x0f"},
    {E "[2 q" E "[!p", E "[2 q" E "[!p"},
    {E "[12b", E "[12b"},
};

static const struct sample drops[] = {
    /* titles, clipboard, colours: OSC by BEL, ST, and cut off by another sequence */
    {"a" E "]0;title\ab", "ab"},
    {"a" E "]52;c;ZXZpbA==" E "\\b", "ab"},
    {"a" E "]8;;http://x" E "[31mb", "a" E "[31mb"},
    {"a" E "]4;1;?\x18"
     "b",
     "ab"},
    /* DCS, APC, PM, SOS */
    {"a" E "P$qm" E "\\b", "ab"},
    {"a" E "Pq#0;2;0;0;0~-" E "\\b", "ab"},
    {"a" E "_Gf=24;AAAA" E "\\b", "ab"},
    {"a" E "^pm" E "\\" E "Xsos" E "\\b", "ab"},
    /* what makes a terminal answer */
    {"a" E "[cb", "ab"},
    {"a" E "[0c" E "[>c" E "[>0c" E "[=cb", "ab"},
    {"a" E "[6n" E "[5n" E "[?6n" E "[?996nb", "ab"},
    {"a" E "[?1$p" E "[4$pb", "ab"},
    {"a" E "[>q" E "[>0qb", "ab"},
    {"a" E "[21t" E "[18t" E "[8;10;10t" E "[22;0tb", "ab"},
    {"a" E "[x" E "[1xb", "ab"},
    {"a" E "[1;1;1;1;1;1*yb", "ab"},
    {"a" E "[1$w" E "[&ub", "ab"},
    {"a" E "[?1;1;0Sb", "ab"},
    {"a" E "Zb\x05", "ab"},
    {"a" E "['|" E "[1'zb", "ab"},
    {"a" E "[#|" E "[#pb", "ab"},
    /* key protocols */
    {"a" E "[?u" E "[>1u" E "[=1;1u" E "[<ub", "ab"},
    {"a" E "[>4;2m" E "[?4mb", "ab"},
    /* printing, keyboard lock, leds, margins, mouse highlight tracking */
    {"a" E "[5i" E "[i" E "[?5i" E "[2h" E "[1qb", "ab"},
    {"a" E "[?69h" E "[3;5s" E "[1;1;1;1;1Tb", "ab"},
    {"a" E "[?2026h" E "[?3h" E "[?9999hb", "ab"},
    /* of a list of modes, only the known ones */
    {E "[?25;2026l", E "[?25l"},
    /* character sets, 8-bit controls, double height, tab stops */
    {"a" E "%@" E "%G" E " G" E "#3" E "#8" E "(KbE" E "Hc" E "[3gd", "abEcd"},
    {"a" E "n" E "o" E "|" E "Nb", "ab"},
    /* too long, too large, too odd */
    {"a" E "[99999mb", "ab"},
    {"a" E "[111111111111111111111111111111111111111111111111111111111111111111111mb", "ab"},
    {"a" E "[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;mb", "ab"},
    {"a" E "[1\x80"
     "mb",
     "amb"},
    {"a" E "[1" E "[2mb", "a" E "[2mb"},
    /* controls inside a sequence act, as in terminals */
    {E "[3\n1m", "\n" E "[31m"},
    {"\x01\x02\x11\x13\x7f\x1c", ""},
    /* C1 as bytes and as UTF-8, directions, and what is no UTF-8 */
    {"a\x9b"
     "31mb",
     "a" BAD "31mb"},
    {"a\xc2\x9b"
     "31mb",
     "a" BAD "31mb"},
    {"a\xc2\x9d"
     "0;x\ab",
     "a" BAD "0;x\ab"},
    {"a\xe2\x80\xae"
     "b\xe2\x81\xa6",
     "a" BAD "b" BAD},
    {"\xc0\xaf\xed\xa0\x80\xff", BAD BAD BAD BAD},
    {"\xe4\xb8x\xe4\n\xf0\x9f" E "[m", BAD "x" BAD "\n" BAD E "[m"},
    /* a full reset */
    {E "c", E "[!p" E "[?1049l" E "[m" E "[H" E "[2J"},
};

static void same(const struct sample *s, size_t cut1, size_t cut2)
{
	struct filter f;
	struct buf out = {0};
	size_t n = strlen(s->in);

	filter_init(&f, true);
	filter_run(&f, s->in, cut1, &out);
	filter_run(&f, s->in + cut1, cut2 - cut1, &out);
	filter_run(&f, s->in + cut2, n - cut2, &out);
	ck_assert_msg(!strcmp(buf_cstr(&out), s->out), "sample %s cut at %zu and %zu: %s", s->in,
		      cut1, cut2, buf_cstr(&out));
	buf_free(&out);
}

/* However the input is cut, the same comes out. */
static void check_all(const struct sample *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(list[i].in);

		for (size_t a = 0; a <= n; a++)
			for (size_t b = a; b <= n; b += a % 3 + 1)
				same(&list[i], a, b);
	}
}

START_TEST(what_passes)
{
	check_all(passes, sizeof(passes) / sizeof(passes[0]));
}
END_TEST

START_TEST(what_does_not)
{
	check_all(drops, sizeof(drops) / sizeof(drops[0]));
}
END_TEST

START_TEST(ascii_terminal)
{
	struct filter f;
	struct buf out = {0};

	filter_init(&f, false);
	filter_run(&f,
		   "a\xc3\xa9"
		   "b\xff",
		   5, &out);
	ck_assert_str_eq(buf_cstr(&out), "a?b?");
	buf_free(&out);
}
END_TEST

/* A string without an end does not silence the console for good. */
START_TEST(endless_string)
{
	struct filter f;
	struct buf out = {0};

	filter_init(&f, true);
	filter_run(&f, E "]0;", 4, &out);
	for (int i = 0; i < FILTER_STRING_MAX; i++)
		filter_run(&f, "x", 1, &out);
	buf_reset(&out);
	filter_run(&f, "alive", 5, &out);
	ck_assert_str_eq(buf_cstr(&out), "alive");
	buf_free(&out);
}
END_TEST

START_TEST(reset_leaves_what_was_entered)
{
	struct filter f;
	struct buf out = {0};

	filter_init(&f, true);
	filter_reset(&f, &out);
	ck_assert_ptr_null(strstr(buf_cstr(&out), "1049"));
	/* Leaving origin mode moves the cursor: only where a guest had entered it. */
	ck_assert_ptr_null(strstr(buf_cstr(&out), "?6l"));
	filter_run(&f, E "[?6h", 5, &out);
	buf_reset(&out);
	filter_reset(&f, &out);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), E "[?6l"));
	buf_reset(&out);
	filter_run(&f, E "[?1049h" E "[", 9, &out);
	buf_reset(&out);
	filter_reset(&f, &out);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), E "[?1049l"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), E "[?1000l"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), E "[?25h"));
	buf_reset(&out);
	filter_run(&f, "x", 1, &out); /* the half sequence is forgotten */
	ck_assert_str_eq(buf_cstr(&out), "x");
	buf_free(&out);
}
END_TEST

/* Any bytes: what comes out never has a byte that begins what is not allowed. */
START_TEST(noise)
{
	static const char spice[] = E "[]P_^Xc?>!$;:0123456789hlmnqtpu\a\\\x9b\x9d\xc2 (#%";
	struct filter f;
	struct buf out = {0};
	uint32_t seed = 2463534242u;

	filter_init(&f, true);
	for (int i = 0; i < 400000; i++) {
		char c;

		seed ^= seed << 13;
		seed ^= seed >> 17;
		seed ^= seed << 5;
		c = seed & 1 ? (char)(seed >> 8) : spice[(seed >> 8) % (sizeof(spice) - 1)];
		filter_run(&f, &c, 1, &out);
	}
	for (size_t i = 0; i + 1 < out.len; i++) {
		unsigned char c = (unsigned char)out.p[i];

		ck_assert(c == 0x1b || c >= 0x20 || (c >= 7 && c <= 15));
		ck_assert_int_ne(c, 0x7f);
		if (c == 0x1b)
			ck_assert_ptr_nonnull(strchr("[78DEM=>()", out.p[i + 1]));
	}
	ck_assert_uint_gt(out.len, 100000);
	buf_free(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("filter");
	TCase *tc = tcase_create("filter");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_passes);
	tcase_add_test(tc, what_does_not);
	tcase_add_test(tc, ascii_terminal);
	tcase_add_test(tc, endless_string);
	tcase_add_test(tc, reset_leaves_what_was_entered);
	tcase_add_test(tc, noise);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
