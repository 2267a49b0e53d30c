/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/naddr.h"
#include "core/net/chains.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool naddr_parse(const char *text, struct naddr *out)
{
	*out = (struct naddr){.v6 = strchr(text, ':') != NULL};
	return inet_pton(out->v6 ? AF_INET6 : AF_INET, text, out->a) == 1;
}

const char *naddr_text(const struct naddr *a, char *buf)
{
	if (!inet_ntop(a->v6 ? AF_INET6 : AF_INET, a->a, buf, NADDR_TEXT))
		snprintf(buf, NADDR_TEXT, "?");
	return buf;
}

bool naddr_equal(const struct naddr *a, const struct naddr *b)
{
	return a->v6 == b->v6 && !memcmp(a->a, b->a, sizeof(a->a));
}

static void mask(struct naddr *a, unsigned bits)
{
	for (unsigned i = 0; i < sizeof(a->a); i++) {
		unsigned keep = bits <= i * 8 ? 0 : bits - i * 8 >= 8 ? 8 : bits - i * 8;

		a->a[i] &= (uint8_t)(0xff00u >> keep);
	}
}

bool nrange_parse(const char *text, struct nrange *out)
{
	const char *slash = strchr(text, '/');
	char addr[NADDR_TEXT];
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits;
	char *end;

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (!naddr_parse(addr, &out->net))
		return false;
	unsigned most = out->net.v6 ? 128 : 32;
	out->bits = most;
	if (slash) {
		bits = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || bits > most)
			return false;
		out->bits = (unsigned)bits;
	}
	mask(&out->net, out->bits);
	return true;
}

bool nrange_has(const struct nrange *r, const struct naddr *a)
{
	struct naddr m = *a;

	mask(&m, r->bits);
	return naddr_equal(&m, &r->net);
}

bool naddr_closed(const struct naddr *a)
{
	const char *text;
	struct nrange r;

	for (size_t i = 0; (text = chains_closed(a->v6, i)); i++)
		if (!nrange_parse(text, &r) || nrange_has(&r, a))
			return true;
	return false;
}
