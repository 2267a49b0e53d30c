/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/attach.h"
#include "core/buf.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/loop.h"
#include "core/text.h"
#include "tui/filter.h"
#include "tui/tty.h"
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN STDIN_FILENO
#define OUT STDOUT_FILENO
#define KEYS_MAX 4096	       /* typed or pasted bytes that wait for the warden */
#define OUTPUT_MAX (64 * 1024) /* bytes that wait for a slow terminal; then the socket waits */

struct attach {
	struct loop *loop;
	struct client *client;
	struct loop_fd *in, *out, *sock;
	struct loop_timer *later;      /* ends outside of the callback that noticed */
	char name[JAIL_NAME_MAX + 12]; /* and of another console than 1 ":N" */
	bool readonly;
	unsigned char detach[2];
	bool armed;	   /* the first detach key was typed */
	bool ended;	   /* done will be, or was, called */
	struct buf keys;   /* typed, not yet sent */
	uint64_t room;	   /* bytes of input that the warden takes */
	struct buf output; /* filtered, not yet written */
	struct filter filter;
	int watch_tag;
	int end;
	struct err err;
	attach_done_fn *done;
	void *user;
};

/* "Ctrl-] d" for the two bytes. */
static const char *keys_text(const unsigned char keys[2], char *out, size_t size)
{
	char first[8], second[8];

	snprintf(first, sizeof(first), keys[0] < 32 ? "Ctrl-%c" : "%c",
		 keys[0] < 32 ? (keys[0] >= 1 && keys[0] <= 26 ? keys[0] + 96 : keys[0] + 64)
			      : keys[0]);
	snprintf(second, sizeof(second), keys[1] < 32 ? "Ctrl-%c" : "%c",
		 keys[1] < 32 ? (keys[1] >= 1 && keys[1] <= 26 ? keys[1] + 96 : keys[1] + 64)
			      : keys[1]);
	snprintf(out, size, "%s %s", first, second);
	return out;
}

/* Asks for exactly what can be used now. */
static void want(struct attach *a)
{
	if (a->ended)
		return;
	loop_fd_want(a->in, a->keys.len < KEYS_MAX ? LOOP_IN : 0);
	loop_fd_want(a->out, a->output.len ? LOOP_OUT : 0);
	loop_fd_want(a->sock, (a->output.len < OUTPUT_MAX ? LOOP_IN : 0) |
				  (a->keys.len && a->room ? LOOP_OUT : 0));
}

/* The end was noticed: told from the loop, once. */
static void finish(struct attach *a, int end, const char *why)
{
	if (a->ended)
		return;
	a->ended = true;
	a->end = end;
	err_set(&a->err, 0, "%s", why);
	loop_fd_del(a->in);
	loop_fd_del(a->out);
	loop_fd_del(a->sock);
	a->in = a->out = a->sock = NULL;
	loop_timer_arm(a->later, 0);
}

static void say_goodbye(void *user)
{
	struct attach *a = user;
	struct buf b = {0};

	client_send(a->client, PROTO_DETACH, 0, NULL, 0);
	if (a->end == ATTACH_STOPPED) /* its last words */
		buf_add(&b, a->output.p, a->output.len);
	filter_reset(&a->filter, &b);
	buf_str(&b, "\r\n");
	if (fd_write_full(OUT, b.p, b.len))
		a->end = ATTACH_LOST;
	buf_free(&b);
	tty_restore();
	a->done(a->user, a->end, &a->err);
}

/* Keys go as far as there is room; what does not fit waits. */
static void send_keys(struct attach *a)
{
	while (a->keys.len && a->room) {
		size_t n = a->keys.len < a->room ? a->keys.len : (size_t)a->room;
		int ret = client_send(a->client, PROTO_CONSOLE_IN, 0, a->keys.p, n);

		if (ret == -EAGAIN)
			break;
		if (ret < 0) {
			finish(a, ATTACH_LOST, "the warden is gone");
			return;
		}
		a->room -= n;
		buf_eat(&a->keys, n);
	}
	want(a);
}

/* One typed byte; false: detach. */
static bool typed(struct attach *a, unsigned char c)
{
	bool first = c == a->detach[0];

	if (a->armed) {
		a->armed = false;
		if (c == a->detach[1])
			return false;
		if (!first)
			buf_ch(&a->keys, (char)a->detach[0]);
		buf_ch(&a->keys, (char)c);
	} else if (first) {
		a->armed = true;
	} else {
		buf_ch(&a->keys, (char)c);
	}
	return true;
}

static void on_key(void *user, int events)
{
	struct attach *a = user;
	unsigned char bytes[KEYS_MAX];
	ssize_t n = read(IN, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		finish(a, ATTACH_LOST, "the terminal is gone");
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (!typed(a, bytes[i])) {
			finish(a, ATTACH_DETACHED, "detached");
			return;
		}
	}
	if (a->readonly)
		buf_reset(&a->keys);
	send_keys(a);
}

static void flush_output(struct attach *a)
{
	/* A terminal that takes less than is written blocks in write(2), not in poll: hand it
	 * little at a time. */
	size_t n = a->output.len < 4096 ? a->output.len : 4096;
	ssize_t put = n ? write(OUT, a->output.p, n) : 0;

	if (put < 0 && errno != EINTR && errno != EAGAIN) {
		finish(a, ATTACH_LOST, "the terminal is gone");
		return;
	}
	if (put > 0)
		buf_eat(&a->output, (size_t)put);
	want(a);
}

static void on_writable(void *user, int events)
{
	flush_output(user);
}

/* A status from the warden: is there still a guest to be attached to? */
static void on_status(struct attach *a, const struct client_msg *m)
{
	struct jail_status st;
	json_t *o = proto_json(m->data, m->len);
	char why[320];

	if (o && !jail_status_from_json(o, &st) &&
	    (st.state == JAIL_STOPPED || st.state == JAIL_CRASHED || st.state == JAIL_FAILED)) {
		snprintf(why, sizeof(why), "%s%s%s", jail_state_name(st.state),
			 st.reason[0] ? ": " : "", st.reason);
		finish(a, ATTACH_STOPPED, why);
	}
	json_decref(o);
}

static void on_error(struct attach *a, const struct client_msg *m)
{
	json_t *o = proto_json(m->data, m->len);
	const char *text = o ? json_string_value(json_object_get(o, "error")) : NULL;

	finish(a, ATTACH_LOST, text ? text : "the warden refused");
	json_decref(o);
}

/* A console's shell has ended; the jail runs on. */
static void on_end(struct attach *a, const struct client_msg *m)
{
	struct buf why = {0};

	text_escape(&why, (const char *)m->data, m->len, 0);
	buf_fmt(&a->output, "\r\n[%s: %s]", a->name, buf_cstr(&why));
	finish(a, ATTACH_STOPPED, buf_cstr(&why));
	buf_free(&why);
}

static void on_message(struct attach *a, const struct client_msg *m)
{
	uint32_t room;
	uint64_t lost;
	int fd = m->fd;

	fd_close(&fd);
	switch (m->head.type) {
	case PROTO_CONSOLE_OUT:
		filter_run(&a->filter, m->data, m->len, &a->output);
		break;
	case PROTO_CONSOLE_ROOM:
		if (m->len == sizeof(room)) {
			memcpy(&room, m->data, sizeof(room));
			/* every viewer is told of all keys that were taken, not of its own alone */
			a->room += room;
			if (a->room > KEYS_MAX)
				a->room = KEYS_MAX;
			send_keys(a);
		}
		break;
	case PROTO_CONSOLE_LOST:
		if (m->len == sizeof(lost)) {
			memcpy(&lost, m->data, sizeof(lost));
			buf_fmt(&a->output, "\r\n[%llu bytes lost: this terminal was too slow]\r\n",
				(unsigned long long)lost);
		}
		break;
	case PROTO_CONSOLE_END:
		on_end(a, m);
		break;
	case PROTO_STATUS:
		on_status(a, m);
		break;
	case PROTO_RESULT:
		if ((int)m->head.tag == a->watch_tag)
			on_status(a, m);
		break;
	case PROTO_ERROR:
		on_error(a, m);
		break;
	default:
		break;
	}
}

static void on_socket(void *user, int events)
{
	struct attach *a = user;
	struct client_msg m;

	if (events & LOOP_OUT)
		send_keys(a);
	while (!a->ended && a->output.len < OUTPUT_MAX) {
		int ret = client_next(a->client, &m);

		if (!ret)
			break;
		if (ret < 0) {
			finish(a, ATTACH_LOST,
			       ret == -EPIPE ? "the warden is gone" : "the warden spoke nonsense");
			return;
		}
		on_message(a, &m);
	}
	if (!a->ended)
		want(a);
}

void attach_resized(struct attach *a)
{
	struct proto_size size;

	if (!a->readonly && !a->ended && tty_size(OUT, &size.rows, &size.cols))
		client_send(a->client, PROTO_CONSOLE_SIZE, 0, &size, sizeof(size));
}

/* Sends the two messages that begin a view of the console. */
static int begin(struct attach *a, const struct attach_options *o, struct err *e)
{
	uint16_t rows, cols;
	int ret;

	tty_size(OUT, &rows, &cols);
	json_t *msg = json_pack("{s:i, s:i, s:b, s:b}", "rows", rows, "cols", cols, "readonly",
				o->readonly, "replay", !o->no_replay);
	if (o->console > 1) {
		const char *term = getenv("TERM");
		json_object_set_new(msg, "console", json_integer(o->console));
		json_object_set_new(msg, "term", json_string(term ? term : "dumb"));
	}
	char *text = json_dumps(msg, JSON_COMPACT);

	ret = client_send(a->client, PROTO_ATTACH, 0, text, strlen(text));
	free(text);
	json_decref(msg);
	if (!ret) {
		a->watch_tag = client_send_call(a->client, "watch", NULL);
		ret = a->watch_tag < 0 ? a->watch_tag : 0;
	}
	if (ret)
		return err_set(e, ret, "attach %s: %s: try again", a->name, strerror(-ret));
	return 0;
}

static void first_line(struct attach *a)
{
	char keys[32];

	keys_text(a->detach, keys, sizeof(keys));
	buf_fmt(&a->output, "\r\n\033[7m %s%s: %s detaches \033[m\r\n", a->name,
		a->readonly ? " (looking only)" : "", keys);
}

static struct attach *make(struct loop *l, struct client *c, const struct attach_options *o,
			   attach_done_fn *done, void *user)
{
	struct attach *a = xcalloc(1, sizeof(*a));

	a->loop = l;
	a->client = c;
	a->readonly = o->readonly;
	a->done = done;
	a->user = user;
	a->detach[0] = o->detach[0] ? o->detach[0] : 0x1d;
	a->detach[1] = o->detach[0] ? o->detach[1] : 'd';
	snprintf(a->name, sizeof(a->name), "%s", o->name ? o->name : "jail");
	if (o->console > 1)
		snprintf(a->name + strlen(a->name), sizeof(a->name) - strlen(a->name), ":%u",
			 o->console);
	filter_init(&a->filter, tty_utf8());
	return a;
}

struct attach *attach_start(struct loop *l, struct client *c, const struct attach_options *o,
			    attach_done_fn *done, void *user, struct err *e)
{
	struct attach *a;

	if (!isatty(IN) || !isatty(OUT) || tty_guard(IN)) {
		err_set(e, -ENOTTY,
			"attach: standard input or output is no terminal: run it in one");
		return NULL;
	}
	a = make(l, c, o, done, user);
	a->later = loop_timer_add(l, -1, say_goodbye, a);
	a->in = loop_fd_add(l, IN, 0, on_key, a);
	a->out = loop_fd_add(l, OUT, 0, on_writable, a);
	a->sock = loop_fd_add(l, client_fd(c), 0, on_socket, a);
	if (!a->in || !a->out || !a->sock)
		err_sys(e, "attach %s", a->name);
	else if (!begin(a, o, e) && !tty_raw(IN)) {
		first_line(a);
		want(a);
		return a;
	}
	attach_free(a);
	return NULL;
}

void attach_stop(struct attach *a)
{
	if (a->ended)
		return;
	finish(a, ATTACH_DETACHED, "detached");
	loop_timer_arm(a->later, -1);
	say_goodbye(a);
}

void attach_free(struct attach *a)
{
	if (!a)
		return;
	loop_fd_del(a->in);
	loop_fd_del(a->out);
	loop_fd_del(a->sock);
	loop_timer_del(a->later);
	buf_free(&a->keys);
	buf_free(&a->output);
	free(a);
}

/* attach_run: a loop of its own around the above. */
struct run {
	struct loop *loop;
	struct attach *attach;
	int end;
	struct err err;
};

static void run_done(void *user, int end, const struct err *e)
{
	struct run *r = user;

	r->end = end;
	r->err = *e;
	loop_stop(r->loop, 0);
}

static void run_signal(void *user, int signo)
{
	struct run *r = user;

	if (!r->attach)
		return;
	if (signo == SIGWINCH)
		attach_resized(r->attach);
	else
		attach_stop(r->attach);
}

int attach_run(struct client *c, const struct attach_options *o, struct err *e)
{
	static const int signals[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, 0};
	struct run r = {.loop = loop_new()};
	sigset_t before;
	int ret = -1;

	if (!r.loop)
		return err_sys(e, "attach");
	setlocale(LC_CTYPE, "");
	sigprocmask(SIG_BLOCK, NULL, &before);
	ret = loop_signals(r.loop, signals, run_signal, &r);
	if (ret) {
		err_set(e, ret, "attach: %s", strerror(-ret));
		goto out;
	}
	r.attach = attach_start(r.loop, c, o, run_done, &r, e);
	if (!r.attach) {
		ret = -ENOTTY;
		goto out;
	}
	loop_run(r.loop);
	*e = r.err;
	ret = r.end;
out:
	attach_free(r.attach);
	loop_free(r.loop);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}
