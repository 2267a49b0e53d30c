/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * court: where the judge sits, in the room: the kernel's queues and its table of connections on one
 * side, the warden on the other.
 */
#ifndef GAOL_CORE_NET_COURT_H
#define GAOL_CORE_NET_COURT_H

#include "core/err.h"
#include "core/loop.h"
#include "core/net/own.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct court;

/*
 * Opens the queues of this network namespace and the judge of this mode ("open", "ask", "list"),
 * who tells the warden at sock (NET_EVENT, NET_WAITING). NULL with e set: this kernel has no
 * NFQUEUE.
 */
struct court *court_open(struct loop *l, const char *mode, int sock, struct err *e);
void court_close(struct court *c); /* NULL is allowed */
/* The host's own addresses; copied. */
void court_own(struct court *c, const struct own_address *own, size_t n);
/* A message of the warden (NET_RULES, NET_ANSWER, NET_LIST), with its tag. */
void court_message(struct court *c, unsigned type, uint32_t tag, const json_t *o);

#endif
