/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rule: what a jail may reach, as text: "[PROTOCOL/]HOST[:PORT[-PORT]]", the values of allow and
 * deny in jail.conf's [net].
 *
 *	www.example.org:80	a name, TCP and UDP (and what has no ports, when no port is given)
 *	*.example.org		every name below example.org, and that itself
 *	udp/192.0.2.0/24:123	a range
 *	[2001:db8::1]:443	an IPv6 address with a port needs brackets; without a port none
 *	*:443			everything but the closed ranges
 *
 * PROTOCOL is tcp, udp or icmp (ICMPv6 too). A deny rule beats every allow rule. The closed ranges
 * (naddr_closed) and the host's own addresses are opened only by an allow rule that names them as
 * an address or a range: a name never does, whatever it resolves to, and neither does "*".
 *
 * A name rule holds for an address only while the guest's own question for that name was answered
 * with it (core/net/names.h).
 */
#ifndef GAOL_CORE_NET_RULE_H
#define GAOL_CORE_NET_RULE_H

#include "core/err.h"
#include "core/net/naddr.h"
#include "core/net/own.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULE_NAME_MAX 254 /* bytes of a host name, the NUL included (RFC 1035) */
#define RULE_TEXT_MAX 288 /* bytes of a rule's text, the NUL included */
#define RULES_MAX 4096	  /* of a set */

enum rule_kind { RULE_NAME, RULE_BELOW, RULE_RANGE, RULE_ANY };

struct rule {
	bool deny;
	uint8_t proto; /* IPPROTO_TCP, _UDP, _ICMP; 0: all */
	enum rule_kind kind;
	char name[RULE_NAME_MAX]; /* RULE_NAME, RULE_BELOW: lower case, without a final dot */
	struct nrange range;
	uint16_t port, port_end; /* 0, 0: all; else both from 1 */
	int64_t until;		 /* ms of CLOCK_MONOTONIC, 0: for ever */
	bool kept;		 /* comes from jail.conf, not from an answer */
};

/* Parses text. 0, or -EINVAL with e set as "RULE: why: what to do". */
int rule_parse(const char *text, bool deny, struct rule *out, struct err *e);
/* The text that rule_parse makes the same rule of, into buf of RULE_TEXT_MAX bytes. Returns buf. */
const char *rule_text(const struct rule *r, char *buf);
/* True for letters, digits, '-', '_' in labels of 1 to 63 bytes between single dots. */
bool rule_is_name(const char *name);

/* A set of rules, and what is asked of it. */
struct rules {
	struct rule *v;
	size_t n;
	const struct own_address *own; /* the host's addresses; not taken over */
	size_t nown;
};

/* What is to be reached. */
struct target {
	uint8_t proto; /* IPPROTO_*; ICMPv6 counts as ICMP */
	struct naddr addr;
	uint16_t port;		  /* 0: it has none */
	const char *const *names; /* that the guest asked for and got addr, newest first */
	size_t nnames;
};

enum rules_answer {
	RULES_SILENT, /* no rule speaks of it */
	RULES_ALLOW,
	RULES_DENY,
	RULES_CLOSED, /* a closed range or an address of the host, and no rule names it */
};

/* Adds a copy; one that says the same goes first. False when RULES_MAX is reached. */
bool rules_add(struct rules *s, const struct rule *r);
/* Drops rules whose time is over, or all that came from jail.conf (kept). */
void rules_expire(struct rules *s, int64_t now);
void rules_drop_kept(struct rules *s);
void rules_free(struct rules *s);
/* Judges t at time now (ms); *by (may be NULL) is the rule that decided, or NULL. */
enum rules_answer rules_judge(const struct rules *s, const struct target *t, int64_t now,
			      const struct rule **by);
/* True when a rule could let something through that has this name: its question may be asked. */
bool rules_may_ask(const struct rules *s, const char *name, int64_t now);
/* True when an allow rule names this address as an address or a range. */
bool rules_name_address(const struct rules *s, const struct naddr *a, int64_t now);

/* True for one of the host's own addresses. */
bool rules_is_own(const struct rules *s, const struct naddr *a);

/* "tcp", "udp", "icmp", or the number, into buf (8 bytes). Returns buf. */
const char *rule_proto_name(unsigned proto, char *buf);

#endif
