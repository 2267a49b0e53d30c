/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <string.h>

enum { OPT_FROM = CLI_LONG };
static const struct cli_opt opts[] = {
    {.key = OPT_FROM,
     .name = "from",
     .arg = "ID",
     .help = "From this checkpoint; default: as the jail is now."},
    {0}};

/* As it is now: a checkpoint is made first, unless nothing has changed since the last one. */
static int save_now(struct cli *c, const char *name, const char *to, struct err *e)
{
	char message[80];

	snprintf(message, sizeof(message), "forked as %.40s", to);
	return cli_call(c, name, "checkpoint",
			json_pack("{s:s, s:s}", "message", message, "kind", "auto"), NULL, e);
}

static int fork_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	const char *id = NULL;
	unsigned number = 0;
	struct cli_args a;
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		id = a.arg;
	if (key || !cli_operands(&a, 2, 2))
		return a.status;
	if (!jail_name_ok(a.v[1]))
		return cli_usage(v,
				 "%s: not a jail's name: use 1 to 32 of a-z 0-9 . _ -, a letter or "
				 "digit first",
				 a.v[1]);
	int ret = id ? 0 : save_now(c, a.v[0], a.v[1], &e);
	if (!ret)
		ret = cli_jail(c, a.v[0], &j, &e);
	if (ret)
		return cli_fail(&e);
	ret = jail_fork(&c->places, &j, id, a.v[1], &number, &e);
	jail_close(&j);
	if (ret)
		return cli_fail(&e);
	printf("%s: made from checkpoint %u of %s. Next: gaol start %s\n", a.v[1], number, a.v[0],
	       a.v[1]);
	return CLI_OK;
}

static const char *const examples[] = {
    "gaol fork demo demo2", "A second jail that is what demo is now; demo may run on.",
    "gaol fork demo old --from 3", "One that is what demo was at checkpoint 3.", NULL};

const struct verb verb_fork = {
    .name = "fork",
    .args = "NAME NEW [--from ID]",
    .help = "Makes a new jail, stopped, from a checkpoint of another",
    .more = "The new jail has the same settings, the checkpoint with all before it, and its "
	    "files. Checkpoints are shared on the disk by hard links: what happens to the "
	    "first jail later, also its removal, does not touch the new one.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = fork_verb,
};
