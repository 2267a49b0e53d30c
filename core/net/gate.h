/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gate: the last look at a frame before libslirp makes a socket of it. Pure: bytes in, answer out.
 *
 * What no rule may ever open: loopback, multicast, broadcast and unspecified addresses, IPv6's
 * link-local ones (which mean nothing without an interface), libslirp's own services but its name
 * server (and answers to its own address, which stands for the host's in published ports), and IPv4
 * addresses in IPv6 clothes (::/96, ::ffff:0:0/96), which a socket of the host would turn into the
 * IPv4 address itself.
 */
#ifndef GAOL_CORE_NET_GATE_H
#define GAOL_CORE_NET_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* p: an ethernet frame of n bytes. */
bool gate_may_leave(const uint8_t *p, size_t n);
/* Addresses in network order: 4 and 16 bytes. */
bool gate_closed4(const uint8_t a[4]);
bool gate_closed6(const uint8_t a[16]);

#endif
