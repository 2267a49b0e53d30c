/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/rule.h"
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* out NULL: refused. */
static const struct {
	const char *in, *out;
} texts[] = {
    {"www.example.org:80", "www.example.org:80"},
    {"Www.Example.ORG.", "www.example.org"},
    {"*.example.org:443", "*.example.org:443"},
    {"*", "*"},
    {"*:443", "*:443"},
    {"tcp/*:8000-8100", "tcp/*:8000-8100"},
    {"10.1.2.3/8", "10.0.0.0/8"},
    {"udp/192.0.2.0/24:123", "udp/192.0.2.0/24:123"},
    {"192.0.2.1/32", "192.0.2.1"},
    {"2001:db8::1", "2001:db8::1"},
    {"2001:db8::/32", "2001:db8::/32"},
    {"[2001:db8::1]:443", "[2001:db8::1]:443"},
    {"[2001:db8::]/32:443", "[2001:db8::]/32:443"},
    {"icmp/192.0.2.1", "icmp/192.0.2.1"},
    {"host_1", "host_1"},
    {"", NULL},
    {":80", NULL},
    {"a:0", NULL},
    {"a:65536", NULL},
    {"a:80-70", NULL},
    {"a:80x", NULL},
    {"icmp/a:80", NULL},
    {"300.1.1.1", NULL},
    {"1.2.3", NULL},
    {"10.0.0.0/33", NULL},
    {"10.0.0.0/", NULL},
    {"10.0.0.0/-1", NULL},
    {"2001:db8::/129", NULL},
    {"[2001:db8::1", NULL},
    {"a..b", NULL},
    {".a", NULL},
    {"a b", NULL},
    {"a.*.b", NULL},
    {"*.", NULL},
    {"sctp/a", NULL},
    {"a\x1b[31m", NULL},
};

START_TEST(test_text)
{
	char buf[RULE_TEXT_MAX], again[RULE_TEXT_MAX];
	struct rule r;
	struct err e;
	int ret = rule_parse(texts[_i].in, false, &r, &e);

	ck_assert_msg((ret == 0) == (texts[_i].out != NULL), "%s", texts[_i].in);
	if (ret)
		return;
	ck_assert_str_eq(rule_text(&r, buf), texts[_i].out);
	ck_assert_int_eq(rule_parse(buf, false, &r, &e), 0);
	ck_assert_str_eq(rule_text(&r, again), buf);
}
END_TEST

static void add(struct rules *s, const char *text, bool deny)
{
	struct rule r;
	struct err e;

	ck_assert_msg(!rule_parse(text, deny, &r, &e), "%s", e.text);
	ck_assert(rules_add(s, &r));
}

static enum rules_answer ask(const struct rules *s, unsigned proto, const char *addr, unsigned port,
			     const char *name)
{
	const char *names[] = {name};
	struct target t = {.proto = (uint8_t)proto,
			   .port = (uint16_t)port,
			   .names = names,
			   .nnames = name != NULL};

	ck_assert(naddr_parse(addr, &t.addr));
	return rules_judge(s, &t, 1000, NULL);
}

START_TEST(test_judge)
{
	struct rules s = {0};

	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "192.0.2.1", 80, NULL), RULES_SILENT);
	add(&s, "*.example.org:80", false);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "192.0.2.1", 80, NULL), RULES_SILENT);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "192.0.2.1", 80, "www.example.org"), RULES_ALLOW);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "192.0.2.1", 80, "example.org"), RULES_ALLOW);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "192.0.2.1", 80, "evilexample.org"), RULES_SILENT);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "192.0.2.1", 443, "www.example.org"), RULES_SILENT);
	ck_assert_int_eq(ask(&s, IPPROTO_ICMP, "192.0.2.1", 0, "www.example.org"), RULES_SILENT);
	add(&s, "192.0.2.1", true);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "192.0.2.1", 80, "www.example.org"), RULES_DENY);
	rules_free(&s);
}
END_TEST

START_TEST(test_closed)
{
	static const char *const closed[] = {
	    "127.0.0.1",  "10.1.2.3",	   "169.254.169.254", "172.31.0.1",	  "192.168.1.1",
	    "100.64.0.1", "0.0.0.0",	   "224.0.0.1",	      "255.255.255.255",  "::1",
	    "fe80::1",	  "fd00:ec2::254", "ff02::1",	      "::ffff:127.0.0.1", "64:ff9b::a00:1"};
	struct own_address own = {.a = {203, 0, 113, 9}};
	struct rules s = {.own = &own, .nown = 1};

	add(&s, "*", false);
	add(&s, "metadata.example", false);
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		ck_assert_int_eq(ask(&s, IPPROTO_TCP, closed[i], 80, "metadata.example"),
				 RULES_CLOSED);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "203.0.113.9", 80, "a.example"), RULES_CLOSED);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "203.0.113.10", 80, "a.example"), RULES_ALLOW);
	add(&s, "10.1.2.0/24:80", false);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "10.1.2.3", 80, NULL), RULES_ALLOW);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "10.1.2.3", 81, NULL), RULES_CLOSED);
	rules_free(&s);
}
END_TEST

START_TEST(test_time)
{
	struct rules s = {0};
	struct rule r;
	struct err e;

	ck_assert(!rule_parse("a.example", false, &r, &e));
	r.until = 1001;
	rules_add(&s, &r);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "192.0.2.1", 80, "a.example"), RULES_ALLOW);
	ck_assert(rules_may_ask(&s, "a.example", 1000));
	ck_assert(!rules_may_ask(&s, "a.example", 1001));
	ck_assert(!rules_may_ask(&s, "b.example", 1000));
	/* The newer answer to the same question stands in the older one's place. */
	ck_assert(!rule_parse("a.example", true, &r, &e));
	rules_add(&s, &r);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_int_eq(ask(&s, IPPROTO_TCP, "192.0.2.1", 80, "a.example"), RULES_DENY);
	rules_drop_kept(&s);
	ck_assert_uint_eq(s.n, 1);
	rules_expire(&s, 5000);
	ck_assert_uint_eq(s.n, 1);
	rules_free(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net_rule");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);

	tcase_add_loop_test(t, test_text, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(t, test_judge);
	tcase_add_test(t, test_closed);
	tcase_add_test(t, test_time);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
