/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One jail: what it is, what it costs, its walls, settings and last checkpoints; beside it, its
 * feed. */
#include "core/conf.h"
#include "core/hostproc.h"
#include "core/loop.h"
#include "core/repo/log.h"
#include "core/usage.h"
#include "views/ask.h"
#include "views/jobs.h"
#include "views/model.h"
#include "views/pulse.h"
#include "views/view.h"
#include "views/words.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define CHECKPOINTS_MAX 8
#define LOOK_MS 2000   /* between two looks at what it costs */
#define USAGE_MS 30000 /* the same for the disk: a tree is walked */
#define ANSWER_MS 2000
#define LABEL_COLS 13

/* A line: a heading (no text), or a label with a text. */
struct fact {
	const char *label;
	enum style style;
	char *text;
	unsigned checkpoint; /* that Enter shows, 0: none */
	unsigned parent;
};

struct saved {
	unsigned number;
	enum ckpt_kind kind;
	int64_t time;
	uint64_t added, modified, deleted;
	char *message;
	bool present;
};

/* What a look from outside finds. */
struct found {
	struct hostcost cost;
	int64_t at; /* ms of the monotonic clock when it was measured */
	struct usage upper, repo;
	bool measured; /* usage is */
	struct saved saved[CHECKPOINTS_MAX];
	size_t nsaved, all;
	char *settings; /* lines of jail.conf that are not the defaults */
	char *walls;
	struct err err;
};

struct dash {
	char jail[JAIL_NAME_MAX + 1];
	struct view *feed;
	struct fact *facts;
	size_t n, cap;
	struct found found, before; /* before: for differences of cost only */
	bool looked;
	struct job *job;
	struct ask *ask;
	bool told; /* the guest has answered: */
	uint64_t guest_memory, guest_free, tasks;
	double load;
	int64_t due, usage_due;
};

struct looking {
	struct view *view;
	const struct jail_places *places;
	char jail[JAIL_NAME_MAX + 1];
	pid_t warden;
	bool measure;
	struct found found;
};

static void found_free(struct found *f)
{
	for (size_t i = 0; i < f->nsaved; i++)
		free(f->saved[i].message);
	free(f->settings);
	free(f->walls);
	*f = (struct found){0};
}

/* Comments and what is as usual are left out; the rest is what somebody has decided. */
static char *settings_of(const struct conf *c)
{
	struct buf all = {0}, some = {0};

	conf_write(c, &all);
	for (const char *p = buf_cstr(&all); *p;) {
		size_t n = strcspn(p, "\n"), skip = strspn(p, " \t");

		if (skip < n && !strchr("#;", p[skip]) &&
		    (p[skip] != '[' || !strncmp(p + skip, "[path", 5)))
			buf_fmt(&some, "%.*s\n", (int)(n - skip), p + skip);
		p += n + (p[n] == '\n');
	}
	buf_free(&all);
	return buf_take(&some);
}

static char *walls_of(const struct conf *c)
{
	struct buf b = {0};

	buf_str(&b, c->profile == CONF_BOX
			? "box: all it sees can be changed, copy-on-write\n"
		    : c->profile == CONF_APP
			? "app: the system is read-only, /tmp /var are private\n"
			: "blank: an empty disk, the host's programs read-only\n");
	buf_fmt(&b, "network: %s\n", conf_net_name(c->net));
	if (c->speed == CONF_TRUSTING)
		buf_str(&b, "trusting: a process can read and write all of the guest\n");
	return buf_take(&b);
}

static bool add_saved(void *user, const struct checkpoint *c)
{
	struct found *f = user;
	struct saved *s = &f->saved[f->nsaved];

	f->all++;
	if (f->nsaved == CHECKPOINTS_MAX)
		return true;
	*s = (struct saved){.number = c->number,
			    .kind = c->kind,
			    .time = c->time,
			    .added = c->added,
			    .modified = c->modified,
			    .deleted = c->deleted,
			    .message = xstrdup(c->message ? c->message : ""),
			    .present = c->present};
	f->nsaved++;
	return true;
}

static void work(struct job *j, void *data)
{
	struct looking *l = data;
	struct found *f = &l->found;
	struct repo *repo = NULL;
	struct jail jail;
	struct conf c;

	if (jail_open(&jail, l->places, l->jail, &f->err))
		return;
	if (!conf_load(jail.dirfd, CONF_FILE, &c, &f->err)) {
		f->settings = settings_of(&c);
		f->walls = walls_of(&c);
	}
	conf_free(&c);
	if (!repo_open(&repo, jail.dirfd, NULL)) {
		log_each(repo, add_saved, f, NULL);
		repo_close(repo);
	}
	if (l->warden)
		hostproc_cost(l->warden, &f->cost);
	f->at = loop_now_ms();
	if (l->measure) {
		usage_tree(jail.dirfd, "upper", &f->upper);
		usage_tree(jail.dirfd, REPO_DIR, &f->repo);
		f->measured = true;
	}
	jail_close(&jail);
}

static struct fact *add(struct dash *d, const char *label)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 64;
		d->facts = xrealloc(d->facts, d->cap * sizeof(*d->facts));
	}
	d->facts[d->n] = (struct fact){.label = label};
	return &d->facts[d->n++];
}

static void fact(struct dash *d, const char *label, enum style s, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void fact(struct dash *d, const char *label, enum style s, const char *fmt, ...)
{
	struct fact *f = add(d, label);
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	f->style = s;
	f->text = buf_take(&b);
}

/* A line each; the label stands before the first. */
static void lines(struct dash *d, const char *label, enum style s, const char *text)
{
	while (text && *text) {
		size_t n = strcspn(text, "\n");

		fact(d, label, s, "%.*s", (int)n, text);
		label = "";
		text += n + (text[n] == '\n');
	}
}

static void add_state(struct view *v, const struct jail_status *st, int64_t now)
{
	struct dash *d = v->state;
	bool hung = pulse_hung(v->env->pulse, d->jail);
	char age[16];

	/* a checkpoint enters its state again: of one that is up, the boot is what counts */
	fact(d, "state", hung ? STYLE_BAD : status_style(st), "%s%s, %s %s",
	     jail_state_name(st->state), hung ? ", not answering" : "", st->booted ? "up" : "for",
	     words_age(now - (st->booted ? st->booted : st->since), age, sizeof(age)));
	if (st->reason[0] &&
	    (st->state == JAIL_CRASHED || st->state == JAIL_FAILED || st->state == JAIL_STOPPED))
		fact(d, "reason", STYLE_BAD, "%s", st->reason);
	if (st->has_exit && WIFEXITED(st->exit_status))
		fact(d, "command", STYLE_TEXT, "ended with %d", WEXITSTATUS(st->exit_status));
	if (st->note[0])
		fact(d, "note", STYLE_TEXT, "%s", st->note);
	if (st->viewers)
		fact(d, "attached", STYLE_TEXT, "%d", st->viewers);
	if (st->window[0])
		fact(d, "window", STYLE_TEXT, "%s", st->window);
	fact(d, "made", STYLE_DIM, "%s ago", words_age(now - st->created, age, sizeof(age)));
}

static void add_cost(struct dash *d, const struct jail_status *st)
{
	const struct hostcost *c = &d->found.cost;
	int64_t ms = d->found.at - d->before.at;
	char one[16], two[16];

	if (st->warden && c->processes) {
		if (d->before.at && ms > 0 && c->cpu_ms >= d->before.cost.cpu_ms)
			fact(d, "processor", STYLE_TEXT, "%.1f%%, %s in all",
			     (double)(c->cpu_ms - d->before.cost.cpu_ms) * 100 / (double)ms,
			     words_age((int64_t)c->cpu_ms / 1000, one, sizeof(one)));
		fact(d, "on the host", STYLE_TEXT, "%s in %u processes",
		     c->pss ? words_size(c->pss, one, sizeof(one)) : "memory unknown",
		     c->processes);
	}
	if (d->told)
		fact(d, "guest says", STYLE_TEXT, "%s of %s used, load %.2f, %" PRIu64 " tasks",
		     words_size(d->guest_memory - d->guest_free, one, sizeof(one)),
		     words_size(d->guest_memory, two, sizeof(two)), d->load, d->tasks);
	else
		fact(d, "memory", STYLE_TEXT, "%s", words_size(st->memory, one, sizeof(one)));
	if (d->found.measured)
		fact(d, "disk", STYLE_TEXT, "layer %s in %" PRIu64 " entries, checkpoints %s",
		     words_size(d->found.upper.bytes, one, sizeof(one)), d->found.upper.entries,
		     words_size(d->found.repo.bytes, two, sizeof(two)));
}

static void add_checkpoints(struct dash *d, int64_t now)
{
	char age[16];

	for (size_t i = 0; i < d->found.nsaved; i++) {
		const struct saved *s = &d->found.saved[i];
		struct fact *f;

		fact(d, "", s->present ? STYLE_GOOD : STYLE_TEXT,
		     "#%-4u %-8s %4s  +%" PRIu64 " ~%" PRIu64 " -%" PRIu64 "  %s%s", s->number,
		     ckpt_kind_name(s->kind), words_age(now - s->time, age, sizeof(age)), s->added,
		     s->modified, s->deleted, s->message,
		     !s->present   ? ""
		     : *s->message ? "  here"
				   : "here");
		f = &d->facts[d->n - 1];
		f->checkpoint = s->number;
	}
	if (d->found.all > d->found.nsaved)
		fact(d, "", STYLE_DIM, "and %zu older", d->found.all - d->found.nsaved);
}

static void forget(struct dash *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->facts[i].text);
	d->n = 0;
}

static void build(struct view *v)
{
	struct dash *d = v->state;
	const struct jail_status *st = model_find(v->env->model, d->jail);
	int64_t now = time(NULL);

	forget(d);
	if (st) {
		add_state(v, st, now);
		add(d, NULL);
		add_cost(d, st);
	}
	if (d->looked) {
		lines(d, "walls", STYLE_TEXT, d->found.walls);
		if (d->found.err.text[0])
			fact(d, "jail.conf", STYLE_BAD, "%s", d->found.err.text);
		if (d->found.settings && *d->found.settings)
			lines(d, "settings", STYLE_META, d->found.settings);
		add(d, NULL);
		add(d, "checkpoints");
		add_checkpoints(d, now);
	}
	v->first = 0;
	v->end = d->n;
	if (v->filter)
		view_stale(v);
	env_dirty(v->env);
}

static void done(void *data)
{
	struct looking *l = data;
	struct dash *d = l->view->state;

	d->job = NULL;
	d->due = loop_now_ms() + LOOK_MS;
	if (!l->found.measured && d->found.measured) {
		l->found.upper = d->found.upper;
		l->found.repo = d->found.repo;
		l->found.measured = true;
	} else {
		d->usage_due = loop_now_ms() + USAGE_MS;
	}
	found_free(&d->before);
	d->before.at = d->found.at;
	d->before.cost = d->found.cost;
	found_free(&d->found);
	d->found = l->found;
	l->found = (struct found){0};
	d->looked = true;
	build(l->view);
}

static void drop(void *data)
{
	struct looking *l = data;

	found_free(&l->found);
	free(l);
}

static const struct job_ops looking_ops = {.work = work, .done = done, .drop = drop};

static void answered(void *user, const json_t *o, int error)
{
	struct view *v = user;
	struct dash *d = v->state;
	uint64_t all = (uint64_t)json_integer_value(json_object_get(o, "memory_kib"));
	uint64_t left = (uint64_t)json_integer_value(json_object_get(o, "available_kib"));

	d->ask = NULL;
	/* a guest may tell what it likes */
	d->told = o && all && all < (uint64_t)1 << 40;
	if (!d->told)
		return;
	d->guest_memory = all * 1024;
	d->guest_free = (left < all ? left : all) * 1024;
	d->tasks = (uint64_t)json_integer_value(json_object_get(o, "tasks"));
	d->load = json_number_value(json_array_get(json_object_get(o, "load"), 0));
	build(v);
}

static void look(struct view *v)
{
	struct dash *d = v->state;
	const struct jail_status *st = model_find(v->env->model, d->jail);
	int64_t now = loop_now_ms();
	struct looking *l;

	if (!st || st->state != JAIL_RUNNING)
		d->told = false;
	if (d->job || now < d->due)
		return;
	if (st && st->state == JAIL_RUNNING && !d->ask)
		d->ask = ask_start(v->env, d->jail, "info", ANSWER_MS, answered, v);
	l = xcalloc(1, sizeof(*l));
	l->view = v;
	l->places = v->env->places;
	l->warden = st ? st->warden : 0;
	l->measure = now >= d->usage_due;
	memcpy(l->jail, d->jail, sizeof(l->jail));
	d->job = jobs_start(v->env->jobs, &looking_ops, l);
}

static void tick(struct view *v)
{
	if (v->env->pulse)
		pulse_tick(v->env->pulse);
	look(v);
	build(v);
}

static int open_dash(struct view *v, const struct target *t, struct err *e)
{
	struct dash *d = v->state;
	struct target feed = {.view = &feed_view};

	memcpy(d->jail, t->jail, sizeof(d->jail));
	memcpy(feed.jail, t->jail, sizeof(feed.jail));
	d->feed = view_open(v->env, &feed, e);
	if (!d->feed)
		return -1;
	tick(v);
	return 0;
}

static void close_dash(struct view *v)
{
	struct dash *d = v->state;

	job_cancel(d->job);
	ask_cancel(d->ask);
	view_close(d->feed);
	forget(d);
	free(d->facts);
	found_free(&d->found);
	found_free(&d->before);
}

static void title(struct view *v, struct row *out)
{
	const struct dash *d = v->state;

	row_str(out, STYLE_STRONG, d->jail);
}

static void info(struct view *v, struct row *out)
{
	const struct dash *d = v->state;

	d->feed->ops->info(d->feed, out);
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct dash *d = v->state;
	const struct fact *f = &d->facts[pos];

	row_str(out, STYLE_TEXT, " ");
	if (!f->label)
		return;
	row_str(out, STYLE_HEAD, f->label);
	if (!f->text)
		return;
	/* what has no label goes on under one, or is a table of its own */
	row_to(out, f->checkpoint ? 2 : LABEL_COLS);
	row_add(out, f->style, f->text, strlen(f->text));
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct dash *d = v->state;

	if (i == 1 && model_loaded(v->env->model) && !model_find(v->env->model, d->jail))
		row_fmt(out, STYLE_DIM, " There is no jail %s any more.", d->jail);
	return i < 2;
}

static const struct fact *at_cursor(struct view *v)
{
	const struct dash *d = v->state;
	uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;

	return pos < d->n ? &d->facts[pos] : NULL;
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	struct dash *d = v->state;
	size_t dir = c == CMD_NEXT_PART ? 1 : (size_t)-1;

	if (c == CMD_REFRESH) {
		d->due = d->usage_due = 0;
		look(v);
		return true;
	}
	if (c != CMD_NEXT_PART && c != CMD_PREV_PART)
		return false;
	for (size_t i = view_cursor(v) + dir; i < view_count(v); i += dir) {
		const struct fact *f = &d->facts[view_pos(v, i)];

		if (f->label && *f->label) {
			view_go(v, i);
			break;
		}
	}
	return true;
}

static bool target(struct view *v, enum command_id c, struct target *t, struct err *e)
{
	const struct dash *d = v->state;
	const struct fact *f = at_cursor(v);

	memcpy(t->jail, d->jail, sizeof(t->jail));
	if (f && f->checkpoint &&
	    (c == CMD_ENTER || c == CMD_DIFF || c == CMD_ROLLBACK || c == CMD_TREE))
		snprintf(t->a, sizeof(t->a), "%u", f->checkpoint);
	if (c == CMD_ENTER)
		t->view = f && f->checkpoint ? &diff_view : &feed_view;
	else if (c == CMD_PREVIEW)
		strcpy(t->a, TARGET_ROLLBACK);
	return true;
}

static struct view *pane(struct view *v)
{
	const struct dash *d = v->state;

	return d->feed;
}

static const enum command_id hints[] = {
    CMD_CONSOLE, CMD_START, CMD_DIFF,	   CMD_ROLLBACK, CMD_CHECKPOINT, CMD_LOG,  CMD_FEED,
    CMD_TREE,	 CMD_STOP,  CMD_PROCESSES, CMD_SETTINGS, CMD_NEXT_PANE,	 CMD_BACK, CMD_NONE};

const struct view_ops jail_view = {
    .name = "jail",
    .keys = KEYMAP_JAIL,
    .size = sizeof(struct dash),
    .share = 55,
    .open = open_dash,
    .close = close_dash,
    .title = title,
    .info = info,
    .row = row,
    .empty = empty,
    .command = command,
    .target = target,
    .tick = tick,
    .pane = pane,
    .hints = hints,
};
