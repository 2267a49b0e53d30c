/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys: to the prompt, to a question, or through the map of keys to commands. */
#include "tui/app_int.h"
#include <stdio.h>
#include <string.h>

static void to_command(struct app *a, uint32_t key)
{
	const struct keymap_binding *b;
	char text[64];

	if (a->nkeys == KEY_SEQ_MAX)
		a->nkeys = 0;
	a->keys[a->nkeys++] = key;
	switch (keymap_lookup(a->keymap, app_focus(a)->ops->keys, a->keys, a->nkeys, &b)) {
	case KEYMAP_PREFIX:
		return;
	case KEYMAP_HIT:
		a->nkeys = 0;
		/* what was said stays while one only looks around */
		if (!(command_get(b->command)->flags & CMD_MOVES))
			a->message[0] = '\0';
		act(a, b->command, b->args);
		return;
	case KEYMAP_MISS:
		key_seq_text(a->keys, a->nkeys, text, sizeof(text));
		snprintf(a->message, sizeof(a->message), "%s is not bound here", text);
		a->message_style = STYLE_DIM;
		a->nkeys = 0;
	}
}

/* The view that has the keys is asked first, but not within a sequence. */
static void to_view(struct app *a, uint32_t key)
{
	struct view *v = app_focus(a);
	enum view_key_use use = VIEW_KEY_MAP;

	if (v->ops->key && !a->nkeys)
		use = v->ops->key(v, key);
	if (use == VIEW_KEY_MAP)
		to_command(a, key);
	else if (use == VIEW_KEY_LEAVE)
		app_leave(a);
}

void input_ready(struct app *a)
{
	uint32_t key;

	/* an attach takes the terminal away in the middle */
	while (!a->attach && !a->foreground && !a->leaving && (key = screen_key(a->screen)) != K_NONE) {
		if (key == SCREEN_MOUSE) {
			struct screen_mouse m = screen_mouse(a->screen);

			mouse_event(a, &m);
		} else if (prompt_is_open(a->prompt))
			prompt_key(a->prompt, key);
		else if (a->ask.open)
			ask_answer(a, key);
		else
			to_view(a, key);
		a->dirty = a->urgent = true;
		a->keyed = loop_now_ms();
	}
}

static void prompt_done(void *user, const char *line)
{
	struct app *a = user;

	a->dirty = true;
	if (a->asked_for == CMD_SEARCH && !line)
		view_set_search(app_focus(a), NULL);
	if (!line)
		return;
	act_prompted(a, a->asked_for, line);
}

/* A search shows its first hit while it is typed. */
static void prompt_typing(void *user, const char *line)
{
	struct app *a = user;
	struct view *v = app_focus(a);

	a->dirty = true;
	if (a->asked_for == CMD_SEARCH)
		view_set_search(v, line);
}

void input_prompt(struct app *a, enum command_id c, const char *label, const char *text)
{
	struct prompt_ops ops = {.done = prompt_done, .typing = prompt_typing, .user = a};
	enum prompt_kind kind = c == CMD_PROMPT || c == CMD_VERB     ? PROMPT_COMMAND
				: c == CMD_SEARCH || c == CMD_FILTER ? PROMPT_SEARCH
								     : PROMPT_TEXT;

	ops.files = c == CMD_COPY;
	if (kind == PROMPT_COMMAND)
		ops.complete = line_complete;
	a->asked_for = c;
	prompt_open(a->prompt, kind, label, text, &ops);
}
