/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * naddr: an address of IPv4 or IPv6, and ranges of them (CIDR).
 */
#ifndef GAOL_CORE_NET_NADDR_H
#define GAOL_CORE_NET_NADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct naddr {
	bool v6;
	uint8_t a[16]; /* network order; of IPv4 the first 4 bytes, the others 0 */
};

struct nrange {
	struct naddr net;
	unsigned bits; /* 0..32 or 0..128 */
};

#define NADDR_TEXT 46 /* bytes of the longest text, the NUL included */

/* "1.2.3.4" or "2001:db8::1", nothing else; false when it is none. */
bool naddr_parse(const char *text, struct naddr *out);
/* The text into buf of NADDR_TEXT bytes. Returns buf. */
const char *naddr_text(const struct naddr *a, char *buf);
bool naddr_equal(const struct naddr *a, const struct naddr *b);
/* "10.0.0.0/8", "fc00::/7", or an address alone (all its bits). Bits behind the prefix become 0. */
bool nrange_parse(const char *text, struct nrange *out);
bool nrange_has(const struct nrange *r, const struct naddr *a);
/*
 * True for what is closed to every jail unless a rule names it: loopback, link-local (and with it
 * the clouds' metadata), private, shared, multicast and reserved ranges, IPv4 in IPv6's clothes.
 */
bool naddr_closed(const struct naddr *a);

#endif
