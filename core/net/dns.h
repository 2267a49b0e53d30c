/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns: messages of the domain name system (RFC 1035) from people who wish us ill, read strictly.
 * Pure: bytes in, answer out; nothing is allocated.
 *
 * A message has one question of class IN and at most DNS_RECORDS_MAX records that are looked at.
 * Names may point back only (compression), so no chain can loop, and must be host names: letters,
 * digits, '-' and '_'; what else a label may hold by RFC 2181 is refused.
 */
#ifndef GAOL_CORE_NET_DNS_H
#define GAOL_CORE_NET_DNS_H

#include "core/net/naddr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX 254    /* bytes of a name as text, the NUL included */
#define DNS_RECORDS_MAX 256 /* answers of one message that are looked at */
#define DNS_ADDRS_MAX 64    /* addresses of one message that are taken */

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_AAAA = 28 };

struct dns {
	uint16_t id;
	bool answer;		 /* it is one; else a question */
	uint8_t rcode;		 /* of an answer */
	uint16_t type;		 /* of the question, enum dns_type or another */
	char name[DNS_NAME_MAX]; /* of the question: lower case, without a final dot; "" is the root
				  */
	struct naddr
	    addrs[DNS_ADDRS_MAX]; /* A and AAAA that the name, or what it is an alias of, has */
	size_t naddrs;
	uint32_t ttl; /* seconds, the least of them */
};

/* Reads n bytes behind the header of UDP. 0, or -EBADMSG for what is not as it must be. */
int dns_parse(const uint8_t *p, size_t n, struct dns *out);
/* "A", "AAAA", ..., or "TYPE65" into buf (16 bytes). Returns buf. */
const char *dns_type_name(unsigned type, char *buf);

#endif
