/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/jailview.h"
#include "tui/cli/cli.h"
#include "tui/cli/diffout.h"
#include "tui/cli/out.h"
#include "tui/cli/place.h"
#include "tui/cli/sync.h"
#include <string.h>

enum { OPT_JSON = CLI_LONG, OPT_NAMES, OPT_STAT };
static const struct cli_opt opts[] = {
    {.key = OPT_NAMES, .name = "name-status", .help = "Only a letter and the path of each."},
    {.key = OPT_STAT, .name = "stat", .help = "Only how many lines of each changed."},
    {.key = OPT_JSON, .name = "json", .help = "Prints an array of objects."},
    {0}};

/* One of the two. */
struct end {
	struct place p;
	struct jail jail;
	struct jailview *view;
	struct side *side;
};

static int open_end(struct cli *c, struct end *x, struct layer *base, struct err *e)
{
	struct side_id id;
	bool now = !x->p.id || !strcmp(x->p.id, "now");

	int ret = cli_jail(c, x->p.name, &x->jail, e);
	if (ret)
		return ret;
	if (now)
		cli_sync(&x->jail);
	ret = jailview_open(&x->view, &c->places, &x->jail, e);
	if (!ret)
		ret = jailview_resolve(x->view, now ? "now" : x->p.id, &id, NULL, e);
	/* Both over one base: what differs is then the jails' own doing. */
	if (!ret)
		ret = side_open(&x->side, jailview_repo(x->view), id,
				base ? base : jailview_base(x->view), e);
	return ret;
}

static void close_end(struct end *x)
{
	if (x->side)
		side_close(x->side);
	jailview_close(x->view);
	if (x->jail.dirfd >= 0)
		jail_close(&x->jail);
	place_free(&x->p);
}

static int run(struct cli *c, struct end *a, struct end *b, struct diffout *o, struct err *e)
{
	struct pager p = {0};

	int ret = open_end(c, a, NULL, e);
	if (!ret)
		ret = open_end(c, b, jailview_base(a->view), e);
	if (ret)
		return ret;
	if (o->form != DIFFOUT_JSON)
		pager_begin(&p);
	ret = diffout(o, a->side, b->side, e);
	pager_end(&p);
	return ret;
}

static int compare(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct diffout o = {.f = stdout, .context = 3, .colour = out_colour(stdout)};
	struct end a = {.jail.dirfd = -1}, b = {.jail.dirfd = -1};
	struct cli_args args;
	struct err e;
	int key;

	cli_args_init(&args, v, argc, argv);
	while ((key = cli_next(&args)) > 0)
		o.form = key == OPT_JSON    ? DIFFOUT_JSON
			 : key == OPT_NAMES ? DIFFOUT_NAME_STATUS
					    : DIFFOUT_STAT;
	if (key || !cli_operands(&args, 2, 4096))
		return args.status;
	for (int i = 2; i < args.n; i++)
		if (args.v[i][0] != '/')
			return cli_usage(v, "%s: a path of the jail begins with /", args.v[i]);
	o.paths = args.n > 2 ? (const char *const *)args.v + 2 : NULL;
	if (!place_parse_jail(args.v[0], &a.p))
		return cli_usage(v, "%s: not NAME or NAME@ID", args.v[0]);
	if (!place_parse_jail(args.v[1], &b.p)) {
		place_free(&a.p);
		return cli_usage(v, "%s: not NAME or NAME@ID", args.v[1]);
	}
	int ret = run(c, &a, &b, &o, &e);
	close_end(&b);
	close_end(&a);
	return ret ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {
    "gaol compare demo demo2", "What differs between two jails as they are now.",
    "gaol compare demo@2 demo2@5 /etc --stat", "Between checkpoints, below /etc.", NULL};

const struct verb verb_compare = {
    .name = "compare",
    .args = "NAME[@ID] OTHER[@ID] [PATH...]",
    .help = "Shows what differs between two jails, or checkpoints of them",
    .more = "Without an ID a jail is taken as it is now; a running guest syncs first. Both are "
	    "looked at over the first one's view of the host's system. The output is that of diff.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = compare,
};
