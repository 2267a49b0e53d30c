/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "core/fd.h"
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

/* Asks the warden: 1 entered, 0 the warden ended or time is up, or -errno with e set. */
static int ask_warden(struct waiting *w, struct client *c, struct err *e)
{
	json_t *args = json_pack("{s:s}", "state", jail_state_name(w->state));
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
		if (m.head.tag == (uint32_t)tag && m.head.type == PROTO_RESULT)
			return 1;
		if (m.head.tag == (uint32_t)tag && m.head.type == PROTO_ERROR)
			return err_set(e, -EIO, "%s: its warden cannot wait for %s", w->jail->name,
				       jail_state_name(w->state));
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
		if (st.state == w->state)
			return 0;
		if (w->deadline >= 0 && loop_now_ms() >= w->deadline)
			return err_set(e, -ETIMEDOUT,
				       "%s: is still %s, not %s: see its log at %s/log",
				       w->jail->name, jail_state_name(st.state),
				       jail_state_name(w->state), w->jail->dir);
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
	if (key || !cli_operands(&a, 2, 2))
		return a.status;
	int state = jail_state_parse(a.v[1]);
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
	return ret ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {"gaol wait demo stopped --timeout 60",
				       "Returns when the jail is down, fails after a minute.",
				       NULL};

const struct verb verb_wait = {
    .name = "wait",
    .args = "NAME STATE",
    .help = "Waits until a jail is in a state",
    .more = "States: stopped, booting, running, stopping, saving, restoring, crashed, "
	    "failed. A jail that is in it already is waited for no longer.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL_STATE,
    .fn = wait_verb,
};
