/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A verb of the command line on the terminal itself, while the loop runs on behind it: what it says
 * stays until Enter, then the console is back.
 */
#include "core/fd.h"
#include "tui/app_int.h"
#include "tui/cli/cli.h"
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct foreground {
	struct app *app;
	pid_t pid;
	int pidfd;
	struct loop_fd *end, *in;
};

/* One word of a line as a shell has it: blanks end it but within '' and "", a backslash takes the
 * next character as it is. Appended to out; what follows it, NULL: there is no word. */
static const char *next_word(const char *s, struct buf *out)
{
	char quote = '\0';

	s += strspn(s, " \t");
	if (!*s)
		return NULL;
	for (; *s && (quote || !isblank((unsigned char)*s)); s++) {
		if (quote ? *s == quote : *s == '\'' || *s == '"')
			quote = quote ? '\0' : *s;
		else if (*s == '\\' && quote != '\'' && s[1])
			buf_ch(out, *++s);
		else
			buf_ch(out, *s);
	}
	return s;
}

/* "gaol" and the line's words, NULL at the end; each and all of them to be freed. */
static char **words_of(const char *line)
{
	char **argv = xcalloc(2, sizeof(*argv));
	struct buf word = {0};
	size_t n = 0;

	argv[n++] = xstrdup("gaol");
	while ((line = next_word(line, &word))) {
		argv = xrealloc(argv, (n + 2) * sizeof(*argv));
		argv[n++] = xstrdup(buf_cstr(&word));
		buf_reset(&word);
	}
	argv[n] = NULL;
	buf_free(&word);
	return argv;
}

static void words_free(char **argv)
{
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	free(argv);
}

void foreground_end(struct app *a)
{
	struct foreground *f = a->foreground;

	if (!f)
		return;
	a->foreground = NULL;
	loop_fd_del(f->end);
	loop_fd_del(f->in);
	fd_close(&f->pidfd);
	free(f);
}

static void on_enter(void *user, int events)
{
	struct app *a = user;
	char line[256];

	if (read(STDIN_FILENO, line, sizeof(line)) < 0 && errno == EINTR)
		return;
	foreground_end(a);
	app_return_screen(a);
	a->dirty = true;
	if (events & LOOP_HUP)
		app_quit(a);
}

static void on_end(void *user, int events)
{
	struct app *a = user;
	struct foreground *f = a->foreground;
	int status = 0;

	if (waitpid(f->pid, &status, WNOHANG) == 0)
		return;
	loop_fd_del(f->end);
	f->end = NULL;
	if (WIFSIGNALED(status))
		printf("\n[ended by signal %d; Enter goes back] ", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		printf("\n[exit status %d; Enter goes back] ", WEXITSTATUS(status));
	else
		printf("\n[Enter goes back] ");
	fflush(stdout);
	f->in = loop_fd_add(a->loop, STDIN_FILENO, LOOP_IN, on_enter, a);
	if (!f->in)
		on_enter(a, LOOP_HUP);
}

static int spawn(struct foreground *f, char **argv)
{
	posix_spawnattr_t attr;
	sigset_t none;
	int ret;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	ret = posix_spawn(&f->pid, "/proc/self/exe", NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (ret)
		return ret;
	f->pidfd = pidfd_open(f->pid, 0);
	if (f->pidfd >= 0)
		f->end = loop_fd_add(f->app->loop, f->pidfd, LOOP_IN, on_end, f->app);
	if (f->end)
		return 0;
	ret = errno;
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	return ret;
}

void foreground_begin(struct app *a, const char *line)
{
	char **argv = words_of(line);
	const struct verb *v = argv[1] ? cli_find(argv[1]) : NULL;
	struct foreground *f;
	int ret;

	if (!v || v->flags & VERB_INTERNAL) {
		app_fail(a, "verb: %s: no verb of gaol's command line: `:verb help` lists them",
			 argv[1] ? argv[1] : "");
		words_free(argv);
		return;
	}
	f = xcalloc(1, sizeof(*f));
	*f = (struct foreground){.app = a, .pidfd = -1};
	a->foreground = f;
	app_log(a, "gaol %s", line);
	app_leave_screen(a);
	printf("$ gaol %s\n", line);
	fflush(stdout);
	ret = spawn(f, argv);
	words_free(argv);
	if (!ret)
		return;
	foreground_end(a);
	app_return_screen(a);
	app_fail(a, "verb: cannot be run: %s", strerror(ret));
}
