/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a jail changes, live. */
#include "core/event.h"
#include "core/loop.h"
#include "views/feedfilter.h"
#include "views/feedlink.h"
#include "views/feedpast.h"
#include "views/feedstore.h"
#include "views/feedtree.h"
#include "views/model.h"
#include "views/view.h"
#include "views/words.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUM_SLICE_MS 4 /* of summing up between two looks at the keys */
#define SUM_LOOK 512   /* events between two looks at the clock */

enum mode { STREAM, TREE, HOT };

struct feed {
	char jail[JAIL_NAME_MAX + 1];
	struct feedstore *store;
	struct feedlink *link;
	bool paused; /* the rows stand still; events are taken on */
	bool reads, denials;
	enum mode mode;
	struct feedtree *tree; /* of events before position fed; NULL: nobody asked yet */
	uint64_t fed;
	struct loop_timer *sum;	   /* the rest of them */
	int64_t listed;		   /* ms of the monotonic clock */
	struct feedfilter *filter; /* as it was parsed last, NULL: none */
	struct job *past;
	bool asked;	  /* for the past */
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

/* The sums as rows; the cursor stays on its path. */
static void list_sums(struct view *v)
{
	struct feed *f = v->state;
	uint64_t pos = v->end && view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;
	uint32_t id = pos < v->end ? feedtree_id(f->tree, pos) : 0;
	size_t at;

	v->first = 0;
	v->end = feedtree_list(f->tree, f->mode == HOT);
	at = id ? feedtree_find(f->tree, id) : SIZE_MAX;
	if (at != SIZE_MAX)
		v->cursor = at;
	f->listed = loop_now_ms();
	view_stale(v);
}

/* Adds what came to the sums, a slice at a time; they are shown once a second. */
static void sum_up(void *user)
{
	struct view *v = user;
	struct feed *f = v->state;
	int64_t until = loop_now_ms() + SUM_SLICE_MS;
	uint64_t end = feedstore_end(f->store);
	struct event ev;

	if (f->fed < feedstore_first(f->store))
		f->fed = feedstore_first(f->store);
	for (unsigned n = 1; f->fed < end; n++, f->fed++) {
		if (n % SUM_LOOK == 0 && loop_now_ms() >= until)
			break;
		feedstore_get(f->store, f->fed, &ev);
		if (ev.op && ev.class == EVENT_CHANGE)
			feedtree_add(f->tree, &ev);
	}
	if (f->fed < end)
		loop_timer_arm(f->sum, 0);
	if (f->mode != STREAM && !f->paused && (f->fed == end || !v->end) &&
	    loop_now_ms() - f->listed >= 1000)
		list_sums(v);
}

static void on_news(void *user)
{
	struct view *v = user;
	struct feed *f = v->state;

	if (f->tree)
		sum_up(v);
	if (f->mode != STREAM)
		return;
	v->first = feedstore_first(f->store);
	if (!f->paused)
		v->end = feedstore_end(f->store);
	else if (v->end < v->first)
		v->end = v->first;
	env_dirty(v->env);
}

static void set_mode(struct view *v, enum mode mode)
{
	struct feed *f = v->state;

	f->mode = f->mode == mode ? STREAM : mode;
	v->cursor = v->top = v->first = v->end = 0;
	v->left = 0;
	v->follow = f->mode == STREAM;
	if (!f->tree)
		f->tree = feedtree_new();
	f->listed = 0;
	view_stale(v);
	on_news(v);
	if (f->mode != STREAM)
		list_sums(v);
}

/* What the journal has of a jail that was down when the feed was opened. */
static void on_past(void *user, struct feedstore *store, uint64_t last)
{
	struct view *v = user;
	struct feed *f = v->state;
	struct event ev;

	f->past = NULL;
	if (feedstore_end(f->store) || !last) {
		feedstore_free(store); /* it was booted meanwhile */
		return;
	}
	feedstore_free(f->store);
	f->store = store;
	for (uint64_t i = feedstore_first(store); i < feedstore_end(store); i++) {
		feedstore_get(store, i, &ev);
		f->changes += ev.op && ev.class == EVENT_CHANGE;
	}
	feedlink_since(f->link, last);
	on_news(v);
	view_stale(v);
}

static void ask_past(struct view *v)
{
	struct feed *f = v->state;
	const struct jail_status *st = model_find(v->env->model, f->jail);

	/* one that runs tells it itself; its warden may be about to end */
	if (f->asked || !st || st->warden || feedstore_end(f->store))
		return;
	f->asked = true;
	f->past = feedpast_start(v->env, f->jail, on_past, v);
}

static int open_feed(struct view *v, const struct target *t, struct err *e)
{
	struct feed *f = v->state;
	struct feedlink_ops ops = {.event = on_event, .lost = on_lost, .news = on_news, .user = v};

	memcpy(f->jail, t->jail, sizeof(f->jail));
	f->denials = true;
	f->store = feedstore_new();
	f->link = feedlink_new(v->env, f->jail, &ops);
	f->sum = loop_timer_add(v->env->loop, -1, sum_up, v);
	v->follow = true;
	ask_past(v);
	feedlink_tick(f->link);
	return 0;
}

static void close_feed(struct view *v)
{
	struct feed *f = v->state;

	job_cancel(f->past);
	loop_timer_del(f->sum);
	feedlink_free(f->link);
	feedstore_free(f->store);
	feedtree_free(f->tree);
	feedfilter_free(f->filter);
}

static void tick(struct view *v)
{
	struct feed *f = v->state;

	ask_past(v);
	feedlink_tick(f->link);
	if (f->tree)
		sum_up(v);
}

/* Its warden wakes it; sums show ages. */
static bool still(struct view *v)
{
	const struct feed *f = v->state;
	const struct jail_status *st = model_find(v->env->model, f->jail);

	return f->mode == STREAM && (feedlink_is_up(f->link) || !st || !st->warden);
}

static bool hidden(struct view *v, uint64_t pos)
{
	const struct feed *f = v->state;
	unsigned class;

	if (f->mode != STREAM)
		return false;
	class = feedstore_class(f->store, pos);
	return (class == EVENT_READ && !f->reads) || (class == EVENT_DENIED && !f->denials);
}

static bool matches(struct view *v, uint64_t pos, const char *filter)
{
	struct feed *f = v->state;
	struct buf path = {0};
	struct event ev = {.op = EVENT_WRITE, .class = EVENT_CHANGE};
	bool yes;

	if (!f->filter || strcmp(feedfilter_text(f->filter), filter)) {
		feedfilter_free(f->filter);
		f->filter = feedfilter_parse(filter);
	}
	if (f->mode != STREAM) {
		feedtree_path(f->tree, pos, &path);
		ev.path = buf_cstr(&path);
		ev.path_len = path.len;
	} else {
		feedstore_get(f->store, pos, &ev);
	}
	yes = ev.op && feedfilter_matches(f->filter, &ev);
	buf_free(&path);
	return yes;
}

static void title(struct view *v, struct row *out)
{
	const struct feed *f = v->state;

	row_str(out, STYLE_STRONG, f->jail);
	row_str(out, STYLE_TEXT, " ");
	row_glyph(out, STYLE_DIM, GLYPH_CRUMB);
	row_str(out, STYLE_STRONG,
		f->mode == TREE	 ? " feed by directory"
		: f->mode == HOT ? " feed, hot files"
				 : " feed");
	if (f->tree && feedtree_is_full(f->tree))
		row_str(out, STYLE_BUSY, "  too many paths: some count for their directory");
	if (f->paused && f->mode != STREAM)
		row_str(out, STYLE_BUSY, "  paused");
	else if (f->paused)
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

#define WIDE 70	  /* columns from which who did it is shown */
#define NARROW 52 /* columns below which sizes are not */

static void head(struct view *v, const struct look *k, struct row *out)
{
	const struct feed *f = v->state;

	if (f->mode != STREAM) {
		row_str(out, STYLE_HEAD, "   COUNT  BYTES   AGO  WHAT      PATH");
		return;
	}
	row_str(out, STYLE_HEAD, " TIME      WHAT    ");
	if (k->width >= NARROW)
		row_str(out, STYLE_HEAD, "      SIZE");
	if (k->width >= WIDE)
		row_str(out, STYLE_HEAD, "    UID    PID");
	row_str(out, STYLE_HEAD, "  PATH");
}

static enum style op_style(const struct event *ev)
{
	if (ev->class == EVENT_JAIL)
		return STYLE_ID;
	if (ev->class == EVENT_DENIED || ev->op == EVENT_BLOCK)
		return STYLE_BAD;
	if (ev->class == EVENT_NET)
		return ev->op == EVENT_ASK || ev->op == EVENT_VERDICT ? STYLE_ID : STYLE_META;
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

/* A path with how often it, and what is below it, was changed. */
static void sum_row(const struct feed *f, uint64_t pos, const struct look *k, struct row *out)
{
	bool hot = f->mode == HOT;
	struct feedtree_node n;
	struct buf name = {0};
	char text[16];
	const char *op;

	feedtree_get(f->tree, pos, hot, &n, &name);
	op = n.op ? event_op_name(n.op) : "";
	row_right(out, STYLE_STRONG, 8, "%" PRIu64, hot ? n.own : n.below);
	row_right(out, STYLE_TEXT, 7, "%s", n.bytes ? words_size(n.bytes, text, sizeof(text)) : "");
	row_right(out, STYLE_DIM, 6, "%s",
		  words_age(k->now - n.time / 1000000000, text, sizeof(text)));
	row_str(out, STYLE_TEXT, "  ");
	row_field(out, STYLE_DIM, 8, n.children && !hot ? "" : op,
		  n.children && !hot ? 0 : strlen(op));
	row_str(out, STYLE_TEXT, "  ");
	if (!hot) {
		row_to(out, out->cols + (n.depth - 1) * 2);
		row_str(out, STYLE_KEY, !n.children ? "  " : n.open ? "- " : "+ ");
	}
	row_add(out, n.children ? STYLE_ID : STYLE_TEXT, buf_cstr(&name), name.len);
	if (n.children && !hot)
		row_str(out, STYLE_DIM, "/");
	buf_free(&name);
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct feed *f = v->state;
	struct event ev;
	const char *op;
	char clock[16];

	if (f->mode != STREAM) {
		sum_row(f, pos, k, out);
		return;
	}
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
	if (k->width >= NARROW)
		amount(&ev, out);
	if (k->width >= WIDE && ev.class != EVENT_NET) {
		row_right(out, STYLE_DIM, 7, "%u", ev.uid);
		row_right(out, STYLE_DIM, 7, "%u", ev.pid);
	} else if (k->width >= WIDE) { /* no process is known */
		row_right(out, STYLE_DIM, 14, "%s", "");
	}
	row_str(out, STYLE_TEXT, "  ");
	paths(&ev, out);
	if (ev.comm_len) {
		row_str(out, STYLE_DIM, "  ");
		row_add(out, STYLE_DIM, ev.comm, ev.comm_len);
	}
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

	if (!strcmp(what, "tree") || !strcmp(what, "hot")) {
		set_mode(v, !strcmp(what, "tree") ? TREE : HOT);
		return;
	}
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
	static const char *const words[] = {"pause", "reads", "denials", "tree", "hot"};
	struct feed *f = v->state;

	for (size_t i = 0; c == CMD_TOGGLE && i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(args, words[i])) {
			toggle(v, args);
			return true;
		}
	}
	if (f->mode == STREAM)
		return false;
	if (c == CMD_ENTER && f->mode == TREE && view_on_row(v)) {
		feedtree_toggle(f->tree, view_pos(v, view_cursor(v)));
		list_sums(v);
		return true;
	}
	/* the way back is the way in */
	if (c == CMD_BACK && !v->filter && !v->search) {
		set_mode(v, STREAM);
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
    .matches = matches,
    .command = command,
    .target = target,
    .tick = tick,
    .still = still,
    .hints = hints,
};
