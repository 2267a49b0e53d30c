/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between two sides of a jail: entries, and a pane with what changed in one. */
#include "views/compare.h"
#include "views/hunks.h"
#include "views/jobs.h"
#include "views/model.h"
#include "views/words.h"
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct compare_entry *v;
	size_t n, cap;
};

struct diff {
	struct compare_words asked; /* as the view was opened */
	struct compare_words words; /* resolved by the reading */
	char label_a[64], label_b[64];
	struct list list;
	uint64_t added, changed, deleted;
	struct job *job;
	struct view *pane;
	struct err err;
	bool loaded;
	uint64_t shown; /* entry in the pane, UINT64_MAX: none */
	/* of the jail, when the list was read */
	uint64_t moves;
	enum jail_state state;
};

struct reading {
	struct view *view;
	struct job *job;
	const struct jail_places *places;
	pthread_mutex_t lock; /* over what goes to the loop's thread */
	struct compare_words words;
	char label_a[64], label_b[64];
	bool resolved;
	struct list found;
	struct err err;
	int ret;
};

static void list_free(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		compare_free(&l->v[i]);
	free(l->v);
	*l = (struct list){0};
}

static struct compare_entry *list_add(struct list *l)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n] = (struct compare_entry){0};
	return &l->v[l->n++];
}

static bool found(void *user, const struct diff_entry *d)
{
	struct reading *r = user;

	pthread_mutex_lock(&r->lock);
	compare_copy(list_add(&r->found), d);
	pthread_mutex_unlock(&r->lock);
	job_tell(r->job);
	return true;
}

static void work(struct job *j, void *data)
{
	struct reading *r = data;
	struct diff_options o = {.cancel = job_cancelled(j)};
	struct compare_words words = r->words;
	struct compare c = {0};

	r->job = j;
	r->ret = compare_open(&c, r->places, &words, o.cancel, &r->err);
	if (!r->ret) {
		pthread_mutex_lock(&r->lock);
		r->words = words;
		memcpy(r->label_a, c.label_a, sizeof(r->label_a));
		memcpy(r->label_b, c.label_b, sizeof(r->label_b));
		r->resolved = true;
		pthread_mutex_unlock(&r->lock);
		job_tell(j);
		r->ret = diff_each(c.a, c.b, &o, found, r, &r->err);
	}
	compare_close(&c);
}

/* The pane follows the cursor. */
static void show_entry(struct view *v)
{
	struct diff *d = v->state;
	uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;

	if (pos == d->shown)
		return;
	d->shown = pos;
	hunks_show(d->pane, &d->words, pos < d->list.n ? &d->list.v[pos] : NULL);
}

static void count(struct diff *d, const struct diff_entry *e)
{
	if (e->status == DIFF_ADDED)
		d->added++;
	else if (e->status == DIFF_DELETED)
		d->deleted++;
	else
		d->changed++;
}

static void slice(void *data)
{
	struct reading *r = data;
	struct view *v = r->view;
	struct diff *d = v->state;
	struct list part;

	pthread_mutex_lock(&r->lock);
	part = r->found;
	r->found = (struct list){0};
	if (r->resolved) {
		d->words = r->words;
		memcpy(d->label_a, r->label_a, sizeof(d->label_a));
		memcpy(d->label_b, r->label_b, sizeof(d->label_b));
	}
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < part.n; i++) {
		*list_add(&d->list) = part.v[i];
		count(d, &part.v[i].d);
	}
	free(part.v);
	v->end = d->list.n;
	view_sync(v);
	show_entry(v);
	env_dirty(v->env);
}

static void tick(struct view *v);

static void done(void *data)
{
	struct reading *r = data;
	struct diff *d = r->view->state;

	slice(data);
	d->job = NULL;
	d->loaded = true;
	d->err = r->err;
	if (!r->ret)
		d->err.text[0] = '\0';
	tick(r->view); /* a side may have moved meanwhile */
}

static void drop(void *data)
{
	struct reading *r = data;

	list_free(&r->found);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static const struct job_ops reading_ops = {
    .work = work, .slice = slice, .done = done, .drop = drop};

static void read_diff(struct view *v)
{
	struct diff *d = v->state;
	const struct jail_status *st = model_find(v->env->model, d->asked.jail);
	struct reading *r = xcalloc(1, sizeof(*r));

	job_cancel(d->job);
	list_free(&d->list);
	hunks_forget(d->pane);
	hunks_show(d->pane, NULL, NULL);
	d->shown = UINT64_MAX;
	d->loaded = false;
	d->added = d->changed = d->deleted = 0;
	d->err.text[0] = '\0';
	v->first = v->end = 0;
	view_stale(v);
	if (st) {
		d->moves = st->moves;
		d->state = st->state;
	}
	r->view = v;
	r->places = v->env->places;
	r->words = d->asked;
	pthread_mutex_init(&r->lock, NULL);
	d->job = jobs_start(v->env->jobs, &reading_ops, r);
}

static int open_diff(struct view *v, const struct target *t, struct err *e)
{
	struct diff *d = v->state;
	struct target pane = {.view = &hunks_view};

	memcpy(d->asked.jail, t->jail, sizeof(d->asked.jail));
	memcpy(d->asked.a, t->a, sizeof(d->asked.a));
	memcpy(d->asked.b, t->b, sizeof(d->asked.b));
	d->pane = view_open(v->env, &pane, e);
	if (!d->pane)
		return -1;
	read_diff(v);
	return 0;
}

static void close_diff(struct view *v)
{
	struct diff *d = v->state;

	job_cancel(d->job);
	view_close(d->pane);
	list_free(&d->list);
}

/* A rollback or a checkpoint moves one of the sides. */
static void tick(struct view *v)
{
	struct diff *d = v->state;
	const struct jail_status *st = model_find(v->env->model, d->asked.jail);
	bool moves = !*d->asked.a || !*d->asked.b || !strcmp(d->asked.a, TARGET_ROLLBACK);
	bool settled = st && (st->state == JAIL_RUNNING || !status_is_up(st));

	if (settled && moves && d->loaded && st->moves != d->moves)
		read_diff(v);
}

static struct view *pane(struct view *v)
{
	struct diff *d = v->state;

	return d->pane;
}

/* What makes it old is a change of the jail's state, which is told. */
static bool still(struct view *v)
{
	const struct diff *d = v->state;

	return d->loaded;
}

static void title(struct view *v, struct row *out)
{
	const struct diff *d = v->state;

	row_str(out, STYLE_STRONG, d->asked.jail);
	row_str(out, STYLE_TEXT, " ");
	row_glyph(out, STYLE_DIM, GLYPH_CRUMB);
	row_str(out, STYLE_STRONG,
		strcmp(d->asked.a, TARGET_ROLLBACK) ? " diff " : " what a rollback undoes ");
	if (*d->label_a) {
		row_str(out, STYLE_ID, d->label_a);
		row_str(out, STYLE_TEXT, " ");
		row_glyph(out, STYLE_DIM, GLYPH_ARROW);
		row_str(out, STYLE_TEXT, " ");
		row_str(out, STYLE_ID, d->label_b);
	}
}

static void info(struct view *v, struct row *out)
{
	const struct diff *d = v->state;

	if (!d->loaded)
		row_str(out, STYLE_BUSY, "reading  ");
	row_fmt(out, STYLE_ADD, "+%" PRIu64, d->added);
	row_fmt(out, STYLE_CHANGE, " ~%" PRIu64, d->changed);
	row_fmt(out, STYLE_DEL, " -%" PRIu64, d->deleted);
}

static enum style entry_style(enum diff_status s)
{
	switch (s) {
	case DIFF_ADDED:
		return STYLE_ADD;
	case DIFF_DELETED:
		return STYLE_DEL;
	case DIFF_ATTR:
		return STYLE_META;
	default:
		return STYLE_CHANGE;
	}
}

/* What of an entry changed, a letter each, as snapper has it. */
static void flags(const struct diff_entry *e, struct row *out)
{
	static const struct {
		unsigned what;
		char letter;
	} letters[] = {
	    {DIFF_MODE, 'p'},
	    {DIFF_UID, 'u'},
	    {DIFF_GID, 'g'},
	    {DIFF_XATTR, 'x'},
	};
	char text[8] = "    ";

	/* only beside what was there before: the others are new as a whole */
	for (size_t i = 0; i < 4; i++)
		if (e->a.mode && e->b.mode && (e->what & letters[i].what))
			text[i] = letters[i].letter;
	row_str(out, STYLE_META, text);
	row_str(out, STYLE_BUSY, e->drift ? "! " : "  ");
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct diff *d = v->state;
	const struct diff_entry *e = &d->list.v[pos].d;
	char status[2] = {(char)e->status, '\0'};
	size_t left;

	row_str(out, STYLE_TEXT, " ");
	row_str(out, entry_style(e->status), status);
	row_str(out, STYLE_TEXT, " ");
	flags(e, out);
	left = k->width > out->cols + 1 ? k->width - out->cols - 1 : 1;
	/* a row that was scrolled aside shows the path from its beginning */
	if (v->left || left >= 200)
		row_add(out, STYLE_TEXT, e->path, strlen(e->path));
	else
		row_field_tail(out, STYLE_TEXT, left, e->path, strlen(e->path));
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct diff *d = v->state;

	if (i != 1 || v->filter)
		return i == 0;
	if (d->err.text[0])
		row_fmt(out, STYLE_BAD, " %s", d->err.text);
	else if (!d->loaded)
		row_str(out, STYLE_DIM, " comparing");
	else if (!strcmp(d->asked.a, TARGET_ROLLBACK))
		row_str(out, STYLE_DIM, " Nothing to undo.");
	else
		row_str(out, STYLE_DIM, " No difference.");
	return true;
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	struct diff *d = v->state;

	switch (c) {
	case CMD_REFRESH:
		read_diff(v);
		return true;
	case CMD_NEXT_PART:
	case CMD_PREV_PART:
	case CMD_FOLD:
	case CMD_TOGGLE:
		return d->pane->ops->command(d->pane, c, args);
	case CMD_RESTORE:
		/* it makes a checkpoint first; one goes on comparing with the same side */
		memcpy(d->asked.a, d->words.a, sizeof(d->asked.a));
		return false;
	case CMD_NEXT_FILE:
	case CMD_PREV_FILE:
		return view_move(v, c == CMD_NEXT_FILE ? CMD_DOWN : CMD_UP);
	default:
		return false;
	}
}

static bool target(struct view *v, enum command_id c, struct target *t, struct err *e)
{
	const struct diff *d = v->state;

	memcpy(t->jail, d->asked.jail, sizeof(t->jail));
	if (c == CMD_PREVIEW) {
		strcpy(t->a, TARGET_ROLLBACK);
	} else if (c == CMD_RESTORE || c == CMD_APPLY) {
		uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;

		memcpy(t->a, d->words.a, sizeof(t->a));
		memcpy(t->b, d->words.b, sizeof(t->b));
		if (pos < d->list.n)
			snprintf(t->path, sizeof(t->path), "%s", d->list.v[pos].d.path);
	}
	return true;
}

static const enum command_id hints[] = {
    CMD_ENTER,	CMD_NEXT_PART, CMD_ROLLBACK, CMD_REDO, CMD_RESTORE, CMD_APPLY, CMD_CHECKPOINT,
    CMD_TOGGLE, CMD_SEARCH,    CMD_FILTER,   CMD_LOG,  CMD_BACK,    CMD_NONE};

const struct view_ops diff_view = {
    .name = "diff",
    .keys = KEYMAP_DIFF,
    .size = sizeof(struct diff),
    .open = open_diff,
    .close = close_diff,
    .title = title,
    .info = info,
    .row = row,
    .empty = empty,
    .command = command,
    .target = target,
    .moved = show_entry,
    .tick = tick,
    .still = still,
    .pane = pane,
    .hints = hints,
};
