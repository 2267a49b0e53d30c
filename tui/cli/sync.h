/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync: a running guest brings what it holds in memory to the layer. */
#ifndef GAOL_TUI_CLI_SYNC_H
#define GAOL_TUI_CLI_SYNC_H

struct client;
struct jail;

/* Asks a jail's warden, when it has one, to have its guest sync; tells on stderr when it did not.
 */
void cli_sync(const struct jail *j);
/* The same over a connection. */
void cli_sync_client(struct client *c, const char *name);

#endif
