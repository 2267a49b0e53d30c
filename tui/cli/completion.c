/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * completion: the script for bash asks `gaol completion words INDEX -- WORDS...` for each key, so
 * that verbs, options, jails and checkpoints are always those that are there.
 */
#include "core/buf.h"
#include "core/repo/log.h"
#include "tui/cli/cli.h"
#include <stdlib.h>
#include <string.h>

static const char script[] =
    "# bash completion for gaol; load it with: source <(gaol completion bash)\n"
    "_gaol() {\n"
    "\tlocal IFS=$'\\n' cur=${COMP_WORDS[COMP_CWORD]}\n"
    "\tcompopt +o default +o nospace\n"
    "\tCOMPREPLY=($(gaol completion words \"$COMP_CWORD\" -- \"${COMP_WORDS[@]}\" "
    "2>/dev/null))\n"
    "\tif [ \"${#COMPREPLY[@]}\" -eq 0 ]; then\n"
    "\t\tcompopt -o default\n"
    "\telif [ \"${#COMPREPLY[@]}\" -eq 1 ] && [ \"${COMPREPLY[0]%:}\" != \"${COMPREPLY[0]}\" ]; "
    "then\n"
    "\t\tcompopt -o nospace\n"
    "\tfi\n"
    "}\n"
    "complete -F _gaol gaol\n";

struct asking {
	const char *prefix;
	const char *suffix;
};

static void offer(const struct asking *q, const char *word)
{
	if (!strncmp(word, q->prefix, strlen(q->prefix)))
		printf("%s%s\n", word, q->suffix ? q->suffix : "");
}

static bool offer_jail(void *user, const struct jail_status *st)
{
	offer(user, st->name);
	return true;
}

static bool offer_checkpoint(void *user, const struct checkpoint *c)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", c->number);
	offer(user, number);
	for (size_t i = 0; c->tags[i]; i++)
		offer(user, c->tags[i]);
	return true;
}

static void offer_checkpoints(struct cli *c, const char *name, struct asking *q)
{
	struct repo *r;
	struct jail j;
	struct err e;

	if (cli_jail(c, name, &j, &e))
		return;
	if (!repo_open(&r, j.dirfd, &e)) {
		log_each(r, offer_checkpoint, q, &e);
		repo_close(r);
	}
	jail_close(&j);
}

static void offer_options(const struct verb *v, const struct asking *q)
{
	offer(q, "--help");
	for (const struct cli_opt *o = v->opts; o && o->key; o++) {
		char *word = o->name ? xasprintf("--%s", o->name) : xasprintf("-%c", o->key);

		offer(q, word);
		free(word);
	}
}

static void offer_verbs(const struct asking *q)
{
	for (size_t i = 0; cli_verbs[i]; i++)
		if (!(cli_verbs[i]->flags & VERB_INTERNAL))
			offer(q, cli_verbs[i]->name);
}

static void offer_states(const struct asking *q)
{
	for (int s = 0; s < JAIL_STATES; s++)
		offer(q, jail_state_name((enum jail_state)s));
}

/* The operand number n (from 0) of a verb. */
static void offer_operand(struct cli *c, const struct verb *v, int n, const char *first,
			  struct asking *q)
{
	struct err e;
	bool jails = v->words == WORDS_JAILS || v->words == WORDS_COPY ||
		     (!n && (v->words == WORDS_JAIL || v->words == WORDS_JAIL_ID ||
			     v->words == WORDS_JAIL_STATE));

	if (v->words == WORDS_VERB && !n)
		offer_verbs(q);
	if (v->words == WORDS_JAIL_STATE && n == 1)
		offer_states(q);
	if (v->words == WORDS_JAIL_ID && n) {
		offer_checkpoints(c, first, q);
		if (!strcmp(v->name, "diff")) {
			offer(q, "now");
			offer(q, "base");
		}
	}
	q->suffix = v->words == WORDS_COPY ? ":" : NULL;
	if (jails && !cli_places(c, &e))
		jail_each(&c->places, offer_jail, q);
}

/* words[0] is "gaol", words[index] what is being typed. */
static void complete(struct cli *c, int index, char **words, int n)
{
	struct asking q = {.prefix = index < n ? words[index] : ""};
	const struct verb *v = index > 1 && n > 1 ? cli_find(words[1]) : NULL;
	const char *first = "";
	int operand = 0;

	if (index == 1) {
		offer_verbs(&q);
		return;
	}
	if (!v)
		return;
	for (int i = 2; i < index; i++) {
		if (!strcmp(words[i], "--"))
			return; /* a command: files and programs are the shell's to complete */
		if (words[i][0] != '-' && !operand++)
			first = words[i];
	}
	if (q.prefix[0] == '-')
		offer_options(v, &q);
	else
		offer_operand(c, v, operand, first, &q);
}

static int completion(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;

	if (!cli_simple(&a, v, argc, argv, 1, 2))
		return a.status;
	if (!strcmp(a.v[0], "bash") && a.n == 1) {
		fputs(script, stdout);
		return CLI_OK;
	}
	if (strcmp(a.v[0], "words") != 0 || a.n != 2 || !a.command)
		return cli_usage(v, "%s: bash is all it knows", a.v[0]);
	int index = atoi(a.v[1]);
	if (index > 0 && index <= a.ncommand)
		complete(c, index, a.command, a.ncommand);
	return CLI_OK;
}

static const char *const examples[] = {"source <(gaol completion bash)",
				       "Completes verbs, options, jails and checkpoints.", NULL};

const struct verb verb_completion = {
    .name = "completion",
    .args = "bash",
    .help = "Prints the completion script of a shell",
    .examples = examples,
    .flags = VERB_COMMAND,
    .fn = completion,
};
