/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/fd.h"
#include "tui/app_int.h"
#include "tui/attach.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8 /* some may wait for wardens that hang */
/* Pictures are not more frequent than that: because of a key; where what a key began may still
 * bring something; of what goes on by itself, which costs a processor all the while. */
#define FRAME_MS 8
#define WAKE_FRAME_MS 16
#define CALM_FRAME_MS 100
#define WAKE_MS 500
#define SECOND_MS 1000 /* ages are shown */
#define RARE_MS 10000  /* nothing that is shown has an age; and in case a state was not told */
#define SPIN_MS 120

static void set_message(struct app *a, enum journal_kind kind, const char *fmt, va_list ap)
{
	struct buf b = {0};

	buf_vfmt(&b, fmt, ap);
	journal_add(a->journal, kind, buf_cstr(&b));
	snprintf(a->message, sizeof(a->message), "%s", buf_cstr(&b));
	a->message_style = kind == JOURNAL_FAILED ? STYLE_BAD : STYLE_TEXT;
	a->dirty = true;
	buf_free(&b);
}

void app_say(struct app *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_message(a, JOURNAL_SAID, fmt, ap);
	va_end(ap);
}

void app_fail(struct app *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_message(a, JOURNAL_FAILED, fmt, ap);
	va_end(ap);
}

void app_log(struct app *a, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	journal_add(a->journal, JOURNAL_COMMAND, buf_cstr(&b));
	buf_free(&b);
}

struct view *app_top(const struct app *a)
{
	return a->stack[a->depth - 1];
}

struct view *app_focus(const struct app *a)
{
	struct view *v = app_top(a), *pane = v->ops->pane ? v->ops->pane(v) : NULL;

	return a->in_pane && pane ? pane : v;
}

static void close_top(struct app *a)
{
	struct view *v = a->stack[--a->depth];

	copy_forget(a, v);
	if (v->ops->pane)
		copy_forget(a, v->ops->pane(v));
	view_close(v);
}

void app_open(struct app *a, const struct target *t)
{
	struct err e = {0};
	struct view *v = view_open(&a->env, t, &e);
	size_t at = 0;

	a->dirty = true;
	if (!v) {
		app_fail(a, "%s", e.text);
		return;
	}
	/* a kind of view is on the stack once: going there again goes back to it */
	while (at < a->depth && a->stack[at]->ops != t->view)
		at++;
	while (a->depth > at)
		close_top(a);
	a->stack[a->depth++] = v;
	a->in_pane = a->zoomed = false;
}

void app_leave(struct app *a)
{
	a->in_pane = a->zoomed = false;
	if (a->depth > 1)
		close_top(a);
	a->dirty = true;
}

void app_back(struct app *a)
{
	struct view *v = app_focus(a);

	a->dirty = true;
	if (v->filter) {
		view_set_filter(v, NULL);
	} else if (v->search) {
		view_set_search(v, NULL);
	} else if (a->in_pane) {
		a->in_pane = false;
	} else if (a->depth > 1) {
		app_leave(a);
	} else {
		const struct keymap_binding *b =
		    keymap_key_of(a->keymap, app_top(a)->ops->keys, CMD_QUIT, NULL);
		char keys[64];

		snprintf(a->message, sizeof(a->message), "%s leaves gaol; the jails run on",
			 b ? key_seq_text(b->keys, b->nkeys, keys, sizeof(keys)) : ":quit");
		a->message_style = STYLE_DIM;
	}
}

void app_quit(struct app *a)
{
	a->leaving = true;
}

static void on_input(void *user, int events)
{
	struct app *a = user;

	input_ready(a);
	if (events & LOOP_HUP)
		app_quit(a); /* the terminal is gone: nothing else would ever come */
}

static bool watch_input(struct app *a)
{
	a->in = loop_fd_add(a->loop, STDIN_FILENO, LOOP_IN, on_input, a);
	return a->in != NULL;
}

void app_leave_screen(struct app *a)
{
	loop_fd_del(a->in);
	a->in = NULL;
	screen_leave(a->screen);
}

void app_return_screen(struct app *a)
{
	screen_return(a->screen);
	if (!watch_input(a))
		app_quit(a);
	a->dirty = true;
}

static void on_jobs(void *user, int events)
{
	struct app *a = user;

	jobs_turn(a->jobs);
}

static void tick_views(struct app *a)
{
	for (size_t i = 0; i < a->depth; i++) {
		struct view *v = a->stack[i], *pane = v->ops->pane ? v->ops->pane(v) : NULL;

		if (v->ops->tick)
			v->ops->tick(v);
		if (pane && pane->ops->tick)
			pane->ops->tick(pane);
	}
	a->dirty = true;
}

static void refresh(void *user)
{
	struct app *a = user;

	a->refreshed = loop_now_ms();
	model_refresh(a->model);
}

static void on_model(void *user)
{
	struct app *a = user;

	/* one that cannot be watched must be looked at, as all were before */
	if (a->statewatch && !statewatch_jails(a->statewatch, a->model)) {
		statewatch_free(a->statewatch);
		a->statewatch = NULL;
	}
	tick_views(a);
}

static bool is_still(struct view *v)
{
	return !v || (v->ops->still ? v->ops->still(v) : !v->ops->tick);
}

/* True when a tick would change nothing on the screen. */
static bool all_still(const struct app *a)
{
	struct view *v = app_top(a);

	return a->statewatch && is_still(v) && is_still(v->ops->pane ? v->ops->pane(v) : NULL);
}

static void on_second(void *user)
{
	struct app *a = user;

	a->rare = all_still(a);
	loop_timer_arm(a->second, a->rare ? RARE_MS : SECOND_MS);
	if (!a->statewatch || loop_now_ms() - a->refreshed >= RARE_MS)
		refresh(a);
	tick_views(a);
}

static void on_frame(void *user)
{
	struct app *a = user;

	a->dirty = true;
}

/* What could not be done in one go: lists of rows, searches. */
static void on_more(void *user)
{
	struct app *a = user;

	if (a->scanning)
		act_scan(a);
	if (a->copy)
		copy_turn(a);
	a->dirty = true;
}

static void on_dirty(void *user)
{
	struct app *a = user;

	a->dirty = true;
}

static void on_hurry(void *user)
{
	struct app *a = user;

	a->dirty = a->urgent = true;
}

static void on_signal(void *user, int signo)
{
	struct app *a = user;

	bool keyed_elsewhere = a->foreground && (signo == SIGINT || signo == SIGQUIT);

	if (signo != SIGWINCH && !keyed_elsewhere)
		app_quit(a);
	else if (a->attach)
		attach_resized(a->attach);
	else if (!a->foreground)
		screen_resized(a->screen);
	a->dirty = true;
}

/* Brings the shown views up to date; work that is left comes with the next turn. */
static void sync_views(struct app *a)
{
	struct view *v = app_top(a), *pane = v->ops->pane ? v->ops->pane(v) : NULL;
	bool all = view_sync(v);

	if (pane)
		all = view_sync(pane) && all;
	if (!all || a->scanning || a->copy)
		loop_timer_arm(a->more, 0);
}

static void show(struct app *a)
{
	int64_t now = loop_now_ms(), pause = a->urgent			? FRAME_MS
					     : now - a->keyed < WAKE_MS ? WAKE_FRAME_MS
									: CALM_FRAME_MS;
	struct row busy = {0};

	if (!a->dirty || a->attach || a->foreground)
		return;
	if (now - a->painted < pause) {
		loop_timer_arm(a->frame, pause - (now - a->painted));
		return;
	}
	a->dirty = a->urgent = false;
	a->painted = now;
	a->spin = (unsigned)(now / SPIN_MS);
	sync_views(a);
	paint(a);
	if (a->rare && !all_still(a)) {
		a->rare = false;
		loop_timer_arm(a->second, SECOND_MS);
	}
	if (op_progress(a, &busy))
		loop_timer_arm(a->frame, SPIN_MS);
	row_free(&busy);
}

static void begin_views(struct app *a)
{
	struct target t = {.view = &jails_view};

	if (a->opt->jail)
		snprintf(t.jail, sizeof(t.jail), "%s", a->opt->jail);
	app_open(a, &t);
	if (a->opt->jail) {
		t.view = &feed_view;
		app_open(a, &t);
	}
	if (a->opt->message)
		app_say(a, "%s", a->opt->message);
}

/* The loop and what hangs on it. 0 or -errno with e set. */
static int begin(struct app *a, struct err *e)
{
	static const int signals[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, 0};
	int ret;

	a->loop = loop_new();
	if (!a->loop)
		return err_sys(e, "console");
	ret = loop_signals(a->loop, signals, on_signal, a);
	if (ret)
		return err_set(e, ret, "console: %s", strerror(-ret));
	a->jobs = jobs_new(THREADS);
	if (!a->jobs)
		return err_sys(e, "console: threads");
	a->journal = journal_new();
	app_load_settings(a);
	a->screen = screen_new(&a->settings, e);
	if (!a->screen)
		return -ENOTTY;
	a->jobs_watch = loop_fd_add(a->loop, jobs_fd(a->jobs), LOOP_IN, on_jobs, a);
	a->second = loop_timer_add(a->loop, SECOND_MS, on_second, a);
	a->frame = loop_timer_add(a->loop, -1, on_frame, a);
	a->more = loop_timer_add(a->loop, -1, on_more, a);
	a->model = model_new(a->opt->places, a->jobs, on_model, a);
	a->prompt = prompt_new();
	a->env = (struct view_env){.places = a->opt->places,
				   .loop = a->loop,
				   .jobs = a->jobs,
				   .model = a->model,
				   .journal = a->journal,
				   .dirty = on_dirty,
				   .hurry = on_hurry,
				   .user = a};
	a->pulse = a->env.pulse = pulse_new(&a->env);
	if (!watch_input(a))
		return err_sys(e, "console: standard input");
	app_apply_settings(a);
	app_load_keys(a);
	app_watch_files(a);
	a->statewatch = statewatch_new(a->opt->places, a->loop, refresh, a);
	refresh(a);
	begin_views(a);
	return 0;
}

static void end(struct app *a)
{
	ask_close(a);
	foreground_end(a);
	op_end_all(a);
	while (a->depth)
		close_top(a);
	pulse_free(a->pulse);
	statewatch_free(a->statewatch);
	screen_free(a->screen);
	jobs_free(a->jobs);
	model_free(a->model);
	journal_free(a->journal);
	keymap_free(a->keymap);
	prompt_free(a->prompt);
	loop_free(a->loop);
	fd_close(&a->notify);
}

int tui_main(const struct tui_options *o)
{
	struct app a = {.opt = o, .notify = -1};
	struct err e = {0};
	sigset_t before;
	int ret;

	sigprocmask(SIG_BLOCK, NULL, &before);
	ret = begin(&a, &e);
	while (!ret && !a.leaving) {
		show(&a);
		loop_once(a.loop, -1);
	}
	end(&a);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (ret)
		err_print(&e);
	return ret ? 1 : 0;
}
