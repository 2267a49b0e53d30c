/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/client.h"
#include "core/event.h"
#include "core/fd.h"
#include "core/history.h"
#include "core/journal.h"
#include "core/ring.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPT_JSON = CLI_LONG, OPT_CLASS, OPT_SINCE, OPT_PATH, OPT_ONCE };
static const struct cli_opt opts[] = {
    {.key = OPT_JSON, .name = "json", .help = "Prints an object a line."},
    {.key = OPT_CLASS,
     .name = "class",
     .arg = "LIST",
     .help = "Only these, of change,read,denied,jail,net; default: change,denied,jail."},
    {.key = OPT_SINCE,
     .name = "since",
     .arg = "SEQ",
     .help = "Begins behind event SEQ, 0: with the oldest kept; by default with what is new, of a "
	     "stopped jail with the oldest kept."},
    {.key = OPT_PATH,
     .name = "path",
     .arg = "GLOB",
     .help = "Only what has a matching path; * matches slashes too."},
    {.key = 'n', .name = "count", .arg = "N", .help = "Ends after N events."},
    {.key = OPT_ONCE, .name = "no-follow", .help = "Ends when there are no more."},
    {0}};

struct follow {
	bool json, once, since_given;
	unsigned classes;
	uint64_t since;
	const char *glob;
	uint64_t limit; /* 0: none */
	uint64_t shown;
	uint64_t lost;
	uint64_t damaged; /* bytes of the journal, told already */
	int day, year;	  /* of the last line */
};

static bool matches(const struct follow *f, const char *p, size_t n)
{
	char *path = xasprintf("%.*s", (int)n, p ? p : "");
	bool yes = n && !fnmatch(f->glob, path, 0);

	free(path);
	return yes;
}

static bool wanted(const struct follow *f, const struct event *ev)
{
	return !f->glob || matches(f, ev->path, ev->path_len) ||
	       matches(f, ev->path2, ev->path2_len);
}

static void print_json(const struct event *ev)
{
	json_t *o = json_object();

	json_object_set_new(o, "seq", json_integer((json_int_t)ev->seq));
	json_object_set_new(o, "time_ns", json_integer(ev->time));
	json_object_set_new(o, "class", json_string(event_class_name(ev->class)));
	json_object_set_new(o, "op", json_string(event_op_name(ev->op)));
	out_json_bytes(o, "path", ev->path ? ev->path : "", ev->path_len);
	if (ev->path2_len)
		out_json_bytes(o, "path2", ev->path2, ev->path2_len);
	json_object_set_new(o, "bytes", json_integer((json_int_t)ev->bytes));
	json_object_set_new(o, "mode", json_integer(ev->mode));
	json_object_set_new(o, "uid", json_integer(ev->uid));
	json_object_set_new(o, "pid", json_integer(ev->pid));
	if (ev->comm_len)
		out_json_bytes(o, "comm", ev->comm, ev->comm_len);
	json_object_set_new(o, "errno", json_integer(ev->err));
	out_json_line(o);
}

static void put(struct buf *b, const char *s, size_t n)
{
	char *z = xasprintf("%.*s", (int)n, s ? s : "");

	out_text_buf(b, z);
	free(z);
}

/* What an operation has beside its path. */
static void detail(struct buf *b, const struct event *ev)
{
	char size[OUT_SIZE];

	switch (ev->op) {
	case EVENT_WRITE:
	case EVENT_TRUNCATE:
		buf_fmt(b, "  %s", out_size(ev->bytes, size));
		break;
	case EVENT_CHMOD:
		buf_fmt(b, "  %04o", ev->mode & 07777);
		break;
	case EVENT_CHOWN:
		buf_fmt(b, "  %u:%u", (unsigned)(ev->bytes >> 32), (unsigned)ev->bytes);
		break;
	case EVENT_REFUSE:
		buf_fmt(b, "  %s", strerror(ev->err));
		break;
	case EVENT_CHECKPOINT:
	case EVENT_ROLLBACK:
	case EVENT_REDO:
		buf_fmt(b, "  %" PRIu64, ev->bytes);
		break;
	default:
		break;
	}
}

/* The day of what is not of today, on a line of its own. */
static void print_day(struct follow *f, const struct tm *tm)
{
	char day[32];

	if (tm->tm_yday == f->day && tm->tm_year == f->year)
		return;
	f->day = tm->tm_yday;
	f->year = tm->tm_year;
	if (strftime(day, sizeof(day), "%Y-%m-%d", tm))
		puts(day);
}

static void comm(struct buf *b, const struct event *ev)
{
	/* Of most connections nobody was asked whose they are. */
	if (ev->class == EVENT_NET && !ev->pid)
		return;
	buf_fmt(b, "  (uid %u pid %u", ev->uid, ev->pid);
	if (ev->comm_len) {
		buf_ch(b, ' ');
		put(b, ev->comm, ev->comm_len);
	}
	buf_ch(b, ')');
}

static void print_line(struct follow *f, const struct event *ev)
{
	time_t s = (time_t)(ev->time / 1000000000);
	struct buf b = {0};
	char clock[16] = "?";
	struct tm tm;

	if (localtime_r(&s, &tm)) {
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
		print_day(f, &tm);
	}
	buf_fmt(&b, "%s.%03d  %-9s  ", clock, (int)(ev->time / 1000000 % 1000),
		event_op_name(ev->op));
	put(&b, ev->path, ev->path_len);
	if (ev->path2_len) {
		buf_str(&b, ev->class == EVENT_JAIL ? "  " : " -> ");
		put(&b, ev->path2, ev->path2_len);
	}
	detail(&b, ev);
	if (ev->class != EVENT_JAIL)
		comm(&b, ev);
	puts(buf_cstr(&b));
	buf_free(&b);
}

static void tell_lost(struct follow *f)
{
	if (f->lost && f->json)
		out_json_line(json_pack("{s:I}", "lost", (json_int_t)f->lost));
	else if (f->lost)
		fprintf(stderr, "gaol: events: %" PRIu64 " lost: no longer kept\n", f->lost);
	f->lost = 0;
}

static void tell_damaged(struct follow *f, const struct history *h)
{
	uint64_t n = history_damaged(h);

	if (n > f->damaged)
		fprintf(stderr,
			"gaol: events: %" PRIu64 " bytes of the journal are damaged: passed over\n",
			n - f->damaged);
	f->damaged = n;
}

/* Prints what is there. 1 when the limit is reached, 0, or -EPROTO. */
static int drain(struct follow *f, struct history *h)
{
	struct event ev;
	int ret;

	while ((ret = history_next(h, f->classes, &ev, &f->lost)) == 1 || ret == -EAGAIN) {
		tell_lost(f);
		if (ret < 0 || !wanted(f, &ev))
			continue;
		if (f->json)
			print_json(&ev);
		else
			print_line(f, &ev);
		if (++f->shown == f->limit)
			return 1;
	}
	tell_damaged(f, h);
	tell_lost(f);
	fflush(stdout);
	return ret;
}

/* Arms the ring and waits until it has more. False: the warden ended. */
static bool await_more(struct client *c, const struct history *h)
{
	uint64_t seq = history_cursor(h);
	struct client_msg m;

	if (client_send(c, PROTO_ARM, 0, &seq, sizeof(seq)))
		return false;
	for (;;) {
		int ret = client_next(c, &m);
		if (ret < 0 || (!ret && client_wait(c, -1) < 0))
			return false;
		if (!ret)
			continue;
		fd_close(&m.fd);
		if (m.head.type == PROTO_WAKE)
			return true;
	}
}

/* Where to begin when --since does not say it. */
static uint64_t begin(const struct jail *j, const struct ring_reader *rr)
{
	return rr ? ring_newest(rr) : journal_before_oldest(j->dirfd);
}

/* c: NULL when the jail has no warden. */
static int follow(struct follow *f, const struct jail *j, struct client *c, struct err *e)
{
	struct ring_reader *rr = c ? client_ring(c, e) : NULL;
	struct history *h;
	time_t now = time(NULL);
	struct tm tm;
	int ret;

	/* A warden that ends releases the jail before it lets its clients go. */
	if (c && !rr && jail_locked(j))
		return -EIO;
	if (!rr)
		c = NULL;
	if (localtime_r(&now, &tm)) {
		f->day = tm.tm_yday;
		f->year = tm.tm_year;
	}
	h = history_new(j->dirfd, f->since_given ? f->since : begin(j, rr), rr);
	do
		ret = drain(f, h);
	while (!ret && c && !f->once && await_more(c, h));
	/* A warden's last words came with its end. */
	if (!ret)
		ret = drain(f, h);
	history_free(h);
	return ret < 0 ? err_set(e, ret,
				 "events: the ring makes no sense: is the warden of "
				 "another version?")
		       : 0;
}

static bool number(const char *s, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 10);
	return *s >= '0' && *s <= '9' && !*end && !errno;
}

/* False: a usage error was told. */
static bool option(struct follow *f, struct cli_args *a, int key)
{
	int classes;

	switch (key) {
	case OPT_JSON:
		f->json = true;
		return true;
	case OPT_ONCE:
		f->once = true;
		return true;
	case OPT_PATH:
		f->glob = a->arg;
		return true;
	case OPT_CLASS:
		classes = event_classes_parse(a->arg);
		f->classes = (unsigned)classes;
		if (classes < 0)
			cli_usage(a->verb, "--class %s: not of change,read,denied,jail,net", a->arg);
		return classes >= 0;
	case OPT_SINCE:
		f->since_given = true;
		if (number(a->arg, &f->since))
			return true;
		cli_usage(a->verb, "--since %s: not a number", a->arg);
		return false;
	default:
		if (number(a->arg, &f->limit) && f->limit)
			return true;
		cli_usage(a->verb, "--count %s: not a number from 1", a->arg);
		return false;
	}
}

static int events(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct follow f = {.classes = EVENT_CHANGE | EVENT_DENIED | EVENT_JAIL};
	struct client *client;
	struct cli_args a;
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		if (!option(&f, &a, key))
			return CLI_USAGE;
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int ret = client_connect(&client, &j, &e);
	/* Without a warden, or with one that has just ended, there is the journal. */
	if (!ret || ret == -ENOENT || ret == -ECONNREFUSED || ret == -EPIPE)
		ret = follow(&f, &j, client, &e);
	client_free(client);
	jail_close(&j);
	return ret ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {"gaol events demo --path '/etc/*'",
				       "Each change below /etc, as it happens.",
				       "gaol events demo --since 0 --no-follow --json",
				       "All that is still known, as JSON lines.",
				       "gaol events demo --class denied",
				       "What a stopped jail was refused, from its journal.",
				       NULL};

const struct verb verb_events = {
    .name = "events",
    .args = "NAME [OPTIONS]",
    .help = "Shows what a jail does to its files, live, and what it did",
    .more = "What is older than the warden's memory comes from the journal in the jail's "
	    "directory, also when the jail is stopped; [events] keep in jail.conf bounds it. "
	    "Numbers go on when a jail is started again. Class read (first reads of the host's "
	    "files) has events only when jail.conf says [events] reads. What is no longer kept, "
	    "because it is too old or its reader too slow, is told as an exact count. Ends with "
	    "the warden.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = events,
};
