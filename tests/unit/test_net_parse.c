/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets and DNS messages of people who wish us ill, and the names that they give addresses. */
#include "core/net/dns.h"
#include "core/net/names.h"
#include "core/net/packet.h"
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t syn4[] = {0x45, 0,	 0,   40, 0,	1, 0x40, 0, 64, 6,  0, 0, 10, 0,
			       2,    15, 192, 0,  2,	1, 0x80, 0, 0,	80, 0, 0, 0,  1,
			       0,    0,	 0,   0,  0x50, 2, 0,	 0, 0,	0,  0, 0};

START_TEST(test_tcp4)
{
	struct packet k;
	uint8_t p[40];

	ck_assert_int_eq(packet_parse(syn4, sizeof(syn4), &k), PACKET_OK);
	ck_assert_uint_eq(k.proto, IPPROTO_TCP);
	ck_assert_uint_eq(k.dport, 80);
	ck_assert_uint_eq(k.sport, 0x8000);
	ck_assert_uint_eq(k.dst.a[0], 192);
	for (size_t n = 0; n < sizeof(syn4); n++)
		ck_assert_int_ne(packet_parse(syn4, n, &k), PACKET_OK);
	memcpy(p, syn4, 40);
	p[6] = 0x20; /* more fragments */
	ck_assert_int_eq(packet_parse(p, 40, &k), PACKET_FRAGMENT);
	p[6] = 0;
	p[7] = 1; /* at offset 8: what looks like ports is data */
	ck_assert_int_eq(packet_parse(p, 40, &k), PACKET_FRAGMENT);
	memcpy(p, syn4, 40);
	p[32] = 0xf0; /* a TCP header longer than the packet */
	ck_assert_int_eq(packet_parse(p, 40, &k), PACKET_LENGTH);
	p[0] = 0x44;
	ck_assert_int_eq(packet_parse(p, 40, &k), PACKET_LENGTH);
	p[0] = 0x50;
	ck_assert_int_eq(packet_parse(p, 40, &k), PACKET_VERSION);
}
END_TEST

START_TEST(test_source_route)
{
	uint8_t p[48] = {0x47, 0, 0, 48, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 2, 15, 192, 0, 2, 1};
	struct packet k;

	memcpy(p + 28, syn4 + 20, 20);
	ck_assert_int_eq(packet_parse(p, 48, &k), PACKET_OK);
	p[20] = 131;
	p[21] = 7;
	ck_assert_int_eq(packet_parse(p, 48, &k), PACKET_OPTION);
	p[20] = 68;
	p[21] = 40;
	ck_assert_int_eq(packet_parse(p, 48, &k), PACKET_LENGTH);
}
END_TEST

static void head6(uint8_t *p, unsigned payload, unsigned next)
{
	memset(p, 0, 40);
	p[0] = 0x60;
	p[4] = (uint8_t)(payload >> 8);
	p[5] = (uint8_t)payload;
	p[6] = (uint8_t)next;
	p[7] = 64;
	p[8] = 0xfd;
	p[24] = 0x20;
}

START_TEST(test_chain6)
{
	uint8_t p[256];
	struct packet k;

	/* destination options, then TCP */
	head6(p, 28, IPPROTO_DSTOPTS);
	memset(p + 40, 0, 8);
	p[40] = IPPROTO_TCP;
	memcpy(p + 48, syn4 + 20, 20);
	ck_assert_int_eq(packet_parse(p, 68, &k), PACKET_OK);
	ck_assert_uint_eq(k.proto, IPPROTO_TCP);
	ck_assert_uint_eq(k.dport, 80);
	p[41] = 9; /* it claims to go on behind the packet's end */
	ck_assert_int_eq(packet_parse(p, 68, &k), PACKET_LENGTH);
	p[41] = 0;
	p[40] = IPPROTO_FRAGMENT;
	ck_assert_int_eq(packet_parse(p, 68, &k), PACKET_FRAGMENT);
	p[40] = IPPROTO_ROUTING;
	ck_assert_int_eq(packet_parse(p, 68, &k), PACKET_OPTION);
	p[40] = IPPROTO_DSTOPTS; /* and no header behind it */
	ck_assert_int_eq(packet_parse(p, 48, &k), PACKET_SHORT);
	/* a chain of 20 */
	head6(p, 160 + 20, IPPROTO_DSTOPTS);
	for (unsigned i = 0; i < 20; i++) {
		memset(p + 40 + i * 8, 0, 8);
		p[40 + i * 8] = i == 19 ? IPPROTO_TCP : IPPROTO_DSTOPTS;
	}
	memcpy(p + 200, syn4 + 20, 20);
	ck_assert_int_eq(packet_parse(p, 220, &k), PACKET_OPTION);
}
END_TEST

/* A question for www.example.org, type A, id 0x1234. */
static const uint8_t question[] = {0x12, 0x34, 1,   0,	 0,   1,   0,	0,   0,	  0,   0,
				   0,	 3,    'W', 'w', 'w', 7,   'e', 'x', 'a', 'm', 'p',
				   'l',	 'e',  3,   'o', 'r', 'g', 0,	0,   1,	  0,   1};

/* Its answer: an alias cdn.example.org, and that one's two addresses. */
static size_t make_answer(uint8_t *p)
{
	static const uint8_t records[] = {
	    0xc0, 12,	0,  5, 0, 1, 0, 0, 0, 60, 0,  6, 3,  'c', 'd', 'n', 0xc0,
	    16,	  0xc0, 45, 0, 1, 0, 1, 0, 0, 0,  30, 0, 4,  192, 0,   2,   7,
	    0xc0, 45,	0,  1, 0, 1, 0, 0, 0, 9,  0,  4, 10, 1,	  2,   3};

	memcpy(p, question, sizeof(question));
	p[2] = 0x81;
	p[3] = 0x80;
	p[7] = 3;
	memcpy(p + sizeof(question), records, sizeof(records));
	return sizeof(question) + sizeof(records);
}

START_TEST(test_dns)
{
	uint8_t p[512];
	struct dns d;
	size_t n = make_answer(p);

	ck_assert_int_eq(dns_parse(question, sizeof(question), &d), 0);
	ck_assert(!d.answer);
	ck_assert_str_eq(d.name, "www.example.org");
	ck_assert_uint_eq(d.type, DNS_A);
	ck_assert_int_eq(dns_parse(p, n, &d), 0);
	ck_assert(d.answer);
	ck_assert_uint_eq(d.naddrs, 2);
	ck_assert_uint_eq(d.ttl, 9);
	ck_assert_uint_eq(d.addrs[0].a[3], 7);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_ne(dns_parse(p, i, &d), 0);
	/* Records of other names give the name nothing. */
	p[sizeof(question) + 1] = 24; /* an alias of "org" */
	ck_assert_int_eq(dns_parse(p, n, &d), 0);
	ck_assert_uint_eq(d.naddrs, 0);
}
END_TEST

START_TEST(test_dns_loops)
{
	uint8_t p[512];
	struct dns d;
	size_t n = make_answer(p), at = sizeof(question);

	p[at + 1] = (uint8_t)at; /* a pointer to itself */
	ck_assert_int_ne(dns_parse(p, n, &d), 0);
	p[at] = 0xc1; /* forward, behind the end */
	ck_assert_int_ne(dns_parse(p, n, &d), 0);
	n = make_answer(p);
	p[at + 17] = (uint8_t)(at + 12); /* the alias' tail is the alias */
	ck_assert_int_ne(dns_parse(p, n, &d), 0);
	n = make_answer(p);
	p[at + 1] = 0; /* into the head */
	ck_assert_int_ne(dns_parse(p, n, &d), 0);
	memcpy(p, question, sizeof(question));
	p[13] = 27; /* ESC is no letter of a host's name */
	ck_assert_int_ne(dns_parse(p, sizeof(question), &d), 0);
	memcpy(p, question, sizeof(question));
	p[5] = 2; /* two questions, one there */
	ck_assert_int_ne(dns_parse(p, sizeof(question), &d), 0);
}
END_TEST

START_TEST(test_names)
{
	const char *out[NAMES_OF_ONE];
	struct names *s = names_new();
	struct naddr a, b;
	struct dns q, d;
	uint8_t p[512];
	size_t n = make_answer(p);

	ck_assert(naddr_parse("192.0.2.7", &a) && naddr_parse("2001:db8::7", &b));
	names_learn(s, "one.example", &a, 60, 1000);
	names_learn(s, "two.example", &a, 60, 2000);
	names_learn(s, "one.example", &a, 60, 3000);
	ck_assert_uint_eq(names_of(s, &a, 4000, out), 2);
	ck_assert_str_eq(out[0], "one.example");
	ck_assert_uint_eq(names_of(s, &b, 4000, out), 0);
	ck_assert_uint_eq(names_of(s, &a, 4000 + 3600 * 1000, out), 0);
	for (unsigned i = 0; i < 3 * NAMES_MAX; i++) {
		struct naddr c = {.a = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
		names_learn(s, "flood.example", &c, 60, 5000);
		ck_assert_uint_eq(names_of(s, &c, 5000, out), 1);
	}
	ck_assert_uint_eq(names_of(s, &a, 5000, out), 0);
	/* An answer needs its question, from the same port, and once. */
	ck_assert_int_eq(dns_parse(question, sizeof(question), &q), 0);
	ck_assert_int_eq(dns_parse(p, n, &d), 0);
	ck_assert(!names_answers(s, 4000, &d, 0));
	names_asked(s, 4000, &q);
	ck_assert(!names_answers(s, 4001, &d, 0));
	d.id ^= 1;
	ck_assert(!names_answers(s, 4000, &d, 0));
	d.id ^= 1;
	ck_assert(names_answers(s, 4000, &d, 0));
	ck_assert(!names_answers(s, 4000, &d, 0));
	names_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net_parse");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);

	tcase_add_test(t, test_tcp4);
	tcase_add_test(t, test_source_route);
	tcase_add_test(t, test_chain6);
	tcase_add_test(t, test_dns);
	tcase_add_test(t, test_dns_loops);
	tcase_add_test(t, test_names);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
