/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/attach.h"
#include "core/client.h"
#include "core/conf.h"
#include "tui/cli/cli.h"
#include "tui/settings.h"
#include <string.h>

static const struct cli_opt opts[] = {
    {.key = 'r', .name = "read-only", .help = "Only looks: no key is sent."},
    {.key = 'n', .name = "no-replay", .help = "Does not show what the console had before."},
    {0}};

static int run(struct jail *j, struct attach_options *o)
{
	struct client *client;
	struct settings mine;
	struct conf conf;
	struct err e;

	/* The keys that detach are the jail's setting; a broken jail.conf must not lock one out. */
	if (!conf_load(j->dirfd, CONF_FILE, &conf, &e)) {
		memcpy(o->detach, conf.detach, sizeof(o->detach));
		conf_free(&conf);
	}
	settings_mine(&mine);
	if (*mine.detach)
		memcpy(o->detach, mine.detach, sizeof(o->detach));
	o->name = j->name;
	if (client_connect(&client, j, &e))
		return cli_fail(&e);
	int ret = attach_run(client, o, &e);
	client_free(client);
	return ret < 0 || ret == ATTACH_LOST ? cli_fail(&e) : CLI_OK;
}

/* Cuts ":N" off NAME:N. False: a usage error was told. */
static bool number(const struct verb *v, char *name, unsigned *n)
{
	char *colon = strchr(name, ':');

	if (!colon)
		return true;
	if (colon[1] < '1' || colon[1] > '9' || colon[2]) {
		cli_usage(v, "%s: no such console: NAME:1 to NAME:9", name);
		return false;
	}
	*n = (unsigned)(colon[1] - '0');
	*colon = '\0';
	return true;
}

static int attach(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct attach_options o = {0};
	struct cli_args a;
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		o.readonly |= key == 'r';
		o.no_replay |= key == 'n';
	}
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	if (!number(v, a.v[0], &o.console))
		return CLI_USAGE;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int status = run(&j, &o);
	jail_close(&j);
	return status;
}

static const char *const examples[] = {
    "gaol attach demo", "The console of a jail.", "gaol attach demo:2",
    "A second one beside it: a shell that goes on when you detach.", NULL};

const struct verb verb_attach = {
    .name = "attach",
    .args = "NAME[:N] [-r]",
    .help = "Puts the console of a running jail on this terminal",
    .more =
	"Every key goes to the guest, Ctrl-C too. Ctrl-] d detaches (a setting in "
	"jail.conf, or in your gaol.conf); Ctrl-] twice sends one. The jail runs on. Any number of "
	"terminals may be attached. What the guest writes is filtered: text, colours "
	"and cursor movement pass, nothing that makes a terminal answer.\n\n"
	"NAME:2 to NAME:9 are further consoles: each a login shell in the guest, of the user "
	"of the jail's own command, begun by the first who attaches and kept, with its output, "
	"for those who attach again. It goes when the shell ends, or the guest. Only "
	"the first console is recorded and kept across stops.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_CONSOLE,
    .fn = attach,
};
