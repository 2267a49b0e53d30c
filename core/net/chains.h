/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chains: the packet filter of a jail's namespace, as text for room_rules.
 *
 * Everything that is not let through is dropped: the policy of all that is forwarded or meant for
 * the namespace itself is DROP, so a filter that stands half is closed. What the jail opens anew
 * goes through the chain "new"; the rest of a connection that was let through stays in the kernel
 * (conntrack, which also puts fragments together before anybody looks at ports).
 */
#ifndef GAOL_CORE_NET_CHAINS_H
#define GAOL_CORE_NET_CHAINS_H

#include "core/net/own.h"
#include "core/net/publish.h"
#include <stdbool.h>
#include <stddef.h>

struct buf;

struct chains {
	bool v6;
	const struct publish *publish;
	size_t npublish;
	const struct own_address *own; /* the host's addresses */
	size_t nown;
};

/*
 * The queues of judge.h's kinds, in their order, and the marks that a verdict puts on a packet. A
 * guest cannot set a mark.
 */
enum { CHAINS_DNS, CHAINS_TCP, CHAINS_UDP, CHAINS_OTHER, CHAINS_QUEUES };
enum { CHAINS_PASS = 1, CHAINS_REFUSE = 2 };

/*
 * Appends the whole filter where somebody judges: what the jail opens anew waits in a queue
 * (NFQUEUE, in the table mangle, so that the filter behind it can act on the verdict's mark: a
 * refusal is told to the sender), and so does every datagram from and to the name server. Without a
 * mark nothing passes.
 */
void chains_judged(const struct chains *c, struct buf *out);
/* Appends what leads TCP to the name server to the room itself: a table of its own (nat), which not
 * every kernel has. */
void chains_dns(bool v6, struct buf *out);
/* Appends the whole filter for net.mode=open where the kernel has no queues. */
void chains_open(const struct chains *c, struct buf *out);
/* Appends what makes the host's addresses anew, for room_rules without flush. */
void chains_own(const struct chains *c, struct buf *out);

/* Number i of the ranges that are closed unless a rule names them, as text; NULL at the end. */
const char *chains_closed(bool v6, size_t i);

#endif
