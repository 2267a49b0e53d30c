/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/verify.h"
#include "core/text.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <stdlib.h>

static void told(void *user, const char *problem)
{
	char *t = text_escaped(problem);

	fprintf(stderr, "gaol: %s: %s\n", (const char *)user, t);
	free(t);
}

static int verify_jail(void *user, struct jail *j)
{
	struct verify_result r = {0};
	struct repo *repo;
	char size[OUT_SIZE];
	struct err e;

	int ret = repo_open(&repo, j->dirfd, &e);
	if (ret)
		return cli_fail(&e);
	ret = repo_verify(repo, told, j->name, NULL, &r, &e);
	repo_close(repo);
	if (ret)
		return cli_fail(&e);
	if (r.problems)
		printf("%s: %llu problems in %llu objects\n", j->name,
		       (unsigned long long)r.problems, (unsigned long long)r.objects);
	else
		printf("%s: %llu checkpoints, %llu objects (%s): all whole\n", j->name,
		       (unsigned long long)r.checkpoints, (unsigned long long)r.objects,
		       out_size(r.bytes, size));
	return r.problems ? CLI_FAILED : CLI_OK;
}

static int verify(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;

	if (!cli_simple(&a, v, argc, argv, 1, 4096))
		return a.status;
	return cli_each_jail(c, a.v, a.n, verify_jail, NULL);
}

const struct verb verb_verify = {
    .name = "verify",
    .args = "NAME...",
    .help = "Reads all checkpoints of jails and tells what is damaged",
    .more = "Every object is hashed again, and every checkpoint is checked by the rules of "
	    "gaol-format(7). The exit status is 1 when anything is wrong.",
    .words = WORDS_JAILS,
    .fn = verify,
};
