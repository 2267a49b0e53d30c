/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What jails cost the host, and beside it what their guests say. */
#include "core/buf.h"
#include "core/client.h"
#include "core/hostproc.h"
#include "core/loop.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 500

static const struct cli_opt opts[] = {
    {.key = 'd', .name = "delay", .arg = "SECONDS", .help = "Between two tables, 1 by default."},
    {.key = 'n',
     .name = "count",
     .arg = "N",
     .help = "So many tables; 1 where output is no terminal, else without end."},
    {0}};

/* The round before, by jail: what differences are taken from. */
struct past {
	char name[JAIL_NAME_MAX + 1];
	pid_t warden;
	uint64_t cpu_ms, events;
	int64_t at;
};

struct top {
	struct cli *cli;
	const char *name; /* of the one jail that is shown, NULL: all */
	struct past *past;
	size_t npast;
	struct table table;
	bool silent; /* the first round only measures */
};

static struct past *past_of(struct top *t, const char *name)
{
	for (size_t i = 0; i < t->npast; i++)
		if (!strcmp(t->past[i].name, name))
			return &t->past[i];
	t->past = xrealloc(t->past, (t->npast + 1) * sizeof(*t->past));
	struct past *p = &t->past[t->npast++];
	*p = (struct past){0};
	snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

/* What the warden counts and the guest says; NULL members where nobody answers. */
struct answers {
	json_t *status, *info;
};

static void ask(struct cli *c, const char *name, bool running, struct answers *a)
{
	struct client *client;
	struct jail j;

	*a = (struct answers){0};
	if (cli_jail(c, name, &j, NULL))
		return;
	if (!client_connect(&client, &j, NULL)) {
		cli_ask_guest(client, "status", ANSWER_MS, &a->status, NULL);
		if (running)
			cli_ask_guest(client, "info", ANSWER_MS, &a->info, NULL);
		client_free(client);
	}
	jail_close(&j);
}

static uint64_t num(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

/* What the layer has taken, of its limit. */
static void disk_cell(struct top *t, const json_t *status)
{
	const json_t *used = json_object_get(status, "used");
	uint64_t limit = num(json_object_get(status, "limits"), "size");
	char one[OUT_SIZE], two[OUT_SIZE];

	if (!json_is_true(json_object_get(used, "known")))
		table_add(&t->table, NULL);
	else if (limit)
		table_addf(&t->table, "%s/%s", out_size(num(used, "size"), one),
			   out_size(limit, two));
	else
		table_add(&t->table, out_size(num(used, "size"), one));
}

static void host_cells(struct top *t, const struct hostcost *cost, const json_t *status,
		       struct past *p, pid_t warden)
{
	int64_t now = loop_now_ms(), ms = now - p->at;
	uint64_t events = num(status, "events");
	bool known = p->warden == warden && ms > 0;
	char size[OUT_SIZE];

	if (known && cost->cpu_ms >= p->cpu_ms)
		table_addf(&t->table, "%.1f", (double)(cost->cpu_ms - p->cpu_ms) * 100 / ms);
	else
		table_add(&t->table, NULL);
	table_add(&t->table, cost->pss ? out_size(cost->pss, size) : NULL);
	table_addf(&t->table, "%u", cost->processes);
	table_addf(&t->table, "%u", cost->threads);
	if (known && events >= p->events)
		table_addf(&t->table, "%.0f", (double)(events - p->events) * 1000 / ms);
	else
		table_add(&t->table, NULL);
	disk_cell(t, status);
	p->warden = warden;
	p->cpu_ms = cost->cpu_ms;
	p->events = events;
	p->at = now;
}

static void guest_cells(struct top *t, const json_t *info)
{
	const json_t *load = json_array_get(json_object_get(info, "load"), 0);
	char one[OUT_SIZE], two[OUT_SIZE], age[OUT_AGE];
	uint64_t all = num(info, "memory_kib"), left = num(info, "available_kib");

	if (!info || !all) {
		for (int i = 0; i < 4; i++)
			table_add(&t->table, NULL);
		return;
	}
	table_addf(&t->table, "%.2f", json_real_value(load));
	table_addf(&t->table, "%s/%s", out_size(left < all ? (all - left) * 1024 : 0, one),
		   out_size(all * 1024, two));
	table_addf(&t->table, "%llu", (unsigned long long)num(info, "tasks"));
	table_add(&t->table, out_age((int64_t)(num(info, "uptime_ms") / 1000), age));
}

static bool add(void *user, const struct jail_status *st)
{
	struct top *t = user;
	struct hostcost cost = {0};
	struct answers a;

	if (!st->warden || (t->name && strcmp(t->name, st->name) != 0))
		return true;
	ask(t->cli, st->name, st->state == JAIL_RUNNING, &a);
	hostproc_cost(st->warden, &cost);
	table_add(&t->table, st->name);
	table_addf(&t->table, "%s%s", jail_state_name(st->state),
		   st->trusting ? " (trusting)" : "");
	host_cells(t, &cost, a.status, past_of(t, st->name), st->warden);
	guest_cells(t, a.info);
	json_decref(a.status);
	json_decref(a.info);
	return true;
}

static void one_round(struct top *t)
{
	static const char *const heads[] = {"NAME",  "STATE", "CPU%",	"PSS",
					    "PROC",  "THR",   "EVENTS", "DISK",
					    "LOAD*", "MEM*",  "TASKS*", "UPTIME*"};
	bool tty = isatty(1);

	t->table = (struct table){.cols = 12, .right = 0xffc};
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_add(&t->table, heads[i]);
	jail_each(&t->cli->places, add, t);
	if (t->silent) {
		FILE *none = fopen("/dev/null", "we");
		table_print(&t->table, none ? none : stderr);
		if (none)
			fclose(none);
		return;
	}
	if (tty)
		fputs("\033[H\033[2J", stdout);
	table_print(&t->table, stdout);
	if (tty)
		puts("\nCPU%, PSS, PROC, THR, EVENTS (a second) and DISK: on the host, warden "
		     "included.\n"
		     "* as the guest tells. Ctrl-C ends.");
	fflush(stdout);
}

static int run(struct top *t, double delay, long count)
{
	struct timespec ts = {.tv_sec = (time_t)delay,
			      .tv_nsec = (long)((delay - (double)(time_t)delay) * 1e9)};

	/* Rates need two looks. */
	t->silent = true;
	one_round(t);
	t->silent = false;
	for (long i = 0; !count || i < count; i++) {
		nanosleep(&ts, NULL);
		one_round(t);
	}
	free(t->past);
	return CLI_OK;
}

static bool number(const char *s, double least, double most, double *out)
{
	char *end;

	*out = strtod(s, &end);
	return end != s && !*end && *out >= least && *out <= most;
}

static int top(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct top t = {.cli = c};
	double delay = 1, count = isatty(1) ? 0 : 1;
	struct cli_args a;
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		if (key == 'd' && !number(a.arg, 0.1, 3600, &delay))
			return cli_usage(v, "--delay %s: not a number from 0.1 to 3600", a.arg);
		if (key == 'n' && !number(a.arg, 1, 1e9, &count))
			return cli_usage(v, "--count %s: not a number from 1 on", a.arg);
	}
	if (key || !cli_operands(&a, 0, 1))
		return a.status;
	if (cli_places(c, &e))
		return cli_fail(&e);
	if (a.n) {
		if (cli_jail(c, a.v[0], &j, &e))
			return cli_fail(&e);
		jail_close(&j);
		t.name = a.v[0];
	}
	return run(&t, delay, (long)count);
}

const struct verb verb_top = {
    .name = "top",
    .args = "[NAME]",
    .help = "Shows what jails cost the host, and what their guests say",
    .more =
	"Of each jail with a warden: processor time, memory (each page divided by its users), "
	"processes and threads on the host, events a second, and the disk that its layer takes, of "
	"its limit if it has one; these are true whatever the "
	"guest does. Columns with a star are as the guest tells.",
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = top,
};
