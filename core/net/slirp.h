/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uplink: libslirp behind a tap: frames that the jail's namespace let out become ordinary sockets
 * of this process, in the host's network namespace. The only file that knows libslirp.
 *
 * A second wall stands here, whatever the rules in the namespace say: core/net/gate.h. libslirp's
 * DHCP and TFTP, its way to the host's loopback and its emulation of old protocols are off.
 */
#ifndef GAOL_CORE_NET_SLIRP_H
#define GAOL_CORE_NET_SLIRP_H

#include "core/err.h"
#include "core/loop.h"
#include "core/net/publish.h"
#include <stdbool.h>
#include <stdint.h>

struct uplink;

/* tap is not taken over (non-blocking, no header) and stays open. NULL with e set. */
struct uplink *uplink_new(struct loop *l, int tap, bool v6, struct err *e);
void uplink_free(struct uplink *u); /* NULL is allowed */
/* Listens on a port of the host for a port of the guest. 0 or -errno with e set. */
int uplink_publish(struct uplink *u, const struct publish *p, struct err *e);
/* Waits for and handles one turn of everything: libslirp's sockets and the loop. */
void uplink_turn(struct uplink *u);

#endif
