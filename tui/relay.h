/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay: a program in a guest on the caller's standard input, output and error: `gaol run`, `exec`.
 *
 * Without a pty the three streams stay apart and every byte passes as it is. With a pty standard
 * input is put into raw mode where it is a terminal, and output to a terminal passes
 * tui/filter.c, which lets the guest steer nothing but what is shown.
 *
 * SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are sent on to the program, SIGWINCH as
 * its window's size; a closed standard output reaches it as SIGPIPE. Signal masks, handlers and
 * the terminal's mode are as before on return.
 */
#ifndef GAOL_TUI_RELAY_H
#define GAOL_TUI_RELAY_H

#include "core/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct client;

struct buf;

/*
 * Somebody who puts questions on the terminal in between. While one stands, what the program writes
 * waits, and keys are answers; those of the first moment still go to the program, whom they were
 * meant for.
 */
struct exec_aside {
	int fd;	     /* ready() is called when it can be read, -1: never */
	int wait_ms; /* and after so long, -1: not */
	/*
	 * Appends to out what is to be shown, of one line and fit for a terminal: a question that
	 * begins, or what became of the one that stands. True while one stands.
	 */
	bool (*ready)(void *user, struct buf *out);
	bool (*key)(void *user, unsigned char key, struct buf *out);
	void *user;
};

struct exec_options {
	bool pty; /* ask for a pty: "pty", "rows" and "cols" are set in the arguments by exec_run */
	bool no_stdin; /* standard input is not read: the program gets an end of file at once */
	uint32_t tag;  /* of the stream, chosen by the caller; 0: 1 is taken */
	/* Called once when the program runs, with its pid in the guest; may be NULL. */
	void (*started)(void *user, uint32_t pid);
	void *user;
	struct exec_aside *aside; /* with a pty on a terminal only; NULL: nobody */
};

/*
 * Sends PROTO_EXEC with args (taken over, decref'ed in every case) and relays until the program has
 * ended and all its output is written. Messages on c that belong to no stream of this tag are
 * passed over. *exit_status is a wait status (WIFEXITED...). 0, or -errno with e set: what the
 * guest said when the program could not be started, -EPIPE when the warden died.
 */
int exec_run(struct client *c, json_t *args, const struct exec_options *o, int *exit_status,
	     struct err *e);

#endif
