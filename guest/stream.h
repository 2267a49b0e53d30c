/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream: bytes between one program's pipes (or pty) and the channel, with credit both ways.
 */
#ifndef GAOL_GUEST_STREAM_H
#define GAOL_GUEST_STREAM_H

#include "guest/init.h"

struct stream {
	struct stream *next;
	struct init *in;
	uint32_t id;
	pid_t pid;
	bool pty;
	bool started; /* EXEC_STARTED is sent */
	bool exited;  /* reaped, with status */
	bool over;    /* its last frame is sent; freed at the end of the turn */
	int status;
	struct watch err; /* the exec's report (exec.c) */

	/* standard input, or the pty's master once more */
	struct watch input;
	unsigned char *buf; /* CHAN_WINDOW bytes, there while it holds something */
	size_t buf_off, buf_len;
	uint32_t input_credit; /* the host may send so much */
	uint32_t owed;	       /* passed on, credit not yet sent */
	bool input_eof;	       /* no more comes */
	bool input_dead;       /* the program reads no more */

	/* 1 and 2; index 0 is not used */
	struct watch out[3];
	uint32_t credit[3];
	uint32_t drain[3]; /* bytes that the program itself left in the pipe */
	int64_t quiet_due, max_due;
};

struct stream *stream_find(struct init *in, uint32_t id);
/* fd: our ends of 0, 1 and 2 (fd[2] is -1 for a pty), taken over. NULL without memory. */
struct stream *stream_new(struct init *in, uint32_t id, pid_t pid, bool pty, int fd[3]);
void stream_free(struct stream *s);
/* Closes everything; the stream is freed at the end of the turn. */
void stream_end(struct stream *s);

/* Frames for it; false when they break the rules. */
bool stream_input(struct stream *s, const unsigned char *p, size_t n);
bool stream_input_eof(struct stream *s);
bool stream_credit(struct stream *s, int channel, uint32_t n);

/* Watches the outputs that may be read now. */
void stream_update(struct stream *s);
/* The program has been reaped. */
void stream_exited(struct stream *s, int status);
/* Ends the stream when it is time; returns when to look again, -1: not by time. */
int64_t stream_tick(struct stream *s, int64_t now);

#endif
