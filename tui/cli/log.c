/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/log.h"
#include "core/buf.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <string.h>

enum { OPT_JSON = CLI_LONG };
static const struct cli_opt opts[] = {
    {.key = OPT_JSON, .name = "json", .help = "Prints an array of objects."}, {0}};

struct logging {
	bool json;
	struct json_list list;
	struct table table;
};

static json_t *to_json(const struct checkpoint *c)
{
	json_t *o = json_object();
	json_t *tags = json_array();

	for (size_t i = 0; c->tags[i]; i++)
		json_array_append_new(tags, out_json_text(c->tags[i], strlen(c->tags[i])));
	json_object_set_new(o, "number", json_integer(c->number));
	json_object_set_new(o, "hash", json_string(c->hash));
	json_object_set_new(o, "parent", c->parent[0] ? json_string(c->parent) : json_null());
	json_object_set_new(o, "kind", json_string(ckpt_kind_name(c->kind)));
	json_object_set_new(o, "time", json_integer(c->time));
	json_object_set_new(o, "message", out_json_text(c->message, strlen(c->message)));
	json_object_set_new(o, "tags", tags);
	json_object_set_new(o, "present", json_boolean(c->present));
	json_object_set_new(o, "abandoned", json_boolean(c->abandoned));
	json_object_set_new(o, "added", json_integer((json_int_t)c->added));
	json_object_set_new(o, "modified", json_integer((json_int_t)c->modified));
	json_object_set_new(o, "deleted", json_integer((json_int_t)c->deleted));
	json_object_set_new(o, "bytes", json_integer((json_int_t)c->bytes));
	return o;
}

static void add_row(struct table *t, const struct checkpoint *c)
{
	char time[OUT_AGE], size[OUT_SIZE];
	struct buf b = {0};

	buf_str(&b, c->message);
	for (size_t i = 0; c->tags[i]; i++)
		buf_fmt(&b, " [%s]", c->tags[i]);
	table_addf(t, "%s%u", c->present ? "*" : c->abandoned ? "x" : " ", c->number);
	table_addf(t, "%.10s", c->hash);
	table_add(t, out_time(c->time, time));
	table_add(t, ckpt_kind_name(c->kind));
	table_addf(t, "+%llu ~%llu -%llu", (unsigned long long)c->added,
		   (unsigned long long)c->modified, (unsigned long long)c->deleted);
	table_add(t, out_size(c->bytes, size));
	table_add(t, buf_cstr(&b));
	buf_free(&b);
}

static bool each(void *user, const struct checkpoint *c)
{
	struct logging *l = user;

	if (l->json)
		out_json_item(&l->list, to_json(c));
	else
		add_row(&l->table, c);
	return true;
}

static int show(struct jail *j, struct logging *l, struct err *e)
{
	static const char *const heads[] = {"NUMBER",  "HASH", "TIME",	 "KIND",
					    "CHANGES", "SIZE", "MESSAGE"};
	struct repo *r;

	int ret = repo_open(&r, j->dirfd, e);
	if (ret)
		return ret;
	for (size_t i = 0; !l->json && i < sizeof(heads) / sizeof(heads[0]); i++)
		table_add(&l->table, heads[i]);
	ret = log_each(r, each, l, e);
	repo_close(r);
	return ret;
}

static int log_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct logging l = {.table = {.cols = 7, .right = 1 | 1 << 5}};
	struct cli_args a;
	struct jail j;
	struct pager p = {0};
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		l.json = true;
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int ret = show(&j, &l, &e);
	jail_close(&j);
	if (!ret && !l.json)
		pager_begin(&p);
	if (!ret && l.json)
		out_json_end(&l.list);
	else if (!ret)
		table_print(&l.table, stdout);
	pager_end(&p);
	return ret ? cli_fail(&e) : CLI_OK;
}

const struct verb verb_log = {
    .name = "log",
    .args = "NAME [--json]",
    .help = "Lists the checkpoints of a jail, newest first",
    .more = "* marks the present one (what the jail was last saved as or rolled back to), x what "
	    "a rollback\nleft behind; it can still be returned to by its number. CHANGES counts "
	    "entries of the layer that\nwere added, modified and deleted against the checkpoint "
	    "before.",
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = log_verb,
};
