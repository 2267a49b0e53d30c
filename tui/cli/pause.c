/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/power.h"

static const struct cli_opt opts[] = {POWER_OPT_ALL, {0}};

static bool is_running(const struct jail_status *st)
{
	return st->state == JAIL_RUNNING;
}

static bool is_paused(const struct jail_status *st)
{
	return st->state == JAIL_PAUSED;
}

static int pause_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	static const struct power p = {.call = "pause", .grace_ms = -1, .wanted = is_running};

	return power_verb(c, &p, v, argc, argv);
}

static int resume(struct cli *c, const struct verb *v, int argc, char **argv)
{
	static const struct power p = {.call = "resume", .grace_ms = -1, .wanted = is_paused};

	return power_verb(c, &p, v, argc, argv);
}

const struct verb verb_pause = {
    .name = "pause",
    .args = "NAME...",
    .help = "Halts jails where they are; they use no processor time",
    .more = "Every process of the guest stands still on the host and keeps its memory. Files can "
	    "be looked at, consoles stay attached; keys wait. Programs, checkpoints and rollbacks "
	    "need it to run again; stop and kill work.",
    .opts = opts,
    .words = WORDS_JAILS,
    .fn = pause_verb,
};

const struct verb verb_resume = {
    .name = "resume",
    .args = "NAME...",
    .help = "Lets paused jails go on",
    .more = "Their clock is the host's again at once.",
    .opts = opts,
    .words = WORDS_JAILS,
    .fn = resume,
};
