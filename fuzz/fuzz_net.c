/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest's packets reach first: the gate, the reader of packets, the reader of names; and the
 * texts of rules and ports. */
#include "core/net/dns.h"
#include "core/net/gate.h"
#include "core/net/packet.h"
#include "core/net/publish.h"
#include "core/net/rule.h"
#include <stdlib.h>
#include <string.h>

static void texts(const uint8_t *p, size_t n)
{
	char text[600], again[RULE_TEXT_MAX], third[RULE_TEXT_MAX];
	struct publish port;
	struct rule r, s;

	if (n >= sizeof(text))
		return;
	memcpy(text, p, n);
	text[n] = '\0';
	publish_parse(text, &port);
	if (rule_parse(text, false, &r, NULL))
		return;
	/* A rule's text makes the same rule again. */
	rule_text(&r, again);
	if (rule_parse(again, false, &s, NULL) || strcmp(rule_text(&s, third), again) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct packet k;
	struct dns d;

	gate_may_leave(p, n);
	if (!packet_parse(p, n, &k) && k.len && (k.data < p || k.data + k.len > p + n))
		abort();
	if (!dns_parse(p, n, &d) && (d.naddrs > DNS_ADDRS_MAX || strlen(d.name) >= DNS_NAME_MAX))
		abort();
	texts(p, n);
	return 0;
}
