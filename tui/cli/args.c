/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of a verb, by the table of its options. */
#include "tui/cli/cli.h"
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Where the command begins: "--" ends what is ours. */
static int split_command(struct cli_args *a, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		a->command = argv + i + 1;
		a->ncommand = argc - i - 1;
		return i;
	}
	return argc;
}

static void add_option(struct cli_args *a, const struct cli_opt *o, size_t *nlong, size_t *nletter)
{
	if (o->name && *nlong + 1 < COUNT(a->longs))
		a->longs[(*nlong)++] = (struct option){
		    .name = o->name,
		    .has_arg = o->arg ? required_argument : no_argument,
		    .val = o->key,
		};
	if (o->key < 128 && *nletter + 3 < sizeof(a->letters)) {
		a->letters[(*nletter)++] = (char)o->key;
		if (o->arg)
			a->letters[(*nletter)++] = ':';
	}
}

void cli_args_init(struct cli_args *a, const struct verb *v, int argc, char **argv)
{
	static const struct cli_opt help = {.key = 'h', .name = "help"};
	size_t nlong = 0, nletter = 0;
	bool split = v->flags & VERB_COMMAND;

	*a = (struct cli_args){.verb = v, .argv = argv};
	a->argc = split ? split_command(a, argc, argv) : argc;
	/* Without "--" the command begins where the first word stands that is no option. */
	if (v->flags & VERB_BARE && !a->command)
		a->letters[nletter++] = '+';
	a->letters[nletter++] = ':';
	for (const struct cli_opt *o = v->opts; o && o->key; o++)
		add_option(a, o, &nlong, &nletter);
	add_option(a, &help, &nlong, &nletter);
	optind = 0; /* getopt starts anew */
	opterr = 0;
}

/* What getopt stumbled over, as the user wrote it. */
static const char *culprit(const struct cli_args *a, char *buf)
{
	if (optopt && optopt < 128) {
		buf[0] = '-';
		buf[1] = (char)optopt;
		buf[2] = '\0';
		return buf;
	}
	return optind > 0 && optind <= a->argc ? a->argv[optind - 1] : "?";
}

int cli_next(struct cli_args *a)
{
	char buf[3];
	int key = getopt_long(a->argc, a->argv, a->letters, a->longs, NULL);

	a->arg = optarg;
	switch (key) {
	case -1:
		a->v = a->argv + optind;
		a->n = a->argc - optind;
		return 0;
	case 'h':
		cli_help_verb(a->verb, stdout);
		a->status = CLI_OK;
		return -1;
	case ':':
		a->status = cli_usage(a->verb, "%s: needs a value", culprit(a, buf));
		return -1;
	case '?':
		a->status = cli_usage(a->verb, "%s: no such option", culprit(a, buf));
		return -1;
	default:
		return key;
	}
}

bool cli_operands(struct cli_args *a, int min, int max)
{
	if (a->n >= min && a->n <= max)
		return true;
	if (a->n > max)
		a->status = cli_usage(a->verb, "%s: one word too many", a->v[max]);
	else
		a->status = cli_usage(a->verb, "too few words: it takes %s", a->verb->args);
	return false;
}

bool cli_simple(struct cli_args *a, const struct verb *v, int argc, char **argv, int min, int max)
{
	int key;

	cli_args_init(a, v, argc, argv);
	while ((key = cli_next(a)) > 0)
		;
	return !key && cli_operands(a, min, max);
}
