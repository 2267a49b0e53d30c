/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge: what becomes of a packet that begins something: rules first, then the mode, then an
 * admin. Pure but for its memory: packets in, verdicts and events out; it knows no netlink.
 *
 * In mode ask a flow that no rule speaks of waits. What waits for the same target is one
 * *question*, with a number; an answer to it holds for all of them. At most JUDGE_WAITING_MAX flows
 * wait, then the oldest is refused, and told; after the time limit a question is refused, and told.
 *
 * DNS: the guest's questions pass (in mode list only those of which a rule could allow the name, so
 * that names carry nothing out), an answer only when it belongs to a question of the guest's. An
 * answer with an address of the closed ranges or of the host is dropped (rebinding), unless a rule
 * names that address. TCP to the name server ends in the room, which has whole messages judged
 * (core/net/dnstcp.h); a packet of it that comes here is refused.
 */
#ifndef GAOL_CORE_NET_JUDGE_H
#define GAOL_CORE_NET_JUDGE_H

#include "core/event.h"
#include "core/net/ctrack.h"
#include "core/net/rule.h"
#include <jansson.h>

#define JUDGE_WAITING_MAX 10000
#define JUDGE_TIMEOUT_MS 60000

enum judge_mode { JUDGE_OPEN, JUDGE_ASK, JUDGE_LIST };
/* The kinds of traffic, each with a queue of its own. */
enum judge_kind { JUDGE_DNS, JUDGE_TCP, JUDGE_UDP, JUDGE_OTHER, JUDGE_KINDS };
enum judge_verdict {
	JUDGE_DROP, /* without a word */
	JUDGE_ALLOW,
	JUDGE_REFUSE, /* the sender is told: reset, or ICMP */
};

/* A question whose program is not known yet: the ends of its connection in the guest. */
struct judge_stranger {
	uint64_t id;
	uint8_t proto;
	struct naddr addr;
	uint16_t port, sport;
};

#define JUDGE_COMMAND_MAX 160 /* bytes of a command line that are kept and shown */

struct judge_config {
	enum judge_mode mode;
	struct naddr guest[2], dns[2]; /* IPv4, IPv6 */
	int64_t timeout_ms;	       /* of a question; 0: JUDGE_TIMEOUT_MS */
};

struct judge_ops {
	/* Exactly once for every packet given to judge_packet, at once or later. */
	void (*verdict)(void *user, enum judge_kind kind, uint32_t id, enum judge_verdict v);
	/* class, op, path, path2, bytes, err are set; the texts hold for the call. */
	void (*event)(void *user, const struct event *ev);
	/* The number of questions has changed. */
	void (*waiting)(void *user, size_t questions);
};

struct judge;

struct judge *judge_new(const struct judge_config *c, const struct judge_ops *ops, void *user);
void judge_free(struct judge *j); /* NULL is allowed; what waits gets no verdict any more */
/* now: ms of CLOCK_MONOTONIC, here and below. */
void judge_packet(struct judge *j, enum judge_kind kind, uint32_t id, const uint8_t *p, size_t n,
		  int64_t now);
/* A message of DNS by TCP, of n bytes, from or to a port of the guest's: true when it may go on. */
bool judge_dns_question(struct judge *j, uint16_t port, const uint8_t *p, size_t n, int64_t now);
bool judge_dns_answer(struct judge *j, uint16_t port, const uint8_t *p, size_t n, int64_t now);
/* Refuses what has waited too long. To be called once a second. */
void judge_tick(struct judge *j, int64_t now);
/* Takes the rules of jail.conf in place of its earlier ones; what waits is judged anew. Texts that
 * are no rules are passed over (jail.conf was checked when it was read). */
void judge_rules(struct judge *j, const json_t *allow, const json_t *deny, int64_t now);
/* The host's own addresses; copied. */
void judge_own(struct judge *j, const struct own_address *own, size_t n);
/*
 * Answers question id with "once", "run", "deny", "never" (for this run), or "minutes" and
 * "deny-minutes" with how many. True when there is such a question and such a word.
 */
bool judge_answer(struct judge *j, uint64_t id, const char *word, int64_t minutes, int64_t now);
/*
 * Which program asks is known to the guest alone. Up to max questions that nobody was asked about
 * yet, of those that judge_list would show: each is given out once. Returns their number.
 */
size_t judge_strangers(struct judge *j, struct judge_stranger *out, size_t max);
/* What the guest told: [{"id", "pid", "uid", "comm", "command"}]; shown as hearsay, decides nothing.
 * Numbers that are no question's are passed over. */
void judge_told(struct judge *j, const json_t *told);
/* True when the rules as they are now would let a connection of the guest's go on that was let
 * through before. */
bool judge_still(struct judge *j, const struct ctflow *f, int64_t now);
/* News of a connection, to be told. */
void judge_news(struct judge *j, enum ctrack_news news, const struct ctflow *f, int64_t now);
/* Appends the questions that wait, and the rules of this run, to o as "queue", "waiting",
 * "rules"; at most about 24 KiB of text. */
void judge_list(struct judge *j, json_t *o, int64_t now);
/* {"proto", "address", "port", "name", "out", "in", "ms"} of a connection. */
json_t *judge_flow_json(struct judge *j, const struct ctflow *f, int64_t now);

#endif
