/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/learn.h"
#include "core/buf.h"
#include "core/client.h"
#include "core/history.h"
#include "core/repo/patch.h"
#include "core/ring.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOTS_MAX 256 /* directories of the host's root */

enum { OPT_PRINT = CLI_LONG };
static const struct cli_opt opts[] = {
    {.key = OPT_PRINT, .name = "print", .help = "Prints the proposal itself instead of the diff."},
    {0}};

struct names {
	char *v[ROOTS_MAX];
	size_t n;
};

/* Links (/bin is one) are no places: what they lead to is. */
static void roots(struct names *r)
{
	DIR *d = opendir("/");

	for (struct dirent *de; d && r->n < ROOTS_MAX && (de = readdir(d));)
		if (de->d_type == DT_DIR && de->d_name[0] != '.')
			r->v[r->n++] = xstrdup(de->d_name);
	if (d)
		closedir(d);
}

static int listen_to_all(struct learn *l, const struct jail *j, uint64_t *lost, struct err *e)
{
	struct client *c = NULL;
	struct ring_reader *rr = client_connect(&c, j, e) ? NULL : client_ring(c, e);
	struct history *h = history_new(j->dirfd, 0, rr);
	struct event ev;
	int ret;

	while ((ret = history_next(h, ~0u, &ev, lost)) == 1 || ret == -EAGAIN)
		if (ret == 1)
			learn_event(l, &ev);
	history_free(h);
	client_free(c);
	return ret ? err_set(e, ret, "%s: its events make no sense: is its warden of another version?",
			     j->name)
		   : 0;
}

static void tell_list(const char *word, const struct learn_told *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(stderr, "# %s %" PRIu64 "x: ", word, v[i].times);
		out_text(stderr, v[i].what);
		fputc('\n', stderr);
	}
}

static void tell(const struct learn *l, uint64_t lost)
{
	struct learn_facts f;

	learn_facts(l, &f);
	fprintf(stderr,
		"# seen: %" PRIu64 " events: %" PRIu64 " reads, %" PRIu64 " changes, %" PRIu64
		" connections; %" PRIu64 " are no longer kept\n",
		f.events, f.reads, f.changes, f.flows, lost);
	if (!f.reads)
		fprintf(stderr, "# reads were not recorded, so nothing is hidden: set "
				"events.reads=yes, start it again, let it do its work\n");
	tell_list("refused", f.denied, f.ndenied);
	tell_list("blocked", f.blocked, f.nblocked);
	if (f.more)
		fprintf(stderr, "# and %" PRIu64 " more\n", f.more);
}

static int propose(const struct learn *l, const struct conf *now, const char *name, bool print)
{
	struct buf a = {0}, b = {0}, text = {0};
	struct conf c;
	struct err e;

	conf_write(now, &a);
	int ret = conf_parse(buf_cstr(&a), a.len, CONF_FILE, &c, &e);
	if (!ret) {
		ret = learn_propose(l, &c, &e);
		conf_write(&c, &b);
		conf_free(&c);
	}
	if (!ret && !print)
		ret = patch_texts(&a, &b, CONF_FILE, &text, &e);
	if (!ret && print)
		fwrite(b.p, 1, b.len, stdout);
	else if (!ret && text.len)
		fwrite(text.p, 1, text.len, stdout);
	else if (!ret)
		fprintf(stderr, "# %s: jail.conf gives nothing that was not used\n", name);
	buf_free(&a);
	buf_free(&b);
	buf_free(&text);
	return ret ? cli_fail(&e) : CLI_OK;
}

static int look(struct jail *j, bool print)
{
	struct names base = {.n = 0};
	struct learn *l = NULL;
	uint64_t lost = 0;
	struct conf conf;
	struct err e;
	int status;

	if (conf_load(j->dirfd, CONF_FILE, &conf, &e))
		return cli_fail(&e);
	roots(&base);
	l = learn_new(&conf, (const char *const *)base.v, base.n, &e);
	if (!l || listen_to_all(l, j, &lost, &e)) {
		status = cli_fail(&e);
	} else {
		tell(l, lost);
		status = propose(l, &conf, j->name, print);
	}
	learn_free(l);
	while (base.n)
		free(base.v[--base.n]);
	conf_free(&conf);
	return status;
}

static int learn(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct cli_args a;
	bool print = false;
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0)
		print = true;
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int status = look(&j, print);
	jail_close(&j);
	return status;
}

static const char *const examples[] = {
    "gaol set demo events.reads=yes; gaol restart demo", "Records what the jail reads.",
    "gaol learn demo", "Then, when it has done its work: what it would not have needed.", NULL};

const struct verb verb_learn = {
    .name = "learn",
    .args = "NAME [--print]",
    .help = "Proposes the least jail.conf for what a jail was seen to do",
    .more = "Reads the events that are kept, and prints a diff from the present jail.conf to one "
	    "that gives no more than was used: places that were never changed become read, those "
	    "that were not even read are hidden (only when reads were recorded: [events] reads), "
	    "and the network is a list of what was reached. What was refused or blocked is told, "
	    "and stays so. Nothing is changed: look at it, and write what you agree with into "
	    "jail.conf. Only opened files count as read, not names that were merely looked at.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = learn,
};
