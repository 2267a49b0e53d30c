/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two views on the journal: what was said, and the command line for each key. */
#include "views/journal.h"
#include "views/view.h"
#include "views/words.h"
#include <string.h>

static enum journal_list list_of(const struct view *v)
{
	return v->ops == &commands_view ? JOURNAL_COMMANDS : JOURNAL_MESSAGES;
}

static void update(struct view *v)
{
	uint64_t end = journal_end(v->env->journal, list_of(v));

	if (end != v->end)
		env_dirty(v->env);
	v->first = journal_first(v->env->journal, list_of(v));
	v->end = end;
}

static int open_list(struct view *v, const struct target *t, struct err *e)
{
	update(v);
	v->follow = true;
	return 0;
}

static void close_list(struct view *v)
{
}

static void title(struct view *v, struct row *out)
{
	row_str(out, STYLE_STRONG, v->ops == &commands_view ? "command log" : "messages");
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct journal_entry *e = journal_at(v->env->journal, list_of(v), pos);
	char clock[16];

	row_fmt(out, STYLE_DIM, " %s  ", words_clock(e->time * 1000000000, clock, sizeof(clock)));
	row_add(out, e->kind == JOURNAL_FAILED ? STYLE_BAD : STYLE_TEXT, e->text, strlen(e->text));
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	if (i == 0)
		row_str(out, STYLE_DIM,
			v->ops == &commands_view ? " Nothing was done yet."
						 : " Nothing was said yet.");
	return i == 0;
}

static const enum command_id hints[] = {CMD_SEARCH, CMD_FILTER, CMD_BACK, CMD_NONE};

const struct view_ops messages_view = {
    .name = "messages",
    .keys = KEYMAP_MESSAGES,
    .open = open_list,
    .close = close_list,
    .title = title,
    .row = row,
    .empty = empty,
    .tick = update,
    .hints = hints,
};

const struct view_ops commands_view = {
    .name = "commands",
    .keys = KEYMAP_COMMANDS,
    .open = open_list,
    .close = close_list,
    .title = title,
    .row = row,
    .empty = empty,
    .tick = update,
    .hints = hints,
};
