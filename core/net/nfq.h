/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nfq: packets that netfilter holds until somebody says what becomes of them (NFQUEUE), of the
 * calling process's network namespace, through libmnl (linux/netfilter/nfnetlink_queue.h).
 *
 * One queue has one socket, so a flood of one kind of traffic costs another kind neither buffer
 * nor turn. A queue without a process that listens drops (no rule has --queue-bypass).
 */
#ifndef GAOL_CORE_NET_NFQ_H
#define GAOL_CORE_NET_NFQ_H

#include "core/err.h"
#include "core/loop.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nfq;

/* A packet: n bytes of it at p, which hold for the call; id is what nfq_answer wants. */
typedef void nfq_fn(void *user, unsigned queue, uint32_t id, const uint8_t *p, size_t n);

/*
 * Listens on a queue that holds at most `length` packets and shows their first `copy` bytes. NULL
 * with e set: the kernel has no NFQUEUE, or somebody listens already.
 */
struct nfq *nfq_open(struct loop *l, unsigned queue, unsigned length, unsigned copy, nfq_fn *fn,
		     void *user, struct err *e);
void nfq_close(struct nfq *q); /* NULL is allowed; what waits is dropped by the kernel */
/* Lets a packet go with this mark, or drops it. A packet that is gone meanwhile is no error. */
void nfq_answer(struct nfq *q, uint32_t id, bool accept, uint32_t mark);

#endif
