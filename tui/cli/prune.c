/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/conf.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <stdlib.h>

enum { OPT_KEEP = CLI_LONG, OPT_OLDER, OPT_SIZE, OPT_JSON };
static const struct cli_opt opts[] = {
    {.key = OPT_KEEP, .name = "keep", .arg = "N", .help = "Keeps the newest N."},
    {.key = OPT_OLDER,
     .name = "older",
     .arg = "TIME",
     .help = "Only what is older than this (90, 10m, 2h, 30d)."},
    {.key = OPT_SIZE,
     .name = "size",
     .arg = "SIZE",
     .help = "Keeps as many of the newest as fit into this (500M, 2G)."},
    {.key = 'n', .name = "dry-run", .help = "Only tells what would go, and how much."},
    {.key = OPT_JSON, .name = "json", .help = "Prints an object."},
    {0}};

static long long num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void tell(const char *name, const json_t *o, bool dry)
{
	const json_t *list = json_object_get(o, "numbers"), *v;
	long long before = num(o, "before"), after = num(o, "after");
	char a[OUT_SIZE], b[OUT_SIZE];
	size_t i;

	json_array_foreach(list, i, v)
	    printf("%s checkpoint %lld\n", dry ? "would remove" : "removed",
		   (long long)json_integer_value(v));
	printf("%s: %lld checkpoints %s; %s before, %s %s\n", name, num(o, "count"),
	       dry ? "would go" : "went", out_size((uint64_t)before, a),
	       out_size((uint64_t)after, b), dry ? "then" : "now");
}

static int prune_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	json_t *args = json_object(), *result = NULL;
	bool dry = false, json = false;
	struct cli_args a;
	unsigned older;
	uint64_t size = UINT64_MAX;
	struct err e;
	char *end;
	int key, usage = 0;

	cli_args_init(&a, v, argc, argv);
	while (!usage && (key = cli_next(&a)) > 0) {
		dry |= key == 'n';
		json |= key == OPT_JSON;
		if (key == OPT_KEEP) {
			unsigned long n = strtoul(a.arg, &end, 10);
			if (*end || end == a.arg || *a.arg == '-' || n > 1000000000)
				usage = cli_usage(v, "--keep %s: not a number", a.arg);
			json_object_set_new(args, "keep", json_integer((json_int_t)n));
		} else if (key == OPT_OLDER) {
			if (!conf_duration_parse(a.arg, &older))
				usage = cli_usage(v, "--older %s: write for instance 12h or 30d",
						  a.arg);
			else
				json_object_set_new(args, "older", json_integer(older));
		} else if (key == OPT_SIZE) {
			if (!conf_size_parse(a.arg, &size) || size > INT64_MAX)
				usage = cli_usage(v, "--size %s: write for instance 500M or 2G",
						  a.arg);
			else
				json_object_set_new(args, "size", json_integer((json_int_t)size));
		}
	}
	json_object_set_new(args, "dry", json_boolean(dry));
	if (usage || key || !cli_operands(&a, 1, 1)) {
		json_decref(args);
		return usage ? usage : a.status;
	}
	if (cli_call(c, a.v[0], "prune", args, &result, &e))
		return cli_fail(&e);
	if (json) {
		out_json_line(result);
		return CLI_OK;
	}
	tell(a.v[0], result, dry);
	if ((uint64_t)num(result, "after") > size)
		fprintf(stderr, "gaol: %s: the present checkpoint and those with a tag take more than "
				"that\n", a.v[0]);
	json_decref(result);
	return CLI_OK;
}

static const char *const examples[] = {
    "gaol prune demo --keep 20 --dry-run", "What would go if only the newest 20 stayed.",
    "gaol prune demo --keep 5 --older 30d",
    "Takes what is older than 30 days, but for the newest 5.",
    "gaol prune demo --size 2G",
    "Takes the oldest, until all checkpoints together fit into 2 GiB.", NULL};

const struct verb verb_prune = {
    .name = "prune",
    .args = "NAME [--keep N] [--older TIME] [--size SIZE] [--dry-run]",
    .help = "Removes checkpoints and the space that only they took",
    .more =
	"The present checkpoint and those with a tag stay in any case. Given several, a checkpoint "
	"goes only when all say so; given none, none goes and only left-overs are removed and "
	"the packs made one. Numbers and tags stay the same; a checkpoint that stands behind one "
	"that went gets a new hash. What was removed cannot be brought back.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = prune_verb,
};
