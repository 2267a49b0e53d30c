/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * at: read-only windows of checkpoints on the host.
 *
 * A window's upper layer is built anew from the checkpoint, in jails/NAME/at/NUMBER.XXXXXX/ (it
 * needs extended attributes, which a runtime directory in memory may not have), and goes with it.
 * So it costs the time and space of what the layer of that checkpoint holds, never of base. A
 * process of its own serves it, with a flock on that directory, until it is unmounted; "mountpoint"
 * in it says where, "pid" who. One whose lock is free is a left-over.
 */
#ifndef GAOL_CORE_AT_H
#define GAOL_CORE_AT_H

#include "core/err.h"
#include "core/jail.h"
#include <stdbool.h>

/*
 * Mounts checkpoint id (as log_resolve takes it) of a jail on a directory; dir NULL:
 * RUN/NAME@NUMBER, made for it. Returns when the window can be used; its process goes on behind
 * the caller's back. *where is then its absolute path (free it). 0 or -errno with e set.
 */
int at_mount(const struct jail_places *p, const struct jail *j, const char *id, const char *dir,
	     char **where, struct err *e);
/*
 * Unmounts the windows of a jail: of checkpoint number (0: of all) and, when where is not NULL,
 * only the one at that absolute path; removes what they were made of, and left-overs. *count is how
 * many there were. 0 or -errno with e set.
 */
int at_unmount(const struct jail *j, unsigned number, const char *where, unsigned *count,
	       struct err *e);

#endif
