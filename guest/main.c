/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gaol's init: pid 1 of the guest.
 *
 *	init [COMMAND...]		as pid 1; COMMAND counts only with gaol.chan=none
 *	init --serve FD [CONSOLE]	as an ordinary process: serves the channel on FD (tests)
 *
 * On the kernel's command line gaol.chan=PATH names another channel than the virtio port, for
 * trials; gaol.chan=none goes without: COMMAND, or root's login shell, is the main command.
 */
#include "core/chanproto.h"
#include "guest/console.h"
#include "guest/exec.h"
#include "guest/init.h"
#include "guest/jobs.h"
#include "guest/mounts.h"
#include "guest/names.h"
#include "guest/net.h"
#include "guest/realinit.h"
#include "guest/shutdown.h"
#include "guest/str.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PORT_WAIT_MS = 5000,
	SIGNAL_GRACE_MS = 2000, /* a power-off that a signal asked for */
	BROKEN_GRACE_MS = 1000, /* the channel is gone: nobody can steer this guest any more */
};

/* Requests and settings of the host. */

/*
 * Beside the kernel's own threads. The host holds the jail's limit whatever the guest does; this
 * one is met before it, and gives a program the errno that it expects.
 */
static void limit_tasks(uint32_t n)
{
	struct sysinfo si = {.procs = 0};
	char text[24];

	sysinfo(&si);
	file_put("/proc/sys/kernel/threads-max", str_number(text, (uint64_t)n + si.procs));
}

static bool on_setup(struct init *in, const struct frame *f)
{
	const unsigned char *nul = f->n > 8 ? memchr(f->p + 8, '\0', f->n - 8) : NULL;
	const char *hostname = (const char *)f->p + 8;
	struct launch l;
	uint32_t flags;

	if (in->set_up || !nul || !launch_parse(&l, nul + 1, (size_t)(f->p + f->n - nul - 1)))
		return false;
	flags = chan_get32(f->p);
	in->set_up = true;
	in->keep = in->real || flags & (CHAN_KEEP | CHAN_IDLE);
	if (in->pid1 && chan_get32(f->p + 4))
		limit_tasks(chan_get32(f->p + 4));
	if (flags & CHAN_TELL_NAMES)
		names_open(in);
	if (in->pid1 && *hostname && sethostname(hostname, strlen(hostname)) < 0)
		log_line("cannot set the host name", NULL);
	if (in->real || flags & CHAN_IDLE) {
		console_winsize(in, l.rows, l.cols);
		gchan_send32(&in->chan, CHAN_READY, 0, 0, 0);
	} else {
		console_start_main(in, &l);
	}
	return true;
}

static int add_entropy(const unsigned char *p, size_t n)
{
	int room[(sizeof(struct rand_pool_info) + CHAN_MAX_ENTROPY) / sizeof(int)];
	struct rand_pool_info *pool = (struct rand_pool_info *)room;
	int fd = open("/dev/random", O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return errno;
	pool->entropy_count = (int)n * 8;
	pool->buf_size = (int)n;
	memcpy(pool->buf, p, n);
	if (ioctl(fd, RNDADDENTROPY, pool) < 0)
		r = errno;
	close(fd);
	return r;
}

static int set_time(const unsigned char *p)
{
	struct timespec ts = {.tv_sec = (time_t)chan_get64(p), .tv_nsec = chan_get32(p + 8)};

	return clock_settime(CLOCK_REALTIME, &ts) < 0 ? errno : 0;
}

static void tell_info(struct init *in, uint32_t tag)
{
	unsigned char answer[4 + CHAN_INFO_SIZE] = {0}, *p = answer + 4;
	char text[1024];
	const char *at;
	struct sysinfo si;
	uint64_t kib;

	if (sysinfo(&si) < 0) {
		jobs_done(in, tag, errno);
		return;
	}
	kib = (uint64_t)(si.freeram + si.bufferram) * si.mem_unit / 1024;
	if (file_slurp("/proc/meminfo", text, sizeof(text)) > 0 &&
	    (at = strstr(text, "MemAvailable:")) != NULL) {
		at += strlen("MemAvailable:");
		at += strspn(at, " ");
		str_parse(&at, UINT64_MAX, &kib);
	}
	chan_put64(p, (uint64_t)now_ms());
	chan_put64(p + 8, (uint64_t)si.totalram * si.mem_unit / 1024);
	chan_put64(p + 16, kib);
	for (size_t i = 0; i < 3; i++)
		chan_put32(p + 24 + 4 * i,
			   (uint32_t)((uint64_t)si.loads[i] * 100 >> SI_LOAD_SHIFT));
	chan_put32(p + 36, si.procs);
	gchan_send(&in->chan, CHAN_DONE, 0, tag, answer, sizeof(answer));
}

static bool on_request(struct init *in, const struct frame *f)
{
	switch (f->type) {
	case CHAN_PING:
		jobs_done(in, f->id, 0);
		return true;
	case CHAN_INFO:
		tell_info(in, f->id);
		return true;
	case CHAN_SHUTDOWN:
		shutdown_begin(in, f->id, chan_get32(f->p));
		return true;
	case CHAN_SETTIME:
		jobs_done(in, f->id, in->pid1 ? set_time(f->p) : EPERM);
		return true;
	case CHAN_ENTROPY:
		jobs_done(in, f->id, in->pid1 ? add_entropy(f->p, f->n) : EPERM);
		return true;
	default:
		jobs_start(in, f);
		return true;
	}
}

static bool on_owners(struct init *in, const struct frame *f)
{
	if (f->n % CHAN_SOCKET)
		return false;
	jobs_start(in, f);
	return true;
}

static bool on_signal_or_size(struct init *in, const struct frame *f)
{
	if (f->type == CHAN_SIGNAL && (!chan_get32(f->p) || chan_get32(f->p) > 64))
		return false;
	if (f->id)
		return exec_frame(in, f);
	if (f->type == CHAN_SIGNAL)
		console_signal(in, (int)chan_get32(f->p));
	else
		console_winsize(in, chan_get16(f->p), chan_get16(f->p + 2));
	return true;
}

/* What the host may send: the length of each frame, and who handles it. */
static const struct {
	uint16_t type;
	bool id; /* must not be 0 */
	uint32_t min, max;
	bool (*fn)(struct init *in, const struct frame *f);
} rules[] = {
    {.type = CHAN_DATA, .id = true, .min = 1, .max = CHAN_MAX_PAYLOAD, .fn = exec_frame},
    {.type = CHAN_EOF, .id = true, .fn = exec_frame},
    {.type = CHAN_CREDIT, .id = true, .min = 4, .max = 4, .fn = exec_frame},
    {.type = CHAN_SETUP, .max = CHAN_MAX_MESSAGE, .fn = on_setup},
    {.type = CHAN_EXEC, .id = true, .max = CHAN_MAX_MESSAGE, .fn = exec_start},
    {.type = CHAN_SIGNAL, .min = 4, .max = 4, .fn = on_signal_or_size},
    {.type = CHAN_WINSIZE, .min = 4, .max = 4, .fn = on_signal_or_size},
    {.type = CHAN_CLOSE, .id = true, .fn = exec_frame},
    {.type = CHAN_PING, .id = true, .fn = on_request},
    {.type = CHAN_SYNC, .id = true, .fn = on_request},
    {.type = CHAN_DROP_CACHES, .id = true, .fn = on_request},
    {.type = CHAN_COUNT_PROCS, .id = true, .fn = on_request},
    {.type = CHAN_PS, .id = true, .fn = on_request},
    {.type = CHAN_INFO, .id = true, .fn = on_request},
    {.type = CHAN_OWNERS,
     .id = true,
     .min = CHAN_SOCKET,
     .max = CHAN_MAX_SOCKETS * CHAN_SOCKET,
     .fn = on_owners},
    {.type = CHAN_SHUTDOWN, .id = true, .min = 4, .max = 4, .fn = on_request},
    {.type = CHAN_SETTIME, .id = true, .min = 12, .max = 12, .fn = on_request},
    {.type = CHAN_ENTROPY, .id = true, .min = 1, .max = CHAN_MAX_ENTROPY, .fn = on_request},
};

static bool on_frame(void *user, const struct frame *f)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].type == f->type)
			return f->n >= rules[i].min && f->n <= rules[i].max &&
			       (f->id || !rules[i].id) && rules[i].fn(user, f);
	return false;
}

static void send_hello(struct init *in)
{
	unsigned char p[12 + CHAN_MAX_RELEASE + 1];
	struct timespec ts;
	struct utsname u;
	size_t n;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	uname(&u);
	n = strnlen(u.release, CHAN_MAX_RELEASE);
	chan_put32(p, CHAN_VERSION);
	chan_put64(p + 4, (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
	memcpy(p + 12, u.release, n);
	p[12 + n] = '\0';
	gchan_send(&in->chan, CHAN_HELLO, 0, 0, p, 13 + n);
}

/* Children and signals. */

static void reap(struct init *in)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		shutdown_reaped(in);
		/* The short circuit is the search: a pid belongs to one of them, or to nobody. */
		(void)(console_reaped(in, pid, status) || exec_reaped(in, pid, status) ||
		       jobs_reaped(in, pid, status));
	}
	/* As an ordinary process init has adopted what it may not signal: that is not waited for.
	 */
	in->childless = (pid < 0 && errno == ECHILD) ||
			((!in->pid1 || in->real) && !in->streams && !in->jobs && !in->main.pid);
}

static void on_signals(void *user, uint32_t events)
{
	struct signalfd_siginfo si;
	struct init *in = user;

	while (read(in->signals.fd, &si, sizeof(si)) == sizeof(si)) {
		/* A system's init that goes down tells everybody; we stay to the end. */
		if (si.ssi_signo == SIGCHLD || in->real)
			continue;
		shutdown_begin(in, 0, SIGNAL_GRACE_MS);
	}
	reap(in);
}

/* SIGCHLD, and what asks an init to power off: Ctrl-Alt-Del (INT), power failure, halt(8). */
static int open_signals(struct init *in)
{
	static const int wanted[] = {SIGCHLD, SIGTERM, SIGINT, SIGPWR, SIGUSR1, SIGUSR2};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : watch_open(&in->signals, in->epfd, fd, EPOLLIN, on_signals, in);
}

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

static void __attribute__((noreturn)) run(struct init *in, bool has_chan)
{
	int timeout = 0;

	for (;;) {
		watch_turn(in->epfd, timeout);
		timeout = -1;
		if (has_chan && !in->chan.over && gchan_pump(&in->chan))
			timeout = 0;
		if (has_chan && in->chan.over && in->shutdown.phase == SHUT_NO)
			shutdown_begin(in, 0, BROKEN_GRACE_MS);
		timeout = sooner(timeout, exec_tick(in));
		jobs_sweep(in);
		if (in->shutdown.phase != SHUT_NO)
			reap(in); /* learns that there is no child at all */
		timeout = sooner(timeout, shutdown_tick(in));
		/* What the ticks have queued goes out before the wait. */
		if (has_chan && !in->chan.over && gchan_pump(&in->chan))
			timeout = 0;
	}
}

/* Without a channel: the command line's command or root's shell. */
static void run_alone(struct init *in, char **argv, int argc)
{
	struct launch l = {.argc = (uint16_t)argc, .gid = CHAN_LOOKUP, .user = "", .cwd = ""};
	char strings[4096];
	size_t off = 0;

	for (int i = 0; i < argc; i++) {
		size_t n = strlen(argv[i]) + 1;

		if (off + n > sizeof(strings)) {
			l.argc = (uint16_t)i;
			break;
		}
		memcpy(strings + off, argv[i], n);
		off += n;
	}
	l.term = "linux";
	l.argv = strings;
	l.env = "";
	in->chan.over = true;
	console_start_main(in, &l);
}

/* The value of an option in the kernel's command line, in place; NULL without. */
static const char *option(const char *name, char *cmdline, size_t size)
{
	char *at;

	if (file_slurp("/proc/cmdline", cmdline, size) < 0)
		return NULL;
	at = strstr(cmdline, name);
	if (!at)
		return NULL;
	at += strlen(name);
	at[strcspn(at, " \n")] = '\0';
	return at;
}

static int serve(struct init *in, int argc, char **argv)
{
	const char *number = argc > 2 ? argv[2] : "";
	uint64_t fd;
	int r;

	if (argc < 3 || strcmp(argv[1], "--serve") != 0 || !str_parse(&number, 65535, &fd))
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	in->console_path = argc > 3 ? argv[3] : "/dev/null/none";
	console_open(in);
	r = open_signals(in);
	if (r == 0)
		r = gchan_open(&in->chan, in->epfd, (int)fd, on_frame, in);
	if (r < 0)
		return 1;
	send_hello(in);
	run(in, true);
}

int main(int argc, char **argv)
{
	struct init in = {.pid1 = getpid() == 1, .console = -1, .console_path = "/dev/tty0"};
	char cmdline[4096];
	const char *path;
	int fd;

	if (!in.pid1) {
		in.epfd = epoll_create1(EPOLL_CLOEXEC);
		return serve(&in, argc, argv);
	}
	umask(022);
	mounts_make();
	mounts_settle();
	net_make();
	path = option("gaol.init=", cmdline, sizeof(cmdline));
	if (path)
		in.real = realinit_fork(path, argv[0]);
	in.epfd = epoll_create1(EPOLL_CLOEXEC);
	console_open(&in);
	open_signals(&in);
	path = option("gaol.chan=", cmdline, sizeof(cmdline));
	if (path && strcmp(path, "none") == 0) {
		run_alone(&in, argv + 1, argc - 1);
		run(&in, false);
	}
	fd = gchan_find(path, PORT_WAIT_MS);
	if (fd < 0 || gchan_open(&in.chan, in.epfd, fd, on_frame, &in) < 0) {
		log_line("no channel to the warden", path ? path : CHAN_PORT_NAME);
		shutdown_begin(&in, 0, 0);
		run(&in, false);
	}
	send_hello(&in);
	run(&in, true);
}
