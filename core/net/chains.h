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

/* Appends the whole filter for net.mode=open without questions. */
void chains_open(const struct chains *c, struct buf *out);
/* Appends what makes the host's addresses anew, for room_rules without flush. */
void chains_own(const struct chains *c, struct buf *out);

/* Number i of the ranges that are closed unless a rule names them, as text; NULL at the end. */
const char *chains_closed(bool v6, size_t i);

#endif
