/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "core/jailview.h"
#include "core/repo/side.h"
#include "tui/cli/cli.h"
#include "tui/cli/diffout.h"
#include "tui/cli/out.h"
#include "tui/cli/sync.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_JSON = CLI_LONG, OPT_NAMES, OPT_STAT, OPT_RAW };
static const struct cli_opt opts[] = {
    {.key = OPT_NAMES, .name = "name-status", .help = "Only a letter and the path of each."},
    {.key = OPT_STAT, .name = "stat", .help = "Only how many lines of each changed."},
    {.key = OPT_JSON, .name = "json", .help = "Prints an array of objects."},
    {.key = 'U', .name = "unified", .arg = "N", .help = "Lines around a change, 3 by default."},
    {.key = 'z', .name = NULL, .help = "With --name-status: raw names, a NUL behind each word."},
    {.key = OPT_RAW, .name = "raw", .help = "Escapes no content; not on a terminal."},
    {0}};

struct request {
	struct diffout out;
	const char *a, *b; /* words for sides */
};

/* False: a usage error was told. */
static bool option(struct request *r, struct cli_args *a, int key)
{
	char *end;
	unsigned long n;

	switch (key) {
	case OPT_JSON:
		r->out.form = DIFFOUT_JSON;
		break;
	case OPT_NAMES:
		r->out.form = DIFFOUT_NAME_STATUS;
		break;
	case OPT_STAT:
		r->out.form = DIFFOUT_STAT;
		break;
	case OPT_RAW:
		r->out.raw = true;
		break;
	case 'z':
		r->out.zero = true;
		break;
	default:
		n = strtoul(a->arg, &end, 10);
		if (*end || end == a->arg || n > 1000000) {
			cli_usage(a->verb, "--unified %s: not a number", a->arg);
			return false;
		}
		r->out.context = (unsigned)n;
	}
	if (r->out.raw && isatty(1)) {
		cli_usage(a->verb, "--raw: would let the jail steer your terminal: send it to a "
				   "file or a pipe");
		return false;
	}
	return true;
}

/* [A [B]] [PATH...]: paths begin with a slash, IDs never do. */
static bool operands(struct request *r, struct cli_args *a)
{
	int i = 1;

	if (!cli_operands(a, 1, 4096))
		return false;
	r->b = "now";
	if (i < a->n && a->v[i][0] != '/')
		r->a = a->v[i++];
	if (i < a->n && a->v[i][0] != '/')
		r->b = a->v[i++];
	r->out.paths = i < a->n ? (const char *const *)a->v + i : NULL;
	for (; i < a->n; i++)
		if (a->v[i][0] != '/') {
			a->status =
			    cli_usage(a->verb, "%s: a path of the jail begins with /", a->v[i]);
			return false;
		}
	return true;
}

static int compare(struct jailview *v, struct request *r, struct err *e)
{
	struct side *a, *b = NULL;
	struct pager p = {0};

	int ret = jailview_side(v, r->a, &a, e);
	if (!ret)
		ret = jailview_side(v, r->b, &b, e);
	if (!ret) {
		if (r->out.form != DIFFOUT_JSON && !r->out.zero)
			pager_begin(&p);
		ret = diffout(&r->out, a, b, e);
		pager_end(&p);
	}
	if (b)
		side_close(b);
	if (a)
		side_close(a);
	return ret;
}

static int diff(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct request r = {.out = {.f = stdout, .context = 3, .colour = out_colour(stdout)}};
	struct jailview *view;
	struct cli_args a;
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		if (!option(&r, &a, key))
			return CLI_USAGE;
	if (key || !operands(&r, &a))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	if ((r.a && !strcmp(r.a, "now")) || !strcmp(r.b, "now"))
		cli_sync(&j);
	int ret = jailview_open(&view, &c->places, &j, &e);
	if (!ret) {
		ret = compare(view, &r, &e);
		jailview_close(view);
	}
	jail_close(&j);
	return ret ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {"gaol diff demo",
				       "What has changed since the last checkpoint.",
				       "gaol diff demo base --name-status",
				       "Everything that differs from the host's system.",
				       "gaol diff demo 2 5 /etc",
				       "What changed below /etc between two checkpoints.",
				       NULL};

const struct verb verb_diff = {
    .name = "diff",
    .args = "NAME [A [B]] [PATH...]",
    .help = "Shows what changed in a jail between two of its states",
    .more = "A and B are checkpoint IDs, base (the host's system) or now. A is the last "
	    "checkpoint by default, B is now; a running guest syncs first. The letters: "
	    "A added, D deleted, M content changed, m only owner, mode or attributes, T "
	    "another type of file, R a directory of the host was renamed.\n\nThe text is "
	    "a unified diff with git's headers. Bytes that could steer a terminal are "
	    "escaped, also into a pipe; ordinary text passes unchanged.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL_ID,
    .fn = diff,
};
