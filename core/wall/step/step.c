/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step: the last step before the guest's kernel, inside bubblewrap's namespaces.
 *
 *	/w FILTER FILE-SIZE PROCESSES LANDLOCK PROGRAM ARGUMENTS...
 *
 * Raises the walls that only a process itself can raise (limits, Landlock, the filter of system
 * calls that it reads from descriptor FILTER) and becomes PROGRAM. Static, because nothing of the
 * host is here but its own file and the kernel's image. LANDLOCK is 1, or 0 for a host without it:
 * when it should be there and is not, nothing is started. Exit status 126 with a line on standard
 * error when a wall cannot be raised.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of Debian 12; from include/uapi/linux/landlock.h. */
#define FS_TRUNCATE (UINT64_C(1) << 14)	 /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_TCP UINT64_C(3)		 /* bind and connect, ABI 4 */
#define SCOPES UINT64_C(3)		 /* abstract sockets and signals, ABI 6 */
#define FS_ABI_1 ((UINT64_C(1) << 13) - 1)

struct ruleset {
	uint64_t fs, net, scoped;
};

#define FILTER_MAX 4096 /* instructions: BPF_MAXINSNS */
#define FILES 8192	/* a guest process costs its kernel one descriptor */
#define DATA (128ULL << 20)

static _Noreturn void give_up(const char *what)
{
	dprintf(2, "gaol: walls: %s: %s\n", what, strerror(errno));
	_exit(126);
}

static unsigned long long number(const char *s)
{
	char *end;

	errno = 0;
	unsigned long long n = strtoull(s, &end, 10);
	if (*end || errno) {
		errno = EINVAL;
		give_up(s);
	}
	return n;
}

static void limit(int what, unsigned long long n)
{
	struct rlimit now, want;

	if (getrlimit(what, &now))
		give_up("limits");
	want.rlim_max = n < now.rlim_max ? n : now.rlim_max;
	want.rlim_cur = want.rlim_max;
	if (setrlimit(what, &want))
		give_up("limits");
}

static void limits(unsigned long long file_size, unsigned long long processes)
{
	/* 1, not 0: the kernel writes no dump either, and pipes none to a program
	 * (do_coredump in fs/coredump.c). */
	limit(RLIMIT_CORE, 1);
	limit(RLIMIT_NOFILE, FILES);
	limit(RLIMIT_FSIZE, file_size);
	/* Memory outside the tmpfs: a kernel has 2 MiB of it and 8 MiB a processor, a stub none. */
	limit(RLIMIT_DATA, DATA);
	limit(RLIMIT_NPROC, processes);
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_MSGQUEUE, 0);
	limit(RLIMIT_RTPRIO, 0);
	limit(RLIMIT_NICE, 0);
}

static void allow(int set, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr a = {.allowed_access = access};

	a.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0 ||
	    syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &a, 0))
		give_up(path);
	close(a.parent_fd);
}

/*
 * The files that a guest's kernel may reach, once more and by another mechanism: its image, and
 * plain files and sockets in the private tmpfs (stubs are started from there, so execution stays).
 */
static void landlock(const char *program)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset r = {.fs = FS_ABI_1};
	uint64_t tmp =
	    FS_ABI_1 & ~(uint64_t)(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
				   LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_FIFO);
	size_t size = offsetof(struct ruleset, net);

	if (abi < 1)
		give_up("landlock");
	if (abi >= 2)
		r.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4) {
		r.net = NET_TCP;
		size = offsetof(struct ruleset, scoped);
	}
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6) {
		r.scoped = SCOPES;
		size = sizeof(r);
	}
	int set = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (set < 0)
		give_up("landlock");
	allow(set, program, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE);
	allow(set, "/tmp", tmp | (r.fs & FS_TRUNCATE));
	if (syscall(SYS_landlock_restrict_self, set, 0))
		give_up("landlock");
	close(set);
}

static void filter(int fd)
{
	static struct sock_filter code[FILTER_MAX];
	ssize_t n = pread(fd, code, sizeof(code), 0);
	struct sock_fprog p = {.len = (unsigned short)(n / (ssize_t)sizeof(code[0])),
			       .filter = code};

	if (n <= 0 || n % (ssize_t)sizeof(code[0])) {
		errno = n < 0 ? errno : EINVAL;
		give_up("filter");
	}
	/* Nothing but the console goes on; the filter's own descriptor neither. */
	if (syscall(SYS_close_range, 3, ~0U, 0))
		give_up("descriptors");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p))
		give_up("filter");
}

int main(int argc, char **argv)
{
	if (argc < 6) {
		errno = EINVAL;
		give_up("arguments");
	}
	limits(number(argv[2]), number(argv[3]));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		give_up("no new privileges");
	if (number(argv[4]))
		landlock(argv[5]);
	filter((int)number(argv[1]));
	execv(argv[5], argv + 5);
	give_up(argv[5]);
}
