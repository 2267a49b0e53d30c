/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * console: a view: a jail's console in a pane (tui/term.c), and beside it the jail's feed.
 *
 * Keys go to the guest. The first of the jail's two detach keys says that the next key is gaol's:
 * the second one leaves, any other does what the map of keys has for it (Ctrl-] z undoes, Ctrl-]
 * Tab goes to the feed); the first key typed twice is sent once. Scrolled back, all keys are gaol's
 * until one is at the end again.
 */
#ifndef GAOL_TUI_CONSOLE_H
#define GAOL_TUI_CONSOLE_H

#include "views/view.h"

extern const struct view_ops console_view;

#endif
