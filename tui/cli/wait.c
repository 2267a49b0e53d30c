/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "core/fd.h"
#include "core/jail.h"
#include "core/loop.h"
#include "tui/cli/cli.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* How often a jail without a warden is looked at: nobody is there to tell. */
#define LOOK_MS 50

static const struct cli_opt opts[] = {
    {.key = 't', .name = "timeout", .arg = "SECONDS", .help = "Fails when it takes longer."}, {0}};

struct waiting {
	struct jail *jail;
	enum jail_state state;
	bool down;	  /* any state without a guest, instead */
	int exit_status;  /* of the main command, as a shell tells it */
	int64_t deadline; /* of loop_now_ms, -1: none */
};

/* Milliseconds until the deadline, at most limit (-1: no limit); -1: for ever. */
static int left(const struct waiting *w, int limit)
{
	int64_t ms = w->deadline < 0 ? limit : w->deadline - loop_now_ms();

	if (w->deadline >= 0 && ms < 0)
		ms = 0;
	return limit >= 0 && ms > limit ? limit : (int)ms;
}

static const char *wanted(const struct waiting *w)
{
	return w->down ? "down" : jail_state_name(w->state);
}

static bool is_there(struct waiting *w, const struct jail_status *st)
{
	bool down =
	    st->state == JAIL_STOPPED || st->state == JAIL_CRASHED || st->state == JAIL_FAILED;

	if (w->down && down && st->has_exit)
		w->exit_status = jail_exit_code(st->exit_status);
	else if (w->down && down)
		w->exit_status = st->state == JAIL_STOPPED ? CLI_OK : CLI_FAILED;
	return w->down ? down : st->state == w->state;
}

/* Asks the warden: 1 entered, 0 the warden ended or time is up, or -errno with e set. */
static int ask_warden(struct waiting *w, struct client *c, struct err *e)
{
	json_t *args = json_pack("{s:s}", "state", wanted(w));
	int tag = client_send_call(c, "wait", args);
	struct client_msg m;
	int ret;

	if (tag < 0)
		return 0;
	for (;;) {
		ret = client_next(c, &m);
		if (ret < 0)
			return 0;
		if (!ret) {
			int ms = left(w, -1);
			if (!ms || client_wait(c, ms) < 0)
				return 0;
			continue;
		}
		fd_close(&m.fd);
		if (m.head.tag == (uint32_t)tag && m.head.type == PROTO_RESULT) {
			/* Written by the warden before it answers. */
			struct jail_status st;
			if (w->down && !jail_status_read(w->jail, &st))
				is_there(w, &st);
			return 1;
		}
		if (m.head.tag == (uint32_t)tag && m.head.type == PROTO_ERROR)
			return err_set(e, -EIO, "%s: its warden cannot wait for %s", w->jail->name,
				       wanted(w));
	}
}

static int wait_for(struct waiting *w, struct err *e)
{
	struct jail_status st = {0};
	struct client *c;

	for (;;) {
		int ret = jail_status_read(w->jail, &st);
		if (ret)
			return err_set(e, ret, "%s: its state cannot be read", w->jail->name);
		if (is_there(w, &st))
			return 0;
		if (w->deadline >= 0 && loop_now_ms() >= w->deadline)
			return err_set(
			    e, -ETIMEDOUT, "%s: is still %s, not %s: see its log at %s/log",
			    w->jail->name, jail_state_name(st.state), wanted(w), w->jail->dir);
		if (!client_connect(&c, w->jail, NULL)) {
			ret = ask_warden(w, c, e);
			client_free(c);
			if (ret)
				return ret < 0 ? ret : 0;
			continue;
		}
		struct timespec ts = {.tv_nsec = left(w, LOOK_MS) * 1000000L};
		nanosleep(&ts, NULL);
	}
}

static int wait_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct waiting w = {.deadline = -1};
	double seconds = -1;
	struct cli_args a;
	struct jail j;
	struct err e;
	char *end;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		seconds = strtod(a.arg, &end);
		if (end == a.arg || *end || !(seconds >= 0 && seconds < 1e6))
			return cli_usage(v, "--timeout %s: not a number of seconds", a.arg);
	}
	if (key || !cli_operands(&a, 1, 2))
		return a.status;
	w.down = a.n == 1;
	int state = w.down ? 0 : jail_state_parse(a.v[1]);
	if (state < 0)
		return cli_usage(v, "%s: no such state", a.v[1]);
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	w.jail = &j;
	w.state = (enum jail_state)state;
	if (seconds >= 0)
		w.deadline = loop_now_ms() + (int64_t)(seconds * 1000);
	int ret = wait_for(&w, &e);
	jail_close(&j);
	return ret ? cli_fail(&e) : w.exit_status;
}

static const char *const examples[] = {
    "gaol start job && gaol wait job", "Returns when its command has ended, with its exit status.",
    "gaol wait demo stopped --timeout 60", "Returns when the jail is down, fails after a minute.",
    NULL};

const struct verb verb_wait = {
    .name = "wait",
    .args = "NAME [STATE]",
    .help = "Waits until a jail is in a state, or down",
    .more = "States: stopped, booting, running, paused, stopping, saving, restoring, crashed, "
	    "failed. A jail that is in it already is waited for no longer. Without STATE: until "
	    "it is stopped, crashed or failed; the exit status is then that of the jail's "
	    "command (128 and the signal's number when one ended it), 1 when it crashed or "
	    "failed without one.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL_STATE,
    .fn = wait_verb,
};
