/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter of a guest's kernel, and what gaol's own processes give away. */
#include "core/fd.h"
#include "core/wall/calls.h"
#include "core/wall/hold.h"
#include "core/wall/probe.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs fn in a child; its exit status. */
static int in_child(int (*fn)(const char *dir), const char *dir)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(fn(dir));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "killed by %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int put_on_filter(bool trusting)
{
	static struct sock_filter code[4096];
	struct err e;
	int fd = calls_filter(trusting, &e);
	ssize_t n = pread(fd, code, sizeof(code), 0);
	struct sock_fprog p = {.len = (unsigned short)(n / 8), .filter = code};

	if (fd < 0 || n <= 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p);
}

/* Each line fails with its own number. */
#define WANT(n, expr)                                                                              \
	do {                                                                                       \
		errno = 0;                                                                         \
		if (!(expr))                                                                       \
			return n;                                                                  \
	} while (0)
#define REFUSED(call) ((call) < 0 && errno == EPERM)

static int filtered(const char *dir)
{
	WANT(1, put_on_filter(false) == 0);
	WANT(2, getpid() > 0);
	WANT(3, REFUSED(socket(AF_INET, SOCK_STREAM, 0)));
	WANT(4, REFUSED(socket(AF_NETLINK, SOCK_RAW, 0)));
	WANT(5, socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
	WANT(6, REFUSED(ptrace(PTRACE_ATTACH, 1, NULL, NULL)));
	WANT(7, REFUSED(ptrace(PTRACE_SEIZE, 1, NULL, NULL)));
	WANT(8, REFUSED(unshare(CLONE_NEWUSER)));
	WANT(9, REFUSED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)));
	WANT(10, syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS);
	WANT(11, REFUSED(syscall(SYS_memfd_create, "x", 0)));
	WANT(12, REFUSED(syscall(SYS_io_uring_setup, 1, NULL)));
	WANT(13, REFUSED(syscall(SYS_bpf, 0, NULL, 0)));
	WANT(14, REFUSED(syscall(SYS_userfaultfd, 0)));
	WANT(15, REFUSED(syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0)));
	WANT(16, REFUSED(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL)));
	WANT(17, REFUSED(prctl(PR_SET_MM, 0, 0, 0, 0)));
	/* An argument's upper half must not smuggle: the kernel looks at the lower one. */
	WANT(18, REFUSED(syscall(SYS_socket, UINT64_C(0x100000002), SOCK_STREAM, 0)));
	WANT(19, REFUSED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL)));
	WANT(20, REFUSED(syscall(SYS_execveat, 0, "/bin/true", NULL, NULL, 0)));
	WANT(21, REFUSED(syscall(SYS_prlimit64, 1, 0, NULL, NULL)));
	return 0;
}

START_TEST(filter_refuses)
{
	ck_assert_int_eq(in_child(filtered, NULL), 0);
}
END_TEST

static int trusting(const char *dir)
{
	WANT(1, put_on_filter(true) == 0);
	/* UML puts its own filter on its stubs: allowed here, and nothing else of ptrace. */
	WANT(2, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) < 0 && errno == EFAULT);
	WANT(3, REFUSED(ptrace(PTRACE_TRACEME, 0, NULL, NULL)));
	WANT(4, REFUSED(socket(AF_INET, SOCK_STREAM, 0)));
	return 0;
}

START_TEST(filter_of_trusting)
{
	ck_assert_int_eq(in_child(trusting, NULL), 0);
}
END_TEST

START_TEST(rules_have_reasons)
{
	static const char *const never[] = {"mount", "unshare", "setns",  "bpf",    "keyctl",
					    "mknod", "chroot",	"listen", "accept", "clone3"};
	size_t n;
	const struct call_rule *r = calls_rules(&n);

	for (size_t i = 0; i < n; i++) {
		ck_assert_msg(r[i].why && strlen(r[i].why) > 5, "%s has no reason", r[i].name);
		ck_assert_msg(seccomp_syscall_resolve_name(r[i].name) >= 0, "%s is no call",
			      r[i].name);
		ck_assert(r[i].modes & CALL_ALWAYS);
		for (size_t k = 0; k < sizeof(never) / sizeof(never[0]); k++)
			ck_assert_str_ne(r[i].name, never[k]);
	}
}
END_TEST

static int held(const char *dir)
{
	struct err e;
	int below = open(dir, O_RDONLY | O_DIRECTORY);
	char outside[256];

	snprintf(outside, sizeof(outside), "%s-outside", dir);
	WANT(1, hold_worker(below, &e) == 0);
	WANT(2, openat(below, "new", O_WRONLY | O_CREAT, 0600) >= 0);
	WANT(3, mkdirat(below, "d", 0700) == 0);
	if (probe_landlock() >= 2) {
		WANT(4, renameat(below, "new", below, "d/new") == 0);
		WANT(5, open(outside, O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
		WANT(6, mkdir(outside, 0700) < 0 && errno == EACCES);
		WANT(7, symlinkat("/etc/passwd", below, "link") < 0 && errno == EACCES);
	}
	WANT(8, open("/etc/passwd", O_RDONLY) >= 0);
	WANT(9, REFUSED(execl("/bin/true", "true", NULL)));
	WANT(10, REFUSED(socket(AF_INET, SOCK_STREAM, 0)));
	WANT(11, REFUSED(socket(AF_UNIX, SOCK_STREAM, 0)));
	WANT(12, REFUSED(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)));
	return 0;
}

START_TEST(worker_is_held)
{
	char dir[] = "/tmp/gaol-wall-XXXXXX", outside[64];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	int n = in_child(held, dir);
	snprintf(outside, sizeof(outside), "%s-outside", dir);
	ck_assert_int_ne(access(outside, F_OK), 0);
	dir_remove_tree(AT_FDCWD, dir);
	ck_assert_int_eq(n, 0);
}
END_TEST

static int dropped(const char *dir)
{
	struct err e;

	WANT(1, hold_warden(&e) == 0);
	WANT(2, prctl(PR_CAPBSET_READ, CAP_SYS_MODULE, 0, 0, 0) == 0);
	WANT(3, prctl(PR_CAPBSET_READ, CAP_SYS_RAWIO, 0, 0, 0) == 0);
	/* 1, 3 is /dev/null */
	WANT(4, REFUSED(mknod("/tmp/gaol-wall-device", S_IFCHR | 0600, makedev(1, 3))));
	return 0;
}

START_TEST(warden_drops)
{
	if (geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_SETPCAP, 0, 0, 0) == 1)
		ck_assert_int_eq(in_child(dropped, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wall");
	TCase *t = tcase_create("wall");
	SRunner *r = srunner_create(s);

	tcase_add_test(t, filter_refuses);
	tcase_add_test(t, filter_of_trusting);
	tcase_add_test(t, rules_have_reasons);
	tcase_add_test(t, worker_is_held);
	tcase_add_test(t, warden_drops);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
