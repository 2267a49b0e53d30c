/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/names.h"
#include "core/buf.h"
#include "core/loop.h"
#include <stdlib.h>
#include <string.h>

#define KEEP_MS (3600 * 1000LL)
#define KEEP_MAX_S (7 * 86400)
#define ANSWER_MS (30 * 1000LL)
#define BUCKETS 1024

struct pair {
	char *name;
	struct naddr addr;
	int64_t until;
	uint64_t order; /* of the last time */
	unsigned next;	/* in its bucket: index + 1, 0 ends */
};

struct question {
	uint16_t id, port, type;
	uint32_t name; /* its hash */
	int64_t until;
};

struct names {
	struct pair v[NAMES_MAX];
	size_t n, oldest; /* a circle once it is full */
	unsigned heads[BUCKETS];
	uint64_t order;
	struct question asked[NAMES_QUESTIONS];
	size_t nasked;
};

static uint32_t hash(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t h = 2166136261u; /* FNV-1a; buckets are short chains of a bounded table */

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 16777619u;
	return h;
}

static unsigned bucket(const struct naddr *a)
{
	return hash(a->a, sizeof(a->a)) % BUCKETS;
}

struct names *names_new(void)
{
	return xcalloc(1, sizeof(struct names));
}

void names_free(struct names *s)
{
	for (size_t i = 0; s && i < s->n; i++)
		free(s->v[i].name);
	free(s);
}

void names_asked(struct names *s, uint16_t port, const struct dns *q)
{
	s->asked[s->nasked++ % NAMES_QUESTIONS] =
	    (struct question){.id = q->id,
			      .port = port,
			      .type = q->type,
			      .name = hash(q->name, strlen(q->name)),
			      .until = loop_now_ms() + ANSWER_MS};
}

bool names_answers(struct names *s, uint16_t port, const struct dns *a, int64_t now)
{
	uint32_t name = hash(a->name, strlen(a->name));

	for (size_t i = 0; i < NAMES_QUESTIONS; i++) {
		struct question *q = &s->asked[i];

		if (q->until <= now || q->id != a->id || q->port != port || q->type != a->type ||
		    q->name != name)
			continue;
		q->until = 0;
		return true;
	}
	return false;
}

static void unlink_pair(struct names *s, unsigned index)
{
	unsigned *at = &s->heads[bucket(&s->v[index].addr)];

	while (*at && *at != index + 1)
		at = &s->v[*at - 1].next;
	*at = s->v[index].next;
	free(s->v[index].name);
}

void names_learn(struct names *s, const char *name, const struct naddr *a, uint32_t ttl,
		 int64_t now)
{
	int64_t keep = ttl > KEEP_MAX_S ? KEEP_MAX_S * 1000LL : ttl * 1000LL;
	unsigned b = bucket(a), i = s->heads[b];

	while (i && (!naddr_equal(&s->v[i - 1].addr, a) || strcmp(s->v[i - 1].name, name) != 0))
		i = s->v[i - 1].next;
	if (!i) {
		unsigned at = (unsigned)s->n;

		if (s->n == NAMES_MAX) {
			at = (unsigned)(s->oldest++ % NAMES_MAX);
			unlink_pair(s, at);
		} else {
			s->n++;
		}
		s->v[at] = (struct pair){.name = xstrdup(name), .addr = *a, .next = s->heads[b]};
		s->heads[b] = i = at + 1;
	}
	s->v[i - 1].until = now + (keep > KEEP_MS ? keep : KEEP_MS);
	s->v[i - 1].order = ++s->order;
}

size_t names_of(const struct names *s, const struct naddr *a, int64_t now,
		const char *out[NAMES_OF_ONE])
{
	uint64_t order[NAMES_OF_ONE];
	size_t n = 0;

	for (unsigned i = s->heads[bucket(a)]; i; i = s->v[i - 1].next) {
		const struct pair *p = &s->v[i - 1];
		size_t at = n;

		if (p->until <= now || !naddr_equal(&p->addr, a))
			continue;
		while (at && order[at - 1] < p->order)
			at--;
		if (at == NAMES_OF_ONE)
			continue;
		if (n == NAMES_OF_ONE)
			n--;
		memmove(&out[at + 1], &out[at], (n - at) * sizeof(out[0]));
		memmove(&order[at + 1], &order[at], (n - at) * sizeof(order[0]));
		out[at] = p->name;
		order[at] = p->order;
		n++;
	}
	return n;
}
