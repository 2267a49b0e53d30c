/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * completion: the scripts for shells ask `gaol completion words INDEX -- WORDS...` for each key, so
 * that verbs, options, jails and checkpoints are always those that are there. `described` puts a
 * tab and a few words of explanation behind each, for shells that show them.
 */
#include "core/buf.h"
#include "core/proto.h"
#include "core/repo/log.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <stdlib.h>
#include <string.h>

static const char bash[] =
    "# bash completion for gaol; load it with: source <(gaol completion bash)\n"
    "_gaol() {\n"
    "\tlocal IFS=$'\\n' w i\n"
    "\tlocal -a words=()\n"
    "\t# bash cuts words at colons; NAME:N and NAME:PATH are one\n"
    "\tfor w in \"${COMP_WORDS[@]:0:COMP_CWORD+1}\"; do\n"
    "\t\ti=${#words[@]}\n"
    "\t\tif [[ -n $w && $i -gt 0 && ($w == :* || ${words[i-1]} == *:) ]]; then\n"
    "\t\t\twords[i-1]+=$w\n"
    "\t\telse\n"
    "\t\t\twords+=(\"$w\")\n"
    "\t\tfi\n"
    "\tdone\n"
    "\ti=$((${#words[@]} - 1)) w=\n"
    "\tcompopt +o default +o nospace\n"
    "\tCOMPREPLY=($(gaol completion words \"$i\" -- \"${words[@]}\" 2>/dev/null))\n"
    "\tif [ \"${#COMPREPLY[@]}\" -eq 0 ]; then\n"
    "\t\tcompopt -o default\n"
    "\telif [ \"${#COMPREPLY[@]}\" -eq 1 ] && [ \"${COMPREPLY[0]%:}\" != \"${COMPREPLY[0]}\" ]; "
    "then\n"
    "\t\tcompopt -o nospace\n"
    "\tfi\n"
    "\t# and puts what it gets behind the last colon\n"
    "\tif [[ $COMP_WORDBREAKS == *:* && ${words[i]} == *:* ]]; then\n"
    "\t\tw=${words[i]%\"${words[i]##*:}\"}\n"
    "\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"$w\"}\")\n"
    "\tfi\n"
    "}\n"
    "complete -F _gaol gaol\n";

static const char zsh[] =
    "#compdef gaol\n"
    "# zsh completion for gaol: as _gaol in a directory of $fpath, or behind compinit:\n"
    "# source <(gaol completion zsh)\n"
    "_gaol() {\n"
    "\tlocal line word\n"
    "\tlocal -a plain places\n"
    "\tfor line in \"${(@f)$(gaol completion described $((CURRENT - 1)) -- \"${(@Q)words}\" "
    "2>/dev/null)}\"; do\n"
    "\t\tword=${line%%$'\\t'*}\n"
    "\t\tif [[ -z $word ]]; then\n"
    "\t\t\tcontinue\n"
    "\t\telif [[ $word == *: ]]; then\n"
    "\t\t\tplaces+=(\"$word\")\n"
    "\t\telse\n"
    "\t\t\tplain+=(\"${word//:/\\\\:}:${line#*$'\\t'}\")\n"
    "\t\tfi\n"
    "\tdone\n"
    "\tif (( $#places + $#plain == 0 )); then\n"
    "\t\t_default\n"
    "\t\treturn\n"
    "\tfi\n"
    "\t(( $#places )) && compadd -S '' -a places\n"
    "\t(( $#plain )) && _describe -t gaol gaol plain\n"
    "}\n"
    "if [[ ${funcstack[1]} == _gaol ]]; then\n"
    "\t_gaol \"$@\"\n"
    "else\n"
    "\tcompdef _gaol gaol\n"
    "fi\n";

static const char fish[] =
    "# fish completion for gaol; load it with: gaol completion fish | source\n"
    "function __gaol_words\n"
    "\tset -l before (commandline -opc)\n"
    "\tset -l now (commandline -ct)\n"
    "\tgaol completion described (count $before) -- $before \"$now\" 2>/dev/null\n"
    "end\n"
    "function __gaol_any\n"
    "\tset -l words (__gaol_words)\n"
    "\ttest (count $words) -gt 0\n"
    "end\n"
    "complete -c gaol -n __gaol_any -f -a '(__gaol_words)'\n";

static const struct {
	const char *shell, *script;
} scripts[] = {{.shell = "bash", .script = bash},
	       {.shell = "zsh", .script = zsh},
	       {.shell = "fish", .script = fish}};
#define NSCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

struct asking {
	const char *prefix;
	const char *suffix;
	cli_word_fn *fn;
	void *user;
};

/* about may hold anything; NULL: nothing to say. */
static void offer(const struct asking *q, const char *word, const char *about)
{
	char *whole;

	if (strncmp(word, q->prefix, strlen(q->prefix)) != 0)
		return;
	whole = xasprintf("%s%s", word, q->suffix ? q->suffix : "");
	q->fn(q->user, whole, about);
	free(whole);
}

/* user: whether to say what it is. */
static void print_word(void *user, const char *word, const char *about)
{
	const bool *described = user;
	struct buf b = {0};

	buf_str(&b, word);
	if (*described) {
		buf_ch(&b, '\t');
		out_text_buf(&b, about ? about : "");
	}
	puts(buf_cstr(&b));
	buf_free(&b);
}

static bool offer_jail(void *user, const struct jail_status *st)
{
	offer(user, st->name, jail_state_name(st->state));
	return true;
}

static bool offer_checkpoint(void *user, const struct checkpoint *c)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", c->number);
	offer(user, number, c->message);
	for (size_t i = 0; c->tags[i]; i++)
		offer(user, c->tags[i], c->message);
	return true;
}

/* Behind a jail's colon: the numbers of its consoles. */
static bool offer_consoles(void *user, const struct jail_status *st)
{
	const struct asking *q = user;
	size_t n = strlen(st->name);

	if (strncmp(q->prefix, st->name, n) || q->prefix[n] != ':')
		return true;
	for (int i = 1; i <= CONSOLES_MAX; i++) {
		char *word = xasprintf("%s:%d", st->name, i);

		offer(q, word, i == 1 ? "the guest's own console" : "a shell beside it");
		free(word);
	}
	return false;
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
	offer(q, "--help", "Shows the help of the verb.");
	for (const struct cli_opt *o = v->opts; o && o->key; o++) {
		char *word = o->name ? xasprintf("--%s", o->name) : xasprintf("-%c", o->key);

		offer(q, word, o->help);
		free(word);
	}
}

static void offer_verbs(const struct asking *q)
{
	for (size_t i = 0; cli_verbs[i]; i++)
		if (!(cli_verbs[i]->flags & VERB_INTERNAL))
			offer(q, cli_verbs[i]->name, cli_verbs[i]->help);
}

static void offer_states(const struct asking *q)
{
	for (int s = 0; s < JAIL_STATES; s++)
		offer(q, jail_state_name((enum jail_state)s), "state");
}

/* The operand number n (from 0) of a verb. */
static void offer_operand(struct cli *c, const struct verb *v, int n, const char *first,
			  struct asking *q)
{
	struct err e;
	bool jails = v->words == WORDS_JAILS || v->words == WORDS_COPY ||
		     (!n && (v->words == WORDS_JAIL || v->words == WORDS_JAIL_ID ||
			     v->words == WORDS_JAIL_STATE || v->words == WORDS_CONSOLE));

	if (v->words == WORDS_VERB && !n)
		offer_verbs(q);
	if (v->words == WORDS_JAIL_STATE && n == 1)
		offer_states(q);
	if (v->words == WORDS_JAIL_ID && n) {
		offer_checkpoints(c, first, q);
		if (!strcmp(v->name, "diff")) {
			offer(q, "now", "what the jail has now");
			offer(q, "base", "the host's system");
		}
	}
	q->suffix = v->words == WORDS_COPY ? ":" : NULL;
	if (jails && !cli_places(c, &e))
		jail_each(&c->places, offer_jail, q);
	if (jails && v->words == WORDS_CONSOLE)
		jail_each(&c->places, offer_consoles, q);
}

static void offer_shells(const struct asking *q)
{
	for (size_t i = 0; i < NSCRIPTS; i++)
		offer(q, scripts[i].shell, "shell");
}

void cli_complete(struct cli *c, int index, char **words, int n, cli_word_fn *fn, void *user)
{
	struct asking q = {.prefix = index < n ? words[index] : "", .fn = fn, .user = user};
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
	else if (v == &verb_completion && !operand)
		offer_shells(&q);
	else
		offer_operand(c, v, operand, first, &q);
}

static int completion(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;
	bool described;

	if (!cli_simple(&a, v, argc, argv, 1, 2))
		return a.status;
	for (size_t i = 0; i < NSCRIPTS && a.n == 1; i++) {
		if (!strcmp(a.v[0], scripts[i].shell)) {
			fputs(scripts[i].script, stdout);
			return CLI_OK;
		}
	}
	described = !strcmp(a.v[0], "described");
	if ((strcmp(a.v[0], "words") && !described) || a.n != 2 || !a.command)
		return cli_usage(v, "%s: bash, zsh and fish are all it knows", a.v[0]);
	int index = atoi(a.v[1]);
	if (index > 0 && index <= a.ncommand)
		cli_complete(c, index, a.command, a.ncommand, print_word, &described);
	return CLI_OK;
}

static const char *const examples[] = {"source <(gaol completion bash)",
				       "Completes verbs, options, jails and checkpoints.",
				       "gaol completion fish | source", "The same in fish.", NULL};

const struct verb verb_completion = {
    .name = "completion",
    .args = "bash|zsh|fish",
    .help = "Prints the completion script of a shell",
    .examples = examples,
    .flags = VERB_COMMAND,
    .fn = completion,
};
