/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cast: every line is JSON in UTF-8 whatever comes in, and nothing that was text is lost. */
#include "core/buf.h"
#include "core/cast.h"
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void begin(struct cast *c, bool v2, struct buf *b)
{
	cast_begin(c, v2, 24, 80, "a \"title\"", 1000, b);
	buf_reset(b);
}

START_TEST(test_headers)
{
	struct cast c;
	struct buf b = {0};

	cast_begin(&c, false, 24, 80, "a \"t\"\n", 0, &b);
	json_t *o = json_loads(buf_cstr(&b), 0, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "version")), 3);
	const json_t *term = json_object_get(o, "term");
	ck_assert_int_eq(json_integer_value(json_object_get(term, "cols")), 80);
	ck_assert_int_eq(json_integer_value(json_object_get(term, "rows")), 24);
	ck_assert_str_eq(json_string_value(json_object_get(o, "title")), "a \"t\"\n");
	json_decref(o);
	buf_reset(&b);
	cast_begin(&c, true, 24, 80, "t", 0, &b);
	o = json_loads(buf_cstr(&b), 0, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "version")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "width")), 80);
	json_decref(o);
	buf_free(&b);
}
END_TEST

START_TEST(test_times)
{
	struct cast c;
	struct buf b = {0};

	begin(&c, false, &b);
	cast_event(&c, CAST_OUTPUT, "a", 1, 2500, &b);
	cast_event(&c, CAST_OUTPUT, "b", 1, 2502, &b);
	cast_event(&c, CAST_OUTPUT, "c", 1, 2400, &b); /* a clock never goes back in a recording */
	ck_assert_str_eq(buf_cstr(&b),
			 "[1.500, \"o\", \"a\"]\n[0.002, \"o\", \"b\"]\n[0.000, \"o\", \"c\"]\n");
	begin(&c, true, &b);
	cast_event(&c, CAST_OUTPUT, "a", 1, 2500, &b);
	cast_size(&c, 30, 100, 2502, &b);
	cast_text(&c, CAST_MARKER, "checkpoint 2", 3000, &b);
	cast_text(&c, CAST_EXIT, "1", 3000, &b); /* version 2 has none */
	ck_assert_str_eq(buf_cstr(&b), "[1.500, \"o\", \"a\"]\n[1.502, \"r\", \"100x30\"]\n"
				       "[2.000, \"m\", \"checkpoint 2\"]\n");
	buf_free(&b);
}
END_TEST

static const struct {
	const char *parts[4];
	const char *text; /* of all events together, as JSON strings without quotes */
} texts[] = {
    {.parts = {"a\033[1m\r\n\t\"\\"}, .text = "a\\u001b[1m\\u000d\\u000a\\u0009\\\"\\\\"},
    {.parts = {"x\xc3", "\xa4y"}, .text = "x\xc3\xa4y"},
    {.parts = {"\xf0", "\x9f", "\x98", "\x80"}, .text = "\xf0\x9f\x98\x80"},
    {.parts = {"\xf0\x9f", "z"}, .text = "\xef\xbf\xbd\xef\xbf\xbdz"},
    {.parts = {"\x80\xff\xfe"}, .text = "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {.parts = {"\xed\xa0\x80"}, .text = "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {.parts = {"\xc2\x9b"}, .text = "\\u009b"},
    {.parts = {"end\xe2\x82"}, .text = "end\xef\xbf\xbd\xef\xbf\xbd"},
};

START_TEST(test_texts)
{
	struct cast c;
	struct buf b = {0}, got = {0};

	begin(&c, false, &b);
	for (size_t i = 0; i < 4 && texts[_i].parts[i]; i++)
		cast_event(&c, CAST_OUTPUT, texts[_i].parts[i], strlen(texts[_i].parts[i]), 1000,
			   &b);
	cast_end(&c, 1000, &b);
	for (char *line = strtok(b.p, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *o = json_loads(line, 0, NULL);
		ck_assert_msg(o != NULL, "%s", line);
		json_decref(o);
		const char *s = line + strlen("[0.000, \"o\", \"");
		buf_add(&got, s, strlen(s) - 2);
	}
	ck_assert_str_eq(buf_cstr(&got), texts[_i].text);
	buf_free(&b);
	buf_free(&got);
}
END_TEST

START_TEST(test_noise)
{
	struct cast c;
	struct buf b = {0};
	unsigned seed = (unsigned)_i;

	begin(&c, _i & 1, &b);
	for (int k = 0; k < 300; k++) {
		char part[16];
		size_t n = (size_t)rand_r(&seed) % sizeof(part);
		for (size_t i = 0; i < n; i++)
			part[i] = (char)rand_r(&seed);
		cast_event(&c, k & 1 ? CAST_OUTPUT : CAST_INPUT, part, n, 1000 + k, &b);
	}
	cast_end(&c, 2000, &b);
	for (char *line = strtok(b.p, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *o = json_loads(line, JSON_ALLOW_NUL, NULL);
		ck_assert_msg(json_array_size(o) == 3, "%s", line);
		json_decref(o);
	}
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cast");
	TCase *t = tcase_create("cast");

	tcase_add_test(t, test_headers);
	tcase_add_test(t, test_times);
	tcase_add_loop_test(t, test_texts, 0, (int)(sizeof(texts) / sizeof(texts[0])));
	tcase_add_loop_test(t, test_noise, 0, 20);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
