/* SPDX-License-Identifier: GPL-2.0-or-later */
/* help, version; what --help prints, and the commands of gaol(1), from the tables of the verbs. */
#include "core/buf.h"
#include "keymaps/keymap.h"
#include "tui/cli/cli.h"
#include "tui/cli/mdoc.h"
#include "tui/cli/schema.h"
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

/* What --json prints, with the keys of each object. */
static void print_schema(const char *verb, FILE *f)
{
	const struct schema_verb *s = schema_of(verb);

	if (!s)
		return;
	fprintf(f, "\n--json prints %s (gaol-json(7); *: not in all):\n",
		schema_shape_text(s->shape));
	for (const struct schema_key *k = s->keys; k->name; k++)
		fprintf(f, "  %-15s%c  %-16s  %s\n", k->name, k->sometimes ? '*' : ' ', k->type,
			k->help);
}

void cli_help_verb(const struct verb *v, FILE *f)
{
	fprintf(f, "usage: gaol %s%s%s\n\n%s.\n", v->name, *v->args ? " " : "", v->args, v->help);
	if (v->more) {
		fputc('\n', f);
		mdoc_fill(v->more, 79, false, "", f);
	}
	fprintf(f, "\noptions:\n");
	for (const struct cli_opt *o = v->opts; o && o->key; o++)
		print_option(o, f);
	print_option(&help_of_help, f);
	print_schema(v->name, f);
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
		mdoc_fill(v->more, 76, true, ".Pp", f);
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
	if (schema_of(v->name))
		fputs(".Pp\nWhat\n.Fl Fl json\nprints is in\n.Xr gaol-json 7 .\n", f);
	for (const char *const *x = v->examples; x && x[0]; x += 2) {
		fputs(".Pp\n", f);
		mdoc_text(x[1], f);
		fputs(".Dl ", f);
		mdoc_text(x[0], f);
	}
}

enum { OPT_MDOC = CLI_LONG, OPT_SCHEMA, OPT_KEYMAP };
static const struct cli_opt help_opts[] = {
    {.key = OPT_MDOC,
     .name = "mdoc",
     .arg = "PART",
     .help = "Prints a part of the manual: verbs, keys, settings, jail or json."},
    {.key = OPT_SCHEMA,
     .name = "schema",
     .help = "Prints a line for each key of --json: verbs, key, type, always or sometimes."},
    {.key = OPT_KEYMAP,
     .name = "keymap",
     .arg = "NAME",
     .help = "Prints a map of keys that is built in: default, vi or emacs."},
    {0}};

static void mdoc_verbs(FILE *f)
{
	for (size_t i = 0; cli_verbs[i]; i++)
		if (!(cli_verbs[i]->flags & VERB_INTERNAL))
			mdoc_verb(cli_verbs[i], f);
}

/* Tab-separated, for programs. */
static void print_schemas(FILE *f)
{
	for (const struct schema_verb *s = schema_verbs; s->verbs[0]; s++)
		for (const struct schema_key *k = s->keys; k->name; k++)
			fprintf(f, "%s%s%s\t%s\t%s\t%s\n", s->verbs[0], s->verbs[1] ? "," : "",
				s->verbs[1] ? s->verbs[1] : "", k->name, k->type,
				k->sometimes ? "sometimes" : "always");
}

static int print_part(const struct verb *v, const char *part)
{
	static const struct {
		const char *name;
		void (*fn)(FILE *f);
	} parts[] = {
	    {.name = "verbs", .fn = mdoc_verbs},       {.name = "keys", .fn = mdoc_keys},
	    {.name = "settings", .fn = mdoc_settings}, {.name = "jail", .fn = mdoc_jail},
	    {.name = "json", .fn = mdoc_json},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(parts[i].name, part) != 0)
			continue;
		parts[i].fn(stdout);
		return CLI_OK;
	}
	return cli_usage(v, "%s: no part of the manual", part);
}

static int print_keymap(const struct verb *v, const char *name)
{
	for (const struct keymap_builtin *k = keymap_builtins; k->name; k++) {
		if (strcmp(k->name, name) != 0)
			continue;
		fputs(k->text, stdout);
		return CLI_OK;
	}
	return cli_usage(v, "%s: no map: default, vi and emacs are built in", name);
}

static int help(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;
	const char *part = NULL, *map = NULL;
	bool schema = false;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		schema |= key == OPT_SCHEMA;
		part = key == OPT_MDOC ? a.arg : part;
		map = key == OPT_KEYMAP ? a.arg : map;
	}
	if (key || !cli_operands(&a, 0, 1))
		return a.status;
	if (part)
		return print_part(v, part);
	if (map)
		return print_keymap(v, map);
	if (schema) {
		print_schemas(stdout);
		return CLI_OK;
	}
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
