/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/log.h"
#include "core/usage.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <string.h>

enum { OPT_JSON = CLI_LONG };
static const struct cli_opt opts[] = {
    {.key = 'a', .name = "all", .help = "All jails, a line each."},
    {.key = OPT_JSON, .name = "json", .help = "Prints an array of objects."},
    {0}};

/* One jail's share of the disk. */
struct share {
	struct usage upper, repo, rest;
};

struct listing {
	struct cli *c;
	bool json, failed;
	struct json_list list;
	struct table table;
};

static int measure(const struct jail *j, struct share *s, struct err *e)
{
	static const char *const rest[] = {"work", "made", "at"};

	*s = (struct share){0};
	int ret = usage_tree(j->dirfd, "upper", &s->upper);
	if (!ret)
		ret = usage_tree(j->dirfd, REPO_DIR, &s->repo);
	for (size_t i = 0; !ret && i < sizeof(rest) / sizeof(rest[0]); i++)
		ret = usage_tree(j->dirfd, rest[i], &s->rest);
	return ret ? err_set(e, ret, "%s: %s", j->dir, strerror(-ret)) : 0;
}

static uint64_t total(const struct share *s)
{
	return s->upper.bytes + s->repo.bytes + s->rest.bytes;
}

static json_t *share_json(const char *name, const struct share *s)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "name", name, "upper",
			 (json_int_t)s->upper.bytes, "entries", (json_int_t)s->upper.entries,
			 "checkpoints", (json_int_t)s->repo.bytes, "shared",
			 (json_int_t)s->repo.shared, "other", (json_int_t)s->rest.bytes, "total",
			 (json_int_t)total(s));
}

static void add_row(struct table *t, const char *name, const struct share *s)
{
	char size[OUT_SIZE];

	table_add(t, name);
	table_add(t, out_size(s->upper.bytes, size));
	table_addf(t, "%llu", (unsigned long long)s->upper.entries);
	table_add(t, out_size(s->repo.bytes, size));
	table_add(t, out_size(s->repo.shared, size));
	table_add(t, out_size(s->rest.bytes, size));
	table_add(t, out_size(total(s), size));
}

static void one(struct listing *l, const struct jail *j)
{
	struct share s;
	struct err e;

	if (measure(j, &s, &e)) {
		l->failed = true;
		err_print(&e);
	} else if (l->json) {
		out_json_item(&l->list, share_json(j->name, &s));
	} else {
		add_row(&l->table, j->name, &s);
	}
}

static bool each_jail(void *user, const struct jail_status *st)
{
	struct listing *l = user;
	struct jail j;

	if (!jail_open(&j, &l->c->places, st->name, NULL)) {
		one(l, &j);
		jail_close(&j);
	}
	return true;
}

static bool each_checkpoint(void *user, const struct checkpoint *c)
{
	struct table *t = user;
	char size[OUT_SIZE], when[OUT_AGE];

	table_addf(t, "%s%u", c->present ? "*" : c->abandoned ? "x" : " ", c->number);
	table_add(t, out_size(c->bytes, size));
	table_add(t, out_time(c->time, when));
	table_add(t, c->message);
	return true;
}

/* What each checkpoint added. */
static int checkpoints(const struct jail *j, struct err *e)
{
	static const char *const heads[] = {"CHECKPOINT", "OWN SIZE", "TIME", "MESSAGE"};
	struct table t = {.cols = 4, .right = 3};
	struct repo *r;

	int ret = repo_open(&r, j->dirfd, e);
	if (ret)
		return ret;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_add(&t, heads[i]);
	ret = log_each(r, each_checkpoint, &t, e);
	repo_close(r);
	putchar('\n');
	table_print(&t, stdout);
	return ret;
}

static int run(struct listing *l, struct cli_args *a, bool all, struct err *e)
{
	static const char *const heads[] = {"NAME",   "LAYER", "ENTRIES", "CHECKPOINTS",
					    "SHARED", "OTHER", "TOTAL"};
	struct jail j;

	int ret = all ? cli_places(l->c, e) : cli_jail(l->c, a->v[0], &j, e);
	if (ret)
		return ret;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_add(&l->table, heads[i]);
	if (all)
		jail_each(&l->c->places, each_jail, l);
	else
		one(l, &j);
	if (l->json)
		out_json_end(&l->list);
	else
		table_print(&l->table, stdout);
	if (all)
		return 0;
	if (!l->json)
		ret = checkpoints(&j, e);
	jail_close(&j);
	return ret;
}

static int df(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct listing l = {.c = c, .table = {.cols = 7, .right = 0x7e}};
	bool all = false;
	struct cli_args a;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		all |= key == 'a';
		l.json |= key == OPT_JSON;
	}
	if (key || !cli_operands(&a, all ? 0 : 1, all ? 0 : 1))
		return a.status;
	if (run(&l, &a, all, &e))
		return cli_fail(&e);
	return l.failed ? CLI_FAILED : CLI_OK;
}

static const char *const examples[] = {
    "gaol df demo", "Where demo's space goes, and what each checkpoint added.",
    "gaol df --all --json | jq 'map(.total) | add'", "What all jails take, in bytes.", NULL};

const struct verb verb_df = {
    .name = "df",
    .args = "NAME | --all",
    .help = "Tells where the disk space of jails goes",
    .more = "LAYER is what the jail has written, OTHER what gaol keeps about it. SHARED is the "
	    "part of its checkpoints' packs that forks have too; it is counted in CHECKPOINTS by "
	    "its share. A checkpoint's own size is what it added when it was made, compressed.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = df,
};
