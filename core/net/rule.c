/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/rule.h"
#include "core/buf.h"
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t number;
} protos[] = {
    {.name = "tcp", .number = IPPROTO_TCP},
    {.name = "udp", .number = IPPROTO_UDP},
    {.name = "icmp", .number = IPPROTO_ICMP},
};
#define NPROTOS (sizeof(protos) / sizeof(protos[0]))

const char *rule_proto_name(unsigned proto, char *buf)
{
	snprintf(buf, 8, "%u", proto & 255);
	for (size_t i = 0; i < NPROTOS; i++)
		if (protos[i].number == proto)
			snprintf(buf, 8, "%s", protos[i].name);
	return buf;
}

bool rule_is_name(const char *name)
{
	size_t label = 0, n = strlen(name);

	if (!n || n >= RULE_NAME_MAX)
		return false;
	for (const char *p = name; *p; p++) {
		if (*p == '.') {
			if (!label)
				return false;
			label = 0;
			continue;
		}
		if (!isascii((unsigned char)*p) ||
		    (!isalnum((unsigned char)*p) && *p != '-' && *p != '_') || ++label > 63)
			return false;
	}
	return label > 0;
}

static int bad(const char *text, const char *why, struct err *e)
{
	return err_set(e, -EINVAL, "%.100s: %s", text, why);
}

/* ":80", ":80-90" or nothing. */
static bool parse_ports(const char *s, struct rule *r)
{
	unsigned long from, to;
	char *end;

	if (!*s)
		return true;
	if (*s++ != ':' || !isdigit((unsigned char)*s))
		return false;
	from = to = strtoul(s, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		to = strtoul(end + 1, &end, 10);
	if (*end || !from || from > to || to > 65535)
		return false;
	r->port = (uint16_t)from;
	r->port_end = (uint16_t)to;
	return r->proto != IPPROTO_ICMP;
}

static bool parse_name(char *host, struct rule *r)
{
	size_t n = strlen(host);

	r->kind = RULE_NAME;
	if (!strcmp(host, "*")) {
		r->kind = RULE_ANY;
		return true;
	}
	if (!strncmp(host, "*.", 2)) {
		r->kind = RULE_BELOW;
		host += 2;
		n -= 2;
	}
	if (n > 1 && host[n - 1] == '.')
		host[--n] = '\0';
	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	/* 1.2.3 or 300.1.1.1 is a mistake, not a name: no name ends with digits alone. */
	const char *last = strrchr(host, '.');
	last = last ? last + 1 : host;
	if (!rule_is_name(host) || !last[strspn(last, "0123456789")])
		return false;
	snprintf(r->name, sizeof(r->name), "%s", host);
	return true;
}

/* Splits host from what follows it; NULL when brackets do not close. */
static char *split_host(char *p, char **host)
{
	char *end;

	*host = p;
	if (*p == '[') {
		*host = p + 1;
		end = strchr(p, ']');
		if (!end)
			return NULL;
		/* "[2001:db8::]/32": the prefix belongs to the host. */
		if (end[1] == '/') {
			size_t n = 1 + strspn(end + 2, "0123456789");

			memmove(end, end + 1, n);
			end[n] = '\0';
			return end + n + 1;
		}
		*end = '\0';
		return end + 1;
	}
	end = strchr(p, ':');
	/* More than one colon: an IPv6 address or range without a port. */
	if (!end || strchr(end + 1, ':'))
		return p + strlen(p);
	return end;
}

int rule_parse(const char *text, bool deny, struct rule *out, struct err *e)
{
	char copy[RULE_TEXT_MAX], *p = copy, *host, *rest, saved;

	*out = (struct rule){.deny = deny};
	if (strlen(text) >= sizeof(copy))
		return bad(text, "too long", e);
	snprintf(copy, sizeof(copy), "%s", text);
	for (size_t i = 0; i < NPROTOS; i++) {
		size_t n = strlen(protos[i].name);
		if (!strncmp(p, protos[i].name, n) && p[n] == '/') {
			out->proto = protos[i].number;
			p += n + 1;
			break;
		}
	}
	rest = split_host(p, &host);
	if (!rest)
		return bad(text, "a bracket that does not close: write [2001:db8::1]:443", e);
	char ports[32];
	if (snprintf(ports, sizeof(ports), "%s", rest) >= (int)sizeof(ports) ||
	    !parse_ports(ports, out))
		return bad(text, "no port: write HOST:80 or HOST:8000-8100, of tcp or udp", e);
	saved = *rest;
	*rest = '\0';
	if (!*host)
		return bad(text, "no host: write a name, an address or a range", e);
	if (nrange_parse(host, &out->range))
		out->kind = RULE_RANGE;
	else if (!parse_name(host, out))
		return bad(text,
			   "neither a name nor an address: write www.example.org, *.example.org, "
			   "192.0.2.0/24 or [2001:db8::1]:443",
			   e);
	*rest = saved;
	return 0;
}

static void host_text(const struct rule *r, char *buf, size_t size)
{
	char addr[NADDR_TEXT], bits[8] = "";
	unsigned most = r->range.net.v6 ? 128 : 32;

	switch (r->kind) {
	case RULE_NAME:
		snprintf(buf, size, "%s", r->name);
		return;
	case RULE_BELOW:
		snprintf(buf, size, "*.%s", r->name);
		return;
	case RULE_ANY:
		snprintf(buf, size, "*");
		return;
	case RULE_RANGE:
		break;
	}
	if (r->range.bits < most)
		snprintf(bits, sizeof(bits), "/%u", r->range.bits);
	bool brackets = r->range.net.v6 && r->port;
	snprintf(buf, size, "%s%s%s%s", brackets ? "[" : "", naddr_text(&r->range.net, addr),
		 brackets ? "]" : "", bits);
}

const char *rule_text(const struct rule *r, char *buf)
{
	char host[RULE_NAME_MAX + 8], proto[8], ports[16] = "";

	host_text(r, host, sizeof(host));
	if (r->port && r->port == r->port_end)
		snprintf(ports, sizeof(ports), ":%u", r->port);
	else if (r->port)
		snprintf(ports, sizeof(ports), ":%u-%u", r->port, r->port_end);
	snprintf(buf, RULE_TEXT_MAX, "%s%s%s%s", r->proto ? rule_proto_name(r->proto, proto) : "",
		 r->proto ? "/" : "", host, ports);
	return buf;
}

/* Sets */

static bool same(const struct rule *a, const struct rule *b)
{
	char ta[RULE_TEXT_MAX], tb[RULE_TEXT_MAX];

	return a->kept == b->kept && !strcmp(rule_text(a, ta), rule_text(b, tb));
}

static void drop(struct rules *s, size_t i)
{
	memmove(&s->v[i], &s->v[i + 1], (s->n - i - 1) * sizeof(s->v[0]));
	s->n--;
}

bool rules_add(struct rules *s, const struct rule *r)
{
	for (size_t i = s->n; i-- > 0;)
		/* An answer takes the place of an older answer to the same question. */
		if (same(&s->v[i], r) && (!r->kept || s->v[i].deny == r->deny))
			drop(s, i);
	if (s->n == RULES_MAX)
		return false;
	s->v = xrealloc(s->v, (s->n + 1) * sizeof(s->v[0]));
	s->v[s->n++] = *r;
	return true;
}

void rules_expire(struct rules *s, int64_t now)
{
	for (size_t i = s->n; i-- > 0;)
		if (s->v[i].until && s->v[i].until <= now)
			drop(s, i);
}

void rules_drop_kept(struct rules *s)
{
	for (size_t i = s->n; i-- > 0;)
		if (s->v[i].kept)
			drop(s, i);
}

void rules_free(struct rules *s)
{
	free(s->v);
	*s = (struct rules){0};
}

static bool name_matches(const struct rule *r, const char *name)
{
	size_t n = strlen(name), m = strlen(r->name);

	if (n < m || strcasecmp(name + n - m, r->name) != 0)
		return false;
	return n == m || (r->kind == RULE_BELOW && name[n - m - 1] == '.');
}

static bool host_matches(const struct rule *r, const struct target *t)
{
	if (r->kind == RULE_ANY)
		return true;
	if (r->kind == RULE_RANGE)
		return nrange_has(&r->range, &t->addr);
	for (size_t i = 0; i < t->nnames; i++)
		if (name_matches(r, t->names[i]))
			return true;
	return false;
}

static bool matches(const struct rule *r, const struct target *t, int64_t now)
{
	unsigned proto = t->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : t->proto;

	if (r->until && r->until <= now)
		return false;
	if (r->proto && r->proto != proto)
		return false;
	if (r->port && (t->port < r->port || t->port > r->port_end))
		return false;
	return host_matches(r, t);
}

bool rules_is_own(const struct rules *s, const struct naddr *a)
{
	for (size_t i = 0; i < s->nown; i++)
		if (s->own[i].v6 == a->v6 && !memcmp(s->own[i].a, a->a, a->v6 ? 16 : 4))
			return true;
	return false;
}

enum rules_answer rules_judge(const struct rules *s, const struct target *t, int64_t now,
			      const struct rule **by)
{
	bool closed = naddr_closed(&t->addr) || rules_is_own(s, &t->addr);
	const struct rule *allow = NULL, *deny = NULL;

	for (size_t i = 0; i < s->n && !deny; i++) {
		const struct rule *r = &s->v[i];

		if (!matches(r, t, now))
			continue;
		if (r->deny)
			deny = r;
		else if (!closed || r->kind == RULE_RANGE)
			allow = r;
	}
	if (by)
		*by = deny ? deny : allow;
	return deny ? RULES_DENY : allow ? RULES_ALLOW : closed ? RULES_CLOSED : RULES_SILENT;
}

bool rules_may_ask(const struct rules *s, const char *name, int64_t now)
{
	bool allow = false;

	for (size_t i = 0; i < s->n; i++) {
		const struct rule *r = &s->v[i];
		bool any = r->kind == RULE_ANY;

		if ((r->until && r->until <= now) || r->kind == RULE_RANGE)
			continue;
		if (!any && !name_matches(r, name))
			continue;
		/* A name that is denied on one port only may be needed for another. */
		if (r->deny && !r->port && !r->proto)
			return false;
		allow |= !r->deny;
	}
	return allow;
}

bool rules_name_address(const struct rules *s, const struct naddr *a, int64_t now)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct rule *r = &s->v[i];

		if (!r->deny && r->kind == RULE_RANGE && (!r->until || r->until > now) &&
		    nrange_has(&r->range, a))
			return true;
	}
	return false;
}
