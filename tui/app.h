/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * app: the console program, `gaol` without a verb.
 */
#ifndef GAOL_TUI_APP_H
#define GAOL_TUI_APP_H

#include "core/jail.h"
#include <stdbool.h>

struct tui_options {
	const struct jail_places *places; /* borrowed */
	const char *jail;    /* select this jail and open its feed; NULL: the list of jails */
	const char *message; /* first text of the message line (foreign text is fine); NULL: none */
	bool read_only;	     /* nothing that changes a jail can be done */
};

/*
 * Runs the console program on the terminal of standard input and output until it is left. Returns
 * the exit status: 0, or 1 after a message on stderr (no terminal, a TERM that cannot move its
 * cursor, no loop). The terminal is restored on every way out, fatal signals included.
 */
int tui_main(const struct tui_options *o);

#endif
