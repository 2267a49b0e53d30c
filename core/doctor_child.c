/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/doctor_child.h"
#include "core/fd.h"
#include "core/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20 /* between looks at a child that keeps its pipe open */

static _Noreturn void in_child(child_fn *fn, void *user, int out, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before the line above */
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	_exit(fn(user));
}

/* Keeps the last line of a stream in out. */
struct tail {
	char *out;
	size_t size;
	size_t n;
	bool ended; /* a newline came: the next byte begins a new line */
};

static void tail_add(struct tail *t, const char *p, size_t n)
{
	for (; n; p++, n--) {
		if (*p == '\n') {
			t->ended = true;
			continue;
		}
		if (t->ended)
			t->n = 0;
		t->ended = false;
		if (t->n + 1 < t->size)
			t->out[t->n++] = *p;
	}
	t->out[t->n] = '\0';
}

/* Takes what is in the pipe; false when it is closed. */
static bool drain(int fd, struct tail *t)
{
	char buf[1024];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		tail_add(t, buf, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/*
 * Waits for the child to end. The pipe's end is not it: a grandchild may hold the pipe, so the
 * child itself is looked at, often enough to be prompt, without a pidfd that old kernels lack. It
 * stays a zombie here, so that its number is still ours when its group is killed. False at the
 * deadline.
 */
static bool await(pid_t pid, int fd, int64_t until, struct tail *t)
{
	bool open = true;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		siginfo_t info = {0};
		int64_t left;

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid == pid) {
			drain(fd, t);
			return true;
		}
		left = until - loop_now_ms();
		if (left <= 0)
			return false;
		poll(&p, open, (int)(left < PATIENCE_MS ? left : PATIENCE_MS));
		if (open)
			open = drain(fd, t);
	}
}

int child_run(child_fn *fn, void *user, int ms, char *out, size_t size)
{
	struct tail t = {.out = out, .size = size};
	cleanup_fd int rd = -1, wr = -1;
	int p[2], status;
	pid_t parent = getpid(), pid;
	bool in_time;

	*out = '\0';
	if (pipe2(p, O_CLOEXEC) < 0)
		return CHILD_ERROR;
	rd = p[0];
	wr = p[1];
	if (fcntl(rd, F_SETFL, O_NONBLOCK) < 0)
		return CHILD_ERROR;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return CHILD_ERROR;
	if (!pid)
		in_child(fn, user, wr, parent);
	setpgid(pid, pid); /* in both, so that it holds before either goes on */
	fd_close(&wr);
	in_time = await(pid, rd, loop_now_ms() + ms, &t);
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!in_time)
		return CHILD_TIMEOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_program(void *user)
{
	char *const *argv = user;

	execvp(argv[0], argv);
	printf("%s: %s\n", argv[0], strerror(errno));
	fflush(stdout);
	return 127;
}

int child_exec(const char *const *argv, int ms, char *out, size_t size)
{
	/* execvp's type is older than const; it changes nothing */
	return child_run(run_program, (void *)argv, ms, out, size);
}
