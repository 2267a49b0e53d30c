/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <string.h>

enum { OPT_JSON = CLI_LONG };
#define ANSWER_MS 5000

static const struct cli_opt opts[] = {
    {.key = OPT_JSON, .name = "json", .help = "Prints an array of objects."}, {0}};

static json_int_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void print_table(const json_t *list)
{
	static const char *const heads[] = {"PID", "PPID", "UID",  "S",
					    "THR", "RSS",  "TIME", "COMMAND"};
	struct table t = {.cols = 8, .right = 0x77};
	char size[OUT_SIZE];

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_add(&t, heads[i]);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);
		const char *command = json_string_value(json_object_get(p, "command"));
		json_int_t ms = num(p, "cpu_ms");

		table_addf(&t, "%lld", (long long)num(p, "pid"));
		table_addf(&t, "%lld", (long long)num(p, "ppid"));
		table_addf(&t, "%lld", (long long)num(p, "uid"));
		table_add(&t, json_string_value(json_object_get(p, "state")));
		table_addf(&t, "%lld", (long long)num(p, "threads"));
		table_add(&t, out_size((uint64_t)num(p, "rss_kib") * 1024, size));
		table_addf(&t, "%lld:%02lld.%02lld", (long long)(ms / 60000),
			   (long long)(ms / 1000 % 60), (long long)(ms / 10 % 100));
		table_add(&t, command && *command ? command
						  : json_string_value(json_object_get(p, "comm")));
	}
	table_print(&t, stdout);
}

static int show(struct jail *j, bool json)
{
	struct json_list out = {0};
	struct client *client;
	json_t *o;
	struct err e;

	if (client_connect(&client, j, &e))
		return cli_fail(&e);
	int ret = cli_ask_guest(client, "procs", ANSWER_MS, &o, &e);
	client_free(client);
	if (ret)
		return cli_fail(&e);
	const json_t *list = json_object_get(o, "processes");
	if (json) {
		for (size_t i = 0; i < json_array_size(list); i++)
			out_json_item(&out, json_incref(json_array_get(list, i)));
		out_json_end(&out);
	} else {
		print_table(list);
	}
	if (json_is_true(json_object_get(o, "cut")))
		fprintf(stderr, "gaol: %s: the guest has more processes than one answer holds\n",
			j->name);
	json_decref(o);
	return CLI_OK;
}

static int ps(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;
	struct jail j;
	bool json = false;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		json = true;
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int status = show(&j, json);
	jail_close(&j);
	return status;
}

const struct verb verb_ps = {
    .name = "ps",
    .args = "NAME [--json]",
    .help = "Lists a jail's processes, as the guest tells",
    .more =
	"Nothing of it is checked: a guest may tell what it likes. What it costs the host, true "
	"from outside, is in top.",
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = ps,
};
