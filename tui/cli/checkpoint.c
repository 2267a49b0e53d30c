/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <string.h>

enum { OPT_JSON = CLI_LONG, OPT_ALWAYS };
static const struct cli_opt opts[] = {
    {.key = 'm', .name = "message", .arg = "TEXT", .help = "What it is, for the log."},
    {.key = OPT_ALWAYS, .name = "always", .help = "Makes one although nothing has changed."},
    {.key = OPT_JSON, .name = "json", .help = "Prints an object."},
    {0}};

static long long num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void tell(const char *name, const json_t *o)
{
	const char *hash = json_string_value(json_object_get(o, "hash"));

	if (json_is_true(json_object_get(o, "unchanged")))
		printf("%s: nothing has changed since checkpoint %lld\n", name, num(o, "number"));
	else
		printf("%s: checkpoint %lld (%.10s): %lld added, %lld modified, %lld deleted\n",
		       name, num(o, "number"), hash ? hash : "", num(o, "added"),
		       num(o, "modified"), num(o, "deleted"));
	if (json_is_false(json_object_get(o, "synced")))
		fprintf(stderr,
			"gaol: %s: the guest did not sync in time: what it had not written "
			"yet is not in it\n",
			name);
}

static int checkpoint(struct cli *c, const struct verb *v, int argc, char **argv)
{
	const char *message = "";
	bool json = false, always = false, spawned;
	struct client *client;
	struct cli_args a;
	struct jail j;
	struct err e;
	json_t *result;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		json |= key == OPT_JSON;
		always |= key == OPT_ALWAYS;
		message = key == 'm' ? a.arg : message;
	}
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int ret = cli_steer(&client, &j, &spawned, &e);
	if (!ret) {
		json_t *args =
		    json_pack("{s:o, s:s, s:b}", "message", out_json_text(message, strlen(message)),
			      "kind", "hand", "always", always);

		ret = client_call(client, "checkpoint", args, -1, &result, NULL, NULL, &e);
		cli_done(client, spawned);
	}
	jail_close(&j);
	if (ret)
		return cli_fail(&e);
	if (json) {
		out_json_line(result);
		return CLI_OK;
	}
	tell(a.v[0], result);
	json_decref(result);
	return CLI_OK;
}

static const char *const examples[] = {"gaol checkpoint demo -m 'before the installer'",
				       "Saves what the jail has written, with a word about it.",
				       NULL};

const struct verb verb_checkpoint = {
    .name = "checkpoint",
    .args = "NAME [-m TEXT]",
    .help = "Saves the jail's layer as a new checkpoint",
    .more = "A running guest syncs first and goes on. It costs time and space by what "
	    "has changed.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = checkpoint,
};
