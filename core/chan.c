/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chan: streams and requests towards the guest. What comes from it is in chan_in.c. */
#include "core/chan.h"
#include "core/chan_int.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CREDIT_STEP = CHAN_WINDOW / 4,	 /* consumed bytes that are worth a CREDIT frame */
	ROOM_STEP = CHAN_QUEUE_DATA / 2, /* stream_room is told below this */
};

struct chan *chan_new(const struct chan_ops *ops, void *user)
{
	struct chan *c = xcalloc(1, sizeof(*c));

	c->ops = ops;
	c->user = user;
	return c;
}

void chan_free(struct chan *c)
{
	if (!c)
		return;
	while (c->streams)
		chan_stream_drop(c, c->streams);
	buf_free(&c->in);
	buf_free(&c->message);
	buf_free(&c->out);
	free(c);
}

int chan_break(struct chan *c, const char *fmt, ...)
{
	va_list ap;

	if (c->state == CHAN_ST_DEAD)
		return -EPIPE;
	c->state = CHAN_ST_DEAD;
	va_start(ap, fmt);
	vsnprintf(c->reason, sizeof(c->reason), fmt, ap);
	va_end(ap);
	buf_free(&c->out);
	c->out_off = 0;
	if (c->ops->broken)
		c->ops->broken(c->user, c->reason);
	return -EPIPE;
}

const char *chan_reason(const struct chan *c)
{
	return c->state == CHAN_ST_DEAD ? c->reason : NULL;
}

bool chan_is_ready(const struct chan *c)
{
	return c->state == CHAN_ST_READY;
}

size_t chan_queued(const struct chan *c)
{
	return c->out.len - c->out_off;
}

static void flush(struct chan *c)
{
	while (c->state != CHAN_ST_DEAD && chan_queued(c)) {
		size_t n = c->ops->send(c->user, c->out.p + c->out_off, chan_queued(c));

		if (!n)
			break;
		c->out_off += n;
	}
	if (!chan_queued(c)) {
		/* A queue that was large once gives its memory back. */
		if (c->out.cap > CHAN_QUEUE_DATA)
			buf_free(&c->out);
		else
			buf_reset(&c->out);
		c->out_off = 0;
	} else if (c->out_off > c->out.len / 2) {
		buf_eat(&c->out, c->out_off);
		c->out_off = 0;
	}
}

/* Queues one frame; the caller has looked at the queue's limit. */
static void put_frame(struct chan *c, uint16_t type, uint16_t flags, uint32_t id, const void *p,
		      size_t n)
{
	unsigned char head[CHAN_HEADER];

	chan_put_header(head, (uint32_t)n, type, flags, id);
	buf_add(&c->out, head, sizeof(head));
	if (n)
		buf_add(&c->out, p, n);
}

/* Queues a message, cut into frames where it must be, and sends what can be sent. */
static int put_message(struct chan *c, uint16_t type, uint16_t flags, uint32_t id, const void *p,
		       size_t n)
{
	const char *at = p;

	if (c->state == CHAN_ST_DEAD)
		return -EPIPE;
	if (n > CHAN_MAX_MESSAGE)
		return -E2BIG;
	if (chan_queued(c) + n > CHAN_QUEUE_MAX)
		return -EAGAIN;
	while (n > CHAN_MAX_PAYLOAD) {
		put_frame(c, type, flags | CHAN_MORE, id, at, CHAN_MAX_PAYLOAD);
		at += CHAN_MAX_PAYLOAD;
		n -= CHAN_MAX_PAYLOAD;
	}
	put_frame(c, type, flags, id, at, n);
	flush(c);
	return 0;
}

void chan_tell_room(struct chan *c)
{
	for (struct chan_stream *s = c->streams; s; s = s->next) {
		if (c->state == CHAN_ST_DEAD || chan_queued(c) >= ROOM_STEP)
			return;
		if (!s->want_room || s->closing || !s->credit)
			continue;
		s->want_room = false;
		if (c->ops->stream_room)
			c->ops->stream_room(c->user, s->id);
	}
}

void chan_writable(struct chan *c)
{
	flush(c);
	chan_tell_room(c);
}

/* Launches. */

static size_t count_strings(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static void add_string(struct buf *b, const char *s)
{
	buf_add(b, s ? s : "", s ? strlen(s) + 1 : 1);
}

static int add_launch(struct buf *b, const struct chan_launch *l)
{
	unsigned char fixed[CHAN_LAUNCH_FIXED + 2], group[4];
	size_t argc = count_strings(l->argv), envc = count_strings(l->env);

	if (argc > UINT16_MAX || envc > UINT16_MAX)
		return -E2BIG;
	if (l->ngroups > CHAN_MAX_GROUPS || (l->gid == CHAN_LOOKUP && l->ngroups))
		return -EINVAL;
	chan_put32(fixed, l->flags);
	chan_put32(fixed + 4, l->uid);
	chan_put32(fixed + 8, l->gid);
	chan_put16(fixed + 12, l->rows);
	chan_put16(fixed + 14, l->cols);
	chan_put16(fixed + 16, (uint16_t)l->ngroups);
	chan_put16(fixed + 18, (uint16_t)argc);
	chan_put16(fixed + 20, (uint16_t)envc);
	chan_put16(fixed + 22, 0);
	buf_add(b, fixed, CHAN_LAUNCH_FIXED);
	for (size_t i = 0; i < l->ngroups; i++) {
		chan_put32(group, l->groups[i]);
		buf_add(b, group, sizeof(group));
	}
	add_string(b, l->user);
	add_string(b, l->cwd);
	add_string(b, l->term);
	for (size_t i = 0; i < argc; i++)
		add_string(b, l->argv[i]);
	for (size_t i = 0; i < envc; i++)
		add_string(b, l->env[i]);
	return 0;
}

int chan_setup(struct chan *c, const struct chan_setup *setup)
{
	struct buf b = {0};
	unsigned char flags[8];
	int r;

	if (c->state == CHAN_ST_DEAD)
		return -EPIPE;
	if (c->setup_sent)
		return -EALREADY;
	chan_put32(flags, setup->flags);
	chan_put32(flags + 4, setup->tasks);
	buf_add(&b, flags, sizeof(flags));
	add_string(&b, setup->hostname);
	r = add_launch(&b, &setup->main);
	if (r == 0)
		r = put_message(c, CHAN_SETUP, 0, 0, b.p, b.len);
	if (r == 0)
		c->setup_sent = true;
	buf_free(&b);
	return r;
}

/* Streams. */

struct chan_stream *chan_stream_find(const struct chan *c, uint32_t id)
{
	struct chan_stream *s = c->streams;

	while (s && s->id != id)
		s = s->next;
	return s;
}

void chan_stream_drop(struct chan *c, struct chan_stream *s)
{
	struct chan_stream **at = &c->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	c->nstreams--;
	free(s);
}

static bool tag_used(const struct chan *c, uint32_t id)
{
	for (int i = 0; i < CHAN_MAX_TAGS; i++)
		if (c->tags[i].id == id)
			return true;
	return false;
}

static uint32_t next_id(struct chan *c)
{
	do {
		c->last_id = c->last_id >= INT32_MAX ? 1 : c->last_id + 1;
	} while (chan_stream_find(c, c->last_id) || tag_used(c, c->last_id));
	return c->last_id;
}

int chan_exec(struct chan *c, const struct chan_launch *launch)
{
	struct chan_stream *s;
	struct buf b = {0};
	uint32_t id;
	int r;

	if (c->state != CHAN_ST_READY)
		return c->state == CHAN_ST_DEAD ? -EPIPE : -EAGAIN;
	if (c->nstreams >= CHAN_MAX_STREAMS)
		return -EMFILE;
	id = next_id(c);
	r = add_launch(&b, launch);
	if (r == 0)
		r = put_message(c, CHAN_EXEC, 0, id, b.p, b.len);
	buf_free(&b);
	if (r < 0)
		return r;
	s = xcalloc(1, sizeof(*s));
	s->id = id;
	s->credit = CHAN_WINDOW;
	s->out[1].credit = s->out[2].credit = CHAN_WINDOW;
	s->next = c->streams;
	c->streams = s;
	c->nstreams++;
	return (int)id;
}

/* A stream that the caller may still use; NULL with *r set. */
static struct chan_stream *living(struct chan *c, uint32_t id, int *r)
{
	struct chan_stream *s = chan_stream_find(c, id);

	*r = 0;
	if (c->state == CHAN_ST_DEAD)
		*r = -EPIPE;
	else if (!s || s->closing)
		*r = -ENOENT;
	return *r ? NULL : s;
}

int chan_stream_write(struct chan *c, uint32_t stream, const void *p, size_t n)
{
	int r;
	struct chan_stream *s = living(c, stream, &r);
	size_t done = 0;

	if (!s)
		return r;
	if (s->in_eof)
		return -EINVAL;
	if (s->no_input) /* nobody reads it: gone, as a pipe's end would say */
		return (int)(n > INT32_MAX ? INT32_MAX : n);
	while (done < n && s->credit && chan_queued(c) < CHAN_QUEUE_DATA) {
		size_t k = n - done;

		k = k > s->credit ? s->credit : k;
		k = k > CHAN_MAX_PAYLOAD ? CHAN_MAX_PAYLOAD : k;
		put_frame(c, CHAN_DATA, 0, stream, (const char *)p + done, k);
		s->credit -= (uint32_t)k;
		done += k;
		flush(c);
	}
	s->want_room = done < n;
	return (int)done;
}

int chan_stream_eof(struct chan *c, uint32_t stream)
{
	int r;
	struct chan_stream *s = living(c, stream, &r);

	if (!s || s->in_eof)
		return r;
	r = put_message(c, CHAN_EOF, 0, stream, NULL, 0);
	if (r == 0) {
		s->in_eof = true;
		s->want_room = false;
	}
	return r;
}

void chan_stream_consumed(struct chan *c, uint32_t stream, int fd, size_t n)
{
	int r;
	struct chan_stream *s = living(c, stream, &r);
	struct chan_inlet *in;
	unsigned char owed[4];

	if (!s || fd < 1 || fd > 2)
		return;
	in = &s->out[fd];
	n = n > in->held ? in->held : n;
	in->held -= (uint32_t)n;
	in->owed += (uint32_t)n;
	if (in->owed < CREDIT_STEP || in->eof)
		return;
	chan_put32(owed, in->owed);
	if (put_message(c, CHAN_CREDIT, (uint16_t)fd, stream, owed, sizeof(owed)) < 0)
		return; /* the queue is full: it stays owed and goes with the next */
	in->credit += in->owed;
	in->owed = 0;
}

static int put_signal(struct chan *c, uint32_t id, int signo)
{
	unsigned char p[4];

	if (signo < 1 || signo > 64)
		return -EINVAL;
	chan_put32(p, (uint32_t)signo);
	return put_message(c, CHAN_SIGNAL, 0, id, p, sizeof(p));
}

static int put_winsize(struct chan *c, uint32_t id, uint16_t rows, uint16_t cols)
{
	unsigned char p[4];

	chan_put16(p, rows);
	chan_put16(p + 2, cols);
	return put_message(c, CHAN_WINSIZE, 0, id, p, sizeof(p));
}

int chan_stream_signal(struct chan *c, uint32_t stream, int signo)
{
	int r;

	return living(c, stream, &r) ? put_signal(c, stream, signo) : r;
}

int chan_stream_winsize(struct chan *c, uint32_t stream, uint16_t rows, uint16_t cols)
{
	int r;

	return living(c, stream, &r) ? put_winsize(c, stream, rows, cols) : r;
}

int chan_stream_close(struct chan *c, uint32_t stream)
{
	int r;
	struct chan_stream *s = living(c, stream, &r);

	if (!s)
		return r;
	r = put_message(c, CHAN_CLOSE, 0, stream, NULL, 0);
	if (r == 0)
		s->closing = true;
	return r;
}

static int after_setup(const struct chan *c)
{
	if (c->state == CHAN_ST_DEAD)
		return -EPIPE;
	return c->setup_sent ? 0 : -EAGAIN;
}

int chan_main_signal(struct chan *c, int signo)
{
	int r = after_setup(c);

	return r < 0 ? r : put_signal(c, 0, signo);
}

int chan_console_winsize(struct chan *c, uint16_t rows, uint16_t cols)
{
	int r = after_setup(c);

	return r < 0 ? r : put_winsize(c, 0, rows, cols);
}

/* Requests. */

static int put_request(struct chan *c, uint16_t type, const void *p, size_t n)
{
	struct chan_tag *tag = NULL;
	uint32_t id;
	int r = after_setup(c);

	if (r < 0)
		return r;
	for (int i = 0; i < CHAN_MAX_TAGS && !tag; i++)
		if (!c->tags[i].id)
			tag = &c->tags[i];
	if (!tag)
		return -EMFILE;
	id = next_id(c);
	r = put_message(c, type, 0, id, p, n);
	if (r < 0)
		return r;
	*tag = (struct chan_tag){.id = id, .type = type};
	return (int)id;
}

int chan_ping(struct chan *c)
{
	return put_request(c, CHAN_PING, NULL, 0);
}

int chan_sync(struct chan *c)
{
	return put_request(c, CHAN_SYNC, NULL, 0);
}

int chan_drop_caches(struct chan *c)
{
	return put_request(c, CHAN_DROP_CACHES, NULL, 0);
}

int chan_count_procs(struct chan *c)
{
	return put_request(c, CHAN_COUNT_PROCS, NULL, 0);
}

int chan_ps(struct chan *c)
{
	return put_request(c, CHAN_PS, NULL, 0);
}

int chan_info(struct chan *c)
{
	return put_request(c, CHAN_INFO, NULL, 0);
}

int chan_owners(struct chan *c, const struct chan_socket *v, size_t n)
{
	unsigned char p[CHAN_MAX_SOCKETS * CHAN_SOCKET] = {0};

	if (!n || n > CHAN_MAX_SOCKETS)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		unsigned char *at = p + i * CHAN_SOCKET;

		at[0] = v[i].proto;
		at[1] = v[i].v6 ? 6 : 4;
		chan_put16(at + 2, v[i].local);
		chan_put16(at + 4, v[i].remote);
		memcpy(at + 8, v[i].addr, sizeof(v[i].addr));
	}
	return put_request(c, CHAN_OWNERS, p, n * CHAN_SOCKET);
}

int chan_shutdown(struct chan *c, uint32_t grace_ms)
{
	unsigned char p[4];

	chan_put32(p, grace_ms);
	return put_request(c, CHAN_SHUTDOWN, p, sizeof(p));
}

int chan_settime(struct chan *c, int64_t sec, uint32_t nsec)
{
	unsigned char p[12];

	if (sec < 0 || nsec >= 1000000000)
		return -EINVAL;
	chan_put64(p, (uint64_t)sec);
	chan_put32(p + 8, nsec);
	return put_request(c, CHAN_SETTIME, p, sizeof(p));
}

int chan_entropy(struct chan *c, const void *p, size_t n)
{
	if (!n || n > CHAN_MAX_ENTROPY)
		return -EINVAL;
	return put_request(c, CHAN_ENTROPY, p, n);
}
