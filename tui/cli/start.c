/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start, restart: up. */
#include "tui/cli/power.h"

enum { OPT_ENABLED = CLI_LONG };

static const struct cli_opt start_opts[] = {
    POWER_OPT_ALL,
    {.key = OPT_ENABLED,
     .name = "all-enabled",
     .help = "All jails whose jail.conf says autostart = yes."},
    {0}};

static bool is_down(const struct jail_status *st)
{
	return st->state == JAIL_STOPPED || st->state == JAIL_CRASHED || st->state == JAIL_FAILED;
}

static int start(struct cli *c, const struct verb *v, int argc, char **argv)
{
	static const struct power p = {
	    .call = "start", .grace_ms = -1, .spawn = true, .wanted = is_down, .done = "running"};
	struct power_which which = {0};
	struct cli_args a;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		*(key == OPT_ENABLED ? &which.enabled : &which.all) = true;
	return key ? a.status : power_run(c, &p, &which, &a);
}

static const char *const examples[] = {
    "gaol start demo", "Boots it; then: gaol attach demo, gaol events demo, gaol diff demo.",
    "gaol start --all-enabled",
    "What systemd runs at boot or login: systemctl enable gaol, or systemctl --user enable gaol.",
    NULL};

const struct verb verb_start = {
    .name = "start",
    .args = "NAME...",
    .help = "Boots jails, and returns when their init is ready",
    .more = "A jail that runs already is left as it is. A NAME may be a pattern: 'web*'. Several "
	    "boot at once.",
    .examples = examples,
    .opts = start_opts,
    .words = WORDS_JAILS,
    .fn = start,
};

static const struct cli_opt restart_opts[] = {POWER_OPT_ALL, POWER_OPT_GRACE, {0}};

static bool has_guest(const struct jail_status *st)
{
	return st->guest != 0;
}

static int restart(struct cli *c, const struct verb *v, int argc, char **argv)
{
	static const struct power p = {.call = "restart",
				       .grace_ms = POWER_GRACE_MS,
				       .spawn = true,
				       .wanted = has_guest,
				       .done = "running"};

	return power_verb(c, &p, v, argc, argv);
}

const struct verb verb_restart = {
    .name = "restart",
    .args = "NAME...",
    .help = "Shuts jails down and boots them again",
    .more = "Changes of jail.conf take effect. Attached consoles stay attached. A jail that is "
	    "down is started.",
    .opts = restart_opts,
    .words = WORDS_JAILS,
    .fn = restart,
};
