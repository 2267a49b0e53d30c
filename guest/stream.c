/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/stream.h"
#include "core/chanproto.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { CREDIT_STEP = CHAN_WINDOW / 4, READ_SIZE = 32 * 1024 };

struct stream *stream_find(struct init *in, uint32_t id)
{
	struct stream *s = in->streams;

	while (s && (s->id != id || s->over))
		s = s->next;
	return s;
}

/* Input. */

static void give_credit(struct stream *s, size_t n)
{
	s->owed += (uint32_t)n;
	if (s->owed < CREDIT_STEP || !s->started)
		return;
	gchan_send32(&s->in->chan, CHAN_CREDIT, 0, s->id, s->owed);
	s->input_credit += s->owed;
	s->owed = 0;
}

static void drop_input(struct stream *s)
{
	size_t left = s->buf_len - s->buf_off;

	free(s->buf);
	s->buf = NULL;
	s->buf_off = s->buf_len = 0;
	give_credit(s, left);
}

/* End of input: a pipe is closed; a pty's reader gets the end-of-file character. */
static void finish_input(struct stream *s)
{
	struct termios t;

	if (!watch_is_open(&s->input))
		return;
	if (s->pty && tcgetattr(s->input.fd, &t) == 0 && (t.c_lflag & ICANON) &&
	    write(s->input.fd, &t.c_cc[VEOF], 1) < 0 && errno == EAGAIN) {
		watch_want(&s->input, EPOLLOUT);
		return;
	}
	watch_close(&s->input);
}

static void write_input(struct stream *s)
{
	while (s->buf_len > s->buf_off && watch_is_open(&s->input)) {
		ssize_t r = write(s->input.fd, s->buf + s->buf_off, s->buf_len - s->buf_off);

		if (r > 0) {
			s->buf_off += (size_t)r;
			give_credit(s, (size_t)r);
		} else if (errno == EAGAIN) {
			watch_want(&s->input, EPOLLOUT);
			return;
		} else if (errno != EINTR) {
			watch_close(&s->input);
			s->input_dead = true;
			if (s->started)
				gchan_send(&s->in->chan, CHAN_EOF, 0, s->id, NULL, 0);
		}
	}
	drop_input(s);
	watch_want(&s->input, 0);
	if (s->input_eof)
		finish_input(s);
}

static void on_input_room(void *user, uint32_t events)
{
	struct stream *s = user;

	if (s->started)
		write_input(s);
	else
		watch_want(&s->input, 0); /* stream_update writes it */
}

bool stream_input(struct stream *s, const unsigned char *p, size_t n)
{
	if (n > s->input_credit || s->input_eof)
		return false;
	s->input_credit -= (uint32_t)n;
	if (s->input_dead) {
		give_credit(s, n);
		return true;
	}
	if (!s->buf && !(s->buf = malloc(CHAN_WINDOW)))
		return false;
	if (s->buf_len + n > CHAN_WINDOW) {
		s->buf_len -= s->buf_off;
		memmove(s->buf, s->buf + s->buf_off, s->buf_len);
		s->buf_off = 0;
	}
	if (s->buf_len + n > CHAN_WINDOW)
		return false;
	memcpy(s->buf + s->buf_len, p, n);
	s->buf_len += n;
	if (s->started)
		write_input(s);
	return true;
}

bool stream_input_eof(struct stream *s)
{
	if (s->input_eof)
		return false;
	s->input_eof = true;
	if (s->started && s->buf_len == s->buf_off)
		finish_input(s);
	return true;
}

/* Output. */

static void close_output(struct stream *s, int i)
{
	watch_close(&s->out[i]);
	gchan_send(&s->in->chan, CHAN_EOF, (uint16_t)i, s->id, NULL, 0);
}

static void on_output(struct stream *s, int i)
{
	size_t n = s->credit[i] < READ_SIZE ? s->credit[i] : READ_SIZE;
	ssize_t r;

	if (!n || !gchan_has_room(&s->in->chan)) {
		stream_update(s);
		return;
	}
	r = read(s->out[i].fd, gchan_reserve(&s->in->chan, n), n);
	if (r > 0) {
		gchan_commit(&s->in->chan, CHAN_DATA, (uint16_t)i, s->id, (size_t)r);
		s->credit[i] -= (uint32_t)r;
		s->drain[i] = s->drain[i] > (uint32_t)r ? s->drain[i] - (uint32_t)r : 0;
		if (s->exited)
			s->quiet_due = now_ms() + CHAN_LINGER_QUIET_MS;
		stream_update(s);
	} else if (r == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_output(s, i); /* a pty without a slave gives EIO */
	}
}

static void on_output_1(void *user, uint32_t events)
{
	on_output(user, 1);
}

static void on_output_2(void *user, uint32_t events)
{
	on_output(user, 2);
}

void stream_update(struct stream *s)
{
	bool room = gchan_has_room(&s->in->chan);

	if (!s->started || s->over)
		return;
	for (int i = 1; i <= 2; i++) {
		if (!watch_is_open(&s->out[i]))
			continue;
		watch_want(&s->out[i], s->credit[i] && room ? EPOLLIN : 0);
		if (s->credit[i] && !room)
			s->in->starved = true;
	}
	/* Input that came before the start. */
	if (s->input.events == 0 && watch_is_open(&s->input) &&
	    (s->buf_len > s->buf_off || s->input_eof))
		write_input(s);
}

bool stream_credit(struct stream *s, int channel, uint32_t n)
{
	if (channel < 1 || channel > 2 || !n || n > CHAN_WINDOW - s->credit[channel])
		return false;
	s->credit[channel] += n;
	if (s->exited)
		s->quiet_due = now_ms() + CHAN_LINGER_QUIET_MS;
	stream_update(s);
	return true;
}

/* Beginning and end. */

struct stream *stream_new(struct init *in, uint32_t id, pid_t pid, bool pty, int fd[3])
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->in = in;
	s->id = id;
	s->pid = pid;
	s->pty = pty;
	s->input_credit = s->credit[1] = s->credit[2] = CHAN_WINDOW;
	s->out[2].fd = -1;
	watch_open(&s->input, in->epfd, fd[0], 0, on_input_room, s);
	watch_open(&s->out[1], in->epfd, fd[1], 0, on_output_1, s);
	if (!pty)
		watch_open(&s->out[2], in->epfd, fd[2], 0, on_output_2, s);
	s->next = in->streams;
	in->streams = s;
	return s;
}

void stream_end(struct stream *s)
{
	watch_close(&s->err);
	watch_close(&s->input);
	watch_close(&s->out[1]);
	watch_close(&s->out[2]);
	s->over = true;
}

void stream_free(struct stream *s)
{
	free(s->buf);
	free(s);
}

void stream_exited(struct stream *s, int status)
{
	s->exited = true;
	s->status = status;
	s->max_due = 0;
	s->quiet_due = now_ms() + CHAN_LINGER_QUIET_MS;
	for (int i = 1; i <= 2; i++) {
		int n = 0;

		if (watch_is_open(&s->out[i]) && ioctl(s->out[i].fd, FIONREAD, &n) == 0 && n > 0)
			s->drain[i] = (uint32_t)n;
	}
}

int64_t stream_tick(struct stream *s, int64_t now)
{
	bool open1 = watch_is_open(&s->out[1]), open2 = watch_is_open(&s->out[2]);

	if (!s->exited || s->over)
		return -1;
	if (open1 || open2) {
		bool blocked = (open1 && !s->out[1].events) || (open2 && !s->out[2].events);
		int64_t due;

		/* Nobody's clock runs while the host takes nothing. */
		if (s->drain[1] || s->drain[2] || (blocked && !s->max_due))
			return -1;
		if (!s->max_due)
			s->max_due = now + CHAN_LINGER_MAX_MS;
		due = blocked || s->max_due < s->quiet_due ? s->max_due : s->quiet_due;
		if (now < due)
			return due;
	}
	gchan_send32(&s->in->chan, CHAN_EXIT, 0, s->id, (uint32_t)s->status);
	stream_end(s);
	return -1;
}
