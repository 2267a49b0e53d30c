/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * publish: a port of the host that leads to a port of the guest: "[ADDRESS:]HOST:GUEST[/udp]",
 * ADDRESS numeric, an IPv6 one in brackets; without it 127.0.0.1.
 */
#ifndef GAOL_CORE_NET_PUBLISH_H
#define GAOL_CORE_NET_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#define PUBLISH_MAX 64 /* of one jail */

struct publish {
	bool udp;
	int family; /* AF_INET, AF_INET6 */
	uint8_t address[16];
	uint16_t host, guest; /* ports, 1..65535 */
};

/* False when text is none. */
bool publish_parse(const char *text, struct publish *out);

#endif
