/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consoles: bytes of the guest kept in a ring, from which every viewer reads at its own pace; one
 * that is too slow loses the oldest and is told how many. Nobody holds up the guest. Number 1 is
 * the guest's own; the others are login shells on terminals of the guest's, held by us and not by a
 * client, so that they outlive their viewers.
 */
#include "core/fd.h"
#include "core/scroll.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAREWELL "reboot: " /* kernel/reboot.c, before it goes; programs may say so too */
#define CHUNK 32768
#define KEYS_MAX 65536 /* keys on their way to the guest */
#define REPLAY 16384   /* bytes that a new viewer gets of the past */
/* Behind a shell or a guest that went away: it may have left the alternate screen or colours. */
#define SEAM "\033[!p\033[?1047l\033[m\r\n"

/* Between the past and what begins now. */
static void seam(struct console *c)
{
	uint64_t end = scroll_end(c->scroll);
	char last[sizeof(SEAM) - 1];

	if (!end)
		return;
	if (end >= sizeof(last) &&
	    scroll_read(c->scroll, end - sizeof(last), last, sizeof(last)) == sizeof(last) &&
	    !memcmp(last, SEAM, sizeof(last)))
		return;
	scroll_add(c->scroll, SEAM, sizeof(last));
}

void console_init(struct warden *w)
{
	w->console = -1;
	w->own.number = 1;
	w->own.scroll = scroll_open(w->jail.dirfd, w->own.number, w->conf.console_size);
}

/* It survives the warden. */
static void keep(struct warden *w, struct console *c)
{
	if (!w->discarded)
		scroll_settle(c->scroll, w->jail.dirfd, c->number);
	scroll_free(c->scroll);
	c->scroll = NULL;
}

void console_bury(struct warden *w)
{
	for (struct console **at = &w->shells; *at;) {
		struct console *c = *at;
		const struct peer *p = w->peers;

		while (p && p->view != c)
			p = p->next;
		if (!c->over || p) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		keep(w, c);
		free(c);
	}
}

void console_free(struct warden *w)
{
	console_close(w);
	for (struct peer *p = w->peers; p; p = p->next)
		p->view = NULL;
	for (struct console *c = w->shells; c; c = c->next)
		c->over = true;
	console_bury(w);
	if (w->own.scroll)
		keep(w, &w->own);
}

static void pump_all(struct warden *w, const struct console *c)
{
	for (struct peer *p = w->peers, *next; p; p = next) {
		next = p->next;
		if (p->view == c && !p->dead)
			console_pump(w, p);
	}
}

void console_room(struct warden *w, const struct console *c, size_t n)
{
	uint32_t room = (uint32_t)n;

	for (struct peer *p = w->peers, *next; p; p = next) {
		next = p->next;
		if (p->view == c && !p->viewer_reads)
			peer_send(w, p, PROTO_CONSOLE_ROOM, 0, &room, sizeof(room), -1);
	}
}

void console_output(struct warden *w, struct console *c, const void *p, size_t n)
{
	scroll_add(c->scroll, p, n);
	pump_all(w, c);
}

void console_over(struct warden *w, struct console *c, const char *why)
{
	c->over = true;
	c->stream = 0;
	snprintf(c->why, sizeof(c->why), "%s", why);
	pump_all(w, c);
	peer_sweep_later(w);
}

static void write_keys(struct warden *w)
{
	while (w->console_in.len) {
		ssize_t n = write(w->console, w->console_in.p, w->console_in.len);
		if (n <= 0)
			break;
		buf_eat(&w->console_in, (size_t)n);
		console_room(w, &w->own, (size_t)n);
	}
	loop_fd_want(w->console_watch, w->console_in.len ? LOOP_IN | LOOP_OUT : LOOP_IN);
}

static void console_ready(void *user, int events)
{
	struct warden *w = user;
	char part[CHUNK];

	if (events & LOOP_OUT)
		write_keys(w);
	if (!(events & (LOOP_IN | LOOP_HUP)))
		return;
	ssize_t n = read(w->console, part, sizeof(part));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		console_close(w);
		return;
	}
	scroll_add(w->own.scroll, part, (size_t)n);
	tape_output(w, part, (size_t)n);
	if (memmem(part, (size_t)n, FAREWELL, strlen(FAREWELL)))
		boot_farewell(w);
	pump_all(w, &w->own);
}

/* A socket, not a pty: the guest's tty has the line discipline, the host needs no second one. */
int console_open(struct warden *w, int *guest_end, struct err *e)
{
	int pair[2];

	console_close(w);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return err_sys(e, "console: socket");
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	w->console = pair[0];
	seam(&w->own);
	pump_all(w, &w->own);
	w->console_mark = scroll_end(w->own.scroll);
	w->console_watch = loop_fd_add(w->loop, pair[0], LOOP_IN, console_ready, w);
	*guest_end = pair[1];
	tape_open(w);
	return 0;
}

void console_close(struct warden *w)
{
	char part[CHUNK];
	ssize_t n;

	if (w->console < 0)
		return;
	/* What a dying kernel said last. */
	while ((n = read(w->console, part, sizeof(part))) > 0) {
		scroll_add(w->own.scroll, part, (size_t)n);
		tape_output(w, part, (size_t)n);
	}
	tape_close(w);
	loop_fd_del(w->console_watch);
	w->console_watch = NULL;
	fd_close(&w->console);
	buf_free(&w->console_in);
	if (!w->discarded)
		scroll_save(w->own.scroll, w->jail.dirfd, w->own.number);
	pump_all(w, &w->own);
}

void console_pump(struct warden *w, struct peer *p)
{
	const struct console *c = p->view;
	const struct scroll *s = c->scroll;
	char part[CHUNK];

	while (!p->dead && peer_is_clear(p) && p->cursor < scroll_end(s)) {
		uint64_t oldest = scroll_oldest(s);
		if (p->cursor < oldest) {
			uint64_t lost = oldest - p->cursor;
			p->cursor = oldest;
			peer_send(w, p, PROTO_CONSOLE_LOST, 0, &lost, sizeof(lost), -1);
			continue;
		}
		size_t n = scroll_read(s, p->cursor, part, sizeof(part));
		p->cursor += n;
		peer_send(w, p, PROTO_CONSOLE_OUT, 0, part, n, -1);
	}
	if (!p->dead && c->over && p->cursor >= scroll_end(s) &&
	    peer_send(w, p, PROTO_CONSOLE_END, 0, c->why, strlen(c->why), -1))
		console_detach(w, p);
}

static void resize(struct warden *w, struct console *c, uint16_t rows, uint16_t cols)
{
	if (!w->chan || !rows || !cols)
		return;
	c->rows = rows;
	c->cols = cols;
	if (c->stream)
		chan_stream_winsize(w->chan, c->stream, rows, cols);
	if (c != &w->own)
		return;
	chan_console_winsize(w->chan, rows, cols);
	if (rows == w->st.rows && cols == w->st.cols)
		return;
	w->st.rows = rows;
	w->st.cols = cols;
	tape_size(w);
	warden_announce(w);
}

/* The shell before the next of that number: who has not seen all of its end sees no more of it. */
static void send_off(struct warden *w, unsigned number)
{
	for (struct peer *p = w->peers; p; p = p->next) {
		const struct console *c = p->view;
		if (c && c->over && c->number == number &&
		    peer_send(w, p, PROTO_CONSOLE_END, 0, c->why, strlen(c->why), -1))
			console_detach(w, p);
	}
	console_bury(w);
}

/* Begins console number with a login shell. NULL: the peer is told why there is none. */
static struct console *begin(struct warden *w, struct peer *p, unsigned number, const json_t *o)
{
	struct console *c = xcalloc(1, sizeof(*c));
	json_t *launch = json_pack("{s:[], s:[], s:b, s:b, s:s}", "argv", "env", "pty", 1, "login",
				   1, "user", w->conf.user);

	c->number = number;
	c->rows = p->rows ? p->rows : w->st.rows;
	c->cols = p->cols ? p->cols : w->st.cols;
	json_object_set_new(launch, "rows", json_integer(c->rows));
	json_object_set_new(launch, "cols", json_integer(c->cols));
	json_object_set(launch, "term", json_object_get(o, "term"));
	const char *why = exec_console(w, c, launch);
	json_decref(launch);
	if (why) {
		answer_error(w, (struct call){.peer = p->id}, EAGAIN, "%s:%u: %s", w->jail.name,
			     number, why);
		free(c);
		return NULL;
	}
	send_off(w, number);
	c->scroll = scroll_open(w->jail.dirfd, number, w->conf.console_size);
	seam(c);
	c->next = w->shells;
	w->shells = c;
	return c;
}

/* The console that a client asks for, begun if need be. NULL: it is told why there is none. */
static struct console *wanted(struct warden *w, struct peer *p, const json_t *o)
{
	const json_t *asked = json_object_get(o, "console");
	json_int_t number = asked ? json_integer_value(asked) : 1;

	if (number == 1)
		return &w->own;
	if (number < 1 || number > CONSOLES_MAX) {
		answer_error(w, (struct call){.peer = p->id}, EINVAL,
			     "%s: no such console: they are numbered 1 to %d", w->jail.name,
			     CONSOLES_MAX);
		return NULL;
	}
	for (struct console *c = w->shells; c; c = c->next)
		if (c->number == number && !c->over)
			return c;
	return begin(w, p, (unsigned)number, o);
}

void console_attach(struct warden *w, struct peer *p, const json_t *o)
{
	uint32_t room = KEYS_MAX / 8;

	p->viewer_reads = json_is_true(json_object_get(o, "readonly"));
	p->viewer_keys = json_is_true(json_object_get(o, "keys"));
	p->rows = (uint16_t)json_integer_value(json_object_get(o, "rows"));
	p->cols = (uint16_t)json_integer_value(json_object_get(o, "cols"));
	struct console *c = wanted(w, p, o);
	if (!c || p->dead)
		return;
	p->view = c;
	p->cursor = json_is_false(json_object_get(o, "replay")) ? scroll_end(c->scroll)
								: scroll_replay(c->scroll, REPLAY);
	w->st.viewers++;
	warden_announce(w);
	if (!p->viewer_reads && !p->dead) {
		peer_send(w, p, PROTO_CONSOLE_ROOM, 0, &room, sizeof(room), -1);
		resize(w, c, p->rows, p->cols);
	}
	if (!p->dead && p->view)
		console_pump(w, p);
}

void console_detach(struct warden *w, struct peer *p)
{
	if (!p->view)
		return;
	if (p->view->over)
		peer_sweep_later(w);
	p->view = NULL;
	w->st.viewers--;
	warden_announce(w);
}

void console_keys(struct warden *w, struct peer *p, const void *data, size_t n)
{
	struct console *c = p->view;

	if (!c || p->viewer_reads || (c == &w->own ? w->console < 0 : !c->stream))
		return;
	/* The size is that of who types. */
	if (p->rows != c->rows || p->cols != c->cols)
		resize(w, c, p->rows, p->cols);
	if (c != &w->own ? !exec_console_keys(w, c, data, n) : w->console_in.len + n > KEYS_MAX) {
		warden_log("a viewer sends more keys than it was given room for: dropped");
		peer_drop(w, p);
		return;
	}
	if (c != &w->own)
		return;
	buf_add(&w->console_in, data, n);
	for (struct peer *v = w->peers, *next; v; v = next) {
		next = v->next;
		if (v->view == c && v->viewer_keys)
			peer_send(w, v, PROTO_CONSOLE_KEYS, 0, data, n, -1);
	}
	if (w->console >= 0)
		write_keys(w);
}

void console_size(struct warden *w, struct peer *p, const void *data, size_t n)
{
	struct proto_size size;

	if (!p->view || p->viewer_reads || n != sizeof(size))
		return;
	memcpy(&size, data, sizeof(size));
	p->rows = size.rows;
	p->cols = size.cols;
	resize(w, p->view, size.rows, size.cols);
}

bool console_panic(struct warden *w, char *out, size_t size)
{
	static const char mark[] = "Kernel panic";
	uint64_t from = scroll_oldest(w->own.scroll);
	if (from < w->console_mark)
		from = w->console_mark;
	size_t n = (size_t)(scroll_end(w->own.scroll) - from);
	char *text = xmalloc(n + 1);

	scroll_read(w->own.scroll, from, text, n);
	text[n] = '\0';
	char *at = NULL;
	for (char *p = text; (p = memmem(p, n - (size_t)(p - text), mark, sizeof(mark) - 1)); p++)
		at = p;
	if (at) {
		size_t len = strcspn(at, "\r\n");
		if (len >= size)
			len = size - 1;
		memcpy(out, at, len);
		out[len] = '\0';
	}
	free(text);
	return at != NULL;
}
