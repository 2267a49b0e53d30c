/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/conf.h"
#include "core/fd.h"
#include "core/jailset.h"
#include "tui/cli/cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One KEY=VALUE, in the settings and in the text that they came from. */
static int set_one(struct conf *conf, struct buf *text, const char *word, struct err *e)
{
	const char *eq = strchr(word, '=');

	if (!eq || eq == word)
		return err_set(e, -EINVAL, "%s: not KEY=VALUE: for instance memory=512M", word);
	char *key = xasprintf("%.*s", (int)(eq - word), word);
	int ret = conf_set(conf, key, eq + 1, e);
	if (!ret)
		ret = conf_edit(text, key, eq + 1, e);
	free(key);
	return ret;
}

/* The edited text has to say what was set; one that is too odd to be edited is written anew. */
static int save(const struct jail *j, const struct conf *conf, const struct buf *text,
		struct err *e)
{
	struct buf want = {0}, got = {0};
	struct conf now;
	bool same = !conf_parse(text->p, text->len, CONF_FILE, &now, e);
	int ret;

	if (same) {
		conf_write(conf, &want);
		conf_write(&now, &got);
		same = want.len == got.len && !memcmp(want.p, got.p, want.len);
		conf_free(&now);
	}
	if (!same) {
		ret = conf_save(conf, j->dirfd, CONF_FILE, e);
	} else {
		ret = file_replace_at(j->dirfd, CONF_FILE, text->p, text->len, 0600, true);
		if (ret)
			err_set(e, ret, CONF_FILE ": cannot be written: %s", strerror(-ret));
	}
	buf_free(&want);
	buf_free(&got);
	return ret;
}

int cli_set(struct jail *j, char *const *words, int n, struct err *e)
{
	struct buf text = {0};
	struct conf conf;
	int ret = conf_load(j->dirfd, CONF_FILE, &conf, e);

	if (ret)
		return ret;
	ret = file_read_at(j->dirfd, CONF_FILE, CONF_FILE_MAX, &text);
	if (ret)
		err_set(e, ret, CONF_FILE ": cannot be read: %s", strerror(-ret));
	for (int i = 0; i < n && !ret; i++)
		ret = set_one(&conf, &text, words[i], e);
	if (!ret)
		ret = conf_check(&conf, CONF_FILE, e);
	if (!ret)
		ret = save(j, &conf, &text, e);
	if (!ret)
		jail_settings_told(j, &conf);
	buf_free(&text);
	conf_free(&conf);
	return ret;
}

static int set(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;
	struct jail j;
	struct err e;

	if (!cli_simple(&a, v, argc, argv, 2, 256))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int ret = cli_set(&j, a.v + 1, a.n - 1, &e);
	if (!ret && isatty(1) && jail_locked(&j))
		printf("%s: set; it takes effect at its next start: gaol restart %s\n", j.name,
		       j.name);
	jail_close(&j);
	return ret ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {
    "gaol set demo memory=512M restart=on-crash",
    "Two settings, from the next start on.",
    "gaol set demo size=2G pids=200 cpu=50",
    "Disk for its layer, processes, and half of the share of processors that others get.",
    "gaol set demo path./srv.access=hide",
    "What the jail sees of a directory.",
    NULL};

const struct verb verb_set = {
    .name = "set",
    .args = "NAME KEY=VALUE...",
    .help = "Changes settings of a jail: all of them, or none when one is wrong",
    .more = "Keys are those of jail.conf, with their section where that is needed to tell them "
	    "apart: memory, console.size. One that may be given several times (env, arg, group) is "
	    "added to. jail.conf keeps its comments and its order. A jail that runs keeps its "
	    "settings until its next start.",
    .examples = examples,
    .words = WORDS_JAIL,
    .fn = set,
};
