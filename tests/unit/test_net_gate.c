/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may leave the last gate, ports as text, frames as pcapng, and the filter's text. */
#include "core/buf.h"
#include "core/net/chains.h"
#include "core/net/gate.h"
#include "core/net/pcapng.h"
#include "core/net/publish.h"
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

/* A frame of IPv4 (or IPv6, when to has a colon) with 8 bytes of UDP or 20 of TCP behind it. */
static size_t frame(uint8_t *p, const char *to, uint8_t proto, uint16_t port, uint8_t flags)
{
	bool v6 = strchr(to, ':');
	size_t head = v6 ? 40 : 20, body = proto == 6 ? 20 : 8;

	memset(p, 0, 128);
	p[12] = v6 ? 0x86 : 0x08;
	p[13] = v6 ? 0xdd : 0;
	p[14] = v6 ? 0x60 : 0x45;
	p[14 + (v6 ? 6 : 9)] = proto;
	inet_pton(v6 ? AF_INET6 : AF_INET, to, p + 14 + (v6 ? 24 : 16));
	p[14 + head + 2] = (uint8_t)(port >> 8);
	p[14 + head + 3] = (uint8_t)port;
	if (proto == 6)
		p[14 + head + 13] = flags;
	return 14 + head + body;
}

static const struct {
	const char *to;
	uint8_t proto;
	uint16_t port;
	uint8_t flags;
	bool leaves;
} frames[] = {
    {"192.0.2.1", 17, 9, 0, true},
    {"192.168.1.1", 6, 80, 2, true}, /* the filter's business, and a rule's */
    {"127.0.0.1", 6, 80, 2, false},
    {"127.255.0.9", 17, 53, 0, false},
    {"0.0.0.0", 6, 80, 2, false},
    {"224.0.0.251", 17, 5353, 0, false},
    {"255.255.255.255", 17, 67, 0, false},
    {"10.0.2.3", 17, 53, 0, true},
    {"10.0.2.3", 6, 53, 2, true},
    {"10.0.2.3", 17, 80, 0, false},
    {"10.0.2.3", 1, 53, 0, false},
    {"10.0.2.2", 6, 80, 2, false},
    {"10.0.2.2", 6, 80, 16, true}, /* an answer */
    {"10.0.2.2", 17, 69, 0, false},
    {"10.0.2.2", 17, 67, 0, false},
    {"10.0.2.77", 17, 53, 0, false},
    {"2001:db8::1", 6, 80, 2, true},
    {"2001:db8::1", 0, 80, 0, false},  /* hop-by-hop options */
    {"2001:db8::1", 43, 80, 0, false}, /* routing */
    {"2001:db8::1", 44, 80, 0, false}, /* a fragment */
    {"::1", 6, 80, 2, false},
    {"::", 6, 80, 2, false},
    {"::ffff:127.0.0.1", 6, 80, 2, false},
    {"::ffff:192.0.2.1", 6, 80, 2, false},
    {"::192.0.2.1", 6, 80, 2, false},
    {"fe80::1", 6, 80, 2, false},
    {"fec0::1", 6, 80, 2, false},
    {"ff02::1", 17, 80, 0, false},
    {"fd00::3", 17, 53, 0, true},
    {"fd00::2", 17, 69, 0, false},
    {"fd00::9", 17, 53, 0, false},
};

START_TEST(the_gate)
{
	uint8_t p[128];
	size_t n = frame(p, frames[_i].to, frames[_i].proto, frames[_i].port, frames[_i].flags);

	ck_assert_msg(gate_may_leave(p, n) == frames[_i].leaves, "%s %u %u", frames[_i].to,
		      frames[_i].proto, frames[_i].port);
	/* Cut anywhere it may not crash, and nothing short of its headers leaves. */
	for (size_t k = 0; k < n; k++) {
		uint8_t *copy = malloc(k ? k : 1);

		memcpy(copy, p, k);
		bool leaves = gate_may_leave(copy, k);
		ck_assert(!leaves || k >= 34);
		free(copy);
	}
}
END_TEST

START_TEST(other_frames)
{
	uint8_t p[64] = {0};

	p[12] = 0x08, p[13] = 0x06;
	ck_assert(gate_may_leave(p, 42)); /* ARP */
	p[12] = 0x81, p[13] = 0x00;
	ck_assert(!gate_may_leave(p, 60)); /* VLAN */
	p[12] = 0x88, p[13] = 0x8e;
	ck_assert(!gate_may_leave(p, 60));
}
END_TEST

static const struct {
	const char *text;
	bool ok, udp;
	int family;
	unsigned host, guest;
} ports[] = {
    {"8080:80", true, false, AF_INET, 8080, 80},
    {"8053:53/udp", true, true, AF_INET, 8053, 53},
    {"0.0.0.0:1:65535/tcp", true, false, AF_INET, 1, 65535},
    {"[::1]:8080:80", true, false, AF_INET6, 8080, 80},
    {.text = "80"},
    {.text = "0:80"},
    {.text = "80:65536"},
    {.text = "80:80/icmp"},
    {.text = "localhost:80:80"},
    {.text = "::1:80:80"},
    {.text = "[::1:80:80"},
    {.text = "[]:80:80"},
    {.text = ":80:80"},
    {.text = "80:"},
    {.text = "+80:80"},
    {.text = ""},
};

START_TEST(a_port)
{
	struct publish p;

	ck_assert_msg(publish_parse(ports[_i].text, &p) == ports[_i].ok, "%s", ports[_i].text);
	if (!ports[_i].ok)
		return;
	ck_assert_int_eq(p.udp, ports[_i].udp);
	ck_assert_int_eq(p.family, ports[_i].family);
	ck_assert_uint_eq(p.host, ports[_i].host);
	ck_assert_uint_eq(p.guest, ports[_i].guest);
}
END_TEST

START_TEST(blocks)
{
	struct buf b = {0};
	struct iovec iov[2] = {{(char[]){"abc"}, 3}, {(char[]){"defgh"}, 5}};
	uint32_t n, end;
	size_t count = 0;

	pcapng_begin(&b, "eth0");
	pcapng_frame(&b, true, iov, 2, 8, UINT64_C(1800000000000000001));
	pcapng_frame(&b, false, iov, 1, 3, 5);
	for (size_t at = 0; at < b.len; at += n, count++) {
		memcpy(&n, b.p + at + 4, 4);
		ck_assert_uint_eq(n % 4, 0);
		ck_assert_uint_le(at + n, b.len);
		memcpy(&end, b.p + at + n - 4, 4);
		ck_assert_uint_eq(n, end);
	}
	ck_assert_uint_eq(count, 4);
	ck_assert_ptr_nonnull(memmem(b.p, b.len, "abcdefgh", 8));
	buf_free(&b);
}
END_TEST

/* Whatever else they say: what is forwarded is dropped unless something lets it through. */
START_TEST(filters)
{
	struct publish p = {.family = AF_INET, .host = 8080, .guest = 80};
	struct own_address own = {.v6 = false, .a = {203, 0, 113, 1}};
	struct chains c = {.publish = &p, .npublish = 1, .own = &own, .nown = 1};
	struct buf b = {0};

	for (int v6 = 0; v6 < 2; v6++) {
		c.v6 = v6;
		buf_reset(&b);
		chains_judged(&c, &b);
		ck_assert_ptr_nonnull(strstr(buf_cstr(&b), ":FORWARD DROP"));
		ck_assert_ptr_null(strstr(buf_cstr(&b), "bypass"));
		ck_assert_int_eq(!!strstr(buf_cstr(&b), "--dport 80"), !v6);
		buf_reset(&b);
		chains_open(&c, &b);
		ck_assert_ptr_nonnull(strstr(buf_cstr(&b), ":FORWARD DROP"));
		ck_assert_int_eq(!!strstr(buf_cstr(&b), "-A own -d 203.0.113.1 -j REJECT"), !v6);
		ck_assert_ptr_nonnull(strstr(buf_cstr(&b), v6 ? "-A closed -d fe80::/10"
							      : "-A closed -d 169.254.0.0/16"));
	}
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net_gate");
	TCase *t = tcase_create("net_gate");

	tcase_add_loop_test(t, the_gate, 0, sizeof(frames) / sizeof(frames[0]));
	tcase_add_test(t, other_frames);
	tcase_add_loop_test(t, a_port, 0, sizeof(ports) / sizeof(ports[0]));
	tcase_add_test(t, blocks);
	tcase_add_test(t, filters);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
