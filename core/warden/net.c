/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that is the jail's network (core/net/net.h) on the warden's side. When it ends by
 * itself the jail is offline from that moment: its namespace and its taps went with it.
 */
#include "core/net/net.h"
#include "core/fd.h"
#include "core/net/plan.h"
#include "core/net/probe.h"
#include "core/warden/wnet.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESOLV_MAX 65536
#define MESSAGES_PER_TURN 64

static _Noreturn void become_path(const struct warden *w, int control, int device, int room,
				  pid_t warden)
{
	static const char *const argv[] = {"gaol", "netpath", NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != warden)
		_exit(127);
	sched_setaffinity(0, sizeof(w->cpus), &w->cpus);
	/* Out of the way first: dup2 must not close one that is still wanted. */
	int fds[] = {fcntl(control, F_DUPFD, 10), fcntl(device, F_DUPFD, 10),
		     fcntl(room, F_DUPFD, 10)};
	if (dup2(fds[0], NET_FD_CONTROL) < 0 || dup2(fds[1], NET_FD_DEVICE) < 0 ||
	    dup2(fds[2], NET_FD_ROOM) < 0)
		_exit(126);
	close_range(NET_FD_ROOM + 1, ~0U, 0);
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
	_exit(127);
}

static json_t *config(const struct warden *w, struct err *e)
{
	const struct conf *c = &w->conf;
	json_t *publish = json_array();
	char mac[18];
	struct stat st;

	if (fstat(w->jail.dirfd, &st)) {
		err_sys(e, "%s", w->jail.dir);
		json_decref(publish);
		return NULL;
	}
	for (size_t i = 0; i < c->net_publish.n; i++)
		json_array_append_new(publish, json_string(c->net_publish.v[i]));
	unsigned id = (unsigned)st.st_ino & 0x0fffffff;
	/* A locally administered address. */
	snprintf(mac, sizeof(mac), "02:67:%02x:%02x:%02x:%02x", id >> 24, id >> 16 & 255,
		 id >> 8 & 255, id & 255);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "mode", conf_net_name(c->net), "mac",
			 mac, "uid", (json_int_t)(geteuid() ? 0 : NET_UID_BASE + id), "rate",
			 (json_int_t)c->net_rate, "quota", (json_int_t)c->net_quota, "publish",
			 publish);
}

static void over(struct warden *w)
{
	struct wnet *n = w->net;

	loop_fd_del(n->watch);
	n->watch = NULL;
	fd_close(&n->sock);
}

static void offline(struct warden *w, const char *why)
{
	warden_log("network: offline: %s", why);
	warden_event(w, EVENT_STATE, 0, "offline", why);
	warden_announce(w);
}

static void take(struct warden *w, unsigned type, const json_t *o)
{
	const char *error = json_string_value(json_object_get(o, "error"));

	switch (type) {
	case NET_READY:
		w->net->ready = true;
		warden_log("network: %s", conf_net_name(w->conf.net));
		break;
	case NET_FAILED:
		/* A guest that was to have a network does not boot without; later it goes on. */
		if (!w->net->ready)
			boot_device_gone(w, NULL, error ? error : "network: it failed");
		else
			offline(w, error ? error : "it failed");
		break;
	case NET_COUNT:
		w->net->in = (uint64_t)json_integer_value(json_object_get(o, "in"));
		w->net->out = (uint64_t)json_integer_value(json_object_get(o, "out"));
		break;
	case NET_SPENT:
		offline(w, "the quota of jail.conf is used up");
		break;
	default:
		break;
	}
}

static void on_message(void *user, int events)
{
	struct warden *w = user;
	struct wnet *n = w->net;
	struct proto_head h;
	json_t *o;
	int got = 1;

	(void)events;
	for (int i = 0; i < MESSAGES_PER_TURN && (got = netroom_next(n, n->sock, &h, &o)) > 0;
	     i++) {
		take(w, h.type, o);
		json_decref(o);
	}
	if (got >= 0)
		return;
	over(w);
	if (n->pid > 0)
		kill(n->pid, SIGKILL);
}

static int begin(struct warden *w, const int pair[2], const int room[2], int device, struct err *e)
{
	struct wnet *n = xcalloc(1, sizeof(*n));
	pid_t warden = getpid(), pid = fork();

	if (!pid)
		become_path(w, pair[1], device, room[1], warden);
	*n = (struct wnet){.pid = pid > 0 ? pid : 0, .sock = pair[0], .room = -1};
	w->net = n;
	fcntl(n->sock, F_SETFL, O_NONBLOCK);
	n->watch = loop_fd_add(w->loop, n->sock, LOOP_IN, on_message, w);
	int ret = netroom_open(w, room[0], e);
	if (pid < 0 || !n->watch)
		ret = err_sys(e, "network: its process cannot be started");
	return ret;
}

static int launch(struct warden *w, const char *path, struct err *e)
{
	int pair[2] = {-1, -1}, room[2] = {-1, -1}, ret;
	cleanup_fd int device = boot_listen(path, e);
	json_t *o = device < 0 ? NULL : config(w, e);

	if (!o)
		return -EIO;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, room)) {
		ret = err_sys(e, "network: socketpair");
		fd_close(&pair[0]);
	} else {
		ret = begin(w, pair, room, device, e);
	}
	fd_close(&pair[1]);
	fd_close(&room[1]);
	if (!ret && proto_send_json(w->net->sock, NET_CONFIG, 0, o, -1))
		ret = err_set(e, -EIO, "network: its process cannot be told what to do");
	json_decref(o);
	return ret;
}

int net_start(struct warden *w, char **sock, struct err *e)
{
	*sock = NULL;
	if (w->conf.net == CONF_NET_NONE)
		return 0;
	*sock = xasprintf("%s/net", w->jail.run);
	return launch(w, *sock, e);
}

void net_stop(struct warden *w)
{
	struct wnet *n = w->net;

	if (!n)
		return;
	if (n->pid > 0) {
		kill(n->pid, SIGKILL);
		while (waitpid(n->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	netroom_close(w);
	over(w);
	free(n);
	w->net = NULL;
}

void net_reap(struct warden *w)
{
	struct wnet *n = w->net;
	char why[128];
	int status;

	if (!n || n->pid <= 0 || waitpid(n->pid, &status, WNOHANG) != n->pid)
		return;
	n->pid = 0;
	/* Its last words. */
	if (n->watch)
		on_message(w, LOOP_IN);
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "its process was killed by signal %d: gaol restart %s",
			 WTERMSIG(status), w->jail.name);
	else
		snprintf(why, sizeof(why), "its process ended: gaol restart %s", w->jail.name);
	if (!n->ready)
		boot_device_gone(w, "network", why);
	else if (boot_is_up(w))
		offline(w, why);
}

/* resolv.conf */

static bool is_search(const char *line)
{
	size_t n = strcspn(line, " \t");

	return (n == 6 && (!strncmp(line, "search", n) || !strncmp(line, "domain", n))) ||
	       (n == 7 && !strncmp(line, "options", n));
}

/* 4 or 6 for a line that names a server of that family, else 0. */
static int server_family(const char *line)
{
	size_t n = strcspn(line, " \t");

	if (n != strlen("nameserver") || strncmp(line, "nameserver", n) != 0)
		return 0;
	return strchr(line, ':') ? 6 : 4;
}

/* libslirp asks the host's first server of the family that it is asked in. */
void net_resolv(struct buf *out)
{
	struct buf host = {0}, rest = {0};
	bool v4 = false, v6 = false;
	char *save = NULL;

	if (file_read_at(AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &host))
		buf_reset(&host);
	char *text = buf_take(&host);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		v4 = v4 || server_family(line) == 4;
		v6 = v6 || server_family(line) == 6;
		if (is_search(line))
			buf_fmt(&rest, "%s\n", line);
	}
	free(text);
	buf_fmt(out, "nameserver %s\n%s", v6 && !v4 ? PLAN_DNS6 : PLAN_DNS, buf_cstr(&rest));
	buf_free(&rest);
}
