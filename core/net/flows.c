/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that the kernel tells of: when they began, under which name, what they carried. */
#include "core/buf.h"
#include "core/net/judge_int.h"
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct ctflow *a, const struct ctflow *b)
{
	return a->proto == b->proto && a->sport == b->sport && a->dport == b->dport &&
	       naddr_equal(&a->dst, &b->dst) && naddr_equal(&a->src, &b->src);
}

static struct begun **find(struct judge *j, const struct ctflow *f)
{
	uint32_t h = f->proto * 31u + f->dport * 65537u + f->sport;

	for (size_t i = 0; i < sizeof(f->dst.a); i++)
		h = (h ^ f->dst.a[i]) * 16777619u;
	struct begun **at = &j->begun[(h ^ h >> 15) % OPEN_BUCKETS];
	while (*at && !same(&(*at)->f, f))
		at = &(*at)->next;
	return at;
}

void flows_free(struct judge *j)
{
	for (size_t i = 0; i < OPEN_BUCKETS; i++)
		while (j->begun[i]) {
			struct begun *b = j->begun[i];
			j->begun[i] = b->next;
			free(b);
		}
}

static bool is_dns(const struct judge *j, const struct ctflow *f)
{
	return naddr_equal(&f->dst, &j->c.dns[f->dst.v6]);
}

static void tell(struct judge *j, unsigned op, const struct ctflow *f, const char *more,
		 uint64_t bytes, int64_t now)
{
	bool inward = !naddr_equal(&f->src, &j->c.guest[f->src.v6]);
	const char *names[NAMES_OF_ONE];
	struct target t =
	    judge_target(j, f->proto, inward ? &f->src : &f->dst, f->dport, names, now);
	struct buf b = {0};

	judge_target_text(&b, &t);
	if (inward)
		buf_str(&b, ", from outside");
	judge_tell(j, op, buf_cstr(&b), more, bytes);
	buf_free(&b);
}

void judge_news(struct judge *j, enum ctrack_news news, const struct ctflow *f, int64_t now)
{
	struct begun **at = find(j, f), *b = *at;
	char text[96];

	/* A look-up is told as what was asked and answered. */
	if (is_dns(j, f))
		return;
	if (news == CTRACK_NEW) {
		if (!b && j->nbegun < OPEN_MAX) {
			b = *at = xcalloc(1, sizeof(*b));
			b->f = *f;
			b->since = now;
			j->nbegun++;
		}
		tell(j, EVENT_CONNECT, f, NULL, 0, now);
		return;
	}
	if (news != CTRACK_END)
		return;
	int64_t ms = b ? now - b->since : 0;
	snprintf(text, sizeof(text), "out %" PRIu64 " in %" PRIu64 " bytes, %lld.%03lld s", f->out,
		 f->in, (long long)(ms / 1000), (long long)(ms % 1000));
	tell(j, EVENT_DISCONNECT, f, text, f->out + f->in, now);
	if (b) {
		*at = b->next;
		free(b);
		j->nbegun--;
	}
}

json_t *judge_flow_json(struct judge *j, const struct ctflow *f, int64_t now)
{
	bool inward = !naddr_equal(&f->src, &j->c.guest[f->src.v6]);
	const struct naddr *peer = inward ? &f->src : &f->dst;
	const char *names[NAMES_OF_ONE];
	struct target t = judge_target(j, f->proto, peer, f->dport, names, now);
	char addr[NADDR_TEXT], proto[8];
	struct begun *b = *find(j, f);

	return json_pack(
	    "{s:s, s:s, s:i, s:i, s:s, s:I, s:I, s:I, s:b}", "proto",
	    rule_proto_name(f->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : f->proto, proto), "address",
	    naddr_text(peer, addr), "port", (int)f->dport, "from", (int)f->sport, "name",
	    t.nnames ? t.names[0] : "", "out", (json_int_t)(inward ? f->in : f->out), "in",
	    (json_int_t)(inward ? f->out : f->in), "ms", (json_int_t)(b ? now - b->since : 0),
	    "inward", (int)inward);
}
