/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkpoint, rollback and redo, one at a time, in steps that the loop drives:
 *
 *   checkpoint: sync the guest, seal the layer, worker saves while the guest goes on; where that
 *               cannot be, hold the guest's requests instead
 *   rollback:   sync, hold, worker plans (nothing to do: go on); kill the guest, close the layer,
 *               worker saves and applies, boot again when it ran
 */
#include "core/warden/op.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SYNC_LIMIT_MS 5000
#define MESSAGE_MAX 4096

static void work(void *user);

bool save_is_busy(const struct warden *w)
{
	return w->op != NULL;
}

static void op_end(struct warden *w)
{
	struct op *op = w->op;

	w->op = NULL;
	if (op->sealed && !op->stored)
		seal_end(w);
	if (op->held && w->fs)
		fsdev_resume(w->fs);
	loop_timer_del(op->limit);
	worker_free(op->worker);
	worker_free(op->waits);
	json_decref(op->request);
	json_decref(op->result);
	free(op->error);
	free(op);
}

void save_abort(struct warden *w)
{
	if (w->op)
		op_end(w);
}

void op_answer(struct warden *w)
{
	struct op *op = w->op;
	struct call call = op->call;
	json_t *result = op->result ? json_incref(op->result) : NULL;
	char *error = op->error ? xstrdup(op->error) : NULL;
	int code = op->code;
	bool nobody = op->nobody;

	op_end(w);
	if (nobody)
		;
	else if (error)
		answer_error(w, call, code, "%s", error);
	else
		answer(w, call, result ? json_incref(result) : json_object());
	json_decref(result);
	free(error);
	warden_maybe_quit(w);
}

void op_fail(struct warden *w, int code, const char *text)
{
	free(w->op->error);
	w->op->error = xstrdup(text);
	w->op->code = code;
}

/* The state that holds when the operation is over and the guest was left as it was. */
static void settle(struct warden *w)
{
	if (w->st.state == JAIL_SAVING || w->st.state == JAIL_RESTORING)
		warden_enter(w, boot_is_up(w) ? JAIL_RUNNING : JAIL_STOPPED, NULL);
}

static void note_present(struct warden *w, const json_t *result)
{
	w->st.checkpoint = (unsigned)json_integer_value(json_object_get(result, "number"));
	/* A rollback goes back to one that is older; a new one is made now. */
	int64_t made = json_integer_value(json_object_get(result, "time"));
	w->st.checkpoint_time = made > 0 ? made : time(NULL);
	w->st.moves++;
	char *mark = xasprintf("checkpoint %u", w->st.checkpoint);
	tape_mark(w, mark);
	free(mark);
}

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void note_held(struct op *op, uint64_t us)
{
	if (us > op->held_us)
		op->held_us = us;
}

static void held_since(struct op *op, int64_t since)
{
	note_held(op, (uint64_t)(clock_ns() - since) / 1000);
}

void save_on_stored(struct warden *w)
{
	struct op *op = w->op;

	if (!op)
		return;
	op->stored = true;
	if (op->sealed)
		note_held(op, seal_end(w));
}

/* Not at once: this is told in the midst of a change of the layer. */
static void seal_broken(void *user)
{
	struct warden *w = user;
	struct op *op = w->op;

	if (!op || !op->sealed || op->stored)
		return;
	worker_free(op->worker);
	op->worker = NULL;
	op->again = true;
	loop_timer_arm(op->limit, 0);
}

void save_on_layer_close(struct warden *w)
{
	struct op *op = w->op;

	if (!op || op->kind != OP_SAVE || op->step != STEP_WORK || op->stored || !op->worker)
		return;
	worker_free(op->worker);
	op->worker = NULL;
	op->lost = true;
	loop_timer_arm(op->limit, 0);
}

static void saved(void *user, const json_t *result, int code, const char *error)
{
	struct warden *w = user;
	struct op *op = w->op;

	if (!result && code == EAGAIN && op->sealed && !op->again) {
		warden_log("%s: the guest waits for it", error);
		op->again = true;
		loop_timer_arm(op->limit, 0);
		return;
	}
	if (op->held)
		held_since(op, op->held_at);
	if (op->was_up && result)
		warden_log("checkpoint: no request was held for more than %llu us",
			   (unsigned long long)op->held_us);
	touched_settle(w, result, false);
	if (!result && (op->nobody || op->starts))
		warden_log("automatic checkpoint: %s", error);
	if (!result) {
		op_fail(w, code, error);
	} else {
		op->result = json_deep_copy(result);
		json_object_set_new(op->result, "synced", json_boolean(op->synced || !op->was_up));
		json_object_set_new(op->result, "held_us", json_integer((json_int_t)op->held_us));
		bool unchanged = json_is_true(json_object_get(result, "unchanged"));
		if (!unchanged) {
			note_present(w, result);
			warden_event(w, EVENT_CHECKPOINT, w->st.checkpoint, "/",
				     json_string_value(json_object_get(op->request, "message")));
		}
	}
	settle(w);
	if (op->starts) {
		struct call call = op->call;
		bool idle = op->idle;
		op_end(w);
		verb_start_now(w, call, idle);
		return;
	}
	op_answer(w);
}

/* The layer is a state that was: bring the guest back. */
static void bring_up(struct warden *w)
{
	struct err e;

	if (!w->op->was_up) {
		settle(w);
		op_answer(w);
		return;
	}
	w->op->step = STEP_BOOT;
	if (!boot_start(w, w->op->idle, &e))
		save_on_up(w, e.text);
}

static void ask_worker(struct warden *w, const char *what, worker_fn *fn)
{
	struct worker_fds fds = NO_WORKER_FDS;

	json_object_set_new(w->op->request, "op", json_string(what));
	op_work(w, &fds, fn);
}

static void present_known(void *user, const json_t *result, int code, const char *error)
{
	(void)code;
	(void)error;
	if (result)
		note_present(user, result);
	bring_up(user);
}

/* A rollback whose worker was killed is completed, if it had begun to change the layer. */
static void recovered(void *user, const json_t *result, int code, const char *error)
{
	struct warden *w = user;

	if (!result) {
		/* the layer is between two states: nobody may open it before the next try */
		op_fail(w, code, error);
		settle(w);
		op_answer(w);
		warden_quit(w);
	} else if (json_is_true(json_object_get(result, "recovered"))) {
		op_fail(w, EIO, "rollback: it was cut short, and completed behind it");
		warden_log("a rollback that had been cut short is complete");
		ask_worker(w, "status", present_known);
	} else {
		bring_up(w);
	}
}

/* The layer is what it was rolled back to, or, on error, what is to be found out. */
static void restored(void *user, const json_t *result, int code, const char *error)
{
	struct warden *w = user;
	struct op *op = w->op;

	touched_settle(w, result, true);
	if (!result) {
		op_fail(w, code, error);
		ask_worker(w, "recover", recovered);
		return;
	}
	op->result = json_deep_copy(result);
	json_object_set_new(op->result, "ended", json_integer(op->ended));
	if (!json_is_true(json_object_get(result, "unchanged"))) {
		note_present(w, result);
		warden_event(w, op->redo ? EVENT_REDO : EVENT_ROLLBACK, w->st.checkpoint, "/",
			     NULL);
	}
	bring_up(w);
}

void save_on_up(struct warden *w, const char *failure)
{
	if (!w->op || w->op->step != STEP_BOOT)
		return;
	if (failure && !w->op->error)
		op_fail(w, EIO, failure);
	op_answer(w);
}

/* fds: taken over. */
void op_work(struct warden *w, struct worker_fds *fds, worker_fn *fn)
{
	struct op *op = w->op;
	struct err e;

	worker_free(op->worker);
	op->worker = worker_start(w, op->waits, op->request, fds, op->call, fn, w, &e);
	op->waits = NULL;
	worker_fds_close(fds);
	if (op->worker)
		return;
	if (op->kind == OP_SAVE)
		touched_settle(w, NULL, false);
	op_fail(w, EIO, e.text);
	settle(w);
	op_answer(w);
}

static void apply(struct warden *w)
{
	w->op->step = STEP_WORK;
	w->op->held = false; /* the device is gone with its guest */
	put_abort_all(w);
	bring_abort_all(w);
	layers_close(w);
	json_object_set_new(w->op->request, "op", json_string(w->op->redo ? "redo" : "rollback"));
	struct worker_fds fds = NO_WORKER_FDS;
	fds.fd[0] = touched_show(w, w->op->request);
	op_work(w, &fds, restored);
}

static void planned(void *user, const json_t *result, int code, const char *error)
{
	struct warden *w = user;
	struct op *op = w->op;

	if (!result || json_is_true(json_object_get(result, "unchanged"))) {
		if (!result)
			op_fail(w, code, error);
		else
			op->result = json_deep_copy(result);
		settle(w);
		op_answer(w);
		return;
	}
	if (!w->guest) {
		apply(w);
		return;
	}
	op->step = STEP_GUEST_DOWN;
	boot_kill(w, ERRAND_ROLLBACK);
}

static void hold(struct warden *w)
{
	if (!w->fs)
		return;
	fsdev_hold(w->fs);
	w->op->held = true;
	w->op->held_at = clock_ns();
}

static void work_save(struct warden *w)
{
	struct worker_fds fds = NO_WORKER_FDS;
	struct op *op = w->op;
	int64_t since = clock_ns();

	op->step = STEP_WORK;
	if (op->sealed) {
		note_held(op, seal_end(w));
		touched_unseal(w);
		json_object_del(op->request, "sealed");
	}
	fds.fd[0] = touched_seal(w, op->request);
	op->sealed = !op->again && seal_begin(w, op->request, &fds, seal_broken);
	if (!op->sealed)
		hold(w);
	op_work(w, &fds, saved);
	/* nobody is served while this runs */
	if (w->op == op)
		held_since(op, since);
}

/* A restart took the layer away while it was read. */
static void lost(struct warden *w)
{
	w->op->sealed = false;
	touched_settle(w, NULL, false);
	op_fail(w, EIO, "checkpoint: the guest ended and was started again meanwhile: try again");
	op_answer(w);
}

/* The guest's data is in the layer (or it did not answer in time): hold its requests and work. */
static void work(void *user)
{
	struct warden *w = user;
	struct op *op = w->op;

	loop_timer_arm(op->limit, -1);
	op->sync_tag = op->count_tag = 0;
	if (op->cancelled) {
		op_fail(w, ECANCELED, "checkpoint: cancelled");
		settle(w);
		op_answer(w);
		return;
	}
	if (op->lost) {
		lost(w);
		return;
	}
	if (op->again) {
		work_save(w);
		return;
	}
	if (op->kind == OP_SYNC) {
		op->result = json_pack("{s:b}", "synced", op->synced);
		op_answer(w);
		return;
	}
	if (op->was_up && !op->synced)
		warden_log("the guest did not answer a sync: what it had not written yet is not in "
			   "the checkpoint");
	if (op->kind == OP_SAVE) {
		work_save(w);
		return;
	}
	hold(w);
	op->step = STEP_PLAN;
	struct worker_fds fds = NO_WORKER_FDS;
	fds.fd[0] = touched_show(w, op->request);
	op_work(w, &fds, planned);
}

bool save_on_reply(struct warden *w, uint32_t tag, int err, const void *p, size_t n)
{
	struct op *op = w->op;

	if (!op || op->step != STEP_SYNC || !tag || (tag != op->sync_tag && tag != op->count_tag))
		return false;
	if (tag == op->count_tag) {
		op->count_tag = 0;
		if (err || chan_reply_count(p, n, &op->ended))
			op->ended = 0;
	} else {
		op->sync_tag = 0;
		op->synced = !err;
	}
	/* Not from inside the channel's callback: what follows may end the channel. */
	if (!op->sync_tag && !op->count_tag)
		loop_timer_arm(op->limit, 0);
	return true;
}

void save_on_guest_gone(struct warden *w)
{
	if (!w->op)
		return;
	if (w->op->step == STEP_SYNC) {
		loop_timer_arm(w->op->limit, 0);
		w->op->held = false;
	} else if (w->op->step == STEP_GUEST_DOWN) {
		apply(w);
	} else if (w->op->step == STEP_BOOT) {
		save_on_up(w, w->st.reason[0] ? w->st.reason : "the guest did not come up again");
	} else {
		w->op->held = false;
	}
}

struct op *op_open(struct warden *w, enum op_kind kind, struct call c)
{
	struct op *op = xcalloc(1, sizeof(*op));

	*op = (struct op){.kind = kind, .call = c, .was_up = boot_is_up(w), .idle = w->idle};
	w->op = op;
	op->limit = loop_timer_add(w->loop, -1, work, w);
	return op;
}

void op_sync(struct warden *w, bool count)
{
	struct op *op = w->op;
	struct err e;
	int tag = op->was_up ? chan_sync(w->chan) : -1;

	op->sync_tag = tag > 0 ? (uint32_t)tag : 0;
	tag = op->was_up && count ? chan_count_procs(w->chan) : -1;
	op->count_tag = tag > 0 ? (uint32_t)tag : 0;
	/* it starts while the guest writes what it has; without one it is started later */
	if (op->sync_tag && op->kind != OP_SYNC)
		op->waits = worker_ready(w, &e);
	loop_timer_arm(op->limit, op->sync_tag || op->count_tag ? SYNC_LIMIT_MS : 0);
}
