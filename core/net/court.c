/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/court.h"
#include "core/buf.h"
#include "core/chanproto.h"
#include "core/net/chains.h"
#include "core/net/ctrack.h"
#include "core/net/dnstcp.h"
#include "core/net/judge.h"
#include "core/net/net.h"
#include "core/net/nfq.h"
#include "core/net/plan.h"
#include "core/proto.h"
#include <stdlib.h>
#include <string.h>

_Static_assert((int)CHAINS_DNS == JUDGE_DNS && (int)CHAINS_TCP == JUDGE_TCP &&
		   (int)CHAINS_UDP == JUDGE_UDP && (int)CHAINS_OTHER == JUDGE_OTHER &&
		   (int)CHAINS_QUEUES == JUDGE_KINDS,
	       "queues");

enum {
	TICK_MS = 1000,
	LISTED_MAX = 256, /* connections of one answer */
	CUT_AT_ONCE = 1024,
	WHO_MS = 100, /* between two questions to the guest */
	CUT_ROUNDS = 256, /* the kernel keeps 262144 connections at most (nf_conntrack_max) */
};

/* What waits lies in the kernel, whole: a datagram may have 64 KiB, a TCP that begins has not. */
static const struct {
	unsigned length, copy;
} sizes[] = {
    [CHAINS_DNS] = {512, 4096},
    [CHAINS_TCP] = {JUDGE_WAITING_MAX + 256, 128},
    [CHAINS_UDP] = {1024, 128},
    [CHAINS_OTHER] = {256, 128},
};

struct court {
	struct loop *loop;
	int sock;
	struct nfq *queue[CHAINS_QUEUES];
	struct ctrack *table;
	struct judge *judge;
	struct dnstcp *dns; /* NULL: by UDP alone */
	struct loop_timer *tick, *who;
	bool asking; /* the guest is asked who somebody is */
};

static void tell(struct court *c, unsigned type, uint32_t tag, json_t *o)
{
	proto_send_json(c->sock, (uint16_t)type, tag, o, -1);
	json_decref(o);
}

/* The judge's words */

static void on_verdict(void *user, enum judge_kind kind, uint32_t id, enum judge_verdict v)
{
	static const uint32_t marks[] = {
	    [JUDGE_DROP] = 0, [JUDGE_ALLOW] = CHAINS_PASS, [JUDGE_REFUSE] = CHAINS_REFUSE};
	struct court *c = user;

	nfq_answer(c->queue[kind], id, v != JUDGE_DROP, marks[v]);
}

static void on_event(void *user, const struct event *ev)
{
	struct court *c = user;

	tell(c, NET_EVENT, 0,
	     json_pack("{s:i, s:i, s:s%, s:s%, s:I, s:I, s:I, s:s%}", "op", (int)ev->op, "err", (int)ev->err,
		       "path", ev->path ? ev->path : "", ev->path_len, "path2",
		       ev->path2 ? ev->path2 : "", ev->path2 ? ev->path2_len : 0, "bytes",
		       (json_int_t)ev->bytes, "pid", (json_int_t)ev->pid, "uid", (json_int_t)ev->uid,
		       "comm", ev->comm ? ev->comm : "", ev->comm_len));
}

/* Who asks is asked in batches: a guest that floods is not made to look through all its processes
 * for each. One that does not answer is asked no more. */
static void ask_who(void *user)
{
	struct court *c = user;
	struct judge_stranger v[CHAN_MAX_SOCKETS];
	size_t n = c->asking ? 0 : judge_strangers(c->judge, v, CHAN_MAX_SOCKETS);
	char addr[NADDR_TEXT];
	json_t *list = n ? json_array() : NULL;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    list, json_pack("{s:I, s:i, s:s, s:i, s:i}", "id", (json_int_t)v[i].id, "proto",
				    (int)v[i].proto, "address", naddr_text(&v[i].addr, addr), "port",
				    (int)v[i].port, "from", (int)v[i].sport));
	c->asking = c->asking || n;
	if (n)
		tell(c, NET_WHO, 0, json_pack("{s:o}", "who", list));
}

static void on_waiting(void *user, size_t questions)
{
	struct court *c = user;

	tell(c, NET_WAITING, 0, json_pack("{s:I}", "questions", (json_int_t)questions));
	/* Not from in here: the judge is at work. */
	if (!c->asking && questions)
		loop_timer_arm(c->who, 0);
}

static const struct judge_ops ops = {
    .verdict = on_verdict, .event = on_event, .waiting = on_waiting};

/* What the kernel says */

static void on_packet(void *user, unsigned queue, uint32_t id, const uint8_t *p, size_t n)
{
	struct court *c = user;

	judge_packet(c->judge, (enum judge_kind)queue, id, p, n, loop_now_ms());
}

static void on_news(void *user, enum ctrack_news news, const struct ctflow *f)
{
	struct court *c = user;

	judge_news(c->judge, news, f, loop_now_ms());
}

static void on_tick(void *user)
{
	struct court *c = user;

	judge_tick(c->judge, loop_now_ms());
	dnstcp_tick(c->dns, loop_now_ms());
	loop_timer_arm(c->tick, TICK_MS);
}

/* The warden's words */

/* Connections that are allowed no more: found first, since a look at the table and a change of it
 * cannot share a socket at once. */
struct doomed {
	struct court *c;
	size_t n;
	struct ctflow v[CUT_AT_ONCE];
};

static void doom(void *user, enum ctrack_news news, const struct ctflow *f)
{
	struct doomed *d = user;

	(void)news;
	if (d->n < CUT_AT_ONCE && !judge_still(d->c->judge, f, loop_now_ms()))
		d->v[d->n++] = *f;
}

static void cut(struct court *c)
{
	struct doomed *d = xcalloc(1, sizeof(*d));

	d->c = c;
	/* One that does not go would be found for ever: so a bound. */
	for (int round = 0; round < CUT_ROUNDS; round++) {
		d->n = 0;
		if (ctrack_each(c->table, doom, d) || !d->n)
			break;
		for (size_t i = 0; i < d->n; i++)
			ctrack_delete(c->table, &d->v[i]);
	}
	free(d);
}

struct listing {
	struct court *c;
	json_t *flows;
};

static void add_flow(void *user, enum ctrack_news news, const struct ctflow *f)
{
	struct listing *l = user;

	(void)news;
	if (json_array_size(l->flows) < LISTED_MAX)
		json_array_append_new(l->flows, judge_flow_json(l->c->judge, f, loop_now_ms()));
}

static void list(struct court *c, uint32_t tag)
{
	json_t *o = json_object();
	struct listing l = {.c = c, .flows = json_array()};

	judge_list(c->judge, o, loop_now_ms());
	ctrack_each(c->table, add_flow, &l);
	json_object_set_new(o, "flows", l.flows);
	tell(c, NET_LISTED, tag, o);
}

void court_message(struct court *c, unsigned type, uint32_t tag, const json_t *o)
{
	int64_t now = loop_now_ms();
	const char *word = json_string_value(json_object_get(o, "word"));
	bool done;

	switch (type) {
	case NET_RULES:
		judge_rules(c->judge, json_object_get(o, "allow"), json_object_get(o, "deny"), now);
		cut(c);
		break;
	case NET_ANSWER:
		done = word && judge_answer(
				   c->judge, (uint64_t)json_integer_value(json_object_get(o, "id")),
				   word, json_integer_value(json_object_get(o, "minutes")), now);
		tell(c, NET_LISTED, tag, json_pack("{s:b}", "done", done));
		break;
	case NET_TOLD:
		judge_told(c->judge, json_object_get(o, "who"));
		c->asking = false;
		loop_timer_arm(c->who, WHO_MS);
		break;
	case NET_LIST:
		list(c, tag);
		break;
	default:
		break;
	}
}

void court_own(struct court *c, const struct own_address *own, size_t n)
{
	judge_own(c->judge, own, n);
}

static enum judge_mode mode_of(const char *mode)
{
	return !strcmp(mode, "open") ? JUDGE_OPEN : !strcmp(mode, "ask") ? JUDGE_ASK : JUDGE_LIST;
}

struct court *court_open(struct loop *l, const char *mode, int sock, struct err *e)
{
	struct court *c = xcalloc(1, sizeof(*c));
	struct judge_config jc = {.mode = mode_of(mode)};

	c->loop = l;
	c->sock = sock;
	naddr_parse(PLAN_GUEST, &jc.guest[0]);
	naddr_parse(PLAN_GUEST6, &jc.guest[1]);
	naddr_parse(PLAN_DNS, &jc.dns[0]);
	naddr_parse(PLAN_DNS6, &jc.dns[1]);
	c->judge = judge_new(&jc, &ops, c);
	bool ok = true;
	for (unsigned i = 0; ok && i < CHAINS_QUEUES; i++) {
		c->queue[i] = nfq_open(l, i, sizes[i].length, sizes[i].copy, on_packet, c, e);
		ok = c->queue[i];
	}
	if (ok)
		c->table = ctrack_open(l, on_news, c, e);
	if (!c->table) {
		court_close(c);
		return NULL;
	}
	c->dns = dnstcp_open(l, c->judge);
	c->tick = loop_timer_add(l, TICK_MS, on_tick, c);
	c->who = loop_timer_add(l, -1, ask_who, c);
	return c;
}

void court_close(struct court *c)
{
	if (!c)
		return;
	loop_timer_del(c->tick);
	loop_timer_del(c->who);
	for (unsigned i = 0; i < CHAINS_QUEUES; i++)
		nfq_close(c->queue[i]);
	ctrack_close(c->table);
	dnstcp_close(c->dns);
	judge_free(c->judge);
	free(c);
}
