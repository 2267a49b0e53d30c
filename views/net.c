/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A jail's network: what waits for a verdict, what is open; beside it, its past: a feed of class
 * net. Names come from name servers and are as hostile as all that a guest says. */
#include "core/loop.h"
#include "views/ask.h"
#include "views/model.h"
#include "views/view.h"
#include "views/words.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS 1000
#define ANSWER_MS 2000
#define STEADY_MS                                                                                  \
	700 /* that a row must have been under the cursor when it came there by itself             \
	     */

enum kind { QUESTION, FLOW };

struct line {
	enum kind kind;
	int64_t id; /* of the question; of a flow: the guest's port */
	int64_t port, times, flows, ms, out, in;
	double out_rate, in_rate; /* bytes a second, -1: not known */
	char proto[8];
	char *process;		     /* that asks, as the guest tells; "" */
	int64_t pid, uid;	     /* of it */
	char *name, *address, *rule; /* rule: for good, or for a flow "PROTO/HOST:PORT" */
	bool inward;
};

struct net {
	char jail[JAIL_NAME_MAX + 1];
	struct view *feed;
	struct line *v;
	size_t n, waiting, flows;
	struct line at; /* the row under the cursor, its strings NULL: rows come and go */
	bool has_at;
	int64_t jumped;	   /* ms of the monotonic clock: another row came under the cursor */
	int64_t told, due; /* the same */
	struct ask *ask;
	int64_t in, out;
	char mode[8];
	bool online;
	int error; /* of the last asking */
};

static void lines_free(struct line *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].address);
		free(v[i].rule);
		free(v[i].process);
	}
	free(v);
}

static int64_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool same(const struct line *a, const struct line *b)
{
	return a->kind == b->kind && a->id == b->id &&
	       (a->kind == QUESTION || (a->port == b->port && !strcmp(a->proto, b->proto)));
}

static const struct line *find(const struct net *s, const struct line *l)
{
	for (size_t i = 0; i < s->n; i++)
		if (same(&s->v[i], l))
			return &s->v[i];
	return NULL;
}

static struct line take_one(const json_t *o, enum kind kind)
{
	struct line l = {.kind = kind,
			 .id = num(o, kind == QUESTION ? "id" : "from"),
			 .port = num(o, "port"),
			 .times = num(o, "times"),
			 .flows = num(o, "flows"),
			 .ms = num(o, "ms"),
			 .out = num(o, "out"),
			 .in = num(o, "in"),
			 .out_rate = -1,
			 .in_rate = -1,
			 .name = xstrdup(text(o, "name")),
			 .address = xstrdup(text(o, "address")),
			 .inward = json_is_true(json_object_get(o, "inward"))};

	snprintf(l.proto, sizeof(l.proto), "%s", text(o, "proto"));
	l.process = xstrdup(text(o, "command"));
	l.pid = num(o, "pid");
	l.uid = num(o, "uid");
	if (kind == QUESTION)
		l.rule = xstrdup(text(o, "rule"));
	else if (!l.port)
		l.rule = xasprintf("%s/%s", l.proto, l.address);
	else if (*l.name)
		l.rule = xasprintf("%s/%s:%" PRId64, l.proto, l.name, l.port);
	else
		l.rule = xasprintf(strchr(l.address, ':') ? "%s/[%s]:%" PRId64 : "%s/%s:%" PRId64,
				   l.proto, l.address, l.port);
	return l;
}

/* Questions as they came, then what has moved most. */
static int compare(const void *a, const void *b)
{
	const struct line *p = a, *q = b;
	int64_t x = p->out + p->in, y = q->out + q->in;

	if (p->kind != q->kind)
		return p->kind == QUESTION ? -1 : 1;
	if (p->kind == FLOW && x != y)
		return x > y ? -1 : 1;
	return p->id < q->id ? -1 : p->id > q->id;
}

static void rate(struct line *l, const struct line *before, int64_t ms)
{
	if (!before || ms <= 0 || l->out < before->out || l->in < before->in)
		return;
	l->out_rate = (double)(l->out - before->out) * 1000 / (double)ms;
	l->in_rate = (double)(l->in - before->in) * 1000 / (double)ms;
}

static void moved(struct view *v)
{
	struct net *s = v->state;
	uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;

	s->has_at = pos < s->n;
	if (!s->has_at)
		return;
	s->at = s->v[pos];
	s->at.name = s->at.address = s->at.rule = s->at.process = NULL;
}

/* The cursor stays on its row. Where that is gone another comes under it, which no key that is on
 * its way was meant for. */
static void settle(struct view *v, bool first, int64_t now)
{
	struct net *s = v->state;
	const struct line *here = s->has_at ? find(s, &s->at) : NULL;

	/* the first question is what one waits for */
	if (first && here && here->kind == FLOW)
		here = NULL;
	if (first)
		v->cursor = 0;
	v->first = 0;
	v->end = s->n;
	if (here)
		v->cursor = (uint64_t)(here - s->v);
	else if (s->has_at)
		s->jumped = now;
	view_stale(v);
	if (!here)
		moved(v);
}

static void take(struct view *v, const json_t *o, int64_t now)
{
	struct net *s = v->state;
	const json_t *queue = json_object_get(o, "queue"), *flows = json_object_get(o, "flows");
	size_t waiting = json_array_size(queue), open = json_array_size(flows);
	size_t n = waiting + open;
	bool first = waiting && !s->waiting;
	struct line *fresh = xcalloc(n ? n : 1, sizeof(*fresh));

	for (size_t i = 0; i < waiting; i++)
		fresh[i] = take_one(json_array_get(queue, i), QUESTION);
	for (size_t i = waiting; i < n; i++) {
		fresh[i] = take_one(json_array_get(flows, i - waiting), FLOW);
		rate(&fresh[i], find(s, &fresh[i]), s->told ? now - s->told : 0);
	}
	qsort(fresh, n, sizeof(*fresh), compare);
	lines_free(s->v, s->n);
	s->v = fresh;
	s->n = n;
	s->waiting = (size_t)num(o, "waiting") > waiting ? (size_t)num(o, "waiting") : waiting;
	s->flows = open;
	s->in = num(o, "in");
	s->out = num(o, "out");
	s->online = json_is_true(json_object_get(o, "online"));
	snprintf(s->mode, sizeof(s->mode), "%s", text(o, "mode"));
	s->told = now;
	settle(v, first, now);
}

static void answered(void *user, const json_t *o, int error)
{
	struct view *v = user;
	struct net *s = v->state;
	int64_t now = loop_now_ms();

	s->ask = NULL;
	s->due = now + EVERY_MS;
	s->error = error;
	if (o)
		take(v, o, now);
	env_dirty(v->env);
}

static void tick(struct view *v)
{
	struct net *s = v->state;
	const struct jail_status *st = model_find(v->env->model, s->jail);

	s->feed->ops->tick(s->feed);
	if (s->ask || loop_now_ms() < s->due)
		return;
	if (st && status_is_up(st)) {
		s->ask = ask_call(v->env, s->jail, "net", json_pack("{s:s}", "do", "list"),
				  ANSWER_MS, answered, v);
	} else if (s->n && model_loaded(v->env->model)) {
		take(v, NULL, loop_now_ms());
		s->told = 0;
	}
}

static int open_net(struct view *v, const struct target *t, struct err *e)
{
	struct net *s = v->state;
	struct target feed = {.view = &feed_view};

	memcpy(s->jail, t->jail, sizeof(s->jail));
	memcpy(feed.jail, t->jail, sizeof(feed.jail));
	s->feed = view_open(v->env, &feed, e);
	if (!s->feed)
		return -1;
	view_set_filter(s->feed, "class:net");
	tick(v);
	return 0;
}

static void close_net(struct view *v)
{
	struct net *s = v->state;

	ask_cancel(s->ask);
	view_close(s->feed);
	lines_free(s->v, s->n);
}

static void title(struct view *v, struct row *out)
{
	const struct net *s = v->state;

	row_str(out, STYLE_STRONG, s->jail);
	row_str(out, STYLE_TEXT, " ");
	row_glyph(out, STYLE_DIM, GLYPH_CRUMB);
	row_str(out, STYLE_STRONG, " net");
	if (*s->mode)
		row_fmt(out, STYLE_DIM, "  mode %s", s->mode);
}

static void info(struct view *v, struct row *out)
{
	const struct net *s = v->state;
	char in[16], sent[16];

	if (s->error == -ETIMEDOUT)
		row_str(out, STYLE_BAD, "not answering  ");
	if (*s->mode && !s->online)
		row_str(out, STYLE_BUSY, "offline  ");
	row_fmt(out, STYLE_DIM, "%zu open, in %s, out %s", s->flows,
		words_size((uint64_t)s->in, in, sizeof(in)),
		words_size((uint64_t)s->out, sent, sizeof(sent)));
}

#define TARGET_COLS 30 /* at least */
#define FIXED_COLS 45  /* all that is not the target */
#define WIDE_COLS 120  /* from here on the process that asks has room for more */
#define WIDE_MORE 24

static size_t target_cols(const struct look *k)
{
	size_t fixed = FIXED_COLS + (k->width >= WIDE_COLS ? WIDE_MORE : 0);

	return k->width > fixed + TARGET_COLS ? k->width - fixed : TARGET_COLS;
}

static void head(struct view *v, const struct look *k, struct row *out)
{
	row_str(out, STYLE_HEAD, "      PROTO ");
	row_field(out, STYLE_HEAD, target_cols(k), "TARGET", 6);
	row_str(out, STYLE_HEAD, "  PORT AGE  OUT /s   IN /s");
}

/* "www.example.org (192.0.2.1)", into n columns; the name is what was asked for. */
static void put_target(const struct line *l, size_t cols, struct row *out)
{
	size_t from = out->cols, address = strlen(l->address) + 3, name;

	if (*l->name && cols > address + 8) {
		name = strlen(l->name) < cols - address ? strlen(l->name) : cols - address;
		row_field_tail(out, STYLE_STRONG, name, l->name, strlen(l->name));
		row_str(out, STYLE_DIM, " (");
		row_add(out, STYLE_DIM, l->address, strlen(l->address));
		row_str(out, STYLE_DIM, ")");
	} else if (*l->name) {
		row_field_tail(out, STYLE_STRONG, cols, l->name, strlen(l->name));
	} else {
		row_field(out, STYLE_STRONG, cols, l->address, strlen(l->address));
	}
	row_to(out, from + cols);
}

static void put_rate(int64_t bytes, double a_second, struct row *out)
{
	char total[16], per[16] = "";

	words_size((uint64_t)(bytes > 0 ? bytes : 0), total, sizeof(total));
	if (a_second >= 1)
		words_size((uint64_t)a_second, per, sizeof(per));
	row_right(out, STYLE_TEXT, 5, "%s", total);
	row_right(out, STYLE_GOOD, 5, "%s", per);
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct net *s = v->state;
	const struct line *l = &s->v[pos];
	char age[16];

	if (l->kind == QUESTION)
		row_right(out, STYLE_BUSY, 5, "%" PRId64 "?", l->id);
	else
		row_right(out, STYLE_DIM, 5, "%s", l->inward ? "in" : "open");
	row_str(out, STYLE_TEXT, " ");
	row_field(out, STYLE_TEXT, 5, l->proto, strlen(l->proto));
	row_str(out, STYLE_TEXT, " ");
	put_target(l, target_cols(k), out);
	row_right(out, STYLE_ID, 6, "%" PRId64, l->port);
	row_right(out, STYLE_DIM, 4, "%s", words_age(l->ms / 1000, age, sizeof(age)));
	if (l->kind == FLOW) {
		put_rate(l->out, l->out_rate, out);
		put_rate(l->in, l->in_rate, out);
		return;
	}
	if (*l->process) {
		row_fmt(out, STYLE_DIM, "  %" PRId64 " ", l->pid);
		if (k->width >= WIDE_COLS)
			row_fmt(out, STYLE_DIM, "uid %" PRId64 " ", l->uid);
		row_add(out, STYLE_TEXT, l->process, strlen(l->process));
	} else {
		row_str(out, STYLE_BUSY, "  waits");
	}
	if (l->times > 1)
		row_fmt(out, STYLE_DIM, ", %" PRId64 " tries", l->times);
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct net *s = v->state;
	const struct jail_status *st = model_find(v->env->model, s->jail);

	if (i != 1 || v->filter)
		return i == 0;
	if (st && !status_is_up(st))
		row_fmt(out, STYLE_DIM, " %s is %s: nothing of it is on the network.", s->jail,
			jail_state_name(st->state));
	else if (s->error)
		row_str(out, STYLE_BAD, " Its warden does not tell.");
	else if (!strcmp(s->mode, "none"))
		row_fmt(out, STYLE_DIM, " No network: gaol set %s net.mode=ask gives it one.",
			s->jail);
	else if (*s->mode)
		row_str(out, STYLE_DIM, " Nothing waits, nothing is open.");
	else
		row_str(out, STYLE_DIM, " asking the warden");
	return true;
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	struct net *s = v->state;

	if (c != CMD_REFRESH)
		return false;
	s->due = 0;
	tick(v);
	return true;
}

/* A question by its number, which stands for its rule as well; of a flow what a rule would say. */
static bool verdict_target(struct view *v, struct target *t, struct err *e)
{
	const struct net *s = v->state;
	uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;

	if (pos >= s->n) {
		err_set(e, -ENOENT, "nothing waits here");
		return false;
	}
	if (s->jumped && loop_now_ms() - s->jumped < STEADY_MS) {
		err_set(e, -EAGAIN, "the rows have just moved: look, then press again");
		return false;
	}
	if (s->v[pos].inward) {
		err_set(e, -EINVAL, "it came in through a published port: no rule is on it");
		return false;
	}
	if (s->v[pos].kind == QUESTION)
		snprintf(t->a, sizeof(t->a), "%" PRId64, s->v[pos].id);
	snprintf(t->path, sizeof(t->path), "%s", s->v[pos].rule);
	return true;
}

static bool target(struct view *v, enum command_id c, struct target *t, struct err *e)
{
	const struct net *s = v->state;

	memcpy(t->jail, s->jail, sizeof(t->jail));
	if (c == CMD_PREVIEW)
		strcpy(t->a, TARGET_ROLLBACK);
	return (c != CMD_ALLOW && c != CMD_DENY) || verdict_target(v, t, e);
}

static struct view *pane(struct view *v)
{
	const struct net *s = v->state;

	return s->feed;
}

static const enum command_id hints[] = {CMD_ALLOW,     CMD_DENY,    CMD_SEARCH, CMD_FILTER,
					CMD_NEXT_PANE, CMD_CONSOLE, CMD_BACK,	CMD_NONE};

const struct view_ops net_view = {
    .name = "net",
    .keys = KEYMAP_NET,
    .size = sizeof(struct net),
    .share = 60,
    .open = open_net,
    .close = close_net,
    .title = title,
    .info = info,
    .head = head,
    .row = row,
    .empty = empty,
    .command = command,
    .target = target,
    .moved = moved,
    .tick = tick,
    .pane = pane,
    .hints = hints,
};
