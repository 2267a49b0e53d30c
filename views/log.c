/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checkpoints of a jail, newest first, as the graph that rollbacks made of them. */
#include "core/repo/log.h"
#include "core/fd.h"
#include "views/jobs.h"
#include "views/lanes.h"
#include "views/model.h"
#include "views/view.h"
#include "views/words.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES_SHOWN 6 /* lines beside each other; more are drawn in the last one */

struct item {
	struct checkpoint c;
	struct lane lane;
	bool marked;
};

struct list {
	struct item *v;
	size_t n, cap;
};

struct log {
	char jail[JAIL_NAME_MAX + 1];
	struct list list;
	struct list coming; /* of a reading that replaces the list when it is done */
	struct lanes lanes;
	struct job *job;
	struct err err; /* of the last reading; "" = fine */
	bool loaded;
	size_t width; /* lanes at most */
	int id_cols;  /* of the longest number, with its # */
	/* what the jail was like when the list was read */
	uint64_t moves;
	enum jail_state state;
};

/* Reading, in a thread; slices of it go over to the loop under the lock. */
struct reading {
	struct view *view;
	struct job *job;
	const struct jail_places *places;
	char jail[JAIL_NAME_MAX + 1];
	pthread_mutex_t lock;
	struct list found;
	struct err err;
	int ret;
};

static void list_free(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		checkpoint_free(&l->v[i].c);
	free(l->v);
	*l = (struct list){0};
}

static struct item *list_add(struct list *l)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n] = (struct item){0};
	return &l->v[l->n++];
}

/* A copy that owns its strings; tags are cut to the first 16. */
static void copy_checkpoint(struct checkpoint *to, const struct checkpoint *from)
{
	size_t n = 0;

	while (n < 16 && from->tags[n])
		n++;
	*to = *from;
	to->message = xstrdup(from->message ? from->message : "");
	to->tags = xcalloc(n + 1, sizeof(*to->tags));
	for (size_t i = 0; i < n; i++)
		to->tags[i] = xstrdup(from->tags[i]);
}

static bool found(void *user, const struct checkpoint *c)
{
	struct reading *r = user;

	pthread_mutex_lock(&r->lock);
	copy_checkpoint(&list_add(&r->found)->c, c);
	pthread_mutex_unlock(&r->lock);
	job_tell(r->job);
	return !*job_cancelled(r->job);
}

static void work(struct job *j, void *data)
{
	struct reading *r = data;
	struct repo *repo = NULL;
	struct jail jail;

	r->job = j;
	r->ret = jail_open(&jail, r->places, r->jail, &r->err);
	if (r->ret)
		return;
	r->ret = repo_open(&repo, jail.dirfd, &r->err);
	if (!r->ret)
		r->ret = log_each(repo, found, r, &r->err);
	repo_close(repo);
	jail_close(&jail);
}

/* Appends what was found meanwhile to the list that is coming. */
static void take(struct reading *r)
{
	struct log *l = r->view->state;
	struct list part;

	pthread_mutex_lock(&r->lock);
	part = r->found;
	r->found = (struct list){0};
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < part.n; i++) {
		struct item *it = list_add(&l->coming);

		*it = part.v[i];
		lanes_next(&l->lanes, &it->c, &it->lane);
	}
	free(part.v);
}

/* What rows need to know of all of them, from the one at `from` on. */
static void show(struct view *v, size_t from)
{
	struct log *l = v->state;

	v->first = 0;
	v->end = l->list.n;
	if (!from) {
		l->width = 1;
		l->id_cols = 4;
	}
	for (size_t i = from; i < l->list.n; i++) {
		const struct item *it = &l->list.v[i];
		int cols = 1 + snprintf(NULL, 0, "%u", it->c.number);

		if (it->lane.count > l->width)
			l->width = it->lane.count;
		if (cols > l->id_cols)
			l->id_cols = cols;
	}
	if (l->width > LANES_SHOWN)
		l->width = LANES_SHOWN;
	if (!from)
		view_stale(v);
	env_dirty(v->env);
}

/* The first reading is shown as it comes; a later one replaces the list when it is whole. */
static void slice(void *data)
{
	struct reading *r = data;
	struct log *l = r->view->state;
	size_t before = l->coming.n;

	take(r);
	if (l->loaded)
		return;
	l->list = l->coming;
	show(r->view, before);
}

/* Marks and the cursor stay on their checkpoints; a cursor on the present one stays on that. */
static void carry_over(struct view *v, const struct list *old, const struct list *new)
{
	const struct item *it = v->cursor < old->n ? &old->v[v->cursor] : NULL;
	unsigned at = it ? it->c.number : 0;
	bool present = !it || it->c.present;

	for (size_t i = 0, o = 0; i < new->n; i++) {
		while (o < old->n && old->v[o].c.number > new->v[i].c.number)
			o++;
		if (o < old->n && old->v[o].c.number == new->v[i].c.number)
			new->v[i].marked = old->v[o].marked;
		if (present ? new->v[i].c.present : new->v[i].c.number == at)
			v->cursor = i;
	}
}

static void done(void *data)
{
	struct reading *r = data;
	struct view *v = r->view;
	struct log *l = v->state;

	take(r);
	l->job = NULL;
	l->err = r->err;
	if (!r->ret)
		l->err.text[0] = '\0';
	if (l->loaded) {
		carry_over(v, &l->list, &l->coming);
		list_free(&l->list);
	} else if (!v->cursor) {
		/* nobody has moved yet: one begins where the jail is */
		carry_over(v, &(struct list){0}, &l->coming);
	}
	l->list = l->coming;
	l->coming = (struct list){0};
	l->loaded = true;
	show(v, 0);
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

static void read_log(struct view *v)
{
	struct log *l = v->state;
	const struct jail_status *st = model_find(v->env->model, l->jail);
	struct reading *r;

	if (l->job)
		return;
	if (st) {
		l->moves = st->moves;
		l->state = st->state;
	}
	r = xcalloc(1, sizeof(*r));
	r->view = v;
	r->places = v->env->places;
	memcpy(r->jail, l->jail, sizeof(r->jail));
	pthread_mutex_init(&r->lock, NULL);
	lanes_reset(&l->lanes);
	l->coming = (struct list){0};
	l->job = jobs_start(v->env->jobs, &reading_ops, r);
}

static int open_log(struct view *v, const struct target *t, struct err *e)
{
	struct log *l = v->state;

	memcpy(l->jail, t->jail, sizeof(l->jail));
	read_log(v);
	return 0;
}

static void close_log(struct view *v)
{
	struct log *l = v->state;

	job_cancel(l->job);
	/* while the first reading comes, both lists are the same one */
	if (l->loaded)
		list_free(&l->list);
	list_free(&l->coming);
}

/* A checkpoint or a rollback, here or from elsewhere, makes the list old. */
static void tick(struct view *v)
{
	struct log *l = v->state;
	const struct jail_status *st = model_find(v->env->model, l->jail);

	if (!st || (st->moves == l->moves && st->state == l->state))
		return;
	if (l->loaded)
		read_log(v);
}

static void title(struct view *v, struct row *out)
{
	const struct log *l = v->state;

	row_str(out, STYLE_STRONG, l->jail);
	row_str(out, STYLE_TEXT, " ");
	row_glyph(out, STYLE_DIM, GLYPH_CRUMB);
	row_str(out, STYLE_STRONG, " log");
}

static void info(struct view *v, struct row *out)
{
	const struct log *l = v->state;
	char text[48];

	if (l->err.text[0])
		row_str(out, STYLE_BAD, "cannot be read");
	else
		row_fmt(out, STYLE_DIM, "%s%s",
			words_count(l->list.n, "checkpoint", "checkpoints", text, sizeof(text)),
			l->loaded ? "" : ", reading");
}

static void head(struct view *v, const struct look *k, struct row *out)
{
	const struct log *l = v->state;

	row_to(out, l->width * 2 + 1);
	row_right(out, STYLE_HEAD, 1 + (size_t)(l->id_cols ? l->id_cols : 4), "ID");
	row_str(out, STYLE_HEAD, "  KIND      AGO");
	if (k->width >= 60)
		row_str(out, STYLE_HEAD, "     +     ~     -");
	row_str(out, STYLE_HEAD, "  MESSAGE");
}

static void graph(const struct log *l, const struct item *it, struct row *out)
{
	enum style line = it->c.abandoned ? STYLE_DIM : STYLE_TEXT;
	size_t at = it->lane.at < l->width ? it->lane.at : l->width - 1;

	row_str(out, STYLE_TEXT, " ");
	for (size_t i = 0; i < l->width; i++) {
		if (i == at)
			row_glyph(out, it->c.present ? STYLE_GOOD : line,
				  it->c.present ? GLYPH_PRESENT : GLYPH_NODE);
		else if (i < it->lane.count && (it->lane.passes & (1u << i)))
			row_glyph(out, STYLE_DIM, GLYPH_LINE);
		else
			row_str(out, STYLE_TEXT, " ");
		/* a line that was left ends where it began */
		if (i + 1 < l->width && i >= at && (it->lane.joins & (1u << (i + 1)))) {
			row_glyph(out, STYLE_DIM, GLYPH_JOIN);
			i++;
		}
		if (out->cols < (i + 1) * 2 + 1)
			row_str(out, STYLE_TEXT, " ");
	}
}

static enum style kind_style(const struct checkpoint *c)
{
	return c->kind == CKPT_HAND || c->kind == CKPT_INITIAL ? STYLE_TEXT : STYLE_DIM;
}

static void count(struct row *out, enum style s, uint64_t n)
{
	row_right(out, n ? s : STYLE_DIM, 6, "%" PRIu64, n);
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct log *l = v->state;
	const struct item *it = &l->list.v[pos];
	const struct checkpoint *c = &it->c;
	enum style s = c->abandoned ? STYLE_DIM : STYLE_TEXT;
	const char *kind = ckpt_kind_name(c->kind);
	char text[16];

	graph(l, it, out);
	row_to(out, l->width * 2 + 1);
	if (it->marked)
		row_glyph(out, STYLE_KEY, GLYPH_MARK);
	else
		row_str(out, STYLE_TEXT, " ");
	row_right(out, c->abandoned ? STYLE_DIM : STYLE_ID, (size_t)l->id_cols, "#%u", c->number);
	row_str(out, STYLE_TEXT, "  ");
	row_field(out, kind_style(c), 8, kind, strlen(kind));
	row_right(out, STYLE_DIM, 5, "%s", words_age(k->now - c->time, text, sizeof(text)));
	if (k->width >= 60) {
		count(out, STYLE_ADD, c->added);
		count(out, STYLE_CHANGE, c->modified);
		count(out, STYLE_DEL, c->deleted);
	}
	row_str(out, STYLE_TEXT, "  ");
	for (size_t i = 0; c->tags[i]; i++) {
		row_str(out, STYLE_ID, "[");
		row_str(out, STYLE_ID, c->tags[i]);
		row_str(out, STYLE_ID, "] ");
	}
	/* words of a person: a backslash in them means itself */
	row_str(out, s, c->message);
	if (c->present)
		row_str(out, STYLE_GOOD, *c->message ? "  here" : "here");
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct log *l = v->state;

	if (i == 1 && l->err.text[0])
		row_fmt(out, STYLE_BAD, " %s", l->err.text);
	return i < 2;
}

static struct item *at_cursor(struct view *v)
{
	struct log *l = v->state;

	return view_on_row(v) ? &l->list.v[view_pos(v, view_cursor(v))] : NULL;
}

static void go_to_made(struct view *v, int dir)
{
	const struct log *l = v->state;

	for (size_t i = view_cursor(v) + (size_t)dir; i < view_count(v); i += (size_t)dir) {
		enum ckpt_kind kind = l->list.v[view_pos(v, i)].c.kind;

		if (kind == CKPT_HAND || kind == CKPT_INITIAL) {
			view_go(v, i);
			return;
		}
	}
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	struct log *l = v->state;
	struct item *it = at_cursor(v);

	switch (c) {
	case CMD_MARK:
		if (it)
			it->marked = !it->marked;
		view_move(v, CMD_DOWN);
		return true;
	case CMD_UNMARK:
		for (size_t i = 0; i < l->list.n; i++)
			l->list.v[i].marked = false;
		return true;
	case CMD_REFRESH:
		read_log(v);
		return true;
	case CMD_NEXT_PART:
	case CMD_PREV_PART:
		go_to_made(v, c == CMD_NEXT_PART ? 1 : -1);
		return true;
	default:
		return false;
	}
}

/* Two marked ones, the older first. */
static bool two_marked(const struct log *l, struct target *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->list.n; i++) {
		const struct item *it = &l->list.v[i];

		if (!it->marked)
			continue;
		snprintf(n ? t->a : t->b, sizeof(t->a), "%u", it->c.number);
		if (++n == 2)
			return true;
	}
	t->a[0] = t->b[0] = '\0';
	return false;
}

/* What one checkpoint changed: its parent against it; the first one against the base. */
static void step(const struct log *l, const struct item *it, struct target *t)
{
	snprintf(t->b, sizeof(t->b), "%u", it->c.number);
	if (it->c.parent[0])
		snprintf(t->a, sizeof(t->a), "%s", it->c.parent);
	else
		snprintf(t->a, sizeof(t->a), "base");
	for (size_t i = 0; i < l->list.n; i++)
		if (!strcmp(l->list.v[i].c.hash, it->c.parent))
			snprintf(t->a, sizeof(t->a), "%u", l->list.v[i].c.number);
}

static bool target(struct view *v, enum command_id c, struct target *t, struct err *e)
{
	const struct log *l = v->state;
	const struct item *it = at_cursor(v);

	memcpy(t->jail, l->jail, sizeof(t->jail));
	if (!it)
		return true;
	if (c == CMD_DIFF && two_marked(l, t))
		return true;
	if (c == CMD_ROLLBACK || c == CMD_DIFF || c == CMD_PREVIEW || c == CMD_TREE)
		snprintf(t->a, sizeof(t->a), "%u", it->c.number);
	if (c == CMD_ENTER) {
		t->view = &diff_view;
		step(l, it, t);
	}
	return true;
}

static const enum command_id hints[] = {CMD_ENTER,	CMD_ROLLBACK, CMD_REDO, CMD_PREVIEW,
					CMD_CHECKPOINT, CMD_MARK,     CMD_DIFF, CMD_TREE,
					CMD_CONSOLE,	CMD_SEARCH,   CMD_BACK, CMD_NONE};

const struct view_ops log_view = {
    .name = "log",
    .keys = KEYMAP_LOG,
    .size = sizeof(struct log),
    .open = open_log,
    .close = close_log,
    .title = title,
    .info = info,
    .head = head,
    .row = row,
    .empty = empty,
    .command = command,
    .target = target,
    .tick = tick,
    .hints = hints,
};
