/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/cli.h"
#include "tui/cli/confopts.h"
#include <unistd.h>

static const struct cli_opt opts[] = {
    CONFOPTS_TABLE,
    {.key = CONFOPT_NOTE, .name = "note", .arg = "TEXT", .help = "Your own words, shown by ls."},
    {0}};

static int parse(struct cli_args *a, struct conf *conf)
{
	struct err e;
	int key;

	while ((key = cli_next(a)) > 0)
		if (confopts_set(conf, key, a->arg, &e) < 0) {
			err_print(&e);
			a->status = CLI_USAGE;
			return -1;
		}
	return key || !cli_operands(a, 1, 1) ? -1 : 0;
}

static int new (struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct conf conf;
	struct cli_args a;
	struct err e;
	int ret = 0;

	conf_init(&conf);
	cli_args_init(&a, v, argc, argv);
	if (parse(&a, &conf)) {
		conf_free(&conf);
		return a.status;
	}
	if (a.ncommand)
		ret = conf_set_command(&conf, a.ncommand, a.command, &e);
	if (!ret)
		ret = confopts_create(c, a.v[0], &conf, false, &e);
	conf_free(&conf);
	if (ret)
		return cli_fail(&e);
	if (isatty(1))
		printf("%s: made, with checkpoint 1 (empty). Next: gaol start %s\n", a.v[0],
		       a.v[0]);
	return CLI_OK;
}

static const char *const examples[] = {
    "gaol new demo", "A jail with the host's system, copy-on-write, and a root shell.",
    "gaol new web --memory 512M --ro /srv/www -- python3 -m http.server -d /srv/www",
    "One that runs a program on a directory it cannot change.", NULL};

const struct verb verb_new = {
    .name = "new",
    .args = "NAME [OPTIONS] [-- CMD...]",
    .help = "Makes a jail, stopped, with checkpoint 1 (the empty layer)",
    .more = "CMD is what the guest runs; it powers off when CMD ends. Without one it is "
	    "a login shell on the console. A NAME has 1 to 32 of a-z 0-9 . _ -, a letter "
	    "or a digit first.\n\nThe directories of --cow and --ro are read with your "
	    "own rights; everything else of the host as nobody would read it. Names of "
	    "credentials (.ssh, .gnupg, .aws, ...) are never shown. The settings are "
	    "kept in jail.conf and can be edited there; they hold from the next start on.",
    .examples = examples,
    .opts = opts,
    .flags = VERB_COMMAND,
    .fn = new,
};
