/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPT_JSON = CLI_LONG, OPT_ALWAYS };
static const struct cli_opt opts[] = {
    {.key = 'm', .name = "message", .arg = "TEXT", .help = "What it is, for the log."},
    {.key = OPT_ALWAYS, .name = "always", .help = "Makes one although nothing has changed."},
    {.key = OPT_JSON, .name = "json", .help = "Prints an object."},
    {0}};

static long long num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void tell(const char *name, const json_t *o)
{
	const char *hash = json_string_value(json_object_get(o, "hash"));

	if (json_is_true(json_object_get(o, "unchanged")))
		printf("%s: nothing has changed since checkpoint %lld\n", name, num(o, "number"));
	else
		printf("%s: checkpoint %lld (%.10s): %lld added, %lld modified, %lld deleted\n",
		       name, num(o, "number"), hash ? hash : "", num(o, "added"),
		       num(o, "modified"), num(o, "deleted"));
	if (json_is_false(json_object_get(o, "synced")))
		fprintf(stderr,
			"gaol: %s: the guest did not sync in time: what it had not written "
			"yet is not in it\n",
			name);
}

/* While it is made. */
struct making {
	const char *name;
	struct client *client;
	int64_t begun; /* s */
	bool shown, cancelled;
};

/* Ctrl-C cancels instead of ending us: it is blocked, and pending when it came. */
static void hold_interrupts(sigset_t *old)
{
	struct sigaction is;
	sigset_t s;

	sigemptyset(&s);
	/* who began us may have us ignore it */
	if (!sigaction(SIGINT, NULL, &is) && is.sa_handler != SIG_IGN)
		sigaddset(&s, SIGINT);
	sigprocmask(SIG_BLOCK, &s, old);
}

static int64_t seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void progress(void *user, const char *phase, uint64_t done, uint64_t total)
{
	struct making *m = user;
	sigset_t pending;

	(void)phase;
	(void)total;
	if (!m->cancelled && !sigpending(&pending) && sigismember(&pending, SIGINT)) {
		m->cancelled = client_send_call(m->client, "cancel", NULL) > 0;
	} else if (isatty(STDERR_FILENO) && seconds() - m->begun > 1) {
		fprintf(stderr, "\r%s: %llu stored (Ctrl-C cancels)\033[K", m->name,
			(unsigned long long)done);
		m->shown = true;
	}
}

/* The call, with what is seen of it. */
static int make(struct client *client, const char *name, json_t *args, json_t **result,
		struct err *e)
{
	struct making m = {.name = name, .client = client, .begun = seconds()};
	sigset_t old;

	hold_interrupts(&old);
	int ret = client_call(client, "checkpoint", args, -1, result, progress, &m, e);
	if (m.shown)
		fputs("\r\033[K", stderr);
	if (m.cancelled) {
		struct timespec none = {0};
		sigset_t s;
		sigemptyset(&s);
		sigaddset(&s, SIGINT);
		sigtimedwait(&s, NULL, &none);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ret;
}

static int checkpoint(struct cli *c, const struct verb *v, int argc, char **argv)
{
	const char *message = "";
	bool json = false, always = false, spawned;
	struct client *client;
	struct cli_args a;
	struct jail j;
	struct err e;
	json_t *result;
	int key;

	cli_args_init(&a, v, argc, argv);
	while ((key = cli_next(&a)) > 0) {
		json |= key == OPT_JSON;
		always |= key == OPT_ALWAYS;
		message = key == 'm' ? a.arg : message;
	}
	if (key || !cli_operands(&a, 1, 1))
		return a.status;
	if (cli_jail(c, a.v[0], &j, &e))
		return cli_fail(&e);
	int ret = cli_steer(&client, &j, &spawned, &e);
	if (!ret) {
		json_t *args =
		    json_pack("{s:o, s:s, s:b}", "message", out_json_text(message, strlen(message)),
			      "kind", "hand", "always", always);

		ret = make(client, a.v[0], args, &result, &e);
		cli_done(client, spawned);
	}
	jail_close(&j);
	if (ret)
		return cli_fail(&e);
	if (json) {
		out_json_line(result);
		return CLI_OK;
	}
	tell(a.v[0], result);
	json_decref(result);
	return CLI_OK;
}

static const char *const examples[] = {"gaol checkpoint demo -m 'before the installer'",
				       "Saves what the jail has written, with a word about it.",
				       NULL};

const struct verb verb_checkpoint = {
    .name = "checkpoint",
    .args = "NAME [-m TEXT]",
    .help = "Saves the jail's layer as a new checkpoint",
    .more = "A running guest syncs first and goes on. It costs time and space by what "
	    "has changed. Ctrl-C cancels it: nothing is made then.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = checkpoint,
};
