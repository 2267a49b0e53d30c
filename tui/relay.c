/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/relay.h"
#include "core/buf.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/loop.h"
#include "core/text.h"
#include "tui/filter.h"
#include "tui/tty.h"
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define INPUT_CHUNK 32768
#define ASKED_MAX 3
#define CTRL_C 3
#define HELD_MAX 65536 /* bytes of output that are taken while a question stands */
#define STEADY_MS 700 /* that a question must have been there before a key is an answer */
#define OUTPUT_CHUNK                                                                               \
	4096 /* a pipe that poll calls writable takes PIPE_BUF bytes without waiting               \
	      */

static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
#define NFORWARDED (sizeof(forwarded) / sizeof(forwarded[0]))

/* One of our two output descriptors and what waits for it. */
struct sink {
	int fd;
	struct buf waiting;
	struct filter *filter; /* NULL: bytes pass as they are */
	bool used;
	bool closed; /* nobody reads it any more */
};

struct relay {
	struct client *client;
	uint32_t tag;
	bool pty;
	bool raw; /* standard input is a terminal in raw mode */
	int signals;
	sigset_t before;
	struct filter filters[2]; /* of out and err, used where they are terminals */
	struct sink out, err;
	struct buf input; /* read from standard input, not yet sent */
	uint64_t room;	  /* bytes of input that the warden takes */
	bool eof;	  /* standard input has ended */
	bool eof_sent;
	bool running;	/* the program has begun */
	unsigned asked; /* signals that asked for its end */
	bool interrupted;
	bool ended; /* the exit status is there */
	uint32_t status;
	void (*started)(void *user, uint32_t pid);
	void *user;
	struct exec_aside *aside;
	bool questioned;      /* a question of aside's stands */
	bool on_full;	      /* on a program's full screen */
	int64_t questioned_at; /* ms of the monotonic clock */
};

static int lost(struct err *e)
{
	return err_set(e, -EPIPE,
		       "the jail's warden ended: see its log, then start the jail again");
}

/* Sends a small message that must not be dropped; waits for room, which a warden always makes. */
static int send_small(struct relay *r, uint16_t type, const void *p, size_t n)
{
	int ret;

	while ((ret = client_send(r->client, type, r->tag, p, n)) == -EAGAIN) {
		struct pollfd pf = {.fd = client_fd(r->client), .events = POLLOUT};

		if (poll(&pf, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
	return ret;
}

static void send_signal(struct relay *r, uint32_t signo)
{
	send_small(r, PROTO_EXEC_SIGNAL, &signo, sizeof(signo));
}

static void send_size(struct relay *r)
{
	struct proto_size size;

	if (r->pty && tty_size(STDOUT_FILENO, &size.rows, &size.cols))
		send_small(r, PROTO_EXEC_SIZE, &size, sizeof(size));
}

/* One that asks for an end is ours until there is a program; and the third is ours as well: a guest
 * that passes on none must not hold its client for ever. */
static void take_signal(struct relay *r, uint32_t signo)
{
	bool ends = signo == SIGINT || signo == SIGTERM || signo == SIGQUIT || signo == SIGHUP;

	if (ends && (!r->running || ++r->asked >= ASKED_MAX))
		r->interrupted = true;
	else
		send_signal(r, signo);
}

static void on_signal(struct relay *r)
{
	struct signalfd_siginfo si;

	while (read(r->signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGWINCH)
			send_size(r);
		else
			take_signal(r, si.ssi_signo);
	}
}

/* A part of what waits for a descriptor; a reader that left is told to the program as SIGPIPE. */
static void drain(struct relay *r, struct sink *s)
{
	size_t n = s->waiting.len < OUTPUT_CHUNK ? s->waiting.len : OUTPUT_CHUNK;
	ssize_t put = n ? write(s->fd, s->waiting.p, n) : 0;

	if (put > 0)
		buf_eat(&s->waiting, (size_t)put);
	if (put >= 0 || errno == EINTR || errno == EAGAIN)
		return;
	s->closed = true;
	buf_reset(&s->waiting);
	send_signal(r, SIGPIPE);
}

static void put_out(struct sink *s, const struct client_msg *m)
{
	if (s->closed)
		return;
	s->used = true;
	if (s->filter)
		filter_run(s->filter, m->data, m->len, &s->waiting);
	else
		buf_add(&s->waiting, m->data, m->len);
}

static int failed(const struct client_msg *m, const char *word, struct err *e)
{
	json_t *o = proto_json(m->data, m->len);
	const char *why = json_string_value(json_object_get(o, "error"));
	int code = (int)json_integer_value(json_object_get(o, word));

	err_set(e, 0, "%s", why ? why : "the program could not be started");
	json_decref(o);
	return code > 0 ? -code : -EIO;
}

static void on_started(struct relay *r, const struct client_msg *m)
{
	json_t *o = proto_json(m->data, m->len);

	if (r->started)
		r->started(r->user, (uint32_t)json_integer_value(json_object_get(o, "pid")));
	json_decref(o);
	send_size(r); /* it may have changed since the call */
}

static int on_message(struct relay *r, const struct client_msg *m, struct err *e)
{
	uint32_t number = 0;
	int fd = m->fd;

	fd_close(&fd);
	if (m->head.tag != r->tag)
		return 0;
	if (m->len == sizeof(number))
		memcpy(&number, m->data, sizeof(number));
	switch (m->head.type) {
	case PROTO_EXEC_STARTED:
		r->running = true;
		on_started(r, m);
		break;
	case PROTO_EXEC_FAILED:
		return failed(m, "errno", e);
	case PROTO_EXEC_OUT:
		put_out(&r->out, m);
		break;
	case PROTO_EXEC_ERR:
		put_out(&r->err, m);
		break;
	case PROTO_EXEC_ROOM:
		r->room += number;
		break;
	case PROTO_EXEC_EXIT:
		r->ended = true;
		r->status = number;
		break;
	default:
		break;
	}
	return 0;
}

/* Takes messages as long as their output has somewhere to go: backpressure is the socket's. */
static int on_socket(struct relay *r, struct err *e)
{
	struct client_msg m;

	while (!r->ended && r->out.waiting.len <= (r->questioned ? HELD_MAX : 0) &&
	       !r->err.waiting.len) {
		int ret = client_next(r->client, &m);

		if (!ret)
			return 0;
		if (ret < 0)
			return lost(e);
		ret = on_message(r, &m, e);
		if (ret)
			return ret;
	}
	return 0;
}

static void on_input(struct relay *r)
{
	size_t most = r->room < INPUT_CHUNK ? (size_t)r->room : INPUT_CHUNK;
	ssize_t n = read(STDIN_FILENO, buf_room(&r->input, most), most);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0)
		r->input.len += (size_t)n;
	else
		r->eof = true;
}

static int send_input(struct relay *r, struct err *e)
{
	int ret = 0;

	if (r->input.len) {
		ret = client_send(r->client, PROTO_EXEC_IN, r->tag, r->input.p, r->input.len);
		if (!ret) {
			r->room -= r->input.len;
			buf_reset(&r->input);
		}
	}
	if (!r->input.len && r->eof && !r->eof_sent) {
		ret = client_send(r->client, PROTO_EXEC_EOF, r->tag, NULL, 0);
		r->eof_sent = !ret;
	}
	return ret && ret != -EAGAIN ? lost(e) : 0;
}

/* Questions in between */

/* On a program's full screen the last line is borrowed; else lines are added. */
static void show_aside(struct relay *r, bool was, struct buf *text)
{
	struct buf b = {0};
	uint16_t rows, cols;
	bool begins = !was && r->questioned;

	if (begins)
		r->on_full = r->filters[0].alt;
	bool full = r->on_full;
	tty_size(STDOUT_FILENO, &rows, &cols);
	if (full && begins)
		buf_str(&b, "\0337\033[0m\033[999;1H\033[2K");
	else if (!full && begins)
		buf_str(&b, "\r\n");
	/* What became of it would make a last line that is full scroll. */
	if (!full)
		buf_add(&b, text->p, text->len);
	else if (begins)
		buf_add(&b, text->p, text_fit(text->p, text->len, cols > 1 ? cols - 1 : 1));
	if (full && !r->questioned)
		buf_str(&b, "\033[2K\0338");
	else if (!full && !r->questioned && text->len)
		buf_str(&b, "\r\n");
	fd_write_full(STDOUT_FILENO, b.p, b.len);
	buf_free(&b);
	/* Another size and back: the program paints anew what the question lay on. */
	if (full && was && !r->questioned && rows > 2) {
		struct proto_size less = {.rows = (uint16_t)(rows - 1), .cols = cols};

		send_small(r, PROTO_EXEC_SIZE, &less, sizeof(less));
		send_size(r);
	}
}

static void take_aside(struct relay *r, bool stands, struct buf *text)
{
	bool was = r->questioned;

	r->questioned = stands;
	if (stands && !was)
		r->questioned_at = loop_now_ms();
	if (text->len || was != stands)
		show_aside(r, was, text);
	buf_free(text);
}

static void on_aside(struct relay *r)
{
	struct buf text = {0};
	bool stands = r->aside->ready(r->aside->user, &text);

	take_aside(r, stands, &text);
}

static void give_keys(struct relay *r, const void *keys, size_t n)
{
	uint64_t room = r->room - r->input.len;

	buf_add(&r->input, keys, n < room ? n : (size_t)room);
}

/* Keys while a question stands; what was typed before it could be read is the program's. */
static void on_keys(struct relay *r)
{
	unsigned char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n == 0)
		r->eof = true;
	if (n > 0 && loop_now_ms() - r->questioned_at < STEADY_MS) {
		give_keys(r, keys, (size_t)n);
		return;
	}
	for (ssize_t i = 0; i < n && r->questioned; i++) {
		if (keys[i] == CTRL_C)
			give_keys(r, keys + i, 1);
		struct buf text = {0};
		bool stands = r->aside->key(r->aside->user, keys[i], &text);

		take_aside(r, stands, &text);
	}
}

enum { AT_SOCKET, AT_SIGNAL, AT_IN, AT_OUT, AT_ERR, AT_ASIDE, AT_COUNT };

static void ask(const struct relay *r, struct pollfd at[AT_COUNT])
{
	bool full = r->out.waiting.len > (r->questioned ? HELD_MAX : 0) || r->err.waiting.len;
	bool unsent = r->input.len || (r->eof && !r->eof_sent);

	for (int i = 0; i < AT_COUNT; i++)
		at[i] = (struct pollfd){.fd = -1};
	at[AT_SOCKET] = (struct pollfd){
	    .fd = client_fd(r->client),
	    .events = (short)((full ? 0 : POLLIN) | (unsent && r->room ? POLLOUT : 0))};
	if (full && !unsent)
		at[AT_SOCKET].fd = -1; /* a hang-up would be told for ever */
	at[AT_SIGNAL] = (struct pollfd){.fd = r->signals, .events = POLLIN};
	if (!r->eof && (r->questioned || (!r->input.len && r->room)))
		at[AT_IN] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	if (r->out.waiting.len && !r->questioned)
		at[AT_OUT] = (struct pollfd){.fd = r->out.fd, .events = POLLOUT};
	if (r->err.waiting.len)
		at[AT_ERR] = (struct pollfd){.fd = r->err.fd, .events = POLLOUT};
	/* A question begins behind what was written before it. */
	if (r->aside && (r->questioned || !r->out.waiting.len))
		at[AT_ASIDE] = (struct pollfd){.fd = r->aside->fd, .events = POLLIN};
}

static int turn(struct relay *r, struct err *e)
{
	struct pollfd at[AT_COUNT];
	int ret = 0;

	ask(r, at);
	int n = poll(at, AT_COUNT, r->aside ? r->aside->wait_ms : -1);
	if (n < 0)
		return errno == EINTR ? 0 : err_sys(e, "poll");
	if (r->aside && (!n || at[AT_ASIDE].revents) && (r->questioned || !r->out.waiting.len))
		on_aside(r);
	if (at[AT_SIGNAL].revents)
		on_signal(r);
	if (r->interrupted)
		return err_set(e, -EINTR, "interrupted: the program was left to the jail");
	if (at[AT_OUT].revents)
		drain(r, &r->out);
	if (at[AT_ERR].revents)
		drain(r, &r->err);
	if (at[AT_IN].revents & POLLNVAL)
		r->eof = true;
	else if (at[AT_IN].revents && r->questioned)
		on_keys(r);
	else if (at[AT_IN].revents)
		on_input(r);
	if (at[AT_SOCKET].revents)
		ret = on_socket(r, e);
	/* Nobody is there any more to whom an answer matters. */
	if (r->ended && r->questioned) {
		struct buf text = {0};

		buf_str(&text, "the program has ended");
		take_aside(r, false, &text);
	}
	if (r->ended)
		r->aside = NULL;
	return ret || r->ended ? ret : send_input(r, e);
}

static int call(struct relay *r, json_t *args, struct err *e)
{
	uint16_t rows, cols;
	char *text;
	int ret;

	if (r->pty) {
		tty_size(STDOUT_FILENO, &rows, &cols);
		json_object_set_new(args, "pty", json_true());
		json_object_set_new(args, "rows", json_integer(rows));
		json_object_set_new(args, "cols", json_integer(cols));
	}
	text = json_dumps(args, JSON_COMPACT);
	ret = text ? send_small(r, PROTO_EXEC, text, strlen(text)) : -EINVAL;
	free(text);
	if (ret == -EMSGSIZE)
		return err_set(e, ret, "arguments and environment are too long: shorten them");
	return ret ? lost(e) : 0;
}

static int catch_signals(struct relay *r, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < NFORWARDED; i++)
		sigaddset(&set, forwarded[i]);
	/* a closed pipe is an error of write here; the program gets its signal from us */
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, &r->before);
	sigdelset(&set, SIGPIPE);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? err_sys(e, "signalfd") : 0;
}

/* Takes a SIGPIPE that is pending from our own writes: it must not kill the caller later. */
static void forget_sigpipe(void)
{
	struct timespec now = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	while (sigtimedwait(&set, NULL, &now) > 0)
		;
}

static void set_terminal(struct relay *r)
{
	setlocale(LC_CTYPE, "");
	/* Also without a terminal of the guest's own: its bytes must not steer ours. */
	struct sink *const sinks[] = {&r->out, &r->err};
	for (size_t i = 0; i < 2; i++) {
		filter_init(&r->filters[i], tty_utf8());
		if (isatty(sinks[i]->fd))
			sinks[i]->filter = &r->filters[i];
	}
	if (r->pty && isatty(STDIN_FILENO) && !tty_guard(STDIN_FILENO))
		r->raw = !tty_raw(STDIN_FILENO);
}

static void reset_sink(struct sink *s)
{
	if (!s->filter || s->closed || !s->used)
		return;
	filter_reset(s->filter, &s->waiting);
	fd_write_full(s->fd, s->waiting.p, s->waiting.len);
}

static void reset_terminal(struct relay *r)
{
	reset_sink(&r->out);
	reset_sink(&r->err);
	if (r->raw)
		tty_restore();
}

int exec_run(struct client *c, json_t *args, const struct exec_options *o, int *exit_status,
	     struct err *e)
{
	struct relay r = {.client = c,
			  .tag = o->tag ? o->tag : 1,
			  .pty = o->pty,
			  .signals = -1,
			  .out = {.fd = STDOUT_FILENO},
			  .err = {.fd = STDERR_FILENO},
			  .eof = o->no_stdin,
			  .started = o->started,
			  .user = o->user};
	int ret = catch_signals(&r, e);

	if (!ret) {
		set_terminal(&r);
		ret = call(&r, args, e);
		r.aside = r.raw && r.out.filter ? o->aside : NULL;
		while (!ret && !(r.ended && !r.out.waiting.len && !r.err.waiting.len))
			ret = turn(&r, e);
		*exit_status = (int)r.status;
		reset_terminal(&r);
	}
	json_decref(args);
	buf_free(&r.input);
	buf_free(&r.out.waiting);
	buf_free(&r.err.waiting);
	fd_close(&r.signals);
	forget_sigpipe();
	sigprocmask(SIG_SETMASK, &r.before, NULL);
	return ret;
}
