/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of jails. */
#include "views/model.h"
#include "views/pulse.h"
#include "views/tally.h"
#include "views/view.h"
#include "views/words.h"
#include <stdlib.h>
#include <string.h>

#define NAME_MIN 8
#define NAME_MAX_COLS 24
#define STATE_COLS 9
#define CHANGES_COLS 14
#define CHANGES_FROM 72 /* columns of a screen that has room for them */

struct jails {
	char at[JAIL_NAME_MAX + 1]; /* the one under the cursor: rows come and go */
	char (*marked)[JAIL_NAME_MAX + 1];
	size_t nmarked;
	struct tally *tally;
	bool seen; /* was painted since the last tick: counting for nobody is waste */
};

static size_t marked_index(const struct jails *s, const char *name)
{
	size_t i = 0;

	while (i < s->nmarked && strcmp(s->marked[i], name))
		i++;
	return i;
}

static const struct jail_status *at_cursor(struct view *v)
{
	size_t n = model_count(v->env->model);

	if (!n || !view_on_row(v))
		return NULL;
	uint64_t pos = view_pos(v, view_cursor(v));
	return pos < n ? model_at(v->env->model, (size_t)pos) : NULL;
}

static void moved(struct view *v)
{
	struct jails *s = v->state;
	const struct jail_status *st = at_cursor(v);

	if (st)
		memcpy(s->at, st->name, sizeof(s->at));
}

/* The model may have changed: keeps the cursor on its jail. */
static void tick(struct view *v)
{
	struct jails *s = v->state;
	size_t n = model_count(v->env->model), i = 0;

	v->first = 0;
	v->end = n;
	while (i < n && strcmp(model_at(v->env->model, i)->name, s->at))
		i++;
	if (i < n)
		v->cursor = i;
	if (v->filter)
		view_stale(v);
	if (s->seen) {
		tally_tick(s->tally);
		if (v->env->pulse)
			pulse_tick(v->env->pulse);
	}
	s->seen = false;
	env_dirty(v->env);
}

static int open_jails(struct view *v, const struct target *t, struct err *e)
{
	struct jails *s = v->state;

	memcpy(s->at, t->jail, sizeof(s->at));
	s->tally = tally_new(v->env);
	s->seen = true;
	tick(v);
	moved(v);
	return 0;
}

static void close_jails(struct view *v)
{
	struct jails *s = v->state;

	tally_free(s->tally);
	free(s->marked);
}

static void title(struct view *v, struct row *out)
{
	row_str(out, STYLE_STRONG, "jails");
}

static void info(struct view *v, struct row *out)
{
	char text[64];

	if (model_loaded(v->env->model))
		row_str(out, STYLE_DIM, model_summary(v->env->model, text, sizeof(text)));
	else
		row_str(out, STYLE_DIM, "reading");
}

static size_t name_cols(const struct view *v, size_t width)
{
	size_t longest = NAME_MIN, most = width < 60 ? 14 : NAME_MAX_COLS;

	for (size_t i = 0; i < model_count(v->env->model); i++) {
		size_t n = strlen(model_at(v->env->model, i)->name);

		if (n > longest)
			longest = n;
	}
	return longest < most ? longest : most;
}

static void head(struct view *v, const struct look *k, struct row *out)
{
	struct jails *s = v->state;

	s->seen = true;
	row_str(out, STYLE_HEAD, "  ");
	row_field(out, STYLE_HEAD, name_cols(v, k->width), "NAME", 4);
	row_str(out, STYLE_HEAD, "  STATE       UP");
	if (k->width >= 60)
		row_str(out, STYLE_HEAD, "    MEM");
	row_str(out, STYLE_HEAD, "  SAVED");
	row_str(out, STYLE_HEAD, k->width >= 48 ? "   AGO  " : "  AGO");
	if (k->width >= CHANGES_FROM)
		row_field(out, STYLE_HEAD, CHANGES_COLS, "CHANGED", 7);
	if (k->width >= 48)
		row_str(out, STYLE_HEAD, "NOTE");
}

/* The last column: why it is down, what is odd about it, the admin's words. */
static void note(struct view *v, const struct jail_status *st, struct row *out)
{
	if (pulse_hung(v->env->pulse, st->name))
		row_str(out, STYLE_BAD, "not answering ");
	if (st->trusting)
		row_str(out, STYLE_BUSY, "trusting ");
	if (st->throwaway)
		row_str(out, STYLE_DIM, "throw-away ");
	if (st->viewers)
		row_fmt(out, STYLE_DIM, "%d attached ", st->viewers);
	if ((st->state == JAIL_CRASHED || st->state == JAIL_FAILED) && st->reason[0])
		row_add(out, STYLE_BAD, st->reason, strlen(st->reason));
	else
		row_add(out, STYLE_TEXT, st->note, strlen(st->note));
}

/* "+3 ~2 -17": what a checkpoint would save, a rollback undo. */
static void changes(const struct jails *s, const char *jail, struct row *out)
{
	size_t end = out->cols + CHANGES_COLS;
	struct tally_counts c;

	if (tally_get(s->tally, jail, &c)) {
		row_fmt(out, c.added ? STYLE_ADD : STYLE_DIM, "+%u ", c.added);
		row_fmt(out, c.changed ? STYLE_CHANGE : STYLE_DIM, "~%u ", c.changed);
		row_fmt(out, c.deleted ? STYLE_DEL : STYLE_DIM, "-%u", c.deleted);
		if (c.more)
			row_str(out, STYLE_DIM, " more");
	}
	row_to(out, end);
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct jails *s = v->state;
	const struct jail_status *st;
	const char *state;
	char text[16];
	bool up;

	if (pos >= model_count(v->env->model))
		return;
	st = model_at(v->env->model, (size_t)pos);
	up = status_is_up(st) && st->booted;
	state = jail_state_name(st->state);
	if (marked_index(s, st->name) < s->nmarked)
		row_glyph(out, STYLE_KEY, GLYPH_MARK);
	row_to(out, 2);
	row_field(out, STYLE_STRONG, name_cols(v, k->width), st->name, strlen(st->name));
	row_str(out, STYLE_TEXT, "  ");
	row_field(out, status_style(st), STATE_COLS, state, strlen(state));
	row_right(out, STYLE_TEXT, 5, "%s",
		  up ? words_age(k->now - st->booted, text, sizeof(text)) : "");
	if (k->width >= 60)
		row_right(out, STYLE_TEXT, 7, "%s", words_size(st->memory, text, sizeof(text)));
	row_str(out, STYLE_TEXT, "  ");
	if (st->checkpoint)
		row_fmt(out, STYLE_ID, "#%u", st->checkpoint);
	row_to(out, name_cols(v, k->width) + (k->width >= 60 ? 32 : 25));
	row_right(out, STYLE_DIM, k->width >= 48 ? 6 : 5, "%s",
		  st->checkpoint ? words_age(k->now - st->checkpoint_time, text, sizeof(text))
				 : "");
	row_str(out, STYLE_TEXT, "  ");
	if (k->width >= CHANGES_FROM)
		changes(s, st->name, out);
	note(v, st, out);
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	static const struct {
		const char *before, *key, *after;
	} lines[] = {
	    {"", "", ""},
	    {" No jails yet.", "", ""},
	    {"", "", ""},
	    {" Press ", NULL, " and type a name: it shows this system and keeps every change to"},
	    {" itself. Or type a command:", "", ""},
	    {"", "", ""},
	    {"   ", ":new demo", "       all of the system can be changed (box)"},
	    {"   ", ":new web app", "    the system is read-only, /etc /tmp /var private (app)"},
	    {"", "", ""},
	    {" From a shell:  ", "gaol run -- sh", "  is a jail for one command."},
	};

	if (!model_loaded(v->env->model) || v->filter || i >= sizeof(lines) / sizeof(lines[0]))
		return false;
	row_str(out, STYLE_TEXT, lines[i].before);
	if (lines[i].key)
		row_str(out, STYLE_KEY, lines[i].key);
	else
		view_key(v, CMD_NEW, out);
	row_str(out, STYLE_TEXT, lines[i].after);
	return true;
}

static void mark(struct jails *s, const char *name)
{
	size_t i = marked_index(s, name);

	if (i < s->nmarked) {
		memmove(s->marked[i], s->marked[s->nmarked - 1], sizeof(s->marked[i]));
		s->nmarked--;
		return;
	}
	s->marked = xrealloc(s->marked, (s->nmarked + 1) * sizeof(*s->marked));
	memcpy(s->marked[s->nmarked++], name, sizeof(*s->marked));
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	struct jails *s = v->state;
	const struct jail_status *st = at_cursor(v);

	switch (c) {
	case CMD_MARK:
		if (st)
			mark(s, st->name);
		view_move(v, CMD_DOWN);
		return true;
	case CMD_UNMARK:
		s->nmarked = 0;
		return true;
	case CMD_REFRESH:
		model_refresh(v->env->model);
		return true;
	default:
		return false;
	}
}

static bool target(struct view *v, enum command_id c, struct target *t, struct err *e)
{
	const struct jail_status *st = at_cursor(v);

	if (!st)
		return err_set(e, 0, "there is no jail here: + makes one");
	memcpy(t->jail, st->name, sizeof(t->jail));
	if (c == CMD_ENTER)
		t->view = &jail_view;
	else if (c == CMD_PREVIEW)
		strcpy(t->a, TARGET_ROLLBACK);
	return true;
}

static const char *marked(struct view *v, size_t i)
{
	const struct jails *s = v->state;

	return i < s->nmarked ? s->marked[i] : NULL;
}

static const enum command_id hints[] = {CMD_ENTER, CMD_CONSOLE, CMD_CHECKPOINT, CMD_ROLLBACK,
					CMD_DIFF,  CMD_LOG,	CMD_START,	CMD_STOP,
					CMD_NEW,   CMD_REMOVE,	CMD_QUIT,	CMD_NONE};

const struct view_ops jails_view = {
    .name = "jails",
    .keys = KEYMAP_JAILS,
    .size = sizeof(struct jails),
    .open = open_jails,
    .close = close_jails,
    .title = title,
    .info = info,
    .head = head,
    .row = row,
    .empty = empty,
    .command = command,
    .target = target,
    .marked = marked,
    .moved = moved,
    .tick = tick,
    .hints = hints,
};
