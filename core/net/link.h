/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link: interfaces, addresses, routes and neighbours of the calling process's network namespace, by
 * rtnetlink(7) through libmnl. Addresses are text ("10.0.2.1", "fd00::1"). Every call waits for the
 * kernel's answer and returns 0, or -errno with e set.
 */
#ifndef GAOL_CORE_NET_LINK_H
#define GAOL_CORE_NET_LINK_H

#include "core/err.h"
#include <stdbool.h>
#include <stdint.h>

struct link;

int link_open(struct link **out, struct err *e);
void link_close(struct link *l); /* NULL is allowed */
/* Takes an interface up or down; mtu in bytes and queue in frames, 0: as they are. */
int link_set(struct link *l, const char *name, unsigned mtu, unsigned queue, bool up,
	     struct err *e);
/* Adds an address (without duplicate address detection). */
int link_address(struct link *l, const char *name, const char *address, unsigned bits,
		 struct err *e);
/* The default route. */
int link_route(struct link *l, const char *name, const char *via, struct err *e);
/* A permanent neighbour; mac NULL: answers for the address (proxy) instead. */
int link_neighbour(struct link *l, const char *name, const char *address, const uint8_t mac[6],
		   struct err *e);

#endif
