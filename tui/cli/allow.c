/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allow and deny: rules of a jail's network, and answers to what waits. */
#include "core/buf.h"
#include "core/conf.h"
#include "core/net/rule.h"
#include "tui/cli/cli.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_ONCE = CLI_LONG, OPT_RUN, OPT_FOR };

struct say {
	bool deny;
	const char *word; /* of judge_answer; NULL: a rule that is kept */
	unsigned minutes;
	long long id; /* of a question, 0: what is a rule */
	const char *what;
};

static const struct cli_opt allow_opts[] = {
    {.key = OPT_ONCE, .name = "once", .help = "Only what waits now."},
    {.key = OPT_RUN, .name = "run", .help = "Until the jail's next start."},
    {.key = OPT_FOR, .name = "for", .arg = "TIME", .help = "For so long, as 10m or 2h."},
    {0}};

static const struct cli_opt deny_opts[] = {
    {.key = OPT_ONCE, .name = "once", .help = "Only what waits now."},
    {.key = OPT_RUN, .name = "run", .help = "Until the jail's next start."},
    {.key = OPT_FOR, .name = "for", .arg = "TIME", .help = "For so long, as 10m or 2h."},
    {0}};

/* True when l has text; it is taken out. */
static bool take_out(struct conf_list *l, const char *text)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i], text) != 0)
			continue;
		free(l->v[i]);
		memmove(&l->v[i], &l->v[i + 1], (l->n - i) * sizeof(l->v[0]));
		l->n--;
		return true;
	}
	return false;
}

/* A rule that says the opposite in the same words goes. */
static int drop_opposite(struct jail *j, bool deny, const char *rule, struct err *e)
{
	struct conf conf;
	int ret = conf_load(j->dirfd, CONF_FILE, &conf, e);

	if (ret)
		return ret;
	if (take_out(deny ? &conf.net_allow : &conf.net_deny, rule))
		ret = conf_save(&conf, j->dirfd, CONF_FILE, e);
	conf_free(&conf);
	return ret;
}

static int keep(struct cli *c, const struct say *s, struct jail *j, const char *rule, struct err *e)
{
	struct rule r;
	int ret = rule_parse(rule, s->deny, &r, e);

	if (!ret)
		ret = drop_opposite(j, s->deny, rule, e);
	if (ret)
		return ret;
	char *word = xasprintf("net.%s=%s", s->deny ? "deny" : "allow", rule);
	ret = cli_set(j, &word, 1, e);
	free(word);
	/* A jail that is down reads it when it starts. */
	if (!ret && jail_locked(j))
		ret = cli_call(c, j->name, "net", json_pack("{s:s}", "do", "reload"), NULL, e);
	return ret;
}

/* The rule that a question would be answered with for good, or NULL; the caller frees it. */
static char *rule_of(const json_t *list, long long id)
{
	const json_t *q;
	size_t i;

	json_array_foreach(json_object_get(list, "queue"), i, q)
	{
		const char *rule = json_string_value(json_object_get(q, "rule"));

		if (json_integer_value(json_object_get(q, "id")) == id && rule)
			return xstrdup(rule);
	}
	return NULL;
}

static int no_question(const struct say *s, const struct jail *j, struct err *e)
{
	return err_set(e, -ENOENT, "%lld: waits no more: see gaol net %s --queue", s->id, j->name);
}

static int keep_question(struct cli *c, const struct say *s, struct jail *j, struct err *e)
{
	json_t *o;
	int ret = cli_call(c, j->name, "net", json_pack("{s:s}", "do", "list"), &o, e);

	if (ret)
		return ret;
	char *rule = rule_of(o, s->id);
	ret = rule ? keep(c, s, j, rule, e) : no_question(s, j, e);
	free(rule);
	json_decref(o);
	return ret;
}

static int answer(struct cli *c, const struct say *s, struct jail *j, struct err *e)
{
	json_t *o,
	    *args = json_pack("{s:s, s:I, s:s, s:i}", "do", "answer", "id", (json_int_t)s->id,
			      "word", s->word, "minutes", (int)s->minutes);
	int ret = cli_call(c, j->name, "net", args, &o, e);

	if (ret)
		return ret;
	if (!json_is_true(json_object_get(o, "done")))
		ret = no_question(s, j, e);
	json_decref(o);
	return ret;
}

static bool option(struct say *s, struct cli_args *a, int key)
{
	unsigned seconds;

	switch (key) {
	case OPT_ONCE:
		s->word = s->deny ? "deny" : "once";
		return true;
	case OPT_RUN:
		s->word = s->deny ? "never" : "run";
		return true;
	default:
		s->word = s->deny ? "deny-minutes" : "minutes";
		if (conf_duration_parse(a->arg, &seconds) && seconds >= 60) {
			s->minutes = seconds / 60;
			return true;
		}
		a->status = cli_usage(a->verb, "--for %s: a time from 1m on: 10m, 2h, 1d", a->arg);
		return false;
	}
}

static int say(struct cli *c, struct say *s, struct cli_args *a)
{
	struct jail j;
	struct err e;
	int ret, key;

	while ((key = cli_next(a)) > 0)
		if (!option(s, a, key))
			return a->status;
	if (key || !cli_operands(a, 2, 2))
		return a->status;
	s->what = a->v[1];
	if (s->what[strspn(s->what, "0123456789")] == '\0')
		s->id = strtoll(s->what, NULL, 10);
	if (s->word && !s->id)
		return cli_usage(a->verb,
				 "%s: only a number of gaol net --queue can be answered for "
				 "a time; a rule is kept",
				 s->what);
	if (cli_jail(c, a->v[0], &j, &e))
		return cli_fail(&e);
	if (s->word)
		ret = answer(c, s, &j, &e);
	else
		ret = s->id ? keep_question(c, s, &j, &e) : keep(c, s, &j, s->what, &e);
	jail_close(&j);
	return ret ? cli_fail(&e) : CLI_OK;
}

static int allow(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct say s = {.deny = false};
	struct cli_args a;

	cli_args_init(&a, v, argc, argv);
	return say(c, &s, &a);
}

static int deny(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct say s = {.deny = true};
	struct cli_args a;

	cli_args_init(&a, v, argc, argv);
	return say(c, &s, &a);
}

static const char *const allow_examples[] = {
    "gaol allow demo www.example.org:80", "A rule in jail.conf, which holds at once.",
    "gaol allow demo 12 --once", "Lets through what waits under number 12.", NULL};

const struct verb verb_allow = {
    .name = "allow",
    .args = "NAME HOST[:PORT]|NUMBER [--once|--run|--for TIME]",
    .help = "Lets a jail reach something, for good or this once",
    .more = "HOST is a name, *.NAME for all below it, an address, a range or *; in front of it may "
	    "stand tcp/, udp/ or icmp/. Private and link-local addresses and the host's own are "
	    "opened only by a rule that names them as addresses. A NUMBER is what gaol net NAME "
	    "--queue shows.",
    .examples = allow_examples,
    .opts = allow_opts,
    .words = WORDS_JAIL,
    .fn = allow,
};

static const char *const deny_examples[] = {
    "gaol deny demo '*.tracker.example'", "A rule in jail.conf; connections that are open are cut.",
    "gaol deny demo 12 --once", "Refuses what waits under number 12.", NULL};

const struct verb verb_deny = {
    .name = "deny",
    .args = "NAME HOST[:PORT]|NUMBER [--once|--run|--for TIME]",
    .help = "Keeps a jail from something, and cuts what is open",
    .more = "A rule that denies wins over every rule that allows. See gaol allow --help.",
    .examples = deny_examples,
    .opts = deny_opts,
    .words = WORDS_JAIL,
    .fn = deny,
};
