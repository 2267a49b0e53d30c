/* SPDX-License-Identifier: GPL-2.0-or-later */
/* help, version; what --help prints, and the commands of gaol(1), from the tables of the verbs. */
#include "core/buf.h"
#include "tui/cli/cli.h"
#include <stdlib.h>
#include <string.h>

static const struct cli_opt help_of_help = {.key = 'h', .name = "help", .help = "Shows this."};

/* "-m, --message TEXT" */
static void option_words(const struct cli_opt *o, struct buf *out)
{
	if (o->key < 128)
		buf_fmt(out, "-%c", o->key);
	if (o->key < 128 && o->name)
		buf_str(out, ", ");
	if (o->name)
		buf_fmt(out, "--%s", o->name);
	if (o->arg)
		buf_fmt(out, " %s", o->arg);
}

static void print_option(const struct cli_opt *o, FILE *f)
{
	struct buf b = {0};

	option_words(o, &b);
	fprintf(f, "  %-24s  %s\n", buf_cstr(&b), o->help);
	buf_free(&b);
}

/* mdoc(7): what could be taken for a macro or an escape is none. */
static void mdoc_bytes(const char *s, size_t n, FILE *f)
{
	if (n && (*s == '.' || *s == '\''))
		fputs("\\&", f);
	for (; n; s++, n--) {
		if (*s == '\\')
			fputs("\\e", f);
		else if (*s == '-')
			fputs("\\-", f);
		else
			fputc(*s, f);
	}
}

static void mdoc_text(const char *s, FILE *f)
{
	mdoc_bytes(s, strlen(s), f);
	fputc('\n', f);
}

/*
 * Prints text in lines of at most width columns; an empty line in it is a break, told by para. As
 * mdoc every sentence begins a line.
 */
static void fill(const char *s, size_t width, bool mdoc, const char *para, FILE *f)
{
	size_t col = 0;
	bool sentence = false;

	while (*s) {
		size_t gap = strspn(s, " \n"), n = strcspn(s + gap, " \n");
		bool brk = gap > 1 && s[0] == '\n' && s[1] == '\n';

		s += gap;
		if (col && (brk || col + 1 + n > width || (mdoc && sentence))) {
			fputc('\n', f);
			col = 0;
		}
		if (brk)
			fprintf(f, "%s\n", para);
		if (col)
			fputc(' ', f);
		if (mdoc)
			mdoc_bytes(s, n, f);
		else
			fwrite(s, 1, n, f);
		col += n + (col > 0);
		sentence = n && (s[n - 1] == '.' || (n > 1 && s[n - 1] == ')' && s[n - 2] == '.'));
		s += n;
	}
	fputc('\n', f);
}

void cli_help_verb(const struct verb *v, FILE *f)
{
	fprintf(f, "usage: gaol %s%s%s\n\n%s.\n", v->name, *v->args ? " " : "", v->args, v->help);
	if (v->more) {
		fputc('\n', f);
		fill(v->more, 79, false, "", f);
	}
	fprintf(f, "\noptions:\n");
	for (const struct cli_opt *o = v->opts; o && o->key; o++)
		print_option(o, f);
	print_option(&help_of_help, f);
	for (const char *const *x = v->examples; x && x[0]; x += 2)
		fprintf(f, "%s  %s\n      %s\n", x == v->examples ? "\nexamples:\n" : "", x[0],
			x[1]);
}

void cli_help_all(FILE *f)
{
	fprintf(f, "usage: gaol                 the console, full screen\n"
		   "       gaol VERB [ARGS]     one thing; `gaol VERB --help` says more\n\n");
	for (size_t i = 0; cli_verbs[i]; i++)
		if (!(cli_verbs[i]->flags & VERB_INTERNAL))
			fprintf(f, "  %-11s %s\n", cli_verbs[i]->name, cli_verbs[i]->help);
	fprintf(f,
		"\nA checkpoint ID is a number, a tag, or 7 and more digits of the hash; ~N counts "
		"back.\nExit status: 0 done, 1 failed, 2 usage.\n");
}

static void mdoc_verb(const struct verb *v, FILE *f)
{
	fprintf(f, ".Ss gaol %s\n.Bd -ragged\n", v->name);
	fprintf(f, ".Nm gaol\n.Cm %s\n", v->name);
	if (*v->args) {
		fputs(".No ", f);
		mdoc_text(v->args, f);
	}
	fputs(".Ed\n.Pp\n", f);
	fprintf(f, "%s.\n", v->help);
	if (v->more) {
		fputs(".Pp\n", f);
		fill(v->more, 76, true, ".Pp", f);
	}
	if (v->opts)
		fputs(".Bl -tag -width Ds\n", f);
	for (const struct cli_opt *o = v->opts; o && o->key; o++) {
		struct buf b = {0};

		option_words(o, &b);
		fputs(".It ", f);
		mdoc_text(buf_cstr(&b), f);
		mdoc_text(o->help, f);
		buf_free(&b);
	}
	if (v->opts)
		fputs(".El\n", f);
	for (const char *const *x = v->examples; x && x[0]; x += 2) {
		fputs(".Pp\n", f);
		mdoc_text(x[1], f);
		fputs(".Dl ", f);
		mdoc_text(x[0], f);
	}
}

enum { OPT_MDOC = CLI_LONG };
static const struct cli_opt help_opts[] = {
    {.key = OPT_MDOC, .name = "mdoc", .help = "Prints all verbs as a part of a manual page."}, {0}};

static int help(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;
	bool mdoc = false;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		mdoc = true;
	if (key || !cli_operands(&a, 0, 1))
		return a.status;
	for (size_t i = 0; mdoc && cli_verbs[i]; i++)
		if (!(cli_verbs[i]->flags & VERB_INTERNAL))
			mdoc_verb(cli_verbs[i], stdout);
	if (mdoc)
		return CLI_OK;
	if (!a.n) {
		cli_help_all(stdout);
		return CLI_OK;
	}
	const struct verb *which = cli_find(a.v[0]);
	if (!which)
		return cli_usage(v, "%s: no such verb", a.v[0]);
	cli_help_verb(which, stdout);
	return CLI_OK;
}

const struct verb verb_help = {.name = "help",
			       .args = "[VERB]",
			       .help = "Lists the verbs, or explains one",
			       .opts = help_opts,
			       .words = WORDS_VERB,
			       .fn = help};

static int version(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;

	if (!cli_simple(&a, v, argc, argv, 0, 0))
		return a.status;
	puts("gaol " GAOL_VERSION);
	return CLI_OK;
}

const struct verb verb_version = {
    .name = "version", .args = "", .help = "Prints the version", .fn = version};
