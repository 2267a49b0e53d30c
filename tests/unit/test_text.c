/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/text.h"
#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const struct {
	const char *in;
	size_t n; /* 0: strlen */
	int flags;
	const char *out;
} cases[] = {
    {.in = "", .out = ""},
    {.in = "plain name-1.txt", .out = "plain name-1.txt"},
    {.in = "a\\b", .out = "a\\\\b"},
    {.in = "a\\b", .flags = TEXT_BACKSLASH, .out = "a\\b"},
    {.in = "12345678\\", .flags = TEXT_BACKSLASH, .out = "12345678\\"},
    {.in = "\x1b[31mred\x1b]0;title\x07", .out = "\\e[31mred\\e]0;title\\x07"},
    {.in = "a\0b", .n = 3, .out = "a\\x00b"},
    {.in = "tab\there", .out = "tab\\there"},
    {.in = "tab\there", .flags = TEXT_TABS, .out = "tab     here"},
    {.in = "\t12345678\tx", .flags = TEXT_TABS, .out = "        12345678        x"},
    {.in = "\xe6\x97\xa5\tx", .flags = TEXT_TABS, .out = "\xe6\x97\xa5      x"},
    {.in = "abc\nd\te", .flags = TEXT_TABS | TEXT_NEWLINE, .out = "abc\nd       e"},
    {.in = "two\nrows\r\n", .out = "two\\nrows\\r\\n"},
    {.in = "two\nrows\r\n", .flags = TEXT_NEWLINE, .out = "two\nrows\\r\n"},
    {.in = "\x7f", .out = "\\x7f"},
    {.in = "12345678\x7f", .out = "12345678\\x7f"},
    /* umlaut, CJK, emoji pass */
    {.in = "\xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80",
     .out = "\xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80"},
    {.in = "\xc3\xa4 \xe6\x97\xa5", .flags = TEXT_ASCII, .out = "\\u{E4} \\u{65E5}"},
    /* C1: as UTF-8 and as the bare byte that an 8-bit terminal takes for CSI */
    {.in = "\xc2\x9b"
	   "31m",
     .out = "\\u{9B}31m"},
    {.in = "\x9b"
	   "31m",
     .out = "\\x9b31m"},
    /* bidi, zero width, joiners, BOM, soft hyphen, tags, variation selectors, separators */
    {.in = "\xe2\x80\xae"
	   "gpj.exe",
     .out = "\\u{202E}gpj.exe"},
    {.in = "a\xe2\x80\x8b"
	   "b",
     .out = "a\\u{200B}b"},
    {.in = "a\xe2\x80\x8d"
	   "b",
     .out = "a\\u{200D}b"},
    {.in = "\xef\xbb\xbf", .out = "\\u{FEFF}"},
    {.in = "a\xc2\xad"
	   "b",
     .out = "a\\u{AD}b"},
    {.in = "\xf3\xa0\x81\x81", .out = "\\u{E0041}"},
    {.in = "a\xef\xb8\x8f", .out = "a\\u{FE0F}"},
    {.in = "\xe2\x80\xa8\xe2\x80\xa9", .out = "\\u{2028}\\u{2029}"},
    {.in = "\xee\x80\x80", .out = "\\u{E000}"},
    {.in = "\xe3\x85\xa4", .out = "\\u{3164}"},
    /* no UTF-8: overlong slash, surrogate, beyond the end, cut short, stray continuation */
    {.in = "\xc0\xaf", .out = "\\xc0\\xaf"},
    {.in = "\xed\xa0\x80", .out = "\\xed\\xa0\\x80"},
    {.in = "\xf4\x90\x80\x80", .out = "\\xf4\\x90\\x80\\x80"},
    {.in = "\xe6\x97", .out = "\\xe6\\x97"},
    {.in = "\xe6\x97"
	   "a",
     .out = "\\xe6\\x97a"},
    {.in = "\xff\xfe", .out = "\\xff\\xfe"},
    /* marks: one over a letter, none over nothing, a space or an escape, four at most */
    {.in = "e\xcc\x81", .out = "e\xcc\x81"},
    {.in = "\xcc\x81", .out = "\\u{301}"},
    {.in = " \xcc\x81", .out = " \\u{301}"},
    {.in = "\n\xcc\x81", .flags = TEXT_NEWLINE, .out = "\n\\u{301}"},
    {.in = "\x01\xcc\x81", .out = "\\x01\\u{301}"},
    {.in = "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
     .out = "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\\u{301}"},
};

START_TEST(escapes)
{
	struct buf b = {0};
	size_t n = cases[_i].n ? cases[_i].n : strlen(cases[_i].in);

	text_escape(&b, cases[_i].in, n, cases[_i].flags);
	ck_assert_str_eq(buf_cstr(&b), cases[_i].out);
	buf_free(&b);
}
END_TEST

START_TEST(appends_and_allocates)
{
	struct buf b = {0};
	char *s = text_escaped("x\n");

	buf_str(&b, "12345");
	text_escape(&b, "a\tb", 3, TEXT_TABS);
	ck_assert_str_eq(buf_cstr(&b), "12345a       b");
	ck_assert_str_eq(s, "x\\n");
	free(s);
	buf_free(&b);
}
END_TEST

START_TEST(widths)
{
	ck_assert_uint_eq(text_width("", 0), 0);
	ck_assert_uint_eq(text_width("abcdefghij", 10), 10);
	ck_assert_uint_eq(text_width("\xe6\x97\xa5"
				     "a\\",
				     5),
			  4);
	ck_assert_uint_eq(text_width("e\xcc\x81", 3), 1);
	ck_assert_uint_eq(text_fit("abcdefghij", 10, 4), 4);
	ck_assert_uint_eq(text_fit("abc", 3, 100), 3);
	ck_assert_uint_eq(text_fit("abc", 3, 0), 0);
	/* a wide character is never halved, a mark never parted from its base */
	ck_assert_uint_eq(text_fit("\xe6\x97\xa5\xe6\x97\xa5", 6, 3), 3);
	ck_assert_uint_eq(text_fit("\xe6\x97\xa5", 3, 1), 0);
	ck_assert_uint_eq(text_fit("ae\xcc\x81"
				   "b",
				   5, 2),
			  4);
}
END_TEST

static uint32_t random_of(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Bytes that are likely to hit a border: sequences cut, escapes, marks, plain runs. */
static size_t noise(char *p, size_t max, uint32_t *seed)
{
	static const char *const bits[] = {"\x1b[2J",
					   "\xcc\x81",
					   "\xe2\x80\xae",
					   "\xc2\x9b",
					   "plain text",
					   "\xe6\x97\xa5",
					   "\\",
					   "\t",
					   "\n",
					   "\xf0\x9f\x98\x80",
					   "\xf3\xa0",
					   "\x7f",
					   "\xc2",
					   "\x80",
					   " ",
					   "e",
					   "\xef\xbf\xbd"};
	size_t n = 0, want = random_of(seed) % max;

	while (n < want) {
		const char *b = bits[random_of(seed) % (sizeof(bits) / sizeof(bits[0]))];
		size_t k = strlen(b);

		if (random_of(seed) % 3 == 0 || n + k > want) {
			p[n++] = (char)random_of(seed);
			continue;
		}
		memcpy(p + n, b, k);
		n += k;
	}
	return n;
}

/* Output never holds an unsafe character or a broken sequence; the plain checks are written out
 * here a second time so that an error in the table is not repeated in the test. */
static bool is_safe(const char *s, size_t n, int flags)
{
	/* One assertion a text, not one a byte: check tells its parent about each. */
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t len = text_decode(s + i, n - i, &cp);

		if (!len)
			return false;
		i += len;
		if (cp == '\n' && (flags & TEXT_NEWLINE))
			continue;
		if (text_is_unsafe(cp) || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return false;
		if ((cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e))
			return false;
		if ((cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || cp >= 0xe0000)
			return false;
		if ((flags & TEXT_ASCII) && cp >= 0x80)
			return false;
	}
	return true;
}

START_TEST(noise_never_passes)
{
	uint32_t seed = 1;
	char in[300];

	for (int round = 0; round < 20000; round++) {
		struct buf b = {0};
		int flags = (int)(random_of(&seed) % 16);
		size_t n = noise(in, sizeof(in), &seed);
		size_t cols, fit;

		text_escape(&b, in, n, flags);
		ck_assert(is_safe(buf_cstr(&b), b.len, flags));
		ck_assert_uint_le(b.len, 10 * n);
		cols = random_of(&seed) % 400;
		fit = text_fit(buf_cstr(&b), b.len, cols);
		ck_assert_uint_le(text_width(buf_cstr(&b), fit), cols);
		ck_assert(fit == b.len || text_width(buf_cstr(&b), b.len) > cols);
		buf_free(&b);
	}
}
END_TEST

/* A name's escape can be read back: two different names never look alike. */
START_TEST(names_stay_distinct)
{
	uint32_t seed = 7;
	char in[100];

	for (int round = 0; round < 1000; round++) {
		size_t n = noise(in, sizeof(in), &seed), at = 0;
		struct buf b = {0};
		const char *p;

		text_escape(&b, in, n, 0);
		for (p = buf_cstr(&b); *p;) {
			char want[5];
			unsigned long v;
			char *end;

			if (*p != '\\') {
				ck_assert_int_eq(*p++, in[at++]);
				continue;
			}
			switch (p[1]) {
			case 'x':
				v = strtoul((char[]){p[2], p[3], 0}, &end, 16);
				ck_assert_uint_eq(v, (unsigned char)in[at++]);
				p += 4;
				break;
			case 'u':
				v = strtoul(p + 3, &end, 16);
				ck_assert_int_eq(*end, '}');
				p = end + 1;
				{
					uint32_t cp;
					size_t len = text_decode(in + at, n - at, &cp);

					ck_assert_uint_gt(len, 0);
					ck_assert_uint_eq(cp, v);
					at += len;
				}
				break;
			default:
				snprintf(want, sizeof(want), "%c",
					 p[1] == 't'   ? '\t'
					 : p[1] == 'n' ? '\n'
					 : p[1] == 'r' ? '\r'
					 : p[1] == 'e' ? 0x1b
						       : '\\');
				ck_assert_int_eq(want[0], in[at++]);
				p += 2;
			}
		}
		ck_assert_uint_eq(at, n);
		buf_free(&b);
	}
}
END_TEST

/*
 * The table against the C library's, by which curses lays out its rows, for every code point that
 * passes. A few may differ where the library has a newer Unicode.
 */
START_TEST(agrees_with_wcwidth)
{
	unsigned differ = 0, passed = 0;

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return;
	for (uint32_t cp = 0x20; cp < 0x110000; cp++) {
		char s[5] = {0};
		wchar_t w = (wchar_t)cp;
		int width = wcwidth(w), ours;
		size_t n;

		if ((cp >= 0xd800 && cp <= 0xdfff) || text_is_unsafe(cp))
			continue;
		passed++;
		n = (size_t)snprintf(s, sizeof(s), "%lc", (wint_t)w);
		ours = (int)text_width(s, n);
		if (width != ours) {
			differ++;
			if (getenv("GAOL_TEST_VERBOSE"))
				printf("U+%04X: C library %d, ours %d\n", (unsigned)cp, width,
				       ours);
		}
	}
	ck_assert_uint_gt(passed, 140000);
	ck_assert_uint_lt(differ, 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, escapes, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, appends_and_allocates);
	tcase_add_test(t, widths);
	tcase_add_test(t, noise_never_passes);
	tcase_add_test(t, names_stay_distinct);
	tcase_add_test(t, agrees_with_wcwidth);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
