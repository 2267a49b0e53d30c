/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vhost: control messages, rings and memory of a guest that lies. */
#include "core/vhost.h"
#include "tests/unit/frontend.h"
#include <pthread.h>
#include <stdatomic.h>

/* A device that sends back what it gets, each byte plus one. */
struct echo {
	struct loop *loop;
	struct vhost *v;
	struct vhost_chain chain;
	unsigned requests;
	int last_err;
	bool gone, broken, connected, ready;
	char reason[200];
};

static bool echo_one(void *user, unsigned q, struct vhost_chain *c)
{
	struct echo *e = user;
	uint8_t bytes[4096];
	size_t n = vhost_read(c, 0, bytes, sizeof(bytes));

	e->requests++;
	e->last_err = c->err;
	for (size_t i = 0; i < n; i++)
		bytes[i]++;
	vhost_push(e->v, q, c->head, (uint32_t)vhost_write(c, 0, bytes, n));
	return true;
}

static void echo_kick(void *user, unsigned q)
{
	struct echo *e = user;

	vhost_run(e->v, q, 16, &e->chain, echo_one, e);
}

static void echo_config(void *user, uint8_t *out)
{
	memcpy(out, "config!", 8);
}

static void echo_connected(void *user)
{
	((struct echo *)user)->connected = true;
}

static void echo_ready(void *user)
{
	((struct echo *)user)->ready = true;
}

static void echo_gone(void *user, bool broken, const char *reason)
{
	struct echo *e = user;

	ck_assert(!e->gone);
	e->gone = true;
	e->broken = broken;
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
}

static const struct vhost_ops echo_ops = {
    .name = "echo",
    .nqueues = 2,
    .features = 1 << 3,
    .config_size = 8,
    .config = echo_config,
    .on_connected = echo_connected,
    .on_ready = echo_ready,
    .on_kick = echo_kick,
    .on_gone = echo_gone,
};

static void start(struct echo *e, struct fe *f)
{
	struct sockaddr_un at;
	struct err err;

	*e = (struct echo){.loop = loop_new()};
	e->v = vhost_new(e->loop, fe_listen(&at), &echo_ops, e, &err);
	ck_assert_ptr_nonnull(e->v);
	fe_connect(f, e->loop, &at);
	ck_assert(e->connected);
}

static void stop(struct echo *e, struct fe *f)
{
	vhost_free(e->v);
	fe_close(f);
	loop_free(e->loop);
}

static void expect_broken(struct echo *e, struct fe *f, const char *word)
{
	fe_turn(f);
	ck_assert_msg(e->gone && e->broken, "not broken");
	ck_assert_msg(strstr(e->reason, word) != NULL, "%s: no '%s'", e->reason, word);
	ck_assert(vhost_is_gone(e->v));
	ck_assert_int_eq(vhost_pop(e->v, 0, &e->chain), 0);
}

#define RING_FEATURES (UINT64_C(3) << 28)

START_TEST(round_trip)
{
	struct echo e;
	struct fe f;
	uint32_t id, len;

	start(&e, &f);
	fe_up(&f, 2, RING_FEATURES);
	ck_assert(e.ready);
	ck_assert_uint_eq(f.features >> 28 & 3, 3);
	memcpy(f.mem + FE_DATA, "HAL", 3);
	for (unsigned q = 0; q < 2; q++) {
		fe_request(&f, q, 0, 3, 10);
		ck_assert(fe_take(&f, q, &id, &len));
		ck_assert_uint_eq(id, 0);
		ck_assert_uint_eq(len, 3);
		ck_assert_int_eq(memcmp(f.mem + FE_DATA + 3, "IBM", 3), 0);
		ck_assert_uint_eq(fe_calls(&f, q), 1);
	}
	ck_assert(!e.gone);
	close(f.sock);
	f.sock = -1;
	fe_turn(&f);
	ck_assert(e.gone && !e.broken);
	stop(&e, &f);
}
END_TEST

START_TEST(one_connection)
{
	struct echo e;
	struct fe f;
	struct sockaddr_un at;
	struct err err;

	e = (struct echo){.loop = loop_new()};
	e.v = vhost_new(e.loop, fe_listen(&at), &echo_ops, &e, &err);
	f = (struct fe){.loop = e.loop, .memfd = -1};
	f.sock = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(f.sock, (void *)&at, sizeof(at)), 0);
	fe_turn(&f);
	int second = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(second, (void *)&at, sizeof(at)), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	close(second);
	unlink(at.sun_path);
	*strrchr(at.sun_path, '/') = '\0';
	rmdir(at.sun_path);
	close(f.sock);
	vhost_free(e.v);
	loop_free(e.loop);
}
END_TEST

START_TEST(config_space)
{
	struct echo e;
	struct fe f;
	struct {
		uint32_t off, size, flags;
		char bytes[32];
	} c = {0, 8, 0, {0}};

	start(&e, &f);
	fe_send(&f, 24, &c, 20);
	ck_assert_int_eq(fe_reply(&f, &c, sizeof(c)), 20);
	ck_assert_str_eq(c.bytes, "config!");
	c.off = 4;
	c.size = 4;
	fe_send(&f, 24, &c, 16);
	ck_assert_int_eq(fe_reply(&f, &c, sizeof(c)), 16);
	ck_assert_int_eq(memcmp(c.bytes, "ig!", 4), 0);
	c.off = 0xfffffff0;
	c.size = 0x20;
	fe_send(&f, 24, &c, 44);
	expect_broken(&e, &f, "configuration");
	stop(&e, &f);
}
END_TEST

/* The guest may stop in the middle of a message: nobody waits for it. */
START_TEST(stalled_message)
{
	struct echo e;
	struct fe f;
	struct fe_msg m = {1, 1, 0, {0}};
	uint64_t v;

	start(&e, &f);
	for (size_t i = 0; i < 12; i++) {
		ck_assert_int_eq(fe_reply(&f, &v, 8), -1);
		ck_assert_int_eq(send(f.sock, (char *)&m + i, 1, 0), 1);
		fe_turn(&f);
	}
	ck_assert_int_eq(fe_reply(&f, &v, 8), 8);
	ck_assert(!e.gone);
	/* half a message, then the end */
	ck_assert_int_eq(send(f.sock, &m, 7, 0), 7);
	close(f.sock);
	f.sock = -1;
	fe_turn(&f);
	ck_assert(e.gone && !e.broken);
	stop(&e, &f);
}
END_TEST

/* Messages that break the device: request, flags, payload words, size, descriptors. */
static const struct {
	uint32_t request, flags;
	uint64_t word;
	uint32_t size;
	int nfds;
	const char *reason;
} bad_messages[] = {
    {1, 2, 0, 0, 0, "protocol"},
    {1, 5, 0, 0, 0, "protocol"},
    {0, 1, 0, 0, 0, "unknown"},
    {7, 1, 0, 0, 0, "unknown"},
    {99, 1, 0, 0, 0, "unknown"},
    {0xffffffff, 1, 0, 0, 0, "unknown"},
    {1, 1, 0, 8, 0, "wrong size"},
    {2, 1, 0, 4, 0, "wrong size"},
    {2, 1, UINT64_MAX, 8, 0, "not offered"},
    {16, 1, UINT64_MAX, 8, 0, "never offered"},
    {5, 1, 1, 8, 1, "memory table"},
    {5, 1, 9, 264, 0, "memory table"},
    {5, 1, 1, 40, 0, "memory table"},
    {5, 1, 1, 40, 2, "memory table"},
    {5, 1, 1, 40, 1, "no file of tmpfs"},
    {8, 1, UINT64_C(3) << 32, 8, 0, "entries"},
    {8, 1, UINT64_C(2048) << 32, 8, 0, "entries"},
    {8, 1, UINT64_C(64) << 32 | 2, 8, 0, "names queue"},
    {9, 1, 0, 40, 0, "outside"},
    {10, 1, UINT64_C(65536) << 32, 8, 0, "base"},
    {11, 1, 77, 8, 0, "names queue"},
    {12, 1, 0, 8, 0, "descriptors"},
    {12, 1, 0, 8, 2, "descriptors"},
    {12, 1, 0, 8, 1, "no eventfd"},
    {12, 1, 0x100, 8, 0, "no eventfd"},
    {12, 1, 0x100, 8, 1, "descriptors"},
    {13, 1, 0, 8, 1, "no stream socket"},
    {13, 1, 5, 8, 1, "names queue"},
    {18, 1, UINT64_C(1) << 32, 8, 0, "not set up"},
    {18, 1, UINT64_C(2) << 32, 8, 0, "not set up"},
    {1, 1, 0, 0, 9, "too many descriptors"},
};

START_TEST(bad_message)
{
	struct echo e;
	struct fe f;
	uint8_t payload[512] = {0};
	int before = fe_count_fds(), zero = open("/dev/zero", O_RDONLY);
	int fds[16];

	for (int i = 0; i < 16; i++)
		fds[i] = zero;
	start(&e, &f);
	memcpy(payload, &bad_messages[_i].word, 8);
	if (bad_messages[_i].size == 40) {
		uint64_t size = 4096;
		memcpy(payload + 16, &size, 8);
	}
	fe_send_fds(&f, bad_messages[_i].request, bad_messages[_i].flags, payload,
		    bad_messages[_i].size, fds, bad_messages[_i].nfds);
	expect_broken(&e, &f, bad_messages[_i].reason);
	stop(&e, &f);
	close(zero);
	ck_assert_int_eq(fe_count_fds(), before);
}
END_TEST

/* Surplus descriptors of messages that need none are closed. */
START_TEST(surplus_descriptors)
{
	struct echo e;
	struct fe f;
	int fds[4] = {0, 0, 0, 0};
	uint64_t v;

	start(&e, &f);
	int before = fe_count_fds();
	fe_send_fds(&f, 1, 1, NULL, 0, fds, 4);
	ck_assert_int_eq(fe_reply(&f, &v, 8), 8);
	ck_assert_int_eq(fe_count_fds(), before);
	/* and those of a huge message that never comes */
	struct fe_msg m = {1, 1, 100000, {0}};
	(void)!send(f.sock, &m, 12, 0);
	expect_broken(&e, &f, "100000 bytes");
	stop(&e, &f);
}
END_TEST

START_TEST(memory_beyond_file)
{
	struct echo e;
	struct fe f;
	struct {
		uint32_t n, pad;
		uint64_t gpa, size, uva, off;
	} t = {1, 0, 0, 8192, 0, UINT64_MAX - 4095};
	int fd = memfd_create("small", MFD_CLOEXEC);

	(void)!ftruncate(fd, 4096);
	start(&e, &f);
	fe_send_fds(&f, 5, 1, &t, sizeof(t), &fd, 1);
	expect_broken(&e, &f, "beyond the end");
	close(fd);
	stop(&e, &f);
}
END_TEST

/* Lies about the ring's structure. */
enum lie {
	LIE_HEAD,
	LIE_NEXT,
	LIE_LOOP,
	LIE_AVAIL,
	LIE_ORDER,
	LIE_NESTED,
	LIE_TABLE_SIZE,
	LIE_TABLE_EMPTY,
	LIE_TABLE_HUGE,
	LIE_TABLE_PLACE,
	LIE_INDIRECT_LOOP,
	LIE_INDIRECT_NEXT,
	LIE_COUNT,
};

static const char *const lie_reasons[LIE_COUNT] = {
    [LIE_HEAD] = "leaves its table",
    [LIE_NEXT] = "leaves its table",
    [LIE_LOOP] = "loops",
    [LIE_AVAIL] = "available index",
    [LIE_ORDER] = "behind a writable",
    [LIE_NESTED] = "nested",
    [LIE_TABLE_SIZE] = "impossible size",
    [LIE_TABLE_EMPTY] = "impossible size",
    [LIE_TABLE_HUGE] = "impossible size",
    [LIE_TABLE_PLACE] = "outside guest memory",
    [LIE_INDIRECT_LOOP] = "loops",
    [LIE_INDIRECT_NEXT] = "nested or chained",
};

static void tell_lie(struct fe *f, enum lie lie)
{
	uint64_t at = FE_GPA + FE_DATA;
	struct vring_desc *t = (void *)(f->mem + FE_DATA);
	uint16_t head = 0;

	fe_put_desc(f, 0, 0, at, 16, VRING_DESC_F_NEXT, 1);
	fe_put_desc(f, 0, 1, at, 16, VRING_DESC_F_WRITE, 0);
	t[0] = (struct vring_desc){at, 16, VRING_DESC_F_NEXT, 1};
	t[1] = (struct vring_desc){at, 16, VRING_DESC_F_WRITE, 0};
	switch (lie) {
	case LIE_HEAD:
		head = FE_NUM;
		break;
	case LIE_NEXT:
		fe_put_desc(f, 0, 0, at, 16, VRING_DESC_F_NEXT, 0xffff);
		break;
	case LIE_LOOP:
		fe_put_desc(f, 0, 1, at, 16, VRING_DESC_F_NEXT, 0);
		break;
	case LIE_AVAIL:
		f->q[0].avail += FE_NUM;
		break;
	case LIE_ORDER:
		fe_put_desc(f, 0, 0, at, 16, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
		fe_put_desc(f, 0, 1, at, 16, 0, 0);
		break;
	case LIE_NESTED:
		t[0].flags = VRING_DESC_F_INDIRECT;
		fe_put_desc(f, 0, 0, at, 32, VRING_DESC_F_INDIRECT, 0);
		break;
	case LIE_TABLE_SIZE:
		fe_put_desc(f, 0, 0, at, 33, VRING_DESC_F_INDIRECT, 0);
		break;
	case LIE_TABLE_EMPTY:
		fe_put_desc(f, 0, 0, at, 0, VRING_DESC_F_INDIRECT, 0);
		break;
	case LIE_TABLE_HUGE:
		fe_put_desc(f, 0, 0, at, 0xfffffff0, VRING_DESC_F_INDIRECT, 0);
		break;
	case LIE_TABLE_PLACE:
		fe_put_desc(f, 0, 0, FE_GPA + FE_SIZE - 16, 32, VRING_DESC_F_INDIRECT, 0);
		break;
	case LIE_INDIRECT_LOOP:
		t[1] = (struct vring_desc){at, 16, VRING_DESC_F_NEXT, 0};
		fe_put_desc(f, 0, 0, at, 32, VRING_DESC_F_INDIRECT, 0);
		break;
	case LIE_INDIRECT_NEXT:
		fe_put_desc(f, 0, 0, at, 32, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
		break;
	default:
		break;
	}
	fe_offer(f, 0, head);
	fe_kick(f, 0);
}

START_TEST(ring_lies)
{
	struct echo e;
	struct fe f;

	start(&e, &f);
	fe_up(&f, 2, RING_FEATURES);
	tell_lie(&f, (enum lie)_i);
	expect_broken(&e, &f, lie_reasons[_i]);
	ck_assert_uint_eq(e.requests, 0);
	stop(&e, &f);
}
END_TEST

START_TEST(indirect_not_negotiated)
{
	struct echo e;
	struct fe f;
	uint64_t at = FE_GPA + FE_DATA;

	start(&e, &f);
	fe_up(&f, 1, 0);
	*(struct vring_desc *)(f.mem + FE_DATA) = (struct vring_desc){at, 16, 0, 0};
	fe_put_desc(&f, 0, 0, at, 16, VRING_DESC_F_INDIRECT, 0);
	fe_offer(&f, 0, 0);
	fe_kick(&f, 0);
	expect_broken(&e, &f, "not negotiated");
	stop(&e, &f);
}
END_TEST

START_TEST(indirect_works)
{
	struct echo e;
	struct fe f;
	uint64_t at = FE_GPA + FE_DATA;
	struct vring_desc *t;
	uint32_t id, len;

	start(&e, &f);
	fe_up(&f, 1, RING_FEATURES);
	t = (void *)(f.mem + FE_DATA);
	t[0] = (struct vring_desc){at + 256, 2, VRING_DESC_F_NEXT, 2};
	t[2] = (struct vring_desc){at + 300, 2, VRING_DESC_F_NEXT, 1};
	t[1] = (struct vring_desc){at + 512, 16, VRING_DESC_F_WRITE, 0};
	memcpy(f.mem + FE_DATA + 256, "ab", 2);
	memcpy(f.mem + FE_DATA + 300, "cd", 2);
	fe_put_desc(&f, 0, 5, at, 48, VRING_DESC_F_INDIRECT, 0);
	fe_offer(&f, 0, 5);
	fe_kick(&f, 0);
	ck_assert(fe_take(&f, 0, &id, &len));
	ck_assert_uint_eq(id, 5);
	ck_assert_uint_eq(len, 4);
	ck_assert_int_eq(memcmp(f.mem + FE_DATA + 512, "bcde", 4), 0);
	stop(&e, &f);
}
END_TEST

/* An address outside spoils its own request only. */
START_TEST(address_outside)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
	} outside[] = {
	    {0, 16},
	    {FE_GPA - 1, 2},
	    {FE_GPA + FE_SIZE, 1},
	    {FE_GPA + FE_SIZE - 1, 2},
	    {FE_GPA, FE_SIZE + 1},
	    {UINT64_MAX - 7, 16},
	    {UINT64_MAX, 0xffffffff},
	    {FE_GPA + 16, 0xffffffff},
	};
	struct echo e;
	struct fe f;
	uint32_t id, len;

	start(&e, &f);
	fe_up(&f, 1, RING_FEATURES);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		fe_put_desc(&f, 0, 0, outside[i].addr, outside[i].len, VRING_DESC_F_NEXT, 1);
		fe_put_desc(&f, 0, 1, FE_GPA + FE_DATA, 16, VRING_DESC_F_WRITE, 0);
		fe_offer(&f, 0, 0);
		fe_kick(&f, 0);
		ck_assert(fe_take(&f, 0, &id, &len));
		ck_assert_int_eq(e.last_err, -EFAULT);
		ck_assert(!e.gone);
	}
	fe_request(&f, 0, 0, 3, 10);
	ck_assert(fe_take(&f, 0, &id, &len));
	ck_assert_int_eq(e.last_err, 0);
	stop(&e, &f);
}
END_TEST

/* The guest takes its memory away: SIGBUS is survived, the device is broken. */
START_TEST(memory_taken_away)
{
	struct echo e;
	struct fe f;

	start(&e, &f);
	fe_up(&f, 2, RING_FEATURES);
	fe_request(&f, 0, 0, 3, 10);
	ck_assert_uint_eq(e.requests, 1);
	ck_assert_int_eq(ftruncate(f.memfd, 0), 0);
	uint64_t one = 1;
	ck_assert_int_eq(write(f.q[0].kick, &one, 8), 8);
	expect_broken(&e, &f, "took");
	stop(&e, &f);
}
END_TEST

START_TEST(only_the_data_taken_away)
{
	struct echo e;
	struct fe f;

	start(&e, &f);
	fe_up(&f, 2, RING_FEATURES);
	ck_assert_int_eq(ftruncate(f.memfd, FE_DATA), 0);
	fe_request(&f, 0, 0, 3, 10);
	expect_broken(&e, &f, "took");
	stop(&e, &f);
}
END_TEST

/* EVENT_IDX: the guest is told once, when it asked for; without it, by the flag. */
START_TEST(notifications)
{
	struct echo e;
	struct fe f;

	start(&e, &f);
	fe_up(&f, 1, _i ? RING_FEATURES : 0);
	fe_put_desc(&f, 0, 0, FE_GPA + FE_DATA, 1, VRING_DESC_F_NEXT, 1);
	fe_put_desc(&f, 0, 1, FE_GPA + FE_DATA, 1, VRING_DESC_F_WRITE, 0);
	if (_i)
		fe_avail(&f, 0)[2 + FE_NUM] = 4; /* used_event: after the fifth */
	else
		fe_avail(&f, 0)[0] = VRING_AVAIL_F_NO_INTERRUPT;
	for (int i = 0; i < 4; i++)
		fe_offer(&f, 0, 0);
	fe_kick(&f, 0);
	ck_assert_uint_eq(e.requests, 4);
	ck_assert_uint_eq(fe_calls(&f, 0), 0);
	fe_offer(&f, 0, 0);
	fe_kick(&f, 0);
	ck_assert_uint_eq(fe_calls(&f, 0), _i);
	fe_avail(&f, 0)[0] = 0;
	fe_avail(&f, 0)[2 + FE_NUM] = 5;
	for (int i = 0; i < 3; i++)
		fe_offer(&f, 0, 0);
	fe_kick(&f, 0);
	ck_assert_uint_eq(fe_calls(&f, 0), 1);
	stop(&e, &f);
}
END_TEST

/* A flood is served in portions, and to the end. */
START_TEST(flood)
{
	struct echo e;
	struct fe f;
	uint64_t one = 1;

	start(&e, &f);
	fe_up(&f, 1, RING_FEATURES);
	fe_put_desc(&f, 0, 0, FE_GPA + FE_DATA, 1, 0, 0);
	for (int i = 0; i < FE_NUM; i++)
		fe_offer(&f, 0, 0);
	ck_assert_int_eq(write(f.q[0].kick, &one, 8), 8);
	loop_once(e.loop, 0);
	ck_assert_uint_lt(e.requests, FE_NUM);
	for (int i = 0; i < 10; i++)
		loop_once(e.loop, 0);
	ck_assert_uint_eq(e.requests, FE_NUM);
	stop(&e, &f);
}
END_TEST

/* A guest that does not read its notifications cannot make the device wait. */
START_TEST(full_call_socket)
{
	struct echo e;
	struct fe f;

	start(&e, &f);
	fe_up(&f, 1, 0);
	fe_put_desc(&f, 0, 0, FE_GPA + FE_DATA, 1, 0, 0);
	for (unsigned i = 0; i < 2000; i++) {
		fe_offer(&f, 0, 0);
		fe_kick(&f, 0);
	}
	ck_assert_uint_eq(e.requests, 2000);
	ck_assert(!e.gone);
	stop(&e, &f);
}
END_TEST

static uint32_t next_random(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

START_TEST(random_messages)
{
	uint32_t seed = 20051117;

	for (int round = 0; round < 300; round++) {
		struct echo e;
		struct fe f;

		start(&e, &f);
		if (round % 3 == 0)
			fe_up(&f, 2, RING_FEATURES);
		for (int i = 0; i < 20 && !e.gone; i++) {
			uint8_t payload[300];
			uint32_t size = next_random(&seed) % 3 ? 8 : next_random(&seed) % 300;
			int fds[3] = {0, f.memfd < 0 ? 0 : f.memfd,
				      f.q[0].kick < 0 ? 0 : f.q[0].kick};

			for (size_t k = 0; k < sizeof(payload); k++)
				payload[k] =
				    next_random(&seed) % 3 ? 0 : (uint8_t)next_random(&seed);
			fe_send_fds(&f, next_random(&seed) % 27, next_random(&seed) % 20 ? 1 : 9,
				    payload, size, fds + next_random(&seed) % 2,
				    (int)(next_random(&seed) % 3));
		}
		stop(&e, &f);
	}
}
END_TEST

/* Rings of random content, while another thread goes on changing them. */
struct scribbler {
	uint8_t *mem;
	_Atomic(bool) stop;
};

static void *scribble(void *user)
{
	struct scribbler *s = user;
	uint32_t seed = 7;

	while (!s->stop) {
		uint32_t at = next_random(&seed) % (2 * FE_RING);
		if (at < 0x1000 || at >= FE_RING)
			((volatile uint8_t *)s->mem)[at] = (uint8_t)next_random(&seed);
	}
	return NULL;
}

START_TEST(random_rings)
{
	uint32_t seed = 4711;
	unsigned broken = 0;

	for (int round = 0; round < 200; round++) {
		struct echo e;
		struct fe f;
		pthread_t t;

		start(&e, &f);
		fe_up(&f, 2, RING_FEATURES);
		struct scribbler s = {.mem = f.mem};
		pthread_create(&t, NULL, scribble, &s);
		for (int i = 0; i < 40 && !e.gone; i++) {
			for (unsigned k = 0; k < FE_NUM; k++)
				fe_put_desc(&f, 0, k,
					    FE_GPA + next_random(&seed) % (FE_SIZE + 4096),
					    next_random(&seed) % 65536, next_random(&seed) % 8,
					    next_random(&seed) % (FE_NUM + 2));
			fe_offer(&f, 0, next_random(&seed) % (FE_NUM + 1));
			fe_kick(&f, 0);
		}
		s.stop = true;
		pthread_join(t, NULL);
		fe_turn(&f);
		broken += e.gone;
		stop(&e, &f);
	}
	ck_assert_uint_gt(broken, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost");
	TCase *t = tcase_create("vhost");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, round_trip);
	tcase_add_test(t, one_connection);
	tcase_add_test(t, config_space);
	tcase_add_test(t, stalled_message);
	tcase_add_loop_test(t, bad_message, 0, sizeof(bad_messages) / sizeof(bad_messages[0]));
	tcase_add_test(t, surplus_descriptors);
	tcase_add_test(t, memory_beyond_file);
	tcase_add_loop_test(t, ring_lies, 0, LIE_COUNT);
	tcase_add_test(t, indirect_not_negotiated);
	tcase_add_test(t, indirect_works);
	tcase_add_test(t, address_outside);
	tcase_add_test(t, memory_taken_away);
	tcase_add_test(t, only_the_data_taken_away);
	tcase_add_loop_test(t, notifications, 0, 2);
	tcase_add_test(t, flood);
	tcase_add_test(t, full_call_socket);
	tcase_add_test(t, random_messages);
	tcase_add_test(t, random_rings);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
