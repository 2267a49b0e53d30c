/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the host's side of the channel to the guest's init: whatever the guest sends, in whatever
 * pieces, the callbacks get what chan.h promises, and memory stays bounded.
 *
 * Input: steps. A byte below 0x60: so many of the following bytes as they are; else an act of the
 * host, or a frame with a right header (type, channel, id: three bytes; length, bytes).
 */
#include "core/chan.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct world {
	struct chan *c;
	size_t room;	    /* that the transport has */
	size_t held[16][3]; /* bytes of a stream's channel that were not passed on */
	int streams[16], nstreams;
	bool dead;
	unsigned sum;
};

static int slot_of(struct world *w, uint32_t stream)
{
	for (int i = 0; i < w->nstreams; i++)
		if ((uint32_t)w->streams[i] == stream)
			return i;
	return -1;
}

static size_t on_send(void *user, const void *p, size_t n)
{
	struct world *w = user;
	size_t take = n < w->room ? n : w->room;

	for (size_t i = 0; i < take; i++)
		w->sum += ((const uint8_t *)p)[i];
	w->room -= take;
	return take;
}

static void alive(struct world *w)
{
	if (w->dead)
		abort();
}

static void text(struct world *w, const char *s, size_t max)
{
	alive(w);
	if (strlen(s) > max)
		abort();
}

static void on_hello(void *user, const struct chan_hello *h)
{
	text(user, h->release, CHAN_MAX_RELEASE);
}

static void on_ready(void *user, uint32_t pid)
{
	alive(user);
}

static void on_main_exit(void *user, int status, int err, const char *why)
{
	text(user, why ? why : "", CHAN_MAX_TEXT);
}

static void on_started(void *user, uint32_t stream, uint32_t pid)
{
	if (slot_of(user, stream) < 0)
		abort();
}

static void on_failed(void *user, uint32_t stream, int err, const char *why)
{
	text(user, why ? why : "", CHAN_MAX_TEXT);
}

static void on_data(void *user, uint32_t stream, int fd, const void *p, size_t n)
{
	struct world *w = user;
	int i = slot_of(w, stream);

	alive(w);
	if (i < 0 || (fd != 1 && fd != 2) || !n)
		abort();
	for (size_t k = 0; k < n; k++)
		w->sum += ((const uint8_t *)p)[k];
	w->held[i][fd] += n;
	if (w->held[i][fd] > CHAN_WINDOW)
		abort();
	if (w->sum & 1) {
		chan_stream_consumed(w->c, stream, fd, w->held[i][fd]);
		w->held[i][fd] = 0;
	}
}

static void on_eof(void *user, uint32_t stream, int fd)
{
	if (fd < 0 || fd > 2 || slot_of(user, stream) < 0)
		abort();
}

static void on_room(void *user, uint32_t stream)
{
	struct world *w = user;

	chan_stream_write(w->c, stream, "more input", 10);
}

static void on_exit_(void *user, uint32_t stream, int status)
{
	if (slot_of(user, stream) < 0)
		abort();
}

static void on_reply(void *user, uint32_t tag, int err, const void *p, size_t n, bool cut)
{
	struct world *w = user;
	struct chan_proc proc;
	size_t pos = 0;
	uint32_t count;

	alive(w);
	if (err < 0 || n > CHAN_MAX_MESSAGE)
		abort();
	chan_reply_count(p, n, &count);
	while (chan_ps_next(p, n, &pos, &proc) == 1) {
		if (pos > n)
			abort();
		for (size_t i = 0; i < proc.comm_len; i++)
			w->sum += (unsigned char)proc.comm[i];
		for (size_t i = 0; i < proc.cmdline_len; i++)
			w->sum += (unsigned char)proc.cmdline[i];
	}
}

static void on_broken(void *user, const char *reason)
{
	struct world *w = user;

	if (w->dead || !reason || !*reason)
		abort();
	w->dead = true;
}

static const struct chan_ops ops = {
    .send = on_send,
    .hello = on_hello,
    .ready = on_ready,
    .main_exit = on_main_exit,
    .exec_started = on_started,
    .exec_failed = on_failed,
    .stream_data = on_data,
    .stream_eof = on_eof,
    .stream_room = on_room,
    .stream_exit = on_exit_,
    .reply = on_reply,
    .broken = on_broken,
};

static void act(struct world *w, unsigned what, unsigned arg)
{
	static const char *const argv[] = {"prog", "arg", NULL};
	struct chan_launch launch = {.argv = argv, .uid = arg, .gid = CHAN_LOOKUP};
	struct chan_setup setup = {.hostname = "jail", .main = launch};
	int stream = w->nstreams ? w->streams[arg % (unsigned)w->nstreams] : 1;
	int r;

	switch (what % 14) {
	case 0:
		chan_setup(w->c, &setup);
		break;
	case 1:
		r = w->nstreams < 16 ? chan_exec(w->c, &launch) : 0;
		if (r > 0) {
			memset(w->held[w->nstreams], 0, sizeof(w->held[0]));
			w->streams[w->nstreams++] = r;
		}
		break;
	case 2:
		w->room += arg * 64;
		chan_writable(w->c);
		break;
	case 3:
		chan_stream_write(w->c, (uint32_t)stream, argv, sizeof(argv));
		break;
	case 4:
		chan_stream_eof(w->c, (uint32_t)stream);
		break;
	case 5:
		chan_stream_signal(w->c, (uint32_t)stream, (int)arg);
		break;
	case 6:
		chan_stream_winsize(w->c, (uint32_t)stream, (uint16_t)arg, 80);
		break;
	case 7:
		chan_stream_close(w->c, (uint32_t)stream);
		break;
	case 8:
		chan_ps(w->c);
		break;
	case 9:
		chan_sync(w->c);
		break;
	case 10:
		chan_count_procs(w->c);
		break;
	case 11:
		chan_shutdown(w->c, arg);
		break;
	case 12:
		chan_settime(w->c, arg, arg);
		break;
	default:
		chan_entropy(w->c, argv, arg % 16);
	}
}

static void feed(struct world *w, const uint8_t *p, size_t n)
{
	if (chan_feed(w->c, p, n) != n)
		abort();
	if (!!chan_reason(w->c) != w->dead)
		abort();
	if (chan_queued(w->c) > CHAN_QUEUE_MAX + 2 * CHAN_MAX_MESSAGE)
		abort();
}

/* A frame whose header is right; its payload comes from data. Returns the bytes used. */
static size_t frame(struct world *w, const uint8_t *p, size_t n)
{
	static const uint16_t types[] = {1, 2, 3, 4, 5, 6, 7, 8, 32, 33, 34, 64, 200};
	size_t len = n > 3 ? p[3] : 0;
	uint8_t h[CHAN_HEADER] = {0};
	uint16_t type, flags;
	uint32_t id;

	if (n < 4)
		return n;
	if (len > n - 4)
		len = n - 4;
	type = types[p[0] % 13];
	flags = (uint16_t)((p[1] & 3) | (p[1] & 4 ? CHAN_MORE : 0) | (p[1] & 8 ? CHAN_CUT : 0));
	id = p[2];
	if (type != 8 && type > 3 && w->nstreams && !(p[1] & 16))
		id = (uint32_t)w->streams[p[2] % w->nstreams];
	h[0] = (uint8_t)len;
	h[4] = (uint8_t)type;
	memcpy(h + 6, &flags, 2);
	memcpy(h + 8, &id, 4);
	feed(w, h, sizeof(h));
	feed(w, p + 4, len);
	return 4 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct world w = {.room = 1000};

	w.c = chan_new(&ops, &w);
	for (size_t at = 0; at < n;) {
		unsigned what = data[at++];
		if (what < 0x60) {
			size_t len = what < n - at ? what : n - at;
			feed(&w, data + at, len);
			at += len;
		} else if (what < 0xa0) {
			act(&w, what - 0x60, at < n ? data[at] : 0);
			at++;
		} else {
			at += frame(&w, data + at, n - at);
		}
	}
	chan_free(w.c);
	return 0;
}
