/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/cp.h"
#include "core/buf.h"
#include "core/client.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include "tui/cli/place.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { OPT_OWNER = CLI_LONG };
static const struct cli_opt opts[] = {
    {.key = 'r', .name = "recursive", .help = "Copies a directory with all in it."},
    {.key = OPT_OWNER,
     .name = "owner",
     .arg = "UID:GID",
     .help = "Into a jail: whom the files belong to; default: the user of its command."},
    {0}};

static bool parse_owner(const char *s, struct cp *cp)
{
	char *end;
	unsigned long uid = strtoul(s, &end, 10);

	if (end == s || *end != ':' || uid >= UINT32_MAX)
		return false;
	s = end + 1;
	unsigned long gid = strtoul(s, &end, 10);
	if (end == s || *end || gid >= UINT32_MAX)
		return false;
	cp->owner = true;
	cp->uid = (uid_t)uid;
	cp->gid = (gid_t)gid;
	return true;
}

static int out_of_jail(struct cp *cp, struct cli *c, const struct place *from, const char *to,
		       struct err *e)
{
	struct place_view v;
	struct buf path = {0};

	int ret = place_open(&v, c, from, e);
	if (ret)
		return ret;
	ret = jailview_follow(v.side, from->path, true, &path, e);
	if (!ret)
		ret = cp_out(cp, v.side, buf_cstr(&path), from->path, to, e);
	buf_free(&path);
	place_view_close(&v);
	return ret;
}

/* Where a file goes: what PATH leads to in the jail; into it when that is a directory. */
static int target_path(struct place_view *v, const struct place *to, const char *from,
		       struct buf *path, struct err *e)
{
	const char *slash = strrchr(from, '/');
	const char *base = slash && slash[1] ? slash + 1 : from;
	struct stat st;
	struct err why;

	int ret = jailview_follow(v->side, to->path, true, path, &why);
	if (ret == -ENOENT && to->path[strlen(to->path) - 1] != '/')
		return 0;
	if (ret)
		return err_set(e, ret, "%s", why.text);
	if (!side_stat(v->side, buf_cstr(path), &st) && S_ISDIR(st.st_mode)) {
		if (path->len > 1)
			buf_ch(path, '/');
		buf_str(path, base);
	}
	return 0;
}

static int into_jail(struct cp *cp, struct cli *c, const char *from, const struct place *to,
		     struct err *e)
{
	struct place_view v;
	struct client *client;
	struct buf path = {0};
	bool spawned;

	if (to->id)
		return err_set(e, -EROFS, "%s@%s: a checkpoint never changes: copy to %s:%s",
			       to->name, to->id, to->name, to->path);
	int ret = place_open(&v, c, to, e);
	if (ret)
		return ret;
	if (!cp->owner) {
		cp->uid = jailview_conf(v.view)->uid;
		cp->gid = jailview_conf(v.view)->gid;
	}
	ret = target_path(&v, to, from, &path, e);
	if (!ret)
		ret = cli_steer(&client, &v.jail, &spawned, e);
	if (!ret) {
		ret = cp_in(cp, client, from, buf_cstr(&path), e);
		cli_done(client, spawned);
	}
	buf_free(&path);
	place_view_close(&v);
	return ret;
}

static int cp_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cp cp = {0};
	struct place from, to;
	struct cli_args a;
	struct err e;
	int key, ret;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		cp.recursive |= key == 'r';
		if (key == OPT_OWNER && !parse_owner(a.arg, &cp))
			return cli_usage(v, "--owner %s: not UID:GID in numbers", a.arg);
	}
	if (key || !cli_operands(&a, 2, 2))
		return a.status;
	bool is_from = place_parse(a.v[0], &from), is_to = place_parse(a.v[1], &to);
	if (is_from == is_to)
		ret = cli_usage(v,
				"%s %s: exactly one must be NAME:PATH or NAME@ID:PATH with an "
				"absolute PATH",
				a.v[0], a.v[1]);
	else if (is_from)
		ret = out_of_jail(&cp, c, &from, a.v[1], &e) ? cli_fail(&e) : CLI_OK;
	else
		ret = into_jail(&cp, c, a.v[0], &to, &e) ? cli_fail(&e) : CLI_OK;
	if (is_from)
		place_free(&from);
	if (is_to)
		place_free(&to);
	return ret == CLI_OK && cp.skipped ? CLI_FAILED : ret;
}

static const char *const examples[] = {"gaol cp demo:/etc/passwd passwd.jail",
				       "A file out of a jail.",
				       "gaol cp -r demo@3:/srv srv.old",
				       "A directory as checkpoint 3 has it.",
				       "gaol cp notes.txt demo:/root/",
				       "A file into a jail, running or not.",
				       NULL};

const struct verb verb_cp = {
    .name = "cp",
    .args = "[-r] NAME[@ID]:PATH FILE | FILE NAME:PATH",
    .help = "Copies files out of a jail or a checkpoint, or into a jail",
    .more = "PATH is absolute, links in it are followed inside the jail. Out of a jail "
	    "come contents, permissions (without set-id bits) and times; the files are "
	    "yours. Symlinks that stay within what is copied are made, others, and "
	    "special files, are skipped and told, and the exit status is 1: nothing that "
	    "a jail made may lead elsewhere on the host. Into a jail, links of the host "
	    "are followed.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_COPY,
    .fn = cp_verb,
};
