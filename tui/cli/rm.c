/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "core/fd.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const struct cli_opt opts[] = {
    {.key = 'f', .name = "force", .help = "Asks nothing, and kills a jail that runs."}, {0}};

/* Ends a jail's warden; the jail of a `gaol run` goes with it. */
static int end_warden(struct jail *j, const struct jail_status *st, struct err *e)
{
	struct client *client;

	int ret = client_connect(&client, j, e);
	if (ret)
		return ret == -ENOENT || ret == -ECONNREFUSED ? 0 : ret;
	ret =
	    client_call(client, st->throwaway ? "discard" : "kill", NULL, -1, NULL, NULL, NULL, e);
	if (!ret)
		cli_await_end(client);
	client_free(client);
	return ret;
}

static int remove_jail(struct jail *j, bool force, struct err *e)
{
	struct jail_status st;

	if (jail_status_read(j, &st))
		st = (struct jail_status){0};
	if (jail_locked(j) && st.guest && !force)
		return err_set(e, -EBUSY,
			       "%s: is %s: `gaol stop %s` first, or `gaol rm -f %s` kills it",
			       j->name, jail_state_name(st.state), j->name, j->name);
	if (jail_locked(j)) {
		int ret = end_warden(j, &st, e);
		if (ret || access(j->dir, F_OK))
			return ret;
	}
	cleanup_fd int lock = jail_lock_patient(j, JAIL_PATIENCE_MS);
	if (lock < 0)
		return err_set(e, lock, "%s: another command works on it: wait for it", j->name);
	return jail_remove(j, e);
}

static bool agrees(const struct jail *j)
{
	char question[128];

	snprintf(question, sizeof(question),
		 "Remove %s, with all its files and checkpoints? [y/N] ", j->name);
	return out_ask(question) == 'y';
}

static int rm_one(void *user, struct jail *j)
{
	bool force = *(const bool *)user;
	struct err e;

	if (!force && isatty(0) && isatty(2) && !agrees(j))
		return CLI_FAILED;
	return remove_jail(j, force, &e) ? cli_fail(&e) : CLI_OK;
}

static int rm(struct cli *c, const struct verb *v, int argc, char **argv)
{
	bool force = false;
	struct cli_args a;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		force = true;
	if (key || !cli_operands(&a, 1, 4096))
		return a.status;
	return cli_each_jail(c, a.v, a.n, rm_one, &force);
}

const struct verb verb_rm = {
    .name = "rm",
    .args = "NAME...",
    .help = "Removes jails with everything in them",
    .more = "On a terminal it asks. A jail that runs is refused without -f. This cannot "
	    "be undone.",
    .opts = opts,
    .words = WORDS_JAILS,
    .fn = rm,
};
