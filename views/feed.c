/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a jail changes, live. */
#include "core/event.h"
#include "views/feedlink.h"
#include "views/feedstore.h"
#include "views/model.h"
#include "views/view.h"
#include "views/words.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct feed {
	char jail[JAIL_NAME_MAX + 1];
	struct feedstore *store;
	struct feedlink *link;
	bool paused; /* the rows stand still; events are taken on */
	bool reads, denials;
	uint64_t changes; /* events that changed something */
	uint64_t lost;
};

static void on_event(void *user, const struct event *ev)
{
	struct view *v = user;
	struct feed *f = v->state;

	f->changes += ev->class == EVENT_CHANGE;
	feedstore_add(f->store, ev);
}

static void on_lost(void *user, uint64_t n)
{
	struct view *v = user;
	struct feed *f = v->state;

	f->lost += n;
	feedstore_add_lost(f->store, n);
}

static void on_news(void *user)
{
	struct view *v = user;
	struct feed *f = v->state;

	v->first = feedstore_first(f->store);
	if (!f->paused)
		v->end = feedstore_end(f->store);
	else if (v->end < v->first)
		v->end = v->first;
	env_dirty(v->env);
}

static int open_feed(struct view *v, const struct target *t, struct err *e)
{
	struct feed *f = v->state;
	struct feedlink_ops ops = {.event = on_event, .lost = on_lost, .news = on_news, .user = v};

	memcpy(f->jail, t->jail, sizeof(f->jail));
	f->denials = true;
	f->store = feedstore_new();
	f->link = feedlink_new(v->env, f->jail, &ops);
	v->follow = true;
	feedlink_tick(f->link);
	return 0;
}

static void close_feed(struct view *v)
{
	struct feed *f = v->state;

	feedlink_free(f->link);
	feedstore_free(f->store);
}

static void tick(struct view *v)
{
	struct feed *f = v->state;

	feedlink_tick(f->link);
}

static bool hidden(struct view *v, uint64_t pos)
{
	const struct feed *f = v->state;
	unsigned class = feedstore_class(f->store, pos);

	return (class == EVENT_READ && !f->reads) || (class == EVENT_DENIED && !f->denials);
}

static void title(struct view *v, struct row *out)
{
	const struct feed *f = v->state;

	row_str(out, STYLE_STRONG, f->jail);
	row_str(out, STYLE_TEXT, " ");
	row_glyph(out, STYLE_DIM, GLYPH_CRUMB);
	row_str(out, STYLE_STRONG, " feed");
	if (f->paused)
		row_fmt(out, STYLE_BUSY, "  paused, %" PRIu64 " more",
			feedstore_end(f->store) - v->end);
	if (f->reads)
		row_str(out, STYLE_DIM, "  +reads");
	if (!f->denials)
		row_str(out, STYLE_DIM, "  -denials");
}

static void info(struct view *v, struct row *out)
{
	const struct feed *f = v->state;
	const struct jail_status *st = model_find(v->env->model, f->jail);
	char text[48];

	if (f->lost)
		row_fmt(out, STYLE_BAD, "%" PRIu64 " lost  ", f->lost);
	row_fmt(out, STYLE_DIM, "%s  ",
		words_count(f->changes, "change", "changes", text, sizeof(text)));
	if (st)
		row_str(out, st->state == JAIL_RUNNING ? STYLE_GOOD : STYLE_BUSY,
			jail_state_name(st->state));
}

#define WIDE 70 /* columns from which who did it is shown */

static void head(struct view *v, const struct look *k, struct row *out)
{
	row_str(out, STYLE_HEAD, " TIME      WHAT          SIZE");
	if (k->width >= WIDE)
		row_str(out, STYLE_HEAD, "    UID    PID");
	row_str(out, STYLE_HEAD, "  PATH");
}

static enum style op_style(const struct event *ev)
{
	if (ev->class == EVENT_JAIL)
		return STYLE_ID;
	if (ev->class == EVENT_DENIED)
		return STYLE_BAD;
	switch (ev->op) {
	case EVENT_CREATE:
	case EVENT_MKDIR:
	case EVENT_MKNOD:
	case EVENT_SYMLINK:
	case EVENT_LINK:
		return STYLE_ADD;
	case EVENT_UNLINK:
	case EVENT_RMDIR:
		return STYLE_DEL;
	case EVENT_CHMOD:
	case EVENT_CHOWN:
	case EVENT_UTIMES:
	case EVENT_SETXATTR:
	case EVENT_RMXATTR:
		return STYLE_META;
	case EVENT_OPENREAD:
		return STYLE_DIM;
	default:
		return STYLE_CHANGE;
	}
}

/* The number that belongs to an operation: bytes, a mode, an owner. */
static void amount(const struct event *ev, struct row *out)
{
	char text[16];

	switch (ev->op) {
	case EVENT_WRITE:
	case EVENT_TRUNCATE:
	case EVENT_FALLOCATE:
		row_right(out, STYLE_TEXT, 10, "%s", words_size(ev->bytes, text, sizeof(text)));
		break;
	case EVENT_CHMOD:
	case EVENT_CREATE:
	case EVENT_MKDIR:
	case EVENT_MKNOD:
		row_right(out, STYLE_META, 10, "%04o", ev->mode & 07777);
		break;
	case EVENT_CHOWN:
		row_right(out, STYLE_META, 10, "%u:%u", (unsigned)(ev->bytes >> 32),
			  (unsigned)ev->bytes);
		break;
	default:
		row_right(out, STYLE_TEXT, 10, "%s", "");
	}
}

/* What the warden did, told in the feed: a state, a checkpoint, a rollback. */
static void jail_row(const struct event *ev, struct row *out)
{
	if (ev->op == EVENT_CHECKPOINT || ev->op == EVENT_ROLLBACK || ev->op == EVENT_REDO) {
		row_fmt(out, STYLE_ID, "%s #%" PRIu64, event_op_name(ev->op), ev->bytes);
	} else {
		row_str(out, STYLE_DIM, "jail is ");
		row_add(out, STYLE_DIM, ev->path, ev->path_len);
	}
	if (ev->path2_len) {
		row_str(out, STYLE_TEXT, "  ");
		row_add(out, STYLE_TEXT, ev->path2, ev->path2_len);
	}
}

static void paths(const struct event *ev, struct row *out)
{
	row_add(out, ev->class == EVENT_READ ? STYLE_DIM : STYLE_TEXT, ev->path, ev->path_len);
	if (S_ISDIR(ev->mode) && ev->path_len > 1)
		row_str(out, STYLE_DIM, "/");
	if (ev->op == EVENT_REFUSE)
		row_fmt(out, STYLE_BAD, "  %s",
			strerrorname_np(ev->err) ? strerrorname_np(ev->err) : "refused");
	if (!ev->path2_len)
		return;
	row_str(out, STYLE_TEXT, " ");
	row_glyph(out, STYLE_DIM, GLYPH_ARROW);
	row_str(out, STYLE_TEXT, " ");
	row_add(out, STYLE_TEXT, ev->path2, ev->path2_len);
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct feed *f = v->state;
	struct event ev;
	const char *op;
	char clock[16];

	feedstore_get(f->store, pos, &ev);
	if (!ev.op) {
		row_fmt(out, STYLE_BAD, " %" PRIu64 " events lost: more came than could be kept",
			ev.bytes);
		return;
	}
	row_fmt(out, STYLE_DIM, " %s  ", words_clock(ev.time, clock, sizeof(clock)));
	if (ev.class == EVENT_JAIL) {
		jail_row(&ev, out);
		return;
	}
	op = event_op_name(ev.op);
	row_field(out, op_style(&ev), 8, op, strlen(op));
	amount(&ev, out);
	if (k->width >= WIDE) {
		row_right(out, STYLE_DIM, 7, "%u", ev.uid);
		row_right(out, STYLE_DIM, 7, "%u", ev.pid);
	}
	row_str(out, STYLE_TEXT, "  ");
	paths(&ev, out);
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct feed *f = v->state;
	const struct jail_status *st = model_find(v->env->model, f->jail);

	if (i != 1 || v->filter)
		return i == 0;
	if (!st && model_loaded(v->env->model)) {
		row_fmt(out, STYLE_DIM, " There is no jail %s any more.", f->jail);
	} else if (st && !st->warden) {
		row_fmt(out, STYLE_DIM, " %s is %s. ", f->jail, jail_state_name(st->state));
		view_key(v, CMD_START, out);
		row_str(out, STYLE_DIM, " boots it, ");
		view_key(v, CMD_CONSOLE, out);
		row_str(out, STYLE_DIM, " opens its console; what it changes appears here.");
	} else {
		row_str(out, STYLE_DIM, " Nothing has changed yet; what changes appears here.");
	}
	return true;
}

static void toggle(struct view *v, const char *what)
{
	struct feed *f = v->state;

	if (!strcmp(what, "pause"))
		f->paused = !f->paused;
	else if (!strcmp(what, "reads"))
		f->reads = !f->reads;
	else
		f->denials = !f->denials;
	if (strcmp(what, "pause"))
		view_stale(v);
	on_news(v);
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	if (c == CMD_TOGGLE &&
	    (!strcmp(args, "pause") || !strcmp(args, "reads") || !strcmp(args, "denials"))) {
		toggle(v, args);
		return true;
	}
	return false;
}

static bool target(struct view *v, enum command_id c, struct target *t, struct err *e)
{
	const struct feed *f = v->state;

	memcpy(t->jail, f->jail, sizeof(t->jail));
	if (c == CMD_ENTER)
		t->view = &diff_view;
	else if (c == CMD_PREVIEW)
		strcpy(t->a, TARGET_ROLLBACK);
	return true;
}

static const enum command_id hints[] = {CMD_CONSOLE, CMD_CHECKPOINT, CMD_ROLLBACK, CMD_DIFF,
					CMD_LOG,     CMD_TOGGLE,     CMD_SEARCH,   CMD_FILTER,
					CMD_START,   CMD_STOP,	     CMD_BACK,	   CMD_NONE};

const struct view_ops feed_view = {
    .name = "feed",
    .keys = KEYMAP_FEED,
    .size = sizeof(struct feed),
    .open = open_feed,
    .close = close_feed,
    .title = title,
    .info = info,
    .head = head,
    .row = row,
    .empty = empty,
    .hidden = hidden,
    .command = command,
    .target = target,
    .tick = tick,
    .hints = hints,
};
