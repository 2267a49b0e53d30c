/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/attach.h"
#include "core/buf.h"
#include "core/client.h"
#include "core/conf.h"
#include "core/fd.h"
#include "core/scroll.h"
#include "tui/cli/cli.h"
#include "tui/filter.h"
#include "tui/settings.h"
#include "tui/tty.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MAX (256u << 20) /* all of it: [console] size is at most that */

static const struct cli_opt opts[] = {
    {.key = 'r', .name = "read-only", .help = "Only looks: no key is sent."},
    {.key = 'n', .name = "no-replay", .help = "Does not show what the console had before."},
    {.key = 'l',
     .name = "last",
     .help = "Prints what the console had, of a jail that is down too, and returns."},
    {0}};

static int run(struct jail *j, struct attach_options *o)
{
	struct client *client;
	struct settings mine;
	struct conf conf;
	struct err e;

	/* The keys that detach are the jail's setting; a broken jail.conf must not lock one out. */
	if (!conf_load(j->dirfd, CONF_FILE, &conf, &e)) {
		memcpy(o->detach, conf.detach, sizeof(o->detach));
		conf_free(&conf);
	}
	settings_mine(&mine);
	if (*mine.detach)
		memcpy(o->detach, mine.detach, sizeof(o->detach));
	o->name = j->name;
	if (client_connect(&client, j, &e))
		return cli_fail(&e);
	int ret = attach_run(client, o, &e);
	client_free(client);
	return ret < 0 || ret == ATTACH_LOST ? cli_fail(&e) : CLI_OK;
}

/* Text alone, for a file or grep: without the sequences (whole ones, filter.h) and returns. */
static void strip(struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++) {
		char c = b->p[i];

		if (c == '\033' && i + 1 < b->len) {
			c = b->p[++i];
			while (c == '[' && i + 1 < b->len && (b->p[++i] < '@' || b->p[i] > '~'))
				;
			i += c == '(' || c == ')';
		} else if (c == '\n' || c == '\t' || (unsigned char)c >= ' ') {
			b->p[n++] = c;
		}
	}
	b->len = n;
}

/* What is kept of the console, filtered as for a viewer. */
static int print_last(const struct jail *j, unsigned console)
{
	struct buf kept = {0}, out = {0};
	struct filter f;
	struct err e;
	int ret = scroll_peek(j->dirfd, console, KEPT_MAX, &kept);

	if (ret)
		err_set(&e, ret, "%s:%u: %s", j->name, console ? console : 1,
			ret == -ENOENT ? "it has written nothing yet"
				       : strerror(-ret));
	filter_init(&f, tty_utf8());
	filter_run(&f, buf_cstr(&kept), kept.len, &out);
	if (isatty(STDOUT_FILENO))
		filter_reset(&f, &out);
	else
		strip(&out);
	if (!ret && (ret = fd_write_full(STDOUT_FILENO, out.p, out.len)))
		err_set(&e, ret, "standard output: %s", strerror(-ret));
	buf_free(&kept);
	buf_free(&out);
	return ret ? cli_fail(&e) : CLI_OK;
}

/* Cuts ":N" off NAME:N. False: a usage error was told. */
static bool number(const struct verb *v, char *name, unsigned *n)
{
	char *colon = strchr(name, ':');

	if (!colon)
		return true;
	if (colon[1] < '1' || colon[1] > '9' || colon[2]) {
		cli_usage(v, "%s: no such console: NAME:1 to NAME:9", name);
		return false;
	}
	*n = (unsigned)(colon[1] - '0');
	*colon = '\0';
	return true;
}

static int attach(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct attach_options o = {0};
	struct cli_args a;
	bool last = false;
	struct jail j;
	struct err e;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		o.readonly |= key == 'r';
		o.no_replay |= key == 'n';
		last |= key == 'l';
	}
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	if (!number(v, a.v[0], &o.console))
		return CLI_USAGE;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int status = last ? print_last(&j, o.console) : run(&j, &o);
	jail_close(&j);
	return status;
}

static const char *const examples[] = {
    "gaol attach demo",
    "The console of a jail.",
    "gaol attach demo:2",
    "A second one beside it: a shell that goes on when you detach.",
    "gaol attach --last demo | tail -n 40",
    "What it said before it went down.",
    NULL};

const struct verb verb_attach = {
    .name = "attach",
    .args = "NAME[:N] [-r | -l]",
    .help = "Puts the console of a running jail on this terminal",
    .more =
	"Every key goes to the guest, Ctrl-C too. Ctrl-] d detaches (a setting in "
	"jail.conf, or in your gaol.conf); Ctrl-] twice sends one. The jail runs on. Any number of "
	"terminals may be attached. What the guest writes is filtered: text, colours "
	"and cursor movement pass, nothing that makes a terminal answer.\n\n"
	"NAME:2 to NAME:9 are further consoles: each a login shell in the guest, of the user "
	"of the jail's own command, begun by the first who attaches and kept, with its output, "
	"for those who attach again. It goes when the shell ends, or the guest; the next "
	"shell of that number goes on behind what it had. Only the first console is recorded.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_CONSOLE,
    .fn = attach,
};
