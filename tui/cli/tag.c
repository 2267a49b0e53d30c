/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tag, untag, rename: names of checkpoints, and what their log says. */
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <string.h>

static int tag(struct cli *c, const struct verb *v, int argc, char **argv)
{
	bool removes = !strcmp(v->name, "untag");
	int words = removes ? 2 : 3;
	json_t *result = NULL;
	struct cli_args a;
	struct err e;

	if (!cli_simple(&a, v, argc, argv, words, words))
		return a.status;
	json_t *args = json_object();
	const char *word = a.v[words - 1];
	json_object_set_new(args, "tag", out_json_text(word, strlen(word)));
	if (!removes)
		json_object_set_new(args, "id", out_json_text(a.v[1], strlen(a.v[1])));
	if (cli_call(c, a.v[0], v->name, args, &result, &e))
		return cli_fail(&e);
	if (!removes)
		printf("%s: checkpoint %lld is %s\n", a.v[0],
		       (long long)json_integer_value(json_object_get(result, "number")), word);
	json_decref(result);
	return CLI_OK;
}

static const char *const examples[] = {"gaol tag demo 4 before-upgrade",
				       "From now on `gaol rollback demo before-upgrade` works, and "
				       "prune keeps it.",
				       NULL};

const struct verb verb_tag = {
    .name = "tag",
    .args = "NAME ID TAG",
    .help = "Gives a checkpoint a name",
    .more = "A TAG is a word of letters, digits, '-', '_' and '.', not only digits. It stands "
	    "for the checkpoint wherever an ID does.",
    .examples = examples,
    .words = WORDS_JAIL_ID,
    .fn = tag,
};

const struct verb verb_untag = {
    .name = "untag",
    .args = "NAME TAG",
    .help = "Takes a checkpoint's name away again; the checkpoint stays",
    .words = WORDS_JAIL_ID,
    .fn = tag,
};

static int rename_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	json_t *result = NULL;
	struct cli_args a;
	struct err e;

	if (!cli_simple(&a, v, argc, argv, 3, 3))
		return a.status;
	json_t *args = json_pack("{s:o, s:o}", "id", out_json_text(a.v[1], strlen(a.v[1])),
				 "message", out_json_text(a.v[2], strlen(a.v[2])));
	if (cli_call(c, a.v[0], v->name, args, &result, &e))
		return cli_fail(&e);
	printf("%s: checkpoint %lld has its new message\n", a.v[0],
	       (long long)json_integer_value(json_object_get(result, "number")));
	json_decref(result);
	return CLI_OK;
}

static const char *const rename_examples[] = {"gaol rename demo 4 'before the upgrade'",
					      "What `gaol log demo` says of checkpoint 4.", NULL};

const struct verb verb_rename = {
    .name = "rename",
    .args = "NAME ID TEXT",
    .help = "Gives a checkpoint another message",
    .more = "Its number, tags and content stay; it and the checkpoints behind it get new hashes. "
	    "For a name that stands for it, see tag.",
    .examples = rename_examples,
    .words = WORDS_JAIL_ID,
    .fn = rename_verb,
};
