/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hunk: one hunk of a file brought back, the rest of it as it is. */
#ifndef GAOL_TUI_CLI_HUNK_H
#define GAOL_TUI_CLI_HUNK_H

#include "core/client.h"
#include "core/repo/side.h"

/*
 * Makes the hunk that covers a line of the file as it is now what it is on the side from; its warden
 * writes the file. 0 or -errno with e set: no such hunk, no text, not a file on both sides.
 */
int hunk_back(struct client *c, struct side *from, struct side *now, const char *path,
	      unsigned line, struct err *e);

#endif
