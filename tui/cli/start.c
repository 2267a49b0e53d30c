/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start, stop: the guest's power switch. */
#include "core/client.h"
#include "tui/cli/cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int start_one(void *user, struct jail *j)
{
	struct client *client;
	struct err e;

	if (client_spawn(&client, j, false, &e))
		return cli_fail(&e);
	int ret = client_call(client, "start", NULL, -1, NULL, NULL, NULL, &e);
	client_free(client);
	if (ret)
		return cli_fail(&e);
	if (isatty(1))
		printf("%s: running. Next: gaol attach %s, gaol events %s, gaol diff %s\n", j->name,
		       j->name, j->name, j->name);
	return CLI_OK;
}

static int start(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;

	if (!cli_simple(&a, v, argc, argv, 1, 4096))
		return a.status;
	return cli_each_jail(c, a.v, a.n, start_one, NULL);
}

const struct verb verb_start = {
    .name = "start",
    .args = "NAME...",
    .help = "Boots jails, and returns when their init is ready",
    .more = "A jail that runs already is left as it is. A NAME may be a pattern: 'web*'.",
    .words = WORDS_JAILS,
    .fn = start,
};

static const struct cli_opt stop_opts[] = {
    {.key = 'g',
     .name = "grace",
     .arg = "SECONDS",
     .help = "Time for programs to end by themselves, 10 by default; 0 kills at once."},
    {0}};

static int stop_one(void *user, struct jail *j)
{
	const int *grace_ms = user;
	struct client *client;
	struct err e;

	int ret = client_connect(&client, j, &e);
	if (ret == -ENOENT || ret == -ECONNREFUSED)
		return CLI_OK; /* it is down: what was asked for */
	if (ret)
		return cli_fail(&e);
	ret = client_call(client, "stop", json_pack("{s:i}", "grace_ms", *grace_ms), -1, NULL, NULL,
			  NULL, &e);
	client_free(client);
	return ret ? cli_fail(&e) : CLI_OK;
}

/* Seconds with an optional fraction, up to an hour, as milliseconds; -1 for anything else. */
static int parse_grace(const char *s)
{
	char *end;
	double v = strtod(s, &end);

	return end == s || *end || !(v >= 0 && v <= 3600) ? -1 : (int)(v * 1000);
}

static int stop(struct cli *c, const struct verb *v, int argc, char **argv)
{
	int grace_ms = 10000, key;
	struct cli_args a;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		grace_ms = parse_grace(a.arg);
		if (grace_ms < 0)
			return cli_usage(v, "--grace %s: not a number of seconds", a.arg);
	}
	if (key || !cli_operands(&a, 1, 4096))
		return a.status;
	return cli_each_jail(c, a.v, a.n, stop_one, &grace_ms);
}

const struct verb verb_stop = {
    .name = "stop",
    .args = "NAME...",
    .help = "Shuts jails down: tells their programs, then kills them",
    .more = "Everything that was written is kept. A jail that is down already is left as it is.",
    .opts = stop_opts,
    .words = WORDS_JAILS,
    .fn = stop,
};
