/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs are made of: arguments, places, tables, JSON, links that stay. */
#include "core/buf.h"
#include "tui/cli/cli.h"
#include "tui/cli/cp.h"
#include "tui/cli/out.h"
#include "tui/cli/place.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static int nothing(struct cli *c, const struct verb *v, int argc, char **argv)
{
	return CLI_OK;
}

static const struct cli_opt opts[] = {
    {.key = 'a', .name = "all", .help = "All."},
    {.key = 'm', .name = "message", .arg = "TEXT", .help = "Text."},
    {.key = CLI_LONG, .name = "long", .arg = "N", .help = "Long."},
    {0}};

static const struct verb plain = {
    .name = "plain", .args = "NAME", .help = "Plain", .opts = opts, .fn = nothing};
static const struct verb command = {.name = "command",
				    .args = "NAME [-- CMD]",
				    .help = "Command",
				    .opts = opts,
				    .flags = VERB_COMMAND,
				    .fn = nothing};
static const struct verb bare = {.name = "bare",
				 .args = "CMD",
				 .help = "Bare",
				 .opts = opts,
				 .flags = VERB_COMMAND | VERB_BARE,
				 .fn = nothing};

#define ARGV(...)                                                                                  \
	char *argv[] = {__VA_ARGS__, NULL};                                                        \
	int argc = (int)(sizeof(argv) / sizeof(argv[0])) - 1
#define W(s) ((char *)(uintptr_t)(s))

START_TEST(options_in_any_order)
{
	ARGV(W("plain"), W("one"), W("-am"), W("text"), W("--long=5"), W("two"));
	struct cli_args a;

	cli_args_init(&a, &plain, argc, argv);
	ck_assert_int_eq(cli_next(&a), 'a');
	ck_assert_int_eq(cli_next(&a), 'm');
	ck_assert_str_eq(a.arg, "text");
	ck_assert_int_eq(cli_next(&a), CLI_LONG);
	ck_assert_str_eq(a.arg, "5");
	ck_assert_int_eq(cli_next(&a), 0);
	ck_assert_int_eq(a.n, 2);
	ck_assert_str_eq(a.v[0], "one");
	ck_assert_str_eq(a.v[1], "two");
	ck_assert(cli_operands(&a, 2, 2));
	ck_assert(!cli_operands(&a, 0, 1));
	ck_assert_int_eq(a.status, CLI_USAGE);
	ck_assert(!cli_operands(&a, 3, 4));
}
END_TEST

START_TEST(a_command_is_not_ours)
{
	ARGV(W("command"), W("name"), W("-a"), W("--"), W("ls"), W("-m"), W("--"));
	struct cli_args a;

	cli_args_init(&a, &command, argc, argv);
	ck_assert_int_eq(cli_next(&a), 'a');
	ck_assert_int_eq(cli_next(&a), 0);
	ck_assert_int_eq(a.n, 1);
	ck_assert_int_eq(a.ncommand, 3);
	ck_assert_str_eq(a.command[0], "ls");
	ck_assert_str_eq(a.command[2], "--");
}
END_TEST

START_TEST(a_bare_command_ends_the_options)
{
	ARGV(W("bare"), W("-a"), W("ls"), W("-m"), W("-x"));
	struct cli_args a;

	cli_args_init(&a, &bare, argc, argv);
	ck_assert_int_eq(cli_next(&a), 'a');
	ck_assert_int_eq(cli_next(&a), 0);
	ck_assert_ptr_null(a.command);
	ck_assert_int_eq(a.n, 3);
	ck_assert_str_eq(a.v[0], "ls");
	ck_assert_str_eq(a.v[2], "-x");
}
END_TEST

START_TEST(wrong_options)
{
	ARGV(W("plain"), W("-x"));
	struct cli_args a;

	cli_args_init(&a, &plain, argc, argv);
	ck_assert_int_eq(cli_next(&a), -1);
	ck_assert_int_eq(a.status, CLI_USAGE);
	argv[1] = W("-m");
	cli_args_init(&a, &plain, argc, argv);
	ck_assert_int_eq(cli_next(&a), -1);
	ck_assert_int_eq(a.status, CLI_USAGE);
	argv[1] = W("--lon=5"); /* unique beginnings are taken, as everywhere */
	cli_args_init(&a, &plain, argc, argv);
	ck_assert_int_eq(cli_next(&a), CLI_LONG);
}
END_TEST

/* Everything that help, completion and the manual need is there, and the tables fit. */
START_TEST(all_verbs_are_whole)
{
	for (size_t i = 0; cli_verbs[i]; i++) {
		const struct verb *v = cli_verbs[i];
		size_t n = 0, letters = 2;

		ck_assert(v->name && v->args && v->help && v->fn);
		ck_assert_ptr_eq(cli_find(v->name), v);
		ck_assert_msg(v->help[strlen(v->help) - 1] != '.', "%s", v->name);
		for (const struct cli_opt *o = v->opts; o && o->key; o++, n++) {
			ck_assert_msg(o->help && o->help[strlen(o->help) - 1] == '.', "%s --%s",
				      v->name, o->name);
			letters += o->key < 128 ? 1u + (o->arg != NULL) : 0;
		}
		struct cli_args a;
		ck_assert_uint_lt(n + 2, sizeof(a.longs) / sizeof(a.longs[0]));
		ck_assert_uint_lt(letters + 4, sizeof(a.letters));
	}
	ck_assert_ptr_null(cli_find("nonsense"));
}
END_TEST

START_TEST(places)
{
	struct place p;

	ck_assert(place_parse("demo:/etc/passwd", &p));
	ck_assert_str_eq(p.name, "demo");
	ck_assert_ptr_null(p.id);
	ck_assert_str_eq(p.path, "/etc/passwd");
	place_free(&p);
	ck_assert(place_parse("demo@~1:/a:b", &p));
	ck_assert_str_eq(p.id, "~1");
	ck_assert_str_eq(p.path, "/a:b");
	place_free(&p);
	ck_assert(place_parse("demo@:/", &p));
	ck_assert_str_eq(p.id, "");
	place_free(&p);
	/* Files of the host, and what is neither. */
	ck_assert(!place_parse("./demo:/etc", &p));
	ck_assert(!place_parse("demo", &p));
	ck_assert(!place_parse("demo:etc", &p));
	ck_assert(!place_parse("Demo:/etc", &p));
	ck_assert(!place_parse(":/etc", &p));
	ck_assert(!place_parse("@1:/etc", &p));
	ck_assert(!place_parse("a234567890123456789012345678901234567890:/etc", &p));
}
END_TEST

START_TEST(links_that_stay)
{
	ck_assert(cp_link_stays("file", 0));
	ck_assert(cp_link_stays("a/b/c", 0));
	ck_assert(cp_link_stays("./a", 0));
	ck_assert(cp_link_stays("../a", 1));
	ck_assert(cp_link_stays(".././../a", 2));
	ck_assert(cp_link_stays("..", 1));
	ck_assert(cp_link_stays("..a/b", 0));
	ck_assert(!cp_link_stays("..", 0));
	ck_assert(!cp_link_stays("../a", 0));
	ck_assert(!cp_link_stays("../../a", 1));
	ck_assert(!cp_link_stays("/a", 9));
	ck_assert(!cp_link_stays("", 9));
	/* "a" may be a link to the root of the copy, and then this is its parent. */
	ck_assert(!cp_link_stays("a/../b", 5));
}
END_TEST

START_TEST(ages_and_sizes)
{
	char buf[OUT_AGE];

	ck_assert_str_eq(out_age(-5, buf), "0s");
	ck_assert_str_eq(out_age(59, buf), "59s");
	ck_assert_str_eq(out_age(60, buf), "1m");
	ck_assert_str_eq(out_age(3600 + 5 * 60, buf), "1h05m");
	ck_assert_str_eq(out_age(2 * 86400 + 3 * 3600, buf), "2d03h");
	ck_assert_str_eq(out_age(INT64_MAX, buf), "106751991167300d15h");
	ck_assert_str_eq(out_size(0, buf), "0");
	ck_assert_str_eq(out_size(1023, buf), "1023");
	ck_assert_str_eq(out_size(1024, buf), "1K");
	ck_assert_str_eq(out_size(1536, buf), "1.5K");
	ck_assert_str_eq(out_size(UINT64_C(256) << 20, buf), "256M");
	ck_assert_str_eq(out_size(UINT64_MAX, buf), "16777216T");
}
END_TEST

START_TEST(tables)
{
	struct table t = {.cols = 3, .right = 1};
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	table_add(&t, "N");
	table_add(&t, "NAME");
	table_add(&t, "NOTE");
	table_addf(&t, "%d", 12345);
	table_add(&t, "\xe5\xb9\xbf\x1b"); /* a wide character, an escape */
	table_add(&t, NULL);
	table_print(&t, f);
	fclose(f);
	ck_assert_str_eq(text, "    N  NAME  NOTE\n12345  \xe5\xb9\xbf\\e  -\n");
	free(text);
}
END_TEST

START_TEST(lines_keep_their_tabs)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	out_line(f, "\ta\tb\\n\x1b[31m\r\xff\t", 14);
	fclose(f);
	ck_assert_str_eq(text, "\ta\tb\\n\\e[31m\\r\\xff\t");
	free(text);
}
END_TEST

START_TEST(json_of_any_bytes)
{
	json_t *o = json_object();

	out_json_bytes(o, "path", "/ok", 3);
	ck_assert_ptr_null(json_object_get(o, "path_base64"));
	out_json_bytes(o, "path", "/\xff\x01", 3);
	ck_assert_str_eq(json_string_value(json_object_get(o, "path")), "/\xef\xbf\xbd\x01");
	ck_assert_str_eq(json_string_value(json_object_get(o, "path_base64")), "L/8B");
	out_json_bytes(o, "one", "\xff", 1);
	ck_assert_str_eq(json_string_value(json_object_get(o, "one_base64")), "/w==");
	out_json_bytes(o, "two", "\xff\xff", 2);
	ck_assert_str_eq(json_string_value(json_object_get(o, "two_base64")), "//8=");
	json_decref(o);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cli");
	TCase *t = tcase_create("cli");

	tcase_add_test(t, options_in_any_order);
	tcase_add_test(t, a_command_is_not_ours);
	tcase_add_test(t, a_bare_command_ends_the_options);
	tcase_add_test(t, wrong_options);
	tcase_add_test(t, all_verbs_are_whole);
	tcase_add_test(t, places);
	tcase_add_test(t, links_that_stay);
	tcase_add_test(t, ages_and_sizes);
	tcase_add_test(t, tables);
	tcase_add_test(t, lines_keep_their_tabs);
	tcase_add_test(t, json_of_any_bytes);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
