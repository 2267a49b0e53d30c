/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/guest.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/hostproc.h"
#include "core/mountpoint.h"
#include "core/wall/calls.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define INFO_MAX 4096
#define UMID "g" /* the guest kernel's name: its mconsole is /tmp/UMID/mconsole */

struct guest {
	pid_t pid;   /* bubblewrap outside; it waits for the one inside */
	pid_t inner; /* pid 1 of the guest's pid namespace, 0 until told */
	int info;    /* bubblewrap tells inner here, -1 when done */
	struct loop_fd *watch;
	struct buf text;
	bool ended;
	int inner_fd; /* its pidfd, -1: none */
	bool doomed;  /* guest_kill came before inner was known */
	guest_exit_fn *on_exit;
	void *user;
};

/* Argument lists are built by hand: no shell ever sees them. */
struct args {
	char *v[128];
	size_t n;
};

static void arg(struct args *a, const char *s)
{
	if (a->n + 1 < sizeof(a->v) / sizeof(a->v[0]))
		a->v[a->n++] = xstrdup(s);
}

static void argf(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void argf(struct args *a, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	arg(a, buf_cstr(&b));
	buf_free(&b);
}

static void args_free(struct args *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
}

/*
 * Loops per jiffy without the 50 ms of measuring it: HZ is 100 in the guest, and half of
 * /proc/cpuinfo's bogomips per microsecond is what calibrate_delay() would find (init/calibrate.c).
 */
static unsigned long guess_lpj(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[512];
	double mips = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "bogomips : %lf", &mips) == 1)
			break;
	if (f)
		fclose(f);
	return mips > 1 ? (unsigned long)(mips * 500000 / 100) : 20000000;
}

/* The guest's memory is a file in its private tmpfs; a little more for mconsole's socket, the pid
 * file and the image of its stubs. */
static unsigned long long tmp_size(const struct guest_config *c)
{
	return (unsigned long long)c->memory + (4 << 20);
}

static void bind_args(struct args *a, const char *how, const char *from, const char *to)
{
	arg(a, how);
	arg(a, from);
	arg(a, to);
}

static void wall_args(struct args *a, const struct guest_config *c, const char *box, int info_fd)
{
	static const char *const walls[] = {"bwrap",	     "--unshare-user",	  "--unshare-all",
					    "--new-session", "--die-with-parent", "--cap-drop",
					    "ALL",	     "--clearenv"};

	for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++)
		arg(a, walls[i]);
	arg(a, "--info-fd");
	argf(a, "%d", info_fd);
	bind_args(a, "--ro-bind", box ? "/run/k" : c->kernel, "/k");
	bind_args(a, "--ro-bind", box ? "/run/w" : c->step, "/w");
	bind_args(a, "--bind", box ? "/run/f" : c->fs_sock, "/f");
	bind_args(a, "--bind", box ? "/run/c" : c->chan_sock, "/c");
	if (c->net_sock)
		bind_args(a, "--bind", box ? "/run/n" : c->net_sock, "/n");
	arg(a, "--size");
	argf(a, "%llu", tmp_size(c));
	arg(a, "--tmpfs");
	arg(a, "/tmp");
	/* bubblewrap's root is a tmpfs without a limit: memory of the host's, if it could be
	 * written. */
	arg(a, "--remount-ro");
	arg(a, "/");
	arg(a, "--setenv");
	arg(a, "TMPDIR");
	arg(a, "/tmp");
	arg(a, "--chdir");
	arg(a, "/");
	arg(a, "--");
}

/* The last step before the kernel's image: core/wall/step/step.c has its arguments. */
static void step_args(struct args *a, const struct guest_config *c, int filter)
{
	arg(a, "/w");
	argf(a, "%d", filter);
	argf(a, "%llu", tmp_size(c));
	argf(a, "%u", c->pids ? c->pids + GUEST_OWN_PIDS : GUEST_PROCESSES);
	arg(a, c->landlock ? "1" : "0");
}

static void kernel_args(struct args *a, const struct guest_config *c)
{
	arg(a, "/k");
	argf(a, "mem=%lluM", (unsigned long long)(c->memory >> 20));
	arg(a, c->trusting ? "seccomp=on" : "seccomp=off");
	if (c->trusting && c->cpus > 1)
		argf(a, "ncpus=%u", c->cpus);
	arg(a, "con0=fd:0,fd:1");
	arg(a, "con=null");
	arg(a, "ssl=null");
	arg(a, "uml_dir=/tmp/");
	arg(a, "umid=" UMID);
	arg(a, "panic=-1");
	arg(a, c->verbose ? "loglevel=7" : "quiet");
	argf(a, "lpj=%lu", guess_lpj());
	arg(a, "virtio_uml.device=/f:26"); /* VIRTIO_ID_FS, linux/virtio_ids.h */
	arg(a, "virtio_uml.device=/c:3");  /* VIRTIO_ID_CONSOLE */
	if (c->net_sock) {
		arg(a, "virtio_uml.device=/n:1"); /* VIRTIO_ID_NET */
		argf(a, "gaol.net=%s", c->net_plan);
	}
	argf(a, "root=%s", c->root_tag);
	arg(a, "rootfstype=virtiofs");
	arg(a, "rw");
	argf(a, "init=%s", c->init);
	if (c->real_init)
		argf(a, "gaol.init=%s", c->real_init);
	a->v[a->n] = NULL;
}

/* Binds a file onto a new empty one in the box. */
static int box_bind(const char *box, const char *name, const char *source)
{
	char *to = xasprintf("%s/%s", box, name);
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	int ret = fd < 0 || mount(source, to, NULL, MS_BIND, NULL) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	free(to);
	return ret;
}

/*
 * As root the guest gets a uid that can enter none of our directories. What it must reach is put
 * into a tmpfs that this process alone sees, at /run, whatever the real paths are.
 */
static int enter_box(const struct guest_config *c, const char *box)
{
	/* Slave, not private: what the host unmounts later goes here too. */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		return -errno;
	mountpoint_forget("fuse.gaol");
	if (mount("gaol", box, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m"))
		return -errno;
	int ret = box_bind(box, "k", c->kernel);
	if (!ret)
		ret = box_bind(box, "w", c->step);
	if (!ret)
		ret = box_bind(box, "f", c->fs_sock);
	if (!ret)
		ret = box_bind(box, "c", c->chan_sock);
	if (!ret && c->net_sock)
		ret = box_bind(box, "n", c->net_sock);
	if (!ret && mount(box, "/run", NULL, MS_MOVE, NULL))
		ret = -errno;
	if (!ret && (setgroups(0, NULL) || setresgid(c->uid, c->uid, c->uid) ||
		     setresuid(c->uid, c->uid, c->uid)))
		ret = -errno;
	return ret;
}

static void hold_on_cpu(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Descriptors that bubblewrap gets. */
struct passed {
	int console, info, filter;
};

/* Between fork and exec: failures are told through report_fd, which exec closes. */
static _Noreturn void child(const struct guest_config *c, const char *box, pid_t warden,
			    char **argv, const struct passed *p, int report_fd)
{
	struct rlimit no_core = {1, 1}; /* see core/wall/step/step.c */
	sigset_t none;
	const char *what = "walls";
	int ret = 0;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	setrlimit(RLIMIT_CORE, &no_core);
	hold_on_cpu(c->cpu);
	if (box)
		ret = enter_box(c, box);
	/* Set after the change of uid, which would clear it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != warden)
		_exit(127);
	/* UML wants fixed addresses; asking here saves it a re-exec through /proc, which it has
	 * not. */
	personality(ADDR_NO_RANDOMIZE);
	if (!ret) {
		what = "bwrap";
		dup2(p->console, 0);
		dup2(p->console, 1);
		dup2(p->console, 2);
		fcntl(p->info, F_SETFD, 0);
		fcntl(p->filter, F_SETFD, 0);
		execvp(argv[0], argv);
		ret = -errno;
	}
	dprintf(report_fd, "%s: %s", what, strerror(-ret));
	_exit(127);
}

/* A number may be another's by the time that it is used: what is killed is held by a descriptor. */
static void hold_inner(struct guest *g)
{
	struct hostproc p;

	if (g->inner <= 0)
		return;
	g->inner_fd = (int)syscall(SYS_pidfd_open, g->inner, 0);
	/* it has ended, and was reaped: what was opened is somebody else */
	if (g->inner_fd >= 0 && (!hostproc_read(g->inner, &p) || p.ppid != g->pid))
		fd_close(&g->inner_fd);
}

static void read_info(void *user, int events)
{
	struct guest *g = user;
	char part[512];

	(void)events;
	ssize_t n = read(g->info, part, sizeof(part));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && g->text.len < INFO_MAX) {
		buf_add(&g->text, part, (size_t)n);
		return;
	}
	json_t *o = json_loadb(buf_cstr(&g->text), g->text.len, 0, NULL);
	g->inner = (pid_t)json_integer_value(json_object_get(o, "child-pid"));
	json_decref(o);
	hold_inner(g);
	loop_fd_del(g->watch);
	g->watch = NULL;
	fd_close(&g->info);
	if (g->doomed)
		guest_kill(g);
}

/* Waits for the child's exec: end of file is success, text is the reason. */
static int await_exec(int fd, struct err *e)
{
	char why[256];
	ssize_t n = fd_read_full(fd, why, sizeof(why) - 1);

	if (n <= 0)
		return 0;
	why[n] = '\0';
	return err_set(e, -EIO, "guest: %s: `gaol doctor` tells what is missing", why);
}

static pid_t fork_child(const struct guest_config *c, const char *box, const struct passed *p,
			struct err *e)
{
	struct args a = {.n = 0};
	int report[2];

	if (pipe2(report, O_CLOEXEC)) {
		err_sys(e, "guest: pipe");
		return -1;
	}
	wall_args(&a, c, box, p->info);
	step_args(&a, c, p->filter);
	kernel_args(&a, c);
	pid_t warden = getpid(), pid = fork();
	if (!pid)
		child(c, box, warden, a.v, p, report[1]);
	if (pid < 0)
		err_sys(e, "guest: fork");
	close(report[1]);
	if (pid > 0 && await_exec(report[0], e)) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(report[0]);
	args_free(&a);
	return pid;
}

struct guest *guest_start(struct loop *l, const struct guest_config *c, int console_fd,
			  guest_exit_fn *on_exit, void *user, struct err *e)
{
	cleanup_fd int console = console_fd, filter = calls_filter(c->trusting, e);
	char *box = NULL;
	int info[2];

	if (filter < 0)
		return NULL;
	if (pipe2(info, O_CLOEXEC)) {
		err_sys(e, "guest: pipe");
		return NULL;
	}
	if (geteuid() == 0) {
		box = xasprintf("%s/box", c->run);
		mkdir(box, 0700);
	}
	struct passed p = {.console = console, .info = info[1], .filter = filter};
	pid_t pid = fork_child(c, box, &p, e);
	free(box);
	close(info[1]);
	if (pid < 0) {
		close(info[0]);
		return NULL;
	}
	struct guest *g = xcalloc(1, sizeof(*g));
	*g = (struct guest){
	    .pid = pid, .inner_fd = -1, .info = info[0], .on_exit = on_exit, .user = user};
	fcntl(g->info, F_SETFL, O_NONBLOCK);
	g->watch = loop_fd_add(l, g->info, LOOP_IN, read_info, g);
	return g;
}

void guest_reap(struct guest *g)
{
	int status;

	if (g->ended || waitpid(g->pid, &status, WNOHANG) != g->pid)
		return;
	g->ended = true;
	g->on_exit(g->user, status);
}

void guest_kill(struct guest *g)
{
	if (g->ended)
		return;
	/*
	 * The kill of a pid namespace's first process returns from its wait only when all others
	 * are gone; bubblewrap outside ends behind it. So nothing is left when on_exit is called.
	 */
	g->doomed = true;
	if (g->inner_fd >= 0)
		syscall(SYS_pidfd_send_signal, g->inner_fd, SIGKILL, NULL, 0);
	else if (g->info < 0)
		kill(g->pid, SIGKILL);
}

int guest_pause(struct guest *g)
{
	if (g->ended || g->inner <= 0)
		return -EAGAIN;
	int ret = hostproc_halt(g->inner);
	if (ret)
		hostproc_resume(g->inner);
	return ret;
}

int guest_resume(struct guest *g)
{
	return g->ended || g->inner <= 0 ? -EAGAIN : hostproc_resume(g->inner);
}

/* The root directory that the guest's processes have, as a descriptor, or -errno. */
static int guest_root(const struct guest *g)
{
	char *path = xasprintf("/proc/%d/root", g->inner);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	free(path);
	return fd < 0 ? -errno : fd;
}

/*
 * What lies in the guest's private tmpfs is the guest kernel's to change, so a link must not lead
 * us to a socket of the host: the path is resolved below its root, and connected by descriptor.
 */
static int mconsole_connect(const struct guest *g)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	cleanup_fd int root = guest_root(g);
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (root < 0)
		return root;
	cleanup_fd int node =
	    (int)syscall(SYS_openat2, root, "tmp/" UMID "/mconsole", &how, sizeof(how));
	if (node < 0)
		return -errno;
	cleanup_fd int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d", node);
	if (s < 0 || connect(s, (struct sockaddr *)&at, sizeof(at)))
		return -errno;
	return fd_steal(&s);
}

int guest_mconsole(struct guest *g, const char *command)
{
	/* arch/um/drivers/mconsole.h */
	struct {
		uint32_t magic, version, len;
		char data[512];
	} q = {.magic = 0xcafebabe, .version = 2};

	if (g->ended || g->inner <= 0)
		return -EAGAIN;
	cleanup_fd int s = mconsole_connect(g);
	if (s < 0)
		return s;
	snprintf(q.data, sizeof(q.data), "%s", command);
	q.len = (uint32_t)strlen(q.data);
	return send(s, &q, sizeof(q), MSG_NOSIGNAL) == sizeof(q) ? 0 : -errno;
}

pid_t guest_pid(const struct guest *g)
{
	return g->pid;
}

void guest_free(struct guest *g)
{
	if (!g)
		return;
	loop_fd_del(g->watch);
	fd_close(&g->info);
	fd_close(&g->inner_fd);
	buf_free(&g->text);
	free(g);
}
