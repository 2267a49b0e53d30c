/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec: programs that the host starts in the guest, each with a stream of the channel.
 *
 * The end of a stream: EXIT is sent when the process has been reaped and its output is at end of
 * file. When other processes still hold the output, the bytes that lay in the pipe when the
 * process was reaped are counted (FIONREAD) and sent first, so nothing that it wrote itself is
 * lost; after them the stream ends at CHAN_LINGER_QUIET_MS of silence or after CHAN_LINGER_MAX_MS.
 */
#ifndef GAOL_GUEST_EXEC_H
#define GAOL_GUEST_EXEC_H

#include "guest/init.h"

/* Frames of the host for streams; false when one breaks the rules. */
bool exec_start(struct init *in, const struct frame *f);
bool exec_frame(struct init *in, const struct frame *f);
/* A child has ended: true when it was a stream's. */
bool exec_reaped(struct init *in, pid_t pid, int status);
/* Lets streams go on that waited for room; looks at the clocks; frees what is over. Returns the
 * milliseconds until it must be called again, -1: not by time. */
int exec_tick(struct init *in);
/* A signal for the process groups of all streams (when init is not pid 1 and owns only those). */
void exec_signal_all(struct init *in, int signo);

#endif
