/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names: which name a guest asked for gave which address: what rules and prompts call an address
 * by. Bounded; the oldest goes first.
 */
#ifndef GAOL_CORE_NET_NAMES_H
#define GAOL_CORE_NET_NAMES_H

#include "core/net/dns.h"

#define NAMES_MAX 4096 /* pairs of a name and an address */
#define NAMES_OF_ONE 8 /* names of one address that are told */
#define NAMES_QUESTIONS 1024

struct names;

struct names *names_new(void);
void names_free(struct names *s); /* NULL is allowed */
/* The guest asked from this port. */
void names_asked(struct names *s, uint16_t port, const struct dns *question);
/*
 * True when an answer to this port is one to a question that the guest asked (same id, name and
 * type) within the last 30 s; the question is used up. now: ms.
 */
bool names_answers(struct names *s, uint16_t port, const struct dns *answer, int64_t now);
/* Remembers that name gave a. It is forgotten an hour after the last time, or ttl s if longer. */
void names_learn(struct names *s, const char *name, const struct naddr *a, uint32_t ttl,
		 int64_t now);
/* Names of an address, newest first, into out; they hold until the next call of names_learn.
 * Returns how many. */
size_t names_of(const struct names *s, const struct naddr *a, int64_t now,
		const char *out[NAMES_OF_ONE]);

#endif
