/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/conf.h"
#include "core/fd.h"
#include "tui/cli/cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One KEY=VALUE. */
static int set_one(struct conf *conf, const char *word, struct err *e)
{
	const char *eq = strchr(word, '=');

	if (!eq || eq == word)
		return err_set(e, -EINVAL, "%s: not KEY=VALUE: for instance memory=512M", word);
	char *key = xasprintf("%.*s", (int)(eq - word), word);
	int ret = conf_set(conf, key, eq + 1, e);
	free(key);
	return ret;
}

/* A jail that is down shows what it will be; one that runs, what it is. */
static void announce(const struct jail *j, const struct conf *conf)
{
	cleanup_fd int lock = jail_lock_patient(j, JAIL_PATIENCE_MS);
	struct jail_status st;

	if (lock < 0 || jail_status_read(j, &st))
		return;
	st.memory = conf->memory;
	st.trusting = conf->speed == CONF_TRUSTING;
	snprintf(st.profile, sizeof(st.profile), "%s", conf_profile_name(conf->profile));
	snprintf(st.note, sizeof(st.note), "%s", conf->note ? conf->note : "");
	jail_status_write(j, &st);
}

static int set_all(struct jail *j, char *const *words, int n, struct err *e)
{
	struct conf conf;
	int ret = conf_load(j->dirfd, CONF_FILE, &conf, e);

	if (ret)
		return ret;
	for (int i = 0; i < n && !ret; i++)
		ret = set_one(&conf, words[i], e);
	if (!ret)
		ret = conf_check(&conf, CONF_FILE, e);
	if (!ret)
		ret = conf_save(&conf, j->dirfd, CONF_FILE, e);
	if (!ret)
		announce(j, &conf);
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
	int ret = set_all(&j, a.v + 1, a.n - 1, &e);
	if (!ret && isatty(1) && jail_locked(&j))
		printf("%s: set; it takes effect at its next start: gaol restart %s\n", j.name,
		       j.name);
	jail_close(&j);
	return ret ? cli_fail(&e) : CLI_OK;
}

static const char *const examples[] = {
    "gaol set demo memory=512M restart=on-crash", "Two settings, from the next start on.",
    "gaol set demo path./srv.access=hide", "What the jail sees of a directory.", NULL};

const struct verb verb_set = {
    .name = "set",
    .args = "NAME KEY=VALUE...",
    .help = "Changes settings of a jail: all of them, or none when one is wrong",
    .more = "Keys are those of jail.conf, with their section where that is needed to tell them "
	    "apart: memory, console.size. One that may be given several times (env, arg, group) is "
	    "added to. jail.conf is written anew, with its explanations and without comments of "
	    "your own. A jail that runs keeps its settings until its next start.",
    .examples = examples,
    .words = WORDS_JAIL,
    .fn = set,
};
