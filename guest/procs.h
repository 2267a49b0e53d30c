/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * procs: the guest's processes, as its /proc tells. All run in a job's child: they write their
 * answer (see jobs.c) to fd and return 0 or an errno.
 */
#ifndef GAOL_GUEST_PROCS_H
#define GAOL_GUEST_PROCS_H

#include <stddef.h>

enum { PROCS_MAX_BYTES = 768 * 1024 }; /* of a list, below CHAN_MAX_MESSAGE */

/* u32: processes besides init, its jobs and kernel threads. */
int procs_count(int fd);
/* PS records, in the order of pids. */
int procs_list(int fd);
/* Who owns n sockets of the format of CHAN_OWNERS; the answer has its format. */
int procs_owners(int fd, const unsigned char *sockets, size_t n);

#endif
