/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines that were typed: commands of the `:` prompt, their completion, answers to what was asked. */
#include "tui/app_int.h"
#include "tui/cli/cli.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16 /* of a line that is completed */

/* A verb of the command line that has no command of its own here. */
static const struct verb *find_verb(const char *word, size_t n)
{
	char *name = xasprintf("%.*s", (int)n, word);
	const struct verb *v = command_find(word, n) == CMD_NONE ? cli_find(name) : NULL;

	free(name);
	return v && !(v->flags & VERB_INTERNAL) ? v : NULL;
}

void act_line(struct app *a, const char *line)
{
	size_t n, matches;
	enum command_id c;
	const char *args;
	char *copy;

	line += strspn(line, " \t:");
	n = strcspn(line, " \t");
	if (!n)
		return;
	if (find_verb(line, n)) {
		act(a, CMD_VERB, line);
		return;
	}
	/* vi's fingers */
	if (n == 1 && *line == 'q')
		c = CMD_QUIT;
	else
		c = command_find_prefix(line, n, &matches);
	if (c == CMD_NONE) {
		app_fail(a,
			 matches ? "%.*s could be several commands: type more of it"
				 : "unknown command %.*s: ? lists them",
			 (int)n, line);
		return;
	}
	args = line + n + strspn(line + n, " \t");
	copy = xstrdup(args);
	for (n = strlen(copy); n && isspace((unsigned char)copy[n - 1]); n--)
		copy[n - 1] = '\0';
	act(a, c, copy);
	free(copy);
}

/* completion */

struct adding {
	void (*add)(void *to, const char *word);
	void *to;
};

static void add_cli(void *user, const char *word, const char *about)
{
	const struct adding *k = user;

	k->add(k->to, word);
}

/* What the shell would offer behind the words. */
static void complete_verb(struct app *a, const char *const *words, int n, struct adding *k)
{
	struct cli c = {.places = *a->opt->places};

	cli_complete(&c, n, (char **)(uintptr_t)words, n, add_cli, k);
}

/* The words of an argument's pattern that stand for themselves: "box|app". */
static void complete_words(const char *words, struct adding *k)
{
	char word[64];

	while (*words) {
		size_t n = strcspn(words, "|[] ");

		if (n && n < sizeof(word)) {
			snprintf(word, sizeof(word), "%.*s", (int)n, words);
			if (strcspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == n)
				k->add(k->to, word);
		}
		words += n;
		words += strspn(words, "|[] ");
	}
}

/* Checkpoints of the jail that is meant. */
static void complete_ids(struct app *a, enum command_id c, struct adding *k)
{
	struct target t = {0};
	struct view *v = app_focus(a);
	const char *words[] = {"gaol", "rollback", t.jail, NULL};

	if (v->ops->target && v->ops->target(v, c, &t, NULL) && *t.jail)
		complete_verb(a, words, 3, k);
}

static void complete_command(struct app *a, enum command_id c, struct adding *k)
{
	const char *args = command_get(c)->args;

	if (!args)
		return;
	for (size_t i = 0; strstr(args, "JAIL") && i < model_count(a->model); i++)
		k->add(k->to, model_at(a->model, i)->name);
	if (strstr(args, "[ID]") || strstr(args, "[A "))
		complete_ids(a, c, k);
	complete_words(args, k);
}

/* Cuts copy at blanks, behind "gaol". */
static int cut(char *copy, const char *words[WORDS_MAX])
{
	int n = 1;
	char *word;

	words[0] = "gaol";
	while (n < WORDS_MAX - 1 && (word = strsep(&copy, " \t")))
		if (*word)
			words[n++] = word;
	words[n] = NULL;
	return n;
}

void line_complete(void *user, const char *line, size_t start,
		   void (*add)(void *to, const char *word), void *to)
{
	struct app *a = user;
	struct adding k = {.add = add, .to = to};
	const char *words[WORDS_MAX];
	char *copy = xasprintf("%.*s", (int)start, line);
	int n = cut(copy, words);
	bool plain = a->asked_for == CMD_VERB;
	enum command_id c;

	if (n == 1) {
		for (int id = CMD_NONE + 1; !plain && id < CMD_COUNT; id++)
			add(to, command_get((enum command_id)id)->name);
		for (size_t i = 0; cli_verbs[i]; i++)
			if (plain || find_verb(cli_verbs[i]->name, strlen(cli_verbs[i]->name)))
				add(to, cli_verbs[i]->name);
	} else if (plain || find_verb(words[1], strlen(words[1]))) {
		complete_verb(a, words, n, &k);
	} else if ((c = command_find_prefix(words[1], strlen(words[1]), NULL)) == CMD_VERB) {
		complete_verb(a, words + 1, n - 1, &k);
	} else if (c != CMD_NONE) {
		complete_command(a, c, &k);
	}
	free(copy);
}

/* answers */

static void prompted_checkpoint(struct app *a, const char *text)
{
	struct view *v = app_top(a);

	if (*a->asked_jail)
		op_begin(a, CMD_CHECKPOINT, a->asked_jail, text);
	else
		for (size_t i = 0; v->ops->marked && v->ops->marked(v, i); i++)
			op_begin(a, CMD_CHECKPOINT, v->ops->marked(v, i), text);
}

static void prompted_new(struct app *a, const char *text)
{
	char name[JAIL_NAME_MAX + 2];
	size_t n = strcspn(text, " ");

	if (!n)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)n, text);
	op_begin(a, CMD_NEW, name, text + n + strspn(text + n, " "));
}

void act_prompted(struct app *a, enum command_id c, const char *text)
{
	switch (c) {
	case CMD_PROMPT:
		act_line(a, text);
		break;
	case CMD_SEARCH:
		if (*text)
			act(a, CMD_SEARCH, text);
		else
			view_set_search(app_focus(a), NULL);
		break;
	case CMD_FILTER:
		view_set_filter(app_focus(a), text);
		break;
	case CMD_COPY:
		if (*text)
			copy_begin(a, text);
		break;
	case CMD_VERB:
		if (*text)
			foreground_begin(a, text);
		break;
	case CMD_CHECKPOINT:
		prompted_checkpoint(a, text);
		break;
	case CMD_NEW:
		prompted_new(a, text);
		break;
	default:
		break;
	}
}
