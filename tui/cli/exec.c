/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "core/conf.h"
#include "core/jail.h"
#include "tui/cli/cli.h"
#include "tui/cli/launch.h"
#include "tui/relay.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct cli_opt opts[] = {
    {.key = 't',
     .name = "tty",
     .help = "With a terminal of the guest's own also where ours is a "
	     "pipe."},
    {.key = 'T', .name = "no-tty", .help = "With pipes also on a terminal."},
    {.key = 'u', .name = "user", .arg = "USER", .help = "As this user of the guest."},
    {.key = 'w', .name = "workdir", .arg = "DIR", .help = "In this directory of the guest."},
    {.key = 'e', .name = "env", .arg = "NAME=VALUE", .help = "With this in its environment."},
    {0}};

/* False: a usage error was told. */
static bool option(struct cli_args *a, int key, json_t *args, struct exec_options *o)
{
	switch (key) {
	case 't':
		o->pty = true;
		return true;
	case 'T':
		o->pty = false;
		return true;
	case 'u':
		return launch_set(args, "user", a->arg, a->verb);
	case 'w':
		return launch_set(args, "cwd", a->arg, a->verb);
	default:
		if (strchr(a->arg, '=') && a->arg[0] != '=')
			return launch_add(args, "env", a->arg, a->verb);
		cli_usage(a->verb, "--env %s: not NAME=VALUE", a->arg);
		return false;
	}
}

/* The user of the jail's own command, unless another was asked for. */
static void default_user(struct jail *j, json_t *args)
{
	struct conf conf;

	if (json_object_get(args, "user") || conf_load(j->dirfd, CONF_FILE, &conf, NULL))
		return;
	json_object_set_new(args, "user", json_string(conf.user));
	conf_free(&conf);
}

/* The operands: NAME, and CMD behind "--" or behind NAME. */
static bool operands(struct cli_args *a, json_t *args)
{
	int n = a->command ? a->ncommand : a->n - 1;
	char **v = a->command ? a->command : a->v + 1;

	if (!cli_operands(a, 1, a->command ? 1 : 65535))
		return false;
	if (!n)
		json_object_set_new(args, "login", json_true());
	for (int i = 0; i < n; i++)
		if (!launch_add(args, "argv", v[i], a->verb)) {
			a->status = CLI_USAGE;
			return false;
		}
	return true;
}

static int exec(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct exec_options o = {.pty = isatty(0) && isatty(1)};
	json_t *args = launch_new();
	struct client *client;
	struct cli_args a;
	struct jail j;
	struct err e;
	int key, status = 0;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		if (!option(&a, key, args, &o)) {
			json_decref(args);
			return CLI_USAGE;
		}
	if (key || !operands(&a, args)) {
		json_decref(args);
		return a.status;
	}
	if (cli_jail(c, a.v[0], &j, &e)) {
		json_decref(args);
		return cli_fail(&e);
	}
	default_user(&j, args);
	int ret = client_connect(&client, &j, &e);
	if (ret) {
		json_decref(args);
	} else {
		ret = exec_run(client, args, &o, &status, &e);
		client_free(client);
	}
	jail_close(&j);
	return ret ? launch_failed(ret, &e) : jail_exit_code(status);
}

static const char *const examples[] = {
    "gaol exec demo", "A shell in a running jail.",
    "gaol exec -u www-data -w /srv/www demo -- find . -newer index.html",
    "One command, its output and its exit status.", NULL};

const struct verb verb_exec = {
    .name = "exec",
    .args = "[OPTIONS] NAME [--] [CMD...]",
    .help = "Runs a program in a running jail, on this terminal or these pipes",
    .more = "Without CMD: the user's login shell. The user is the one of the jail's own "
	    "command, root by default. The environment is PATH, HOME, USER, LOGNAME, "
	    "SHELL, TERM and what -e says. With a terminal on both sides the program "
	    "gets a terminal of the guest's, else standard input, output and error stay "
	    "apart. Signals are passed on. The exit status is the program's: 128 and the "
	    "signal's number when one ended it, 127 when it was not found, 126 when it "
	    "cannot be run.",
    .examples = examples,
    .opts = opts,
    .flags = VERB_COMMAND | VERB_BARE,
    .words = WORDS_JAIL,
    .fn = exec,
};
