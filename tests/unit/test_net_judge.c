/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The judge of first packets: each gets one verdict, questions are answered, bounded and timed. */
#include "core/net/judge.h"
#include <check.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS 30000

struct court {
	unsigned char got[FLOWS + 16]; /* verdicts of a packet */
	enum judge_verdict last;
	size_t refused, allowed, dropped, questions, blocks, verdicts;
	uint64_t told; /* flows that were told as refused for want of room */
};

static void on_verdict(void *user, enum judge_kind kind, uint32_t id, enum judge_verdict v)
{
	struct court *c = user;

	ck_assert_uint_lt(id, FLOWS + 16);
	c->got[id]++;
	c->last = v;
	*(v == JUDGE_ALLOW ? &c->allowed : v == JUDGE_REFUSE ? &c->refused : &c->dropped) += 1;
}

static void on_event(void *user, const struct event *ev)
{
	struct court *c = user;

	ck_assert_uint_eq(ev->class, EVENT_NET);
	c->verdicts += ev->op == EVENT_VERDICT;
	if (ev->op != EVENT_BLOCK)
		return;
	c->blocks++;
	if (ev->path2_len && !strncmp(ev->path2, "more than", 9))
		c->told += ev->bytes;
}

static void on_waiting(void *user, size_t n)
{
	((struct court *)user)->questions = n;
}

static struct judge *open_court(struct court *c, enum judge_mode mode)
{
	static const struct judge_ops ops = {
	    .verdict = on_verdict, .event = on_event, .waiting = on_waiting};
	struct judge_config conf = {.mode = mode, .timeout_ms = 60000};

	*c = (struct court){0};
	ck_assert(naddr_parse("10.0.2.15", &conf.guest[0]) &&
		  naddr_parse("fd00::15", &conf.guest[1]));
	ck_assert(naddr_parse("10.0.2.3", &conf.dns[0]) && naddr_parse("fd00::3", &conf.dns[1]));
	return judge_new(&conf, &ops, c);
}

/* A first packet of TCP to 192.A.B.1. */
static void syn(struct judge *j, uint32_t id, unsigned a, unsigned b, unsigned sport, int64_t now)
{
	uint8_t p[40] = {0x45,
			 0,
			 0,
			 40,
			 0,
			 1,
			 0x40,
			 0,
			 64,
			 6,
			 0,
			 0,
			 10,
			 0,
			 2,
			 15,
			 192,
			 (uint8_t)a,
			 (uint8_t)b,
			 1,
			 (uint8_t)(sport >> 8),
			 (uint8_t)sport,
			 0,
			 80};

	p[32] = 0x50;
	judge_packet(j, JUDGE_TCP, id, p, sizeof(p), now);
}

/* A look-up of "x", A. */
static void look_up(struct judge *j, uint32_t id, int64_t now)
{
	uint8_t p[47] = {0x45, 0, 0, 47, 0,    1, 0, 0,	 64, 17,  0, 0, 10, 0, 2, 15,
			 10,   0, 2, 3,	 0x99, 1, 0, 53, 0,  27,  0, 0, 1,  2, 1, 0,
			 0,    1, 0, 0,	 0,    0, 0, 0,	 1,  'x', 0, 0, 1,  0, 1};

	judge_packet(j, JUDGE_DNS, id, p, sizeof(p), now);
}

static json_int_t number(struct judge *j)
{
	json_t *o = json_object();

	judge_list(j, o, 0);
	json_t *q = json_array_get(json_object_get(o, "queue"), 0);
	json_int_t n = json_integer_value(json_object_get(q, "id"));
	json_decref(o);
	return n;
}

START_TEST(test_flood)
{
	struct court *c = malloc(sizeof(*c));
	struct judge *j = open_court(c, JUDGE_ASK);
	struct mallinfo2 before = mallinfo2();

	for (uint32_t i = 0; i < FLOWS; i++) {
		syn(j, i, 1 + i / 250, i % 250, 1024 + i, 1000 + i / 100);
		if (i % 1000)
			continue;
		/* Names go on, at once, whatever waits. */
		size_t n = c->allowed;
		look_up(j, FLOWS + 1, 1000);
		ck_assert_uint_eq(c->allowed, n + 1);
	}
	ck_assert_uint_eq(c->questions, JUDGE_WAITING_MAX);
	ck_assert_uint_eq(c->refused, FLOWS - JUDGE_WAITING_MAX);
	/* The oldest, not the newest. */
	ck_assert_uint_eq(c->got[0], 1);
	ck_assert_uint_eq(c->got[FLOWS - JUDGE_WAITING_MAX - 1], 1);
	ck_assert_uint_eq(c->got[FLOWS - JUDGE_WAITING_MAX], 0);
	ck_assert_uint_gt(c->told, 0);
	ck_assert_uint_lt(mallinfo2().uordblks - before.uordblks, 8 << 20);
	/* Time is up: all the others, and each once. */
	judge_tick(j, 1000 + FLOWS / 100 + 60000);
	ck_assert_uint_eq(c->questions, 0);
	ck_assert_uint_eq(c->refused, FLOWS);
	for (uint32_t i = 0; i < FLOWS; i++)
		ck_assert_uint_eq(c->got[i], 1);
	judge_free(j);
	free(c);
}
END_TEST

START_TEST(test_one_target)
{
	struct court c;
	struct judge *j = open_court(&c, JUDGE_ASK);

	for (uint32_t i = 0; i < 50; i++)
		syn(j, i, 1, 1, 2000 + i, 0);
	ck_assert_uint_eq(c.questions, 1);
	/* Sent again: dropped, and no second question. */
	syn(j, 50, 1, 1, 2000, 1000);
	ck_assert_uint_eq(c.dropped, 1);
	ck_assert(!judge_answer(j, 4711, "run", 0, 2000));
	ck_assert(!judge_answer(j, (uint64_t)number(j), "perhaps", 0, 2000));
	ck_assert(judge_answer(j, (uint64_t)number(j), "once", 0, 2000));
	ck_assert_uint_eq(c.allowed, 50);
	/* Once is these flows alone. */
	syn(j, 51, 1, 1, 2000, 3000);
	ck_assert_uint_eq(c.allowed, 51);
	syn(j, 52, 1, 1, 3000, 3000);
	ck_assert_uint_eq(c.questions, 1);
	ck_assert(judge_answer(j, (uint64_t)number(j), "minutes", 1, 4000));
	syn(j, 53, 1, 1, 3001, 5000);
	ck_assert_int_eq(c.last, JUDGE_ALLOW);
	syn(j, 54, 1, 1, 3002, 4000 + 60000);
	ck_assert_uint_eq(c.questions, 1);
	ck_assert(judge_answer(j, (uint64_t)number(j), "never", 0, 70000));
	syn(j, 55, 1, 1, 3003, 70001);
	ck_assert_int_eq(c.last, JUDGE_REFUSE);
	ck_assert_uint_eq(c.questions, 0);
	judge_free(j);
}
END_TEST

START_TEST(test_rules)
{
	json_t *deny = json_pack("[s]", "192.1.1.1"), *allow = json_pack("[s]", "192.1.2.1:80");
	struct ctflow f = {.proto = IPPROTO_TCP, .dport = 80, .sport = 2000};
	struct court c;
	struct judge *j = open_court(&c, JUDGE_ASK);

	syn(j, 0, 1, 1, 2000, 0);
	syn(j, 1, 1, 2, 2000, 0);
	syn(j, 2, 1, 3, 2000, 0);
	ck_assert_uint_eq(c.questions, 3);
	/* A rule answers what waits. */
	judge_rules(j, allow, deny, 1000);
	ck_assert_uint_eq(c.questions, 1);
	ck_assert_uint_eq(c.allowed, 1);
	ck_assert_uint_eq(c.refused, 1);
	/* And what was let through before. */
	ck_assert(naddr_parse("10.0.2.15", &f.src) && naddr_parse("192.1.1.1", &f.dst));
	ck_assert(!judge_still(j, &f, 1000));
	ck_assert(naddr_parse("192.1.2.1", &f.dst));
	ck_assert(judge_still(j, &f, 1000));
	judge_rules(j, NULL, NULL, 2000);
	ck_assert(judge_still(j, &f, 2000));
	json_decref(allow);
	json_decref(deny);
	judge_free(j);
}
END_TEST

/* Who asks is asked once for each question, in batches, and shown; the list fits a message. */
START_TEST(test_who_asks)
{
	struct court *c = malloc(sizeof(*c));
	struct judge *j = open_court(c, JUDGE_ASK);
	struct judge_stranger v[32];
	char long_command[JUDGE_COMMAND_MAX + 2];

	for (uint32_t i = 0; i < 1000; i++)
		syn(j, i, 1, i % 250, 1024 + i, 1000);
	size_t all = 0, n;
	while ((n = judge_strangers(j, v, 32)) > 0) {
		ck_assert_uint_le(n, 32);
		all += n;
	}
	ck_assert_uint_eq(all, 200);
	memset(long_command, '"', JUDGE_COMMAND_MAX + 1);
	long_command[JUDGE_COMMAND_MAX + 1] = '\0';
	for (uint32_t i = 1; i <= 200; i++) {
		json_t *told = json_pack("[{s:i, s:i, s:i, s:s, s:s}]", "id", (int)i, "pid", 7, "uid", 8,
					 "comm", "a name that is too long", "command",
					 i == 1 ? long_command : long_command + 1);

		judge_told(j, told);
		json_decref(told);
	}
	json_t *none = json_pack("[{s:i, s:s}, {s:i, s:i}, {}, 1]", "id", 4711, "command", "x", "id", 2,
				 "command", 3);
	judge_told(j, none);
	json_decref(none);
	json_t *o = json_object(), *queue;
	judge_list(j, o, 1000);
	queue = json_object_get(o, "queue");
	ck_assert_ptr_null(json_object_get(json_array_get(queue, 0), "command"));
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(queue, 1), "pid")), 7);
	ck_assert_uint_gt(json_array_size(queue), 20);
	char *text = json_dumps(o, JSON_COMPACT);
	ck_assert_uint_lt(strlen(text), 32768);
	free(text);
	json_decref(o);
	judge_free(j);
	free(c);
}
END_TEST

/* A source that is not the guest's, and what is no packet, in every mode. */
START_TEST(test_spoofed)
{
	uint8_t p[40] = {0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 2, 16, 192, 1, 1, 1};
	struct court c;
	struct judge *j = open_court(&c, (enum judge_mode)_i);

	p[23] = 80;
	p[32] = 0x50;
	judge_packet(j, JUDGE_TCP, 0, p, sizeof(p), 0);
	ck_assert_int_eq(c.last, JUDGE_DROP);
	p[15] = 15;
	p[6] = 0x20;
	judge_packet(j, JUDGE_TCP, 1, p, sizeof(p), 0);
	judge_packet(j, JUDGE_TCP, 2, p, 0, 0);
	ck_assert_uint_eq(c.dropped, 3);
	ck_assert_uint_eq(c.blocks, 3);
	judge_free(j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net_judge");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_flood);
	tcase_add_test(t, test_one_target);
	tcase_add_test(t, test_rules);
	tcase_add_test(t, test_who_asks);
	tcase_add_loop_test(t, test_spoofed, JUDGE_OPEN, JUDGE_LIST + 1);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
