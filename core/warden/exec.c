/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that clients run in the guest. Flow control goes end to end: output's credit returns to
 * the guest when the client's socket has taken it, and a client sends only as much input as it has
 * room for.
 */
#include "core/warden/internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXECS_MAX 64
#define STRINGS_MAX 4096
#define KEYS_MAX 65536 /* typed at a console, on their way */

struct exec {
	struct exec *next;
	uint32_t stream;
	uint64_t peer; /* 0: the client is gone */
	uint32_t tag;
	struct console *console; /* the shell of this one: ours, no client's */
	struct buf input; /* sent by the client within its room, not taken by the channel yet */
	bool eof;
	bool waiting; /* stream_room will come */
};

static struct exec *by_stream(struct warden *w, uint32_t stream)
{
	for (struct exec *x = w->execs; x; x = x->next)
		if (x->stream == stream)
			return x;
	return NULL;
}

static struct exec *by_tag(struct warden *w, uint64_t peer, uint32_t tag)
{
	for (struct exec *x = w->execs; x; x = x->next)
		if (x->peer == peer && x->tag == tag)
			return x;
	return NULL;
}

static void forget(struct warden *w, struct exec *x)
{
	for (struct exec **at = &w->execs; *at; at = &(*at)->next) {
		if (*at != x)
			continue;
		*at = x->next;
		break;
	}
	buf_free(&x->input);
	free(x);
}

static void tell_failed(struct warden *w, uint64_t peer, uint32_t tag, int code, const char *why)
{
	struct peer *p = peer_find(w, peer);

	if (!p)
		return;
	json_t *o = json_object();
	json_t *s = json_string(why);
	json_object_set_new(o, "errno", json_integer(code));
	json_object_set_new(o, "error", s ? s : json_string("cannot be started"));
	peer_send_json(w, p, PROTO_EXEC_FAILED, tag, o, -1);
	json_decref(o);
}

/* A JSON list of strings as a NULL-terminated array of borrowed pointers; NULL when it is none. */
static const char **strings(const json_t *list)
{
	size_t n = json_array_size(list);

	if (n > STRINGS_MAX)
		return NULL;
	const char **v = xcalloc(n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		v[i] = json_string_value(json_array_get(list, i));
		if (!v[i]) {
			free(v);
			return NULL;
		}
	}
	return v;
}

static int fill_groups(const json_t *list, uint32_t *out, size_t *n)
{
	*n = json_array_size(list);
	if (*n > CHAN_MAX_GROUPS)
		return -EINVAL;
	for (size_t i = 0; i < *n; i++)
		out[i] = (uint32_t)json_integer_value(json_array_get(list, i));
	return 0;
}

static int launch(struct warden *w, const json_t *o)
{
	const char **argv = strings(json_object_get(o, "argv"));
	const char **env = strings(json_object_get(o, "env"));
	uint32_t groups[CHAN_MAX_GROUPS];
	struct chan_launch l = {.argv = argv, .env = env, .groups = groups, .gid = CHAN_LOOKUP};
	int ret =
	    argv && env ? fill_groups(json_object_get(o, "groups"), groups, &l.ngroups) : -EINVAL;

	l.cwd = json_string_value(json_object_get(o, "cwd"));
	l.user = json_string_value(json_object_get(o, "user"));
	l.term = json_string_value(json_object_get(o, "term"));
	l.uid = (uint32_t)json_integer_value(json_object_get(o, "uid"));
	if (json_is_integer(json_object_get(o, "gid")))
		l.gid = (uint32_t)json_integer_value(json_object_get(o, "gid"));
	l.rows = (uint16_t)json_integer_value(json_object_get(o, "rows"));
	l.cols = (uint16_t)json_integer_value(json_object_get(o, "cols"));
	l.flags = json_is_true(json_object_get(o, "pty")) ? CHAN_PTY : 0;
	if (json_is_true(json_object_get(o, "login")))
		l.flags |= CHAN_LOGIN;
	if (!ret)
		ret = chan_exec(w->chan, &l);
	free(argv);
	free(env);
	return ret;
}

/* Why no program can be started now, with its errno; NULL: one can. */
static const char *unready(const struct warden *w, int *code)
{
	int count = 0;

	for (const struct exec *x = w->execs; x; x = x->next)
		count++;
	*code = EAGAIN;
	if (!w->chan || !chan_is_ready(w->chan) || w->errand)
		return "the guest is not running";
	if (w->st.state == JAIL_PAUSED)
		return "the guest is paused: `gaol resume` first";
	*code = EBUSY;
	return count >= EXECS_MAX ? "too many programs at once" : NULL;
}

const char *exec_console(struct warden *w, struct console *c, const json_t *o)
{
	int code;
	const char *why = unready(w, &code);

	if (why)
		return why;
	int stream = launch(w, o);
	if (stream < 0)
		return strerror(-stream);
	struct exec *x = xcalloc(1, sizeof(*x));
	*x = (struct exec){.stream = (uint32_t)stream, .console = c, .next = w->execs};
	w->execs = x;
	c->stream = x->stream;
	return NULL;
}

void exec_start(struct warden *w, struct peer *p, uint32_t tag, const json_t *o)
{
	int code;
	const char *why = unready(w, &code);

	if (!why && by_tag(w, p->id, tag)) {
		code = EBUSY;
		why = "the client uses a tag twice";
	}
	if (why) {
		tell_failed(w, p->id, tag, code, why);
		return;
	}
	int stream = launch(w, o);
	if (stream < 0) {
		tell_failed(w, p->id, tag, -stream, strerror(-stream));
		return;
	}
	struct exec *x = xcalloc(1, sizeof(*x));
	*x = (struct exec){.stream = (uint32_t)stream, .peer = p->id, .tag = tag, .next = w->execs};
	w->execs = x;
}

static void grant(struct warden *w, struct exec *x, size_t n)
{
	struct peer *p = peer_find(w, x->peer);
	uint32_t room = (uint32_t)n;

	if (x->console && n)
		console_room(w, x->console, n);
	if (p && n)
		peer_send(w, p, PROTO_EXEC_ROOM, x->tag, &room, sizeof(room), -1);
}

static void push_input(struct warden *w, struct exec *x)
{
	size_t done = 0;

	x->waiting = false;
	while (done < x->input.len) {
		size_t left = x->input.len - done;
		int n = chan_stream_write(w->chan, x->stream, x->input.p + done, left);
		if (n < 0)
			n = (int)left; /* the process reads no more: take and forget */
		done += (size_t)n;
		if ((size_t)n < left) {
			x->waiting = true;
			break;
		}
	}
	buf_eat(&x->input, done);
	if (x->eof && !x->input.len)
		chan_stream_eof(w->chan, x->stream);
	grant(w, x, done);
}

bool exec_console_keys(struct warden *w, const struct console *c, const void *data, size_t n)
{
	struct exec *x = by_stream(w, c->stream);

	if (!x || !w->chan)
		return true;
	if (x->input.len + n > KEYS_MAX)
		return false;
	buf_add(&x->input, data, n);
	if (!x->waiting)
		push_input(w, x);
	return true;
}

void exec_message(struct warden *w, struct peer *p, const struct proto_head *h, const void *data,
		  size_t n)
{
	struct exec *x = by_tag(w, p->id, h->tag);
	struct proto_size size;
	uint32_t signo;

	if (!x || !w->chan)
		return;
	if (h->type == PROTO_EXEC_IN) {
		if (x->eof || x->input.len + n > CHAN_WINDOW) {
			peer_drop(w, p);
			return;
		}
		buf_add(&x->input, data, n);
		if (!x->waiting)
			push_input(w, x);
	} else if (h->type == PROTO_EXEC_EOF) {
		x->eof = true;
		if (!x->input.len)
			chan_stream_eof(w->chan, x->stream);
	} else if (h->type == PROTO_EXEC_SIGNAL && n == sizeof(signo)) {
		memcpy(&signo, data, sizeof(signo));
		chan_stream_signal(w->chan, x->stream, (int)signo);
	} else if (h->type == PROTO_EXEC_SIZE && n == sizeof(size)) {
		memcpy(&size, data, sizeof(size));
		chan_stream_winsize(w->chan, x->stream, size.rows, size.cols);
	}
}

void exec_consumed(struct warden *w, uint64_t peer, uint32_t tag, int which, size_t n)
{
	struct exec *x = by_tag(w, peer, tag);

	if (x && w->chan)
		chan_stream_consumed(w->chan, x->stream, which, n);
}

/* The client went away: its programs lose their terminal or pipes and get SIGHUP. */
void exec_peer_gone(struct warden *w, uint64_t peer)
{
	for (struct exec *x = w->execs, *next; x; x = next) {
		next = x->next;
		if (x->peer != peer)
			continue;
		if (w->chan)
			chan_stream_close(w->chan, x->stream);
		forget(w, x);
	}
}

void exec_guest_gone(struct warden *w)
{
	/* Forgotten before it is told: a client that cannot be told is dropped with its programs.
	 */
	while (w->execs) {
		uint64_t peer = w->execs->peer;
		uint32_t tag = w->execs->tag;
		struct console *c = w->execs->console;
		const char *why = w->gone[0] ? w->gone : "the guest ended";
		forget(w, w->execs);
		if (c)
			console_over(w, c, why);
		else
			tell_failed(w, peer, tag, EPIPE, why);
	}
}

void exec_on_started(void *user, uint32_t stream, uint32_t pid)
{
	struct warden *w = user;
	struct exec *x = by_stream(w, stream);
	struct peer *p = x ? peer_find(w, x->peer) : NULL;

	if (!p)
		return;
	json_t *o = json_pack("{s:I}", "pid", (json_int_t)pid);
	bool there = peer_send_json(w, p, PROTO_EXEC_STARTED, x->tag, o, -1);
	json_decref(o);
	if (there)
		grant(w, x, CHAN_WINDOW);
}

void exec_on_failed(void *user, uint32_t stream, int err, const char *why)
{
	struct warden *w = user;
	struct exec *x = by_stream(w, stream);

	if (!x)
		return;
	struct buf b = {0};
	uint64_t peer = x->peer;
	uint32_t tag = x->tag;
	struct console *c = x->console;
	forget(w, x);
	if (err == EAGAIN && !strcmp(why, "start"))
		buf_str(&b, "start: the guest has all the processes that it may have: end some, or "
			    "raise limits.pids");
	else
		buf_fmt(&b, "%s: %s", why, strerror(err));
	if (c)
		console_over(w, c, buf_cstr(&b));
	else
		tell_failed(w, peer, tag, err, buf_cstr(&b));
	buf_free(&b);
}

void exec_on_data(void *user, uint32_t stream, int fd, const void *p, size_t n)
{
	struct warden *w = user;
	struct exec *x = by_stream(w, stream);
	struct peer *to = x ? peer_find(w, x->peer) : NULL;

	/* A ring takes all; its viewers hold up nobody. */
	if (x && x->console)
		console_output(w, x->console, p, n);
	if (!to) {
		chan_stream_consumed(w->chan, stream, fd, n);
		return;
	}
	while (n) {
		size_t part = n < PROTO_MAX ? n : PROTO_MAX;
		if (!peer_send_output(w, to, x->tag, fd, p, part))
			return;
		p = (const char *)p + part;
		n -= part;
	}
}

void exec_on_room(void *user, uint32_t stream)
{
	struct warden *w = user;
	struct exec *x = by_stream(w, stream);

	if (x)
		push_input(w, x);
}

void exec_on_exit(void *user, uint32_t stream, int status)
{
	struct warden *w = user;
	struct exec *x = by_stream(w, stream);
	struct peer *p = x ? peer_find(w, x->peer) : NULL;
	uint32_t code = (uint32_t)status;

	if (p)
		peer_send(w, p, PROTO_EXEC_EXIT, x->tag, &code, sizeof(code), -1);
	x = by_stream(w, stream);
	struct console *c = x ? x->console : NULL;
	if (x)
		forget(w, x);
	if (c)
		console_over(w, c, "the shell ended");
}
