/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/jail.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { OPT_JSON = CLI_LONG };

static const struct cli_opt opts[] = {
    {.key = OPT_JSON, .name = "json", .help = "Prints an array of objects."}, {0}};

struct listing {
	bool json;
	struct json_list list;
	struct table table;
	int64_t now;
};

/* HUP and TERM are what a stop ends the command with: nothing worth a word. */
static bool ended_badly(const struct jail_status *st)
{
	int s = st->exit_status;

	return st->has_exit && s &&
	       !(WIFSIGNALED(s) && (WTERMSIG(s) == SIGHUP || WTERMSIG(s) == SIGTERM));
}

/* Why a jail is down comes before the admin's own words about it. */
static void note_cell(struct table *t, const struct jail_status *st)
{
	bool down =
	    st->state == JAIL_STOPPED || st->state == JAIL_CRASHED || st->state == JAIL_FAILED;

	if (st->restart_at)
		table_addf(
		    t, "%s; starts again in %llds", st->reason,
		    (long long)(st->restart_at > time(NULL) ? st->restart_at - time(NULL) : 0));
	else if (down && st->reason[0])
		table_addf(t, "%s%s%s", st->reason, st->note[0] ? "; " : "", st->note);
	else if (st->state == JAIL_STOPPED && ended_badly(st))
		table_addf(t, "exit status %d%s%s", jail_exit_code(st->exit_status),
			   st->note[0] ? "; " : "", st->note);
	else if (st->throwaway && !st->note[0])
		table_add(t, "thrown away by `gaol run`");
	else
		table_add(t, st->note);
}

static bool add(void *user, const struct jail_status *st)
{
	struct listing *l = user;
	char age[OUT_AGE], size[OUT_SIZE];
	struct table *t = &l->table;

	if (l->json) {
		out_json_item(&l->list, jail_status_to_json(st));
		return true;
	}
	table_add(t, st->name);
	table_addf(t, "%s%s", jail_state_name(st->state), st->trusting ? " (trusting)" : "");
	table_add(t, st->booted ? out_age(l->now - st->booted, age) : NULL);
	table_add(t, out_size(st->memory, size));
	if (st->checkpoint)
		table_addf(t, "%u (%s ago)", st->checkpoint,
			   out_age(l->now - st->checkpoint_time, age));
	else
		table_add(t, NULL);
	note_cell(t, st);
	return true;
}

static int ls(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct listing l = {.table = {.cols = 6}, .now = time(NULL)};
	struct cli_args a;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		l.json = true;
	if (key || !cli_operands(&a, 0, 0))
		return a.status;
	if (cli_places(c, &e))
		return cli_fail(&e);
	static const char *const heads[] = {"NAME",   "STATE",	    "UPTIME",
					    "MEMORY", "CHECKPOINT", "NOTE"};
	for (size_t i = 0; !l.json && i < sizeof(heads) / sizeof(heads[0]); i++)
		table_add(&l.table, heads[i]);
	jail_each(&c->places, add, &l);
	if (l.json)
		out_json_end(&l.list);
	else
		table_print(&l.table, stdout);
	return CLI_OK;
}

static const char *const examples[] = {
    "gaol ls", "All jails: state, age of the guest, memory, last checkpoint.",
    "gaol ls --json | jq -r '.[] | select(.state == \"running\") | .name'",
    "The names of those that run.", NULL};

const struct verb verb_ls = {
    .name = "ls",
    .args = "[--json]",
    .help = "Lists the jails and what they are doing",
    .examples = examples,
    .opts = opts,
    .fn = ls,
};
