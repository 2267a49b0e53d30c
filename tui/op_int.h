/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * op_int: an operation under way, for op.c and chore.c.
 */
#ifndef GAOL_TUI_OP_INT_H
#define GAOL_TUI_OP_INT_H

#include "tui/app_int.h"

struct child;

struct op {
	struct op *next;
	struct app *app;
	enum command_id command;
	char jail[JAIL_NAME_MAX + 1];
	char *text;
	struct job *job; /* NULL: none runs */
	struct client *client;
	struct loop_fd *watch;
	struct child *child;	 /* a verb of the command line, NULL: none */
	int tag;		 /* of the call */
	unsigned char detach[2]; /* keys that leave the console, from jail.conf */
	char phase[48];
	uint64_t done, total;
};

struct op *op_new(struct app *a, enum command_id c, const char *jail, const char *text);
/* Forgets it; what its job or warden still does goes on. */
void op_end(struct op *op);
/* True, and told, when something is under way for the jail. */
bool op_is_busy(struct app *a, const char *jail);

/* child.c */
/* Lets go of a child; it runs on. NULL is allowed. */
void child_free(struct child *c);

/* chore.c: makes or removes the operation's jail in a thread. */
void chore_begin(struct op *op);

#endif
