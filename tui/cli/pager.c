/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "tui/cli/out.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 32

/* The pager that is asked for, NULL for none. An unset one and an empty one differ. */
static const char *wanted(void)
{
	static const char *const vars[] = {"GAOL_PAGER", "GIT_PAGER", "PAGER"};
	const char *s = "less";

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		const char *v = getenv(vars[i]);

		if (v) {
			s = v;
			break;
		}
	}
	return *s && strcmp(s, "cat") != 0 ? s : NULL;
}

static _Noreturn void run_pager(char *command, int in)
{
	char *words[WORDS_MAX + 1] = {0};
	size_t n = 0;
	char *rest = command;

	for (char *w; n < WORDS_MAX && (w = strsep(&rest, " ")) != NULL;)
		if (*w)
			words[n++] = w;
	dup2(in, 0);
	/* As git has it: colours pass, short texts need no key, nothing is left behind. */
	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	signal(SIGINT, SIG_DFL);
	if (n)
		execvp(words[0], words);
	/* Without a pager the text still has to get out. */
	execlp("cat", "cat", (char *)NULL);
	_exit(127);
}

void pager_begin(struct pager *p)
{
	const char *command = isatty(1) ? wanted() : NULL;
	int fd[2];

	p->pid = 0;
	if (!command || pipe2(fd, O_CLOEXEC))
		return;
	fflush(stdout);
	char *copy = xstrdup(command);
	pid_t pid = fork();
	if (!pid)
		run_pager(copy, fd[0]);
	free(copy);
	close(fd[0]);
	if (pid > 0) {
		dup2(fd[1], 1);
		/* Ctrl-C is for the pager; it ends us by leaving. */
		signal(SIGINT, SIG_IGN);
		p->pid = pid;
	}
	close(fd[1]);
}

void pager_end(struct pager *p)
{
	int null;

	fflush(stdout);
	if (!p->pid)
		return;
	/* The pager sees the end of its input when the last descriptor goes. */
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, 1);
	close(null);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	signal(SIGINT, SIG_DFL);
	p->pid = 0;
}
