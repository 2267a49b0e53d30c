/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * boot: a real guest without a warden: a layer over "/", both virtio devices, UML inside
 * bubblewrap.
 *
 *   boot -k KERNEL (-i INIT [-u UPPER] [-p POLL_US] | -S SOCKET) [-l LPJ] [-m MEM]
 *        [-e ECHO_BYTES] [-s] [-v] -c SCRIPT
 *
 * -s: UML's seccomp mode with two processors. INIT is a build of tests/lab/init.c. With -S another
 * vhost-user backend serves the root, and has INIT there as /lab-init. Runs SCRIPT in the guest,
 * with the console on stdout, and prints times and counters to stderr. Exit status: SCRIPT's; 99
 * when the guest went wrong.
 */
#include "core/buf.h"
#include "core/condev.h"
#include "core/fd.h"
#include "core/fsdev.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct lab {
	const char *kernel, *init, *upper, *lpj, *mem, *script, *fs_socket;
	unsigned poll_us;
	bool verbose, seccomp;
	size_t echo; /* bytes to send through the port and back first */
	struct loop *loop;
	struct layer *layer;
	struct fsdev *fs;
	struct condev *con;
	char dir[64];
	struct buf line;
	struct authority *authority;
	size_t echo_left, echo_sent;
	double t0, t_ready;
	int status;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int listen_at(struct lab *b, const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", b->dir, name);
	if (bind(s, (void *)&at, sizeof(at)) || listen(s, 1)) {
		perror(at.sun_path);
		exit(99);
	}
	return s;
}

static void fs_gone(void *user, bool broken, const char *reason)
{
	struct lab *b = user;

	if (broken || b->verbose)
		fprintf(stderr, "boot: %s\n", reason);
	loop_stop(b->loop, 0);
}

static void con_gone(void *user, bool broken, const char *reason)
{
	struct lab *b = user;

	if (broken)
		fprintf(stderr, "boot: %s\n", reason);
	if (b->fs_socket)
		loop_stop(b->loop, 0);
}

static void send_script(struct lab *b)
{
	condev_write(b->con, "!", 1);
	condev_write(b->con, b->script, strlen(b->script) + 1);
}

static void send_echo(struct lab *b)
{
	char text[4096];

	memset(text, 'x', sizeof(text));
	while (b->echo_sent < b->echo) {
		size_t n =
		    b->echo - b->echo_sent < sizeof(text) ? b->echo - b->echo_sent : sizeof(text);
		size_t put = condev_write(b->con, text, n);
		b->echo_sent += put;
		if (put < n)
			return;
	}
	condev_write(b->con, "", 1);
}

static void con_room(void *user)
{
	send_echo(user);
}

static void take_line(struct lab *b, const char *line, size_t n)
{
	if (n == 5 && !memcmp(line, "ready", 5)) {
		b->t_ready = now();
		if (!b->echo) {
			send_script(b);
			return;
		}
		condev_write(b->con, "=", 1);
		send_echo(b);
	} else if (n && line[0] == '=') {
		bool same = n == b->echo + 1;
		for (size_t i = 1; i < n; i++)
			same = same && line[i] == 'x';
		fprintf(stderr, "boot: echo of %zu bytes %s, %.1f ms\n", n,
			same ? "right" : "WRONG", now() - b->t_ready);
		send_script(b);
	} else if (n > 5 && !memcmp(line, "exit ", 5)) {
		b->status = atoi(line + 5);
	}
}

static size_t con_data(void *user, const void *p, size_t n)
{
	struct lab *b = user;
	char *nl;

	buf_add(&b->line, p, n);
	while ((nl = memchr(b->line.p, '\n', b->line.len))) {
		take_line(b, b->line.p, (size_t)(nl - b->line.p));
		buf_eat(&b->line, (size_t)(nl - b->line.p) + 1);
	}
	return n;
}

static const struct condev_ops con_ops = {.data = con_data, .room = con_room, .gone = con_gone};

/* The walls of the design's section 6, as the lab had them. */
static pid_t start_guest(struct lab *b)
{
	char *kernel = xasprintf("%s", b->kernel), *mem = xasprintf("mem=%s", b->mem);
	char *s2 = xasprintf("%s/con", b->dir);
	char *s1 = b->fs_socket ? xasprintf("%s", b->fs_socket) : xasprintf("%s/fs", b->dir);
	char *lpj = xasprintf("lpj=%s", b->lpj ? b->lpj : "0");
	const char *argv[] = {"setarch",
			      "-R",
			      "bwrap",
			      "--unshare-all",
			      "--new-session",
			      "--die-with-parent",
			      "--cap-drop",
			      "ALL",
			      "--clearenv",
			      "--ro-bind",
			      kernel,
			      "/k",
			      "--bind",
			      s1,
			      "/s",
			      "--bind",
			      s2,
			      "/c",
			      "--tmpfs",
			      "/tmp",
			      "--setenv",
			      "TMPDIR",
			      "/tmp",
			      "--",
			      "/k",
			      mem,
			      b->seccomp ? "seccomp=on" : "seccomp=off",
			      b->seccomp ? "ncpus=2" : "ncpus=1",
			      "con0=fd:0,fd:1",
			      "con=null",
			      "ssl=null",
			      "uml_dir=/tmp/",
			      "umid=j",
			      "init=/lab-init",
			      "panic=-1",
			      b->verbose ? "debug" : "quiet",
			      "virtio_uml.device=/s:26",
			      "virtio_uml.device=/c:3",
			      "root=gaolfs",
			      "rootfstype=virtiofs",
			      "rw",
			      b->lpj ? lpj : NULL,
			      NULL};
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_RDONLY);
		dup2(null, 0);
		execvp(argv[0], (char **)(uintptr_t)argv);
		perror(argv[0]);
		_exit(127);
	}
	return pid;
}

static void open_layer(struct lab *b, struct err *e)
{
	struct authority *a = b->authority = authority_new(AUTH_WRITE);
	char *work = xasprintf("%s/work", b->dir);
	static const char *const fresh[] = {"/proc", "/sys",  "/dev", "/run",
					    "/tmp",  "/home", "/root"};

	for (size_t i = 0; i < sizeof(fresh) / sizeof(fresh[0]); i++)
		authority_add(a, fresh[i], AUTH_FRESH, false, false, e);
	mkdir(work, 0700);
	struct layer_config c = {
	    .lower = {{.path = "/", .guarded = true}},
	    .nlower = 1,
	    .upper = b->upper,
	    .work = work,
	    .authority = a,
	};
	if (layer_open(&b->layer, &c, e)) {
		err_print(e);
		exit(99);
	}
}

/* Through the layer, so that the record says 0755. */
static void put_init(struct lab *b)
{
	static const struct layer_cred root = {0, 0, 0};
	struct buf bytes = {0};
	struct layer_entry entry;
	uint64_t fh = 0;

	layer_unlink(b->layer, LAYER_ROOT, "lab-init", &root);
	int r = file_read_at(AT_FDCWD, b->init, 16 << 20, &bytes);
	struct iovec iov = {bytes.p, bytes.len};
	if (!r)
		r = layer_create(b->layer, LAYER_ROOT, "lab-init", S_IFREG | 0755, O_WRONLY, &root,
				 &entry, &fh);
	if (r || layer_writev(b->layer, fh, &iov, 1, 0, &root) != (ssize_t)bytes.len) {
		fprintf(stderr, "boot: cannot place %s: %s\n", b->init, strerror(-r));
		exit(99);
	}
	layer_release(b->layer, fh);
	buf_free(&bytes);
}

static void parse(struct lab *b, int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "k:i:u:l:m:p:e:c:sS:v")) != -1) {
		switch (o) {
		case 'k':
			b->kernel = optarg;
			break;
		case 'i':
			b->init = optarg;
			break;
		case 'u':
			b->upper = optarg;
			break;
		case 'l':
			b->lpj = optarg;
			break;
		case 'm':
			b->mem = optarg;
			break;
		case 'p':
			b->poll_us = (unsigned)atoi(optarg);
			break;
		case 'e':
			b->echo = (size_t)atol(optarg);
			break;
		case 'c':
			b->script = optarg;
			break;
		case 's':
			b->seccomp = true;
			break;
		case 'S':
			b->fs_socket = optarg;
			break;
		case 'v':
			b->verbose = true;
			break;
		default:
			exit(99);
		}
	}
}

static void open_own_fs(struct lab *b, struct err *e)
{
	struct fsdev_config fc = {.tag = "gaolfs",
				  .door = fuse_door_guest(),
				  .on_gone = fs_gone,
				  .poll_us = b->poll_us,
				  .user = b};

	if (!b->upper) {
		b->upper = xasprintf("%s/upper", b->dir);
		mkdir(b->upper, 0700);
	}
	open_layer(b, e);
	put_init(b);
	b->fs = fsdev_new(b->loop, listen_at(b, "fs"), b->layer, &fc, e);
	if (!b->fs) {
		err_print(e);
		exit(99);
	}
}

static void close_own_fs(struct lab *b)
{
	struct fsdev_counts n;

	fsdev_get_counts(b->fs, &n);
	fsdev_free(b->fs);
	fprintf(stderr, "boot: %lu requests (%lu errors, %lu bad), %lu bytes read, %lu written\n",
		n.requests, n.errors, n.bad, n.bytes_read, n.bytes_written);
	layer_close(b->layer);
	authority_free(b->authority);
}

int main(int argc, char **argv)
{
	struct lab b = {.mem = "256M", .script = "true", .status = 99};
	struct err e;
	int status;

	parse(&b, argc, argv);
	snprintf(b.dir, sizeof(b.dir), "/tmp/gaol-lab-XXXXXX");
	if (!b.kernel || (!b.init && !b.fs_socket) || !mkdtemp(b.dir))
		return 99;
	b.loop = loop_new();
	if (!b.fs_socket)
		open_own_fs(&b, &e);
	b.con = condev_new(b.loop, listen_at(&b, "con"), &con_ops, &b, &e);
	if (!b.con) {
		err_print(&e);
		return 99;
	}
	b.t0 = now();
	pid_t pid = start_guest(&b);
	loop_run(b.loop);
	condev_free(b.con);
	waitpid(pid, &status, 0);
	fprintf(stderr, "boot: ready %.0f ms, total %.0f ms\n", b.t_ready - b.t0, now() - b.t0);
	if (b.fs)
		close_own_fs(&b);
	buf_free(&b.line);
	loop_free(b.loop);
	dir_remove_tree(AT_FDCWD, b.dir);
	return b.status;
}
