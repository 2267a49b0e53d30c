/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jobs: requests of the host that may take long (sync) or hang on a hostile process (reading
 * /proc), each in a child of init. The child writes what DONE carries into a pipe and exits with
 * an errno.
 */
#ifndef GAOL_GUEST_JOBS_H
#define GAOL_GUEST_JOBS_H

#include "guest/init.h"

/* SYNC, DROP_CACHES, COUNT_PROCS, PS, OWNERS (f's payload is used during the call). Always answers
 * in the end. */
void jobs_start(struct init *in, const struct frame *f);
/* A child has ended: true when it was a job. */
bool jobs_reaped(struct init *in, pid_t pid, int status);
/* Frees what is over, at the end of a turn. */
void jobs_sweep(struct init *in);
/* DONE without further payload. */
void jobs_done(struct init *in, uint32_t tag, int err);

#endif
