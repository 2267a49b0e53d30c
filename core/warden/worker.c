/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker on the warden's side: exec, request in, one JSON object a line out. */
#include "core/fd.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES (1u << 20)

struct worker {
	struct warden *warden;
	pid_t pid;
	int in, out; /* its standard input, until the request is sent, and output */
	struct loop_fd *watch;
	struct buf text;
	struct call progress;
	json_t *last; /* the newest "ok" or "error" */
	worker_fn *fn;
	void *user;
};

static _Noreturn void become_worker(const struct warden *w, int in, int out)
{
	static const char *const argv[] = {"gaol", "worker", NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sched_setaffinity(0, sizeof(w->cpus), &w->cpus);
	/* Out of the way first: dup2 onto 3 must not close one that is still wanted. */
	int jail = fcntl(w->jail.dirfd, F_DUPFD, 10);
	int from = fcntl(in, F_DUPFD, 10);
	int to = fcntl(out, F_DUPFD, 10);
	if (dup2(from, 0) < 0 || dup2(to, 1) < 0 || dup2(jail, 3) < 0)
		_exit(126);
	close_range(4, ~0U, 0);
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void take_line(struct worker *k, const char *line, size_t n)
{
	json_t *o = json_loadb(line, n, 0, NULL);
	const json_t *p = json_object_get(o, "progress");

	if (p) {
		const char *phase = json_string_value(json_object_get(p, "phase"));
		answer_progress(k->warden, k->progress, phase ? phase : "work",
				(uint64_t)json_integer_value(json_object_get(p, "done")),
				(uint64_t)json_integer_value(json_object_get(p, "total")));
		json_decref(o);
	} else if (json_object_get(o, "stored")) {
		save_on_stored(k->warden);
		json_decref(o);
	} else if (o) {
		json_decref(k->last);
		k->last = o;
	}
}

static void finish(struct worker *k)
{
	int status = 0;
	const json_t *ok = json_object_get(k->last, "ok");
	const char *error = json_string_value(json_object_get(k->last, "error"));
	int code = (int)json_integer_value(json_object_get(k->last, "code"));

	loop_fd_del(k->watch);
	k->watch = NULL;
	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	k->pid = 0;
	if (!ok && !error)
		error = "the worker was killed: nothing was changed; try again";
	k->fn(k->user, ok, code ? code : EIO, error);
}

static void readable(void *user, int events)
{
	struct worker *k = user;
	char part[8192];
	char *nl;

	(void)events;
	ssize_t n = read(k->out, part, sizeof(part));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || k->text.len > LINE_MAX_BYTES) {
		if (n > 0) /* it would wait for us to read on, and we for its end */
			kill(k->pid, SIGKILL);
		finish(k);
		return;
	}
	buf_add(&k->text, part, (size_t)n);
	while (k->text.len && (nl = memchr(k->text.p, '\n', k->text.len))) {
		take_line(k, k->text.p, (size_t)(nl - k->text.p));
		buf_eat(&k->text, (size_t)(nl - k->text.p) + 1);
	}
}

struct worker *worker_ready(struct warden *w, struct err *e)
{
	int in[2], out[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in)) {
		err_sys(e, "worker: socketpair");
		return NULL;
	}
	if (pipe2(out, O_CLOEXEC)) {
		err_sys(e, "worker: pipe");
		close(in[0]);
		close(in[1]);
		return NULL;
	}
	pid_t pid = fork();
	if (!pid)
		become_worker(w, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	if (pid < 0) {
		err_sys(e, "worker: fork");
		close(in[1]);
		close(out[0]);
		return NULL;
	}
	struct worker *k = xcalloc(1, sizeof(*k));
	*k = (struct worker){.warden = w, .pid = pid, .in = in[1], .out = out[0]};
	return k;
}

/* The request with its descriptors, whose places its "fds" tells. A request is far smaller than a
 * socket's buffer: this does not wait. */
static bool send_request(struct worker *k, const json_t *request, const struct worker_fds *fds)
{
	int list[sizeof(fds->fd) / sizeof(*fds->fd)], n = 0;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(list))];
	} control = {0};
	json_t *o = json_copy((json_t *)(uintptr_t)request), *places = json_array();

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (fds->fd[i] >= 0) {
			list[n++] = fds->fd[i];
			json_array_append_new(places, json_integer((json_int_t)i + 4));
		}
	json_object_set_new(o, "fds", places);
	char *text = json_dumps(o, JSON_COMPACT);
	struct iovec iov = {.iov_base = text, .iov_len = strlen(text)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (n) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		memcpy(CMSG_DATA(c), list, (size_t)n * sizeof(int));
	}
	bool sent = sendmsg(k->in, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)iov.iov_len;
	fd_close(&k->in);
	free(text);
	json_decref(o);
	return sent;
}

struct worker *worker_start(struct warden *w, struct worker *waits, const json_t *request,
			    const struct worker_fds *fds, struct call progress, worker_fn *fn,
			    void *user, struct err *e)
{
	struct worker *k = waits ? waits : worker_ready(w, e);

	if (k && !send_request(k, request, fds)) {
		/* killed while it waited */
		worker_free(k);
		k = worker_ready(w, e);
		if (k && !send_request(k, request, fds)) {
			err_set(e, -EIO, "worker: it does not take its request");
			worker_free(k);
			k = NULL;
		}
	}
	if (!k)
		return NULL;
	k->progress = progress;
	k->fn = fn;
	k->user = user;
	k->watch = loop_fd_add(w->loop, k->out, LOOP_IN, readable, k);
	return k;
}

void worker_cancel(struct worker *k)
{
	if (k->pid > 0)
		kill(k->pid, SIGTERM);
}

void worker_free(struct worker *k)
{
	if (!k)
		return;
	loop_fd_del(k->watch);
	if (k->pid > 0) {
		kill(k->pid, SIGKILL);
		waitpid(k->pid, NULL, 0);
	}
	fd_close(&k->in);
	close(k->out);
	json_decref(k->last);
	buf_free(&k->text);
	free(k);
}
