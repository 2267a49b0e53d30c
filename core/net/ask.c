/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to an admin: what waits, how long, and what was answered. */
#include "core/buf.h"
#include "core/net/judge_int.h"
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { ONCE_MS = 120 * 1000, OVERFLOW_MS = 1000 };

static unsigned bucket(unsigned proto, const struct naddr *a, unsigned port)
{
	uint32_t h = proto * 31 + port;

	for (size_t i = 0; i < sizeof(a->a); i++)
		h = (h ^ a->a[i]) * 16777619u;
	return (h ^ h >> 15) % QUESTION_BUCKETS;
}

static struct question **find(struct judge *j, const struct target *t)
{
	struct question **at = &j->questions[bucket(t->proto, &t->addr, t->port)];

	while (*at && ((*at)->proto != t->proto || (*at)->port != t->port ||
		       !naddr_equal(&(*at)->addr, &t->addr)))
		at = &(*at)->next;
	return at;
}

struct target ask_target(struct judge *j, const struct question *q,
			 const char *names[NAMES_OF_ONE], int64_t now)
{
	return judge_target(j, q->proto, &q->addr, q->port, names, now);
}

/* Takes a held packet out of all lists and gives it its verdict. */
static void release(struct judge *j, struct held *h, enum judge_verdict v)
{
	struct question *q = h->question;
	struct held **at = &q->held;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	q->n--;
	*(h->older ? &h->older->newer : &j->oldest) = h->newer;
	*(h->newer ? &h->newer->older : &j->newest) = h->older;
	j->nheld--;
	judge_say(j, h->kind, h->id, v);
	free(h);
}

static void forget(struct judge *j, struct question *q)
{
	struct question **at = &j->questions[bucket(q->proto, &q->addr, q->port)];

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	free(q->command);
	free(q);
	j->nquestions--;
}

static void tell_waiting(struct judge *j)
{
	j->ops.waiting(j->user, j->nquestions);
}

/* Ends a question: all that waits for it gets v. */
static void end(struct judge *j, struct question *q, enum judge_verdict v)
{
	while (q->held)
		release(j, q->held, v);
	forget(j, q);
}

static bool was_allowed_once(struct judge *j, const struct target *t, uint16_t sport, int64_t now)
{
	for (size_t i = 0; i < ONCE_MAX; i++) {
		const struct once *o = &j->once[i];
		if (o->until > now && o->proto == t->proto && o->port == t->port &&
		    o->sport == sport && naddr_equal(&o->addr, &t->addr))
			return true;
	}
	return false;
}

static void remember_once(struct judge *j, const struct question *q, int64_t now)
{
	for (const struct held *h = q->held; h; h = h->next)
		j->once[j->nonce++ % ONCE_MAX] = (struct once){.proto = q->proto,
							       .addr = q->addr,
							       .port = q->port,
							       .sport = h->sport,
							       .until = now + ONCE_MS};
}

/* Room for one more: the flow that has waited longest is refused. */
static void make_room(struct judge *j, int64_t now)
{
	struct question *q = j->oldest->question;
	char why[96];

	release(j, j->oldest, JUDGE_REFUSE);
	j->overflow++;
	if (now - j->overflow_told >= OVERFLOW_MS) {
		const char *names[NAMES_OF_ONE];
		struct target t = ask_target(j, q, names, now);

		snprintf(why, sizeof(why), "more than %d flows wait: the oldest is refused",
			 JUDGE_WAITING_MAX);
		judge_tell_target(j, EVENT_BLOCK, &t, why, j->overflow);
		j->overflow = 0;
		j->overflow_told = now;
	}
	if (!q->n) {
		forget(j, q);
		tell_waiting(j);
	}
}

static struct question *pose(struct judge *j, struct question **at, const struct target *t,
			     int64_t now)
{
	struct question *q = *at = xcalloc(1, sizeof(*q));

	q->number = ++j->last_number;
	q->proto = t->proto;
	q->addr = t->addr;
	q->port = t->port;
	q->since = now;
	j->nquestions++;
	judge_tell_target(j, EVENT_ASK, t, NULL, q->number);
	return q;
}

void ask_flow(struct judge *j, const struct target *t, enum judge_kind kind, uint32_t id,
	      uint16_t sport, int64_t now)
{
	struct question **at = find(j, t), *q = *at;

	if (was_allowed_once(j, t, sport, now)) {
		judge_say(j, kind, id, JUDGE_ALLOW);
		return;
	}
	for (struct held *h = q ? q->held : NULL; h; h = h->next)
		if (h->sport == sport) {
			/* Sent again: the first one waits already. */
			q->times++;
			judge_say(j, kind, id, JUDGE_DROP);
			return;
		}
	if (j->nheld >= JUDGE_WAITING_MAX) {
		make_room(j, now);
		at = find(j, t);
		q = *at;
	}
	bool new = !q;
	if (new)
		q = pose(j, at, t, now);
	struct held *h = xcalloc(1, sizeof(*h));
	*h = (struct held){.question = q,
			   .next = q->held,
			   .kind = kind,
			   .id = id,
			   .sport = sport,
			   .until = now + j->c.timeout_ms,
			   .older = j->newest};
	*(j->newest ? &j->newest->newer : &j->oldest) = h;
	j->newest = h;
	q->held = h;
	q->n++;
	q->times++;
	j->nheld++;
	if (new)
		tell_waiting(j);
}

void ask_tick(struct judge *j, int64_t now)
{
	const char *names[NAMES_OF_ONE];
	bool any = false;

	while (j->oldest && j->oldest->until <= now) {
		struct question *q = j->oldest->question;
		struct target t = ask_target(j, q, names, now);

		judge_tell_verdict(j, q, &t, "refused: nobody answered in time");
		end(j, q, JUDGE_REFUSE);
		any = true;
	}
	if (any)
		tell_waiting(j);
}

/* Calls end for each question that the rules decide now. */
void ask_again(struct judge *j, int64_t now)
{
	const char *names[NAMES_OF_ONE];
	bool any = false;

	for (size_t i = 0; i < QUESTION_BUCKETS; i++) {
		struct question *next;

		for (struct question *q = j->questions[i]; q; q = next) {
			struct target t = ask_target(j, q, names, now);
			enum judge_verdict v;

			next = q->next;
			if (!judge_by_rules(j, &t, &v, false, now))
				continue;
			judge_tell_verdict(j, q, &t,
					   v == JUDGE_ALLOW ? "allowed by a rule"
							    : "refused by a rule");
			end(j, q, v);
			any = true;
		}
	}
	if (any)
		tell_waiting(j);
}

void ask_free(struct judge *j)
{
	for (size_t i = 0; i < QUESTION_BUCKETS; i++)
		while (j->questions[i]) {
			struct question *q = j->questions[i];

			while (q->held) {
				struct held *h = q->held;
				q->held = h->next;
				free(h);
			}
			j->questions[i] = q->next;
			free(q->command);
			free(q);
		}
	flows_free(j);
}

/* Answers */

struct question *ask_by_number(struct judge *j, uint64_t number)
{
	for (size_t i = 0; i < QUESTION_BUCKETS; i++)
		for (struct question *q = j->questions[i]; q; q = q->next)
			if (q->number == number)
				return q;
	return NULL;
}

void ask_rule(const struct target *t, bool deny, struct rule *r)
{
	*r = (struct rule){.deny = deny,
			   .proto = t->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : t->proto,
			   .port = t->port,
			   .port_end = t->port};
	if (t->nnames) {
		r->kind = RULE_NAME;
		snprintf(r->name, sizeof(r->name), "%s", t->names[0]);
	} else {
		r->kind = RULE_RANGE;
		r->range = (struct nrange){.net = t->addr, .bits = t->addr.v6 ? 128 : 32};
	}
}

static const struct {
	const char *word;
	const char *told;
	enum judge_verdict verdict;
	bool remember;
} words[] = {
    {.word = "once", .told = "allowed once", .verdict = JUDGE_ALLOW},
    {.word = "run", .told = "allowed for this run", .verdict = JUDGE_ALLOW, .remember = true},
    {.word = "minutes", .told = "allowed for a time", .verdict = JUDGE_ALLOW, .remember = true},
    {.word = "deny", .told = "refused once", .verdict = JUDGE_REFUSE},
    {.word = "deny-minutes", .told = "refused for a time", .verdict = JUDGE_REFUSE, .remember = true},
    {.word = "never", .told = "refused for this run", .verdict = JUDGE_REFUSE, .remember = true},
};

bool judge_answer(struct judge *j, uint64_t id, const char *word, int64_t minutes, int64_t now)
{
	const char *names[NAMES_OF_ONE];
	struct question *q = ask_by_number(j, id);
	struct rule r;

	for (size_t i = 0; q && i < sizeof(words) / sizeof(words[0]); i++) {
		bool timed = !strcmp(word, "minutes") || !strcmp(word, "deny-minutes");

		if (strcmp(words[i].word, word) != 0 ||
		    (timed && (minutes < 1 || minutes > 60 * 24 * 365)))
			continue;
		struct target t = ask_target(j, q, names, now);
		judge_tell_verdict(j, q, &t, words[i].told);
		ask_rule(&t, words[i].verdict == JUDGE_REFUSE, &r);
		if (timed)
			r.until = now + minutes * 60000;
		if (!words[i].remember && words[i].verdict == JUDGE_ALLOW)
			remember_once(j, q, now);
		end(j, q, words[i].verdict);
		if (words[i].remember && rules_add(&j->rules, &r))
			ask_again(j, now);
		tell_waiting(j);
		return true;
	}
	return false;
}
