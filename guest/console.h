/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * console: the guest's terminal and the main command on it.
 */
#ifndef GAOL_GUEST_CONSOLE_H
#define GAOL_GUEST_CONSOLE_H

#include "guest/init.h"
#include "guest/launch.h"

/* Opens the console for settings and puts the line into a sane mode. */
void console_open(struct init *in);
/* rows and columns, 0: leave as it is. */
void console_winsize(struct init *in, uint16_t rows, uint16_t cols);
/* Starts the main command with the console as its controlling terminal. Its failure is told by
 * MAIN_EXIT, as its end is. */
void console_start_main(struct init *in, const struct launch *l);
/* A signal to the foreground process group of the console. */
void console_signal(struct init *in, int signo);
/* A child has ended: true when it was the main command. */
bool console_reaped(struct init *in, pid_t pid, int status);

#endif
