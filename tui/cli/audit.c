/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/audit.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <string.h>

enum { OPT_JSON = CLI_LONG };
static const struct cli_opt opts[] = {
    {.key = OPT_JSON, .name = "json", .help = "Prints an array of objects."}, {0}};

struct report {
	bool json, missing;
	struct json_list list;
};

static void print_line(const struct audit_line *l)
{
	static const char *const on[] = {[AUDIT_OK] = "\033[32m",
					 [AUDIT_OPEN] = "\033[33m",
					 [AUDIT_UNKNOWN] = "\033[33m",
					 [AUDIT_MISSING] = "\033[31m"};
	bool colour = out_colour(stdout);

	printf("%s%-7s%s  %-12s  ", colour ? on[l->verdict] : "", audit_verdict_name(l->verdict),
	       colour ? "\033[m" : "", l->name);
	out_text(stdout, l->detail);
	putchar('\n');
}

static void tell(void *user, const struct audit_line *l)
{
	struct report *r = user;
	json_t *o;

	r->missing |= l->verdict == AUDIT_MISSING;
	if (!r->json) {
		print_line(l);
		return;
	}
	o = json_object();
	json_object_set_new(o, "name", json_string(l->name));
	json_object_set_new(o, "verdict", json_string(audit_verdict_name(l->verdict)));
	json_object_set_new(o, "detail", out_json_text(l->detail, strlen(l->detail)));
	out_json_item(&r->list, o);
}

static int look(struct jail *j, struct report *r)
{
	struct jail_status st = {0};
	struct conf conf;
	struct err e;

	int ret = conf_load(j->dirfd, CONF_FILE, &conf, &e);
	if (ret)
		return cli_fail(&e);
	ret = audit_conf(&conf, tell, r, &e);
	conf_free(&conf);
	if (ret)
		return cli_fail(&e);
	bool up = !jail_status_read(j, &st) && st.guest && !audit_guest(st.guest, tell, r);
	if (r->json)
		out_json_end(&r->list);
	if (!up)
		fprintf(stderr, "%s is down: the walls of its guest are shown while it runs\n",
			j->name);
	return r->missing ? CLI_FAILED : CLI_OK;
}

static int audit(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct report r = {0};
	struct cli_args a;
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		r.json = true;
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int status = look(&j, &r);
	jail_close(&j);
	return status;
}

const struct verb verb_audit = {
    .name = "audit",
    .args = "NAME [--json]",
    .help = "Shows all that a jail can reach, from outside",
    .more =
	"A line for each thing, with a verdict: ok (closed, or a copy), open (you opened it, "
	"in jail.conf), unknown (this user cannot look), MISSING (a wall that should stand does "
	"not). Of a running jail the processes of its guest are looked at on the host, each of "
	"them; nothing inside is asked. Exit status 1 when a wall is missing.",
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = audit,
};
