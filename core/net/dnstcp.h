/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dnstcp: questions to the name server by TCP, which a resolver asks when an answer was cut for
 * want of room (RFC 7766). A stream can be cut, sent again and overlapped so that a packet filter
 * reads another question than the name server; so it ends here, whole messages are judged, and
 * what may pass goes on by a connection of our own. The packet filter redirects (chains_dns).
 */
#ifndef GAOL_CORE_NET_DNSTCP_H
#define GAOL_CORE_NET_DNSTCP_H

#include "core/loop.h"
#include "core/net/judge.h"

#define DNSTCP_MAX 32	     /* connections at once */
#define DNSTCP_QUIET_MS 15000 /* until one that says nothing ends */

struct dnstcp;

/* Listens on port 53 of the namespace's addresses towards the guest. NULL: it cannot; then the
 * questions are refused by the judge as packets. l and j outlive it. */
struct dnstcp *dnstcp_open(struct loop *l, struct judge *j);
void dnstcp_close(struct dnstcp *d); /* NULL is allowed */
/* Ends what has been quiet for too long; now: ms of CLOCK_MONOTONIC. To be called once a second. */
void dnstcp_tick(struct dnstcp *d, int64_t now);

#endif
