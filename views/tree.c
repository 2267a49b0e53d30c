/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a jail, as they are or as a checkpoint has them: a directory, and what is in the
 * entry under the cursor beside it. */
#include "views/blame.h"
#include "views/jobs.h"
#include "views/lookin.h"
#include "views/model.h"
#include "views/preview.h"
#include "views/view.h"
#include "views/words.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct item {
	char *name;
	struct stat st;
	enum side_origin from;
	bool drift;
};

struct list {
	struct item *v;
	size_t n, cap;
};

struct tree {
	char jail[JAIL_NAME_MAX + 1];
	char word[64]; /* the side: "now", or a checkpoint's ID */
	char label[64];
	char *dir;  /* "/", "/etc" */
	char *came; /* the name to stand on when the directory is read, NULL: the first */
	struct lookin *in;
	struct list list;
	struct job *job, *blaming;
	struct view *pane;
	struct err err;
	bool loaded;
	uint64_t shown; /* entry in the pane, UINT64_MAX: none */
	uint64_t moves;
};

struct reading {
	struct view *view;
	struct job *job;
	struct lookin *in;
	char *dir;
	char label[64];
	pthread_mutex_t lock; /* over found */
	struct list found;
	struct err err;
	bool failed;
};

static void list_free(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	*l = (struct list){0};
}

static struct item *list_add(struct list *l)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	return &l->v[l->n++];
}

static bool found(void *user, const char *name, const struct stat *st, enum side_origin from,
		  bool drift)
{
	struct reading *r = user;

	pthread_mutex_lock(&r->lock);
	*list_add(&r->found) =
	    (struct item){.name = xstrdup(name), .st = *st, .from = from, .drift = drift};
	pthread_mutex_unlock(&r->lock);
	job_tell(r->job);
	return !*job_cancelled(r->job);
}

static void work(struct job *j, void *data)
{
	struct reading *r = data;
	struct side *s = lookin_lock(r->in, &r->err);

	r->job = j;
	r->failed = !s;
	if (!s)
		return;
	snprintf(r->label, sizeof(r->label), "%s", lookin_label(r->in));
	if (side_origins(s, r->dir, found, r)) {
		r->failed = true;
		err_set(&r->err, 0, "%s", side_error(s));
	}
	lookin_unlock(r->in);
}

/* The path of an entry; the caller frees it. */
static char *path_of(const struct tree *t, const char *name)
{
	return xasprintf("%s/%s", t->dir[1] ? t->dir : "", name);
}

static void show_entry(struct view *v)
{
	struct tree *t = v->state;
	uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;
	const struct item *it = pos < t->list.n ? &t->list.v[pos] : NULL;
	char *path;

	if (pos == t->shown)
		return;
	t->shown = pos;
	if (!it) {
		preview_show(t->pane, NULL, NULL, NULL, SIDE_FROM_BASE, false);
		return;
	}
	path = path_of(t, it->name);
	preview_show(t->pane, t->in, path, &it->st, it->from, it->drift);
	free(path);
}

static void slice(void *data)
{
	struct reading *r = data;
	struct view *v = r->view;
	struct tree *t = v->state;
	struct list part;

	pthread_mutex_lock(&r->lock);
	part = r->found;
	r->found = (struct list){0};
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < part.n; i++) {
		if (t->came && !strcmp(t->came, part.v[i].name)) {
			v->cursor = t->list.n;
			free(t->came);
			t->came = NULL;
		}
		*list_add(&t->list) = part.v[i];
	}
	free(part.v);
	v->end = t->list.n;
	view_sync(v);
	if (!t->came)
		show_entry(v);
	env_dirty(v->env);
}

static void tick(struct view *v);

static void done(void *data)
{
	struct reading *r = data;
	struct view *v = r->view;
	struct tree *t = v->state;

	free(t->came);
	t->came = NULL;
	slice(data);
	t->job = NULL;
	t->loaded = true;
	memcpy(t->label, r->label, sizeof(t->label));
	t->err = r->err;
	if (!r->failed)
		t->err.text[0] = '\0';
	tick(v); /* the jail may have moved meanwhile */
}

static void drop(void *data)
{
	struct reading *r = data;

	list_free(&r->found);
	lookin_leave(r->in);
	pthread_mutex_destroy(&r->lock);
	free(r->dir);
	free(r);
}

static const struct job_ops reading_ops = {
    .work = work, .slice = slice, .done = done, .drop = drop};

/* Reads the directory; the cursor will stand on a name (owned by the tree then), or the first. */
static void read_dir(struct view *v, char *came)
{
	struct tree *t = v->state;
	const struct jail_status *st = model_find(v->env->model, t->jail);
	struct reading *r = xcalloc(1, sizeof(*r));

	job_cancel(t->job);
	list_free(&t->list);
	free(t->came);
	t->came = came;
	t->loaded = false;
	t->shown = UINT64_MAX;
	t->err.text[0] = '\0';
	t->moves = st ? st->moves : 0;
	v->first = v->end = v->cursor = 0;
	view_stale(v);
	r->view = v;
	r->in = lookin_share(t->in);
	r->dir = xstrdup(t->dir);
	pthread_mutex_init(&r->lock, NULL);
	t->job = jobs_start(v->env->jobs, &reading_ops, r);
}

/* After a rollback the side is another one. */
static void open_anew(struct view *v)
{
	struct tree *t = v->state;
	const struct item *it = t->shown < t->list.n ? &t->list.v[t->shown] : NULL;
	char *name = it ? xstrdup(it->name) : NULL;

	lookin_leave(t->in);
	t->in = lookin_new(v->env->places, t->jail, t->word);
	read_dir(v, name);
}

static int open_tree(struct view *v, const struct target *to, struct err *e)
{
	struct tree *t = v->state;
	struct target pane = {.view = &preview_view};

	memcpy(t->jail, to->jail, sizeof(t->jail));
	snprintf(t->word, sizeof(t->word), "%s", *to->a ? to->a : "now");
	t->dir = xstrdup("/");
	t->in = lookin_new(v->env->places, t->jail, t->word);
	t->pane = view_open(v->env, &pane, e);
	if (!t->pane)
		return -1;
	read_dir(v, NULL);
	return 0;
}

static void close_tree(struct view *v)
{
	struct tree *t = v->state;

	job_cancel(t->job);
	job_cancel(t->blaming);
	view_close(t->pane);
	list_free(&t->list);
	lookin_leave(t->in);
	free(t->came);
	free(t->dir);
}

static void tick(struct view *v)
{
	struct tree *t = v->state;
	const struct jail_status *st = model_find(v->env->model, t->jail);

	if (t->loaded && st && st->moves != t->moves && strcmp(t->word, "now") == 0 &&
	    (st->state == JAIL_RUNNING || !status_is_up(st)))
		open_anew(v);
}

/* What makes it old is a change of the jail's state, which is told. */
static bool still(struct view *v)
{
	const struct tree *t = v->state;

	return t->loaded;
}

static void title(struct view *v, struct row *out)
{
	const struct tree *t = v->state;

	row_str(out, STYLE_STRONG, t->jail);
	row_str(out, STYLE_TEXT, " ");
	row_glyph(out, STYLE_DIM, GLYPH_CRUMB);
	row_str(out, STYLE_STRONG, " tree ");
	row_str(out, STYLE_ID, *t->label ? t->label : t->word);
	row_str(out, STYLE_TEXT, "  ");
	row_add(out, STYLE_TEXT, t->dir, strlen(t->dir));
}

static void info(struct view *v, struct row *out)
{
	const struct tree *t = v->state;
	char text[48];

	if (t->blaming)
		row_str(out, STYLE_BUSY, "looking back  ");
	if (!t->loaded)
		row_str(out, STYLE_BUSY, "reading  ");
	row_str(out, STYLE_DIM, words_count(t->list.n, "entry", "entries", text, sizeof(text)));
}

static void head(struct view *v, const struct look *k, struct row *out)
{
	row_str(out, STYLE_HEAD, " FROM     ");
	if (k->width >= 56)
		row_str(out, STYLE_HEAD, "MODE         OWNER ");
	row_str(out, STYLE_HEAD, " SIZE  NAME");
}

static enum style origin_style(enum side_origin from)
{
	switch (from) {
	case SIDE_FROM_LAYER:
		return STYLE_ADD;
	case SIDE_FROM_OVER:
		return STYLE_CHANGE;
	case SIDE_FROM_ATTR:
		return STYLE_META;
	case SIDE_GONE:
		return STYLE_DEL;
	default:
		return STYLE_DIM;
	}
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct tree *t = v->state;
	const struct item *it = &t->list.v[pos];
	const char *from = preview_origin(it->from);
	bool dir = S_ISDIR(it->st.st_mode);
	char text[16];

	row_str(out, STYLE_TEXT, " ");
	row_field(out, origin_style(it->from), 7, from, strlen(from));
	row_str(out, STYLE_BUSY, it->drift ? "! " : "  ");
	if (k->width >= 56) {
		row_str(out, STYLE_DIM, words_mode(it->st.st_mode, text, sizeof(text)));
		row_right(out, STYLE_DIM, 8, "%u:%u", it->st.st_uid, it->st.st_gid);
	}
	row_right(out, STYLE_TEXT, 5, "%s",
		  dir ? "" : words_size((uint64_t)it->st.st_size, text, sizeof(text)));
	row_str(out, STYLE_TEXT, "  ");
	row_add(out,
		it->from == SIDE_GONE ? STYLE_DEL
		: dir		      ? STYLE_ID
				      : STYLE_TEXT,
		it->name, strlen(it->name));
	if (dir)
		row_str(out, STYLE_DIM, "/");
	else if (S_ISLNK(it->st.st_mode))
		row_str(out, STYLE_DIM, "@");
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct tree *t = v->state;

	if (i != 1 || v->filter)
		return i == 0;
	if (t->err.text[0])
		row_fmt(out, STYLE_BAD, " %s", t->err.text);
	else if (!t->loaded)
		row_str(out, STYLE_DIM, " reading");
	else
		row_str(out, STYLE_DIM, " An empty directory.");
	return true;
}

static const struct item *at_cursor(struct view *v)
{
	const struct tree *t = v->state;
	uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;

	return pos < t->list.n ? &t->list.v[pos] : NULL;
}

/* True: the entry is a directory, and one is in it now. */
static bool go_in(struct view *v)
{
	struct tree *t = v->state;
	const struct item *it = at_cursor(v);
	char *dir;

	if (!it || !S_ISDIR(it->st.st_mode) || it->from == SIDE_GONE)
		return false;
	dir = path_of(t, it->name);
	free(t->dir);
	t->dir = dir;
	view_set_filter(v, NULL);
	read_dir(v, NULL);
	return true;
}

static bool go_up(struct view *v)
{
	struct tree *t = v->state;
	char *slash = strrchr(t->dir, '/'), *name;

	if (!t->dir[1])
		return false;
	name = xstrdup(slash + 1);
	slash[slash == t->dir] = '\0';
	view_set_filter(v, NULL);
	read_dir(v, name);
	return true;
}

static void blamed(void *user, const struct blame *b)
{
	struct view *v = user;
	struct tree *t = v->state;
	struct buf text = {0};
	char age[16];

	t->blaming = NULL;
	if (b->err.text[0])
		buf_str(&text, b->err.text);
	else if (b->since)
		buf_fmt(&text, "changed since checkpoint #%u; ", b->present);
	if (!b->err.text[0] && b->number)
		buf_fmt(&text, "last changed by checkpoint #%u, %s ago%s%s", b->number,
			words_age((int64_t)time(NULL) - b->time, age, sizeof(age)),
			*b->message ? ": " : "", b->message);
	else if (!b->err.text[0])
		buf_str(&text, "no checkpoint has changed it");
	preview_say(t->pane, buf_cstr(&text));
	buf_free(&text);
}

static void blame(struct view *v)
{
	struct tree *t = v->state;
	const struct item *it = at_cursor(v);
	char *path;

	if (!it)
		return;
	job_cancel(t->blaming);
	path = path_of(t, it->name);
	t->blaming =
	    blame_start(v->env, t->jail, strcmp(t->word, "now") ? t->word : "", path, blamed, v);
	free(path);
}

/* An answer about another entry would be a wrong one. */
static void moved(struct view *v)
{
	struct tree *t = v->state;

	job_cancel(t->blaming);
	t->blaming = NULL;
	show_entry(v);
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	switch (c) {
	case CMD_RIGHT:
		go_in(v);
		return true;
	case CMD_ENTER:
		return go_in(v);
	case CMD_LEFT:
		go_up(v);
		return true;
	case CMD_BLAME:
		blame(v);
		return true;
	case CMD_REFRESH:
		open_anew(v);
		return true;
	default:
		return false;
	}
}

static bool target(struct view *v, enum command_id c, struct target *to, struct err *e)
{
	const struct tree *t = v->state;
	const struct item *it = at_cursor(v);

	memcpy(to->jail, t->jail, sizeof(to->jail));
	if (strcmp(t->word, "now") && c != CMD_ENTER)
		memcpy(to->a, t->word, sizeof(to->a));
	if (c == CMD_PREVIEW)
		strcpy(to->a, TARGET_ROLLBACK);
	if (it)
		snprintf(to->path, sizeof(to->path), "%s/%s", t->dir[1] ? t->dir : "", it->name);
	return true;
}

static struct view *pane(struct view *v)
{
	const struct tree *t = v->state;

	return t->pane;
}

static const enum command_id hints[] = {CMD_ENTER,  CMD_BLAME, CMD_SEARCH, CMD_DIFF,
					CMD_FILTER, CMD_BACK,  CMD_NONE};

const struct view_ops tree_view = {
    .name = "tree",
    .keys = KEYMAP_TREE,
    .size = sizeof(struct tree),
    .share = 50,
    .open = open_tree,
    .close = close_tree,
    .title = title,
    .info = info,
    .head = head,
    .row = row,
    .empty = empty,
    .command = command,
    .target = target,
    .moved = moved,
    .tick = tick,
    .still = still,
    .pane = pane,
    .hints = hints,
};
