/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions before what cannot be taken back, and their answers: one key is yes, all others no. */
#include "core/text.h"
#include "tui/app_int.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ask_close(struct app *a)
{
	free(a->ask.names);
	free(a->ask.target);
	if (a->ask.draft)
		unlink(a->ask.draft);
	free(a->ask.draft);
	a->ask = (struct ask){0};
}

void ask_kill(struct app *a, char (*names)[JAIL_NAME_MAX + 1], size_t n)
{
	char many[32];

	ask_close(a);
	a->ask =
	    (struct ask){.open = true, .yes = 'x', .command = CMD_KILL, .names = names, .n = n};
	snprintf(many, sizeof(many), "%zu marked jails", n);
	snprintf(a->ask.text, sizeof(a->ask.text),
		 " x kills %s: what %s programs did not sync is lost. Any other key lets %s run",
		 n > 1 ? many : names[0], n > 1 ? "their" : "its", n > 1 ? "them" : "it");
}

void ask_apply(struct app *a, const struct target *t)
{
	char *path = text_escaped(t->path);

	ask_close(a);
	a->ask = (struct ask){.open = true, .yes = 'x', .command = CMD_APPLY};
	a->ask.target = xmalloc(sizeof(*t));
	*a->ask.target = *t;
	snprintf(a->ask.text, sizeof(a->ask.text),
		 " x makes the host's %.300s as %s has it. Any other key leaves the host alone",
		 path, t->jail);
	free(path);
}

/* Who is meant: a name, or how many. */
static void say_kept(struct app *a, const struct ask *ask)
{
	if (ask->command == CMD_SETTINGS) {
		app_say(a, "%s: settings are as they were", ask->names[0]);
		return;
	}
	if (ask->command == CMD_APPLY)
		app_say(a, "the host is as it was");
	else if (ask->n > 1)
		app_say(a, ask->command == CMD_KILL ? "%zu jails run on" : "%zu jails are kept",
			ask->n);
	else
		app_say(a, ask->command == CMD_KILL ? "%s runs on" : "%s is kept", ask->names[0]);
}

void ask_answer(struct app *a, uint32_t key)
{
	struct ask *ask = &a->ask;

	if (key == ask->yes && ask->command == CMD_SETTINGS) {
		struct ask again = *ask;

		a->ask = (struct ask){0};
		edit_settings(a, again.names[0], again.draft);
		free(again.names);
		free(again.draft);
		return;
	}
	if (key != ask->yes)
		say_kept(a, ask);
	else if (ask->command == CMD_APPLY)
		child_apply(a, ask->target);
	for (size_t i = 0; key == ask->yes && i < ask->n; i++)
		op_begin(a, ask->command, ask->names[i], "");
	ask_close(a);
}
