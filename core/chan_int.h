/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chan_int: what chan.c (towards the guest) and chan_in.c (from the guest) share. Nobody else
 * includes it.
 */
#ifndef GAOL_CORE_CHAN_INT_H
#define GAOL_CORE_CHAN_INT_H

#include "core/buf.h"
#include "core/chan.h"

enum chan_state {
	CHAN_ST_NEW,   /* before HELLO */
	CHAN_ST_HELLO, /* before READY */
	CHAN_ST_READY,
	CHAN_ST_DEAD,
};

/* One channel of a stream towards us. */
struct chan_inlet {
	uint32_t credit; /* the guest may send so much */
	uint32_t held;	 /* given to stream_data, not yet consumed */
	uint32_t owed;	 /* consumed, credit for it not yet sent */
	bool eof;
};

struct chan_stream {
	struct chan_stream *next;
	uint32_t id;
	bool started;
	bool closing;	 /* we sent CLOSE: no callbacks any more */
	bool in_eof;	 /* we sent EOF */
	bool no_input;	 /* the process reads no more */
	bool want_room;	 /* a write was cut short */
	uint32_t credit; /* we may send so much input */
	struct chan_inlet out[3];
};

struct chan_tag {
	uint32_t id; /* 0: free */
	uint16_t type;
};

struct chan {
	const struct chan_ops *ops;
	void *user;
	enum chan_state state;
	bool setup_sent;
	bool main_over; /* MAIN_EXIT has come */
	char reason[160];

	struct buf in;	    /* a frame that is not complete yet */
	struct buf message; /* DONE in several frames */
	uint32_t message_id;

	struct buf out; /* for the guest; out_off bytes of it are sent */
	size_t out_off;

	struct chan_stream *streams;
	unsigned nstreams;
	uint32_t last_id; /* of streams and tags */
	struct chan_tag tags[CHAN_MAX_TAGS];
};

/* A stream by id, also one that is closing; NULL when there is none. */
struct chan_stream *chan_stream_find(const struct chan *c, uint32_t id);
/* Unlinks and frees a stream. */
void chan_stream_drop(struct chan *c, struct chan_stream *s);
/* Marks the chan dead, formats the reason, tells ops->broken. Always returns -EPIPE. */
int chan_break(struct chan *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Tells the streams that wait for room, as long as there is some. */
void chan_tell_room(struct chan *c);

#endif
