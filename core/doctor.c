/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/doctor.h"
#include "core/cgroup.h"
#include "core/doctor_child.h"
#include "core/fd.h"
#include "core/kernel.h"
#include "core/layer/record.h"
#include "core/loop.h"
#include "core/net/probe.h"
#include "core/wall/probe.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEADLINE_MS 10000
#define BOOT_GRACE_MS 1000 /* for the boot itself to give up, with a better reason than ours */
#define SPACE_FAIL (UINT64_C(64) << 20) /* bytes: no jail lives long with less */
#define SPACE_WARN (UINT64_C(1) << 30)

/* What the checks know of each other. */
struct exam {
	const struct doctor_config *c;
	int ms;
	char kernel[PATH_MAX]; /* "" when there is none */
	bool walls;	       /* bubblewrap works */
};

typedef void check_fn(struct exam *x, struct doctor_check *k);

static void say(struct doctor_check *k, enum doctor_status status, const char *remedy,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void say(struct doctor_check *k, enum doctor_status status, const char *remedy,
		const char *fmt, ...)
{
	va_list ap;

	k->status = status;
	snprintf(k->remedy, sizeof(k->remedy), "%s", remedy);
	va_start(ap, fmt);
	vsnprintf(k->detail, sizeof(k->detail), fmt, ap);
	va_end(ap);
}

static void check_kernel(struct exam *x, struct doctor_check *k)
{
	struct err e = {""};
	char *cut;

	if (kernel_find(x->kernel, sizeof(x->kernel), &e) == 0) {
		say(k, DOCTOR_OK, "", "%.240s", x->kernel);
		return;
	}
	x->kernel[0] = '\0';
	/* "what: why: what to do" is in one line there, and in two fields here */
	cut = strrchr(e.text, ':');
	if (cut)
		*cut = '\0';
	say(k, DOCTOR_FAIL, cut ? cut + 2 : "run `make kernel`", "%.250s", e.text);
}

static int new_user_namespace(void *user)
{
	if (unshare(CLONE_NEWUSER) == 0)
		return 0;
	printf("%s\n", strerror(errno));
	fflush(stdout);
	return 1;
}

static void check_userns(struct exam *x, struct doctor_check *k)
{
	char out[128];
	int ret = child_run(new_user_namespace, NULL, x->ms, out, sizeof(out));

	if (!ret)
		say(k, DOCTOR_OK, "", "can be made");
	else
		say(k, DOCTOR_FAIL,
		    "as root: sysctl -w kernel.unprivileged_userns_clone=1 "
		    "user.max_user_namespaces=10000; in a container: allow nesting",
		    "cannot be made: %s", *out ? out : "no answer");
}

/* The walls of a guest, as far as they need no guest. */
static void check_bubblewrap(struct exam *x, struct doctor_check *k)
{
	const char *const argv[] = {"bwrap",
				    "--unshare-all",
				    "--new-session",
				    "--die-with-parent",
				    "--cap-drop",
				    "ALL",
				    "--clearenv",
				    "--ro-bind",
				    "/",
				    "/",
				    "--",
				    "/bin/true",
				    NULL};
	char out[160];
	int ret = child_exec(argv, x->ms, out, sizeof(out));

	x->walls = !ret;
	if (!ret)
		say(k, DOCTOR_OK, "", "works");
	else if (ret == 127)
		say(k, DOCTOR_FAIL, "apt-get install bubblewrap", "not found");
	else if (ret == CHILD_TIMEOUT)
		say(k, DOCTOR_FAIL,
		    "look what holds it: strace -f bwrap --unshare-all "
		    "--ro-bind / / /bin/true",
		    "does not answer within %d s", x->ms / 1000);
	else
		say(k, DOCTOR_FAIL,
		    "needs user namespaces (see above); on Ubuntu an AppArmor profile for bwrap",
		    "does not work: %s", *out ? out : "no reason given");
}

static void check_seccomp(struct exam *x, struct doctor_check *k)
{
	static const uint32_t actions[] = {SECCOMP_RET_ERRNO, SECCOMP_RET_TRAP, SECCOMP_RET_ALLOW};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]) < 0) {
			say(k, DOCTOR_FAIL,
			    "boot a kernel with CONFIG_SECCOMP_FILTER; in a container: allow "
			    "seccomp(2)",
			    "filters are not available: %s", strerror(errno));
			return;
		}
	say(k, DOCTOR_OK, "", "filters are available");
}

static void check_landlock(struct exam *x, struct doctor_check *k)
{
	int version = probe_landlock();

	if (version > 0)
		say(k, DOCTOR_OK, "", "version %d", version);
	else
		say(k, DOCTOR_WARN,
		    "boot a kernel with CONFIG_SECURITY_LANDLOCK, and landlock in lsm=",
		    "one wall less: a guest has its mount namespace alone between it and files");
}

/* What UML in ptrace mode does all the time: trace a child. */
static int trace_a_child(void *user)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(errno);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid)
		return 1;
	if (WIFSTOPPED(status) && ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 &&
	    waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	printf("%s\n", WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "not traced");
	fflush(stdout);
	return 1;
}

static void check_ptrace(struct exam *x, struct doctor_check *k)
{
	cleanup_fd int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	char scope = '0', out[128];

	/* from 2 on even a traced child's own wish needs a capability, and a guest has none
	 * (Documentation/admin-guide/LSM/Yama.rst) */
	if (fd >= 0 && read(fd, &scope, 1) == 1 && scope >= '2') {
		say(k, DOCTOR_FAIL,
		    "as root: sysctl -w kernel.yama.ptrace_scope=1 (3 stays until a reboot)",
		    "forbidden by kernel.yama.ptrace_scope = %c", scope);
		return;
	}
	if (child_run(trace_a_child, NULL, x->ms, out, sizeof(out)) != 0)
		say(k, DOCTOR_FAIL, "allow ptrace(2): see the seccomp profile of your container",
		    "a child cannot be traced: %s", *out ? out : "no answer");
	else
		say(k, DOCTOR_OK, "", "allowed");
}

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	for (path = path ? path : "/usr/bin:/bin"; *path;) {
		size_t n = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, program);
		if (n && access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static void check_windows(struct exam *x, struct doctor_check *k)
{
	cleanup_fd int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		say(k, DOCTOR_WARN,
		    errno == EACCES ? "as root: chmod 666 /dev/fuse" : "as root: modprobe fuse",
		    "jails run without windows: /dev/fuse: %s", strerror(errno));
	else if (geteuid() != 0 && !in_path("fusermount3"))
		say(k, DOCTOR_WARN, "apt-get install fuse3",
		    "jails run without windows: fusermount3 not found");
	else
		say(k, DOCTOR_OK, "", "/dev/fuse can be used");
}

/* $GAOL_HOME, or the nearest directory above it that is there. */
static int open_home(const char *home, char *shown, size_t size)
{
	int fd;

	snprintf(shown, size, "%s", home);
	while ((fd = open(shown, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 && errno == ENOENT) {
		char *slash = strrchr(shown, '/');

		if (!slash || (slash == shown && !shown[1]))
			break;
		slash[slash == shown] = '\0';
	}
	return fd;
}

/* A file without a name in dir, or -1. */
static int scratch(int dir, const char *shown)
{
	char name[PATH_MAX];
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	snprintf(name, sizeof(name), "%.4000s/.doctor-XXXXXX", shown);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

static void check_xattr(struct exam *x, struct doctor_check *k)
{
	char shown[PATH_MAX];
	cleanup_fd int dir = open_home(x->c->home, shown, sizeof(shown));
	cleanup_fd int fd = dir < 0 ? -1 : scratch(dir, shown);
	uint8_t value[RECORD_SIZE] = {RECORD_VERSION};

	if (fd < 0)
		say(k, DOCTOR_FAIL, "make it writable for you, or set GAOL_HOME to a place that is",
		    "%.180s cannot be written: %s", shown, strerror(errno));
	else if (fsetxattr(fd, RECORD_XATTR, value, sizeof(value), 0) < 0)
		say(k, DOCTOR_FAIL, "set GAOL_HOME to a directory on ext4, xfs or btrfs",
		    "%.160s has no user attributes: %s", shown, strerror(errno));
	else
		say(k, DOCTOR_OK, "", "work in %.200s", shown);
}

static void check_space(struct exam *x, struct doctor_check *k)
{
	char shown[PATH_MAX];
	cleanup_fd int dir = open_home(x->c->home, shown, sizeof(shown));
	enum doctor_status status;
	struct statvfs v;
	uint64_t space;

	if (dir < 0 || fstatvfs(dir, &v) < 0) {
		say(k, DOCTOR_FAIL, "set GAOL_HOME to a directory of yours", "%.200s: %s", shown,
		    strerror(errno));
		return;
	}
	space = (uint64_t)v.f_bavail * v.f_frsize;
	status = space < SPACE_FAIL ? DOCTOR_FAIL : space < SPACE_WARN ? DOCTOR_WARN : DOCTOR_OK;
	say(k, status, status ? "make room, or set GAOL_HOME to a larger place" : "",
	    "%.1f GiB free in %.200s", (double)space / (UINT64_C(1) << 30), shown);
}

/* What [limits] can be held by. Size, inodes, files and processes always can. */
static void check_limits(struct exam *x, struct doctor_check *k)
{
	struct cgroup_can can = cgroup_look(CGROUP_HOST);

	if (can.cpu)
		say(k, DOCTOR_OK, "",
		    "size, inodes, files: by the layer; pids: by rlimit%s; cpu: by cgroup v%d",
		    can.pids ? " and cgroup" : "", can.version);
	else
		say(k, DOCTOR_OK, "",
		    "size, inodes, files: by the layer; pids: by rlimit%s; cpu: by nice, since no "
		    "cgroup of ours can have the cpu controller",
		    can.pids ? " and cgroup" : "");
}

/* Where a kernel keeps netfilter's queues from us, a jail can have all of the network or none. */
static void check_network(struct exam *x, struct doctor_check *k)
{
	static const char prefix[] = "network: ";
	struct err e = {""};

	int ret = net_probe("list", x->ms, &e);
	const char *why = e.text + (strncmp(e.text, prefix, strlen(prefix)) ? 0 : strlen(prefix));
	if (!ret)
		say(k, DOCTOR_OK, "", "jails can have one, by rules and questions");
	else if (!net_probe("open", x->ms, NULL))
		say(k, DOCTOR_WARN, "net.mode=open works; ask and list need NFQUEUE in the kernel",
		    "no queues of netfilter: %s", why);
	else
		say(k, DOCTOR_WARN,
		    access("/dev/net/tun", R_OK | W_OK) && geteuid()
			? "as root: chmod 666 /dev/net/tun; jails without a network run"
			: "install iptables; jails without a network run",
		    "%s", why);
}

/* The character set by the rule of locale(7): the first of three variables that is set. */
static const char *charset(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return v;
	}
	return "C";
}

static void check_terminal(struct exam *x, struct doctor_check *k)
{
	const char *term = getenv("TERM"), *set = charset();

	if (!term || !*term || !strcmp(term, "dumb"))
		say(k, DOCTOR_WARN, "run gaol in a terminal, or set TERM", "TERM is %s: no console",
		    term && *term ? term : "not set");
	else if (!strcasestr(set, "UTF-8") && !strcasestr(set, "utf8"))
		say(k, DOCTOR_WARN, "set LANG=C.UTF-8",
		    "%.60s without UTF-8 (locale %.60s): names beyond ASCII are shown as \\u{...}",
		    term, set);
	else
		say(k, DOCTOR_OK, "", "%.60s, UTF-8", term);
}

static int boot_once(void *user)
{
	struct exam *x = user;
	struct err e = {""};
	int ms = x->ms > 2 * BOOT_GRACE_MS ? x->ms - BOOT_GRACE_MS : x->ms;

	if (x->c->boot(x->c->user, x->kernel, ms, &e) == 0)
		return 0;
	printf("%s\n", e.text);
	fflush(stdout);
	return 1;
}

static void check_boot(struct exam *x, struct doctor_check *k)
{
	int64_t start = loop_now_ms();
	char out[200];
	int ret;

	if (!*x->kernel || !x->walls) {
		say(k, DOCTOR_FAIL, "mend the above first", "not tried");
		return;
	}
	ret = child_run(boot_once, x, x->ms, out, sizeof(out));
	if (!ret)
		say(k, DOCTOR_OK, "", "booted and powered off in %lld ms",
		    (long long)(loop_now_ms() - start));
	else if (ret == CHILD_TIMEOUT)
		say(k, DOCTOR_FAIL, "run `make kernel` for an image that is known to work",
		    "the kernel image does not boot within %d s", x->ms / 1000);
	else
		say(k, DOCTOR_FAIL, "run `make kernel` for an image that is known to work",
		    "the kernel image does not boot: %s", *out ? out : "no reason given");
}

static const struct {
	const char *name;
	check_fn *fn;
} checks[] = {
    {.name = "kernel image", .fn = check_kernel},
    {.name = "user namespaces", .fn = check_userns},
    {.name = "bubblewrap", .fn = check_bubblewrap},
    {.name = "seccomp", .fn = check_seccomp},
    {.name = "landlock", .fn = check_landlock},
    {.name = "ptrace", .fn = check_ptrace},
    {.name = "windows", .fn = check_windows},
    {.name = "attributes", .fn = check_xattr},
    {.name = "space", .fn = check_space},
    {.name = "limits", .fn = check_limits},
    {.name = "network", .fn = check_network},
    {.name = "terminal", .fn = check_terminal},
    {.name = "boot", .fn = check_boot},
};
_Static_assert(sizeof(checks) / sizeof(checks[0]) <= DOCTOR_MAX, "promised in doctor.h");

size_t doctor_run(const struct doctor_config *c, struct doctor_check *out, size_t max,
		  void (*fn)(void *user, const struct doctor_check *k), void *fn_user)
{
	struct exam x = {.c = c, .ms = c->deadline_ms > 0 ? c->deadline_ms : DEADLINE_MS};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && n < max; i++) {
		if (checks[i].fn == check_boot && !c->boot)
			continue;
		out[n] = (struct doctor_check){.name = checks[i].name};
		checks[i].fn(&x, &out[n]);
		if (fn)
			fn(fn_user, &out[n]);
		n++;
	}
	return n;
}

bool doctor_can_run(const struct doctor_check *k, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (k[i].status == DOCTOR_FAIL)
			return false;
	return true;
}

const char *doctor_status_name(enum doctor_status s)
{
	static const char *const names[] = {
	    [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};

	return names[s];
}
