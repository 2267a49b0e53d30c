/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One set of words: help, manual page, completion, keys and the `:` line know the same verbs,
 * options and commands, and each of them can be reached every way.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "keymaps/keymap.h"
#include "tui/cli/cli.h"
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static char *man; /* man/gaol.1 */

static bool has_line(const char *text, const char *line)
{
	char *whole = xasprintf("\n%s\n", line);
	bool has = strstr(text, whole) != NULL;

	free(whole);
	return has;
}

/* What a function prints. To be freed. */
static char *printed(void (*fn)(const struct verb *v, FILE *f), const struct verb *v)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	fputc('\n', f);
	fn(v, f);
	fclose(f);
	return text;
}

static void all_help(const struct verb *v, FILE *f)
{
	cli_help_all(f);
}

static void one_help(const struct verb *v, FILE *f)
{
	cli_help_verb(v, f);
}

static void offered(void *user, const char *word, const char *about)
{
	struct buf *b = user;

	buf_fmt(b, "%s\n", word);
}

/* "\nWORD\nWORD\n": the completions behind words. */
static char *completions(const char *verb, const char *begun)
{
	const char *words[] = {"gaol", verb ? verb : begun, begun, NULL};
	struct cli c = {0};
	struct buf b = {0};

	buf_ch(&b, '\n');
	cli_complete(&c, verb ? 2 : 1, (char **)(uintptr_t)words, verb ? 3 : 2, offered, &b);
	return buf_take(&b);
}

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

START_TEST(verbs_are_the_same_everywhere)
{
	char *help = printed(all_help, NULL), *words = completions(NULL, "");
	size_t shown = 0, sections = 0;

	for (size_t i = 0; cli_verbs[i]; i++) {
		const struct verb *v = cli_verbs[i];
		char *head = xasprintf("\n  %-11s ", v->name);
		char *section = xasprintf(".Ss gaol %s", v->name);
		bool public = !(v->flags & VERB_INTERNAL);

		ck_assert_msg((strstr(help, head) != NULL) == public, "%s: help", v->name);
		ck_assert_msg(has_line(man, section) == public, "%s: manual page", v->name);
		ck_assert_msg(has_line(words, v->name) == public, "%s: completion", v->name);
		shown += public;
		free(head);
		free(section);
	}
	for (const char *p = man; (p = strstr(p, "\n.Ss gaol ")); p++)
		sections++;
	ck_assert_uint_eq(sections, shown);
	ck_assert_uint_eq(lines_of(words), shown + 1);
	free(help);
	free(words);
}
END_TEST

START_TEST(options_are_the_same_everywhere)
{
	for (size_t i = 0; cli_verbs[i]; i++) {
		const struct verb *v = cli_verbs[i];
		char *help = printed(one_help, v), *words = completions(v->name, "-");
		size_t n = 1; /* --help */

		for (const struct cli_opt *o = v->opts; o && o->key; o++, n++) {
			char *word = o->name ? xasprintf("--%s", o->name) : xasprintf("-%c", o->key);

			ck_assert_msg(strstr(help, word) != NULL, "%s %s: help", v->name, word);
			ck_assert_msg(has_line(words, word), "%s %s: completion", v->name, word);
			free(word);
		}
		ck_assert_msg(lines_of(words) == n + 1, "%s: completion has more", v->name);
		free(help);
		free(words);
	}
}
END_TEST

struct reach {
	const char *name;
	bool found;
};

/* A key that types the beginning of the command's line will do. */
static bool leads(void *user, const struct keymap_binding *b)
{
	struct reach *r = user;
	size_t n = strlen(r->name);

	r->found |= !strcmp(command_get(b->command)->name, r->name) ||
		    (b->command == CMD_PROMPT && !strncmp(b->args, r->name, n) &&
		     (!b->args[n] || b->args[n] == ' '));
	return !r->found;
}

START_TEST(each_command_has_a_key_in_each_map)
{
	for (const struct keymap_builtin *k = keymap_builtins; k->name; k++) {
		struct keymap *km = keymap_new();

		ck_assert_int_eq(keymap_load_builtin(km, k->name, NULL, NULL), 0);
		for (int id = CMD_NONE + 1; id < CMD_COUNT; id++) {
			struct reach r = {.name = command_get((enum command_id)id)->name};

			keymap_each(km, leads, &r);
			ck_assert_msg(r.found, "%s: no key leads to %s", k->name, r.name);
		}
		keymap_free(km);
	}
}
END_TEST

/* The verb that a command names as its own; NULL: it names none. */
static const struct verb *verb_of(const struct command *c)
{
	char word[32] = "";

	if (c->cli)
		sscanf(c->cli, "gaol %31s", word);
	return *word ? cli_find(word) : NULL;
}

START_TEST(commands_and_verbs_lead_to_each_other)
{
	for (int id = CMD_NONE + 1; id < CMD_COUNT; id++) {
		const struct command *c = command_get((enum command_id)id);
		bool steers = c->flags & CMD_STEERS || c->group == GROUP_STEER;

		/* by `:`, and by no other name's beginning */
		ck_assert_int_eq(command_find_prefix(c->name, strlen(c->name), NULL), id);
		/* whatever acts on jails, or shows one, has its line for scripts */
		if (id != CMD_VERB && (steers || (c->group == GROUP_GO && c->flags & CMD_WANTS_JAIL)))
			ck_assert_msg(verb_of(c) != NULL, "%s: names no verb", c->name);
		if (c->cli && id != CMD_VERB)
			ck_assert_msg(verb_of(c) != NULL, "%s: %s: no such verb", c->name, c->cli);
	}
	for (size_t i = 0; cli_verbs[i]; i++) {
		const char *name = cli_verbs[i]->name;
		enum command_id id = command_find(name, strlen(name));

		/* `:name` runs the verb, where no command has its name; one that has does the same */
		if (id != CMD_NONE)
			ck_assert_msg(verb_of(command_get(id)) == cli_verbs[i],
				      ":%s is not gaol %s", name, name);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("words");
	TCase *t = tcase_create("words");
	SRunner *r = srunner_create(s);
	struct buf text = {0};
	int failed;

	if (file_read_at(AT_FDCWD, "man/gaol.1", 1 << 20, &text)) {
		fprintf(stderr, "man/gaol.1: run this from the top of the tree\n");
		return 1;
	}
	man = buf_take(&text);
	tcase_add_test(t, verbs_are_the_same_everywhere);
	tcase_add_test(t, options_are_the_same_everywhere);
	tcase_add_test(t, each_command_has_a_key_in_each_map);
	tcase_add_test(t, commands_and_verbs_lead_to_each_other);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	free(man);
	return failed ? 1 : 0;
}
