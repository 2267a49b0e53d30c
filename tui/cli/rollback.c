/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rollback, redo: back to a checkpoint, and back from there. */
#include "core/client.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <string.h>

enum { OPT_JSON = CLI_LONG };
static const struct cli_opt opts[] = {
    {.key = OPT_JSON, .name = "json", .help = "Prints an object."}, {0}};

static long long num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void tell(const char *name, const json_t *o, bool redo)
{
	long long ended = num(o, "ended"), saved = num(o, "saved");

	if (json_is_true(json_object_get(o, "unchanged"))) {
		printf("%s: is checkpoint %lld already: nothing was done\n", name,
		       num(o, "number"));
		return;
	}
	printf("%s: %s checkpoint %lld", name, redo ? "returned to" : "rolled back to",
	       num(o, "number"));
	if (saved)
		printf("; what it was is saved as %lld", saved);
	if (ended)
		printf("; %lld %s ended", ended, ended == 1 ? "process" : "processes");
	printf(redo ? "\n" : ". Return: gaol redo %s\n", name);
}

static int steer(struct cli *c, struct cli_args *a, const char *call, json_t *args, bool json)
{
	struct client *client;
	struct jail j;
	struct err e;
	json_t *result;
	bool spawned;

	if (cli_jail(c, a->v[0], &j, &e)) {
		json_decref(args);
		return cli_fail(&e);
	}
	int ret = cli_steer(&client, &j, &spawned, &e);
	if (!ret) {
		ret = client_call(client, call, args, -1, &result, NULL, NULL, &e);
		cli_done(client, spawned);
	} else {
		json_decref(args);
	}
	jail_close(&j);
	if (ret)
		return cli_fail(&e);
	if (json) {
		out_json_line(result);
		return CLI_OK;
	}
	tell(a->v[0], result, !strcmp(call, "redo"));
	json_decref(result);
	return CLI_OK;
}

static int run(struct cli *c, const struct verb *v, int argc, char **argv)
{
	bool json = false, redo = !strcmp(v->name, "redo");
	struct cli_args a;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		json |= key == OPT_JSON;
	if (key || !cli_operands(&a, 1, redo ? 1 : 2))
		return a.status;
	json_t *args = json_object();
	if (a.n > 1)
		json_object_set_new(args, "id", out_json_text(a.v[1], strlen(a.v[1])));
	return steer(c, &a, v->name, args, json);
}

static const char *const examples[] = {
    "gaol rollback demo", "To the newest checkpoint made by hand; again: one further back.",
    "gaol rollback demo 3", "To checkpoint 3.", NULL};

const struct verb verb_rollback = {
    .name = "rollback",
    .args = "NAME [ID]",
    .help = "Brings a jail back to a checkpoint, and boots it again if it ran",
    .more = "What the jail is now is saved first, so nothing is lost: `gaol redo NAME` "
	    "returns. Programs that run in it end. Without an ID it goes to the newest "
	    "checkpoint made by hand that differs from now.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL_ID,
    .fn = run,
};

const struct verb verb_redo = {
    .name = "redo",
    .args = "NAME",
    .help = "Returns a jail from its last rollback",
    .more = "What the jail is now is saved first.",
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = run,
};
