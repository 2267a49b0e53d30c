/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verbs of the command line, run beside the loop as what they are: this program with arguments.
 * What they print goes to the message line and the messages.
 */
#include "core/conf.h"
#include "core/fd.h"
#include "tui/op_int.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 65536 /* bytes of what it prints that are kept */
#define LINES_MAX 200	 /* of them that are told */

struct child {
	struct op *op;
	pid_t pid;
	int pidfd, pipe;
	struct loop_fd *end, *out;
	struct buf text;
};

void child_free(struct child *c)
{
	if (!c)
		return;
	loop_fd_del(c->end);
	loop_fd_del(c->out);
	fd_close(&c->pidfd);
	fd_close(&c->pipe);
	buf_free(&c->text);
	free(c);
}

static void read_output(void *user, int events)
{
	struct child *c = user;
	char part[4096];
	ssize_t n;

	while ((n = read(c->pipe, part, sizeof(part))) > 0)
		if (c->text.len < OUTPUT_MAX)
			buf_add(&c->text, part, (size_t)n);
	if (!n) {
		loop_fd_del(c->out);
		c->out = NULL;
	}
}

static void tell(struct app *a, const char *text, bool failed)
{
	for (int lines = 0; *text && lines < LINES_MAX; lines++) {
		size_t n = strcspn(text, "\n"), skip = strncmp(text, "gaol: ", 6) ? 0 : 6;

		if (n > skip && failed)
			app_fail(a, "%.*s", (int)(n - skip), text + skip);
		else if (n > skip)
			app_say(a, "%.*s", (int)(n - skip), text + skip);
		text += n + (text[n] == '\n');
	}
}

static void on_end(void *user, int events)
{
	struct child *c = user;
	struct op *op = c->op;
	int status = 0;

	if (waitpid(c->pid, &status, WNOHANG) == 0)
		return;
	read_output(c, LOOP_IN);
	tell(op->app, buf_cstr(&c->text), status != 0);
	if (!c->text.len && !status && *op->text)
		app_say(op->app, "%s: %s", op->jail, op->text);
	if (!c->text.len && status)
		app_fail(op->app, "%s: %s failed without a word", op->jail, op->phase);
	op_end(op);
}

static int spawn(struct child *c, const char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int pair[2], ret;

	if (pipe2(pair, O_CLOEXEC))
		return errno;
	c->pipe = pair[0];
	fcntl(c->pipe, F_SETFL, O_NONBLOCK);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, pair[1], 1);
	posix_spawn_file_actions_adddup2(&files, pair[1], 2);
	ret = posix_spawn(&c->pid, "/proc/self/exe", &files, &attr, (char *const *)(uintptr_t)argv,
			  environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	close(pair[1]);
	if (ret)
		return ret;
	c->pidfd = pidfd_open(c->pid, 0);
	return c->pidfd < 0 ? errno : 0;
}

/* The line for the command log, as a shell would take it. */
static void log_argv(struct app *a, const char *const *argv)
{
	struct buf line = {0};

	for (size_t i = 0; argv[i]; i++) {
		bool plain =
		    argv[i][strspn(argv[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
					    "UVWXYZ0123456789._/@:=+-~")] == '\0';

		buf_str(&line, i ? " " : "");
		buf_str(&line, plain ? "" : "'");
		for (const char *p = argv[i]; *p; p++)
			buf_str(&line, *p == '\'' ? "'\\''" : (char[]){*p, '\0'});
		buf_str(&line, plain ? "" : "'");
	}
	app_log(a, "%s", buf_cstr(&line));
	buf_free(&line);
}

/* text: what is said when it went well without a word. */
static void run(struct app *a, enum command_id id, const char *jail, const char *const *argv,
		const char *text)
{
	struct child *c;
	struct op *op;
	int ret;

	log_argv(a, argv);
	op = op_new(a, id, jail, text);
	c = xcalloc(1, sizeof(*c));
	*c = (struct child){.op = op, .pidfd = -1, .pipe = -1};
	op->child = c;
	ret = spawn(c, argv);
	if (!ret) {
		c->end = loop_fd_add(a->loop, c->pidfd, LOOP_IN, on_end, c);
		c->out = loop_fd_add(a->loop, c->pipe, LOOP_IN, read_output, c);
	}
	if (c->end && c->out)
		return;
	app_fail(a, "%s: cannot run %s: %s", jail, argv[1], strerror(ret ? ret : errno));
	op_end(op);
}

void child_restore(struct app *a, const struct target *t, bool hunk)
{
	const char *argv[10] = {"gaol", "restore", t->jail, t->path};
	char line[16];
	size_t n = 4;

	if (*t->a) {
		argv[n++] = "--from";
		argv[n++] = t->a;
	}
	if (hunk) {
		snprintf(line, sizeof(line), "%u", t->line);
		argv[n++] = "--hunk";
		argv[n++] = line;
	}
	if (!op_is_busy(a, t->jail))
		run(a, CMD_RESTORE, t->jail, argv, "");
}

void child_apply(struct app *a, const struct target *t)
{
	char name[JAIL_NAME_MAX + 66];
	const char *argv[] = {"gaol", "apply", name, "--to", "/", "--do", t->path, NULL};

	snprintf(name, sizeof(name), "%s%s%s", t->jail, *t->b && strcmp(t->b, "now") ? "@" : "",
		 strcmp(t->b, "now") ? t->b : "");
	if (!op_is_busy(a, t->jail))
		run(a, CMD_APPLY, t->jail, argv, "");
}

/* One that writes jail.conf waits for the one before; others have nothing to wait for, least of all
 * for a save or a boot, which a connection may be part of. */
static bool verdict_is_busy(struct app *a, const char *jail)
{
	for (const struct op *op = a->ops; op; op = op->next) {
		if (strcmp(op->jail, jail) || (op->command != CMD_ALLOW && op->command != CMD_DENY))
			continue;
		app_say(a, "%s: %s already: press again", jail, op->phase);
		return true;
	}
	return false;
}

void child_verdict(struct app *a, enum command_id c, const struct target *t, const char *word)
{
	bool here = app_focus(a)->ops == &net_view || app_top(a)->ops == &net_view;
	bool always = !strcmp(word, "always");
	bool once = !*word || !strcmp(word, "once"), run_on = !strcmp(word, "run");
	unsigned seconds;
	bool timed = c == CMD_ALLOW && conf_duration_parse(word, &seconds);
	const char *argv[] = {"gaol", command_get(c)->name, t->jail, word, NULL, NULL, NULL};
	char *text;

	if (verdict_is_busy(a, t->jail))
		return;
	if (always || once || run_on || timed) {
		if (!here) {
			app_fail(a, "%s: nothing that waits is meant here: see the view net",
				 argv[1]);
			return;
		}
		argv[3] = *t->a ? t->a : t->path;
		argv[4] = once ? "--once" : run_on ? "--run" : timed ? "--for" : NULL;
		argv[5] = timed ? word : NULL;
		if (!*t->a && !always) {
			app_fail(a, "%s %s: is open already: only always is a word on it", argv[1],
				 t->path);
			return;
		}
	}
	text = xasprintf("%s %s %s", c == CMD_ALLOW ? "allowed" : "denied",
			 argv[3] == word ? word : t->path,
			 argv[3] == word || always ? "always"
			 : once			   ? "once"
			 : run_on		   ? "for this run"
						   : word);
	run(a, c, t->jail, argv, text);
	free(text);
}
