/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/power.h"

static bool has_warden(const struct jail_status *st)
{
	return st->warden != 0;
}

static const struct cli_opt stop_opts[] = {POWER_OPT_ALL, POWER_OPT_GRACE, {0}};

static int stop(struct cli *c, const struct verb *v, int argc, char **argv)
{
	static const struct power p = {
	    .call = "stop", .grace_ms = POWER_GRACE_MS, .down_is_ok = true, .wanted = has_warden};

	return power_verb(c, &p, v, argc, argv);
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
