/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/power.h"

static bool has_warden(const struct jail_status *st)
{
	return st->warden != 0;
}

static const struct cli_opt stop_opts[] = {
    POWER_OPT_ALL,
    {.key = 'g',
     .name = "grace",
     .arg = "SECONDS",
     .help = "Time for programs to end by themselves, 10 by default."},
    {0}};

static int stop(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct power p = {
	    .call = "stop", .grace_ms = 10000, .down_is_ok = true, .wanted = has_warden};
	struct power_which which = {0};
	struct cli_args a;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		if (key == 'a')
			which.all = true;
		else if ((p.grace_ms = power_grace(a.arg)) < 0)
			return cli_usage(v, "--grace %s: not a number of seconds", a.arg);
	}
	return key ? a.status : power_run(c, &p, &which, &a);
}

const struct verb verb_stop = {
    .name = "stop",
    .args = "NAME...",
    .help = "Shuts jails down: tells their programs, then kills them",
    .more = "The guest's init sends SIGTERM to all programs, after the grace SIGKILL, writes "
	    "everything back and powers off. When it has not done so 3 seconds after the grace, "
	    "the guest's kernel is told to write back and to halt; 2.5 seconds later its "
	    "processes are killed. Everything that was written is kept. A jail that is down "
	    "already is left as it is, a paused one goes on for it.",
    .opts = stop_opts,
    .words = WORDS_JAILS,
    .fn = stop,
};
