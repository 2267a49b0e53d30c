/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chan_in: frames from the guest. Every one is checked against a rule before it is believed. */
#include "core/chan.h"
#include "core/chan_int.h"
#include <errno.h>
#include <string.h>

struct frame {
	uint16_t type, flags;
	uint32_t id;
	const unsigned char *p;
	uint32_t n;
	struct chan_stream *s; /* by the rule, for types that belong to a stream */
};

enum want_id { ID_ZERO, ID_STARTING, ID_RUNNING, ID_CLOSING, ID_TAG };

/* Which frame is legal when, and how long it is. */
struct rule {
	uint16_t type;
	enum chan_state state; /* the one state it is legal in */
	bool early;	       /* or the one before */
	enum want_id id;
	uint16_t flags; /* bits that may be set */
	uint32_t min, max;
	int (*fn)(struct chan *c, const struct frame *f);
};

/* A string that fills the rest of a frame: its NUL is the last byte and the only one. */
static const char *rest_string(const struct frame *f, uint32_t off)
{
	const unsigned char *p = f->p + off;

	if (off >= f->n || memchr(p, '\0', f->n - off) != f->p + f->n - 1)
		return NULL;
	return (const char *)p;
}

static int on_hello(struct chan *c, const struct frame *f)
{
	struct chan_hello hello = {.boot_us = chan_get64(f->p + 4), .release = rest_string(f, 12)};

	if (chan_get32(f->p) != CHAN_VERSION)
		return chan_break(c, "the guest's init speaks version %u of the channel, not %d",
				  chan_get32(f->p), CHAN_VERSION);
	if (!hello.release)
		return chan_break(c, "HELLO without a kernel release");
	c->state = CHAN_ST_HELLO;
	if (c->ops->hello)
		c->ops->hello(c->user, &hello);
	return 0;
}

static int on_ready(struct chan *c, const struct frame *f)
{
	if (!c->setup_sent)
		return chan_break(c, "READY before SETUP");
	c->state = CHAN_ST_READY;
	if (c->ops->ready)
		c->ops->ready(c->user, chan_get32(f->p));
	return 0;
}

/* An errno as the guest says it: only a number that can be one. */
static int errno_of(uint32_t v)
{
	return v < 4096 ? (int)v : EPROTO;
}

static int on_main_exit(struct chan *c, const struct frame *f)
{
	const char *why = rest_string(f, 8);

	if (!why || c->main_over)
		return chan_break(c, why ? "MAIN_EXIT twice" : "MAIN_EXIT without a text");
	c->main_over = true;
	if (c->ops->main_exit)
		c->ops->main_exit(c->user, (int)(chan_get32(f->p) & 0xffff),
				  errno_of(chan_get32(f->p + 4)), why);
	return 0;
}

static int on_off(struct chan *c, const struct frame *f)
{
	(void)f;
	if (c->ops->off)
		c->ops->off(c->user);
	return 0;
}

static int on_names(struct chan *c, const struct frame *f)
{
	uint32_t at = 0;

	while (at < f->n) {
		const unsigned char *p = f->p + at;
		size_t n = f->n - at >= CHAN_NAME_FIXED ? p[8] : CHAN_NAME_MAX + 1;

		if (n > CHAN_NAME_MAX || f->n - at < CHAN_NAME_FIXED + n || !chan_get32(p) ||
		    (chan_get32(p + 4) && n) || memchr(p + CHAN_NAME_FIXED, '\0', n))
			return chan_break(c, "a record of NAMES that is none");
		if (c->ops->name)
			c->ops->name(c->user, chan_get32(p), chan_get32(p + 4),
				     (const char *)p + CHAN_NAME_FIXED, n);
		at += CHAN_NAME_FIXED + (uint32_t)n;
	}
	return 0;
}

static int on_exec_started(struct chan *c, const struct frame *f)
{
	f->s->started = true;
	if (!f->s->closing && c->ops->exec_started)
		c->ops->exec_started(c->user, f->id, chan_get32(f->p));
	return 0;
}

static int on_exec_failed(struct chan *c, const struct frame *f)
{
	const char *why = rest_string(f, 4);
	bool closing = f->s->closing;
	int err = errno_of(chan_get32(f->p));

	if (!why)
		return chan_break(c, "EXEC_FAILED without a text");
	chan_stream_drop(c, f->s);
	if (!closing && c->ops->exec_failed)
		c->ops->exec_failed(c->user, f->id, err ? err : EPROTO, why);
	return 0;
}

static int on_exit(struct chan *c, const struct frame *f)
{
	bool closing = f->s->closing;

	chan_stream_drop(c, f->s);
	if (!closing && c->ops->stream_exit)
		c->ops->stream_exit(c->user, f->id, (int)(chan_get32(f->p) & 0xffff));
	return 0;
}

static int on_closed(struct chan *c, const struct frame *f)
{
	chan_stream_drop(c, f->s);
	return 0;
}

static int on_data(struct chan *c, const struct frame *f)
{
	struct chan_inlet *in = &f->s->out[f->flags];

	if (f->flags == 0)
		return chan_break(c, "DATA for channel 0");
	if (in->eof)
		return chan_break(c, "DATA behind EOF");
	if (f->n > in->credit)
		return chan_break(c, "DATA of %u bytes with credit for %u", f->n, in->credit);
	in->credit -= f->n;
	if (f->s->closing)
		return 0;
	in->held += f->n;
	if (c->ops->stream_data)
		c->ops->stream_data(c->user, f->id, f->flags, f->p, f->n);
	return 0;
}

static int on_eof(struct chan *c, const struct frame *f)
{
	bool *seen = f->flags ? &f->s->out[f->flags].eof : &f->s->no_input;

	if (*seen)
		return chan_break(c, "EOF twice for channel %u", f->flags);
	*seen = true;
	if (!f->s->closing && c->ops->stream_eof)
		c->ops->stream_eof(c->user, f->id, f->flags);
	return 0;
}

static int on_credit(struct chan *c, const struct frame *f)
{
	uint32_t n = chan_get32(f->p);

	if (f->flags)
		return chan_break(c, "CREDIT for channel %u", f->flags);
	if (!n || n > CHAN_WINDOW - f->s->credit)
		return chan_break(c, "CREDIT of %u bytes on top of %u", n, f->s->credit);
	f->s->credit += n;
	chan_tell_room(c);
	return 0;
}

static void finish_done(struct chan *c, uint32_t id, uint16_t flags, const unsigned char *p,
			size_t n)
{
	for (int i = 0; i < CHAN_MAX_TAGS; i++)
		if (c->tags[i].id == id)
			c->tags[i].id = 0;
	if (c->ops->reply)
		c->ops->reply(c->user, id, errno_of(chan_get32(p)), p + 4, n - 4,
			      (flags & CHAN_CUT) != 0);
}

static int on_done(struct chan *c, const struct frame *f)
{
	struct buf whole = {0};

	if (!(f->flags & CHAN_MORE) && !c->message_id) {
		if (f->n < 4)
			return chan_break(c, "DONE without an errno");
		finish_done(c, f->id, f->flags, f->p, f->n);
		return 0;
	}
	if (c->message.len + f->n > CHAN_MAX_MESSAGE || !f->n)
		return chan_break(c, "DONE of more than %d bytes, or an empty part of one",
				  CHAN_MAX_MESSAGE);
	buf_add(&c->message, f->p, f->n);
	c->message_id = f->id;
	if (f->flags & CHAN_MORE)
		return 0;
	/* Taken out first: the callback may ask again. */
	whole = c->message;
	c->message = (struct buf){0};
	c->message_id = 0;
	if (whole.len < 4)
		chan_break(c, "DONE without an errno");
	else
		finish_done(c, f->id, f->flags, (unsigned char *)whole.p, whole.len);
	buf_free(&whole);
	return c->state == CHAN_ST_DEAD ? -EPIPE : 0;
}

static const struct rule rules[] = {
    {.type = CHAN_HELLO,
     .state = CHAN_ST_NEW,
     .min = 13,
     .max = 13 + CHAN_MAX_RELEASE,
     .fn = on_hello},
    {.type = CHAN_READY, .state = CHAN_ST_HELLO, .min = 4, .max = 4, .fn = on_ready},
    {.type = CHAN_MAIN_EXIT,
     .state = CHAN_ST_READY,
     .min = 9,
     .max = 9 + CHAN_MAX_TEXT,
     .fn = on_main_exit},
    {.type = CHAN_OFF, .state = CHAN_ST_READY, .fn = on_off},
    {.type = CHAN_NAMES,
     .state = CHAN_ST_READY,
     .early = true,
     .min = CHAN_NAME_FIXED,
     .max = CHAN_MAX_PAYLOAD,
     .fn = on_names},
    {.type = CHAN_EXEC_STARTED,
     .state = CHAN_ST_READY,
     .id = ID_STARTING,
     .min = 4,
     .max = 4,
     .fn = on_exec_started},
    {.type = CHAN_EXEC_FAILED,
     .state = CHAN_ST_READY,
     .id = ID_STARTING,
     .min = 5,
     .max = 5 + CHAN_MAX_TEXT,
     .fn = on_exec_failed},
    {.type = CHAN_EXIT,
     .state = CHAN_ST_READY,
     .id = ID_RUNNING,
     .min = 4,
     .max = 4,
     .fn = on_exit},
    {.type = CHAN_CLOSED, .state = CHAN_ST_READY, .id = ID_CLOSING, .fn = on_closed},
    {.type = CHAN_DATA,
     .state = CHAN_ST_READY,
     .id = ID_RUNNING,
     .flags = 3,
     .min = 1,
     .max = CHAN_MAX_PAYLOAD,
     .fn = on_data},
    {.type = CHAN_EOF, .state = CHAN_ST_READY, .id = ID_RUNNING, .flags = 3, .fn = on_eof},
    {.type = CHAN_CREDIT,
     .state = CHAN_ST_READY,
     .id = ID_RUNNING,
     .flags = 3,
     .min = 4,
     .max = 4,
     .fn = on_credit},
    {.type = CHAN_DONE,
     .state = CHAN_ST_READY,
     .id = ID_TAG,
     .flags = CHAN_MORE | CHAN_CUT,
     .max = CHAN_MAX_PAYLOAD,
     .fn = on_done},
};

static const struct rule *rule_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].type == type)
			return &rules[i];
	return NULL;
}

static bool id_fits(struct chan *c, const struct rule *r, struct frame *f)
{
	switch (r->id) {
	case ID_ZERO:
		return f->id == 0;
	case ID_TAG:
		for (int i = 0; i < CHAN_MAX_TAGS; i++)
			if (f->id && c->tags[i].id == f->id)
				return true;
		return false;
	case ID_STARTING:
	case ID_RUNNING:
	case ID_CLOSING:
		f->s = chan_stream_find(c, f->id);
		if (!f->s)
			return false;
		return r->id == ID_CLOSING ? f->s->closing : f->s->started == (r->id == ID_RUNNING);
	}
	return false;
}

/* The header alone: what can be refused before the payload is waited for. */
static int check_header(struct chan *c, struct frame *f, const struct rule **rule)
{
	const struct rule *r = rule_of(f->type);

	*rule = r;
	if (!r)
		return chan_break(c, "unknown message type %u", f->type);
	if (r->state != c->state && !(r->early && r->state == c->state + 1))
		return chan_break(c, "message type %u out of turn", f->type);
	if (f->n < r->min || f->n > r->max)
		return chan_break(c, "message type %u of %u bytes", f->type, f->n);
	if (f->flags & ~r->flags)
		return chan_break(c, "message type %u with flags %#x", f->type, f->flags);
	if ((r->flags & 3) && f->flags > 2)
		return chan_break(c, "message type %u for channel %u", f->type, f->flags);
	if (c->message_id && (f->type != CHAN_DONE || f->id != c->message_id))
		return chan_break(c, "message type %u inside a longer one", f->type);
	if (!id_fits(c, r, f))
		return chan_break(c, "message type %u for unknown id %u", f->type, f->id);
	return 0;
}

/*
 * Handles the frame at p if its n bytes hold one. Returns its length, 0 when bytes are missing
 * (*need says how many it takes in all), negative when the chan is dead.
 */
static long take_frame(struct chan *c, const unsigned char *p, size_t n, size_t *need)
{
	const struct rule *r;
	struct frame f;

	*need = CHAN_HEADER;
	if (n < CHAN_HEADER)
		return 0;
	f = (struct frame){.n = chan_get32(p),
			   .type = chan_get16(p + 4),
			   .flags = chan_get16(p + 6),
			   .id = chan_get32(p + 8),
			   .p = p + CHAN_HEADER};
	if (check_header(c, &f, &r) < 0)
		return -EPIPE;
	*need = CHAN_HEADER + f.n;
	if (n < *need)
		return 0;
	if (r->fn(c, &f) < 0 || c->state == CHAN_ST_DEAD)
		return -EPIPE;
	return (long)*need;
}

size_t chan_feed(struct chan *c, const void *p, size_t n)
{
	const unsigned char *at = p;
	size_t left = n, need = CHAN_HEADER;
	long r = 0;

	while (c->state != CHAN_ST_DEAD && left) {
		if (!c->in.len) {
			r = take_frame(c, at, left, &need);
			if (r > 0) {
				at += r;
				left -= (size_t)r;
				continue;
			}
			need = need > left ? left : need; /* keep what there is of it */
		} else {
			take_frame(c, (unsigned char *)c->in.p, c->in.len, &need);
			need -= c->in.len;
			need = need > left ? left : need;
		}
		if (r < 0 || c->state == CHAN_ST_DEAD)
			break;
		buf_add(&c->in, at, need);
		at += need;
		left -= need;
		r = take_frame(c, (unsigned char *)c->in.p, c->in.len, &need);
		if (r > 0)
			buf_reset(&c->in);
	}
	if (c->state == CHAN_ST_DEAD)
		buf_free(&c->in);
	return n;
}

/* Replies. */

int chan_reply_count(const void *p, size_t n, uint32_t *count)
{
	if (n != 4)
		return -EPROTO;
	*count = chan_get32(p);
	return 0;
}

int chan_reply_info(const void *p, size_t n, struct chan_guest_info *info)
{
	const unsigned char *at = p;

	if (n != CHAN_INFO_SIZE)
		return -EPROTO;
	info->uptime_ms = chan_get64(at);
	info->memory_kib = chan_get64(at + 8);
	info->available_kib = chan_get64(at + 16);
	for (size_t i = 0; i < 3; i++)
		info->load[i] = chan_get32(at + 24 + 4 * i);
	info->tasks = chan_get32(at + 36);
	return 0;
}

int chan_ps_next(const void *p, size_t n, size_t *pos, struct chan_proc *proc)
{
	const unsigned char *r = (const unsigned char *)p + *pos;
	size_t left = n - *pos, size, commlen;

	if (*pos >= n)
		return *pos == n ? 0 : -EPROTO;
	size = left >= CHAN_PS_FIXED ? chan_get16(r) : 0;
	commlen = size ? r[3] : 0;
	if (size < CHAN_PS_FIXED + commlen || size > left ||
	    size > CHAN_PS_FIXED + commlen + CHAN_MAX_SHOWN)
		return -EPROTO;
	*proc = (struct chan_proc){
	    .state = (char)r[2],
	    .pid = chan_get32(r + 4),
	    .ppid = chan_get32(r + 8),
	    .uid = chan_get32(r + 12),
	    .threads = chan_get32(r + 16),
	    .rss_kib = chan_get64(r + 20),
	    .cpu_ms = chan_get64(r + 28),
	    .start_ms = chan_get64(r + 36),
	    .comm = (const char *)r + CHAN_PS_FIXED,
	    .comm_len = commlen,
	    .cmdline = (const char *)r + CHAN_PS_FIXED + commlen,
	    .cmdline_len = size - CHAN_PS_FIXED - commlen,
	};
	if (!((proc->state >= 'A' && proc->state <= 'Z') || proc->state == 't'))
		proc->state = '?';
	*pos += size;
	return 1;
}

int chan_owners_next(const void *p, size_t n, size_t *pos, size_t asked, size_t *at,
		     struct chan_proc *proc)
{
	size_t from = *pos;
	int ret;

	if (from == n)
		return 0;
	if (from > n || n - from < 4)
		return -EPROTO;
	*at = chan_get32((const unsigned char *)p + from);
	from += 4;
	if (*at >= asked)
		return -EPROTO;
	ret = chan_ps_next(p, n, &from, proc);
	if (ret != 1)
		return -EPROTO;
	*pos = from;
	return 1;
}
