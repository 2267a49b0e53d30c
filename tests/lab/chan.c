/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chan: gaol's own init in a real guest, without a warden: its channel over the console device,
 * its console on a pty.
 *
 *   chan KERNEL INIT LPJ TRIAL [COUNT]
 *
 * TRIAL is a name of the table at the end; it is run COUNT times, each in a new guest. What a
 * trial finds wrong is printed; exit status 1 then. Times go to stderr.
 */
#include "core/chan.h"
#include "core/buf.h"
#include "core/condev.h"
#include "core/fd.h"
#include "core/fsdev.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_MS = 60000, START = 0x1f };

struct lab {
	const char *kernel, *init, *lpj;
	struct loop *loop;
	struct layer *layer;
	struct fsdev *fs;
	struct condev *con;
	struct chan *chan;
	char dir[64];
	int master; /* of the console's pty */
	bool mute;  /* nobody reads the console */
	pid_t pid;
	double t0;
	struct buf console;
	bool hello, ready, gone, clean;
	int64_t main_status; /* -1: not over */
	uint32_t tag, ended;
	int err, status;
	struct buf reply, out, why;
	size_t total, sum, in, in_size;
	int failed;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void on_time(void *user)
{
	/* loop_once returns: the wait looks at the clock. */
}

#define CHECK(b, cond)                                                                             \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			(b)->failed++;                                                             \
			printf("WRONG at line %d: %s\n", __LINE__, #cond);                         \
		}                                                                                  \
	} while (0)

#define WAIT(b, cond)                                                                              \
	do {                                                                                       \
		double until_ = now() + DEADLINE_MS;                                               \
		while (!(cond) && !(b)->gone && now() < until_)                                    \
			loop_once((b)->loop, 100);                                                 \
		CHECK(b, cond);                                                                    \
	} while (0)

/* The channel. */

static size_t send_bytes(void *user, const void *p, size_t n)
{
	return condev_write(((struct lab *)user)->con, p, n);
}

static void on_hello(void *user, const struct chan_hello *h)
{
	struct lab *b = user;

	b->hello = true;
	fprintf(stderr, "chan: hello %.1f ms after the start, %.1f ms in the guest\n",
		now() - b->t0, (double)h->boot_us / 1e3);
}

static void on_ready(void *user, uint32_t pid)
{
	struct lab *b = user;

	b->ready = true;
	fprintf(stderr, "chan: ready %.1f ms\n", now() - b->t0);
}

static void on_main_exit(void *user, int status, int err, const char *why)
{
	((struct lab *)user)->main_status = status;
}

static void on_failed(void *user, uint32_t stream, int err, const char *why)
{
	struct lab *b = user;

	b->ended = stream;
	b->err = err;
	buf_str(&b->why, why);
}

/* Byte i of the bulk is a hash of i, so that a lost or doubled byte shows. */
static unsigned char bulk_byte(size_t i)
{
	uint32_t v = (uint32_t)i * 2654435761u;

	return (unsigned char)(v >> 24 ^ v >> 13);
}

static void on_data(void *user, uint32_t stream, int fd, const void *p, size_t n)
{
	struct lab *b = user;
	const unsigned char *c = p;

	if (b->in_size) {
		for (size_t i = 0; i < n; i++)
			b->sum += c[i] != bulk_byte(b->total + i);
	} else if (b->out.len < 1 << 20) {
		buf_add(&b->out, p, n);
	}
	b->total += n;
	chan_stream_consumed(b->chan, stream, fd, n);
}

static void feed_bulk(struct lab *b, uint32_t stream)
{
	unsigned char piece[32768];

	while (b->in < b->in_size) {
		size_t n = b->in_size - b->in;
		int k;

		n = n > sizeof(piece) ? sizeof(piece) : n;
		for (size_t i = 0; i < n; i++)
			piece[i] = bulk_byte(b->in + i);
		k = chan_stream_write(b->chan, stream, piece, n);
		if (k < 0)
			return;
		b->in += (size_t)k;
		if ((size_t)k < n)
			return;
	}
	chan_stream_eof(b->chan, stream);
}

static void on_room(void *user, uint32_t stream)
{
	feed_bulk(user, stream);
}

static void on_exit_(void *user, uint32_t stream, int status)
{
	struct lab *b = user;

	b->ended = stream;
	b->status = status;
}

static void on_reply(void *user, uint32_t tag, int err, const void *p, size_t n, bool cut)
{
	struct lab *b = user;

	b->tag = tag;
	b->err = err;
	buf_reset(&b->reply);
	buf_add(&b->reply, p, n);
}

static void on_broken(void *user, const char *reason)
{
	struct lab *b = user;

	b->failed++;
	printf("WRONG: channel broken: %s\n", reason);
}

static const struct chan_ops chan_ops = {
    .send = send_bytes,
    .hello = on_hello,
    .ready = on_ready,
    .main_exit = on_main_exit,
    .exec_failed = on_failed,
    .stream_data = on_data,
    .stream_room = on_room,
    .stream_exit = on_exit_,
    .reply = on_reply,
    .broken = on_broken,
};

static size_t con_data(void *user, const void *p, size_t n)
{
	return chan_feed(((struct lab *)user)->chan, p, n);
}

static void con_room(void *user)
{
	chan_writable(((struct lab *)user)->chan);
}

static void con_gone(void *user, bool broken, const char *reason)
{
	if (broken)
		on_broken(user, reason);
}

static const struct condev_ops con_ops = {.data = con_data, .room = con_room, .gone = con_gone};

/* The guest. */

static void on_console(void *user, int events)
{
	struct lab *b = user;
	char text[4096];
	ssize_t n = b->mute ? 0 : read(b->master, text, sizeof(text));

	if (n > 0)
		buf_add(&b->console, text, (size_t)n);
}

static void fs_gone(void *user, bool broken, const char *reason)
{
	struct lab *b = user;

	if (broken)
		on_broken(user, reason);
	b->gone = true;
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

static void start_kernel(struct lab *b, int tty)
{
	char *s1 = xasprintf("%s/fs", b->dir), *s2 = xasprintf("%s/con", b->dir);
	char *lpj = xasprintf("lpj=%s", b->lpj);
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
			      b->kernel,
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
			      "mem=128M",
			      "seccomp=off",
			      "con0=fd:0,fd:1",
			      "con=null",
			      "ssl=null",
			      "uml_dir=/tmp/",
			      "umid=j",
			      "init=/lab-init",
			      "panic=-1",
			      "quiet",
			      "virtio_uml.device=/s:26",
			      "virtio_uml.device=/c:3",
			      "root=gaolfs",
			      "rootfstype=virtiofs",
			      "rw",
			      lpj,
			      NULL};

	b->pid = fork();
	if (b->pid == 0) {
		for (int i = 0; i < 3; i++)
			dup2(tty, i);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	free(s1);
	free(s2);
	free(lpj);
}

static void open_layer(struct lab *b, struct err *e)
{
	static const char *const fresh[] = {"/proc", "/sys",  "/dev", "/run",
					    "/tmp",  "/home", "/root"};
	struct authority *a = authority_new(AUTH_WRITE);
	char *work = xasprintf("%s/work", b->dir), *upper = xasprintf("%s/upper", b->dir);
	struct layer_config c = {.lower = {{.path = "/", .guarded = true}},
				 .nlower = 1,
				 .upper = upper,
				 .work = work,
				 .authority = a};

	for (size_t i = 0; i < sizeof(fresh) / sizeof(fresh[0]); i++)
		authority_add(a, fresh[i], AUTH_FRESH, false, false, e);
	mkdir(work, 0700);
	mkdir(upper, 0700);
	if (layer_open(&b->layer, &c, e)) {
		err_print(e);
		exit(99);
	}
}

static void put_init(struct lab *b)
{
	static const struct layer_cred root = {0, 0, 0};
	struct buf bytes = {0};
	struct layer_entry entry;
	uint64_t fh = 0;
	int r = file_read_at(AT_FDCWD, b->init, 16 << 20, &bytes);
	struct iovec iov = {bytes.p, bytes.len};

	if (!r)
		r = layer_create(b->layer, LAYER_ROOT, "lab-init", S_IFREG | 0755, O_WRONLY, &root,
				 &entry, &fh);
	if (r || layer_writev(b->layer, fh, &iov, 1, 0, &root) != (ssize_t)bytes.len) {
		fprintf(stderr, "chan: cannot place %s: %s\n", b->init, strerror(-r));
		exit(99);
	}
	layer_release(b->layer, fh);
	buf_free(&bytes);
}

static void boot(struct lab *b)
{
	struct fsdev_config fc = {
	    .tag = "gaolfs", .door = fuse_door_guest(), .on_gone = fs_gone, .user = b};
	struct err e;
	int tty;

	snprintf(b->dir, sizeof(b->dir), "/tmp/gaol-lab-XXXXXX");
	if (!mkdtemp(b->dir))
		exit(99);
	open_layer(b, &e);
	put_init(b);
	b->main_status = -1;
	b->loop = loop_new();
	b->chan = chan_new(&chan_ops, b);
	b->fs = fsdev_new(b->loop, listen_at(b, "fs"), b->layer, &fc, &e);
	b->con = condev_new(b->loop, listen_at(b, "con"), &con_ops, b, &e);
	b->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (!b->fs || !b->con || b->master < 0 || unlockpt(b->master) < 0)
		exit(99);
	tty = open(ptsname(b->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	loop_fd_add(b->loop, b->master, LOOP_IN, on_console, b);
	loop_timer_add(b->loop, 1000, on_time, b);
	b->t0 = now();
	start_kernel(b, tty);
	close(tty);
}

static void setup(struct lab *b, const char *script, unsigned flags)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct chan_setup s = {.hostname = "lab",
			       .flags = flags,
			       .main = {.argv = script ? argv : NULL,
					.gid = CHAN_LOOKUP,
					.term = "vt100",
					.rows = 24,
					.cols = 80}};

	chan_setup(b->chan, &s);
	WAIT(b, b->ready);
}

/* The guest ends by itself; its kernel must say nothing about it. */
static void end(struct lab *b)
{
	double t = now(), until = t + 8000;
	int status = -1;

	while (waitpid(b->pid, &status, WNOHANG) == 0 && now() < until)
		loop_once(b->loop, 10);
	fprintf(stderr, "chan: gone %.1f ms after that, status %#x\n", now() - t, status);
	if (status) {
		kill(b->pid, SIGKILL);
		waitpid(b->pid, NULL, 0);
	}
	CHECK(b, status == 0);
	on_console(b, 0);
	if (status)
		printf("console: %s\n", buf_cstr(&b->console));
	if (strstr(buf_cstr(&b->console), "no mm") || strstr(buf_cstr(&b->console), "panic") ||
	    strstr(buf_cstr(&b->console), "Call Trace")) {
		b->failed++;
		printf("WRONG console:\n%s\n", buf_cstr(&b->console));
	}
	fsdev_free(b->fs);
	condev_free(b->con);
	chan_free(b->chan);
	layer_close(b->layer);
	loop_free(b->loop);
	close(b->master);
	buf_free(&b->console);
	buf_free(&b->reply);
	buf_free(&b->out);
	buf_free(&b->why);
	dir_remove_tree(AT_FDCWD, b->dir);
}

static void power_off(struct lab *b)
{
	double t = now();
	int tag = chan_shutdown(b->chan, 2000);

	WAIT(b, b->tag == (uint32_t)tag);
	fprintf(stderr, "chan: shut down in %.1f ms\n", now() - t);
	end(b);
}

static int sh(struct lab *b, const char *script)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct chan_launch l = {.argv = argv, .cwd = "/", .gid = CHAN_LOOKUP};
	int id = chan_exec(b->chan, &l);

	buf_reset(&b->out);
	b->total = 0;
	CHECK(b, id > 0);
	return id;
}

static void type(struct lab *b, const char *keys)
{
	if (write(b->master, keys, strlen(keys)) < 0)
		b->failed++;
}

/* Waits for text on the console and forgets what was before its end. */
static void expect(struct lab *b, const char *text)
{
	const char *at = NULL;

	WAIT(b, (at = strstr(buf_cstr(&b->console), text)) != NULL);
	if (at)
		buf_eat(&b->console, (size_t)(at - b->console.p) + strlen(text));
	else
		printf("expected %s, the console says:\n%s\n", text, buf_cstr(&b->console));
}

/*
 * Waits until the shell has given the terminal to its job: what is typed before, while readline
 * has the line in its own mode, would lose its end of line (as on every terminal).
 */
static void until_cooked(struct lab *b)
{
	int id = sh(b, "until stty -F /dev/tty0 -a | grep -q ' icanon'; do sleep 0.01; done");

	WAIT(b, b->ended == (uint32_t)id);
}

/* Trials. */

static void trial_bulk(struct lab *b)
{
	double t;
	int id;

	setup(b, NULL, CHAN_IDLE);
	b->in_size = 100u << 20;
	t = now();
	id = sh(b, "cat; exit 9");
	feed_bulk(b, (uint32_t)id);
	WAIT(b, b->ended == (uint32_t)id);
	fprintf(stderr, "chan: %zu bytes there and back in %.0f ms\n", b->total, now() - t);
	CHECK(b, b->total == b->in_size && b->sum == 0);
	CHECK(b, b->status == 9 << 8);
	power_off(b);
}

static void trial_requests(struct lab *b)
{
	int id, tag;
	uint32_t n = 0;
	double t;

	setup(b, NULL, CHAN_IDLE);
	id =
	    sh(b, "hostname; umask; cat /proc/mounts; ls -l /dev; ip -br a 2>/dev/null; stat -c %a "
		  "/tmp; ulimit -n; echo $PATH $HOME; ls -l /proc/self/fd; id");
	WAIT(b, b->ended == (uint32_t)id);
	printf("%s", buf_cstr(&b->out));
	id = sh(b, "dd if=/dev/zero of=/home/file bs=1M count=8 2>&1; exec sleep 100");
	WAIT(b, b->out.len > 60);
	t = now();
	tag = chan_sync(b->chan);
	WAIT(b, b->tag == (uint32_t)tag);
	CHECK(b, b->err == 0);
	fprintf(stderr, "chan: sync %.1f ms\n", now() - t);
	t = now();
	tag = chan_drop_caches(b->chan);
	WAIT(b, b->tag == (uint32_t)tag);
	CHECK(b, b->err == 0);
	fprintf(stderr, "chan: drop caches %.1f ms\n", now() - t);
	t = now();
	tag = chan_count_procs(b->chan);
	WAIT(b, b->tag == (uint32_t)tag);
	CHECK(b, chan_reply_count(b->reply.p, b->reply.len, &n) == 0 && n == 1);
	fprintf(stderr, "chan: %u processes in %.1f ms\n", n, now() - t);
	tag = chan_ps(b->chan);
	WAIT(b, b->tag == (uint32_t)tag);
	for (size_t pos = 0;;) {
		struct chan_proc p;

		if (chan_ps_next(b->reply.p, b->reply.len, &pos, &p) != 1)
			break;
		printf("%u %u %c %.*s %s\n", p.pid, p.uid, p.state, (int)p.comm_len, p.comm,
		       p.cmdline);
	}
	tag = chan_entropy(b->chan, "0123456789abcdef0123456789abcdef", 32);
	WAIT(b, b->tag == (uint32_t)tag);
	CHECK(b, b->err == 0);
	tag = chan_settime(b->chan, 1700000000, 0);
	WAIT(b, b->tag == (uint32_t)tag);
	CHECK(b, b->err == 0);
	id = sh(b, "date +%Y");
	WAIT(b, b->ended == (uint32_t)id);
	CHECK(b, !strcmp(buf_cstr(&b->out), "2023\n"));
	id = sh(b, "mkdir /tmp/m && mount -t tmpfs x /tmp/m && cd /tmp/m && exec sleep 1000 &");
	WAIT(b, b->ended == (uint32_t)id);
	power_off(b);
}

static void trial_console(struct lab *b)
{
	setup(b, NULL, 0); /* root's login shell */
	type(b, "PS1='$ '; stty size; tty; echo in=$-\r");
	expect(b, "24 80\r\n/dev/tty0\r\n");
	type(b, "sh -c 'echo be\"\"gin; exec sleep 1000'\r");
	expect(b, "begin\r\n");
	type(b, "\003");
	expect(b, "^C");
	type(b, "echo st=$?\r");
	expect(b, "st=130\r\n");
	type(b, "sh -c 'echo be\"\"gin; exec cat'\r");
	expect(b, "begin\r\n");
	type(b, "more\r");
	expect(b, "more\r\nmore\r\n");
	type(b, "\032");
	expect(b, "Stopped");
	type(b, "fg\r");
	expect(b, "exec cat'\r\n");
	until_cooked(b);
	type(b, "more\r");
	expect(b, "more\r\nmore\r\n");
	type(b, "\004");
	chan_console_winsize(b->chan, 50, 132);
	type(b, "stty size; stty -a | grep -c onlcr\r");
	expect(b, "50 132\r\n1\r\n");
	type(b, "sh -c 'echo be\"\"gin; exec sleep 1000'\r");
	expect(b, "begin\r\n");
	chan_main_signal(b->chan, SIGINT);
	type(b, "echo st=$?\r");
	expect(b, "st=130\r\n");
	type(b, "exit 5\r");
	WAIT(b, b->main_status >= 0);
	CHECK(b, b->main_status == 5 << 8);
	end(b);
}

/* All of the main command's output arrives, though the reader sleeps at its end. */
static void trial_last_words(struct lab *b)
{
	double t;

	b->mute = true;
	setup(b, "seq 3000; echo the-end", 0);
	for (t = now(); now() - t < 1000 && !b->gone;)
		usleep(1000), loop_once(b->loop, 0);
	b->mute = false;
	WAIT(b, b->main_status >= 0);
	for (t = now(); now() - t < 300;)
		loop_once(b->loop, 10);
	CHECK(b, strstr(buf_cstr(&b->console), "2999\r\n3000\r\nthe-end\r\n"));
	CHECK(b, b->main_status == 0);
	end(b);
}

static void trial_pty_last_words(struct lab *b)
{
	const char *argv[] = {"sh", "-c", "stty size; seq 30000; echo the-end", NULL};
	struct chan_launch l = {
	    .argv = argv, .gid = CHAN_LOOKUP, .flags = CHAN_PTY, .rows = 33, .cols = 99};
	int id;

	setup(b, NULL, CHAN_IDLE);
	id = chan_exec(b->chan, &l);
	WAIT(b, b->ended == (uint32_t)id);
	CHECK(b, !strncmp(buf_cstr(&b->out), "33 99\r\n1\r\n2\r\n", 13));
	CHECK(b, strstr(buf_cstr(&b->out), "29999\r\n30000\r\nthe-end\r\n"));
	power_off(b);
}

static void trial_run(struct lab *b)
{
	setup(b, "sleep 1000 & (trap '' TERM; sleep 1000) & exit 3", 0);
	WAIT(b, b->main_status >= 0);
	CHECK(b, b->main_status == 3 << 8);
	end(b);
}

static void trial_true(struct lab *b)
{
	setup(b, "true", 0);
	WAIT(b, b->main_status >= 0);
	CHECK(b, b->main_status == 0);
	end(b);
}

static void trial_busy(struct lab *b)
{
	int id;

	setup(b, NULL, 0);
	id = sh(b, "i=0; while [ $i -lt 8 ]; do i=$((i+1)); (while :; do echo $i > /home/f$i; cat "
		   "/home/f$i; sleep 0.01; done) & done; head -c 1000000 /dev/urandom | od | head "
		   "-100; wait");
	WAIT(b, b->total > 5000);
	power_off(b);
	(void)id;
}

static const struct {
	const char *name;
	void (*fn)(struct lab *b);
} trials[] = {
    {"bulk", trial_bulk},	   {"requests", trial_requests},
    {"console", trial_console},	   {"last-words", trial_last_words},
    {"pty", trial_pty_last_words}, {"run", trial_run},
    {"true", trial_true},	   {"busy", trial_busy},
};

int main(int argc, char **argv)
{
	int count = argc > 5 ? atoi(argv[5]) : 1, failed = 0;

	if (argc < 5)
		return 99;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		if (strcmp(trials[i].name, argv[4]) != 0)
			continue;
		for (int k = 0; k < count; k++) {
			struct lab b = {.kernel = argv[1], .init = argv[2], .lpj = argv[3]};

			boot(&b);
			trials[i].fn(&b);
			failed += b.failed > 0;
		}
		printf("%s: %d of %d wrong\n", argv[4], failed, count);
		return failed > 0;
	}
	return 99;
}
