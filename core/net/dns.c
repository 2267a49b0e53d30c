/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/dns.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HEAD = 12, FLAG_ANSWER = 0x8000, OPCODE = 0x7800, CLASS_IN = 1, ALIASES_MAX = 16 };

struct reader {
	const uint8_t *p;
	size_t n;
	size_t at;
};

static bool take16(struct reader *r, unsigned *out)
{
	if (r->n - r->at < 2)
		return false;
	*out = (unsigned)r->p[r->at] << 8 | r->p[r->at + 1];
	r->at += 2;
	return true;
}

static bool take32(struct reader *r, uint32_t *out)
{
	unsigned high, low;

	if (!take16(r, &high) || !take16(r, &low))
		return false;
	*out = (uint32_t)high << 16 | low;
	return true;
}

/* One label of len bytes at `at` behind what name holds already. */
static bool add_label(const struct reader *r, size_t at, size_t len, char *name, size_t *used)
{
	if (*used + len + 1 >= DNS_NAME_MAX)
		return false;
	if (*used)
		name[(*used)++] = '.';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = r->p[at + i];

		if (!isascii(c) || (!isalnum(c) && c != '-' && c != '_'))
			return false;
		name[(*used)++] = (char)tolower(c);
	}
	return true;
}

/* Reads a name; a pointer must lead further back than everything that was read of this name. */
static bool take_name(struct reader *r, char *name)
{
	size_t at = r->at, lowest = r->at, used = 0;
	bool jumped = false;

	for (;;) {
		if (at >= r->n)
			return false;
		unsigned len = r->p[at++];
		if (len >= 0xc0) {
			if (at >= r->n)
				return false;
			size_t to = (size_t)(len & 0x3f) << 8 | r->p[at++];
			if (!jumped)
				r->at = at;
			if (to >= lowest || to < HEAD)
				return false;
			jumped = true;
			at = lowest = to;
			continue;
		}
		if (len > 63 || len > r->n - at)
			return false;
		if (!len)
			break;
		if (!add_label(r, at, len, name, &used))
			return false;
		at += len;
	}
	if (!jumped)
		r->at = at;
	name[used] = '\0';
	return true;
}

struct aliases {
	char now[DNS_NAME_MAX]; /* what the name asked for is an alias of, so far */
	unsigned n;
};

/* Takes one record; false: the message is malformed. */
static bool take_record(struct reader *r, struct dns *out, struct aliases *al)
{
	char name[DNS_NAME_MAX], target[DNS_NAME_MAX];
	unsigned type, class, len;
	uint32_t ttl;

	if (!take_name(r, name) || !take16(r, &type) || !take16(r, &class) || !take32(r, &ttl) ||
	    !take16(r, &len) || len > r->n - r->at)
		return false;
	size_t data = r->at, end = r->at + len;
	bool ours = class == CLASS_IN && !strcmp(name, al->now);
	if (ours && type == DNS_CNAME) {
		if (!take_name(r, target) || r->at != end || al->n++ == ALIASES_MAX)
			return false;
		memcpy(al->now, target, sizeof(al->now));
	} else if (ours && (type == DNS_A || type == DNS_AAAA)) {
		if (len != (type == DNS_A ? 4u : 16u))
			return false;
		if (out->naddrs < DNS_ADDRS_MAX) {
			struct naddr *a = &out->addrs[out->naddrs++];
			*a = (struct naddr){.v6 = type == DNS_AAAA};
			memcpy(a->a, r->p + data, len);
		} else {
			return false;
		}
		if (ttl < out->ttl)
			out->ttl = ttl;
	}
	r->at = end;
	return true;
}

static bool take_answers(struct reader *r, unsigned count, struct dns *out)
{
	struct aliases al = {0};

	memcpy(al.now, out->name, sizeof(al.now));
	if (count > DNS_RECORDS_MAX)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!take_record(r, out, &al))
			return false;
	return true;
}

int dns_parse(const uint8_t *p, size_t n, struct dns *out)
{
	struct reader r = {.p = p, .n = n};
	unsigned id, flags, questions, answers, skip, type, class;

	memset(out, 0, sizeof(*out));
	out->ttl = UINT32_MAX;
	if (!take16(&r, &id) || !take16(&r, &flags) || !take16(&r, &questions) ||
	    !take16(&r, &answers) || !take16(&r, &skip) || !take16(&r, &skip))
		return -EBADMSG;
	out->id = (uint16_t)id;
	out->answer = flags & FLAG_ANSWER;
	out->rcode = flags & 15;
	if ((flags & OPCODE) || questions != 1 || (!out->answer && answers))
		return -EBADMSG;
	if (!take_name(&r, out->name) || !take16(&r, &type) || !take16(&r, &class) ||
	    class != CLASS_IN)
		return -EBADMSG;
	out->type = (uint16_t)type;
	return take_answers(&r, answers, out) ? 0 : -EBADMSG;
}

const char *dns_type_name(unsigned type, char *buf)
{
	static const struct {
		unsigned type;
		const char *name;
	} known[] = {{1, "A"},	   {2, "NS"},	{5, "CNAME"},	{6, "SOA"},  {12, "PTR"},
		     {15, "MX"},   {16, "TXT"}, {28, "AAAA"},	{33, "SRV"}, {65, "HTTPS"},
		     {64, "SVCB"}, {43, "DS"},	{48, "DNSKEY"}, {255, "ANY"}};

	snprintf(buf, 16, "TYPE%u", type & 0xffff);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].type == type)
			snprintf(buf, 16, "%s", known[i].name);
	return buf;
}
