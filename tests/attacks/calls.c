/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host kernel's doors that exploits of the last years went through. A call succeeds here when
 * it gets past the walls: any answer but "not permitted". Arguments are such that nothing happens.
 */
#include "tests/attacks/standin.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ENOSYS is "not there": neither stopped nor succeeded; the test tells it apart by its text. */
static int past(long ret)
{
	return ret < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS) ? -errno : 0;
}

static int user_namespace(void)
{
	return unshare(CLONE_NEWUSER) ? -errno : 0;
}

static int user_namespace_by_clone(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return past(pid);
}

static int user_namespace_by_clone3(void)
{
	uint64_t args[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
	long pid = syscall(SYS_clone3, args, sizeof(args));

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid < 0 ? -errno : 0;
}

static int enter_namespace(void)
{
	return past(syscall(SYS_setns, -1, CLONE_NEWNS));
}

static int mounted(void)
{
	/* EFAULT or EINVAL when it is let in */
	return past(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
}

static int mount_api(void)
{
	return past(syscall(SYS_fsopen, NULL, 0));
}

static int tree_cloned(void)
{
	return past(syscall(SYS_open_tree, -1, NULL, 0));
}

static int root_moved(void)
{
	return past(syscall(SYS_pivot_root, NULL, NULL));
}

static int root_changed(void)
{
	return past(syscall(SYS_chroot, NULL));
}

static int bpf(void)
{
	return past(syscall(SYS_bpf, 0, NULL, 0));
}

static int perf(void)
{
	return past(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int io_uring(void)
{
	return past(syscall(SYS_io_uring_setup, 0, NULL));
}

static int userfault(void)
{
	return past(syscall(SYS_userfaultfd, 0x10000000 /* no such flag */));
}

static int kexec(void)
{
	return past(syscall(SYS_kexec_file_load, -1, -1, 0, NULL, ~0UL));
}

static int handle(void)
{
	return past(syscall(SYS_open_by_handle_at, -1, NULL, 0));
}

static int fanotify(void)
{
	return past(syscall(SYS_fanotify_init, ~0u, 0));
}

static int clock_set(void)
{
	return past(syscall(SYS_clock_settime, 0, NULL));
}

static int pages_moved(void)
{
	return past(syscall(SYS_move_pages, 0, 0UL, NULL, NULL, NULL, 0));
}

static int splice_pages(void)
{
	return past(syscall(SYS_vmsplice, -1, NULL, 0UL, 0));
}

static int pipe_made(void)
{
	int p[2];

	return past(syscall(SYS_pipe2, p, 0));
}

static int compare(void)
{
	return past(syscall(SYS_kcmp, getpid(), getpid(), 0, 0UL, 0UL));
}

static int segment(void)
{
	return past(syscall(SYS_modify_ldt, 0, NULL, 0UL));
}

static int key_typed(void)
{
	char c = 'x';

	/* ENOTTY where it is let in: our input is no terminal */
	return past(ioctl(0, TIOCSTI, &c));
}

static int subreaper(void)
{
	return past(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

static int priority(void)
{
	return past(syscall(SYS_sched_setattr, 0, NULL, 0));
}

static int other_affinity(void)
{
	return past(syscall(SYS_sched_setaffinity, 0, 0UL, NULL));
}

static int futex_requeued(void)
{
	uint32_t word = 0;

	/* FUTEX_CMP_REQUEUE_PI, of CVE-2014-3153 */
	return past(syscall(SYS_futex, &word, 12, 1, 0UL, &word, 0));
}

const struct attack call_attacks[] = {
    {"make a user namespace", user_namespace},
    {"make one by clone", user_namespace_by_clone},
    {"make one by clone3", user_namespace_by_clone3},
    {"enter a namespace", enter_namespace},
    {"mount", mounted},
    {"open a file system", mount_api},
    {"clone a mount tree", tree_cloned},
    {"move the root", root_moved},
    {"change the root", root_changed},
    {"load BPF", bpf},
    {"count events", perf},
    {"set up io_uring", io_uring},
    {"handle page faults", userfault},
    {"load a kernel", kexec},
    {"open by handle", handle},
    {"watch file systems", fanotify},
    {"set the clock", clock_set},
    {"move pages", pages_moved},
    {"splice memory", splice_pages},
    {"make a pipe", pipe_made},
    {"compare processes", compare},
    {"change segments", segment},
    {"type into the terminal", key_typed},
    {"adopt orphans", subreaper},
    {"change scheduling", priority},
    {"leave its processor", other_affinity},
    {"requeue a futex", futex_requeued},
    {0},
};
