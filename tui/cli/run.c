/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/run.h"
#include "core/buf.h"
#include "core/jail.h"
#include "tui/cli/confopts.h"
#include "tui/cli/launch.h"
#include "tui/cli/runask.h"
#include "tui/relay.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_NAME = CLI_LONG, OPT_ROOT, OPT_EXIT };
static const struct cli_opt opts[] = {
    {.key = OPT_NAME, .name = "name", .arg = "NAME", .help = "Keeps the jail under this name."},
    CONFOPTS_TABLE,
    {.key = 'C', .name = "directory", .arg = "DIR", .help = "In DIR instead of here."},
    {.key = OPT_ROOT, .name = "root", .help = "As root of the guest."},
    {.key = 'q', .name = "quiet", .help = "Lists no changes, asks nothing."},
    {.key = OPT_EXIT,
     .name = "on-exit",
     .arg = "discard|keep|apply",
     .help = "What becomes of the jail, without a question."},
    {0}};

/* False: told, a->status is set. */
static bool option(struct run *r, struct cli_args *a, int key)
{
	struct err e;
	int ret;

	switch (key) {
	case OPT_NAME:
		r->name = a->arg;
		return true;
	case OPT_ROOT:
		r->root = true;
		return true;
	case 'C':
		r->dir = a->arg;
		return true;
	case 'q':
		r->quiet = true;
		return true;
	case OPT_EXIT:
		r->on_exit = !strcmp(a->arg, "keep")	? RUN_KEEP
			     : !strcmp(a->arg, "apply") ? RUN_APPLY
							: RUN_DISCARD;
		if (r->on_exit != RUN_DISCARD || !strcmp(a->arg, "discard"))
			return true;
		a->status = cli_usage(a->verb, "--on-exit %s: discard, keep or apply", a->arg);
		return false;
	default:
		r->net_given = r->net_given || key == CONFOPT_NET;
		ret = confopts_set(&r->conf, key, a->arg, &e);
		if (ret > 0)
			return true;
		err_print(&e);
		a->status = CLI_USAGE;
		return false;
	}
}

/* The caller's language and time zone; nothing else of his environment goes in. */
static bool add_environment(json_t *args, const struct verb *v)
{
	static const char *const names[] = {
	    "LANG",	  "LANGUAGE", "LC_ALL",	     "LC_COLLATE", "LC_CTYPE",	"LC_MESSAGES",
	    "LC_NUMERIC", "LC_TIME",  "LC_MONETARY", "TZ",	   "COLORTERM", "NO_COLOR"};
	bool ok = true;

	for (size_t i = 0; ok && i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);
		char *word = value ? xasprintf("%s=%s", names[i], value) : NULL;

		if (word)
			ok = launch_add(args, "env", word, v);
		free(word);
	}
	return ok;
}

static json_t *launch(struct run *r, char **command, const struct verb *v)
{
	json_t *args = launch_new(), *groups = json_array();
	bool ok = launch_set(args, "cwd", r->cwd, v) && add_environment(args, v);

	for (size_t i = 0; i < r->conf.groups.n; i++)
		json_array_append_new(groups, json_integer(r->conf.groups.v[i]));
	json_object_set_new(args, "groups", groups);
	json_object_set_new(args, "uid", json_integer(r->conf.uid));
	json_object_set_new(args, "gid", json_integer(r->conf.gid));
	for (; ok && *command; command++)
		ok = launch_add(args, "argv", *command, v);
	if (ok)
		return args;
	json_decref(args);
	return NULL;
}

static int carry_out(struct run *r, struct cli *c, json_t *args)
{
	struct exec_options o = {.pty = isatty(0) && isatty(1)};
	int wait_status = 0, status;
	struct err e;

	if (run_boot(r, c, &e) || run_check_cwd(r, c, &e)) {
		json_decref(args);
		run_abandon(r);
		return cli_fail(&e);
	}
	/* Without it the questions wait for gaol allow, elsewhere. */
	struct runask *asker =
	    o.pty && r->conf.net == CONF_NET_ASK ? runask_new(&r->jail, &e) : NULL;
	if (asker)
		o.aside = runask_aside(asker);
	int ret = exec_run(r->client, args, &o, &wait_status, &e);
	runask_free(asker);
	status = ret ? launch_failed(ret, &e) : jail_exit_code(wait_status);
	if (run_finish(r, c, &e)) {
		err_print(&e);
		status = status ? status : CLI_FAILED;
	}
	return status;
}

static int run_in(struct run *r, struct cli *c, const struct verb *v, char **command)
{
	struct err e;

	if (run_describe(r, &e))
		return cli_fail(&e);
	json_t *args = launch(r, command, v);
	if (!args)
		return CLI_USAGE;
	run_default_net(r, isatty(0) && isatty(1));
	run_sweep(c);
	int status = carry_out(r, c, args);
	client_free(r->client);
	if (r->jail.dirfd >= 0)
		jail_close(&r->jail);
	return status;
}

static int run(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct run r = {.jail.dirfd = -1};
	struct cli_args a;
	int key, status;

	conf_init(&r.conf);
	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		if (!option(&r, &a, key)) {
			key = -1;
			break;
		}
	char **command = a.command ? a.command : a.v;
	if (key)
		status = a.status;
	else if (a.command && a.n)
		status = cli_usage(v, "%s: one word too many in front of --", a.v[0]);
	else if (!*command)
		status = cli_usage(v, "no command: gaol run -- CMD");
	else
		status = run_in(&r, c, v, command);
	free(r.cwd);
	conf_free(&r.conf);
	return status;
}

static const char *const examples[] = {
    "gaol run -- make",
    "Builds the project here; the directory itself is not touched.",
    "gaol run --root -- sh -c 'apt-get -y install ./strange.deb'",
    "Lets an installer do what it wants, then lists what it did.",
    "gaol run --name try1 -- ./installer",
    "The same in a jail that is kept.",
    NULL};

const struct verb verb_run = {
    .name = "run",
    .args = "[OPTIONS] -- CMD...",
    .help = "Runs a program in a throw-away jail, and lists what it changed",
    .more = "The jail shows the current directory copy-on-write and the program stands "
	    "in it, as you (same name and numbers) with a clean environment. With a "
	    "terminal on both sides it gets a terminal of the guest's own, else standard "
	    "input, output and error stay apart. Signals are passed on.\n\nOn a "
	    "terminal the network asks (--net ask) where the host's kernel has NFQUEUE: what the "
	    "program wants to reach waits, and one key on this terminal answers; whoever looks from "
	    "elsewhere has gaol net --queue and gaol allow. Without a terminal, or NFQUEUE, there "
	    "is no network unless --net says so.\n\nAfterwards "
	    "the changes are listed on standard error: A added, M modified, D deleted, m "
	    "only owner, mode or attributes, T another type, R a renamed directory. On a "
	    "terminal it then asks whether to show the diff, apply the changes below the current "
	    "directory to it, keep the jail or discard it "
	    "(the default); else it is discarded, unless --on-exit or --name says "
	    "otherwise. When gaol itself is killed the jail goes within a second.\n\nThe "
	    "exit status is the program's: 128 and the signal's number when one ended "
	    "it, 127 when it was not found, 126 when it cannot be run. It is 1 when the "
	    "jail failed, 2 for wrong usage.",
    .examples = examples,
    .opts = opts,
    .flags = VERB_COMMAND | VERB_BARE,
    .words = WORDS_COMMAND,
    .fn = run,
};
