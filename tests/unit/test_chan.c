/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chan, the host's side: rules, credit, bounds, hostile bytes. */
#include "core/buf.h"
#include "core/chan.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A guest made of bytes: what the chan sent, what it told. */
struct rig {
	struct chan *c;
	struct buf sent;
	size_t send_max;  /* bytes that send takes per call */
	size_t send_room; /* and in all */
	struct buf log;	  /* one line per callback */
	size_t data;	  /* bytes of stream_data */
	unsigned rooms;
};

static size_t on_send(void *user, const void *p, size_t n)
{
	struct rig *r = user;

	n = n > r->send_max ? r->send_max : n;
	n = n > r->send_room ? r->send_room : n;
	r->send_room -= n;
	buf_add(&r->sent, p, n);
	return n;
}

static void on_hello(void *user, const struct chan_hello *h)
{
	buf_fmt(&((struct rig *)user)->log, "hello %s %llu\n", h->release,
		(unsigned long long)h->boot_us);
}

static void on_ready(void *user, uint32_t pid)
{
	buf_fmt(&((struct rig *)user)->log, "ready %u\n", pid);
}

static void on_off(void *user)
{
	buf_str(&((struct rig *)user)->log, "off\n");
}

static void on_name(void *user, uint32_t pid, uint32_t parent, const char *name, size_t n)
{
	buf_fmt(&((struct rig *)user)->log, "name %u %u %.*s\n", pid, parent, (int)n, name);
}

static void on_main_exit(void *user, int status, int err, const char *why)
{
	buf_fmt(&((struct rig *)user)->log, "main_exit %d %d %s\n", status, err, why);
}

static void on_started(void *user, uint32_t stream, uint32_t pid)
{
	buf_fmt(&((struct rig *)user)->log, "started %u\n", pid);
}

static void on_failed(void *user, uint32_t stream, int err, const char *why)
{
	buf_fmt(&((struct rig *)user)->log, "failed %d %s\n", err, why);
}

static void on_data(void *user, uint32_t stream, int fd, const void *p, size_t n)
{
	struct rig *r = user;

	r->data += n;
	if (n < 16)
		buf_fmt(&r->log, "data %d %.*s\n", fd, (int)n, (const char *)p);
}

static void on_eof(void *user, uint32_t stream, int fd)
{
	buf_fmt(&((struct rig *)user)->log, "eof %d\n", fd);
}

static void on_room(void *user, uint32_t stream)
{
	((struct rig *)user)->rooms++;
}

static void on_exit_(void *user, uint32_t stream, int status)
{
	buf_fmt(&((struct rig *)user)->log, "exit %d\n", status);
}

static void on_reply(void *user, uint32_t tag, int err, const void *p, size_t n, bool cut)
{
	buf_fmt(&((struct rig *)user)->log, "reply %d %zu%s\n", err, n, cut ? " cut" : "");
}

static void on_broken(void *user, const char *reason)
{
	buf_fmt(&((struct rig *)user)->log, "broken: %s\n", reason);
}

static const struct chan_ops ops = {
    .send = on_send,
    .hello = on_hello,
    .ready = on_ready,
    .main_exit = on_main_exit,
    .off = on_off,
    .name = on_name,
    .exec_started = on_started,
    .exec_failed = on_failed,
    .stream_data = on_data,
    .stream_eof = on_eof,
    .stream_room = on_room,
    .stream_exit = on_exit_,
    .reply = on_reply,
    .broken = on_broken,
};

static void rig_new(struct rig *r)
{
	*r = (struct rig){.send_max = SIZE_MAX, .send_room = SIZE_MAX};
	r->c = chan_new(&ops, r);
}

static void rig_free(struct rig *r)
{
	chan_free(r->c);
	buf_free(&r->sent);
	buf_free(&r->log);
}

static void add_frame(struct buf *b, uint16_t type, uint16_t flags, uint32_t id, const void *p,
		      size_t n)
{
	unsigned char h[CHAN_HEADER];

	chan_put_header(h, (uint32_t)n, type, flags, id);
	buf_add(b, h, sizeof(h));
	buf_add(b, p, n);
}

static void feed(struct rig *r, uint16_t type, uint16_t flags, uint32_t id, const void *p, size_t n)
{
	struct buf b = {0};

	add_frame(&b, type, flags, id, p, n);
	ck_assert_uint_eq(chan_feed(r->c, b.p, b.len), b.len);
	buf_free(&b);
}

#define HELLO "\3\0\0\0\x88\x13\0\0\0\0\0\0007.3.4"

/* A ready guest. */
static void rig_ready(struct rig *r)
{
	struct chan_setup setup = {.hostname = "box", .flags = CHAN_IDLE};

	rig_new(r);
	feed(r, CHAN_HELLO, 0, 0, HELLO, sizeof(HELLO));
	ck_assert_int_eq(chan_setup(r->c, &setup), 0);
	feed(r, CHAN_READY, 0, 0, "\0\0\0\0", 4);
	ck_assert(chan_is_ready(r->c));
	buf_reset(&r->sent);
	buf_reset(&r->log);
}

static uint32_t rig_exec(struct rig *r)
{
	const char *argv[] = {"cat", NULL};
	struct chan_launch l = {.argv = argv, .gid = CHAN_LOOKUP};
	int id = chan_exec(r->c, &l);

	ck_assert_int_gt(id, 0);
	feed(r, CHAN_EXEC_STARTED, 0, (uint32_t)id, "\x09\0\0\0", 4);
	buf_reset(&r->sent);
	buf_reset(&r->log);
	return (uint32_t)id;
}

START_TEST(test_setup_bytes)
{
	static const char want[] = "\x44\0\0\0\x40\0\0\0\0\0\0\0" /* length 68, SETUP */
				   "\2\0\0\0\x2c\1\0\0"
				   "box\0"
				   "\2\0\0\0\xe8\3\0\0\xe8\3\0\0\x18\0\x50\0\1\0\2\0\1\0\0\0"
				   "\x1b\0\0\0"
				   "\0/srv\0vt100\0"
				   "sh\0-i\0"
				   "A=b c d\0\0";
	const char *argv[] = {"sh", "-i", NULL}, *env[] = {"A=b c d", NULL};
	const uint32_t groups[] = {27};
	struct chan_setup setup = {.hostname = "box",
				   .flags = CHAN_KEEP,
				   .tasks = 300,
				   .main = {.argv = argv,
					    .env = env,
					    .cwd = "/srv",
					    .uid = 1000,
					    .gid = 1000,
					    .groups = groups,
					    .ngroups = 1,
					    .term = "vt100",
					    .rows = 24,
					    .cols = 80,
					    .flags = CHAN_LOGIN}};
	struct rig r;

	rig_new(&r);
	ck_assert_int_eq(chan_setup(r.c, &setup), 0);
	ck_assert_int_eq(chan_setup(r.c, &setup), -EALREADY);
	ck_assert_uint_eq(r.sent.len, CHAN_HEADER + chan_get32((unsigned char *)r.sent.p));
	ck_assert_uint_eq((unsigned char)r.sent.p[4], CHAN_SETUP);
	ck_assert_mem_eq(r.sent.p + CHAN_HEADER, want + CHAN_HEADER, r.sent.len - CHAN_HEADER);
	ck_assert_int_eq(chan_exec(r.c, &setup.main), -EAGAIN);
	rig_free(&r);
}
END_TEST

/* A whole dialogue, fed in pieces of 1 to 64 bytes, and sent in pieces too. */
START_TEST(test_dialogue_in_pieces)
{
	struct chan_setup setup = {.hostname = "box"};
	struct chan_launch l = {.gid = CHAN_LOOKUP};
	size_t step = (size_t)_i + 1;
	struct buf b = {0};
	struct rig r;
	int id, tag;

	rig_new(&r);
	r.send_max = step;
	add_frame(&b, CHAN_HELLO, 0, 0, HELLO, sizeof(HELLO));
	ck_assert_int_eq(chan_setup(r.c, &setup), 0);
	add_frame(&b, CHAN_READY, 0, 0, "\5\0\0\0", 4);
	for (size_t i = 0; i < b.len; i += step)
		chan_feed(r.c, b.p + i, b.len - i < step ? b.len - i : step);
	buf_reset(&b);
	id = chan_exec(r.c, &l);
	tag = chan_ps(r.c);
	ck_assert_int_gt(id, 0);
	ck_assert_int_gt(tag, id);
	add_frame(&b, CHAN_EXEC_STARTED, 0, (uint32_t)id, "\x07\0\0\0", 4);
	add_frame(&b, CHAN_DATA, 1, (uint32_t)id, "out", 3);
	add_frame(&b, CHAN_DATA, 2, (uint32_t)id, "err", 3);
	add_frame(&b, CHAN_DONE, CHAN_MORE, (uint32_t)tag, "\0\0", 2);
	add_frame(&b, CHAN_DONE, CHAN_CUT, (uint32_t)tag, "\0\0abc", 5);
	add_frame(&b, CHAN_EOF, 1, (uint32_t)id, "", 0);
	add_frame(&b, CHAN_EOF, 0, (uint32_t)id, "", 0);
	add_frame(&b, CHAN_EXIT, 0, (uint32_t)id, "\0\x07\0\0", 4);
	add_frame(&b, CHAN_MAIN_EXIT, 0, 0, "\0\x7f\0\0\2\0\0\0exec x", 15);
	add_frame(&b, CHAN_OFF, 0, 0, "", 0);
	for (size_t i = 0; i < b.len; i += step)
		chan_feed(r.c, b.p + i, b.len - i < step ? b.len - i : step);
	ck_assert_str_eq(buf_cstr(&r.log), "hello 7.3.4 5000\nready 5\nstarted 7\ndata 1 out\n"
					   "data 2 err\nreply 0 3 cut\neof 1\neof 0\nexit 1792\n"
					   "main_exit 32512 2 exec x\noff\n");
	ck_assert_ptr_null(chan_reason(r.c));
	ck_assert_int_eq(chan_stream_signal(r.c, (uint32_t)id, 9), -ENOENT);
	buf_free(&b);
	rig_free(&r);
}
END_TEST

static const struct {
	uint16_t type, flags;
	uint32_t id; /* 1: the running stream, 2: the open tag, 3: the starting stream */
	const char *p;
	size_t n;
	const char *reason;
} bad[] = {
    {.type = 999, .reason = "unknown message type 999"},
    {.type = CHAN_SETUP, .reason = "unknown message type"},
    {.type = CHAN_HELLO, .p = HELLO, .n = sizeof(HELLO), .reason = "out of turn"},
    {.type = CHAN_READY, .p = "\0\0\0", .n = 4, .reason = "out of turn"},
    {.type = CHAN_DATA, .flags = 1, .id = 77, .p = "x", .n = 1, .reason = "unknown id 77"},
    {.type = CHAN_DATA, .flags = 1, .id = 3, .p = "x", .n = 1, .reason = "unknown id"},
    {.type = CHAN_DATA, .flags = 1, .id = 1, .reason = "of 0 bytes"},
    {.type = CHAN_DATA, .flags = 0, .id = 1, .p = "x", .n = 1, .reason = "channel 0"},
    {.type = CHAN_DATA, .flags = 3, .id = 1, .p = "x", .n = 1, .reason = "channel 3"},
    {.type = CHAN_DATA, .flags = 5, .id = 1, .p = "x", .n = 1, .reason = "flags 0x5"},
    {.type = CHAN_EOF, .flags = 3, .id = 1, .reason = "channel 3"},
    {.type = CHAN_CREDIT, .id = 1, .p = "\1\0\0", .n = 4, .reason = "CREDIT of 1 bytes on top"},
    {.type = CHAN_CREDIT, .id = 1, .p = "\0\0\0", .n = 4, .reason = "CREDIT of 0 bytes"},
    {.type = CHAN_CREDIT, .id = 1, .p = "\xff\xff\xff\xff", .n = 4, .reason = "CREDIT of"},
    {.type = CHAN_EXEC_STARTED, .id = 1, .p = "\1\0\0", .n = 4, .reason = "unknown id"},
    {.type = CHAN_EXEC_FAILED, .id = 3, .p = "\1\0\0\0xx", .n = 6, .reason = "without a text"},
    {.type = CHAN_EXEC_FAILED, .id = 3, .p = "\1\0\0\0x\0y", .n = 8, .reason = "without a text"},
    {.type = CHAN_EXIT, .id = 3, .p = "\1\0\0", .n = 4, .reason = "unknown id"},
    {.type = CHAN_EXIT, .id = 0, .p = "\1\0\0", .n = 4, .reason = "unknown id"},
    {.type = CHAN_CLOSED, .id = 1, .reason = "unknown id"},
    {.type = CHAN_DONE, .id = 1, .p = "\0\0\0", .n = 4, .reason = "unknown id"},
    {.type = CHAN_DONE, .id = 0, .p = "\0\0\0", .n = 4, .reason = "unknown id"},
    {.type = CHAN_DONE, .id = 2, .p = "\0\0", .n = 3, .reason = "without an errno"},
    {.type = CHAN_DONE, .flags = CHAN_MORE, .id = 2, .reason = "empty part"},
    {.type = CHAN_MAIN_EXIT, .p = "\0\0\0\0\0\0\0\0x", .n = 9, .reason = "without a text"},
    {.type = CHAN_OFF, .p = "x", .n = 1, .reason = "of 1 bytes"},
    {.type = CHAN_NAMES, .p = "\5\0\0\0\0\0\0", .n = 8, .reason = "of 8 bytes"},
    {.type = CHAN_NAMES, .p = "\5\0\0\0\0\0\0\0\3ab", .n = 11, .reason = "that is none"},
    {.type = CHAN_NAMES, .p = "\5\0\0\0\0\0\0\0\2a\0", .n = 11, .reason = "that is none"},
    {.type = CHAN_NAMES, .p = "\0\0\0\0\0\0\0\0\1a", .n = 10, .reason = "that is none"},
    {.type = CHAN_NAMES, .p = "\5\0\0\0\4\0\0\0\1a", .n = 10, .reason = "that is none"},
    {.type = CHAN_NAMES,
     .p = "\5\0\0\0\0\0\0\0\x10"
	  "0123456789abcdef",
     .n = 25,
     .reason = "that is none"},
    {.type = CHAN_MAIN_EXIT, .id = 4, .p = "\0\0\0\0\0\0\0\0x", .n = 10, .reason = "unknown id"},
};

/* Records in one frame, before READY and behind it. */
START_TEST(test_names)
{
	static const char records[] = "\7\0\0\0\0\0\0\0\3vim\x8\0\0\0\7\0\0\0\0";
	struct chan_setup setup = {.hostname = "box", .flags = CHAN_TELL_NAMES};
	struct rig r;

	rig_new(&r);
	feed(&r, CHAN_HELLO, 0, 0, HELLO, sizeof(HELLO));
	ck_assert_int_eq(chan_setup(r.c, &setup), 0);
	r.log.len = 0;
	feed(&r, CHAN_NAMES, 0, 0, records, sizeof(records) - 1);
	feed(&r, CHAN_READY, 0, 0, "\7\0\0\0", 4);
	feed(&r, CHAN_NAMES, 0, 0, "\x8\0\0\0\0\0\0\0\2sh", 11);
	ck_assert_str_eq(buf_cstr(&r.log), "name 7 0 vim\nname 8 7 \nready 7\nname 8 0 sh\n");
	ck_assert_ptr_null(chan_reason(r.c));
	rig_free(&r);
}
END_TEST

START_TEST(test_rules)
{
	struct chan_launch l = {.gid = CHAN_LOOKUP};
	uint32_t ids[4] = {0};
	struct rig r;

	rig_ready(&r);
	ids[1] = rig_exec(&r);
	ids[2] = (uint32_t)chan_sync(r.c);
	ids[3] = (uint32_t)chan_exec(r.c, &l);
	feed(&r, bad[_i].type, bad[_i].flags, bad[_i].id < 4 ? ids[bad[_i].id] : bad[_i].id,
	     bad[_i].p, bad[_i].n);
	ck_assert_msg(chan_reason(r.c) && strstr(chan_reason(r.c), bad[_i].reason), "%s: got %s",
		      bad[_i].reason, chan_reason(r.c) ? chan_reason(r.c) : "nothing");
	ck_assert_msg(strncmp(buf_cstr(&r.log), "broken: ", 8) == 0, "log: %s", buf_cstr(&r.log));
	buf_reset(&r.log);
	feed(&r, CHAN_DONE, 0, ids[2], "\0\0\0", 4);
	ck_assert_uint_eq(r.log.len, 0);
	ck_assert_int_eq(chan_sync(r.c), -EPIPE);
	ck_assert_int_eq(chan_exec(r.c, &l), -EPIPE);
	ck_assert_int_eq(chan_stream_write(r.c, ids[1], "x", 1), -EPIPE);
	rig_free(&r);
}
END_TEST

START_TEST(test_hello_rules)
{
	struct rig r;

	rig_new(&r);
	feed(&r, CHAN_HELLO, 0, 0, "\1\0\0\0\0\0\0\0\0\0\0\0x", 14);
	ck_assert_ptr_nonnull(strstr(chan_reason(r.c), "version 1"));
	rig_free(&r);
	rig_new(&r);
	feed(&r, CHAN_HELLO, 0, 0, HELLO, sizeof(HELLO) - 1);
	ck_assert_ptr_nonnull(strstr(chan_reason(r.c), "release"));
	rig_free(&r);
	rig_new(&r);
	feed(&r, CHAN_HELLO, 0, 0, HELLO, sizeof(HELLO));
	feed(&r, CHAN_READY, 0, 0, "\0\0\0\0", 4);
	ck_assert_ptr_nonnull(strstr(chan_reason(r.c), "READY before SETUP"));
	rig_free(&r);
	/* A length is refused before its payload is waited for. */
	rig_new(&r);
	chan_feed(r.c, "\xff\xff\xff\x7f\1\0\0\0\0\0\0\0", CHAN_HEADER);
	ck_assert_ptr_nonnull(chan_reason(r.c));
	rig_free(&r);
}
END_TEST

START_TEST(test_interleaved_message)
{
	struct rig r;
	uint32_t a, b;

	rig_ready(&r);
	a = (uint32_t)chan_ps(r.c);
	b = (uint32_t)chan_ps(r.c);
	feed(&r, CHAN_DONE, CHAN_MORE, a, "\0\0\0\0xyz", 7);
	feed(&r, CHAN_DONE, 0, b, "\0\0\0", 4);
	ck_assert_ptr_nonnull(strstr(chan_reason(r.c), "inside a longer one"));
	rig_free(&r);
}
END_TEST

START_TEST(test_message_bound)
{
	static unsigned char part[CHAN_MAX_PAYLOAD];
	struct rig r;
	uint32_t tag;
	int parts = 0;

	rig_ready(&r);
	tag = (uint32_t)chan_ps(r.c);
	while (!chan_reason(r.c) && parts++ < 100)
		feed(&r, CHAN_DONE, CHAN_MORE, tag, part, sizeof(part));
	ck_assert_int_eq(parts, CHAN_MAX_MESSAGE / CHAN_MAX_PAYLOAD + 1);
	rig_free(&r);
}
END_TEST

/* The guest may send CHAN_WINDOW bytes and then what was given back, not one more. */
START_TEST(test_credit_of_output)
{
	static unsigned char data[CHAN_MAX_PAYLOAD];
	struct rig r;
	uint32_t id;

	rig_ready(&r);
	id = rig_exec(&r);
	for (int i = 0; i < CHAN_WINDOW / CHAN_MAX_PAYLOAD; i++)
		feed(&r, CHAN_DATA, 1, id, data, sizeof(data));
	ck_assert_uint_eq(r.data, CHAN_WINDOW);
	feed(&r, CHAN_DATA, 2, id, "x", 1); /* the other channel has its own */
	ck_assert_ptr_null(chan_reason(r.c));
	chan_stream_consumed(r.c, id, 1, 1000);
	ck_assert_uint_eq(r.sent.len, 0); /* not worth a frame yet */
	chan_stream_consumed(r.c, id, 1, CHAN_WINDOW / 4);
	ck_assert_uint_eq(r.sent.len, CHAN_HEADER + 4);
	ck_assert_uint_eq(chan_get32((unsigned char *)r.sent.p + CHAN_HEADER),
			  1000 + CHAN_WINDOW / 4);
	/* More than was received is not given back. */
	chan_stream_consumed(r.c, id, 1, SIZE_MAX);
	ck_assert_uint_eq(chan_get32((unsigned char *)r.sent.p + 2 * CHAN_HEADER + 4),
			  CHAN_WINDOW - 1000 - CHAN_WINDOW / 4);
	for (int i = 0; i < CHAN_WINDOW / CHAN_MAX_PAYLOAD; i++)
		feed(&r, CHAN_DATA, 1, id, data, sizeof(data));
	ck_assert_ptr_null(chan_reason(r.c));
	feed(&r, CHAN_DATA, 1, id, "x", 1);
	ck_assert_ptr_nonnull(strstr(chan_reason(r.c), "DATA of 1 bytes with credit for 0"));
	rig_free(&r);
}
END_TEST

START_TEST(test_credit_of_input)
{
	static unsigned char data[2 * CHAN_WINDOW];
	unsigned char credit[4];
	struct rig r;
	uint32_t id;

	rig_ready(&r);
	id = rig_exec(&r);
	ck_assert_int_eq(chan_stream_write(r.c, id, data, sizeof(data)), CHAN_WINDOW);
	ck_assert_uint_eq(r.sent.len, CHAN_WINDOW + CHAN_WINDOW / CHAN_MAX_PAYLOAD * CHAN_HEADER);
	ck_assert_int_eq(chan_stream_write(r.c, id, data, 1), 0);
	chan_writable(r.c);
	ck_assert_uint_eq(r.rooms, 0);
	chan_put32(credit, 5);
	feed(&r, CHAN_CREDIT, 0, id, credit, 4);
	ck_assert_uint_eq(r.rooms, 1);
	ck_assert_int_eq(chan_stream_write(r.c, id, data, 10), 5);
	/* The process reads no more: what comes is taken and dropped. */
	feed(&r, CHAN_EOF, 0, id, "", 0);
	ck_assert_int_eq(chan_stream_write(r.c, id, data, 10), 10);
	ck_assert_int_eq(chan_stream_eof(r.c, id), 0);
	ck_assert_int_eq(chan_stream_write(r.c, id, data, 10), -EINVAL);
	rig_free(&r);
}
END_TEST

START_TEST(test_queue_is_bounded)
{
	static unsigned char data[CHAN_WINDOW];
	struct chan_launch l = {.gid = CHAN_LOOKUP, .cwd = (char *)data};
	struct rig r;
	uint32_t id;
	int n;

	memset(data, 'x', sizeof(data) - 1);
	rig_ready(&r);
	id = rig_exec(&r);
	r.send_room = 0;
	n = chan_stream_write(r.c, id, data, sizeof(data));
	ck_assert_int_gt(n, 0);
	ck_assert_int_le(n, CHAN_QUEUE_DATA + CHAN_MAX_PAYLOAD);
	while ((n = chan_exec(r.c, &l)) > 0)
		ck_assert_uint_le(chan_queued(r.c), CHAN_QUEUE_MAX + CHAN_MAX_MESSAGE);
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_uint_le(chan_queued(r.c), CHAN_QUEUE_MAX + 4096);
	r.send_room = SIZE_MAX;
	chan_writable(r.c);
	ck_assert_uint_eq(chan_queued(r.c), 0);
	ck_assert_uint_eq(r.rooms, 1);
	rig_free(&r);
}
END_TEST

START_TEST(test_tables_are_bounded)
{
	struct chan_launch l = {.gid = CHAN_LOOKUP};
	int n, streams = 0, tags = 0;
	struct rig r;

	rig_ready(&r);
	while ((n = chan_exec(r.c, &l)) > 0)
		streams++;
	ck_assert_int_eq(n, -EMFILE);
	ck_assert_int_eq(streams, CHAN_MAX_STREAMS);
	while ((n = chan_ping(r.c)) > 0)
		tags++;
	ck_assert_int_eq(n, -EMFILE);
	ck_assert_int_eq(tags, CHAN_MAX_TAGS);
	rig_free(&r);
}
END_TEST

START_TEST(test_close_is_silent)
{
	struct rig r;
	uint32_t id;

	rig_ready(&r);
	id = rig_exec(&r);
	ck_assert_int_eq(chan_stream_close(r.c, id), 0);
	ck_assert_int_eq(chan_stream_write(r.c, id, "x", 1), -ENOENT);
	feed(&r, CHAN_DATA, 1, id, "late", 4);
	feed(&r, CHAN_EOF, 1, id, "", 0);
	feed(&r, CHAN_CLOSED, 0, id, "", 0);
	ck_assert_str_eq(buf_cstr(&r.log), "");
	ck_assert_ptr_null(chan_reason(r.c));
	feed(&r, CHAN_CLOSED, 0, id, "", 0);
	ck_assert_ptr_nonnull(chan_reason(r.c));
	rig_free(&r);
}
END_TEST

START_TEST(test_big_launch_is_cut)
{
	char *big = xmalloc(200 * 1024);
	const char *argv[] = {"echo", big, NULL};
	struct chan_launch l = {.argv = argv, .gid = CHAN_LOOKUP};
	size_t off = 0, sum = 0;
	struct rig r;
	unsigned frames = 0;

	memset(big, 'a', 200 * 1024 - 1);
	big[200 * 1024 - 1] = '\0';
	rig_ready(&r);
	ck_assert_int_gt(chan_exec(r.c, &l), 0);
	while (off < r.sent.len) {
		unsigned char *p = (unsigned char *)r.sent.p + off;
		bool more = chan_get16(p + 6) & CHAN_MORE;

		ck_assert_uint_eq(chan_get16(p + 4), CHAN_EXEC);
		sum += chan_get32(p);
		off += CHAN_HEADER + chan_get32(p);
		frames++;
		ck_assert_int_eq(more, off < r.sent.len);
	}
	ck_assert_uint_eq(frames, 4);
	ck_assert_uint_gt(sum, 200 * 1024);
	free(big);
	big = xmalloc(CHAN_MAX_MESSAGE + 1);
	memset(big, 'a', CHAN_MAX_MESSAGE);
	big[CHAN_MAX_MESSAGE] = '\0';
	argv[1] = big;
	ck_assert_int_eq(chan_exec(r.c, &l), -E2BIG);
	free(big);
	rig_free(&r);
}
END_TEST

/* Random frames, near the truth: nothing but a reason may come of them. */
START_TEST(test_hostile_bytes)
{
	static const uint16_t types[] = {1, 2, 3, 4, 5, 6, 7, 8, 32, 33, 34, 64, 0};
	unsigned broken = 0;

	for (unsigned seed = 0; seed < 3000; seed++) {
		struct rig r;
		uint32_t id;

		srandom(seed + (unsigned)_i * 100000);
		if (random() % 4)
			rig_ready(&r);
		else
			rig_new(&r);
		id = chan_is_ready(r.c) ? rig_exec(&r) : 1;
		if (random() % 2)
			chan_ps(r.c);
		for (int i = 0; i < 50 && !chan_reason(r.c); i++) {
			unsigned char b[CHAN_HEADER + 64];
			size_t n = (size_t)random() % 65;

			for (size_t k = 0; k < sizeof(b); k++)
				b[k] = (unsigned char)random();
			if (random() % 64) {
				n = random() % 3 ? 4 : n;
				chan_put_header(b, (uint32_t)n, types[random() % 13],
						random() % 3 ? (uint16_t)(random() % 3)
							     : (uint16_t)random(),
						random() % 4 ? id + (uint32_t)random() % 3 : 0);
				if (random() % 2)
					memset(b + CHAN_HEADER + 1, 0, 63);
			}
			chan_feed(r.c, b, CHAN_HEADER + n);
			chan_stream_consumed(r.c, id, 1, (size_t)random());
			chan_stream_write(r.c, id, b, sizeof(b));
		}
		broken += chan_reason(r.c) != NULL;
		rig_free(&r);
	}
	ck_assert_uint_gt(broken, 2000);
}
END_TEST

START_TEST(test_ps_records)
{
	unsigned char p[CHAN_PS_FIXED + 10] = {0}, noise[512];
	struct chan_proc proc;
	size_t pos = 0;
	uint32_t n;

	chan_put16(p, sizeof(p));
	p[2] = 'S';
	p[3] = 4;
	chan_put32(p + 4, 42);
	memcpy(p + CHAN_PS_FIXED, "bash-bash", 10);
	ck_assert_int_eq(chan_ps_next(p, sizeof(p), &pos, &proc), 1);
	ck_assert_uint_eq(proc.pid, 42);
	ck_assert_int_eq(proc.state, 'S');
	ck_assert_uint_eq(proc.comm_len, 4);
	ck_assert_uint_eq(proc.cmdline_len, 6);
	ck_assert_str_eq(proc.cmdline, "-bash");
	ck_assert_int_eq(chan_ps_next(p, sizeof(p), &pos, &proc), 0);
	pos = 0;
	ck_assert_int_eq(chan_ps_next(p, sizeof(p) - 1, &pos, &proc), -EPROTO);
	p[3] = 11;
	ck_assert_int_eq(chan_ps_next(p, sizeof(p), &pos, &proc), -EPROTO);
	p[3] = 4;
	p[2] = 27;
	ck_assert_int_eq(chan_ps_next(p, sizeof(p), &pos, &proc), 1);
	ck_assert_int_eq(proc.state, '?');
	for (int i = 0; i < 20000; i++) {
		size_t size = (size_t)random() % sizeof(noise);

		for (size_t k = 0; k < size; k++)
			noise[k] = (unsigned char)random();
		if (size > 2)
			noise[1] = 0;
		pos = 0;
		while (chan_ps_next(noise, size, &pos, &proc) == 1)
			ck_assert(proc.cmdline + proc.cmdline_len <= (char *)noise + size);
	}
	ck_assert_int_eq(chan_reply_count("\1\2\0", 4, &n), 0);
	ck_assert_uint_eq(n, 513);
	ck_assert_int_eq(chan_reply_count("\1\2", 3, &n), -EPROTO);
}
END_TEST

START_TEST(test_owners_records)
{
	unsigned char p[2 * (4 + CHAN_PS_FIXED + 6)] = {0};
	const size_t one = 4 + CHAN_PS_FIXED + 6;
	struct chan_proc pr;
	size_t pos = 0, at;

	for (uint32_t i = 0; i < 2; i++) {
		unsigned char *r = p + i * one;

		chan_put32(r, 5 - i);
		chan_put16(r + 4, CHAN_PS_FIXED + 6);
		r[6] = 'S';
		r[7] = 2;
		chan_put32(r + 8, 70 + i);
		memcpy(r + 4 + CHAN_PS_FIXED, "shsh -c", 6);
	}
	ck_assert_int_eq(chan_owners_next(p, sizeof(p), &pos, 6, &at, &pr), 1);
	ck_assert_uint_eq(at, 5);
	ck_assert_uint_eq(pr.pid, 70);
	ck_assert_int_eq(chan_owners_next(p, sizeof(p), &pos, 6, &at, &pr), 1);
	ck_assert_uint_eq(pr.pid, 71);
	ck_assert_int_eq(chan_owners_next(p, sizeof(p), &pos, 6, &at, &pr), 0);
	/* A place that nobody asked for, and every cut. */
	pos = 0;
	ck_assert_int_eq(chan_owners_next(p, sizeof(p), &pos, 5, &at, &pr), -EPROTO);
	for (size_t n = 1; n < one; n++) {
		pos = 0;
		ck_assert_int_eq(chan_owners_next(p, n, &pos, 6, &at, &pr), -EPROTO);
	}
	pos = one + 1;
	ck_assert_int_eq(chan_owners_next(p, one, &pos, 6, &at, &pr), -EPROTO);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chan");
	TCase *t = tcase_create("host");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_setup_bytes);
	tcase_add_test(t, test_names);
	tcase_add_loop_test(t, test_dialogue_in_pieces, 0, 64);
	tcase_add_loop_test(t, test_rules, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, test_hello_rules);
	tcase_add_test(t, test_interleaved_message);
	tcase_add_test(t, test_message_bound);
	tcase_add_test(t, test_credit_of_output);
	tcase_add_test(t, test_credit_of_input);
	tcase_add_test(t, test_queue_is_bounded);
	tcase_add_test(t, test_tables_are_bounded);
	tcase_add_test(t, test_close_is_silent);
	tcase_add_test(t, test_big_launch_is_cut);
	tcase_add_loop_test(t, test_hostile_bytes, 0, 4);
	tcase_add_test(t, test_ps_records);
	tcase_add_test(t, test_owners_records);
	suite_add_tcase(s, t);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
