/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes what reads the bytes of a guest's network: packets, DNS messages, and rules as text. */
#include "core/net/dns.h"
#include "core/net/names.h"
#include "core/net/packet.h"
#include "core/net/rule.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_packet(const uint8_t *p, size_t n)
{
	struct packet k;

	if (packet_parse(p, n, &k) == PACKET_OK &&
	    (k.data < p || k.data > p + n || k.len > (size_t)(p + n - k.data)))
		abort();
}

static void fuzz_dns(const uint8_t *p, size_t n)
{
	struct dns d;

	if (dns_parse(p, n, &d))
		return;
	if (*d.name && !rule_is_name(d.name))
		abort();
	if (d.naddrs > DNS_ADDRS_MAX)
		abort();
}

static void fuzz_rule(const uint8_t *p, size_t n)
{
	char text[1024], one[RULE_TEXT_MAX], two[RULE_TEXT_MAX];
	struct rule r;
	struct err e;

	if (n >= sizeof(text))
		return;
	memcpy(text, p, n);
	text[n] = '\0';
	if (rule_parse(text, false, &r, &e))
		return;
	rule_text(&r, one);
	if (rule_parse(one, false, &r, &e) || strcmp(rule_text(&r, two), one) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (!n)
		return 0;
	switch (data[0] % 3) {
	case 0:
		fuzz_packet(data + 1, n - 1);
		break;
	case 1:
		fuzz_dns(data + 1, n - 1);
		break;
	default:
		fuzz_rule(data + 1, n - 1);
		break;
	}
	return 0;
}
