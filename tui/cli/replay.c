/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/fd.h"
#include "tui/cli/cli.h"
#include "tui/filter.h"
#include "tui/tty.h"
#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES (4u << 20) /* of one event: a burst of a guest, escaped */

enum { OPT_SPEED = 's', OPT_IDLE = 'i' };

static const struct cli_opt opts[] = {
    {.key = OPT_SPEED, .name = "speed", .arg = "N", .help = "So many times as fast, 0.01 to 1000."},
    {.key = OPT_IDLE, .name = "idle", .arg = "SECONDS", .help = "No pause longer than this."},
    {0}};

struct replay {
	double speed, idle; /* idle < 0: no limit */
	bool v2;
	double at; /* v2: time of the event before */
	struct filter filter;
	sigset_t signals; /* that end it */
	bool stopped;
};

/* Waits; false: a signal came. */
static bool pause_for(struct replay *r, double seconds)
{
	if (r->idle >= 0 && seconds > r->idle)
		seconds = r->idle;
	seconds /= r->speed;
	if (!(seconds > 0))
		seconds = 0;
	if (seconds > 86400)
		seconds = 86400;
	struct timespec ts = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(fmod(seconds, 1) * 1e9)};
	return sigtimedwait(&r->signals, NULL, &ts) < 0;
}

static int show(struct replay *r, const json_t *event)
{
	const json_t *text = json_array_get(event, 2);
	struct buf b = {0};

	filter_run(&r->filter, json_string_value(text), json_string_length(text), &b);
	int ret = b.len ? fd_write_full(1, b.p, b.len) : 0;
	buf_free(&b);
	return ret;
}

/* One line; 0, or -errno. */
static int play_line(struct replay *r, const char *line, size_t n)
{
	json_t *o = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
	const char *code = json_string_value(json_array_get(o, 1));
	double time = json_number_value(json_array_get(o, 0));
	int ret = code && json_is_string(json_array_get(o, 2)) ? 0 : -EPROTO;

	if (!ret) {
		/* The time passes for events that are not shown, too. */
		double wait = r->v2 ? time - r->at : time;
		r->at = time;
		r->stopped = !pause_for(r, wait);
		if (!r->stopped && !strcmp(code, "o"))
			ret = show(r, o);
	}
	json_decref(o);
	return ret;
}

static int play_header(struct replay *r, const char *line, size_t n)
{
	json_t *o = json_loadb(line, n, 0, NULL);
	json_int_t version = json_integer_value(json_object_get(o, "version"));
	const json_t *idle = json_object_get(o, "idle_time_limit");

	if (r->idle < 0 && json_is_number(idle))
		r->idle = json_number_value(idle);
	r->v2 = version == 2;
	json_decref(o);
	return version == 2 || version == 3 ? 0 : -EPROTO;
}

static int play_file(struct replay *r, FILE *f, const char *name, struct err *e)
{
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	int ret = 0;

	while (!ret && !r->stopped) {
		ssize_t n = getline(&line, &size, f);
		if (n < 0)
			break;
		number++;
		if (n > LINE_MAX_BYTES)
			ret = -EFBIG;
		else if (number == 1)
			ret = play_header(r, line, (size_t)n);
		else if (line[0] != '#' && line[0] != '\n') /* comments are version 3's */
			ret = play_line(r, line, (size_t)n);
	}
	if (ret == -EPROTO)
		err_set(e, ret, "%s:%u: no asciicast of version 2 or 3: is the file whole?", name,
			number);
	else if (ret)
		err_set(e, ret, "%s:%u: %s", name, number, strerror(-ret));
	else if (!number)
		ret = err_set(e, -EPROTO, "%s: is empty", name);
	free(line);
	return ret;
}

static int play(struct replay *r, const char *name, struct err *e)
{
	FILE *f = strcmp(name, "-") != 0 ? fopen(name, "re") : stdin;
	struct buf b = {0};
	sigset_t before;

	if (!f)
		return err_sys(e, "%s", name);
	setlocale(LC_CTYPE, "");
	filter_init(&r->filter, tty_utf8());
	sigemptyset(&r->signals);
	sigaddset(&r->signals, SIGINT);
	sigaddset(&r->signals, SIGTERM);
	sigaddset(&r->signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &r->signals, &before);
	int ret = play_file(r, f, name, e);
	filter_reset(&r->filter, &b);
	if (isatty(1))
		fd_write_full(1, b.p, b.len);
	buf_free(&b);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (f != stdin)
		fclose(f);
	return ret;
}

static bool number(const char *s, double least, double most, double *out)
{
	char *end;

	*out = strtod(s, &end);
	return end != s && !*end && *out >= least && *out <= most;
}

static int replay(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct replay r = {.speed = 1, .idle = -1};
	struct cli_args a;
	struct err e;
	int key;

	(void)c;
	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		if (key == OPT_SPEED && !number(a.arg, 0.01, 1000, &r.speed))
			return cli_usage(v, "--speed %s: not a number from 0.01 to 1000", a.arg);
		if (key == OPT_IDLE && !number(a.arg, 0, 86400, &r.idle))
			return cli_usage(v, "--idle %s: not a number of seconds", a.arg);
	}
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	return play(&r, a.v[0], &e) ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {"gaol replay demo.cast --speed 4 --idle 1",
				       "Four times as fast, without the long thoughts.", NULL};

const struct verb verb_replay = {
    .name = "replay",
    .args = "FILE",
    .help = "Plays a recorded console on this terminal",
    .more = "Versions 2 and 3 of asciicast, whoever recorded them. What is shown passes the same "
	    "filter as attach: text, colours and cursor movement, nothing that makes a terminal "
	    "answer or that sets its title or clipboard. Ctrl-C ends it.",
    .examples = examples,
    .opts = opts,
    .fn = replay,
};
