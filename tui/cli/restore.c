/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/client.h"
#include "core/jailview.h"
#include "core/putback.h"
#include "tui/cli/cli.h"
#include "tui/cli/hunk.h"
#include "tui/cli/out.h"
#include "tui/cli/sync.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_FROM = CLI_LONG, OPT_HUNK };
static const struct cli_opt opts[] = {
    {.key = OPT_FROM,
     .name = "from",
     .arg = "ID",
     .help = "As in this checkpoint; default: the last one."},
    {.key = OPT_HUNK,
     .name = "hunk",
     .arg = "LINE",
     .help = "Of one file, only the hunk that covers this line as it is now."},
    {.key = 'f', .name = "force", .help = "Also what a program of the jail has open."},
    {0}};

struct request {
	struct cli_args a;
	const char *id;
	bool force;
	unsigned line; /* of a hunk, 0: whole files */
	json_t *saved; /* of the checkpoint that was made first */
	unsigned number;
};

/* The paths without links, as the checkpoint has them or, when it has not, as they are now. */
static int real_paths(const struct request *q, struct side *from, struct side *now, char **out,
		      struct err *e)
{
	int n = q->a.n - 1, ret = 0;

	for (int i = 0; i < n && !ret; i++) {
		struct buf b = {0};
		ret = jailview_follow(from, q->a.v[i + 1], false, &b, e);
		if (ret) {
			buf_reset(&b);
			ret = jailview_follow(now, q->a.v[i + 1], false, &b, e);
		}
		if (!ret)
			out[i] = buf_take(&b);
		buf_free(&b);
	}
	return ret;
}

static int put_back(struct request *q, struct jailview *view, const struct jail *j,
		    struct client *client, struct putback *p, struct err *e)
{
	struct side *now = NULL, *from = NULL;
	struct side_id id;
	struct checkpoint c = {0};
	char **paths = xcalloc((size_t)q->a.n, sizeof(*paths));

	int ret = jailview_resolve(view, q->id, &id, &c, e);
	q->number = c.number;
	checkpoint_free(&c);
	if (!ret)
		ret = side_open(&from, jailview_repo(view), id, jailview_base(view), e);
	if (!ret)
		ret = jailview_side(view, "now", &now, e);
	if (!ret)
		ret = real_paths(q, from, now, paths, e);
	if (!ret && q->line) {
		ret = hunk_back(client, from, now, paths[0], q->line, e);
		p->changed = !ret;
	} else if (!ret) {
		p->paths = (const char *const *)paths;
		p->force = q->force;
		ret = putback(p, j, client, now, from, e);
		free(p->open);
	}
	if (from)
		side_close(from);
	if (now)
		side_close(now);
	for (int i = 0; i < q->a.n; i++)
		free(paths[i]);
	free(paths);
	return ret;
}

/* What goes is saved first, so that this can be undone like everything else. */
static int save_first(struct request *q, struct client *client, struct err *e)
{
	char message[80];

	snprintf(message, sizeof(message), "before restore of %.40s", q->a.v[1]);
	return client_call(client, "checkpoint",
			   json_pack("{s:o, s:s}", "message",
				     out_json_text(message, strlen(message)), "kind", "auto"),
			   -1, &q->saved, NULL, NULL, e);
}

/* "The last checkpoint" is the one before that. */
static int last_checkpoint(struct jailview *view, char id[16], struct err *e)
{
	struct side_id side;
	struct checkpoint c = {0};
	int ret = jailview_resolve(view, NULL, &side, &c, e);

	snprintf(id, 16, "%u", c.number);
	checkpoint_free(&c);
	return ret;
}

static int steer(struct request *q, struct cli *c, struct jail *j, struct putback *p, struct err *e)
{
	struct jailview *view;
	struct client *client;
	bool spawned;
	char id[16];

	int ret = jailview_open(&view, &c->places, j, e);
	if (ret)
		return ret;
	if (!q->id) {
		ret = last_checkpoint(view, id, e);
		q->id = id;
	}
	if (!ret)
		ret = cli_steer(&client, j, &spawned, e);
	if (!ret) {
		ret = save_first(q, client, e);
		if (!ret)
			ret = put_back(q, view, j, client, p, e);
		cli_done(client, spawned);
	}
	jailview_close(view);
	return ret;
}

static int restore_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct request q = {0};
	struct putback p = {0};
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&q.a, v, argc, argv);
	while ((key = cli_next(&q.a)) > 0) {
		q.force |= key == 'f';
		q.id = key == OPT_FROM ? q.a.arg : q.id;
		if (key != OPT_HUNK)
			continue;
		q.line = (unsigned)strtoul(q.a.arg, NULL, 10);
		if (!q.line)
			return cli_usage(v, "--hunk %s: not the number of a line", q.a.arg);
	}
	if (key || !cli_operands(&q.a, 2, q.line ? 2 : 4096))
		return q.a.status;
	for (int i = 1; i < q.a.n; i++)
		if (q.a.v[i][0] != '/')
			return cli_usage(v, "%s: a path of the jail begins with /", q.a.v[i]);
	if (cli_jail(c, q.a.v[0], &j, &e))
		return cli_fail(&e);
	int ret = steer(&q, c, &j, &p, &e);
	jail_close(&j);
	if (!ret && !p.made && !p.changed && !p.removed)
		printf("%s: is as in checkpoint %u already: nothing was done\n", q.a.v[0],
		       q.number);
	else if (!ret)
		printf(
		    "%s: %llu made, %llu changed, %llu removed, as in checkpoint %u. What was is "
		    "saved as %lld\n",
		    q.a.v[0], (unsigned long long)p.made, (unsigned long long)p.changed,
		    (unsigned long long)p.removed, q.number,
		    (long long)json_integer_value(json_object_get(q.saved, "number")));
	json_decref(q.saved);
	return ret ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {
    "gaol restore demo /etc/hosts",
    "As it was at the last checkpoint.",
    "gaol restore demo /srv/app /etc/app.conf --from 3",
    "A directory with all in it, and a file, as in checkpoint 3.",
    "gaol restore demo /etc/hosts --hunk 12",
    "What changed around line 12, and nothing else.",
    NULL};

const struct verb verb_restore = {
    .name = "restore",
    .args = "NAME PATH... [--from ID] [--hunk LINE]",
    .help = "Brings single files or directories back from a checkpoint",
    .more = "The jail may run and goes on. Each PATH becomes, with all below it, what it was: "
	    "content, type, owner, mode, times, attributes, hard links; what the checkpoint does "
	    "not have is removed. What the jail is now is saved first. A program that has a file "
	    "open would go on with the old one: such files are refused, and nothing is changed, "
	    "without --force; with it, the "
	    "guest's kernel too shows the old one by its name until nothing holds it and its "
	    "caches are dropped.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = restore_verb,
};
