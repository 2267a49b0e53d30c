/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/console.h"
#include "core/client.h"
#include "core/conf.h"
#include "core/fd.h"
#include "core/loop.h"
#include "tui/term.h"
#include "views/jobs.h"
#include "views/model.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 8 /* of the guest between two looks at the keys */
#define KEYS_MAX 65536 /* typed or pasted bytes that wait for the warden; more are dropped */
#define ECHO_MS 200    /* what comes so soon after a key is its effect */

struct console {
	char jail[JAIL_NAME_MAX + 1];
	struct view *feed;
	struct term *term;
	size_t rows, cols; /* of the pane */
	struct job *job;   /* before it connects */
	struct client *client;
	struct loop_fd *watch;
	unsigned char detach[2];
	bool up;	 /* attached */
	bool armed;	 /* the first detach key was typed */
	struct buf keys; /* not yet sent */
	uint64_t room;	 /* bytes that the warden takes */
	uint64_t lost;	 /* bytes that came faster than they were read */
	int64_t typed;	 /* ms of the monotonic clock */
};

/* Reading which keys detach, in a thread. */
struct reach {
	struct view *view;
	const struct jail_places *places;
	char jail[JAIL_NAME_MAX + 1];
	unsigned char detach[2];
};

static void reach_work(struct job *j, void *data)
{
	struct reach *r = data;
	struct jail jail;
	struct conf conf;

	if (jail_open(&jail, r->places, r->jail, NULL))
		return;
	/* a jail.conf that is broken must not lock one out */
	if (!conf_load(jail.dirfd, CONF_FILE, &conf, NULL))
		memcpy(r->detach, conf.detach, sizeof(r->detach));
	conf_free(&conf);
	jail_close(&jail);
}

static void hang_up(struct view *v)
{
	struct console *c = v->state;

	loop_fd_del(c->watch);
	c->watch = NULL;
	client_free(c->client);
	c->client = NULL;
	c->up = false;
	buf_reset(&c->keys);
	c->room = 0;
	env_dirty(v->env);
}

static void bounds(struct view *v)
{
	struct console *c = v->state;

	v->first = term_first(c->term);
	v->end = term_end(c->term);
	if (v->filter || v->ops->hidden)
		view_stale(v);
}

static void want(struct console *c)
{
	if (c->watch)
		loop_fd_want(c->watch, LOOP_IN | (c->keys.len && c->room ? LOOP_OUT : 0));
}

/* Keys go as far as there is room; what does not fit waits. */
static void send_keys(struct view *v)
{
	struct console *c = v->state;

	while (c->client && c->keys.len && c->room) {
		size_t n = c->keys.len < c->room ? c->keys.len : (size_t)c->room;
		int ret = client_send(c->client, PROTO_CONSOLE_IN, 0, c->keys.p, n);

		if (ret == -EAGAIN)
			break;
		if (ret < 0) {
			hang_up(v);
			return;
		}
		c->room -= n;
		buf_eat(&c->keys, n);
	}
	want(c);
}

/* A guest that is down takes no keys: the connection is made anew when it is up. */
static void on_status(struct view *v, const struct client_msg *m)
{
	json_t *o = proto_json(m->data, m->len);
	struct jail_status st;

	if (o && !jail_status_from_json(o, &st) && !status_is_up(&st))
		hang_up(v);
	json_decref(o);
	model_refresh(v->env->model);
}

/* What the guest's terminal is: the pane, or for one who only looks what it is already. */
static void fit(struct view *v)
{
	struct console *c = v->state;
	const struct jail_status *st = model_find(v->env->model, c->jail);
	size_t rows = c->rows, cols = c->cols;

	if (v->env->read_only && st && st->rows && st->cols) {
		rows = st->rows;
		cols = st->cols;
	}
	if (rows && cols) {
		term_resize(c->term, rows, cols);
		bounds(v);
	}
}

/* The warden has said hello; the past comes again with the connection. */
static void begin(struct view *v)
{
	struct console *c = v->state;
	json_t *o;
	char *text;
	int ret;

	term_free(c->term);
	c->term = term_new(c->rows, c->cols);
	fit(v);
	v->follow = true;
	o = json_pack("{s:i, s:i, s:b, s:b}", "rows", (int)(c->rows ? c->rows : 24), "cols",
		      (int)(c->cols ? c->cols : 80), "readonly", v->env->read_only, "replay", true);
	text = json_dumps(o, JSON_COMPACT);
	ret = client_send(c->client, PROTO_ATTACH, 0, text, strlen(text));
	free(text);
	json_decref(o);
	if (ret || client_send_call(c->client, "watch", NULL) < 0)
		hang_up(v);
	else
		c->up = true;
}

static void on_message(struct view *v, const struct client_msg *m)
{
	struct console *c = v->state;
	uint64_t lost;
	uint32_t room;

	switch (m->head.type) {
	case PROTO_HELLO:
		begin(v);
		break;
	case PROTO_CONSOLE_OUT:
		term_write(c->term, m->data, m->len);
		bounds(v);
		break;
	case PROTO_CONSOLE_ROOM:
		if (m->len != sizeof(room))
			break;
		memcpy(&room, m->data, sizeof(room));
		c->room = c->room + room < KEYS_MAX ? c->room + room : KEYS_MAX;
		send_keys(v);
		break;
	case PROTO_CONSOLE_LOST:
		if (m->len == sizeof(lost)) {
			memcpy(&lost, m->data, sizeof(lost));
			c->lost += lost;
		}
		break;
	case PROTO_STATUS:
		on_status(v, m);
		break;
	default:
		break;
	}
}

static void on_socket(void *user, int events)
{
	struct view *v = user;
	struct console *c = v->state;
	struct client_msg m;
	int ret = 0, n = 0;

	if (events & LOOP_OUT)
		send_keys(v);
	while (c->client && n++ < MESSAGES_MAX && (ret = client_next(c->client, &m)) == 1) {
		fd_close(&m.fd);
		on_message(v, &m);
	}
	if (c->client && ret < 0)
		hang_up(v);
	if (loop_now_ms() - c->typed < ECHO_MS)
		env_hurry(v->env);
	else
		env_dirty(v->env);
}

static void reach_done(void *data)
{
	struct reach *r = data;
	struct view *v = r->view;
	struct console *c = v->state;

	c->job = NULL;
	if (v->env->detach[0])
		memcpy(c->detach, v->env->detach, sizeof(c->detach));
	else if (r->detach[0])
		memcpy(c->detach, r->detach, sizeof(c->detach));
	/* no reason is kept: the title says how the jail is */
	if (client_dial(&c->client, v->env->places, c->jail, NULL))
		return;
	c->watch = loop_fd_add(v->env->loop, client_fd(c->client), LOOP_IN, on_socket, v);
	if (!c->watch)
		hang_up(v);
}

static void reach_drop(void *data)
{
	free(data);
}

static const struct job_ops reach_ops = {
    .work = reach_work, .done = reach_done, .drop = reach_drop};

static void tick(struct view *v)
{
	struct console *c = v->state;
	const struct jail_status *st = model_find(v->env->model, c->jail);
	struct reach *r;

	if (v->env->read_only)
		fit(v);
	if (c->client || c->job || !st || !st->warden || !status_is_up(st))
		return;
	r = xcalloc(1, sizeof(*r));
	r->view = v;
	r->places = v->env->places;
	memcpy(r->jail, c->jail, sizeof(r->jail));
	c->job = jobs_start(v->env->jobs, &reach_ops, r);
}

static int open_console(struct view *v, const struct target *t, struct err *e)
{
	struct console *c = v->state;
	struct target feed = {.view = &feed_view};

	memcpy(c->jail, t->jail, sizeof(c->jail));
	memcpy(feed.jail, t->jail, sizeof(feed.jail));
	c->detach[0] = 0x1d;
	c->detach[1] = 'd';
	c->term = term_new(24, 80);
	bounds(v);
	v->follow = true;
	c->feed = view_open(v->env, &feed, e);
	if (!c->feed)
		return -1;
	tick(v);
	return 0;
}

static void close_console(struct view *v)
{
	struct console *c = v->state;

	job_cancel(c->job);
	if (c->up)
		client_send(c->client, PROTO_DETACH, 0, NULL, 0);
	loop_fd_del(c->watch);
	client_free(c->client);
	view_close(c->feed);
	term_free(c->term);
	buf_free(&c->keys);
}

static void sized(struct view *v, size_t rows, size_t cols)
{
	struct console *c = v->state;
	struct proto_size size = {.rows = (uint16_t)rows, .cols = (uint16_t)cols};

	if (!rows || !cols || (rows == c->rows && cols == c->cols))
		return;
	c->rows = rows;
	c->cols = cols;
	fit(v);
	if (c->up && !v->env->read_only)
		client_send(c->client, PROTO_CONSOLE_SIZE, 0, &size, sizeof(size));
}

static bool typing(const struct view *v)
{
	return v->follow && !v->filter;
}

static void type(struct view *v, uint32_t key)
{
	struct console *c = v->state;

	if (!c->up || v->env->read_only || c->keys.len > KEYS_MAX)
		return;
	c->typed = loop_now_ms();
	term_key(c->term, key, &c->keys);
	send_keys(v);
}

static enum view_key_use key(struct view *v, uint32_t k)
{
	struct console *c = v->state;
	bool armed = c->armed;

	if (!typing(v))
		return VIEW_KEY_MAP;
	c->armed = false;
	if (armed) {
		if (k == c->detach[1])
			return VIEW_KEY_LEAVE;
		if (k != c->detach[0])
			return k == K_ESC ? VIEW_KEY_TAKEN : VIEW_KEY_MAP;
	} else if (k == c->detach[0]) {
		c->armed = true;
		return VIEW_KEY_TAKEN;
	} else if (!c->up || v->env->read_only) {
		/* nobody to type to: only the ways out */
		return k == 'q' || k == K_ESC ? VIEW_KEY_LEAVE : VIEW_KEY_TAKEN;
	}
	type(v, k);
	return VIEW_KEY_TAKEN;
}

static bool caret(struct view *v, uint64_t *pos, size_t *col)
{
	const struct console *c = v->state;

	if (!typing(v))
		return false;
	if (!term_cursor(c->term, pos, col) || !c->up || v->env->read_only)
		*col = SIZE_MAX;
	return true;
}

static void title(struct view *v, struct row *out)
{
	const struct console *c = v->state;

	row_str(out, STYLE_STRONG, c->jail);
	row_str(out, STYLE_TEXT, " ");
	row_glyph(out, STYLE_DIM, GLYPH_CRUMB);
	row_str(out, STYLE_STRONG, " console");
	if (v->env->read_only)
		row_str(out, STYLE_DIM, "  looking only");
	if (!typing(v))
		row_str(out, STYLE_BUSY, "  scrolled back");
}

static void info(struct view *v, struct row *out)
{
	const struct console *c = v->state;
	const struct jail_status *st = model_find(v->env->model, c->jail);

	if (c->lost)
		row_fmt(out, STYLE_BAD, "%" PRIu64 " bytes lost  ", c->lost);
	if (st && st->viewers > 1)
		row_fmt(out, STYLE_DIM, "%d attached  ", st->viewers);
	c->feed->ops->info(c->feed, out);
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct console *c = v->state;

	term_line(c->term, pos, out);
}

static void hint(struct row *out, const char *keys, const char *word)
{
	if (out->limit && out->cols + strlen(keys) + strlen(word) + 1 > out->limit)
		return;
	row_str(out, STYLE_BARKEY, keys);
	row_fmt(out, STYLE_BAR, " %s  ", word);
}

static void command_hint(struct view *v, struct row *out, enum command_id c, const char *word)
{
	const struct keymap_binding *b = keymap_key_of(v->env->keymap, KEYMAP_CONSOLE, c, NULL);
	char text[64];

	if (b && !(v->env->read_only && (command_get(c)->flags & CMD_STEERS)))
		hint(out, key_seq_text(b->keys, b->nkeys, text, sizeof(text)), word);
}

static void control_text(unsigned char c, char out[8])
{
	snprintf(out, 8, c < 32 ? "Ctrl-%c" : "%c",
		 c < 32 ? (c >= 1 && c <= 26 ? c + 96 : c + 64) : c);
}

/* How to get out is shown all the while. */
static bool status(struct view *v, struct row *out)
{
	const struct console *c = v->state;
	const struct jail_status *st = model_find(v->env->model, c->jail);
	char first[8], second[8];

	if (!typing(v))
		return false;
	control_text(c->detach[0], first);
	control_text(c->detach[1], second);
	row_str(out, STYLE_BAR, " ");
	row_str(out, c->armed ? STYLE_BUSY : STYLE_BARKEY, first);
	row_str(out, STYLE_BAR, " then ");
	hint(out, second, "leave");
	if (st && !status_is_up(st))
		command_hint(v, out, CMD_START, "boot");
	command_hint(v, out, CMD_NEXT_PANE, "feed");
	command_hint(v, out, CMD_PAGE_UP, "back");
	command_hint(v, out, CMD_SEARCH, "find");
	command_hint(v, out, CMD_CHECKPOINT, "checkpoint");
	command_hint(v, out, CMD_ROLLBACK, "undo");
	command_hint(v, out, CMD_ZOOM, "zoom");
	command_hint(v, out, CMD_HELP, "help");
	return true;
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	struct console *s = v->state;

	if (c == CMD_BACK && !typing(v) && !v->search) {
		view_set_filter(v, NULL);
		v->follow = true;
		return true;
	}
	/* it is here already */
	return c == CMD_CONSOLE && (!*args || !strcmp(args, s->jail));
}

static bool target(struct view *v, enum command_id c, struct target *t, struct err *e)
{
	const struct console *s = v->state;

	memcpy(t->jail, s->jail, sizeof(t->jail));
	if (c == CMD_PREVIEW)
		strcpy(t->a, TARGET_ROLLBACK);
	return true;
}

static struct view *pane(struct view *v)
{
	const struct console *c = v->state;

	return c->feed;
}

static const enum command_id hints[] = {CMD_BACK,      CMD_SEARCH,   CMD_FILTER,
					CMD_NEXT_PANE, CMD_ROLLBACK, CMD_CHECKPOINT,
					CMD_DIFF,      CMD_LOG,	     CMD_NONE};

const struct view_ops console_view = {
    .name = "console",
    .keys = KEYMAP_CONSOLE,
    .size = sizeof(struct console),
    .share = 60,
    .open = open_console,
    .close = close_console,
    .title = title,
    .info = info,
    .row = row,
    .command = command,
    .target = target,
    .tick = tick,
    .pane = pane,
    .sized = sized,
    .key = key,
    .caret = caret,
    .status = status,
    .hints = hints,
};
