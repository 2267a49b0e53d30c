/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A viewer that writes what it sees into a file. It reads at its own pace like any other: a full
 * disk or a slow one holds up nobody.
 */
#include "core/buf.h"
#include "core/cast.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/jail.h"
#include "core/loop.h"
#include "tui/cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { OPT_V2 = CLI_LONG, OPT_INPUT };

static const struct cli_opt opts[] = {
    {.key = OPT_V2, .name = "v2", .help = "Writes version 2, for older players."},
    {.key = OPT_INPUT, .name = "input", .help = "Also what is typed; passwords too."},
    {.key = 'f', .name = "force", .help = "Writes over a file that is there."},
    {0}};

struct recording {
	struct loop *loop;
	struct client *client;
	const char *name;
	bool v2, input, force;
	bool begun; /* the header is written: the first status has come */
	int fd;
	int watch_tag;
	struct cast cast;
	uint16_t rows, cols;
	unsigned checkpoint;
	bool over;
	bool failed;
	struct err err;
};

static void finish(struct recording *r)
{
	r->over = true;
	loop_stop(r->loop, 0);
}

static void put(struct recording *r, struct buf *b)
{
	int ret = b->len ? fd_write_full(r->fd, b->p, b->len) : 0;

	buf_free(b);
	if (!ret || r->failed)
		return;
	r->failed = true;
	err_set(&r->err, ret, "recording: %s", strerror(-ret));
	finish(r);
}

static void first_status(struct recording *r, const struct jail_status *st)
{
	struct buf b = {0};
	uint16_t rows = st->rows ? st->rows : 24, cols = st->cols ? st->cols : 80;

	cast_begin(&r->cast, r->v2, rows, cols, r->name, loop_now_ms(), &b);
	put(r, &b);
	r->begun = true;
	r->rows = rows;
	r->cols = cols;
	r->checkpoint = st->checkpoint;
	json_t *o = json_pack("{s:b, s:b, s:b}", "readonly", 1, "replay", 1, "keys", r->input);
	char *text = json_dumps(o, JSON_COMPACT);
	if (client_send(r->client, PROTO_ATTACH, 0, text, strlen(text)))
		finish(r);
	free(text);
	json_decref(o);
}

static bool is_down(const struct jail_status *st)
{
	return st->state == JAIL_STOPPED || st->state == JAIL_CRASHED || st->state == JAIL_FAILED;
}

/* Sizes, checkpoints and the end. */
static void next_status(struct recording *r, const struct jail_status *st)
{
	struct buf b = {0};
	char text[64];
	int64_t now = loop_now_ms();

	if (st->rows && (st->rows != r->rows || st->cols != r->cols))
		cast_size(&r->cast, st->rows, st->cols, now, &b);
	r->rows = st->rows;
	r->cols = st->cols;
	if (st->checkpoint != r->checkpoint) {
		snprintf(text, sizeof(text), "checkpoint %u", st->checkpoint);
		cast_text(&r->cast, CAST_MARKER, text, now, &b);
	}
	r->checkpoint = st->checkpoint;
	if (is_down(st) && !st->restart_at) {
		cast_end(&r->cast, now, &b);
		snprintf(text, sizeof(text), "%d", jail_exit_code(st->exit_status));
		if (st->has_exit)
			cast_text(&r->cast, CAST_EXIT, text, now, &b);
		finish(r);
	}
	put(r, &b);
}

static void on_status(struct recording *r, const struct client_msg *m)
{
	struct jail_status st;
	json_t *o = proto_json(m->data, m->len);

	if (o && !jail_status_from_json(o, &st)) {
		if (r->begun)
			next_status(r, &st);
		else
			first_status(r, &st);
	}
	json_decref(o);
}

static void on_lost(struct recording *r, const struct client_msg *m)
{
	struct buf b = {0};
	char text[64];
	uint64_t n;

	if (m->len != sizeof(n))
		return;
	memcpy(&n, m->data, sizeof(n));
	snprintf(text, sizeof(text), "%llu bytes lost", (unsigned long long)n);
	cast_text(&r->cast, CAST_MARKER, text, loop_now_ms(), &b);
	put(r, &b);
}

static void on_bytes(struct recording *r, enum cast_code code, const struct client_msg *m)
{
	struct buf b = {0};

	cast_event(&r->cast, code, m->data, m->len, loop_now_ms(), &b);
	put(r, &b);
}

static void on_message(struct recording *r, const struct client_msg *m)
{
	int fd = m->fd;

	fd_close(&fd);
	if (m->head.type == PROTO_STATUS ||
	    (m->head.type == PROTO_RESULT && m->head.tag == (uint32_t)r->watch_tag))
		on_status(r, m);
	else if (m->head.type == PROTO_CONSOLE_OUT && r->begun)
		on_bytes(r, CAST_OUTPUT, m);
	else if (m->head.type == PROTO_CONSOLE_KEYS && r->begun)
		on_bytes(r, CAST_INPUT, m);
	else if (m->head.type == PROTO_CONSOLE_LOST && r->begun)
		on_lost(r, m);
}

static void on_socket(void *user, int events)
{
	struct recording *r = user;
	struct client_msg m;

	(void)events;
	for (int i = 0; i < 32 && !r->over; i++) {
		int ret = client_next(r->client, &m);
		if (!ret)
			return;
		if (ret < 0) {
			finish(r);
			return;
		}
		on_message(r, &m);
	}
}

static void on_signal(void *user, int signo)
{
	(void)signo;
	finish(user);
}

static int open_file(const struct recording *r, const char *path, struct err *e)
{
	int fd;

	if (!strcmp(path, "-"))
		return fcntl(1, F_DUPFD_CLOEXEC, 3);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (r->force ? O_TRUNC : O_EXCL), 0600);
	if (fd < 0 && errno == EEXIST)
		err_set(e, 0, "%s: is there: name another file, or -f writes over it", path);
	else if (fd < 0)
		err_sys(e, "%s", path);
	return fd;
}

static int run(struct recording *r, struct err *e)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, 0};
	struct buf b = {0};

	r->loop = loop_new();
	if (!r->loop || loop_signals(r->loop, signals, on_signal, r) ||
	    !loop_fd_add(r->loop, client_fd(r->client), LOOP_IN, on_socket, r))
		return err_sys(e, "record");
	r->watch_tag = client_send_call(r->client, "watch", NULL);
	loop_run(r->loop);
	if (r->begun && !r->failed) {
		cast_end(&r->cast, loop_now_ms(), &b);
		put(r, &b);
	}
	*e = r->err;
	return r->failed ? -EIO : 0;
}

static int record(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct recording r = {.fd = -1};
	struct cli_args a;
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		r.v2 |= key == OPT_V2;
		r.input |= key == OPT_INPUT;
		r.force |= key == 'f';
	}
	if (key || !cli_operands(&a, 2, 2))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	r.name = j.name;
	int ret = client_connect(&r.client, &j, &e);
	if (!ret)
		ret = r.fd = open_file(&r, a.v[1], &e);
	if (ret >= 0)
		ret = run(&r, &e);
	loop_free(r.loop);
	client_free(r.client);
	fd_close(&r.fd);
	jail_close(&j);
	return ret < 0 ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {
    "gaol record demo demo.cast", "Until the jail is down, or Ctrl-C.",
    "gaol record demo old.cast --v2", "For players that know version 2 only.", NULL};

const struct verb verb_record = {
    .name = "record",
    .args = "NAME FILE",
    .help = "Records a jail's console as asciicast",
    .more = "Version 3 of asciicast, with what the console shows now as its beginning, changes of "
	    "its size, and a marker at each checkpoint. FILE is made for you alone; - is standard "
	    "output. The guest is not held up: when FILE is slower than the console, a marker "
	    "tells how many bytes are missing. [console] record in jail.conf records every boot "
	    "from its first byte, without a command.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = record,
};
