/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of jails. */
#include "views/meter.h"
#include "views/model.h"
#include "views/pulse.h"
#include "views/tally.h"
#include "views/view.h"
#include "views/words.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MIN 8
#define NAME_MAX_COLS 24
#define STATE_COLS 9
#define CHANGES_COLS 14
#define CHANGES_FROM 72 /* columns of a screen that has room for them */
#define COSTS_FROM 90	/* the same for processor and layer */
#define RATES_FROM 112	/* and for the rate of events */

enum column {
	BY_NAME,
	BY_STATE,
	BY_UP,
	BY_CPU,
	BY_MEM,
	BY_LAYER,
	BY_SAVED,
	BY_AGO,
	BY_CHANGED,
	BY_EVENTS,
	BY_NOTE,
	COLUMNS
};

/* As the heads have them. */
static const char *const column_names[COLUMNS] = {
    [BY_NAME] = "name",	      [BY_STATE] = "state",   [BY_UP] = "up",	    [BY_CPU] = "cpu%",
    [BY_MEM] = "mem",	      [BY_LAYER] = "layer",   [BY_SAVED] = "saved", [BY_AGO] = "ago",
    [BY_CHANGED] = "changed", [BY_EVENTS] = "events", [BY_NOTE] = "note",
};

struct jails {
	char at[JAIL_NAME_MAX + 1]; /* the one under the cursor: rows come and go */
	char (*marked)[JAIL_NAME_MAX + 1];
	size_t nmarked;
	struct tally *tally;
	struct meter *meter;
	enum column by;
	bool falling;
	size_t *order; /* index in the model by row */
	bool seen;     /* was painted since the last tick: counting for nobody is waste */
};

static size_t marked_index(const struct jails *s, const char *name)
{
	size_t i = 0;

	while (i < s->nmarked && strcmp(s->marked[i], name))
		i++;
	return i;
}

/* The jail of a row; NULL when the model has changed and the rows not yet. */
static const struct jail_status *at_row(struct view *v, uint64_t pos)
{
	const struct jails *s = v->state;
	size_t n = model_count(v->env->model);

	return pos < v->end && s->order[pos] < n ? model_at(v->env->model, s->order[pos]) : NULL;
}

static const struct jail_status *at_cursor(struct view *v)
{
	return view_on_row(v) ? at_row(v, view_pos(v, view_cursor(v))) : NULL;
}

/* What a row is sorted by: a number, or a text. */
static double sort_key(struct view *v, const struct jail_status *st, const char **text)
{
	const struct jails *s = v->state;
	struct meter_costs m = {.cpu = -1};
	struct tally_counts t = {0};
	unsigned rates[PULSE_BEATS];
	size_t n;

	*text = "";
	meter_get(s->meter, st->name, &m);
	switch (s->by) {
	case BY_STATE:
		*text = jail_state_name(st->state);
		return 0;
	case BY_UP:
		return st->booted ? -(double)st->booted : -1e18;
	case BY_CPU:
		return m.cpu;
	case BY_MEM:
		return m.pss ? (double)m.pss : -1;
	case BY_LAYER:
		return (double)m.layer;
	case BY_SAVED:
		return st->checkpoint;
	case BY_AGO:
		return -(double)st->checkpoint_time;
	case BY_CHANGED:
		tally_get(s->tally, st->name, &t);
		return (double)t.added + t.changed + t.deleted;
	case BY_EVENTS:
		n = pulse_rates(v->env->pulse, st->name, rates);
		return n ? rates[n - 1] : 0;
	case BY_NOTE:
		*text = st->note;
		return 0;
	default:
		*text = st->name;
		return 0;
	}
}

static int compare(const void *a, const void *b, void *user)
{
	struct view *v = user;
	const struct jails *s = v->state;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	const char *one, *two;
	double x = sort_key(v, model_at(v->env->model, i), &one);
	double y = sort_key(v, model_at(v->env->model, j), &two);
	int r = x < y ? -1 : x > y ? 1 : strcmp(one, two);

	if (r)
		return s->falling ? -r : r;
	return i < j ? -1 : 1; /* by name */
}

static void sort(struct view *v)
{
	struct jails *s = v->state;
	size_t n = model_count(v->env->model);

	s->order = xrealloc(s->order, (n ? n : 1) * sizeof(*s->order));
	for (size_t i = 0; i < n; i++)
		s->order[i] = i;
	if (s->by != BY_NAME || s->falling)
		qsort_r(s->order, n, sizeof(*s->order), compare, v);
	v->first = 0;
	v->end = n;
}

/* "cpu", or "next": another column; the same one again: the other way round. */
static void sort_by(struct view *v, const char *word)
{
	struct jails *s = v->state;
	enum column by = s->by;

	if (!*word || !strcmp(word, "next"))
		by = (by + 1) % COLUMNS;
	else if (!strcmp(word, "prev"))
		by = (by + COLUMNS - 1) % COLUMNS;
	else
		for (int i = 0; i < COLUMNS; i++)
			if (!strncasecmp(word, column_names[i], strlen(word)))
				by = (enum column)i;
	if (by == s->by)
		s->falling = !s->falling;
	else
		/* numbers: the largest first is what one looks for */
		s->falling = by != BY_NAME && by != BY_STATE && by != BY_NOTE && by != BY_AGO;
	s->by = by;
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

	sort(v);
	while (i < n && strcmp(model_at(v->env->model, s->order[i])->name, s->at))
		i++;
	if (i < n)
		v->cursor = i;
	if (v->filter)
		view_stale(v);
	if (s->seen) {
		tally_tick(s->tally);
		meter_tick(s->meter);
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
	s->meter = meter_new(v->env);
	s->seen = true;
	tick(v);
	moved(v);
	return 0;
}

static void close_jails(struct view *v)
{
	struct jails *s = v->state;

	tally_free(s->tally);
	meter_free(s->meter);
	free(s->order);
	free(s->marked);
}

static void title(struct view *v, struct row *out)
{
	const struct jails *s = v->state;

	row_str(out, STYLE_STRONG, "jails");
	if (s->by != BY_NAME || s->falling)
		row_fmt(out, STYLE_DIM, "  by %s%s", column_names[s->by],
			s->falling ? ", falling" : "");
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
	if (k->width >= COSTS_FROM)
		row_str(out, STYLE_HEAD, "   CPU%");
	if (k->width >= 60)
		row_str(out, STYLE_HEAD, "    MEM");
	if (k->width >= COSTS_FROM)
		row_str(out, STYLE_HEAD, "  LAYER");
	row_str(out, STYLE_HEAD, "  SAVED");
	row_str(out, STYLE_HEAD, k->width >= 48 ? "   AGO  " : "  AGO");
	if (k->width >= CHANGES_FROM)
		row_field(out, STYLE_HEAD, CHANGES_COLS, "CHANGED", 7);
	if (k->width >= RATES_FROM)
		row_field(out, STYLE_HEAD, PULSE_BEATS + 7, "EVENTS", 6);
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
	if ((st->state == JAIL_CRASHED || st->state == JAIL_FAILED || st->state == JAIL_STOPPED) &&
	    st->reason[0])
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

/* The last rates as bars, each twice as high for ten times as many, and the last as a number. */
static void rates(struct view *v, const char *jail, struct row *out)
{
	size_t end = out->cols + PULSE_BEATS + 7, n;
	unsigned rate[PULSE_BEATS];
	char text[16];

	n = pulse_rates(v->env->pulse, jail, rate);
	row_to(out, out->cols + PULSE_BEATS - n);
	for (size_t i = 0; i < n; i++) {
		unsigned level = 0;

		for (unsigned r = rate[i]; r && level < 8; r /= 4)
			level++;
		row_bar(out, STYLE_ID, level);
	}
	if (n && rate[n - 1])
		row_right(out, STYLE_DIM, 5, "%s", words_size(rate[n - 1], text, sizeof(text)));
	row_to(out, end);
}

static void times_and_costs(struct view *v, const struct jail_status *st, const struct look *k,
			    struct row *out)
{
	const struct jails *s = v->state;
	struct meter_costs m = {.cpu = -1};
	char text[16];

	meter_get(s->meter, st->name, &m);
	row_right(out, STYLE_TEXT, 5, "%s",
		  status_is_up(st) && st->booted
		      ? words_age(k->now - st->booted, text, sizeof(text))
		      : "");
	if (k->width >= COSTS_FROM && m.cpu >= 0)
		row_right(out, m.cpu >= 1 ? STYLE_STRONG : STYLE_DIM, 7, "%.1f", m.cpu);
	else if (k->width >= COSTS_FROM)
		row_right(out, STYLE_TEXT, 7, "%s", "");
	/* of a jail that is down: what it may take */
	if (k->width >= 60)
		row_right(out, m.pss ? STYLE_TEXT : STYLE_DIM, 7, "%s",
			  words_size(m.pss ? m.pss : st->memory, text, sizeof(text)));
	if (k->width >= COSTS_FROM)
		row_right(out, STYLE_TEXT, 7, "%s",
			  m.sized ? words_size(m.layer, text, sizeof(text)) : "");
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct jails *s = v->state;
	const struct jail_status *st = at_row(v, pos);
	const char *state;
	size_t col;
	char text[16];

	if (!st)
		return;
	state = jail_state_name(st->state);
	if (marked_index(s, st->name) < s->nmarked)
		row_glyph(out, STYLE_KEY, GLYPH_MARK);
	row_to(out, 2);
	row_field(out, STYLE_STRONG, name_cols(v, k->width), st->name, strlen(st->name));
	row_str(out, STYLE_TEXT, "  ");
	row_field(out, status_style(st), STATE_COLS, state, strlen(state));
	times_and_costs(v, st, k, out);
	row_str(out, STYLE_TEXT, "  ");
	col = out->cols;
	if (st->checkpoint)
		row_fmt(out, STYLE_ID, "#%u", st->checkpoint);
	row_to(out, col + 5);
	row_right(out, STYLE_DIM, k->width >= 48 ? 6 : 5, "%s",
		  st->checkpoint ? words_age(k->now - st->checkpoint_time, text, sizeof(text))
				 : "");
	row_str(out, STYLE_TEXT, "  ");
	if (k->width >= CHANGES_FROM)
		changes(s, st->name, out);
	if (k->width >= RATES_FROM)
		rates(v, st->name, out);
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
	    {"   ", ":new web app", "    the system and /etc are read-only, /tmp /var private (app)"},
	    {"   ", ":new x blank", "    an empty disk with the system's programs (blank)"},
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
	case CMD_SORT:
		sort_by(v, args);
		tick(v);
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
