/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net: what a jail does on the network, and who waits for a word. */
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { OPT_JSON = CLI_LONG, OPT_QUEUE };

static const struct cli_opt opts[] = {
    {.key = OPT_JSON, .name = "json", .help = "Prints one object."},
    {.key = OPT_QUEUE, .name = "queue", .help = "Only what waits for an answer."},
    {0}};

static json_int_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* "tcp/www.example.org:80 (192.0.2.1)" as three cells. */
static void add_target(struct table *t, const json_t *o)
{
	const char *name = text(o, "name"), *address = text(o, "address");

	table_add(t, text(o, "proto"));
	if (*name)
		table_addf(t, "%s (%s)", name, address);
	else
		table_add(t, address);
	table_addf(t, "%lld", (long long)num(o, "port"));
}

static void begin_queue(struct table *t, bool jails)
{
	static const char *const heads[] = {"JAIL", "ID",    "PROTO", "TARGET",
					    "PORT", "TRIES", "WAITS", "PROCESS, AS THE GUEST TELLS"};

	*t = (struct table){.cols = jails ? 8 : 7, .right = jails ? 0x72 : 0x39};
	for (size_t i = jails ? 0 : 1; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_add(t, heads[i]);
}

/* jail: NULL, there is no such column. */
static void add_queue(struct table *t, const char *jail, const json_t *queue)
{
	char age[OUT_AGE];
	const json_t *q;
	size_t i;

	json_array_foreach(queue, i, q)
	{
		if (jail)
			table_add(t, jail);
		table_addf(t, "%lld", (long long)num(q, "id"));
		add_target(t, q);
		table_addf(t, "%lld", (long long)num(q, "times"));
		table_add(t, out_age(num(q, "ms") / 1000, age));
		if (json_object_get(q, "command"))
			table_addf(t, "%lld uid %lld: %s", (long long)num(q, "pid"),
				   (long long)num(q, "uid"), text(q, "command"));
		else
			table_add(t, NULL);
	}
}

static void print_queue(const json_t *queue)
{
	struct table t;

	begin_queue(&t, false);
	add_queue(&t, NULL, queue);
	table_print(&t, stdout);
}

static void print_flows(const json_t *flows)
{
	struct table t = {.cols = 6, .right = 0x3c};
	static const char *const heads[] = {"PROTO", "TARGET", "PORT", "OUT", "IN", "AGE"};
	char size[OUT_SIZE], age[OUT_AGE];
	size_t i;
	const json_t *f;

	for (i = 0; i < t.cols; i++)
		table_add(&t, heads[i]);
	json_array_foreach(flows, i, f)
	{
		add_target(&t, f);
		table_add(&t, out_size((uint64_t)num(f, "out"), size));
		table_add(&t, out_size((uint64_t)num(f, "in"), size));
		table_add(&t, out_age(num(f, "ms") / 1000, age));
	}
	table_print(&t, stdout);
}

static void print(const struct jail *j, const json_t *o, bool queue)
{
	char in[OUT_SIZE], out[OUT_SIZE];
	const json_t *waits = json_object_get(o, "queue"), *flows = json_object_get(o, "flows");

	if (!queue)
		printf("%s: mode %s, %s, %s received, %s sent, %lld waiting\n", j->name,
		       text(o, "mode"),
		       json_is_true(json_object_get(o, "online")) ? "online" : "offline",
		       out_size((uint64_t)num(o, "in"), in), out_size((uint64_t)num(o, "out"), out),
		       (long long)num(o, "waiting"));
	if (queue || json_array_size(waits))
		print_queue(waits);
	if (!queue && json_array_size(flows))
		print_flows(flows);
}

/* All jails */

struct all {
	struct cli *c;
	struct table t;
	json_t *list; /* NULL: a table is wanted */
};

static bool add_jail(void *user, const struct jail_status *st)
{
	struct all *a = user;
	json_t *o, *q;
	struct err e;
	size_t i;

	/* One that ends meanwhile has nothing that waits. */
	if (!st->warden || !st->net_waiting ||
	    cli_call(a->c, st->name, "net", json_pack("{s:s}", "do", "list"), &o, &e))
		return true;
	if (!a->list)
		add_queue(&a->t, st->name, json_object_get(o, "queue"));
	json_array_foreach(a->list ? json_object_get(o, "queue") : NULL, i, q)
	{
		json_object_set_new(q, "jail", json_string(st->name));
		json_array_append(a->list, q);
	}
	json_decref(o);
	return true;
}

static int net_all(struct cli *c, bool json)
{
	struct all a = {.c = c};
	struct err e;

	if (cli_places(c, &e))
		return cli_fail(&e);
	if (json)
		a.list = json_array();
	else
		begin_queue(&a.t, true);
	jail_each(&c->places, add_jail, &a);
	if (json)
		out_json_line(a.list);
	else
		table_print(&a.t, stdout);
	return CLI_OK;
}

static int net_one(struct cli *c, const char *name, bool json, bool queue)
{
	struct jail j;
	struct err e;
	json_t *o;

	if (cli_jail(c, name, &j, &e) ||
	    cli_call(c, name, "net", json_pack("{s:s}", "do", "list"), &o, &e))
		return cli_fail(&e);
	if (json)
		out_json_line(queue ? json_incref(json_object_get(o, "queue")) : json_incref(o));
	else
		print(&j, o, queue);
	json_decref(o);
	jail_close(&j);
	return CLI_OK;
}

static int net(struct cli *c, const struct verb *v, int argc, char **argv)
{
	bool json = false, queue = false;
	struct cli_args a;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		json = json || key == OPT_JSON;
		queue = queue || key == OPT_QUEUE;
	}
	if (key || !cli_operands(&a, queue ? 0 : 1, 1))
		return a.status;
	return a.n ? net_one(c, a.v[0], json, queue) : net_all(c, json);
}

static const char *const examples[] = {
    "gaol net demo", "Connections that are open, and what waits.", "gaol net demo --queue",
    "Only what waits, with the numbers for allow and deny.", "gaol net --queue",
    "What waits in any jail.", NULL};

const struct verb verb_net = {
    .name = "net",
    .args = "NAME [--json] [--queue] | --queue [--json]",
    .help = "Shows a jail's connections, and which wait for an answer",
    .more = "Names are what the jail asked the name server for. Which process asks is what the "
	    "guest tells: a hint, no proof. What was let through and refused, "
	    "and what it asked for: gaol events NAME --class net.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = net,
};
