/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients ask of save.c. */
#include "core/warden/op.h"
#include <errno.h>
#include <string.h>

#define MESSAGE_MAX 4096

static bool message_ok(struct warden *w, struct call c, const json_t *args)
{
	const char *m = json_string_value(json_object_get(args, "message"));

	if (!m || strlen(m) <= MESSAGE_MAX)
		return true;
	answer_error(w, c, EINVAL, "message: longer than %d bytes: shorten it", MESSAGE_MAX);
	return false;
}

void save_checkpoint(struct warden *w, struct call c, const json_t *args)
{
	const json_t *m = json_object_get(args, "message");
	const json_t *k = json_object_get(args, "kind");

	if (!message_ok(w, c, args))
		return;
	struct op *op = op_open(w, OP_SAVE, c);
	op->request =
	    json_pack("{s:s, s:s, s:s, s:s}", "op", "save", "kind",
		      json_is_string(k) ? json_string_value(k) : "hand", "message",
		      json_is_string(m) ? json_string_value(m) : "", "name", w->jail.name);
	/* Asked for by a person: a checkpoint is made also when nothing changed, as they asked. */
	json_object_set(op->request, "always", json_object_get(args, "always"));
	warden_enter(w, JAIL_SAVING, NULL);
	op_sync(w, false);
}

static struct op *begin_auto(struct warden *w, struct call c, const char *why)
{
	struct op *op = op_open(w, OP_SAVE, c);

	op->request = json_pack("{s:s, s:s, s:s, s:s}", "op", "save", "kind", "auto", "message",
				why, "name", w->jail.name);
	warden_enter(w, JAIL_SAVING, NULL);
	op_sync(w, false);
	return op;
}

void save_auto(struct warden *w)
{
	begin_auto(w, (struct call){0}, "by time")->nobody = true;
}

void save_before_start(struct warden *w, struct call c, bool idle)
{
	struct op *op = begin_auto(w, c, "before start");

	op->starts = true;
	op->idle = idle;
}

void save_rollback(struct warden *w, struct call c, const json_t *args, bool redo)
{
	const char *id = json_string_value(json_object_get(args, "id"));
	struct op *op = op_open(w, OP_BACK, c);

	op->redo = redo;
	op->request =
	    json_pack("{s:s, s:s, s:b}", "op", "plan", "name", w->jail.name, "redo", redo);
	if (id && !redo)
		json_object_set_new(op->request, "to", json_string(id));
	warden_enter(w, JAIL_RESTORING, NULL);
	op_sync(w, true);
}

static void repo_done(void *user, const json_t *result, int code, const char *error)
{
	struct warden *w = user;

	if (result)
		w->op->result = json_deep_copy(result);
	else
		op_fail(w, code, error);
	op_answer(w);
}

void save_repo(struct warden *w, struct call c, const char *name, const json_t *args)
{
	struct op *op = message_ok(w, c, args) ? op_open(w, OP_REPO, c) : NULL;

	if (!op)
		return;
	op->step = STEP_WORK;
	op->request = json_is_object(args) ? json_deep_copy(args) : json_object();
	json_object_set_new(op->request, "op", json_string(name));
	json_object_set_new(op->request, "name", json_string(w->jail.name));
	struct worker_fds fds = NO_WORKER_FDS;
	op_work(w, &fds, repo_done);
}

void save_sync(struct warden *w, struct call c)
{
	if (w->op || !boot_is_up(w)) {
		answer(w, c, json_pack("{s:b}", "synced", !boot_is_up(w)));
		return;
	}
	op_open(w, OP_SYNC, c);
	op_sync(w, false);
}

void save_cancel(struct warden *w, struct call c)
{
	struct op *op = w->op;
	bool can = op && op->kind == OP_SAVE && !op->starts;

	if (can && op->step == STEP_SYNC) {
		op->cancelled = true;
		loop_timer_arm(op->limit, 0);
	} else if (can && op->worker) {
		worker_cancel(op->worker);
	}
	answer(w, c, json_pack("{s:b}", "cancelled", can));
}
