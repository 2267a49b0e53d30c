/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ends of the channel: core/chan against guest/init, which serves it as an ordinary process
 * (--serve). What only pid 1 does (mounts, power-off) is proved in a real guest, in tests/e2e.
 */
#include "core/buf.h"
#include "core/chan.h"
#include "core/fd.h"
#include "core/loop.h"
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { STREAMS = 80, DEADLINE_MS = 20000 };

struct stream {
	uint32_t id;
	bool started, ended, no_input;
	int status, err;
	char why[CHAN_MAX_TEXT + 1];
	struct buf out[3];
	bool eof[3];
	size_t total[3];
	bool hold;    /* credit is not given back */
	bool discard; /* only counted */
	size_t rooms;
};

struct rig {
	struct chan *c;
	int fd;
	pid_t pid;
	char release[CHAN_MAX_RELEASE + 1];
	bool ready;
	bool main_over;
	int main_status, main_err;
	char main_why[CHAN_MAX_TEXT + 1];
	uint32_t tag; /* of the last reply */
	int reply_err;
	struct buf reply;
	struct stream streams[STREAMS];
	int nstreams;
	bool gone; /* init has closed its end */
};

static struct stream *stream_of(struct rig *r, uint32_t id)
{
	for (int i = 0; i < r->nstreams; i++)
		if (r->streams[i].id == id)
			return &r->streams[i];
	ck_abort_msg("a callback for stream %u", id);
	return NULL;
}

static size_t on_send(void *user, const void *p, size_t n)
{
	struct rig *r = user;
	ssize_t k = send(r->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	return k > 0 ? (size_t)k : 0;
}

static void on_hello(void *user, const struct chan_hello *h)
{
	snprintf(((struct rig *)user)->release, CHAN_MAX_RELEASE + 1, "%s", h->release);
}

static void on_ready(void *user, uint32_t pid)
{
	((struct rig *)user)->ready = true;
}

static void on_main_exit(void *user, int status, int err, const char *why)
{
	struct rig *r = user;

	r->main_over = true;
	r->main_status = status;
	r->main_err = err;
	snprintf(r->main_why, sizeof(r->main_why), "%s", why);
}

static void on_started(void *user, uint32_t stream, uint32_t pid)
{
	stream_of(user, stream)->started = true;
}

static void on_failed(void *user, uint32_t stream, int err, const char *why)
{
	struct stream *s = stream_of(user, stream);

	s->ended = true;
	s->err = err;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static void on_data(void *user, uint32_t stream, int fd, const void *p, size_t n)
{
	struct rig *r = user;
	struct stream *s = stream_of(r, stream);

	s->total[fd] += n;
	if (!s->discard)
		buf_add(&s->out[fd], p, n);
	if (!s->hold)
		chan_stream_consumed(r->c, stream, fd, n);
}

static void on_eof(void *user, uint32_t stream, int fd)
{
	stream_of(user, stream)->eof[fd] = true;
}

static void on_room(void *user, uint32_t stream)
{
	stream_of(user, stream)->rooms++;
}

static void on_exit_(void *user, uint32_t stream, int status)
{
	struct stream *s = stream_of(user, stream);

	s->ended = true;
	s->status = status;
}

static void on_reply(void *user, uint32_t tag, int err, const void *p, size_t n, bool cut)
{
	struct rig *r = user;

	r->tag = tag;
	r->reply_err = err;
	buf_reset(&r->reply);
	buf_add(&r->reply, p, n);
}

static void on_broken(void *user, const char *reason)
{
	ck_abort_msg("the channel broke: %s", reason);
}

static const struct chan_ops ops = {
    .send = on_send,
    .hello = on_hello,
    .ready = on_ready,
    .main_exit = on_main_exit,
    .exec_started = on_started,
    .exec_failed = on_failed,
    .stream_data = on_data,
    .stream_eof = on_eof,
    .stream_room = on_room,
    .stream_exit = on_exit_,
    .reply = on_reply,
    .broken = on_broken,
};

/* One turn: waits a little for bytes or room. */
static void turn(struct rig *r)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN | (chan_queued(r->c) ? POLLOUT : 0)};
	char bytes[65536];
	ssize_t n;

	poll(&p, 1, 20);
	if (p.revents & POLLIN) {
		n = recv(r->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0)
			chan_feed(r->c, bytes, (size_t)n);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			r->gone = true;
	}
	chan_writable(r->c);
}

#define WAIT_FOR(r, cond)                                                                          \
	do {                                                                                       \
		int64_t until_ = loop_now_ms() + DEADLINE_MS;                                      \
		while (!(cond) && !(r)->gone) {                                                    \
			turn(r);                                                                   \
			ck_assert_msg(loop_now_ms() < until_, "timeout: %s", #cond);               \
		}                                                                                  \
		ck_assert_msg(cond, "init ended before: %s", #cond);                               \
	} while (0)

static void find_init(char *path, size_t size)
{
	char exe[PATH_MAX - 32];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	ck_assert_int_gt(n, 0);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	snprintf(path, size, "%s/../guest/init", exe);
}

/* init on one end of a socket pair, with a terminal as its console if there is one. */
static void rig_start(struct rig *r, const char *console)
{
	char path[PATH_MAX], number[16];
	int pair[2];

	memset(r, 0, sizeof(*r));
	find_init(path, sizeof(path));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	r->fd = pair[0];
	r->c = chan_new(&ops, r);
	r->pid = fork();
	if (r->pid == 0) {
		snprintf(number, sizeof(number), "%d", pair[1]);
		execl(path, "init", "--serve", number, console, (char *)NULL);
		_exit(99);
	}
	close(pair[1]);
	WAIT_FOR(r, *r->release);
}

static void rig_idle(struct rig *r)
{
	struct chan_setup setup = {.hostname = "test", .flags = CHAN_IDLE};

	rig_start(r, NULL);
	ck_assert_int_eq(chan_setup(r->c, &setup), 0);
	WAIT_FOR(r, r->ready);
}

static void rig_end(struct rig *r)
{
	int status;

	shutdown(r->fd, SHUT_RDWR);
	close(r->fd);
	ck_assert_int_eq(waitpid(r->pid, &status, 0), r->pid);
	ck_assert_int_eq(status, 0);
	chan_free(r->c);
	buf_free(&r->reply);
	for (int i = 0; i < r->nstreams; i++)
		for (int k = 0; k < 3; k++)
			buf_free(&r->streams[i].out[k]);
}

static struct stream *exec_launch(struct rig *r, struct chan_launch *l)
{
	struct stream *s = &r->streams[r->nstreams++];
	int id;

	if (!l->user && !l->uid) {
		l->uid = getuid();
		l->gid = getgid();
	}
	id = chan_exec(r->c, l);
	ck_assert_int_gt(id, 0);
	*s = (struct stream){.id = (uint32_t)id};
	return s;
}

static struct stream *exec_sh(struct rig *r, const char *script, unsigned flags)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct chan_launch l = {
	    .argv = argv, .cwd = "/", .flags = flags, .rows = 24, .cols = 80, .term = "vt100"};

	return exec_launch(r, &l);
}

START_TEST(test_status_and_streams)
{
	struct stream *s;
	struct rig r;

	rig_idle(&r);
	s = exec_sh(&r, "echo out; echo err >&2; pwd; echo $TERM; exit 7", 0);
	WAIT_FOR(&r, s->ended);
	ck_assert(s->started);
	ck_assert_str_eq(buf_cstr(&s->out[1]), "out\n/\nvt100\n");
	ck_assert_str_eq(buf_cstr(&s->out[2]), "err\n");
	ck_assert_int_eq(WEXITSTATUS(s->status), 7);
	s = exec_sh(&r, "kill -9 $$", 0);
	WAIT_FOR(&r, s->ended);
	ck_assert_int_eq(s->status & 0x7f, SIGKILL);
	rig_end(&r);
}
END_TEST

START_TEST(test_environment)
{
	const char *argv[] = {"env", NULL}, *env[] = {"A=b c", "PATH=/bin:/usr/bin", NULL};
	struct chan_launch l = {.argv = argv, .env = env};
	struct stream *s;
	struct rig r;

	setenv("LEAK", "1", 1);
	rig_idle(&r);
	s = exec_launch(&r, &l);
	WAIT_FOR(&r, s->ended);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&s->out[1]), "A=b c\n"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&s->out[1]), "PATH=/bin:/usr/bin\n"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&s->out[1]), "HOME=/"));
	ck_assert_ptr_null(strstr(buf_cstr(&s->out[1]), "LEAK"));
	ck_assert_ptr_null(strstr(buf_cstr(&s->out[1]), "TERM="));
	rig_end(&r);
}
END_TEST

static const struct {
	const char *argv0, *cwd, *user;
	int err;
	const char *why;
} failures[] = {
    {.argv0 = "/no/such", .cwd = "/", .err = ENOENT, .why = "exec /no/such"},
    {.argv0 = "no-such-command", .cwd = "/", .err = ENOENT, .why = "exec no-such-command"},
    {.argv0 = "/etc/passwd", .cwd = "/", .err = EACCES, .why = "exec /etc/passwd"},
    {.argv0 = "true", .cwd = "/no/dir", .err = ENOENT, .why = "cwd /no/dir"},
    {.argv0 = "true", .cwd = "/", .user = "nobody-here", .err = ENOENT, .why = "user nobody-here"},
};

START_TEST(test_exec_fails)
{
	const char *argv[] = {failures[_i].argv0, NULL};
	struct chan_launch l = {.argv = argv, .cwd = failures[_i].cwd, .user = failures[_i].user};
	struct stream *s;
	struct rig r;

	rig_idle(&r);
	s = exec_launch(&r, &l);
	WAIT_FOR(&r, s->ended);
	ck_assert(!s->started);
	ck_assert_int_eq(s->err, failures[_i].err);
	ck_assert_str_eq(s->why, failures[_i].why);
	rig_end(&r);
}
END_TEST

START_TEST(test_user)
{
	struct passwd *nobody = getpwnam("nobody");
	const char *argv[] = {"sh", "-c", "id -u; id -g; id -G; echo $USER", NULL};
	struct chan_launch l = {.argv = argv, .cwd = "/", .user = "nobody"};
	const uint32_t groups[] = {1, 33};
	char want[256];
	struct stream *s;
	struct rig r;

	if (getuid() != 0 || !nobody)
		return; /* only root can become somebody else */
	rig_idle(&r);
	s = exec_launch(&r, &l);
	WAIT_FOR(&r, s->ended);
	snprintf(want, sizeof(want), "%u\n%u\n%u\nnobody\n", nobody->pw_uid, nobody->pw_gid,
		 nobody->pw_gid);
	ck_assert_str_eq(buf_cstr(&s->out[1]), want);
	l = (struct chan_launch){
	    .argv = argv, .uid = 4242, .gid = 4343, .groups = groups, .ngroups = 2};
	s = exec_launch(&r, &l);
	WAIT_FOR(&r, s->ended);
	ck_assert_str_eq(buf_cstr(&s->out[1]), "4242\n4343\n4343 1 33\n\n");
	rig_end(&r);
}
END_TEST

/* 16 MiB in, through cat, and back, byte for byte. */
START_TEST(test_volume)
{
	size_t size = 16u << 20, in = 0, checked = 0;
	unsigned char *data = xmalloc(size);
	struct stream *s;
	struct rig r;

	srandom(1);
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)random();
	rig_idle(&r);
	s = exec_sh(&r, "cat", 0);
	while (!s->ended) {
		if (in < size) {
			int n = chan_stream_write(r.c, s->id, data + in, size - in);

			ck_assert_int_ge(n, 0);
			in += (size_t)n;
			if (in == size)
				ck_assert_int_eq(chan_stream_eof(r.c, s->id), 0);
		}
		turn(&r);
		ck_assert(checked + s->out[1].len <= size);
		ck_assert_mem_eq(s->out[1].p ? s->out[1].p : "", data + checked, s->out[1].len);
		checked += s->out[1].len;
		buf_reset(&s->out[1]);
	}
	ck_assert_uint_eq(checked, size);
	ck_assert_uint_gt(s->rooms, 0);
	ck_assert_int_eq(s->status, 0);
	free(data);
	rig_end(&r);
}
END_TEST

/* Nobody reads one stream: it stops after its window, the others and the requests go on. */
START_TEST(test_unread_stream_stops_alone)
{
	struct stream *stuck, *s;
	struct rig r;
	int tag;

	rig_idle(&r);
	stuck = exec_sh(&r, "yes", 0);
	stuck->hold = true;
	WAIT_FOR(&r, stuck->total[1] == CHAN_WINDOW);
	s = exec_sh(&r, "head -c 3000000 /dev/zero; echo x >&2", 0);
	s->discard = true;
	WAIT_FOR(&r, s->ended);
	ck_assert_uint_eq(s->total[1], 3000000);
	tag = chan_ping(r.c);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	ck_assert_uint_eq(stuck->total[1], CHAN_WINDOW);
	/* Input of a process that does not read stops at its window, too. */
	s = exec_sh(&r, "exec sleep 1000", 0);
	WAIT_FOR(&r, s->started);
	for (size_t sum = 0; sum < CHAN_WINDOW;) {
		int n = chan_stream_write(r.c, s->id, r.streams, 1000);

		ck_assert_int_ge(n, 0);
		sum += (size_t)n;
		turn(&r);
	}
	tag = chan_ping(r.c);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	/* What is closed ends, and frees its place. */
	chan_stream_close(r.c, stuck->id);
	chan_stream_close(r.c, s->id);
	tag = chan_ping(r.c);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	rig_end(&r);
}
END_TEST

START_TEST(test_many_streams)
{
	struct rig r;
	char script[64], want[32];

	rig_idle(&r);
	for (int i = 0; i < 64; i++) {
		snprintf(script, sizeof(script), "read x; echo $x-%d; exit %d", i, i);
		exec_sh(&r, script, 0);
	}
	for (int i = 63; i >= 0; i--)
		ck_assert_int_eq(chan_stream_write(r.c, r.streams[i].id, "hi\n", 3), 3);
	for (int i = 0; i < 64; i++) {
		WAIT_FOR(&r, r.streams[i].ended);
		snprintf(want, sizeof(want), "hi-%d\n", i);
		ck_assert_str_eq(buf_cstr(&r.streams[i].out[1]), want);
		ck_assert_int_eq(r.streams[i].status, i << 8);
	}
	rig_end(&r);
}
END_TEST

START_TEST(test_closed_input_is_told)
{
	struct stream *s;
	struct rig r;

	rig_idle(&r);
	s = exec_sh(&r, "exec <&-; echo gone; exec sleep 1000", 0);
	WAIT_FOR(&r, s->out[1].len == 5);
	chan_stream_write(r.c, s->id, "x", 1);
	WAIT_FOR(&r, s->eof[0]);
	ck_assert_int_eq(chan_stream_signal(r.c, s->id, SIGTERM), 0);
	WAIT_FOR(&r, s->ended);
	ck_assert_int_eq(s->status, SIGTERM);
	rig_end(&r);
}
END_TEST

/* The process is gone, a child of it still holds the pipe. */
START_TEST(test_background_holder)
{
	int64_t begin;
	struct stream *s;
	struct rig r;

	rig_idle(&r);
	s = exec_sh(&r, "head -c 60000 /dev/zero; (sleep 0.05; echo late; sleep 10) & exit 3", 0);
	s->discard = true;
	begin = loop_now_ms();
	WAIT_FOR(&r, s->ended);
	ck_assert_int_lt(loop_now_ms() - begin, 3000);
	ck_assert_uint_eq(s->total[1], 60005);
	ck_assert_int_eq(s->status, 3 << 8);
	/* A holder that never stops to write ends, too. */
	s = exec_sh(&r, "yes & exit 4", 0);
	s->discard = true;
	begin = loop_now_ms();
	WAIT_FOR(&r, s->ended);
	ck_assert_int_lt(loop_now_ms() - begin, 10000);
	ck_assert_int_eq(s->status, 4 << 8);
	rig_end(&r);
}
END_TEST

/* The output of a process that has ended waits for a slow reader and loses nothing. */
START_TEST(test_slow_reader_loses_nothing)
{
	struct stream *s;
	struct rig r;

	rig_idle(&r);
	s = exec_sh(&r, "head -c 300000 /dev/zero; sleep 10 & exit 0", 0);
	s->hold = true;
	s->discard = true;
	WAIT_FOR(&r, s->total[1] == CHAN_WINDOW);
	for (int64_t until = loop_now_ms() + CHAN_LINGER_MAX_MS + 500; loop_now_ms() < until;)
		turn(&r); /* longer than a stream lingers */
	ck_assert(!s->ended);
	s->hold = false;
	chan_stream_consumed(r.c, s->id, 1, s->total[1]);
	WAIT_FOR(&r, s->ended);
	ck_assert_uint_eq(s->total[1], 300000);
	rig_end(&r);
}
END_TEST

START_TEST(test_pty)
{
	struct stream *s;
	struct rig r;

	rig_idle(&r);
	s = exec_sh(&r,
		    "test -t 0 && test -t 1 && test -t 2 && stty size; ps -o tty= -p $$ | "
		    "grep -c pts; trap 'echo int; stty size; exit 5' INT; echo go; "
		    "while :; do sleep 0.02; done",
		    CHAN_PTY);
	WAIT_FOR(&r, strstr(buf_cstr(&s->out[1]), "go\r\n"));
	ck_assert_str_eq(buf_cstr(&s->out[1]), "24 80\r\n1\r\ngo\r\n");
	ck_assert_int_eq(chan_stream_winsize(r.c, s->id, 50, 132), 0);
	ck_assert_int_eq(chan_stream_write(r.c, s->id, "\003", 1), 1);
	WAIT_FOR(&r, s->ended);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&s->out[1]), "int\r\n50 132\r\n"));
	ck_assert_int_eq(s->status, 5 << 8);
	/* End of input, and output at the very end. */
	s = exec_sh(&r, "cat; seq 20000", CHAN_PTY);
	ck_assert_int_eq(chan_stream_write(r.c, s->id, "abc\n", 4), 4);
	chan_stream_eof(r.c, s->id);
	WAIT_FOR(&r, s->ended);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&s->out[1]), "\r\n19999\r\n20000\r\n"));
	/* A signal goes to the foreground group, a close hangs up. */
	s = exec_sh(&r, "trap 'echo term; exit 6' TERM; echo go; while :; do sleep 0.02; done",
		    CHAN_PTY);
	WAIT_FOR(&r, strstr(buf_cstr(&s->out[1]), "go\r\n"));
	ck_assert_int_eq(chan_stream_signal(r.c, s->id, SIGTERM), 0);
	WAIT_FOR(&r, s->ended);
	ck_assert_int_eq(s->status, 6 << 8);
	rig_end(&r);
}
END_TEST

START_TEST(test_close_hangs_up)
{
	char path[] = "/tmp/gaol-test-XXXXXX", script[256];
	cleanup_fd int fd = mkstemp(path);
	struct stream *s;
	struct rig r;
	int tag;

	rig_idle(&r);
	snprintf(script, sizeof(script),
		 "exec 2>/dev/null; trap 'echo hup > %s; exit' HUP; echo go; while :; do sleep "
		 "0.02; done",
		 path);
	s = exec_sh(&r, script, _i ? CHAN_PTY : 0);
	WAIT_FOR(&r, s->out[1].len >= 3);
	ck_assert_int_eq(chan_stream_close(r.c, s->id), 0);
	tag = chan_ping(r.c);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	WAIT_FOR(&r, lseek(fd, 0, SEEK_END) == 4);
	ck_assert(!s->ended);
	unlink(path);
	rig_end(&r);
}
END_TEST

START_TEST(test_requests)
{
	struct chan_proc proc;
	struct stream *s;
	uint32_t n = 0, self = (uint32_t)getpid();
	size_t pos = 0;
	struct rig r;
	bool found = false;
	int tag, k;

	rig_idle(&r);
	tag = chan_sync(r.c);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	ck_assert_int_eq(r.reply_err, 0);
	tag = chan_count_procs(r.c);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	ck_assert_int_eq(chan_reply_count(r.reply.p, r.reply.len, &n), 0);
	ck_assert_uint_ge(n, 1);
	s = exec_sh(&r, "echo $$; exec sleep 1000", 0);
	WAIT_FOR(&r, s->out[1].len);
	tag = chan_ps(r.c);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	ck_assert_int_eq(r.reply_err, 0);
	while ((k = chan_ps_next(r.reply.p, r.reply.len, &pos, &proc)) == 1) {
		found |= proc.pid == self && proc.uid == getuid() && proc.rss_kib > 100 &&
			 proc.threads == 1;
		ck_assert(proc.pid != (uint32_t)r.pid);
	}
	ck_assert_int_eq(k, 0);
	ck_assert(found);
	/* What belongs to the whole system is refused outside pid 1. */
	tag = chan_entropy(r.c, "x", 1);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	ck_assert_int_eq(r.reply_err, EPERM);
	tag = chan_shutdown(r.c, 1000);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	ck_assert_int_eq(r.reply_err, 0);
	ck_assert(s->ended);
	ck_assert_int_eq(s->status, SIGTERM);
	rig_end(&r);
}
END_TEST

START_TEST(test_shutdown_kills)
{
	struct stream *s;
	uint32_t n;
	struct rig r;
	int tag;

	rig_idle(&r);
	s = exec_sh(&r, "trap '' TERM; echo go; while :; do sleep 0.02; done", 0);
	WAIT_FOR(&r, s->out[1].len);
	tag = chan_shutdown(r.c, 50);
	WAIT_FOR(&r, r.tag == (uint32_t)tag);
	ck_assert_int_eq(s->status, SIGKILL);
	ck_assert_int_eq(chan_reply_count(r.reply.p, r.reply.len, &n), 0);
	ck_assert_uint_ge(n, 1);
	rig_end(&r);
}
END_TEST

/* The main command on a terminal: job control, size, signal, status. */
START_TEST(test_main_command)
{
	const char *argv[] = {"sh", "-c",
			      "stty size; trap 'echo int; stty size; exit 9' INT; echo go; "
			      "while :; do sleep 0.02; done",
			      NULL};
	struct chan_setup setup = {.hostname = "t",
				   .main = {.argv = argv,
					    .uid = getuid(),
					    .gid = getgid(),
					    .cwd = "/",
					    .term = "vt100",
					    .rows = 30,
					    .cols = 90}};
	cleanup_fd int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	struct buf out = {0};
	char bytes[512];
	struct rig r;
	ssize_t n;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	rig_start(&r, ptsname(master));
	ck_assert_int_eq(chan_setup(r.c, &setup), 0);
	WAIT_FOR(&r, ((n = read(master, bytes, sizeof(bytes))) > 0 ? buf_add(&out, bytes, (size_t)n)
								   : (void)0,
		      strstr(buf_cstr(&out), "30 90\r\ngo\r\n")));
	ck_assert_int_eq(chan_console_winsize(r.c, 40, 100), 0);
	if (_i)
		ck_assert_int_eq(chan_main_signal(r.c, SIGINT), 0);
	else
		ck_assert_int_eq(write(master, "\003", 1), 1);
	WAIT_FOR(&r, r.main_over);
	ck_assert_int_eq(r.main_status, 9 << 8);
	ck_assert_int_eq(r.main_err, 0);
	while ((n = read(master, bytes, sizeof(bytes))) > 0)
		buf_add(&out, bytes, (size_t)n);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "int\r\n"));
	buf_free(&out);
	rig_end(&r);
}
END_TEST

START_TEST(test_main_fails)
{
	const char *argv[] = {"/no/such", NULL};
	struct chan_setup setup = {.hostname = "t", .main = {.argv = argv, .cwd = "/"}};
	cleanup_fd int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct rig r;

	setup.main.uid = getuid();
	setup.main.gid = getgid();
	ck_assert_int_eq(unlockpt(master), 0);
	rig_start(&r, ptsname(master));
	ck_assert_int_eq(chan_setup(r.c, &setup), 0);
	WAIT_FOR(&r, r.main_over);
	ck_assert_int_eq(r.main_status, 127 << 8);
	ck_assert_int_eq(r.main_err, ENOENT);
	ck_assert_str_eq(r.main_why, "exec /no/such");
	rig_end(&r);
}
END_TEST

/* init does not believe the host either: a frame without sense ends it, orderly. */
START_TEST(test_hostile_host)
{
	unsigned char b[CHAN_HEADER + 32];
	char sink[4096];
	struct rig r;
	int status;

	rig_start(&r, NULL);
	srandom((unsigned)_i);
	for (int i = 0; i < 1000; i++) {
		size_t n = (size_t)random() % 33;

		for (size_t k = 0; k < sizeof(b); k++)
			b[k] = (unsigned char)random();
		if (i < 20 && _i % 3) /* some that make sense first */
			chan_put_header(b, n = 4, CHAN_SIGNAL, 0, 5), chan_put32(b + 12, 1);
		else if (random() % 8)
			chan_put_header(b, (uint32_t)n, (uint16_t)(64 + random() % 5),
					(uint16_t)(random() % 3), (uint32_t)random() % 3);
		if (send(r.fd, b, CHAN_HEADER + n, MSG_NOSIGNAL) < 0)
			break;
	}
	shutdown(r.fd, SHUT_WR);
	while (recv(r.fd, sink, sizeof(sink), 0) > 0)
		;
	close(r.fd);
	ck_assert_int_eq(waitpid(r.pid, &status, 0), r.pid);
	ck_assert_int_eq(status, 0);
	chan_free(r.c);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_test(t, test_status_and_streams);
	tcase_add_test(t, test_environment);
	tcase_add_loop_test(t, test_exec_fails, 0, (int)(sizeof(failures) / sizeof(failures[0])));
	tcase_add_test(t, test_user);
	tcase_add_test(t, test_volume);
	tcase_add_test(t, test_unread_stream_stops_alone);
	tcase_add_test(t, test_many_streams);
	tcase_add_test(t, test_closed_input_is_told);
	tcase_add_test(t, test_background_holder);
	tcase_add_test(t, test_slow_reader_loses_nothing);
	tcase_add_test(t, test_pty);
	tcase_add_loop_test(t, test_close_hangs_up, 0, 2);
	tcase_add_test(t, test_requests);
	tcase_add_test(t, test_shutdown_kills);
	tcase_add_loop_test(t, test_main_command, 0, 2);
	tcase_add_test(t, test_main_fails);
	tcase_add_loop_test(t, test_hostile_host, 0, 20);
}

int main(void)
{
	Suite *s = suite_create("chan_guest");
	TCase *t = tcase_create("serve");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	add_tests(t);
	suite_add_tcase(s, t);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
