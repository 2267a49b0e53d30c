/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/power.h"
#include "core/buf.h"
#include "core/client.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 32

/* A call that has been sent. */
struct sent {
	char name[JAIL_NAME_MAX + 1];
	struct client *client;
	int tag;
};

struct round {
	const struct power *p;
	struct sent v[AT_ONCE];
	size_t n;
	int worst;
};

/* The steps of an end, told where it takes longer than a glance. */
static void tell_step(void *user, const char *phase, uint64_t done, uint64_t total)
{
	static const char *const words[][2] = {{"told", "its programs are told to end"},
					       {"halting", "does not end: its kernel is halted"},
					       {"killing", "does not halt: it is killed"}};
	const char *name = user;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(phase, words[i][0]) != 0)
			continue;
		fprintf(stderr, "%s: %s", name, words[i][1]);
		if (total)
			fprintf(stderr, ", %.1f s at most", (double)total / 1000);
		fputc('\n', stderr);
	}
}

static void note(struct round *r, int status)
{
	if (status > r->worst)
		r->worst = status;
}

static void await_all(struct round *r)
{
	bool tells = isatty(2);
	struct err e;

	for (size_t i = 0; i < r->n; i++) {
		struct sent *s = &r->v[i];
		int ret =
		    client_await(s->client, s->tag, NULL, tells ? tell_step : NULL, s->name, &e);
		if (ret)
			note(r, cli_fail(&e));
		else if (r->p->done && isatty(1))
			printf("%s: %s\n", s->name, r->p->done);
		client_free(s->client);
	}
	r->n = 0;
}

static int begin(struct round *r, struct jail *j)
{
	const struct power *p = r->p;
	struct client *client;
	struct err e;
	int ret = p->spawn ? client_spawn(&client, j, false, &e) : client_connect(&client, j, &e);

	if (ret == -ENOENT || ret == -ECONNREFUSED) {
		if (p->down_is_ok)
			return CLI_OK;
		err_set(&e, 0, "%s: is down: `gaol start %s` first", j->name, j->name);
	}
	if ((ret == -ETIMEDOUT || ret == -EAGAIN) && p->last)
		return p->last(j, &e) ? cli_fail(&e) : CLI_OK;
	if (ret)
		return cli_fail(&e);
	json_t *args = json_object();
	if (p->grace_ms >= 0)
		json_object_set_new(args, "grace_ms", json_integer(p->grace_ms));
	struct sent *s = &r->v[r->n++];
	*s = (struct sent){.client = client, .tag = client_send_call(client, p->call, args)};
	snprintf(s->name, sizeof(s->name), "%s", j->name);
	return CLI_OK;
}

static int on_jail(void *user, struct jail *j)
{
	struct round *r = user;

	note(r, begin(r, j));
	if (r->n == AT_ONCE)
		await_all(r);
	return CLI_OK;
}

struct names {
	struct cli *cli;
	const struct power *p;
	const struct power_which *which;
	char **v;
	size_t n;
};

static bool is_enabled(struct cli *c, const char *name)
{
	struct jail j;
	struct conf conf;
	bool yes = false;
	struct err e;

	if (cli_jail(c, name, &j, &e))
		return false;
	if (conf_load(j.dirfd, CONF_FILE, &conf, &e)) {
		cli_fail(&e);
	} else {
		yes = conf.autostart;
		conf_free(&conf);
	}
	jail_close(&j);
	return yes;
}

static bool collect(void *user, const struct jail_status *st)
{
	struct names *n = user;

	/* A throw-away jail is its `gaol run`'s, not one of "all". */
	if (st->throwaway || !n->p->wanted(st) ||
	    (n->which->enabled && !is_enabled(n->cli, st->name)))
		return true;
	n->v = xrealloc(n->v, (n->n + 1) * sizeof(*n->v));
	n->v[n->n++] = xstrdup(st->name);
	return true;
}

static void run_all(struct cli *c, struct round *r, const struct power_which *which)
{
	struct names n = {.cli = c, .p = r->p, .which = which};

	jail_each(&c->places, collect, &n);
	note(r, cli_each_jail(c, n.v, (int)n.n, on_jail, r));
	for (size_t i = 0; i < n.n; i++)
		free(n.v[i]);
	free(n.v);
}

int power_run(struct cli *c, const struct power *p, const struct power_which *which,
	      struct cli_args *a)
{
	struct round r = {.p = p};
	bool all = which->all || which->enabled;
	struct err e;

	if (!cli_operands(a, all ? 0 : 1, all ? 0 : 4096))
		return a->status;
	if (cli_places(c, &e))
		return cli_fail(&e);
	if (all)
		run_all(c, &r, which);
	else
		note(&r, cli_each_jail(c, a->v, a->n, on_jail, &r));
	await_all(&r);
	return r.worst;
}

/* "10", "0.5", up to an hour, as milliseconds; -1 for anything else. */
static int grace_of(const char *s)
{
	char *end;
	double v = strtod(s, &end);

	return end == s || *end || !(v >= 0 && v <= 3600) ? -1 : (int)(v * 1000);
}

int power_verb(struct cli *c, const struct power *p, const struct verb *v, int argc, char **argv)
{
	struct power_which which = {0};
	struct power own = *p;
	struct cli_args a;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		if (key == 'a')
			which.all = true;
		else if ((own.grace_ms = grace_of(a.arg)) < 0)
			return cli_usage(v, "--grace %s: not a number of seconds", a.arg);
	}
	return key ? a.status : power_run(c, &own, &which, &a);
}
