/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * power: one call to the wardens of many jails, all at work at once: start, stop, restart, kill,
 * pause, resume.
 */
#ifndef GAOL_TUI_CLI_POWER_H
#define GAOL_TUI_CLI_POWER_H

#include "core/conf.h"
#include "tui/cli/cli.h"
#include <stdbool.h>

struct power {
	const char *call; /* of the wardens */
	int grace_ms;	  /* its argument, -1: it takes none */
	bool spawn;	  /* starts a warden where there is none */
	bool down_is_ok;  /* a jail without a warden is what was asked for */
	const char *done; /* printed behind the name on a terminal, NULL: nothing */
	/* With --all: the jails that are meant. */
	bool (*wanted)(const struct jail_status *st);
	/* The warden does not answer: a last means. NULL: none. 0 or -errno with e set. */
	int (*last)(struct jail *j, struct err *e);
};

/* What the operands of such a verb name. */
struct power_which {
	bool all;     /* --all: whatever wanted says */
	bool enabled; /* of those, the jails with autostart = yes */
};

/*
 * Checks the operands (names and patterns, or none with --all), makes the calls, waits for all
 * answers. Goes on behind a failure; returns the worst status.
 */
int power_run(struct cli *c, const struct power *p, const struct power_which *which,
	      struct cli_args *a);

/* For verbs with no options but --all and --grace (POWER_OPT_ALL, POWER_OPT_GRACE). */
int power_verb(struct cli *c, const struct power *p, const struct verb *v, int argc, char **argv);

#define POWER_OPT_ALL                                                                              \
	{                                                                                          \
		.key = 'a', .name = "all", .help = "All jails that this can be done to."           \
	}

#define POWER_GRACE_MS 10000
#define POWER_OPT_GRACE                                                                            \
	{                                                                                          \
		.key = 'g', .name = "grace", .arg = "SECONDS",                                     \
		.help = "Time for programs to end by themselves, 10 by default.",                  \
	}

#endif
