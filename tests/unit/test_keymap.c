/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/fd.h"
#include "keymaps/keymap.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct keymap *km;
static struct buf told;

static void tell(void *user, const char *text)
{
	buf_fmt(&told, "%s\n", text);
}

static void setup(void)
{
	km = keymap_new();
	buf_reset(&told);
}

static void teardown(void)
{
	keymap_free(km);
	buf_free(&told);
}

static int load(const char *text)
{
	return keymap_load_text(km, "keys", text, tell, NULL);
}

/* The command that a sequence leads to; -1: more keys are wanted, 0: none. */
static int at(enum keymap_view v, const char *seq)
{
	const struct keymap_binding *b;
	uint32_t keys[KEY_SEQ_MAX];
	size_t n = key_parse_seq(seq, keys);

	ck_assert_uint_gt(n, 0);
	switch (keymap_lookup(km, v, keys, n, &b)) {
	case KEYMAP_HIT:
		return (int)b->command;
	case KEYMAP_PREFIX:
		return -1;
	case KEYMAP_MISS:
		break;
	}
	return 0;
}

START_TEST(keys_have_names)
{
	static const struct {
		const char *written, *shown;
	} cases[] = {
	    {"j", "j"},
	    {"gg", "gg"},
	    {"<Ctrl-d>", "Ctrl-d"},
	    {"<ctrl-D>", "Ctrl-d"},
	    {"<Ctrl-x><Ctrl-c>", "Ctrl-x Ctrl-c"},
	    {"<Enter>", "Enter"},
	    {"<Ctrl-m>", "Enter"},
	    {"<Space>", "Space"},
	    {"<lt>", "<"},
	    {"<Alt-x>", "Alt-x"},
	    {"<Alt-Up>", "Alt-Up"},
	    {"<F1>", "F1"},
	    {"<F12>", "F12"},
	    {"<Ctrl-]>d", "Ctrl-]d"},
	    {"\xc3\xa9", "\xc3\xa9"},
	    {"#", "#"},
	    {">", ">"},
	};
	static const char *const wrong[] = {
	    "",	     "<",  "<Foo>",    "<F13>", "<F0>",		"\x01",	      "\xc3",
	    "abcde", "<>", "<Ctrl-1>", " ",	"\xe2\x80\xae", "<Alt-Alt-x>"};
	uint32_t keys[KEY_SEQ_MAX];
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = key_parse_seq(cases[i].written, keys);

		ck_assert_msg(n > 0, "%s", cases[i].written);
		ck_assert_str_eq(key_seq_text(keys, n, text, sizeof(text)), cases[i].shown);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!key_parse_seq(wrong[i], keys), "%s", wrong[i]);
}
END_TEST

START_TEST(views_win_over_generic)
{
	ck_assert_int_eq(load("bind generic j down\nbind log j up\nbind generic x quit\n"
			      "bind log xy back\nbind feed gg first\n"),
			 0);
	ck_assert_int_eq(at(KEYMAP_JAILS, "j"), CMD_DOWN);
	ck_assert_int_eq(at(KEYMAP_LOG, "j"), CMD_UP);
	ck_assert_int_eq(at(KEYMAP_JAILS, "x"), CMD_QUIT);
	ck_assert_int_eq(at(KEYMAP_LOG, "x"), -1);
	ck_assert_int_eq(at(KEYMAP_LOG, "xy"), CMD_BACK);
	ck_assert_int_eq(at(KEYMAP_FEED, "g"), -1);
	ck_assert_int_eq(at(KEYMAP_FEED, "gg"), CMD_FIRST);
	ck_assert_int_eq(at(KEYMAP_FEED, "gx"), 0);
	ck_assert_int_eq(at(KEYMAP_LOG, "gg"), 0);
}
END_TEST

START_TEST(comments_blanks_arguments)
{
	const struct keymap_binding *b;
	uint32_t key = 'R';

	ck_assert_int_eq(load("# a comment\n\n  \t\n  bind\tfeed R toggle  reads  # why\r\n"
			      "bind generic # mark # the key is a hash\nbind generic <Up> up"),
			 0);
	ck_assert_int_eq(keymap_lookup(km, KEYMAP_FEED, &key, 1, &b), KEYMAP_HIT);
	ck_assert_str_eq(b->args, "reads");
	ck_assert_uint_eq(b->line, 4);
	ck_assert_str_eq(b->file, "keys");
	ck_assert_int_eq(at(KEYMAP_JAILS, "#"), CMD_MARK);
	ck_assert_int_eq(at(KEYMAP_JAILS, "<Up>"), CMD_UP);
}
END_TEST

START_TEST(errors_say_where)
{
	ck_assert_int_eq(load("bind generic x chekpoint\n"
			      "bind nowhere x quit\n"
			      "bind generic <Foo> quit\n"
			      "bind generic\n"
			      "bnid generic x quit\n"
			      "bind generic y down 5\n"
			      "unbind generic\n"
			      "include\n"
			      "include /nonexistent/keys\n"
			      "bind generic ok quit\n"),
			 9);
	ck_assert_str_eq(
	    buf_cstr(&told),
	    "keys:1: unknown command chekpoint: the help view lists them\n"
	    "keys:2: unknown view nowhere: write generic, jails, feed, log, diff, ...\n"
	    "keys:3: no key: <Foo>: write for instance x, <Enter>, <Ctrl-d>, <F1>\n"
	    "keys:4: bind lacks something: write bind VIEW KEY COMMAND\n"
	    "keys:5: unknown word bnid: write bind, unbind or include\n"
	    "keys:6: down takes no argument: remove 5\n"
	    "keys:7: unbind takes a view and a key: write unbind VIEW KEY\n"
	    "keys:8: include takes one file: write include FILE\n"
	    "keys:9: include /nonexistent/keys: No such file or directory: check the name\n");
	ck_assert_int_eq(at(KEYMAP_JAILS, "ok"), CMD_QUIT);
}
END_TEST

START_TEST(conflicts_in_one_file)
{
	ck_assert_int_eq(load("bind generic x quit\nbind generic x back\n"
			      "bind generic xy back\nbind log x back\nbind log gg first\n"
			      "bind log g last\n"),
			 3);
	ck_assert_str_eq(buf_cstr(&told),
			 "keys:2: x is bound in line 1 already: keep one of the two\n"
			 "keys:3: x is bound in line 1 already: keep one of the two\n"
			 "keys:6: gg is bound in line 5 already: keep one of the two\n");
	ck_assert_int_eq(at(KEYMAP_JAILS, "x"), CMD_QUIT);
	/* another file may */
	ck_assert_int_eq(keymap_load_text(km, "mine", "bind generic xy back\n", tell, NULL), 0);
	ck_assert_int_eq(at(KEYMAP_JAILS, "x"), -1);
	ck_assert_int_eq(at(KEYMAP_JAILS, "xy"), CMD_BACK);
}
END_TEST

START_TEST(unbind_and_statements)
{
	struct err e;

	ck_assert_int_eq(load("bind generic x quit\nbind log x back\nbind log y back\n"), 0);
	ck_assert_int_eq(keymap_statement(km, "unbind log x", &e), 0);
	ck_assert_int_eq(at(KEYMAP_LOG, "x"), CMD_QUIT);
	ck_assert_int_eq(keymap_statement(km, "bind log x up", &e), 0);
	ck_assert_int_eq(keymap_statement(km, "bind log x down", &e), 0);
	ck_assert_int_eq(at(KEYMAP_LOG, "x"), CMD_DOWN);
	ck_assert_int_eq(keymap_statement(km, "bind log x nothing", &e), -EINVAL);
	ck_assert_str_eq(e.text, "unknown command nothing: the help view lists them");
	ck_assert_int_eq(keymap_statement(km, "unbind * x", &e), 0);
	ck_assert_int_eq(at(KEYMAP_LOG, "x"), 0);
	ck_assert_int_eq(at(KEYMAP_LOG, "y"), CMD_BACK);
	ck_assert_int_eq(keymap_statement(km, "unbind * *", &e), 0);
	ck_assert_int_eq(at(KEYMAP_LOG, "y"), 0);
}
END_TEST

START_TEST(includes)
{
	char dir[] = "/tmp/gaol-keys-XXXXXX", path[64], loop[64];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/keys", dir);
	snprintf(loop, sizeof(loop), "%s/loop", dir);
	ck_assert_int_eq(
	    file_replace_at(-100, path, "include default\nbind jails j quit\n", 33, 0600, false),
	    0);
	ck_assert_int_eq(file_replace_at(-100, loop, "include loop\n", 13, 0600, false), 0);
	ck_assert_int_eq(keymap_load_file(km, path, tell, NULL), 0);
	ck_assert_int_eq(at(KEYMAP_JAILS, "j"), CMD_QUIT);
	ck_assert_int_eq(at(KEYMAP_LOG, "j"), CMD_DOWN);
	ck_assert_int_eq(keymap_load_file(km, loop, tell, NULL), 1);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&told), "files include each other"));
	unlink(path);
	ck_assert_int_eq(keymap_load_file(km, path, tell, NULL), -ENOENT);
	unlink(loop);
	rmdir(dir);
}
END_TEST

static bool reachable(void *user, const struct keymap_binding *b)
{
	bool *seen = user;

	seen[b->command] = true;
	return true;
}

/* The map that is compiled in has no bad line, and a key for every command. */
START_TEST(builtin_default)
{
	bool seen[CMD_COUNT] = {false};
	char text[32];
	const struct keymap_binding *b;

	ck_assert_int_eq(keymap_load_builtin(km, "default", tell, NULL), 0);
	ck_assert_str_eq(buf_cstr(&told), "");
	ck_assert_int_eq(keymap_load_builtin(km, "nosuch", tell, NULL), -ENOENT);
	keymap_each(km, reachable, seen);
	for (int id = CMD_NONE + 1; id < CMD_COUNT; id++)
		/* those two make keys */
		if (id != CMD_BIND && id != CMD_UNBIND)
			ck_assert_msg(seen[id], "%s", command_get((enum command_id)id)->name);
	b = keymap_key_of(km, KEYMAP_FEED, CMD_TOGGLE, "pause");
	ck_assert_ptr_nonnull(b);
	ck_assert_str_eq(key_seq_text(b->keys, b->nkeys, text, sizeof(text)), "Space");
	/* taken by the feed itself */
	ck_assert_ptr_null(keymap_key_of(km, KEYMAP_FEED, CMD_MARK, NULL));
	ck_assert_ptr_null(keymap_key_of(km, KEYMAP_LOG, CMD_REMOVE, NULL));
}
END_TEST

static bool remember(void *user, const struct keymap_binding *b)
{
	char text[64];

	buf_fmt(user, "unbind %s %s\n", keymap_view_name(b->view),
		key_seq_text(b->keys, b->nkeys, text, sizeof(text)));
	return true;
}

/* The other maps have no bad line either; each leads out, and nothing of it is for ever. */
START_TEST(other_builtin_maps)
{
	struct buf all = {0};
	size_t n = 0;

	for (const struct keymap_builtin *k = keymap_builtins; k->name; k++, n++) {
		struct keymap *one = keymap_new();

		ck_assert_int_eq(keymap_load_builtin(one, k->name, tell, NULL), 0);
		ck_assert_str_eq(buf_cstr(&told), "");
		for (int v = 0; v < KEYMAP_VIEWS; v++) {
			static const enum command_id needed[] = {CMD_QUIT,   CMD_BACK, CMD_HELP,
								 CMD_PROMPT, CMD_DOWN, CMD_UP};

			for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
				if (v != KEYMAP_HELP || needed[i] != CMD_HELP)
					ck_assert_msg(keymap_key_of(one, (enum keymap_view)v,
								    needed[i], NULL),
						      "%s: %s in %s", k->name,
						      command_get(needed[i])->name,
						      keymap_view_name((enum keymap_view)v));
		}
		ck_assert_int_eq(keymap_load_text(one, "none", "unbind * *\n", tell, NULL), 0);
		keymap_each(one, remember, &all);
		ck_assert_uint_eq(all.len, 0);
		keymap_free(one);
	}
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(keymap_load_builtin(km, "emacs", tell, NULL), 0);
	ck_assert_int_eq(at(KEYMAP_JAILS, "<Alt-gt>"), CMD_LAST);
	ck_assert_int_eq(at(KEYMAP_JAILS, "<Ctrl-x><Ctrl-c>"), CMD_QUIT);
	ck_assert_int_eq(keymap_load_builtin(km, "vi", tell, NULL), 0);
	ck_assert_int_eq(at(KEYMAP_JAILS, "g"), -1);
	ck_assert_int_eq(at(KEYMAP_JAILS, "gg"), CMD_FIRST);
	buf_free(&all);
}
END_TEST

struct each_key {
	struct keymap_binding b[512];
	size_t n;
};

static bool take_binding(void *user, const struct keymap_binding *b)
{
	struct each_key *all = user;

	ck_assert_uint_lt(all->n, 512);
	all->b[all->n++] = *b;
	return true;
}

/* Every default alone: unbound it leads nowhere in its view, bound anew to the other command. */
START_TEST(every_default_can_be_changed)
{
	struct each_key all = {.n = 0};
	const struct keymap_binding *b;
	struct err e;

	ck_assert_int_eq(keymap_load_builtin(km, "default", tell, NULL), 0);
	keymap_each(km, take_binding, &all);
	ck_assert_uint_gt(all.n, 50);
	for (size_t i = 0; i < all.n; i++) {
		struct keymap_binding *k = &all.b[i];
		struct keymap *one = keymap_new();
		char keys[64] = "", line[128];

		for (size_t j = 0; j < k->nkeys; j++) {
			char name[32], word[40];
			uint32_t cp;

			key_seq_text(&k->keys[j], 1, name, sizeof(name));
			snprintf(word, sizeof(word),
				 key_parse(name, &cp) && !name[1] ? "%s" : "<%s>",
				 strcmp(name, "<") ? name : "lt");
			strcat(keys, word);
		}
		keymap_load_builtin(one, "default", tell, NULL);
		snprintf(line, sizeof(line), "unbind %s %s", keymap_view_name(k->view), keys);
		ck_assert_int_eq(keymap_statement(one, line, &e), 0);
		if (keymap_lookup(one, k->view, k->keys, k->nkeys, &b) == KEYMAP_HIT)
			ck_assert_msg(b->view != k->view, "%s", line);
		snprintf(line, sizeof(line), "bind %s %s suspend", keymap_view_name(k->view), keys);
		ck_assert_int_eq(keymap_statement(one, line, &e), 0);
		ck_assert_int_eq(keymap_lookup(one, k->view, k->keys, k->nkeys, &b), KEYMAP_HIT);
		ck_assert_int_eq(b->command, CMD_SUSPEND);
		keymap_free(one);
	}
}
END_TEST

START_TEST(commands_are_whole)
{
	size_t matches;

	for (int id = CMD_NONE + 1; id < CMD_COUNT; id++) {
		const struct command *c = command_get((enum command_id)id);

		ck_assert_msg(c->name && c->help, "command %d", id);
		ck_assert_int_eq(command_find(c->name, strlen(c->name)), id);
		ck_assert_int_lt(c->group, GROUP_COUNT);
	}
	ck_assert_int_eq(command_find("nosuch", 6), CMD_NONE);
	ck_assert_int_eq(command_find_prefix("ch", 2, &matches), CMD_CHECKPOINT);
	ck_assert_uint_eq(matches, 1);
	ck_assert_int_eq(command_find_prefix("re", 2, &matches), CMD_NONE);
	ck_assert_uint_gt(matches, 1);
	ck_assert_int_eq(command_find_prefix("search", 6, &matches), CMD_SEARCH);
	ck_assert_int_eq(command_find_prefix("", 0, &matches), CMD_NONE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keymap");
	TCase *tc = tcase_create("keymap");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, keys_have_names);
	tcase_add_test(tc, views_win_over_generic);
	tcase_add_test(tc, comments_blanks_arguments);
	tcase_add_test(tc, errors_say_where);
	tcase_add_test(tc, conflicts_in_one_file);
	tcase_add_test(tc, unbind_and_statements);
	tcase_add_test(tc, includes);
	tcase_add_test(tc, builtin_default);
	tcase_add_test(tc, other_builtin_maps);
	tcase_add_test(tc, every_default_can_be_changed);
	tcase_add_test(tc, commands_are_whole);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
