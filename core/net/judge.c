/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/judge.h"
#include "core/buf.h"
#include "core/net/judge_int.h"
#include "core/net/names.h"
#include "core/net/packet.h"
#include "core/text.h"
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { DNS_PORT = 53, TELL_PER_SECOND = 200 };

struct judge *judge_new(const struct judge_config *c, const struct judge_ops *ops, void *user)
{
	struct judge *j = xcalloc(1, sizeof(*j));

	j->c = *c;
	if (j->c.timeout_ms <= 0)
		j->c.timeout_ms = JUDGE_TIMEOUT_MS;
	j->ops = *ops;
	j->user = user;
	j->names = names_new();
	j->tell_left = TELL_PER_SECOND;
	return j;
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	ask_free(j);
	rules_free(&j->rules);
	names_free(j->names);
	free(j->own);
	free(j);
}

/* Telling */

void judge_target_text(struct buf *out, const struct target *t)
{
	char addr[NADDR_TEXT], proto[8];
	bool v6 = t->addr.v6 && t->port;

	naddr_text(&t->addr, addr);
	buf_fmt(out, "%s/",
		rule_proto_name(t->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : t->proto, proto));
	if (t->nnames)
		buf_str(out, t->names[0]);
	else
		buf_fmt(out, "%s%s%s", v6 ? "[" : "", addr, v6 ? "]" : "");
	if (t->port)
		buf_fmt(out, ":%u", t->port);
	if (t->nnames)
		buf_fmt(out, " (%s)", addr);
}

static void tell_event(struct judge *j, const struct event *ev)
{
	/* A guest that floods is told of as a number. */
	if (ev->op == EVENT_BLOCK || ev->op == EVENT_RESOLVE || ev->op == EVENT_RESOLVED) {
		if (!j->tell_left) {
			j->untold++;
			return;
		}
		j->tell_left--;
	}
	j->ops.event(j->user, ev);
}

void judge_tell_verdict(struct judge *j, const struct question *q, const struct target *t,
			const char *path2)
{
	struct buf b = {0};

	judge_target_text(&b, t);
	struct event ev = {.op = EVENT_VERDICT,
			   .class = EVENT_NET,
			   .bytes = q->number,
			   .pid = q->pid,
			   .uid = q->uid,
			   .comm = q->comm,
			   .comm_len = strlen(q->comm),
			   .path = buf_cstr(&b),
			   .path_len = b.len,
			   .path2 = path2,
			   .path2_len = strlen(path2)};
	tell_event(j, &ev);
	buf_free(&b);
}

void judge_tell(struct judge *j, unsigned op, const char *path, const char *path2, uint64_t bytes)
{
	struct event ev = {.op = (uint16_t)op,
			   .class = EVENT_NET,
			   .bytes = bytes,
			   .path = path,
			   .path_len = strlen(path),
			   .path2 = path2,
			   .path2_len = path2 ? strlen(path2) : 0};

	tell_event(j, &ev);
}

void judge_tell_target(struct judge *j, unsigned op, const struct target *t, const char *path2,
		       uint64_t bytes)
{
	struct buf b = {0};

	judge_target_text(&b, t);
	judge_tell(j, op, buf_cstr(&b), path2, bytes);
	buf_free(&b);
}

void judge_say(struct judge *j, enum judge_kind kind, uint32_t id, enum judge_verdict v)
{
	j->ops.verdict(j->user, kind, id, v);
}

/* Targets */

struct target judge_target(struct judge *j, unsigned proto, const struct naddr *addr, unsigned port,
			   const char *names[NAMES_OF_ONE], int64_t now)
{
	return (struct target){.proto = (uint8_t)proto,
			       .addr = *addr,
			       .port = (uint16_t)port,
			       .names = names,
			       .nnames = names_of(j->names, addr, now, names)};
}

static bool is_dns(const struct judge *j, const struct naddr *a)
{
	return naddr_equal(a, &j->c.dns[a->v6]);
}

/* DNS */

static enum judge_verdict ask_dns(struct judge *j, const struct packet *k, int64_t now)
{
	char type[16], text[DNS_NAME_MAX + 24];
	struct dns d;

	if (dns_parse(k->data, k->len, &d) || d.answer) {
		judge_tell(j, EVENT_BLOCK, "dns", "a question that makes no sense", 1);
		return JUDGE_REFUSE;
	}
	snprintf(text, sizeof(text), "%s %s", dns_type_name(d.type, type), *d.name ? d.name : ".");
	if (j->c.mode == JUDGE_LIST && !rules_may_ask(&j->rules, d.name, now)) {
		judge_tell(j, EVENT_BLOCK, text, "no rule has this name", 1);
		return JUDGE_REFUSE;
	}
	names_asked(j->names, k->sport, &d);
	judge_tell(j, EVENT_RESOLVE, text, NULL, 0);
	return JUDGE_ALLOW;
}

/* The first address of an answer that a name must not give, or NULL. */
static const struct naddr *rebound(const struct judge *j, const struct dns *d, int64_t now)
{
	for (size_t i = 0; i < d->naddrs; i++) {
		const struct naddr *a = &d->addrs[i];
		if ((naddr_closed(a) || rules_is_own(&j->rules, a)) &&
		    !rules_name_address(&j->rules, a, now))
			return a;
	}
	return NULL;
}

static enum judge_verdict answer_dns(struct judge *j, const struct packet *k, int64_t now)
{
	char type[16], text[DNS_NAME_MAX + 24], addr[NADDR_TEXT], why[96];
	struct buf list = {0};
	struct dns d;

	if (dns_parse(k->data, k->len, &d) || !d.answer ||
	    !names_answers(j->names, k->dport, &d, now)) {
		judge_tell(j, EVENT_BLOCK, "dns", "an answer that nobody asked for", 1);
		return JUDGE_DROP;
	}
	snprintf(text, sizeof(text), "%s %s", dns_type_name(d.type, type), *d.name ? d.name : ".");
	const struct naddr *bad = rebound(j, &d, now);
	if (bad) {
		snprintf(why, sizeof(why), "it answers with the closed address %s",
			 naddr_text(bad, addr));
		judge_tell(j, EVENT_BLOCK, text, why, 1);
		return JUDGE_DROP;
	}
	for (size_t i = 0; i < d.naddrs; i++) {
		names_learn(j->names, d.name, &d.addrs[i], d.ttl, now);
		buf_fmt(&list, "%s%s", i ? " " : "", naddr_text(&d.addrs[i], addr));
	}
	if (d.rcode)
		buf_fmt(&list, "code %u", d.rcode);
	judge_tell(j, EVENT_RESOLVED, text, buf_cstr(&list), 0);
	buf_free(&list);
	return JUDGE_ALLOW;
}

static enum judge_verdict judge_dns(struct judge *j, const struct packet *k, int64_t now)
{
	if (k->proto != IPPROTO_UDP)
		return JUDGE_DROP;
	if (is_dns(j, &k->src) && k->sport == DNS_PORT)
		return answer_dns(j, k, now);
	if (is_dns(j, &k->dst) && k->dport == DNS_PORT)
		return ask_dns(j, k, now);
	return JUDGE_DROP;
}

bool judge_dns_question(struct judge *j, uint16_t port, const uint8_t *p, size_t n, int64_t now)
{
	struct packet k = {.sport = port, .data = p, .len = n};

	return ask_dns(j, &k, now) == JUDGE_ALLOW;
}

bool judge_dns_answer(struct judge *j, uint16_t port, const uint8_t *p, size_t n, int64_t now)
{
	struct packet k = {.dport = port, .data = p, .len = n};

	return answer_dns(j, &k, now) == JUDGE_ALLOW;
}

/* Everything else */

static bool is_echo(const struct packet *k)
{
	return k->dst.v6 ? k->type == 128 : k->type == 8;
}

static void blocked(struct judge *j, const struct target *t, const char *why)
{
	judge_tell_target(j, EVENT_BLOCK, t, why, 1);
}

bool judge_by_rules(struct judge *j, const struct target *t, enum judge_verdict *v, bool tell,
		    int64_t now)
{
	char text[RULE_TEXT_MAX], why[RULE_TEXT_MAX + 16];
	const struct rule *by;

	*v = JUDGE_REFUSE;
	switch (rules_judge(&j->rules, t, now, &by)) {
	case RULES_ALLOW:
		*v = JUDGE_ALLOW;
		return true;
	case RULES_DENY:
		snprintf(why, sizeof(why), "deny %s", rule_text(by, text));
		break;
	case RULES_CLOSED:
		snprintf(why, sizeof(why), "a closed address, and no rule names it");
		break;
	case RULES_SILENT:
		if (j->c.mode == JUDGE_ASK)
			return false;
		if (j->c.mode == JUDGE_OPEN) {
			*v = JUDGE_ALLOW;
			return true;
		}
		snprintf(why, sizeof(why), "no rule allows it");
		break;
	}
	if (tell)
		blocked(j, t, why);
	return true;
}

static void judge_other(struct judge *j, enum judge_kind kind, uint32_t id, const struct packet *k,
			int64_t now)
{
	bool icmp = k->proto == IPPROTO_ICMP || k->proto == IPPROTO_ICMPV6;
	const char *names[NAMES_OF_ONE];
	struct target t = judge_target(j, k->proto, &k->dst, k->dport, names, now);
	enum judge_verdict v;

	if (!naddr_equal(&k->src, &j->c.guest[k->src.v6])) {
		blocked(j, &t, "its source is not the guest's");
		v = JUDGE_DROP;
	} else if (is_dns(j, &k->dst)) {
		blocked(j, &t, "the name server answers by UDP alone");
		v = JUDGE_REFUSE;
	} else if (icmp && !is_echo(k)) {
		blocked(j, &t, "of ICMP only an echo request begins something");
		v = JUDGE_DROP;
	} else if (!icmp && k->proto != IPPROTO_TCP && k->proto != IPPROTO_UDP) {
		blocked(j, &t, "a protocol that goes nowhere");
		v = JUDGE_REFUSE;
	} else if (!judge_by_rules(j, &t, &v, true, now)) {
		ask_flow(j, &t, kind, id, k->sport, now);
		return;
	}
	judge_say(j, kind, id, v);
}

void judge_packet(struct judge *j, enum judge_kind kind, uint32_t id, const uint8_t *p, size_t n,
		  int64_t now)
{
	struct packet k;
	enum packet_fault f = packet_parse(p, n, &k);

	if (f) {
		judge_tell(j, EVENT_BLOCK, "packet", packet_fault_text(f), 1);
		judge_say(j, kind, id, JUDGE_DROP);
	} else if (kind == JUDGE_DNS) {
		judge_say(j, kind, id, judge_dns(j, &k, now));
	} else {
		judge_other(j, kind, id, &k, now);
	}
}

void judge_tick(struct judge *j, int64_t now)
{
	uint64_t n = j->untold;

	j->untold = 0;
	j->tell_left = TELL_PER_SECOND;
	if (n)
		judge_tell(j, EVENT_BLOCK, "more", "too many to be told one by one", n);
	ask_tick(j, now);
	rules_expire(&j->rules, now);
}

/* Rules */

static void take_rules(struct judge *j, const json_t *list, bool deny)
{
	const json_t *v;
	struct rule r;
	size_t i;

	json_array_foreach(list, i, v)
	{
		const char *text = json_string_value(v);
		if (!text || rule_parse(text, deny, &r, NULL))
			continue;
		r.kept = true;
		rules_add(&j->rules, &r);
	}
}

void judge_rules(struct judge *j, const json_t *allow, const json_t *deny, int64_t now)
{
	rules_drop_kept(&j->rules);
	take_rules(j, deny, true);
	take_rules(j, allow, false);
	ask_again(j, now);
}

void judge_own(struct judge *j, const struct own_address *own, size_t n)
{
	free(j->own);
	j->own = xcalloc(n + 1, sizeof(*own));
	if (n)
		memcpy(j->own, own, n * sizeof(*own));
	j->rules.own = j->own;
	j->rules.nown = n;
}

bool judge_still(struct judge *j, const struct ctflow *f, int64_t now)
{
	const char *names[NAMES_OF_ONE];
	struct target t = judge_target(j, f->proto, &f->dst, f->dport, names, now);

	/* What comes from outside came to a published port. */
	if (!naddr_equal(&f->src, &j->c.guest[f->src.v6]) || is_dns(j, &f->dst))
		return true;
	switch (rules_judge(&j->rules, &t, now, NULL)) {
	case RULES_DENY:
	case RULES_CLOSED:
		return false;
	case RULES_SILENT:
		return j->c.mode != JUDGE_LIST;
	case RULES_ALLOW:
		break;
	}
	return true;
}
