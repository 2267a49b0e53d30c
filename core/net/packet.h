/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet: what an IP packet of a guest says of itself, read strictly. Pure: bytes in, answer out.
 *
 * Formats: RFC 791 (IPv4), RFC 8200 (IPv6 and its extension headers), RFC 9293 (TCP), RFC 768
 * (UDP), RFC 792 and 4443 (ICMP). Every fragment is refused: the kernel has put packets together
 * before anybody asks, so one that still is a fragment hides its port. So is a routing header
 * (RFC 5095), a chain of more than PACKET_CHAIN extension headers, and whatever is cut short.
 */
#ifndef GAOL_CORE_NET_PACKET_H
#define GAOL_CORE_NET_PACKET_H

#include "core/net/naddr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_CHAIN 8

struct packet {
	struct naddr src, dst;
	uint8_t proto;	       /* IPPROTO_* of what is carried */
	uint16_t sport, dport; /* TCP, UDP; of an ICMP echo: its identifier, and 0 */
	uint8_t type, code;    /* ICMP */
	const uint8_t *data;   /* behind the header of TCP, UDP, ICMP: in the bytes given */
	size_t len;	       /* of data, as far as it was captured */
};

enum packet_fault {
	PACKET_OK = 0,
	PACKET_SHORT,	/* ends before its headers do */
	PACKET_VERSION, /* neither 4 nor 6 */
	PACKET_LENGTH,	/* a length that contradicts another */
	PACKET_FRAGMENT,
	PACKET_OPTION, /* source routing, a routing header, a chain too long, a jumbogram */
};

/* Reads n bytes of a packet whose whole length may be more (captured in part). */
enum packet_fault packet_parse(const uint8_t *p, size_t n, struct packet *out);
/* "cut short", ...: why, in words. */
const char *packet_fault_text(enum packet_fault f);

#endif
