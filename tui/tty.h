/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tty: the terminal's mode, and its return on every way out.
 */
#ifndef GAOL_TUI_TTY_H
#define GAOL_TUI_TTY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Remembers the mode of the terminal fd as the one to come back to, and sees to it that exit() and
 * fatal signals (SEGV, BUS, FPE, ILL, ABRT) restore it. Once is enough; later calls with the same
 * mode in force change nothing. 0 or -errno (-ENOTTY).
 */
int tty_guard(int fd);
/* Raw: every byte as typed, no signals from keys, no translation of output. tty_guard was called.
 * 0 or -errno. */
int tty_raw(int fd);
/* Back to the remembered mode; writes the farewell bytes if they are set. Any number of times. */
void tty_restore(void);
/*
 * Bytes written to the terminal before its mode is restored by exit or a fatal signal (leave the
 * alternate screen, show the cursor); NULL: none. They must stay where they are.
 */
void tty_farewell(const char *bytes);
/* The window's size of fd; false when it has none (then 24 x 80 is given). */
bool tty_size(int fd, uint16_t *rows, uint16_t *cols);
/* True when the locale's character set is UTF-8. setlocale was called. */
bool tty_utf8(void);

#endif
