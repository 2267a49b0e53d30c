/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runask: the questions of a jail's network on the terminal of `gaol run`, between what its program
 * writes: a second connection to the warden watches what waits, and a key answers it.
 */
#ifndef GAOL_TUI_CLI_RUNASK_H
#define GAOL_TUI_CLI_RUNASK_H

#include "core/err.h"
#include "core/jail.h"
#include "tui/relay.h"

struct runask;

/* Watches the running jail j. NULL with e set when its warden takes no second connection. */
struct runask *runask_new(const struct jail *j, struct err *e);
void runask_free(struct runask *a); /* NULL is allowed */
/* For exec_run; lives as long as a. */
struct exec_aside *runask_aside(struct runask *a);

#endif
