/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/repo/segments.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct buf a, b;

static void teardown(void)
{
	buf_free(&a);
	buf_free(&b);
}

static size_t newlines(const char *p, size_t n)
{
	size_t count = 0;

	while (n--)
		count += *p++ == '\n';
	return count;
}

/* What lies between segments is the same, and line numbers are right. Returns how many there are.
 * *biggest gets the bytes of the largest. */
static size_t check_segments(unsigned context, size_t *biggest)
{
	struct segments s = {.a = a.p, .na = a.len, .b = b.p, .nb = b.len, .context = context};
	size_t at_a = 0, at_b = 0, n = 0;
	struct segment g;

	*biggest = 0;
	while (segments_next(&s, &g)) {
		ck_assert_uint_ge(g.a, at_a);
		ck_assert_uint_eq(g.a - at_a, g.b - at_b);
		ck_assert(!memcmp(a.p + at_a, b.p + at_b, g.a - at_a));
		ck_assert_uint_eq(g.line_a, newlines(a.p, g.a));
		ck_assert_uint_eq(g.line_b, newlines(b.p, g.b));
		ck_assert(!g.a || a.p[g.a - 1] == '\n');
		ck_assert(!g.b || b.p[g.b - 1] == '\n');
		ck_assert(g.na != g.nb || memcmp(a.p + g.a, b.p + g.b, g.na));
		/* no hunk would reach over to the segment before */
		if (n)
			ck_assert_uint_gt(newlines(a.p + at_a, g.a - at_a), 0);
		at_a = g.a + g.na;
		at_b = g.b + g.nb;
		ck_assert_uint_le(at_a, a.len);
		ck_assert_uint_le(at_b, b.len);
		if (g.na + g.nb > *biggest)
			*biggest = g.na + g.nb;
		n++;
	}
	ck_assert_uint_eq(a.len - at_a, b.len - at_b);
	ck_assert(!memcmp(buf_cstr(&a) + at_a, buf_cstr(&b) + at_b, a.len - at_a));
	return n;
}

static void numbered(struct buf *out, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		buf_fmt(out, "line %u of a text\n", i);
}

START_TEST(the_same)
{
	size_t biggest;

	numbered(&a, 0, 1000);
	numbered(&b, 0, 1000);
	ck_assert_uint_eq(check_segments(3, &biggest), 0);
}
END_TEST

START_TEST(changes_far_apart_are_small_questions)
{
	size_t biggest;

	for (unsigned i = 0; i < 50; i++) {
		numbered(&a, i * 1000, i * 1000 + 1000);
		numbered(&b, i * 1000, i * 1000 + 500);
		if (i % 3 == 0)
			buf_str(&b, "something new\n");
		numbered(&b, i * 1000 + 500 + (i % 3 == 1), i * 1000 + 1000);
		if (i % 3 == 2)
			buf_str(&b, "at the end\n");
	}
	buf_str(&a, "no newline");
	buf_str(&b, "another end");
	ck_assert_uint_eq(check_segments(3, &biggest), 51);
	ck_assert_uint_lt(biggest, 1000);
}
END_TEST

START_TEST(large_changes)
{
	size_t biggest;

	numbered(&a, 0, 20000);
	numbered(&b, 0, 100);
	numbered(&b, 15000, 20000);
	ck_assert_uint_eq(check_segments(3, &biggest), 1);
	buf_reset(&a);
	numbered(&a, 50000, 60000);
	ck_assert_uint_eq(check_segments(3, &biggest), 1);
	ck_assert_uint_eq(biggest, a.len + b.len);
}
END_TEST

/* Lines that are all alike, random edits: whatever comes out must be right. */
START_TEST(random_texts)
{
	srand((unsigned)_i + 1);
	for (unsigned i = 0; i < 4000; i++) {
		int r = rand() % 400;
		char line[32];

		snprintf(line, sizeof(line), "%d\n", _i % 2 ? rand() % 5 : (int)i);
		if (r != 0)
			buf_str(&a, line);
		if (r == 1)
			buf_str(&b, "x\n");
		if (r != 2)
			buf_str(&b, line);
		if (r == 3)
			for (int n = rand() % 3000; n; n--)
				buf_str(rand() % 2 ? &a : &b, "y\n");
	}
	if (_i % 3)
		buf_str(&a, "end");
	size_t biggest;

	check_segments((unsigned)_i % 4, &biggest);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("segments");
	TCase *tc = tcase_create("segments");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, the_same);
	tcase_add_test(tc, changes_far_apart_are_small_questions);
	tcase_add_test(tc, large_changes);
	tcase_add_loop_test(tc, random_texts, 0, 60);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
