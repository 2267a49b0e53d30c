/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/gate.h"
#include "core/net/plan.h"
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

enum {
	ETHERNET = 14,
	IP4 = 20, /* bytes of the shortest header */
	IP6 = 40,
	TCP = 20,
	TCP_FLAGS = 13, /* where in the header of TCP */
	TCP_SYN = 2,
	TCP_ACK = 16,
	DNS = 53,
	DHCP = 67,
	TFTP = 69,
};

bool gate_closed4(const uint8_t a[4])
{
	return a[0] == 0 || a[0] == 127 || a[0] >= 224;
}

bool gate_closed6(const uint8_t a[16])
{
	static const uint8_t zeros[10];
	bool embedded = !memcmp(a, zeros, 10) &&
			((a[10] == 0 && a[11] == 0) || (a[10] == 0xff && a[11] == 0xff));

	/* fe80::/10 link-local, fec0::/10 site-local, ff00::/8 multicast */
	return embedded || a[0] == 0xff || (a[0] == 0xfe && a[1] & 0x80);
}

static bool is(int family, const uint8_t *a, const char *text)
{
	uint8_t b[16];

	inet_pton(family, text, b);
	return !memcmp(a, b, family == AF_INET ? 4 : 16);
}

/* Port 53 of TCP or UDP behind the header at p. */
static bool asks_dns(const uint8_t *p, size_t n, uint8_t proto)
{
	return n >= 4 && (proto == IPPROTO_UDP || proto == IPPROTO_TCP) &&
	       (p[2] << 8 | p[3]) == DNS;
}

/*
 * What goes back to whoever came in by a published port from the host itself, whom libslirp shows
 * as its own address: TCP that does not begin, UDP but to its DHCP and TFTP servers. (What begins
 * anyway is libslirp's to refuse: its way to the host's loopback is off.)
 */
static bool answers_host(const uint8_t *p, size_t n, uint8_t proto)
{
	unsigned port = n >= 4 ? (unsigned)p[2] << 8 | p[3] : 0;

	if (proto == IPPROTO_TCP)
		return n >= TCP && (p[TCP_FLAGS] & (TCP_SYN | TCP_ACK)) != TCP_SYN;
	return proto == IPPROTO_UDP && port && port != DHCP && port != TFTP;
}

static bool may_leave4(const uint8_t *p, size_t n)
{
	size_t head = n >= IP4 ? (size_t)(p[0] & 15) * 4 : 0;
	uint8_t net[4];

	if (head < IP4 || head > n || gate_closed4(p + 16))
		return false;
	inet_pton(AF_INET, PLAN_NET, net);
	if (memcmp(p + 16, net, PLAN_NET_BITS / 8) != 0)
		return true;
	if (is(AF_INET, p + 16, PLAN_HOST))
		return answers_host(p + head, n - head, p[9]);
	return is(AF_INET, p + 16, PLAN_DNS) && asks_dns(p + head, n - head, p[9]);
}

/* The next header must follow at once: what hides behind extension headers does not leave. */
static bool may_leave6(const uint8_t *p, size_t n)
{
	uint8_t net[16];

	if (n < IP6)
		return false;
	const uint8_t *to = p + 24;
	uint8_t next = p[6];
	/* Neighbour discovery of the namespace's kernel, which is no guest's. */
	if (next == IPPROTO_ICMPV6 && n > IP6 && p[IP6] >= 133 && p[IP6] <= 137)
		return true;
	if (next != IPPROTO_TCP && next != IPPROTO_UDP && next != IPPROTO_ICMPV6)
		return false;
	if (gate_closed6(to))
		return false;
	inet_pton(AF_INET6, PLAN_NET6, net);
	if (memcmp(to, net, PLAN_NET6_BITS / 8) != 0)
		return true;
	if (is(AF_INET6, to, PLAN_HOST6))
		return answers_host(p + IP6, n - IP6, next);
	return is(AF_INET6, to, PLAN_DNS6) && asks_dns(p + IP6, n - IP6, next);
}

bool gate_may_leave(const uint8_t *p, size_t n)
{
	if (n < ETHERNET)
		return false;
	switch (p[12] << 8 | p[13]) {
	case ETHERTYPE_ARP:
		return true;
	case ETHERTYPE_IP:
		return may_leave4(p + ETHERNET, n - ETHERNET);
	case ETHERTYPE_IPV6:
		return may_leave6(p + ETHERNET, n - ETHERNET);
	default:
		return false;
	}
}
