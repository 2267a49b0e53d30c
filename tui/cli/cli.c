/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/cli.h"
#include "core/buf.h"
#include "core/client.h"
#include "core/fd.h"
#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENDING_TRIES 500

/* A line for each kind, so that two who add one do not meet. */
/* clang-format off */
const struct verb *const cli_verbs[] = {
	&verb_run, &verb_new, &verb_ls, &verb_start, &verb_stop, &verb_kill, &verb_restart, &verb_pause, &verb_resume,
	&verb_record, &verb_replay,
	&verb_ps, &verb_top, &verb_set, &verb_attach, &verb_exec, &verb_wait, &verb_rm, &verb_events,
	&verb_diff, &verb_log, &verb_cat, &verb_cp,
	&verb_checkpoint, &verb_rollback, &verb_redo,
	&verb_fork, &verb_restore, &verb_compare, &verb_mount, &verb_umount,
	&verb_export, &verb_import, &verb_apply,
	&verb_tag, &verb_untag, &verb_rename,
	&verb_net, &verb_allow, &verb_deny, &verb_pcap,
	&verb_verify, &verb_df, &verb_prune,
	&verb_doctor, &verb_audit, &verb_learn, &verb_help, &verb_version, &verb_completion,
	&verb_layer, &verb_warden, &verb_worker, &verb_netpath,
	NULL
};
/* clang-format on */

const struct verb *cli_find(const char *name)
{
	for (size_t i = 0; cli_verbs[i]; i++)
		if (!strcmp(cli_verbs[i]->name, name))
			return cli_verbs[i];
	return NULL;
}

int cli_fail(const struct err *e)
{
	err_print(e);
	return CLI_FAILED;
}

int cli_usage(const struct verb *v, const char *fmt, ...)
{
	struct buf b = {0};
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	err_set(&e, 0, "%s: %s: see `gaol %s --help`", v->name, buf_cstr(&b), v->name);
	buf_free(&b);
	err_print(&e);
	return CLI_USAGE;
}

int cli_main(int argc, char **argv)
{
	struct cli c = {0};
	const char *name = argc > 1 ? argv[1] : "";
	struct err e;

	if (argc < 2) {
		cli_help_all(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	else if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	const struct verb *v = cli_find(name);
	if (!v) {
		err_set(&e, 0, "%s: no such verb: `gaol help` lists them", name);
		err_print(&e);
		return CLI_USAGE;
	}
	int status = v->fn(&c, v, argc - 1, argv + 1);
	jail_places_free(&c.places);
	if (fflush(stdout) && status == CLI_OK) {
		err_sys(&e, "standard output");
		status = cli_fail(&e);
	}
	return status;
}

int cli_places(struct cli *c, struct err *e)
{
	return c->places.home ? 0 : jail_places_init(&c->places, e);
}

int cli_jail(struct cli *c, const char *name, struct jail *j, struct err *e)
{
	int ret = cli_places(c, e);

	return ret ? ret : jail_open(j, &c->places, name, e);
}

struct matches {
	const char *pattern;
	char **names;
	size_t n;
};

static bool match_jail(void *user, const struct jail_status *st)
{
	struct matches *m = user;

	if (!fnmatch(m->pattern, st->name, 0)) {
		m->names = xrealloc(m->names, (m->n + 1) * sizeof(*m->names));
		m->names[m->n++] = xstrdup(st->name);
	}
	return true;
}

static int one_jail(struct cli *c, const char *name, cli_jail_fn *fn, void *user)
{
	struct jail j;
	struct err e;

	if (cli_jail(c, name, &j, &e))
		return cli_fail(&e);
	int status = fn(user, &j);
	jail_close(&j);
	return status;
}

int cli_each_jail(struct cli *c, char *const *names, int n, cli_jail_fn *fn, void *user)
{
	int worst = CLI_OK;
	struct err e;

	if (cli_places(c, &e))
		return cli_fail(&e);
	for (int i = 0; i < n; i++) {
		struct matches m = {.pattern = names[i]};
		int status = CLI_OK;

		if (!strpbrk(names[i], "*?[")) {
			status = one_jail(c, names[i], fn, user);
		} else {
			jail_each(&c->places, match_jail, &m);
			if (!m.n) {
				err_set(&e, 0, "%s: matches no jail: see `gaol ls`", names[i]);
				status = cli_fail(&e);
			}
		}
		for (size_t k = 0; k < m.n; k++) {
			int s = one_jail(c, m.names[k], fn, user);
			status = s > status ? s : status;
			free(m.names[k]);
		}
		free(m.names);
		worst = status > worst ? status : worst;
	}
	return worst;
}

int cli_steer(struct client **out, const struct jail *j, bool *spawned, struct err *e)
{
	int ret = client_connect(out, j, e);

	*spawned = false;
	/* One that is just ending: when it has let go of the jail, ours can begin. */
	if (ret == -EPIPE || ret == -EPROTO) {
		static const struct timespec wait = {.tv_nsec = 20000000};
		for (int i = 0; i < ENDING_TRIES && jail_locked(j); i++)
			nanosleep(&wait, NULL);
		ret = -ECONNREFUSED;
	}
	if (ret != -ENOENT && ret != -ECONNREFUSED)
		return ret;
	*spawned = true;
	return client_spawn(out, j, false, e);
}

int cli_call(struct cli *c, const char *name, const char *call, json_t *args, json_t **result,
	     struct err *e)
{
	struct client *client;
	struct jail j;
	bool spawned;

	int ret = cli_jail(c, name, &j, e);
	if (ret) {
		json_decref(args);
		return ret;
	}
	ret = cli_steer(&client, &j, &spawned, e);
	if (ret) {
		json_decref(args);
	} else {
		ret = client_call(client, call, args, -1, result, NULL, NULL, e);
		cli_done(client, spawned);
	}
	jail_close(&j);
	return ret;
}

void cli_done(struct client *client, bool spawned)
{
	struct err e;

	if (spawned && !client_call(client, "shutdown", NULL, -1, NULL, NULL, NULL, &e))
		cli_await_end(client);
	client_free(client);
}

void cli_await_end(struct client *client)
{
	struct client_msg m;
	int ret;

	while ((ret = client_next(client, &m)) >= 0) {
		if (!ret && client_wait(client, -1) < 0)
			return;
		fd_close(&m.fd);
	}
}
