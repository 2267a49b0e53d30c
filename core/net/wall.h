/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wall: what the two processes of a jail's network may still do when they are set up. Both read
 * packets of a hostile guest.
 */
#ifndef GAOL_CORE_NET_WALL_H
#define GAOL_CORE_NET_WALL_H

#include "core/err.h"
#include <stddef.h>

/*
 * The path: no capabilities, system calls by a list of those that moving packets takes (sockets of
 * IPv4 and IPv6 only, no program, no process, no signal to others), and of the host's files only
 * what says where its name servers are, read-only (Landlock, where the host has it). 0 or -errno.
 */
int wall_path(struct err *e);
/*
 * The room: of the capabilities in its namespace those that netfilter takes, and it may change no
 * file. It starts the packet filter's tools, so it keeps executing them. 0 or -errno with e set.
 */
int wall_room(struct err *e);
/* The system calls of the path; *n is their number. */
const char *const *wall_path_calls(size_t *n);

#endif
