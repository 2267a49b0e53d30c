/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/probe.h"
#include "core/fd.h"
#include "core/net/net.h"
#include "core/proto.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A listening socket that nobody will connect to, in no directory. */
static int idle_listener(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* An address of the family alone is filled in by the kernel: unix(7), autobind. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(sa_family_t)) || listen(fd, 1))
		return -errno;
	return fd_steal(&fd);
}

static _Noreturn void become_path(int control, int device, int room, pid_t parent)
{
	char name[] = "netpath", *argv[] = {name, NULL};
	int fds[] = {fcntl(control, F_DUPFD, 10), fcntl(device, F_DUPFD, 10),
		     fcntl(room, F_DUPFD, 10)};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(fds[0], NET_FD_CONTROL) < 0 ||
	    dup2(fds[1], NET_FD_DEVICE) < 0 || dup2(fds[2], NET_FD_ROOM) < 0)
		_exit(126);
	close_range(NET_FD_ROOM + 1, ~0U, 0);
	_exit(net_main(1, argv));
}

static int configure(int control, int room, const char *mode)
{
	cleanup_fd int rules = memfd_create("rules", MFD_CLOEXEC);
	json_t *o = json_pack("{s:s, s:s, s:I}", "mode", mode, "mac", "02:67:00:00:00:01", "uid",
			      (json_int_t)(geteuid() ? 0 : NET_UID_BASE));
	json_t *none = json_object();
	int ret = rules < 0 ? -errno : fd_write_full(rules, "{}", 2);

	if (!ret)
		ret = proto_send_json(room, NET_RULES, 0, none, rules);
	if (!ret)
		ret = proto_send_json(control, NET_CONFIG, 0, o, -1);
	json_decref(o);
	json_decref(none);
	return ret;
}

static int await(int control, int ms, struct err *e)
{
	struct pollfd p = {.fd = control, .events = POLLIN};
	struct proto_head h = {0};
	int fd = -1;

	if (poll(&p, 1, ms) <= 0)
		return err_set(e, -ETIMEDOUT, "network: no answer within %d ms", ms);
	char *text = malloc(PROTO_MAX);
	ssize_t n = text ? proto_recv(control, &h, text, &fd) : -ENOMEM;
	json_t *o = n < 0 ? NULL : proto_json(text, (size_t)n);
	const char *why = json_string_value(json_object_get(o, "error"));
	int ret = h.type == NET_READY
		      ? 0
		      : err_set(e, -EIO, "%s", why ? why : "network: its process ended");
	fd_close(&fd);
	json_decref(o);
	free(text);
	return ret;
}

int net_probe(const char *mode, int ms, struct err *e)
{
	int control[2] = {-1, -1}, room[2] = {-1, -1}, ret = -EIO;
	cleanup_fd int device = idle_listener();
	pid_t pid = -1, parent = getpid();

	if (device >= 0 && !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) &&
	    !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, room))
		pid = fork();
	if (!pid)
		become_path(control[1], device, room[1], parent);
	if (pid < 0)
		ret = err_sys(e, "network: cannot be tried");
	fd_close(&control[1]);
	fd_close(&room[1]);
	if (pid > 0) {
		ret = configure(control[0], room[0], mode);
		ret =
		    ret ? err_set(e, ret, "network: %s", strerror(-ret)) : await(control[0], ms, e);
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	fd_close(&control[0]);
	fd_close(&room[0]);
	return ret;
}
