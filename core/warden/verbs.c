/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of clients: which verb is allowed in which state, and what answers it. */
#include "core/fd.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRACE_MS 5000
#define GRACE_MAX_MS 600000
#define GUEST_ERRNO_MAX 4096 /* of what the guest says is an errno */

/* Somebody who waits for a state; or, verb start, for what the boot comes to; or a list of
 * processes. */
struct waiter {
	struct waiter *next;
	struct call call;
	unsigned states;    /* bits of enum jail_state that answer with success */
	unsigned failures;  /* bits that answer with an error */
	uint32_t procs_tag; /* chan request, 0 = not one */
	bool info;	    /* it is chan_info, not chan_ps */
	bool quits;	    /* the warden ends behind the answer */
	bool down;	    /* it waits for an end that is under way */
};

#define BIT(s) (1u << (s))
enum {
	DOWN = BIT(JAIL_STOPPED) | BIT(JAIL_CRASHED) | BIT(JAIL_FAILED),
	UP = BIT(JAIL_RUNNING),
	LIVE = UP | BIT(JAIL_BOOTING) | BIT(JAIL_PAUSED),
	ANY = ~0u,
};

static void wait_for(struct warden *w, struct call c, unsigned states, unsigned failures,
		     bool quits)
{
	struct waiter *x = xcalloc(1, sizeof(*x));

	*x = (struct waiter){
	    .call = c, .states = states, .failures = failures, .quits = quits, .next = w->waiters};
	w->waiters = x;
}

static json_t *exit_json(const struct warden *w)
{
	return w->st.has_exit ? json_pack("{s:i}", "exit_status", w->st.exit_status)
			      : json_pack("{s:n}", "exit_status");
}

/* The first waiter that the present state answers, taken out of the list; NULL when there is none.
 */
static struct waiter *take_answered(struct warden *w)
{
	for (struct waiter **at = &w->waiters; *at; at = &(*at)->next) {
		struct waiter *x = *at;
		if (x->procs_tag || !((x->states | x->failures) & BIT(w->st.state)))
			continue;
		*at = x->next;
		return x;
	}
	return NULL;
}

void verb_state_changed(struct warden *w)
{
	struct waiter *x;

	/* From the front each time: an answer that cannot be sent drops a peer and its waiters. */
	while ((x = take_answered(w))) {
		if (x->states & BIT(w->st.state))
			answer(w, x->call, exit_json(w));
		else
			answer_error(w, x->call, EIO, "%s: %s: %s", w->jail.name,
				     jail_state_name(w->st.state),
				     w->st.reason[0] ? w->st.reason : "its command ended at once");
		if (x->quits)
			warden_quit(w);
		free(x);
	}
}

void verb_progress(struct warden *w, const char *phase, uint64_t limit_ms)
{
	for (struct waiter *x = w->waiters; x; x = x->next)
		if (x->down)
			answer_progress(w, x->call, phase, 0, limit_ms);
}

void verb_peer_gone(struct warden *w, uint64_t peer)
{
	for (struct waiter **at = &w->waiters; *at;) {
		struct waiter *x = *at;
		if (x->call.peer != peer || x->quits) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		free(x);
	}
}

static void do_status(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	w->st.events = ring_last(w->ring);
	limits_status(w);
	answer(w, c, jail_status_to_json(&w->st));
}

static void do_watch(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	p->watching = true;
	do_status(w, p, c, args, fd);
}

static void do_events(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	json_t *o = json_pack("{s:I}", "last", (json_int_t)ring_last(w->ring));

	peer_send_json(w, p, PROTO_RING, c.tag, o, ring_fd(w->ring));
	json_decref(o);
}

void verb_start_now(struct warden *w, struct call c, bool idle)
{
	struct err e;

	if (w->st.state != JAIL_BOOTING && !boot_start(w, idle, &e)) {
		answer_error(w, c, EIO, "%s", e.text);
		return;
	}
	wait_for(w, c, UP, DOWN, false);
}

static void do_start(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	bool idle = json_is_true(json_object_get(args, "idle"));

	if (w->st.state == JAIL_RUNNING) {
		answer(w, c, json_object());
		return;
	}
	again_cancel(w);
	if (w->conf.checkpoint_at_start && !w->guest)
		save_before_start(w, c, idle);
	else
		verb_start_now(w, c, idle);
}

static uint32_t grace_of(const json_t *args)
{
	const json_t *g = json_object_get(args, "grace_ms");
	json_int_t grace = json_is_integer(g) ? json_integer_value(g) : GRACE_MS;

	return grace < 0 || grace > GRACE_MAX_MS ? GRACE_MS : (uint32_t)grace;
}

/* True when there was no guest to be ended: answered. */
static bool is_down(struct warden *w, struct call c)
{
	again_cancel(w);
	if (w->guest) {
		wait_for(w, c, DOWN, 0, !w->tied);
		w->waiters->down = true;
		return false;
	}
	answer(w, c, exit_json(w));
	if (!w->tied)
		warden_quit(w);
	return true;
}

static void do_stop(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	if (is_down(w, c))
		return;
	if (w->st.state == JAIL_STOPPING)
		w->errand = ERRAND_STOP; /* it was to be restarted */
	else
		boot_stop(w, ERRAND_STOP, grace_of(args));
}

static void do_kill(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	if (!is_down(w, c))
		boot_kill(w, ERRAND_STOP);
}

static void do_restart(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	struct err e;

	again_cancel(w);
	if (!w->guest && !boot_start(w, json_is_true(json_object_get(args, "idle")), &e)) {
		answer_error(w, c, EIO, "%s", e.text);
		return;
	}
	wait_for(w, c, UP, DOWN, false);
	if (w->st.state == JAIL_BOOTING)
		return;
	w->waiters->down = true;
	boot_stop(w, ERRAND_RESTART, grace_of(args));
}

static void do_pause(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	if (w->st.state == JAIL_PAUSED)
		answer(w, c, json_object());
	else
		pause_guest(w, c);
}

static void do_resume(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	if (w->st.state == JAIL_PAUSED) {
		pause_end(w);
		warden_enter(w, JAIL_RUNNING, NULL);
	}
	answer(w, c, json_object());
}

static void do_wait(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	const char *word = json_string_value(json_object_get(args, "state"));
	int s = word ? jail_state_parse(word) : -1;
	unsigned states = word && !strcmp(word, "down") ? (unsigned)DOWN : s < 0 ? 0 : BIT(s);

	if (!states)
		answer_error(w, c, EINVAL, "wait: %s: no such state", word ? word : "");
	else if (BIT(w->st.state) & states)
		answer(w, c, exit_json(w));
	else
		wait_for(w, c, states, 0, false);
}

static void do_sync(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	save_sync(w, c);
}

static void do_checkpoint(struct warden *w, struct peer *p, struct call c, const json_t *args,
			  int fd)
{
	save_checkpoint(w, c, args);
}

static void do_rollback(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	save_rollback(w, c, args, false);
}

static void do_redo(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	save_rollback(w, c, args, true);
}

static void do_bring(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	bring_start(w, c, args, fd);
}

static void do_tag(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	save_repo(w, c, "tag", args);
}

static void do_untag(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	save_repo(w, c, "untag", args);
}

static void do_rename(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	save_repo(w, c, "rename", args);
}

static void do_prune(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	save_repo(w, c, "prune", args);
}

static void do_cancel(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	save_cancel(w, c);
}

static void do_put(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	put_start(w, c, args, fd);
}

static void do_procs(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	int tag = w->chan ? chan_ps(w->chan) : -EAGAIN;

	if (tag < 0) {
		answer_error(w, c, -tag, "procs: the guest cannot be asked now: try again");
		return;
	}
	wait_for(w, c, 0, 0, false);
	w->waiters->procs_tag = (uint32_t)tag;
}

static void do_info(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	int tag = w->chan ? chan_info(w->chan) : -EAGAIN;

	if (tag < 0) {
		answer_error(w, c, -tag, "info: the guest cannot be asked now: try again");
		return;
	}
	wait_for(w, c, 0, 0, false);
	w->waiters->procs_tag = (uint32_t)tag;
	w->waiters->info = true;
}

static void do_keep(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	w->tied = 0;
	w->st.throwaway = false;
	warden_announce(w);
	answer(w, c, json_object());
}

static void do_discard(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	if (!w->tied) {
		answer_error(w, c, EPERM,
			     "discard: only for a jail that `gaol run` made: `gaol rm %s`",
			     w->jail.name);
		return;
	}
	answer(w, c, json_object());
	warden_discard(w);
}

static void do_shutdown(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	answer(w, c, json_object());
	warden_quit(w);
}

static void do_net(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd)
{
	net_call(w, c, args, fd);
}

static const struct verb {
	const char *name;
	unsigned states; /* in which it is allowed */
	void (*fn)(struct warden *w, struct peer *p, struct call c, const json_t *args, int fd);
} verbs[] = {
    {.name = "status", .states = ANY, .fn = do_status},
    {.name = "watch", .states = ANY, .fn = do_watch},
    {.name = "events", .states = ANY, .fn = do_events},
    {.name = "start", .states = DOWN | UP | BIT(JAIL_BOOTING), .fn = do_start},
    {.name = "stop", .states = DOWN | LIVE | BIT(JAIL_STOPPING), .fn = do_stop},
    {.name = "kill", .states = DOWN | LIVE | BIT(JAIL_STOPPING), .fn = do_kill},
    {.name = "restart", .states = DOWN | LIVE, .fn = do_restart},
    {.name = "pause", .states = UP | BIT(JAIL_PAUSED), .fn = do_pause},
    {.name = "resume", .states = UP | BIT(JAIL_PAUSED), .fn = do_resume},
    {.name = "wait", .states = ANY, .fn = do_wait},
    {.name = "sync", .states = ANY, .fn = do_sync},
    {.name = "checkpoint", .states = DOWN | UP, .fn = do_checkpoint},
    {.name = "rollback", .states = DOWN | UP, .fn = do_rollback},
    {.name = "redo", .states = DOWN | UP, .fn = do_redo},
    {.name = "tag", .states = DOWN | UP, .fn = do_tag},
    {.name = "untag", .states = DOWN | UP, .fn = do_untag},
    {.name = "rename", .states = DOWN | UP, .fn = do_rename},
    {.name = "prune", .states = DOWN | UP, .fn = do_prune},
    {.name = "cancel", .states = ANY, .fn = do_cancel},
    {.name = "bring", .states = DOWN | UP, .fn = do_bring},
    {.name = "put", .states = DOWN | UP, .fn = do_put},
    {.name = "procs", .states = UP | BIT(JAIL_SAVING), .fn = do_procs},
    {.name = "info", .states = UP | BIT(JAIL_SAVING), .fn = do_info},
    {.name = "net", .states = ANY, .fn = do_net},
    {.name = "keep", .states = ANY, .fn = do_keep},
    {.name = "discard", .states = ANY, .fn = do_discard},
    {.name = "shutdown", .states = DOWN, .fn = do_shutdown},
};

static void refuse(struct warden *w, struct call c, const char *verb, bool busy)
{
	const char *name = w->jail.name, *state = jail_state_name(w->st.state);

	if (busy)
		answer_error(w, c, EBUSY, "%s: %s is being saved: wait for it and try again", verb,
			     name);
	else if (w->st.state == JAIL_PAUSED)
		answer_error(w, c, EBUSY, "%s: %s is paused: `gaol resume %s` first", verb, name,
			     name);
	else if (BIT(w->st.state) & DOWN)
		answer_error(w, c, EBUSY, "%s: %s is %s: `gaol start %s` first", verb, name, state,
			     name);
	else
		answer_error(w, c, EBUSY, "%s: %s is %s: wait for it and try again", verb, name,
			     state);
}

void verb_call(struct warden *w, struct peer *p, uint32_t tag, const json_t *o, int fd)
{
	struct call c = {.peer = p->id, .tag = tag};
	const char *name = json_string_value(json_object_get(o, "verb"));

	for (size_t i = 0; name && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct verb *v = &verbs[i];
		if (strcmp(v->name, name))
			continue;
		bool passes_fd = v->fn == do_put || v->fn == do_bring || v->fn == do_net;
		if (fd >= 0 && !passes_fd)
			fd_close(&fd);
		/* An operation that only reads (sync) blocks nobody but another operation. */
		bool busy =
		    w->op && v->states != (unsigned)ANY && v->fn != do_procs && v->fn != do_info;
		if (!(v->states & BIT(w->st.state)) || busy) {
			refuse(w, c, name, busy);
			fd_close(&fd);
			return;
		}
		v->fn(w, p, c, json_object_get(o, "args"), fd);
		return;
	}
	answer_error(w, c, ENOSYS, "%s: no such verb: is the client of another version?",
		     name ? name : "");
	fd_close(&fd);
}

static json_t *proc_json(const struct chan_proc *pr)
{
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "pid", (json_int_t)pr->pid,
			      "ppid", (json_int_t)pr->ppid, "uid", (json_int_t)pr->uid, "threads",
			      (json_int_t)pr->threads, "rss_kib", (json_int_t)pr->rss_kib, "cpu_ms",
			      (json_int_t)pr->cpu_ms, "start_ms", (json_int_t)pr->start_ms);
	char state[2] = {pr->state, '\0'};
	struct buf line = {0};
	json_t *s;

	json_object_set_new(o, "state", json_string(state));
	s = json_stringn(pr->comm, pr->comm_len);
	json_object_set_new(o, "comm", s ? s : json_string("?"));
	buf_add(&line, pr->cmdline, pr->cmdline_len - (pr->cmdline_len > 0));
	for (size_t i = 0; i < line.len; i++)
		if (!line.p[i])
			line.p[i] = ' ';
	s = json_stringn(buf_cstr(&line), line.len);
	json_object_set_new(o, "command", s ? s : json_string("?"));
	buf_free(&line);
	return o;
}

void verb_guest_gone(struct warden *w)
{
	for (struct waiter **at = &w->waiters; *at;) {
		struct waiter *x = *at;
		if (!x->procs_tag) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		struct call c = x->call;
		free(x);
		answer_error(w, c, ESRCH, "%s: the guest ended before it answered", w->jail.name);
		at = &w->waiters; /* an answer that cannot be sent drops a peer and its waiters */
	}
}

static json_t *info_json(const void *p, size_t n)
{
	struct chan_guest_info i;

	if (chan_reply_info(p, n, &i))
		return json_object();
	return json_pack("{s:I, s:I, s:I, s:[f, f, f], s:I}", "uptime_ms", (json_int_t)i.uptime_ms,
			 "memory_kib", (json_int_t)i.memory_kib, "available_kib",
			 (json_int_t)i.available_kib, "load", i.load[0] / 100.0, i.load[1] / 100.0,
			 i.load[2] / 100.0, "tasks", (json_int_t)i.tasks);
}

bool verb_on_reply(struct warden *w, uint32_t tag, int err, const void *p, size_t n, bool cut)
{
	for (struct waiter **at = &w->waiters; *at; at = &(*at)->next) {
		struct waiter *x = *at;
		if (!x->procs_tag || x->procs_tag != tag)
			continue;
		*at = x->next;
		if (err) {
			err = err > 0 && err < GUEST_ERRNO_MAX ? err : EIO;
			answer_error(w, x->call, err, "%s: the guest's init cannot tell: %s",
				     w->jail.name, strerror(err));
			free(x);
			return true;
		}
		if (x->info) {
			answer(w, x->call, info_json(p, n));
			free(x);
			return true;
		}
		json_t *list = json_array();
		struct chan_proc pr;
		size_t pos = 0, size = 0;
		/* One message holds about 64 KiB; a list that is longer is cut and says so. */
		while (chan_ps_next(p, n, &pos, &pr) == 1 &&
		       (size += 256 + pr.cmdline_len * 2) < PROTO_MAX)
			json_array_append_new(list, proc_json(&pr));
		answer(w, x->call,
		       json_pack("{s:o, s:b}", "processes", list, "cut", cut || size >= PROTO_MAX));
		free(x);
		return true;
	}
	return false;
}
