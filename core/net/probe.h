/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe: can this host give a jail a network? By making one, without a jail. */
#ifndef GAOL_CORE_NET_PROBE_H
#define GAOL_CORE_NET_PROBE_H

#include "core/err.h"
#include <sys/types.h>

/* Whom the processes of a network run as when we are root, and a jail's own number is added. */
#define NET_UID_BASE 0x60000000u

/*
 * Starts the processes of a network in a mode ("open", "list", "ask") and ends them again, within
 * ms milliseconds. 0, or -errno with the reason in e. Forks: for processes without threads.
 */
int net_probe(const char *mode, int ms, struct err *e);

#endif
