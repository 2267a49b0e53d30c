/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mount, umount: checkpoints as directories of the host. */
#include "core/at.h"
#include "core/buf.h"
#include "core/repo/log.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include "tui/cli/place.h"
#include <stdlib.h>
#include <string.h>

static int mount(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct place p;
	struct cli_args a;
	struct jail j;
	struct err e;
	char *where = NULL;

	if (!cli_simple(&a, v, argc, argv, 1, 2))
		return a.status;
	if (!place_parse_jail(a.v[0], &p))
		return cli_usage(v, "%s: not NAME@ID", a.v[0]);
	int ret = cli_jail(c, p.name, &j, &e);
	if (!ret) {
		ret = at_mount(&c->places, &j, p.id, a.n > 1 ? a.v[1] : NULL, &where, &e);
		jail_close(&j);
	}
	place_free(&p);
	if (ret)
		return cli_fail(&e);
	out_text(stdout, where);
	putchar('\n');
	free(where);
	return CLI_OK;
}

struct search {
	struct cli *c;
	char *where;
	unsigned found;
	int status;
};

static bool search_jail(void *user, const struct jail_status *st)
{
	struct search *s = user;
	unsigned n = 0;
	struct jail j;
	struct err e;

	if (jail_open(&j, &s->c->places, st->name, NULL))
		return true;
	if (at_unmount(&j, 0, s->where, &n, &e))
		s->status = cli_fail(&e);
	s->found += n;
	jail_close(&j);
	return !s->found;
}

static int by_place(struct cli *c, const struct place *p, unsigned *found, struct err *e)
{
	struct checkpoint k = {0};
	struct repo *r = NULL;
	struct jail j;

	int ret = cli_jail(c, p->name, &j, e);
	if (ret)
		return ret;
	if (p->id) {
		ret = repo_open(&r, j.dirfd, e);
		if (!ret)
			ret = log_resolve(r, p->id, j.name, &k, e);
	}
	if (!ret)
		ret = at_unmount(&j, k.number, NULL, found, e);
	checkpoint_free(&k);
	repo_close(r);
	jail_close(&j);
	return ret;
}

static int umount(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct search s = {.c = c};
	struct cli_args a;
	struct place p;
	struct err e;

	if (!cli_simple(&a, v, argc, argv, 1, 1))
		return a.status;
	if (cli_places(c, &e))
		return cli_fail(&e);
	s.where = realpath(a.v[0], NULL);
	if (s.where)
		jail_each(&c->places, search_jail, &s);
	free(s.where);
	if (!s.found && !s.status && place_parse_jail(a.v[0], &p)) {
		int ret = by_place(c, &p, &s.found, &e);
		place_free(&p);
		if (ret)
			return cli_fail(&e);
	}
	if (s.status)
		return s.status;
	if (!s.found) {
		err_set(&e, 0, "%s: no checkpoint is mounted there", a.v[0]);
		return cli_fail(&e);
	}
	return CLI_OK;
}

static const char *const examples[] = {
    "diff -r --no-dereference $(gaol mount demo@2) $(gaol mount demo@5)",
    "Two checkpoints compared by a program of the host.", "gaol mount demo@before-upgrade /mnt",
    "One on a directory of your own.", NULL};

const struct verb verb_mount = {
    .name = "mount",
    .args = "NAME[@ID] [DIR]",
    .help = "Shows a checkpoint as a directory of the host, read-only",
    .more = "Prints where: DIR, or a directory of its own below the runtime directory. It is the "
	    "checkpoint over the host's system, as the guest saw it; links that would lead out are "
	    "shown so that they stay inside. What the jail had written is unpacked for it, so it "
	    "takes time and space by that. Needs /dev/fuse, and fusermount3 for ordinary users.",
    .examples = examples,
    .words = WORDS_JAIL,
    .fn = mount,
};

const struct verb verb_umount = {
    .name = "umount",
    .args = "NAME[@ID] | DIR",
    .help = "Takes what mount showed away again",
    .more = "Without an ID all checkpoints of the jail that are mounted.",
    .words = WORDS_JAIL,
    .fn = umount,
};
