/* SPDX-License-Identifier: GPL-2.0-or-later */
/* condev: the control dialogue and back-pressure both ways, with a guest made by hand. */
#include "core/buf.h"
#include "core/condev.h"
#include "tests/unit/frontend.h"
#include <linux/virtio_console.h>

struct host {
	struct loop *loop;
	struct condev *d;
	struct buf got;
	size_t most; /* bytes that data() takes per call */
	int opens, closes, rooms;
	bool gone, broken;
};

static void on_opened(void *user, bool open)
{
	struct host *h = user;

	h->opens += open;
	h->closes += !open;
}

static size_t on_data(void *user, const void *p, size_t n)
{
	struct host *h = user;

	if (n > h->most)
		n = h->most;
	buf_add(&h->got, p, n);
	return n;
}

static void on_room(void *user)
{
	((struct host *)user)->rooms++;
}

static void on_gone(void *user, bool broken, const char *reason)
{
	struct host *h = user;

	h->gone = true;
	h->broken = broken;
}

static const struct condev_ops ops = {
    .opened = on_opened, .data = on_data, .room = on_room, .gone = on_gone};

enum { RX, TX, CRX, CTX };

static void start(struct host *h, struct fe *f)
{
	struct sockaddr_un at;
	struct err e;

	*h = (struct host){.loop = loop_new(), .most = SIZE_MAX};
	h->d = condev_new(h->loop, fe_listen(&at), &ops, h, &e);
	ck_assert_ptr_nonnull(h->d);
	fe_connect(f, h->loop, &at);
	fe_up(f, 4, UINT64_C(3) << 28 | 2);
	ck_assert(f->features & 1 << VIRTIO_CONSOLE_F_MULTIPORT);
}

static void stop(struct host *h, struct fe *f)
{
	condev_free(h->d);
	fe_close(f);
	buf_free(&h->got);
	loop_free(h->loop);
}

/* Offers n empty buffers of size bytes each in queue q; buffer i lies at FE_DATA + q*64K + i*size.
 */
static uint8_t *buffers(struct fe *f, unsigned q, unsigned n, uint32_t size)
{
	uint32_t at = FE_DATA + q * 0x10000;

	for (unsigned i = 0; i < n; i++) {
		fe_put_desc(f, q, i, FE_GPA + at + i * size, size, VRING_DESC_F_WRITE, 0);
		fe_offer(f, q, (uint16_t)i);
	}
	fe_kick(f, q);
	return f->mem + at;
}

static void send_control(struct fe *f, uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control m = {id, event, value};
	uint32_t who, len;

	memcpy(f->mem + FE_DATA + CTX * 0x10000, &m, sizeof(m));
	fe_request(f, CTX, CTX * 0x10000, sizeof(m), 0);
	fe_take(f, CTX, &who, &len);
}

/* Sends n bytes (up to 60000) through the port. */
static bool send_data(struct fe *f, const void *p, uint32_t n)
{
	uint32_t who, len;

	memcpy(f->mem + FE_DATA + TX * 0x10000, p, n);
	fe_request(f, TX, TX * 0x10000, n, 0);
	return fe_take(f, TX, &who, &len);
}

START_TEST(dialogue)
{
	struct host h;
	struct fe f;
	struct virtio_console_control m;
	uint32_t id, len;

	start(&h, &f);
	uint8_t *p = buffers(&f, CRX, 8, 64);
	send_control(&f, VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
	static const uint16_t want[] = {VIRTIO_CONSOLE_PORT_ADD, VIRTIO_CONSOLE_PORT_NAME,
					VIRTIO_CONSOLE_PORT_OPEN};
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(fe_take(&f, CRX, &id, &len));
		memcpy(&m, p + id * 64, sizeof(m));
		ck_assert_uint_eq(m.event, want[i]);
		ck_assert_uint_eq(m.id, 0);
		ck_assert_uint_eq(m.value, 1);
		ck_assert_uint_eq(len, i == 1 ? 8 + strlen(CONDEV_PORT_NAME) : 8);
		if (i == 1)
			ck_assert_int_eq(memcmp(p + id * 64 + 8, CONDEV_PORT_NAME, len - 8), 0);
	}
	ck_assert(!fe_take(&f, CRX, &id, &len));
	ck_assert(!condev_is_open(h.d));
	send_control(&f, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert(condev_is_open(h.d));
	send_control(&f, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert_int_eq(h.opens, 1);
	ck_assert_int_eq(h.closes, 1);
	/* Other ports and unknown events mean nothing. */
	send_control(&f, 9, VIRTIO_CONSOLE_PORT_OPEN, 1);
	send_control(&f, 0, 999, 1);
	ck_assert_int_eq(h.opens, 1);
	ck_assert(!h.gone);
	stop(&h, &f);
}
END_TEST

START_TEST(few_control_buffers)
{
	struct host h;
	struct fe f;
	uint32_t id, len;

	start(&h, &f);
	send_control(&f, VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
	for (int i = 0; i < 3; i++) {
		ck_assert(!fe_take(&f, CRX, &id, &len));
		buffers(&f, CRX, 1, 64);
		ck_assert(fe_take(&f, CRX, &id, &len));
	}
	stop(&h, &f);
}
END_TEST

START_TEST(to_guest)
{
	struct host h;
	struct fe f;
	uint32_t id, len;

	start(&h, &f);
	ck_assert_uint_eq(condev_write(h.d, "early ", 6), 6);
	uint8_t *p = buffers(&f, RX, 2, 8);
	fe_turn(&f);
	ck_assert(!fe_take(&f, RX, &id, &len)); /* not before somebody reads */
	send_control(&f, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert(fe_take(&f, RX, &id, &len));
	ck_assert_uint_eq(len, 6);
	ck_assert_int_eq(memcmp(p, "early ", 6), 0);
	condev_write(h.d, "0123456789abcdef!", 17);
	fe_turn(&f);
	ck_assert(fe_take(&f, RX, &id, &len));
	ck_assert_uint_eq(len, 8);
	ck_assert(!fe_take(&f, RX, &id, &len));
	ck_assert_uint_eq(condev_queued(h.d), 9);
	ck_assert(fe_wants_kick(&f, RX));
	buffers(&f, RX, 2, 8);
	ck_assert(fe_take(&f, RX, &id, &len) && len == 8);
	ck_assert(fe_take(&f, RX, &id, &len) && len == 1);
	ck_assert_uint_eq(condev_queued(h.d), 0);
	ck_assert(!fe_wants_kick(&f, RX)); /* buffers alone are no news */
	stop(&h, &f);
}
END_TEST

START_TEST(to_guest_is_bounded)
{
	struct host h;
	struct fe f;
	uint32_t id, len;
	char *big = calloc(1, CONDEV_BUFFER + 10);

	start(&h, &f);
	send_control(&f, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert_uint_eq(condev_write(h.d, big, CONDEV_BUFFER + 10), CONDEV_BUFFER);
	ck_assert_uint_eq(condev_write(h.d, big, 1), 0);
	fe_turn(&f);
	ck_assert_int_eq(h.rooms, 0);
	buffers(&f, RX, 2, 4096);
	ck_assert(fe_take(&f, RX, &id, &len) && len == 4096);
	ck_assert_int_eq(h.rooms, 1);
	ck_assert_uint_eq(condev_write(h.d, big, CONDEV_BUFFER), 8192);
	/* The port closes: what was not delivered is gone. */
	send_control(&f, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert_uint_eq(condev_queued(h.d), 0);
	free(big);
	stop(&h, &f);
}
END_TEST

START_TEST(from_guest)
{
	struct host h;
	struct fe f;
	uint32_t id, len;

	start(&h, &f);
	ck_assert(send_data(&f, "hello ", 6));
	h.most = 3;
	ck_assert(send_data(&f, "world", 5));
	ck_assert_str_eq(buf_cstr(&h.got), "hello wor");
	ck_assert(!send_data(&f, "more", 4)); /* paused: it waits in the ring */
	ck_assert_str_eq(buf_cstr(&h.got), "hello wor");
	h.most = 100;
	condev_read_more(h.d);
	fe_turn(&f);
	ck_assert(fe_take(&f, TX, &id, &len));
	ck_assert_str_eq(buf_cstr(&h.got), "hello worldmore");
	stop(&h, &f);
}
END_TEST

START_TEST(data_before_close)
{
	struct host h;
	struct fe f;
	uint64_t one = 1;

	start(&h, &f);
	send_control(&f, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	/* The bytes lie in the ring, but only the control queue is kicked. */
	memcpy(f.mem + FE_DATA + TX * 0x10000, "bye", 3);
	fe_put_desc(&f, TX, 0, FE_GPA + FE_DATA + TX * 0x10000, 3, 0, 0);
	fe_offer(&f, TX, 0);
	send_control(&f, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert_str_eq(buf_cstr(&h.got), "bye");
	ck_assert_int_eq(h.closes, 1);
	(void)!write(f.q[TX].kick, &one, 8);
	stop(&h, &f);
}
END_TEST

START_TEST(bad_control)
{
	struct host h;
	struct fe f;

	start(&h, &f);
	fe_request(&f, CTX, 0, 5, 0);
	ck_assert(h.gone && h.broken);
	ck_assert_uint_eq(condev_write(h.d, "x", 1), 1);
	condev_read_more(h.d);
	fe_turn(&f);
	stop(&h, &f);
}
END_TEST

START_TEST(bad_data)
{
	struct host h;
	struct fe f;

	start(&h, &f);
	if (_i) /* outside guest memory */
		fe_put_desc(&f, TX, 0, 4096, 10, 0, 0);
	else { /* more than a message may be: the same memory again and again */
		for (unsigned i = 0; i < 3; i++)
			fe_put_desc(&f, TX, i, FE_GPA + FE_DATA, 0x80000, i < 2, (uint16_t)(i + 1));
	}
	fe_offer(&f, TX, 0);
	fe_kick(&f, TX);
	ck_assert(h.gone && h.broken);
	ck_assert_uint_eq(h.got.len, 0);
	stop(&h, &f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("condev");
	TCase *t = tcase_create("condev");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, dialogue);
	tcase_add_test(t, few_control_buffers);
	tcase_add_test(t, to_guest);
	tcase_add_test(t, to_guest_is_bounded);
	tcase_add_test(t, from_guest);
	tcase_add_test(t, data_before_close);
	tcase_add_test(t, bad_control);
	tcase_add_loop_test(t, bad_data, 0, 2);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
