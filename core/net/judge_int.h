/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What judge.c, ask.c and flows.c share. */
#ifndef GAOL_CORE_NET_JUDGE_INT_H
#define GAOL_CORE_NET_JUDGE_INT_H

#include "core/net/judge.h"
#include "core/net/names.h"

struct buf;

#define QUESTION_BUCKETS 4096
#define ONCE_MAX 512 /* flows that were allowed once and may still send first packets */
#define OPEN_BUCKETS 4096
#define OPEN_MAX 16384 /* connections whose beginning is remembered */

/* A first packet that waits in the kernel. */
struct held {
	struct held *older, *newer; /* of all */
	struct held *next;	    /* of its question */
	struct question *question;
	enum judge_kind kind;
	uint32_t id;
	uint16_t sport;
	int64_t until;
};

/* What an admin is asked: all that waits for one target. */
struct question {
	struct question *next; /* in its bucket */
	uint64_t number;
	uint8_t proto;
	struct naddr addr;
	uint16_t port;
	int64_t since;
	uint64_t times; /* packets that came, those that were sent again too */
	size_t n;	/* of held */
	struct held *held;
	bool asked;   /* the guest, who it is */
	char *command; /* as the guest tells; NULL: it has not */
	char comm[EVENT_COMM_MAX + 1];
	uint32_t pid, uid;
};

struct once {
	uint8_t proto;
	struct naddr addr;
	uint16_t port, sport;
	int64_t until;
};

/* When a connection began. */
struct begun {
	struct begun *next;
	struct ctflow f;
	int64_t since;
};

struct judge {
	struct judge_config c;
	struct judge_ops ops;
	void *user;
	struct rules rules;
	struct own_address *own;
	struct names *names;
	unsigned tell_left; /* events of this second */
	uint64_t untold;
	/* ask.c */
	struct question *questions[QUESTION_BUCKETS];
	size_t nquestions, nheld;
	struct held *oldest, *newest;
	uint64_t last_number;
	uint64_t overflow; /* flows refused for want of room, not told yet */
	int64_t overflow_told;
	struct once once[ONCE_MAX];
	size_t nonce;
	/* flows.c */
	struct begun *begun[OPEN_BUCKETS];
	size_t nbegun;
};

/* judge.c */
void judge_target_text(struct buf *out, const struct target *t);
void judge_tell(struct judge *j, unsigned op, const char *path, const char *path2, uint64_t bytes);
void judge_tell_target(struct judge *j, unsigned op, const struct target *t, const char *path2,
		       uint64_t bytes);
void judge_say(struct judge *j, enum judge_kind kind, uint32_t id, enum judge_verdict v);
struct target judge_target(struct judge *j, unsigned proto, const struct naddr *addr, unsigned port,
			   const char *names[NAMES_OF_ONE], int64_t now);
/* The same about question q, with the program that asks where that is known. */
void judge_tell_verdict(struct judge *j, const struct question *q, const struct target *t,
			const char *path2);
/* False: nobody but an admin can say. */
bool judge_by_rules(struct judge *j, const struct target *t, enum judge_verdict *v, bool tell,
		    int64_t now);

/* ask.c */
void ask_flow(struct judge *j, const struct target *t, enum judge_kind kind, uint32_t id,
	      uint16_t sport, int64_t now);
void ask_tick(struct judge *j, int64_t now);
/* The rules have changed: what waits is judged anew. */
void ask_again(struct judge *j, int64_t now);
void ask_free(struct judge *j);
struct question *ask_by_number(struct judge *j, uint64_t number);
struct target ask_target(struct judge *j, const struct question *q,
			 const char *names[NAMES_OF_ONE], int64_t now);
/* The rule that an answer to this target makes: by name where it has one. */
void ask_rule(const struct target *t, bool deny, struct rule *r);

/* flows.c */
void flows_free(struct judge *j);

#endif
