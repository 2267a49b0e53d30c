/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach: a jail's console on the caller's terminal, full screen.
 *
 * The terminal is raw: every key goes to the guest (Ctrl-C too) but the two that detach; the first
 * of them typed twice is sent once. What the guest writes passes tui/filter.c, so nothing but text,
 * colours and cursor movement reaches the terminal, and the guest can make it type nothing. On the
 * way out the terminal is reset once, whatever state the guest had it in.
 *
 * Runs from a loop and never waits; attach_run brings a loop of its own.
 */
#ifndef GAOL_TUI_ATTACH_H
#define GAOL_TUI_ATTACH_H

#include "core/err.h"
#include <stdbool.h>

struct attach;
struct client;
struct loop;

struct attach_options {
	const char *name;	 /* the jail's, for the lines before and after */
	unsigned console;	 /* its number; 0: the guest's own, 1 */
	bool readonly;		 /* keys are not sent, the guest's size is not changed */
	bool no_replay;		 /* do not show what the console had before */
	unsigned char detach[2]; /* the keys as bytes; 0, 0: Ctrl-] d */
};

enum attach_end {
	ATTACH_DETACHED = 0,
	ATTACH_STOPPED, /* the guest is down and not coming back by itself, or the shell ended */
	ATTACH_LOST	/* the warden is gone, or this terminal is */
};

/*
 * Attaches standard input and output, which must be terminals, to the console behind c (a
 * connection that is used for nothing else meanwhile; the caller keeps it). Returns an enum
 * attach_end, or -errno with e set (-ENOTTY: no terminal).
 */
int attach_run(struct client *c, const struct attach_options *o, struct err *e);

/*
 * The same inside a loop that runs already. done is called once, from the loop, after the terminal
 * was reset; end is what attach_run would return, e its sentence. The caller then calls
 * attach_free. NULL with e set when it cannot begin.
 */
typedef void attach_done_fn(void *user, int end, const struct err *e);
struct attach *attach_start(struct loop *l, struct client *c, const struct attach_options *o,
			    attach_done_fn *done, void *user, struct err *e);
/* To be called after SIGWINCH. */
void attach_resized(struct attach *a);
/* Ends it from outside: done is called with ATTACH_DETACHED before this returns. */
void attach_stop(struct attach *a);
void attach_free(struct attach *a);

#endif
