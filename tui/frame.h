/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame: a terminal's descriptor whose output can be gathered, so that a picture reaches the
 * terminal in one piece.
 *
 * Debian's curses flushes at each movement of the cursor: seventy writes for a picture of a live
 * list, each of which wakes the terminal to show a part of it.
 */
#ifndef GAOL_TUI_FRAME_H
#define GAOL_TUI_FRAME_H

#include <stdio.h>

struct frame;

/* On a terminal's descriptor, which stays the caller's. NULL with errno set. */
struct frame *frame_new(int tty);
void frame_free(struct frame *f);
/* The file to write to; a terminal, except between frame_begin and frame_end. Owned by f. */
FILE *frame_file(const struct frame *f);
/* From here on all that is written to the file's descriptor is gathered ... */
void frame_begin(struct frame *f);
/* ... and sent. What a terminal that is gone does not take is dropped. */
void frame_end(struct frame *f);

#endif
