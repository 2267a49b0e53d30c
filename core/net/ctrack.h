/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctrack: the kernel's table of connections (conntrack) of the calling process's network
 * namespace: news of it, what is in it, and ends, through libmnl
 * (linux/netfilter/nfnetlink_conntrack.h).
 */
#ifndef GAOL_CORE_NET_CTRACK_H
#define GAOL_CORE_NET_CTRACK_H

#include "core/err.h"
#include "core/loop.h"
#include "core/net/naddr.h"

/* One connection, as its first packet had it. */
struct ctflow {
	struct naddr src, dst;
	uint8_t proto;
	uint16_t sport, dport; /* of an ICMP echo: its identifier, and 0 */
	uint8_t type, code;    /* ICMP */
	uint64_t out, in;      /* bytes from src, to src; 0 where the kernel does not count */
};

enum ctrack_news { CTRACK_NEW, CTRACK_END, CTRACK_THERE };

typedef void ctrack_fn(void *user, enum ctrack_news news, const struct ctflow *f);

struct ctrack;

/* Tells fn of every beginning and end from now on, and has the kernel count bytes where it lets
 * us. NULL with e set. */
struct ctrack *ctrack_open(struct loop *l, ctrack_fn *fn, void *user, struct err *e);
void ctrack_close(struct ctrack *t); /* NULL is allowed */
/* Calls fn (CTRACK_THERE) for every connection there is now; fn may not use t. 0 or -errno. */
int ctrack_each(struct ctrack *t, ctrack_fn *fn, void *user);
/* Makes the kernel forget a connection: its next packet is a first one again. 0 or -errno. */
int ctrack_delete(struct ctrack *t, const struct ctflow *f);

#endif
