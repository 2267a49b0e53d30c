/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/ring.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENDING_MS 10000 /* a warden's way out, once it has closed its sockets */
#define HELLO_WAIT_MS 10000

struct client {
	int sock;
	uint32_t next_tag;
	char *buf; /* PROTO_MAX bytes, the payload of the last message */
};

static struct client *client_new(int sock)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->sock = sock;
	c->buf = xmalloc(PROTO_MAX);
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	close(c->sock);
	free(c->buf);
	free(c);
}

int client_fd(const struct client *c)
{
	return c->sock;
}

int client_next(struct client *c, struct client_msg *m)
{
	*m = (struct client_msg){.fd = -1};
	ssize_t n = proto_recv(c->sock, &m->head, c->buf, &m->fd);
	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return (int)n;
	m->data = c->buf;
	m->len = (size_t)n;
	return 1;
}

int client_wait(struct client *c, int timeout_ms)
{
	struct pollfd pf = {.fd = c->sock, .events = POLLIN};
	int n = poll(&pf, 1, timeout_ms);

	return n < 0 ? (errno == EINTR ? 0 : -errno) : n;
}

/* The warden speaks first: its HELLO tells that it is one, and of our version. */
static int await_hello(struct client *c, const char *name, struct err *e)
{
	struct client_msg m;
	int ret;

	while (!(ret = client_next(c, &m)))
		if (client_wait(c, HELLO_WAIT_MS) <= 0)
			return err_set(e, -ETIMEDOUT,
				       "%s: its warden does not answer: `gaol kill %s` ends it",
				       name, name);
	fd_close(&m.fd);
	if (ret == 1 && m.head.type == PROTO_ERROR) {
		json_t *o = proto_json(m.data, m.len);
		const char *why = json_string_value(json_object_get(o, "error"));
		err_set(e, 0, "%s", why ? why : "the warden refused without a reason");
		json_decref(o);
		return -EPERM;
	}
	if (ret == 1 && m.head.type == PROTO_HELLO)
		return 0;
	if (ret == -EPIPE || ret == -ECONNRESET)
		return err_set(e, -EPIPE, "%s: its warden ended just now: try again", name);
	return err_set(
	    e, -EPROTO,
	    "%s: its warden ended or is of another version: see its log, then start it again",
	    name);
}

/* Connects to RUN/sock; the warden's HELLO is not waited for. */
static int dial(struct client **out, const char *run, const char *name, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	cleanup_fd int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*out = NULL;
	if (s < 0)
		return err_sys(e, "%s: socket", name);
	if ((size_t)snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", run) >=
	    sizeof(at.sun_path))
		return err_set(e, -ENAMETOOLONG, "%s: too long for a socket's path: set GAOL_RUN",
			       run);
	if (connect(s, (struct sockaddr *)&at, sizeof(at))) {
		int code = errno;
		if (code == ENOENT || code == ECONNREFUSED)
			return err_set(e, -code, "%s: not running: `gaol start %s`", name, name);
		return err_sys(e, "%s: cannot reach its warden", name);
	}
	*out = client_new(fd_steal(&s));
	return 0;
}

/* One that was ending when we came: then it is as if it had ended before. */
static bool has_ended(const struct jail *j)
{
	int lock = jail_lock_patient(j, ENDING_MS);

	if (lock >= 0)
		close(lock);
	return lock >= 0;
}

static int connect_once(struct client **out, const struct jail *j, struct err *e)
{
	int ret = dial(out, j->run, j->name, e);

	if (!ret)
		ret = await_hello(*out, j->name, e);
	if (ret) {
		client_free(*out);
		*out = NULL;
	}
	return ret;
}

int client_connect(struct client **out, const struct jail *j, struct err *e)
{
	int ret = connect_once(out, j, e);

	/* either nobody is there now, or the next one, which has just been started */
	if (ret == -EPIPE && has_ended(j))
		ret = connect_once(out, j, e);
	return ret;
}

int client_dial(struct client **out, const struct jail_places *p, const char *name, struct err *e)
{
	char *run = xasprintf("%s/%s", p->run, name);
	int ret = dial(out, run, name, e);

	free(run);
	return ret;
}

/* Becomes the warden: its own session, no terminal, the jail's log behind stderr. */
static _Noreturn void become_warden(const struct jail *j, int sock, bool tied)
{
	int null = open("/dev/null", O_RDWR);
	int log = openat(j->dirfd, "log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	const char *argv[] = {"gaol", "warden", "--client", "3", j->name, tied ? "--tied" : NULL,
			      NULL};

	setsid();
	dup2(null, 0);
	dup2(null, 1);
	dup2(log >= 0 ? log : null, 2);
	/* Nothing else of the caller's goes along: a pipe held open would make others wait. */
	if (sock != 3 && dup2(sock, 3) < 0)
		_exit(126);
	fcntl(3, F_SETFD, 0);
	close_range(4, ~0U, 0);
	if (chdir("/"))
		_exit(126);
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* A daemon is nobody's child: the one between ends at once, so that none of us waits for it. */
static int fork_warden(const struct jail *j, int sock, bool tied)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		pid_t second = fork();
		if (!second)
			become_warden(j, sock, tied);
		_exit(second < 0);
	}
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EAGAIN;
}

int client_spawn(struct client **out, const struct jail *j, bool tied, struct err *e)
{
	int pair[2];

	*out = NULL;
	if (jail_locked(j) && !client_connect(out, j, e))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_sys(e, "%s: socket", j->name);
	int ret = fork_warden(j, pair[1], tied);
	close(pair[1]);
	if (ret) {
		close(pair[0]);
		errno = -ret;
		return err_sys(e, "%s: cannot start its warden", j->name);
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	struct client *c = client_new(pair[0]);
	ret = await_hello(c, j->name, e);
	if (!ret) {
		*out = c;
		return 0;
	}
	client_free(c);
	/* Another client's warden may have come first: then it is up by now. */
	return !tied && jail_locked(j) && !client_connect(out, j, NULL) ? 0 : ret;
}

/* Sends and waits for room: for callers that may wait. */
static int send_waiting(struct client *c, uint16_t type, uint32_t tag, const void *p, size_t n,
			int fd)
{
	int ret;

	while ((ret = proto_send(c->sock, type, tag, p, n, fd)) == -EAGAIN) {
		struct pollfd pf = {.fd = c->sock, .events = POLLOUT};
		if (poll(&pf, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
	return ret;
}

static int send_call(struct client *c, const char *verb, json_t *args, int fd)
{
	uint32_t tag = ++c->next_tag;
	json_t *o = json_pack("{s:s, s:o}", "verb", verb, "args", args ? args : json_object());
	char *text = json_dumps(o, JSON_COMPACT);
	int ret = text ? send_waiting(c, PROTO_CALL, tag, text, strlen(text), fd) : -ENOMEM;

	free(text);
	json_decref(o);
	return ret < 0 ? ret : (int)tag;
}

int client_send_call(struct client *c, const char *verb, json_t *args)
{
	return send_call(c, verb, args, -1);
}

int client_send(struct client *c, uint16_t type, uint32_t tag, const void *p, size_t n)
{
	return proto_send(c->sock, type, tag, p, n, -1);
}

static void tell_progress(const struct client_msg *m, client_progress_fn *progress, void *user)
{
	json_t *o = proto_json(m->data, m->len);
	const char *phase = json_string_value(json_object_get(o, "phase"));

	if (progress && phase)
		progress(user, phase, (uint64_t)json_integer_value(json_object_get(o, "done")),
			 (uint64_t)json_integer_value(json_object_get(o, "total")));
	json_decref(o);
}

/* The warden's refusal as our error. */
static int take_error(const struct client_msg *m, struct err *e)
{
	json_t *o = proto_json(m->data, m->len);
	const char *why = json_string_value(json_object_get(o, "error"));
	int code = (int)json_integer_value(json_object_get(o, "code"));

	err_set(e, 0, "%s", why ? why : "the warden refused without a reason: see the jail's log");
	json_decref(o);
	return code > 0 ? -code : -EIO;
}

/* Waits for the answer to tag; *m holds it. Other messages are passed over. */
static int await_answer(struct client *c, uint32_t tag, struct client_msg *m,
			client_progress_fn *progress, void *user, struct err *e)
{
	for (;;) {
		int ret = client_next(c, m);
		if (!ret) {
			ret = client_wait(c, -1);
			if (ret < 0)
				return err_set(e, ret, "the warden cannot be waited for");
			continue;
		}
		if (ret < 0)
			return err_set(e, ret,
				       "the warden ended before it answered: see the jail's log");
		if (m->head.tag == tag && m->head.type == PROTO_PROGRESS)
			tell_progress(m, progress, user);
		else if (m->head.tag == tag && m->head.type == PROTO_ERROR)
			return take_error(m, e);
		else if (m->head.tag == tag &&
			 (m->head.type == PROTO_RESULT || m->head.type == PROTO_RING))
			return 0;
		fd_close(&m->fd);
	}
}

int client_call(struct client *c, const char *verb, json_t *args, int fd, json_t **result,
		client_progress_fn *progress, void *user, struct err *e)
{
	int tag = send_call(c, verb, args, fd);

	return client_await(c, tag, result, progress, user, e);
}

int client_await(struct client *c, int tag, json_t **result, client_progress_fn *progress,
		 void *user, struct err *e)
{
	struct client_msg m;

	if (result)
		*result = NULL;
	if (tag < 0)
		return err_set(e, tag, "the warden is gone: see the jail's log");
	int ret = await_answer(c, (uint32_t)tag, &m, progress, user, e);
	if (ret)
		return ret;
	fd_close(&m.fd);
	json_t *o = proto_json(m.data, m.len);
	if (!o)
		return err_set(e, -EPROTO,
			       "the warden's answer makes no sense: is it of another version?");
	if (result)
		*result = o;
	else
		json_decref(o);
	return 0;
}

struct ring_reader *client_ring(struct client *c, struct err *e)
{
	struct client_msg m;
	int tag = send_call(c, "events", NULL, -1);

	if (tag < 0) {
		err_set(e, tag, "the warden is gone: see the jail's log");
		return NULL;
	}
	if (await_answer(c, (uint32_t)tag, &m, NULL, NULL, e))
		return NULL;
	cleanup_fd int fd = m.fd;
	struct ring_reader *rr = fd >= 0 ? ring_reader_new(fd) : NULL;
	if (!rr)
		err_set(e, -EPROTO, "events: the warden gave no ring: is it of another version?");
	return rr;
}
