/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/wall.h"
#include "core/fd.h"
#include "core/wall/probe.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESOLV "/etc/resolv.conf"

static const char *const calls[] = {
    /* packets */
    "read",
    "write",
    "readv",
    "writev",
    "preadv2",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    "shutdown",
    "ioctl",
    "fcntl",
    "close",
    "dup",
    /* waiting */
    "poll",
    "ppoll",
    "epoll_wait",
    "epoll_pwait",
    "epoll_ctl",
    "clock_gettime",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "restart_syscall",
    "futex",
    "sched_yield",
    /* memory, the guest's too */
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "brk",
    /* the host's name servers; whether a guest's descriptor is what it says */
    "openat",
    "fstat",
    "newfstatat",
    "fstatfs",
    "lseek",
    "readlink",
    "readlinkat",
    /* itself */
    "getpid",
    "gettid",
    "getrandom",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "exit",
    "exit_group",
};

const char *const *wall_path_calls(size_t *n)
{
	*n = sizeof(calls) / sizeof(calls[0]);
	return calls;
}

static int allow_calls(scmp_filter_ctx f)
{
	static const uint64_t families[] = {AF_INET, AF_INET6};
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(calls) / sizeof(calls[0]); i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);

		if (number >= 0)
			ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, number, 0);
	}
	for (size_t i = 0; !ret && i < 2; i++) {
		struct scmp_arg_cmp is = {.arg = 0,
					  .op = SCMP_CMP_MASKED_EQ,
					  .datum_a = UINT32_MAX,
					  .datum_b = families[i]};

		ret = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &is);
	}
	return ret;
}

static int filter(struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret = f ? allow_calls(f) : -ENOMEM;

	if (!ret)
		ret = seccomp_load(f);
	if (f)
		seccomp_release(f);
	return ret ? err_set(e, ret, "network: filter: %s", strerror(-ret)) : 0;
}

/* All rights on files that Landlock's first interface knows. */
static const uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

static int grant(int set, const char *path, uint64_t access)
{
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr a = {.allowed_access = access, .parent_fd = fd};

	if (fd < 0) /* a host without it has nothing to read there */
		return 0;
	return syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &a, 0) ? -errno : 0;
}

/* Closes what handled names but for access below the paths. */
static int files(uint64_t handled, const char *const *paths, size_t n, uint64_t access,
		 struct err *e)
{
	struct landlock_ruleset_attr r = {.handled_access_fs = handled};
	int ret = 0;

	if (probe_landlock() < 1)
		return 0;
	cleanup_fd int set =
	    (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r.handled_access_fs), 0);
	if (set < 0)
		return err_sys(e, "network: landlock");
	for (size_t i = 0; i < n && !ret; i++)
		ret = grant(set, paths[i], access);
	if (!ret && syscall(SYS_landlock_restrict_self, set, 0))
		ret = -errno;
	return ret ? err_set(e, ret, "network: landlock: %s", strerror(-ret)) : 0;
}

/* Keeps the capabilities of the list (n of them), here and for programs that are started. */
static int keep(const int *list, size_t n, struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	for (int c = 0; c <= CAP_LAST_CAP; c++) {
		bool kept = false;

		for (size_t i = 0; i < n; i++)
			kept = kept || list[i] == c;
		/* Who may not drop it has none to give away. */
		if (!kept && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) && errno != EINVAL &&
		    errno != EPERM)
			return err_sys(e, "network: capabilities");
		if (kept)
			data[CAP_TO_INDEX(c)].permitted |= CAP_TO_MASK(c);
	}
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted;
	return syscall(SYS_capset, &head, data) ? err_sys(e, "network: capabilities") : 0;
}

int wall_path(struct err *e)
{
	char real[PATH_MAX] = RESOLV;
	const char *paths[] = {"/etc", real};

	/* A link, on many hosts, to a file that is replaced: the directory is what stays. */
	if (realpath(RESOLV, real) && strrchr(real, '/') > real)
		*strrchr(real, '/') = '\0';
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_sys(e, "network: no new privileges");
	int ret = keep(NULL, 0, e);
	if (!ret)
		ret = files(all, paths, 2, reading, e);
	return ret ? ret : filter(e);
}

int wall_room(struct err *e)
{
	static const int kept[] = {CAP_NET_ADMIN, CAP_NET_RAW};
	static const char *const tools[] = {"/dev/null"};
	uint64_t changing = all & ~(reading | (uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_sys(e, "network: no new privileges");
	int ret = keep(kept, sizeof(kept) / sizeof(kept[0]), e);
	return ret ? ret : files(changing, tools, 1, LANDLOCK_ACCESS_FS_WRITE_FILE, e);
}
