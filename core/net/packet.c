/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/packet.h"
#include <netinet/in.h>
#include <string.h>

/* Next-header numbers that netinet/in.h has no name for (IANA's registry). */
enum { EXT_MOBILITY = 135, EXT_HIP = 139, EXT_SHIM6 = 140 };

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* What lies in the packet: the ports, and where its data begins. */
static enum packet_fault carried(const uint8_t *p, size_t n, size_t whole, struct packet *out)
{
	size_t head;

	switch (out->proto) {
	case IPPROTO_TCP:
		if (n < 20)
			return PACKET_SHORT;
		head = (size_t)(p[12] >> 4) * 4;
		if (head < 20 || head > whole)
			return PACKET_LENGTH;
		break;
	case IPPROTO_UDP:
		if (n < 8)
			return PACKET_SHORT;
		head = 8;
		if (get16(p + 4) < 8 || get16(p + 4) > whole)
			return PACKET_LENGTH;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (n < 8)
			return PACKET_SHORT;
		out->type = p[0];
		out->code = p[1];
		out->sport = (uint16_t)get16(p + 4);
		out->data = p + 8;
		out->len = n - 8;
		return PACKET_OK;
	default:
		out->data = p;
		out->len = n;
		return PACKET_OK;
	}
	out->sport = (uint16_t)get16(p);
	out->dport = (uint16_t)get16(p + 2);
	out->data = p + (head < n ? head : n);
	out->len = n - (head < n ? head : n);
	if (out->proto == IPPROTO_UDP && out->len > get16(p + 4) - 8u)
		out->len = get16(p + 4) - 8u;
	return PACKET_OK;
}

/* Loose and strict source routing (RFC 791) send a packet elsewhere than it says. */
static enum packet_fault options4(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		if (p[i] == 0)
			return PACKET_OK;
		if (p[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= n || p[i + 1] < 2 || p[i + 1] > n - i)
			return PACKET_LENGTH;
		if (p[i] == 131 || p[i] == 137)
			return PACKET_OPTION;
		i += p[i + 1];
	}
	return PACKET_OK;
}

static enum packet_fault parse4(const uint8_t *p, size_t n, struct packet *out)
{
	if (n < 20)
		return PACKET_SHORT;
	size_t head = (size_t)(p[0] & 15) * 4, whole = get16(p + 2);
	if (head < 20 || whole < head)
		return PACKET_LENGTH;
	if (n < head)
		return PACKET_SHORT;
	if (get16(p + 6) & 0x3fff)
		return PACKET_FRAGMENT;
	enum packet_fault f = options4(p + 20, head - 20);
	if (f)
		return f;
	memcpy(out->src.a, p + 12, 4);
	memcpy(out->dst.a, p + 16, 4);
	out->proto = p[9];
	size_t there = n < whole ? n : whole;
	return carried(p + head, there - head, whole - head, out);
}

/* The length of an extension header at p, 0: it is none that is walked over. */
static size_t extension(unsigned next, const uint8_t *p)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_DSTOPTS:
	case EXT_MOBILITY:
	case EXT_HIP:
	case EXT_SHIM6:
		return ((size_t)p[1] + 1) * 8;
	case IPPROTO_AH:
		return ((size_t)p[1] + 2) * 4;
	default:
		return 0;
	}
}

static enum packet_fault parse6(const uint8_t *p, size_t n, struct packet *out)
{
	if (n < 40)
		return PACKET_SHORT;
	size_t whole = 40 + get16(p + 4), at = 40, there = n < whole ? n : whole;
	unsigned next = p[6];

	if (whole == 40 && n > 40)
		return PACKET_OPTION; /* a jumbogram (RFC 2675), or nothing that is ours */
	out->src.v6 = out->dst.v6 = true;
	memcpy(out->src.a, p + 8, 16);
	memcpy(out->dst.a, p + 24, 16);
	for (unsigned i = 0;; i++) {
		if (next == IPPROTO_FRAGMENT)
			return PACKET_FRAGMENT;
		if (next == IPPROTO_ROUTING || i > PACKET_CHAIN)
			return PACKET_OPTION;
		if (there - at < 8)
			break;
		size_t len = extension(next, p + at);
		if (!len)
			break;
		if (len > whole - at)
			return PACKET_LENGTH;
		if (len > there - at)
			return PACKET_SHORT;
		next = p[at];
		at += len;
	}
	if (extension(next, (const uint8_t[2]){0, 0}))
		return PACKET_SHORT;
	out->proto = (uint8_t)next;
	return carried(p + at, there - at, whole - at, out);
}

enum packet_fault packet_parse(const uint8_t *p, size_t n, struct packet *out)
{
	*out = (struct packet){0};
	if (!n)
		return PACKET_SHORT;
	if (p[0] >> 4 == 4)
		return parse4(p, n, out);
	return p[0] >> 4 == 6 ? parse6(p, n, out) : PACKET_VERSION;
}

const char *packet_fault_text(enum packet_fault f)
{
	switch (f) {
	case PACKET_OK:
		return "nothing";
	case PACKET_SHORT:
		return "a packet that is cut short";
	case PACKET_VERSION:
		return "a packet of no known version";
	case PACKET_LENGTH:
		return "a packet whose lengths contradict each other";
	case PACKET_FRAGMENT:
		return "a fragment";
	case PACKET_OPTION:
		return "a packet that says one way and goes another";
	}
	return "?";
}
