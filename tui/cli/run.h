/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run: the two halves of `gaol run`: run.c reads the command line and carries it out, runjail.c
 * says what the jail is and what becomes of it.
 */
#ifndef GAOL_TUI_CLI_RUN_H
#define GAOL_TUI_CLI_RUN_H

#include "core/client.h"
#include "core/conf.h"
#include "tui/cli/cli.h"
#include <stdbool.h>
#include <stdint.h>

enum run_exit { RUN_ASK, RUN_DISCARD, RUN_KEEP, RUN_APPLY };

struct run {
	const char *name; /* as given; NULL: a throw-away jail */
	const char *dir;  /* -C */
	bool root;	  /* as guest root */
	bool quiet;
	bool net_given; /* --net was: no default of ours */
	enum run_exit on_exit;
	struct conf conf;
	char *cwd; /* owned: where the command stands, host and guest */
	char jail_name[JAIL_NAME_MAX + 1];
	struct jail jail;
	struct client *client;
};

/* Who the command is, where it stands and what it sees there. 0 or -errno with e set. */
int run_describe(struct run *r, struct err *e);
/* Without --net: ask on a terminal, else none, which is told. */
void run_default_net(struct run *r, bool terminal);
/* Makes the jail, starts its warden and its guest. 0 or -errno with e set; the jail may be there
 * then, without a guest. */
int run_boot(struct run *r, struct cli *c, struct err *e);
/* The directory is not just an empty stand-in for a file system that jails are not shown. 0 or
 * -errno with e set. */
int run_check_cwd(struct run *r, struct cli *c, struct err *e);
/* Removes what run_boot left when it failed. */
void run_abandon(struct run *r);
/* Prints the changes, asks or does what was asked for. The connection is over afterwards. */
int run_finish(struct run *r, struct cli *c, struct err *e);
/* Removes throw-away jails that killed wardens left. */
void run_sweep(struct cli *c);

#endif
