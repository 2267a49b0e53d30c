/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/chains.h"
#include "core/buf.h"
#include "core/net/plan.h"
#include <arpa/inet.h>
#include <sys/socket.h>

/* What no jail reaches unless a rule names it. */
static const char *const closed4[] = {
    "0.0.0.0/8",      /* this network, RFC 1122 */
    "10.0.0.0/8",     /* private, RFC 1918; the jail's own net too */
    "100.64.0.0/10",  /* carriers' own, RFC 6598 */
    "127.0.0.0/8",    /* loopback */
    "169.254.0.0/16", /* link-local, cloud metadata */
    "172.16.0.0/12",  /* private */
    "192.0.0.0/24",   /* IETF protocols */
    "192.168.0.0/16", /* private */
    "224.0.0.0/4",    /* multicast */
    "240.0.0.0/4",    /* reserved, broadcast */
};

static const char *const closed6[] = {
    "::/96",	      /* unspecified, loopback, IPv4 as IPv6 */
    "::ffff:0:0/96",  /* IPv4 as IPv6 */
    "64:ff9b::/96",   /* IPv4 behind a translator, RFC 6052 */
    "64:ff9b:1::/48", /* the same, local, RFC 8215 */
    "fc00::/7",	      /* private, RFC 4193; the jail's own net too */
    "fe80::/10",      /* link-local */
    "fec0::/10",      /* site-local, of old */
    "ff00::/8",	      /* multicast */
};

static void head(const struct chains *c, struct buf *out)
{
	const char *guest = c->v6 ? PLAN_GUEST6 : PLAN_GUEST;
	const char *gateway = c->v6 ? PLAN_GATEWAY6 : PLAN_GATEWAY;

	buf_str(out, "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n");
	if (c->v6) {
		/* neighbour solicitation and advertisement */
		buf_str(out, "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT\n"
			     "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT\n");
		buf_fmt(out,
			"-A INPUT -i " PLAN_IF_JAIL " -s %s -d %s -p ipv6-icmp -m icmp6 "
			"--icmpv6-type 128 -j ACCEPT\n",
			guest, gateway);
	} else {
		buf_fmt(out,
			"-A INPUT -i " PLAN_IF_JAIL " -s %s -d %s -p icmp -m icmp --icmp-type 8 "
			"-j ACCEPT\n",
			guest, gateway);
	}
}

/* What lies about its ends, or belongs to nothing, goes no further. */
static void no_lies(const struct chains *c, struct buf *out)
{
	const char *guest = c->v6 ? PLAN_GUEST6 : PLAN_GUEST;

	buf_fmt(out, "-A FORWARD -i " PLAN_IF_JAIL " ! -s %s -j DROP\n", guest);
	buf_fmt(out, "-A FORWARD -i " PLAN_IF_OUT " ! -d %s -j DROP\n", guest);
	buf_str(out, "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n");
}

static void queues(const struct chains *c, struct buf *out)
{
	const char *dns = c->v6 ? PLAN_DNS6 : PLAN_DNS;

	buf_str(out, "*mangle\n:FORWARD ACCEPT [0:0]\n");
	no_lies(c, out);
	buf_fmt(out,
		"-A FORWARD -i " PLAN_IF_JAIL " -d %s -p udp --dport 53 -j NFQUEUE --queue-num %d\n"
		"-A FORWARD -i " PLAN_IF_OUT " -s %s -p udp --sport 53 -j NFQUEUE --queue-num %d\n",
		dns, CHAINS_DNS, dns, CHAINS_DNS);
	buf_str(out, "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
		     "-A FORWARD -i " PLAN_IF_OUT " -j ACCEPT\n");
	/*
	 * TCP that does not begin anything was cut off in the middle: reset. A first packet carries
	 * no data but by an extension that nobody needs, and what waits is memory of the host's.
	 */
	buf_fmt(out,
		"-A FORWARD -p tcp ! --syn -j MARK --set-mark %d\n"
		"-A FORWARD -p tcp ! --syn -j ACCEPT\n"
		"-A FORWARD -p tcp -m length --length 1281:65535 -j DROP\n"
		"-A FORWARD -p tcp -j NFQUEUE --queue-num %d\n"
		"-A FORWARD -p udp -j NFQUEUE --queue-num %d\n"
		"-A FORWARD -j NFQUEUE --queue-num %d\nCOMMIT\n",
		CHAINS_REFUSE, CHAINS_TCP, CHAINS_UDP, CHAINS_OTHER);
}

static void published(const struct chains *c, struct buf *out)
{
	for (size_t i = 0; i < c->npublish; i++) {
		const struct publish *p = &c->publish[i];

		if ((p->family == AF_INET6) != c->v6)
			continue;
		buf_fmt(out,
			"-A FORWARD -i " PLAN_IF_OUT " -o " PLAN_IF_JAIL
			" -p %s --dport %u -j ACCEPT\n",
			p->udp ? "udp" : "tcp", p->guest);
	}
}

const char *chains_closed(bool v6, size_t i)
{
	size_t n = v6 ? sizeof(closed6) / sizeof(closed6[0]) : sizeof(closed4) / sizeof(closed4[0]);

	return i >= n ? NULL : v6 ? closed6[i] : closed4[i];
}

static const char *prohibited(const struct chains *c)
{
	return c->v6 ? "icmp6-adm-prohibited" : "icmp-admin-prohibited";
}

static void ranges(const struct chains *c, struct buf *out)
{
	const char *range;

	for (size_t i = 0; (range = chains_closed(c->v6, i)); i++)
		buf_fmt(out, "-A closed -d %s -j REJECT --reject-with %s\n", range, prohibited(c));
}

static void own(const struct chains *c, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < c->nown; i++)
		if (c->own[i].v6 == c->v6)
			buf_fmt(
			    out, "-A own -d %s -j REJECT --reject-with %s\n",
			    inet_ntop(c->v6 ? AF_INET6 : AF_INET, c->own[i].a, text, sizeof(text)),
			    prohibited(c));
}

void chains_own(const struct chains *c, struct buf *out)
{
	buf_str(out, "*filter\n:own - [0:0]\n");
	own(c, out);
	buf_str(out, "COMMIT\n");
}

/* The room answers for the name server by TCP (core/net/dnstcp.h). */
static void dns_inside(const struct chains *c, struct buf *out)
{
	buf_fmt(out,
		"-A INPUT -i " PLAN_IF_JAIL " -s %s -d %s -p tcp --dport 53 -j ACCEPT\n"
		"-A INPUT -i " PLAN_IF_OUT
		" -s %s -p tcp --sport 53 -m conntrack --ctstate ESTABLISHED -j ACCEPT\n",
		c->v6 ? PLAN_GUEST6 : PLAN_GUEST, c->v6 ? PLAN_GATEWAY6 : PLAN_GATEWAY,
		c->v6 ? PLAN_DNS6 : PLAN_DNS);
}

void chains_dns(bool v6, struct buf *out)
{
	buf_fmt(out,
		"*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i " PLAN_IF_JAIL
		" -s %s -d %s -p tcp --dport 53 -j REDIRECT --to-ports 53\nCOMMIT\n",
		v6 ? PLAN_GUEST6 : PLAN_GUEST, v6 ? PLAN_DNS6 : PLAN_DNS);
}

void chains_judged(const struct chains *c, struct buf *out)
{
	queues(c, out);
	head(c, out);
	dns_inside(c, out);
	/* What a program takes for a no at once, name servers' too. */
	buf_fmt(out,
		"-A FORWARD -m mark --mark %d -p tcp -j REJECT --reject-with tcp-reset\n"
		"-A FORWARD -m mark --mark %d -p udp -j REJECT --reject-with %s\n"
		"-A FORWARD -m mark --mark %d -j REJECT --reject-with %s\n",
		CHAINS_REFUSE, CHAINS_REFUSE,
		c->v6 ? "icmp6-port-unreachable" : "icmp-port-unreachable", CHAINS_REFUSE,
		prohibited(c));
	buf_fmt(out,
		"-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
		"-A FORWARD -i " PLAN_IF_JAIL " -o " PLAN_IF_OUT " -m mark --mark %d -j ACCEPT\n",
		CHAINS_PASS);
	published(c, out);
	buf_str(out, "COMMIT\n");
}

void chains_open(const struct chains *c, struct buf *out)
{
	const char *dns = c->v6 ? PLAN_DNS6 : PLAN_DNS;

	head(c, out);
	buf_str(out, ":new - [0:0]\n:own - [0:0]\n:closed - [0:0]\n");
	no_lies(c, out);
	buf_str(out, "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
		     "-A FORWARD -i " PLAN_IF_JAIL " -o " PLAN_IF_OUT " -j new\n");
	published(c, out);
	buf_fmt(out, "-A new -d %s -p udp --dport 53 -j ACCEPT\n", dns);
	buf_fmt(out, "-A new -d %s -p tcp --dport 53 -j ACCEPT\n", dns);
	buf_str(out, "-A new -j own\n-A new -j closed\n-A new -j ACCEPT\n");
	own(c, out);
	ranges(c, out);
	buf_str(out, "COMMIT\n");
}
