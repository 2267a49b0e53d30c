/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and commands, made from the command table and the map of keys that is in force. */
#include "views/view.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { LINE_BLANK, LINE_SECTION, LINE_COMMAND, LINE_BINDING, LINE_TEXT };

struct line {
	enum kind kind;
	const char *text;
	enum command_id command;
	enum keymap_view view;
	struct keymap_binding binding;
};

struct help {
	struct line *lines;
	size_t n, cap;
	enum keymap_view from; /* the view that was asked in */
	size_t keys_cols;      /* what most keys of a command need */
};

static struct line *add(struct help *h, enum kind kind)
{
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 128;
		h->lines = xrealloc(h->lines, h->cap * sizeof(*h->lines));
	}
	h->lines[h->n] = (struct line){.kind = kind};
	return &h->lines[h->n++];
}

static void section(struct help *h, const char *text)
{
	if (h->n)
		add(h, LINE_BLANK);
	add(h, LINE_SECTION)->text = text;
}

struct collect {
	struct help *help;
	enum keymap_view view;
	bool any;
};

/* Bindings of one view alone; the map may change while help is open, so they are copied. */
static bool own_binding(void *user, const struct keymap_binding *b)
{
	struct collect *c = user;
	struct line *l;

	if (b->view != c->view)
		return true;
	if (!c->any)
		section(c->help, keymap_view_name(c->view));
	c->any = true;
	l = add(c->help, LINE_BINDING);
	l->command = b->command;
	l->view = c->view;
	l->binding = *b;
	l->binding.args = xstrdup(b->args);
	return true;
}

static void forget(struct help *h)
{
	for (size_t i = 0; i < h->n; i++)
		free((char *)h->lines[i].binding.args);
	h->n = 0;
}

/* All keys that lead to a command outside of views with their own. */
struct keys {
	enum command_id command;
	char text[64];
	size_t n;
};

static bool generic_key(void *user, const struct keymap_binding *b)
{
	struct keys *k = user;
	char one[48];

	if (b->view != KEYMAP_GENERIC || b->command != k->command || *b->args)
		return true;
	key_seq_text(b->keys, b->nkeys, one, sizeof(one));
	if (k->n + strlen(one) + 3 < sizeof(k->text))
		k->n += (size_t)snprintf(k->text + k->n, sizeof(k->text) - k->n, "%s%s",
					 k->n ? "  " : "", one);
	return true;
}

/* A command that only some views have a key for: that one. */
static bool any_key(void *user, const struct keymap_binding *b)
{
	struct keys *k = user;

	if (b->command != k->command || *b->args)
		return true;
	key_seq_text(b->keys, b->nkeys, k->text, sizeof(k->text) - 16);
	k->n = strlen(k->text);
	k->n += (size_t)snprintf(k->text + k->n, sizeof(k->text) - k->n, " (%s)",
				 keymap_view_name(b->view));
	return false;
}

#define KEYS_COLS 18 /* at least, where there is room, */
#define KEYS_MOST 32 /* and at most */

static void keys_of(struct view *v, const struct line *l, struct keys *keys)
{
	*keys = (struct keys){.command = l->command};
	if (l->kind == LINE_BINDING)
		key_seq_text(l->binding.keys, l->binding.nkeys, keys->text, sizeof(keys->text));
	else
		keymap_each(v->env->keymap, generic_key, keys);
	if (!keys->n && l->kind != LINE_BINDING)
		keymap_each(v->env->keymap, any_key, keys);
}

/* How wide the column of keys is, for the map that is in force. */
static size_t widest_keys(struct view *v)
{
	const struct help *h = v->state;
	size_t most = KEYS_COLS;

	for (size_t i = 0; i < h->n; i++) {
		struct keys keys;

		if (h->lines[i].kind != LINE_COMMAND && h->lines[i].kind != LINE_BINDING)
			continue;
		keys_of(v, &h->lines[i], &keys);
		if (strlen(keys.text) > most)
			most = strlen(keys.text);
	}
	return most < KEYS_MOST ? most : KEYS_MOST;
}

static void fill(struct view *v)
{
	/* what a new hand looks for comes first: everybody can move */
	static const enum command_group order[GROUP_COUNT] = {GROUP_STEER, GROUP_GO, GROUP_LOOK,
							      GROUP_MOVE, GROUP_PROGRAM};
	struct help *h = v->state;

	forget(h);
	for (size_t i = 0; i < GROUP_COUNT; i++) {
		section(h, command_group_name(order[i]));
		for (int id = CMD_NONE + 1; id < CMD_COUNT; id++)
			if (command_get((enum command_id)id)->group == order[i])
				add(h, LINE_COMMAND)->command = (enum command_id)id;
	}
	for (int view = KEYMAP_GENERIC + 1; view < KEYMAP_VIEWS; view++) {
		struct collect c = {.help = h, .view = (enum keymap_view)view};

		keymap_each(v->env->keymap, own_binding, &c);
	}
	h->keys_cols = widest_keys(v);
	v->first = 0;
	v->end = h->n;
	view_stale(v);
}

static int open_help(struct view *v, const struct target *t, struct err *e)
{
	fill(v);
	return 0;
}

static void close_help(struct view *v)
{
	struct help *h = v->state;

	forget(h);
	free(h->lines);
}

static void title(struct view *v, struct row *out)
{
	row_str(out, STYLE_STRONG, "help");
}

static void info(struct view *v, struct row *out)
{
	row_str(out, STYLE_DIM, "gaol " GAOL_VERSION);
}

#define NAME_COLS 22

static void command_row(struct view *v, const struct line *l, const struct look *k, struct row *out)
{
	const struct command *c = command_get(l->command);
	const struct help *h = v->state;
	struct keys keys;
	char name[64];

	keys_of(v, l, &keys);
	row_str(out, STYLE_TEXT, " ");
	row_str(out, STYLE_KEY, keys.text);
	row_to(out, 1 + (k->width < 60 ? 10 : h->keys_cols));
	snprintf(name, sizeof(name), "%s%s%s", c->name,
		 l->kind == LINE_BINDING ? (*l->binding.args ? " " : "") : (c->args ? " " : ""),
		 l->kind == LINE_BINDING ? l->binding.args : (c->args ? c->args : ""));
	row_str(out, STYLE_TEXT, " ");
	row_field(out, STYLE_TEXT, k->width < 60 ? 14 : NAME_COLS, name, strlen(name));
	row_str(out, STYLE_TEXT, " ");
	row_str(out, STYLE_DIM, c->help);
	if (c->cli && l->kind == LINE_COMMAND) {
		row_str(out, STYLE_TEXT, "  ");
		row_str(out, STYLE_ID, c->cli);
	}
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct help *h = v->state;
	const struct line *l = &h->lines[pos];

	switch (l->kind) {
	case LINE_SECTION:
		row_str(out, STYLE_TEXT, " ");
		row_str(out, STYLE_HEAD, l->text);
		if (strchr("abcdefghijklmnopqrstuvwxyz", l->text[0]))
			row_str(out, STYLE_HEAD, " view only");
		break;
	case LINE_COMMAND:
	case LINE_BINDING:
		command_row(v, l, k, out);
		break;
	case LINE_BLANK:
	case LINE_TEXT:
		break;
	}
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	const struct help *h = v->state;
	int dir = c == CMD_NEXT_PART ? 1 : -1;

	if (c == CMD_REFRESH) {
		fill(v);
		return true;
	}
	if (c != CMD_NEXT_PART && c != CMD_PREV_PART)
		return false;
	for (size_t i = view_cursor(v) + (size_t)dir; i < view_count(v); i += (size_t)dir) {
		if (h->lines[view_pos(v, i)].kind == LINE_SECTION) {
			view_go(v, i);
			break;
		}
	}
	return true;
}

static const enum command_id hints[] = {CMD_SEARCH, CMD_FILTER, CMD_NEXT_PART, CMD_BACK, CMD_NONE};

const struct view_ops help_view = {
    .name = "help",
    .keys = KEYMAP_HELP,
    .size = sizeof(struct help),
    .open = open_help,
    .close = close_help,
    .title = title,
    .info = info,
    .row = row,
    .command = command,
    .hints = hints,
};
