/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A jail's processes, as its guest tells. */
#include "core/loop.h"
#include "views/ask.h"
#include "views/model.h"
#include "views/view.h"
#include "views/words.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EVERY_MS 2000
#define ANSWER_MS 2000

struct proc {
	int64_t pid, ppid, uid, threads, rss, cpu_ms;
	double share; /* of a processor since the last answer, -1: not known */
	char state;
	char *command;
};

enum column { BY_PID, BY_PPID, BY_UID, BY_S, BY_CPU, BY_RSS, BY_THR, BY_TIME, BY_COMMAND, COLUMNS };

/* As the heads have them. */
static const char *const column_names[COLUMNS] = {
    [BY_PID] = "pid", [BY_PPID] = "ppid", [BY_UID] = "uid",
    [BY_S] = "s",     [BY_CPU] = "cpu%",  [BY_RSS] = "rss",
    [BY_THR] = "thr", [BY_TIME] = "time", [BY_COMMAND] = "command",
};

struct procs {
	char jail[JAIL_NAME_MAX + 1];
	struct proc *v;
	size_t n;
	int64_t at;	   /* pid under the cursor: rows come and go */
	int64_t told, due; /* ms of the monotonic clock */
	struct ask *ask;
	bool cut;
	int error; /* of the last asking */
	enum column by;
	bool falling;
};

static void procs_free(struct proc *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].command);
	free(v);
}

static int64_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const struct proc *find(const struct procs *s, int64_t pid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].pid == pid)
			return &s->v[i];
	return NULL;
}

static void take_one(const struct procs *old, const json_t *o, int64_t ms, struct proc *to)
{
	const char *command = json_string_value(json_object_get(o, "command"));
	const char *comm = json_string_value(json_object_get(o, "comm"));
	const char *state = json_string_value(json_object_get(o, "state"));
	const struct proc *before;

	*to = (struct proc){.pid = num(o, "pid"),
			    .ppid = num(o, "ppid"),
			    .uid = num(o, "uid"),
			    .threads = num(o, "threads"),
			    .rss = num(o, "rss_kib"),
			    .cpu_ms = num(o, "cpu_ms"),
			    .share = -1,
			    .state = state ? *state : '?'};
	to->command = xstrdup(command && *command ? command : comm ? comm : "");
	before = find(old, to->pid);
	if (before && ms > 0 && to->cpu_ms >= before->cpu_ms)
		to->share = (double)(to->cpu_ms - before->cpu_ms) * 100 / (double)ms;
}

static double sort_key(enum column by, const struct proc *p)
{
	switch (by) {
	case BY_PPID:
		return (double)p->ppid;
	case BY_UID:
		return (double)p->uid;
	case BY_S:
		return p->state;
	case BY_CPU:
		return p->share;
	case BY_RSS:
		return (double)p->rss;
	case BY_THR:
		return (double)p->threads;
	case BY_TIME:
		return (double)p->cpu_ms;
	case BY_COMMAND:
		return 0;
	default:
		return (double)p->pid;
	}
}

static int compare(const void *a, const void *b, void *user)
{
	const struct procs *s = user;
	const struct proc *p = a, *q = b;
	double x = sort_key(s->by, p), y = sort_key(s->by, q);
	int r = x < y ? -1 : x > y ? 1 : 0;

	if (s->by == BY_COMMAND)
		r = strcmp(p->command, q->command);
	if (r)
		return s->falling ? -r : r;
	return p->pid < q->pid ? -1 : 1;
}

/* The cursor stays on its process. */
static void sort(struct view *v)
{
	struct procs *s = v->state;

	qsort_r(s->v, s->n, sizeof(*s->v), compare, s);
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].pid == s->at)
			v->cursor = i;
	view_stale(v);
}

static void sort_by(struct view *v, const char *word)
{
	struct procs *s = v->state;
	enum column by = s->by;

	if (!*word || !strcmp(word, "next"))
		by = (by + 1) % COLUMNS;
	else if (!strcmp(word, "prev"))
		by = (by + COLUMNS - 1) % COLUMNS;
	else
		for (int i = COLUMNS - 1; i >= 0; i--)
			if (!strncasecmp(word, column_names[i], strlen(word)))
				by = (enum column)i;
	s->falling = by == s->by ? !s->falling : by >= BY_CPU && by <= BY_TIME;
	s->by = by;
	sort(v);
}

static void answered(void *user, const json_t *o, int error)
{
	struct view *v = user;
	struct procs *s = v->state;
	const json_t *list = json_object_get(o, "processes");
	size_t n = json_array_size(list);
	int64_t now = loop_now_ms();
	struct proc *fresh;

	s->ask = NULL;
	s->due = now + EVERY_MS;
	s->error = error;
	if (o) {
		fresh = xcalloc(n ? n : 1, sizeof(*fresh));
		for (size_t i = 0; i < n; i++)
			take_one(s, json_array_get(list, i), s->told ? now - s->told : 0,
				 &fresh[i]);
		procs_free(s->v, s->n);
		s->v = fresh;
		s->n = n;
		s->told = now;
		s->cut = json_is_true(json_object_get(o, "cut"));
		v->first = 0;
		v->end = n;
		sort(v);
	}
	env_dirty(v->env);
}

static void tick(struct view *v)
{
	struct procs *s = v->state;
	const struct jail_status *st = model_find(v->env->model, s->jail);

	if (s->ask || loop_now_ms() < s->due)
		return;
	if (!st || st->state != JAIL_RUNNING) {
		if (model_loaded(v->env->model)) {
			procs_free(s->v, s->n);
			s->v = NULL;
			s->n = 0;
			s->told = 0;
			v->first = v->end = 0;
			view_stale(v);
		}
		return;
	}
	s->ask = ask_start(v->env, s->jail, "procs", ANSWER_MS, answered, v);
}

static int open_procs(struct view *v, const struct target *t, struct err *e)
{
	struct procs *s = v->state;

	memcpy(s->jail, t->jail, sizeof(s->jail));
	tick(v);
	return 0;
}

static void close_procs(struct view *v)
{
	struct procs *s = v->state;

	ask_cancel(s->ask);
	procs_free(s->v, s->n);
}

static void moved(struct view *v)
{
	struct procs *s = v->state;
	uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;

	if (pos < s->n)
		s->at = s->v[pos].pid;
}

static void title(struct view *v, struct row *out)
{
	const struct procs *s = v->state;

	row_str(out, STYLE_STRONG, s->jail);
	row_str(out, STYLE_TEXT, " ");
	row_glyph(out, STYLE_DIM, GLYPH_CRUMB);
	row_str(out, STYLE_STRONG, " processes");
	row_str(out, STYLE_DIM, "  as the guest tells");
	if (s->by != BY_PID || s->falling)
		row_fmt(out, STYLE_DIM, ", by %s%s", column_names[s->by],
			s->falling ? ", falling" : "");
}

static void info(struct view *v, struct row *out)
{
	const struct procs *s = v->state;
	char text[48];

	if (s->error == -ETIMEDOUT)
		row_str(out, STYLE_BAD, "not answering  ");
	row_fmt(out, STYLE_DIM, "%s%s", s->cut ? "more than " : "",
		words_count(s->n, "process", "processes", text, sizeof(text)));
}

#define WIDE 60

static void head(struct view *v, const struct look *k, struct row *out)
{
	row_str(out, STYLE_HEAD, "     PID");
	if (k->width >= WIDE)
		row_str(out, STYLE_HEAD, "    PPID");
	row_str(out, STYLE_HEAD, "    UID S   CPU%  RSS");
	if (k->width >= WIDE)
		row_str(out, STYLE_HEAD, "  THR     TIME");
	row_str(out, STYLE_HEAD, "  COMMAND");
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct procs *s = v->state;
	const struct proc *p = &s->v[pos];
	char state[2] = {p->state, '\0'}, text[16];

	row_right(out, STYLE_ID, 8, "%" PRId64, p->pid);
	if (k->width >= WIDE)
		row_right(out, STYLE_DIM, 8, "%" PRId64, p->ppid);
	row_right(out, STYLE_DIM, 7, "%" PRId64, p->uid);
	row_str(out, STYLE_TEXT, " ");
	row_str(out,
		p->state == 'R'	  ? STYLE_GOOD
		: p->state == 'S' ? STYLE_DIM
				  : STYLE_BUSY,
		state);
	if (p->share >= 0)
		row_right(out, p->share >= 1 ? STYLE_STRONG : STYLE_DIM, 7, "%.1f", p->share);
	else
		row_right(out, STYLE_DIM, 7, "%s", "");
	row_right(out, STYLE_TEXT, 5, "%s",
		  words_size((uint64_t)(p->rss > 0 ? p->rss : 0) * 1024, text, sizeof(text)));
	if (k->width >= WIDE) {
		row_right(out, STYLE_DIM, 5, "%" PRId64, p->threads);
		row_right(out, STYLE_DIM, 9, "%" PRId64 ":%02" PRId64 ".%02" PRId64,
			  p->cpu_ms / 60000, p->cpu_ms / 1000 % 60, p->cpu_ms / 10 % 100);
	}
	row_str(out, STYLE_TEXT, "  ");
	row_add(out, STYLE_TEXT, p->command, strlen(p->command));
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct procs *s = v->state;
	const struct jail_status *st = model_find(v->env->model, s->jail);

	if (i != 1 || v->filter)
		return i == 0;
	if (st && st->state != JAIL_RUNNING) {
		row_fmt(out, STYLE_DIM, " %s is %s: no process runs in it.", s->jail,
			jail_state_name(st->state));
	} else if (s->error) {
		row_str(out, STYLE_BAD,
			s->error == -ETIMEDOUT ? " The guest does not answer."
					       : " The guest does not tell.");
	} else {
		row_str(out, STYLE_DIM, " asking the guest");
	}
	return true;
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	struct procs *s = v->state;

	if (c == CMD_SORT) {
		sort_by(v, args);
		return true;
	}
	if (c != CMD_REFRESH)
		return false;
	s->due = 0;
	tick(v);
	return true;
}

static bool target(struct view *v, enum command_id c, struct target *t, struct err *e)
{
	const struct procs *s = v->state;

	memcpy(t->jail, s->jail, sizeof(t->jail));
	if (c == CMD_PREVIEW)
		strcpy(t->a, TARGET_ROLLBACK);
	return true;
}

static const enum command_id hints[] = {CMD_SEARCH, CMD_FILTER,	  CMD_REFRESH, CMD_CONSOLE,
					CMD_FEED,   CMD_ROLLBACK, CMD_BACK,    CMD_NONE};

const struct view_ops procs_view = {
    .name = "processes",
    .keys = KEYMAP_PROCESSES,
    .size = sizeof(struct procs),
    .open = open_procs,
    .close = close_procs,
    .title = title,
    .info = info,
    .head = head,
    .row = row,
    .empty = empty,
    .command = command,
    .target = target,
    .moved = moved,
    .tick = tick,
    .hints = hints,
};
