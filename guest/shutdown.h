/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shutdown: the orderly end of the guest.
 *
 * TERM: SIGTERM to all (SIGHUP to the main command, SIGCONT to the stopped), until no child is
 * left or the grace is over. KILL: SIGKILL to all, until no child is left. LAST: the streams tell
 * their ends; then sync, unmount, DONE, power off. With nothing running it goes straight through.
 * Where pid 1 is a system's own init, TERM asks that one alone to power off, and LAST comes behind
 * it when it does not.
 */
#ifndef GAOL_GUEST_SHUTDOWN_H
#define GAOL_GUEST_SHUTDOWN_H

#include "guest/init.h"

/* Begins, or answers a second request by hurrying the first. tag 0: nobody waits for DONE. */
void shutdown_begin(struct init *in, uint32_t tag, uint32_t grace_ms);
/* A child was reaped. */
void shutdown_reaped(struct init *in);
/* Goes on when it is time; does not return from the end. Milliseconds until it must be called
 * again, -1: not by time. */
int shutdown_tick(struct init *in);

#endif
