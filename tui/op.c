/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations on jails, beside the loop. Those of a warden: a job connects (or starts one), the call
 * is sent from the loop, its progress and its answer come as messages. Those without one (new, rm):
 * tui/chore.c.
 */
#include "core/conf.h"
#include "core/fd.h"
#include "tui/attach.h"
#include "tui/console.h"
#include "tui/op_int.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The verb of a command, and what the status line says while it runs. */
static const struct {
	const char *verb, *doing;
	bool spawns; /* starts a warden when there is none */
} verbs[CMD_COUNT] = {
    [CMD_START] = {.verb = "start", .doing = "booting", .spawns = true},
    [CMD_STOP] = {.verb = "stop", .doing = "stopping"},
    [CMD_KILL] = {.verb = "kill", .doing = "killing"},
    [CMD_PAUSE] = {.verb = "pause", .doing = "pausing"},
    [CMD_RESUME] = {.verb = "resume", .doing = "resuming"},
    [CMD_CHECKPOINT] = {.verb = "checkpoint", .doing = "saving", .spawns = true},
    [CMD_ROLLBACK] = {.verb = "rollback", .doing = "rolling back", .spawns = true},
    [CMD_REDO] = {.verb = "redo", .doing = "returning", .spawns = true},
    [CMD_CONSOLE] = {.verb = "start", .doing = "booting", .spawns = true},
    [CMD_ATTACH] = {.verb = "start", .doing = "booting", .spawns = true},
    [CMD_WATCH] = {.doing = "connecting"},
    [CMD_NEW] = {.doing = "making"},
    [CMD_REMOVE] = {.doing = "removing"},
    [CMD_RESTORE] = {.doing = "restoring"},
    [CMD_ALLOW] = {.doing = "allowing"},
    [CMD_DENY] = {.doing = "denying"},
    [CMD_APPLY] = {.doing = "bringing out"},
};

struct op *op_new(struct app *a, enum command_id c, const char *jail, const char *text)
{
	struct op *op = xcalloc(1, sizeof(*op)), **at = &a->ops;

	op->app = a;
	op->command = c;
	snprintf(op->jail, sizeof(op->jail), "%s", jail);
	op->text = xstrdup(text);
	snprintf(op->phase, sizeof(op->phase), "%s", verbs[c].doing ? verbs[c].doing : "working");
	while (*at)
		at = &(*at)->next;
	*at = op;
	a->dirty = true;
	return op;
}

void op_end(struct op *op)
{
	struct app *a = op->app;

	for (struct op **at = &a->ops; *at; at = &(*at)->next) {
		if (*at != op)
			continue;
		*at = op->next;
		break;
	}
	job_cancel(op->job);
	loop_fd_del(op->watch);
	child_free(op->child);
	client_free(op->client);
	free(op->text);
	free(op);
	a->dirty = true;
	model_refresh(a->model);
}

void op_end_all(struct app *a)
{
	attach_free(a->attach);
	a->attach = NULL;
	client_free(a->attached);
	a->attached = NULL;
	while (a->ops)
		op_end(a->ops);
}

bool op_progress(const struct app *a, struct row *out)
{
	static const char spinner[] = "|/-\\";
	const struct op *op = a->ops;

	if (!op)
		return false;
	row_fmt(out, STYLE_BUSY, "%c ", spinner[a->spin % 4]);
	row_fmt(out, STYLE_TEXT, "%s: %s", op->jail, op->phase);
	if (op->total)
		row_fmt(out, STYLE_DIM, " %" PRIu64 "/%" PRIu64, op->done, op->total);
	if (op->next)
		row_str(out, STYLE_DIM, " ...");
	return true;
}

/* The number of a field; 0 when there is none. */
static uint64_t number(const json_t *o, const char *field)
{
	json_int_t v = json_integer_value(json_object_get(o, field));

	return v > 0 ? (uint64_t)v : 0;
}

static void say_checkpoint(struct op *op, const json_t *o)
{
	if (json_is_true(json_object_get(o, "unchanged")))
		app_say(op->app, "%s: nothing has changed since checkpoint #%" PRIu64, op->jail,
			number(o, "number"));
	else
		app_say(op->app,
			"%s: checkpoint #%" PRIu64 " saved: +%" PRIu64 " ~%" PRIu64 " -%" PRIu64,
			op->jail, number(o, "number"), number(o, "added"), number(o, "modified"),
			number(o, "deleted"));
}

/* "demo: undone, back at #2; the present is saved as #5; 3 processes ended. Z returns" */
static void say_rollback(struct op *op, const json_t *o)
{
	struct app *a = op->app;
	uint64_t saved = number(o, "saved"), ended = number(o, "ended");
	const struct keymap_binding *b = keymap_key_of(
	    a->keymap, KEYMAP_GENERIC, op->command == CMD_REDO ? CMD_ROLLBACK : CMD_REDO, NULL);
	struct buf text = {0};
	char key[64];

	if (json_is_true(json_object_get(o, "unchanged"))) {
		app_say(a, "%s: is as checkpoint #%" PRIu64 " has it: nothing to undo", op->jail,
			number(o, "number"));
		return;
	}
	buf_fmt(&text, "%s: %s #%" PRIu64, op->jail,
		op->command == CMD_REDO ? "again at" : "undone, back at", number(o, "number"));
	if (saved)
		buf_fmt(&text, ", what was is saved as #%" PRIu64, saved);
	if (ended)
		buf_fmt(&text, ", %" PRIu64 " process%s ended", ended, ended == 1 ? "" : "es");
	if (b)
		buf_fmt(&text, ". %s %s", key_seq_text(b->keys, b->nkeys, key, sizeof(key)),
			op->command == CMD_REDO ? "undoes again" : "returns");
	app_say(a, "%s", buf_cstr(&text));
	buf_free(&text);
}

static void attach_done(void *user, int end, const struct err *e)
{
	struct app *a = user;

	attach_free(a->attach);
	a->attach = NULL;
	client_free(a->attached);
	a->attached = NULL;
	app_return_screen(a);
	if (end == ATTACH_DETACHED)
		app_say(a, "%s: detached, it runs on", a->attached_jail);
	else
		app_say(a, "%s: %s", a->attached_jail, e->text);
	model_refresh(a->model);
}

/* The connection of the operation becomes the console's. */
static void begin_attach(struct op *op)
{
	struct app *a = op->app;
	struct attach_options o = {.name = a->attached_jail,
				   .readonly = op->command == CMD_WATCH,
				   .detach = {op->detach[0], op->detach[1]}};
	struct err e = {0};

	if (a->attach || prompt_is_open(a->prompt)) {
		app_say(a, "%s: is up", op->jail);
		return;
	}
	memcpy(a->attached_jail, op->jail, sizeof(a->attached_jail));
	loop_fd_del(op->watch);
	op->watch = NULL;
	a->attached = op->client;
	op->client = NULL;
	app_leave_screen(a);
	a->attach = attach_start(a->loop, a->attached, &o, attach_done, a, &e);
	if (a->attach)
		return;
	client_free(a->attached);
	a->attached = NULL;
	app_return_screen(a);
	app_fail(a, "%s", e.text);
}

/* The view connects by itself: it does so again whenever the jail comes back. */
static void open_console(struct op *op)
{
	struct target t = {.view = &console_view};

	if (prompt_is_open(op->app->prompt)) {
		app_say(op->app, "%s: is up", op->jail);
		return;
	}
	memcpy(t.jail, op->jail, sizeof(t.jail));
	app_open(op->app, &t);
}

static void succeeded(struct op *op, const json_t *o)
{
	struct app *a = op->app;

	switch (op->command) {
	case CMD_START:
		app_say(a, "%s is up", op->jail);
		break;
	case CMD_STOP:
	case CMD_KILL:
		app_say(a, "%s is down", op->jail);
		break;
	case CMD_PAUSE:
		app_say(a, "%s is halted where it is; :resume lets it go on", op->jail);
		break;
	case CMD_RESUME:
		app_say(a, "%s goes on", op->jail);
		break;
	case CMD_CHECKPOINT:
		say_checkpoint(op, o);
		break;
	case CMD_ROLLBACK:
	case CMD_REDO:
		say_rollback(op, o);
		break;
	case CMD_CONSOLE:
		open_console(op);
		break;
	case CMD_ATTACH:
		begin_attach(op);
		break;
	default:
		break;
	}
}

static void on_progress(struct op *op, const json_t *o)
{
	const char *phase = json_string_value(json_object_get(o, "phase"));

	if (phase)
		snprintf(op->phase, sizeof(op->phase), "%s", phase);
	op->done = number(o, "done");
	op->total = number(o, "total");
	op->app->dirty = true;
}

/* True: the operation is over. */
static bool on_message(struct op *op, const struct client_msg *m)
{
	json_t *o = proto_json(m->data, m->len);
	const char *error = json_string_value(json_object_get(o, "error"));
	bool over = false;

	if (m->head.type == PROTO_PROGRESS) {
		on_progress(op, o);
	} else if (m->head.type == PROTO_RESULT && (int)m->head.tag == op->tag) {
		succeeded(op, o);
		over = true;
	} else if (m->head.type == PROTO_ERROR && (int)m->head.tag == op->tag) {
		app_fail(op->app, "%s", error ? error : "the warden refused without a reason");
		over = true;
	}
	json_decref(o);
	return over;
}

static void on_socket(void *user, int events)
{
	struct op *op = user;
	struct client_msg m;
	int ret;

	while ((ret = client_next(op->client, &m)) == 1) {
		fd_close(&m.fd);
		if (on_message(op, &m)) {
			op_end(op);
			return;
		}
	}
	if (ret < 0) {
		app_fail(op->app, "%s: its warden ended before it answered: see the jail's log",
			 op->jail);
		op_end(op);
	}
}

static json_t *arguments(const struct op *op)
{
	json_t *o = json_object(), *s = *op->text ? json_string(op->text) : NULL;

	if (op->command == CMD_CHECKPOINT) {
		json_object_set_new(o, "kind", json_string("hand"));
		if (s)
			json_object_set_new(o, "message", json_incref(s));
	} else if (op->command == CMD_ROLLBACK && s) {
		json_object_set_new(o, "id", json_incref(s));
	}
	json_decref(s);
	return o;
}

static void connected(struct op *op)
{
	op->watch = loop_fd_add(op->app->loop, client_fd(op->client), LOOP_IN, on_socket, op);
	op->tag = client_send_call(op->client, verbs[op->command].verb, arguments(op));
	if (!op->watch || op->tag < 0) {
		app_fail(op->app, "%s: its warden is gone: try again", op->jail);
		op_end(op);
	}
}

/* Reaching the warden, in a thread: it may have to be started, or be hanging. */
struct reach {
	struct op *op;
	const struct jail_places *places;
	char jail[JAIL_NAME_MAX + 1];
	bool spawns;
	unsigned char detach[2];
	struct client *client;
	int ret;
	struct err err;
};

static void reach_work(struct job *j, void *data)
{
	struct reach *r = data;
	struct jail jail;
	struct conf conf;

	r->ret = jail_open(&jail, r->places, r->jail, &r->err);
	if (r->ret)
		return;
	/* a jail.conf that is broken must not lock one out */
	if (!conf_load(jail.dirfd, CONF_FILE, &conf, NULL))
		memcpy(r->detach, conf.detach, sizeof(r->detach));
	conf_free(&conf);
	if (r->spawns)
		r->ret = client_spawn(&r->client, &jail, false, &r->err);
	else
		r->ret = client_connect(&r->client, &jail, &r->err);
	jail_close(&jail);
}

static void reach_done(void *data)
{
	struct reach *r = data;
	struct op *op = r->op;

	op->job = NULL;
	if (r->ret) {
		app_fail(op->app, "%s", r->err.text);
		op_end(op);
		return;
	}
	op->client = r->client;
	r->client = NULL;
	memcpy(op->detach, *op->app->settings.detach ? op->app->settings.detach : r->detach,
	       sizeof(op->detach));
	if (op->command != CMD_WATCH) {
		connected(op);
		return;
	}
	begin_attach(op);
	op_end(op);
}

static void reach_drop(void *data)
{
	struct reach *r = data;

	client_free(r->client);
	free(r);
}

static const struct job_ops reach_ops = {
    .work = reach_work, .done = reach_done, .drop = reach_drop};

/* The command line that does the same. */
static void log_line(struct app *a, enum command_id c, const char *jail, const char *text)
{
	struct buf quoted = {0};

	for (const char *p = text; *p; p++)
		buf_str(&quoted, *p == '\'' ? "'\\''" : (char[]){*p, '\0'});
	switch (c) {
	case CMD_CHECKPOINT:
		app_log(a, *text ? "gaol checkpoint %s -m '%s'" : "gaol checkpoint %s", jail,
			buf_cstr(&quoted));
		break;
	case CMD_NEW:
		app_log(a, *text ? "gaol new %s --profile '%s'" : "gaol new %s", jail,
			buf_cstr(&quoted));
		break;
	case CMD_ROLLBACK:
		app_log(a, *text ? "gaol rollback %s '%s'" : "gaol rollback %s", jail,
			buf_cstr(&quoted));
		break;
	case CMD_CONSOLE:
		app_log(a, "gaol attach %s", jail);
		break;
	case CMD_WATCH:
		app_log(a, "gaol attach -r %s", jail);
		break;
	case CMD_REMOVE:
		app_log(a, "gaol rm %s", jail);
		break;
	default:
		app_log(a, "gaol %s %s", command_get(c)->name, jail);
	}
	buf_free(&quoted);
}

bool op_is_busy(struct app *a, const char *jail)
{
	for (const struct op *op = a->ops; op; op = op->next) {
		if (!strcmp(op->jail, jail)) {
			app_say(a, "%s: %s already: wait for it", jail, op->phase);
			return true;
		}
	}
	return false;
}

void op_begin(struct app *a, enum command_id c, const char *jail, const char *text)
{
	struct op *op;
	struct reach *r;

	if (op_is_busy(a, jail))
		return;
	log_line(a, c, jail, text);
	op = op_new(a, c, jail, text);
	if (c == CMD_NEW || c == CMD_REMOVE) {
		chore_begin(op);
		return;
	}
	r = xcalloc(1, sizeof(*r));
	r->op = op;
	r->places = a->opt->places;
	r->spawns = verbs[c].spawns;
	memcpy(r->jail, op->jail, sizeof(r->jail));
	op->job = jobs_start(a->jobs, &reach_ops, r);
}
