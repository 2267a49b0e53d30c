/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/wall/calls.h"
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVERY_BIT UINT64_MAX
#define LOW_WORD UINT64_C(0xffffffff) /* of an argument that the host's kernel takes as an int */

/* linux/ptrace.h cannot be included beside sys/ptrace.h; arch/x86/include/uapi/asm/ptrace-abi.h */
#define SYSEMU 31
#define SYSEMU_SINGLESTEP 32

/* Requests of arch/um/os-Linux and arch/x86/um/os-Linux. Nothing that attaches to a process. */
static const uint64_t traces[] = {
    PTRACE_TRACEME,    PTRACE_PEEKUSER,	  PTRACE_POKEUSER,  PTRACE_CONT,
    PTRACE_KILL,       PTRACE_GETREGS,	  PTRACE_SETREGS,   PTRACE_GETFPREGS,
    PTRACE_SETFPREGS,  PTRACE_SYSCALL,	  SYSEMU,	    SYSEMU_SINGLESTEP,
    PTRACE_SETOPTIONS, PTRACE_GETSIGINFO, PTRACE_GETREGSET, PTRACE_SETREGSET};
/* In trusting mode only to end a stub. */
static const uint64_t trace_ends[] = {PTRACE_CONT, PTRACE_KILL};
/*
 * A stub (skas/process.c), the early child under ptrace (fork), the early child under a filter, a
 * helper with shared memory (helper.c). No new namespace, no io context, no tracing.
 */
static const uint64_t clones[] = {CLONE_VM | CLONE_VFORK | SIGCHLD, CLONE_VM | CLONE_VFORK,
				  CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, CLONE_VM,
				  CLONE_VM | CLONE_FILES | SIGCHLD};
/* What pthread_create of glibc asks for. */
static const uint64_t threads[] = {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
				   CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
				   CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID};
static const uint64_t families[] = {AF_UNIX};
static const uint64_t tty_asks[] = {TCGETS, TIOCGWINSZ};
static const uint64_t file_asks[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETOWN, F_SETSIG};
static const uint64_t process_asks[] = {PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, PR_SET_NAME};
static const uint64_t bases[] = {ARCH_SET_FS, ARCH_SET_GS};
static const uint64_t advices[] = {MADV_REMOVE, MADV_DONTNEED};
static const uint64_t waits[] = {FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET};
static const uint64_t personas[] = {0xffffffff, ADDR_NO_RANDOMIZE};
static const uint64_t clocks[] = {CLOCK_MONOTONIC};
static const uint64_t own[] = {0};
static const uint64_t empty_path[] = {AT_EMPTY_PATH};
static const uint64_t filters[] = {SECCOMP_SET_MODE_FILTER};

#define CALL(call, reason)                                                                         \
	{                                                                                          \
		.name = #call, .why = reason, .modes = CALL_ALWAYS                                 \
	}
#define CALL_IF(call, mode, number, bits, list, reason)                                            \
	{                                                                                          \
		.name = #call, .why = reason, .modes = mode, .arg = number, .mask = bits,          \
		.values = list, .nvalues = sizeof(list) / sizeof((list)[0]),                       \
	}

static const struct call_rule rules[] = {
    CALL(read, "devices, console, timers, pipes between kernel and stub"),
    CALL(write, "console, eventfds, pipes between kernel and stub"),
    CALL(close, "descriptors of stubs that ended"),
    CALL(close_range, "a stub starts with the memory's descriptor and a socket"),
    CALL(dup2, "a stub's socket becomes its standard input"),
    CALL(lseek, "sizing the memory's file"),
    CALL(pread64, "reading files at an offset"),
    CALL(pwrite64, "writing files at an offset"),
    CALL(openat, "the memory's file and the pid file, in the private tmpfs"),
    CALL(access, "the private tmpfs is looked at"),
    CALL(newfstatat, "the same"),
    CALL(fstat, "the same"),
    CALL(statfs, "is the place of the memory's file a tmpfs?"),
    CALL(readlink, "its own image, for a re-exec that does not happen"),
    CALL(getdents64, "removing the directory of the pid file"),
    CALL(mkdir, "the directory of the pid file and of mconsole's socket"),
    CALL(rmdir, "the same at the end"),
    CALL(unlink, "names of the memory's file, of the stub's image, of mconsole's socket"),
    CALL(fchmod, "mode of the stub's image"),
    CALL(fallocate, "holes in the memory's file"),
    CALL(mmap, "guest memory: the stubs' pages come and go by it"),
    CALL(munmap, "the same"),
    CALL(mprotect, "the same, and start of the program"),
    CALL(brk, "the C library's heap"),
    CALL_IF(madvise, CALL_ALWAYS, 2, LOW_WORD, advices,
	    "holes in the memory's file, thread stacks"),
    CALL_IF(ioctl, CALL_ALWAYS, 1, LOW_WORD, tty_asks, "is the console a terminal, how large?"),
    CALL_IF(fcntl, CALL_ALWAYS, 1, LOW_WORD, file_asks, "non-blocking and SIGIO on devices"),
    CALL(epoll_create, "the kernel's interrupts are descriptors"),
    CALL(epoll_create1, "the same"),
    CALL(epoll_ctl, "the same"),
    CALL(epoll_wait, "the same"),
    CALL(poll, "idle, and the console"),
    CALL(eventfd2, "kick and call of virtqueues"),
    CALL(signalfd4, "ends of stubs as an interrupt"),
    CALL_IF(socket, CALL_ALWAYS, 0, LOW_WORD, families, "the devices, mconsole"),
    CALL_IF(socketpair, CALL_ALWAYS, 0, LOW_WORD, families, "between kernel and stub"),
    CALL(connect, "to the devices' sockets"),
    CALL(bind, "mconsole's socket"),
    CALL(sendmsg, "vhost-user, descriptors for stubs"),
    CALL(recvmsg, "the same"),
    CALL(sendto, "answers of mconsole"),
    CALL(recvfrom, "requests of mconsole"),
    CALL(shutdown, "the end of a device"),
    CALL_IF(clone, CALL_ALWAYS, 0, EVERY_BIT, clones, "a stub per guest process; early checks"),
    CALL_IF(clone, CALL_TRUSTING, 0, EVERY_BIT, threads, "a thread per processor"),
    CALL(execve, "the last step before the kernel's image"),
    CALL_IF(execveat, CALL_ALWAYS, 4, LOW_WORD, empty_path, "the stub's image, by descriptor"),
    CALL(exit, "ends of threads"),
    CALL(exit_group, "ends of processes"),
    CALL(wait4, "stops and ends of stubs"),
    CALL(kill, "own processes only: the pid namespace has no others"),
    CALL(tgkill, "abort() when the kernel panics"),
    {.name = "rt_tgsigqueueinfo", .why = "interrupts between processors", .modes = CALL_TRUSTING},
    CALL_IF(ptrace, CALL_SAFE, 0, EVERY_BIT, traces, "guest processes run under it"),
    CALL_IF(ptrace, CALL_TRUSTING, 0, EVERY_BIT, trace_ends, "ending a stub"),
    CALL_IF(seccomp, CALL_TRUSTING, 0, LOW_WORD, filters, "guest processes run under a filter"),
    CALL_IF(prctl, CALL_ALWAYS, 0, LOW_WORD, process_asks, "start of a stub and of the kernel"),
    CALL_IF(arch_prctl, CALL_ALWAYS, 0, LOW_WORD, bases, "thread pointers"),
    CALL_IF(personality, CALL_ALWAYS, 0, LOW_WORD, personas, "fixed addresses"),
    CALL_IF(prlimit64, CALL_ALWAYS, 0, LOW_WORD, own, "size of its own stack"),
    CALL_IF(futex, CALL_ALWAYS, 1, 0x7f, waits, "hand-over between kernel and stub, threads"),
    CALL(rt_sigaction, "interrupts and faults are signals"),
    CALL(rt_sigprocmask, "disabling interrupts"),
    CALL(rt_sigreturn, "the same"),
    CALL(rt_sigsuspend, "waiting for one"),
    CALL(sigaltstack, "their stacks"),
    CALL(restart_syscall, "a sleep that was interrupted goes on"),
    CALL_IF(timer_create, CALL_ALWAYS, 0, LOW_WORD, clocks, "the guest's clock ticks"),
    CALL(timer_settime, "the same"),
    CALL(clock_gettime, "time, where the vdso cannot tell it"),
    CALL(gettimeofday, "the same"),
    CALL(clock_nanosleep, "early checks"),
    CALL(getrandom, "the C library; seed of the guest's pool"),
    CALL(getpid, "who it is"),
    CALL(getppid, "early checks"),
    CALL(gettid, "threads"),
    CALL(getuid, "sender of an interrupt between processors"),
    CALL(setsid, "its own session"),
    CALL(uname, "the host's name for /proc/cpuinfo"),
    CALL(set_tid_address, "start of the program"),
    CALL(set_robust_list, "start of the program"),
    CALL(rseq, "start of the program"),
};

const struct call_rule *calls_rules(size_t *n)
{
	*n = sizeof(rules) / sizeof(rules[0]);
	return rules;
}

static int add(scmp_filter_ctx f, const struct call_rule *r, int number)
{
	if (!r->nvalues)
		return seccomp_rule_add(f, SCMP_ACT_ALLOW, number, 0);
	for (size_t i = 0; i < r->nvalues; i++) {
		struct scmp_arg_cmp is =
		    SCMP_CMP64((unsigned)r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->values[i]);
		int ret = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, number, 1, &is);

		if (ret)
			return ret;
	}
	return 0;
}

static int build(scmp_filter_ctx f, unsigned mode, struct err *e)
{
	int ret = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

	for (size_t i = 0; !ret && i < sizeof(rules) / sizeof(rules[0]); i++) {
		int number = seccomp_syscall_resolve_name(rules[i].name);

		if (!(rules[i].modes & mode) || number < 0)
			continue;
		ret = add(f, &rules[i], number);
		if (ret)
			return err_set(e, ret, "walls: filter: %s: %s", rules[i].name,
				       strerror(-ret));
	}
	if (!ret)
		ret = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	/* The busiest first: rt_sigprocmask is made twice for each interrupt that is held off. */
	if (!ret)
		ret = seccomp_syscall_priority(f, SCMP_SYS(rt_sigprocmask), 255);
	if (!ret)
		ret = seccomp_syscall_priority(f, SCMP_SYS(ptrace), 254);
	return ret ? err_set(e, ret, "walls: filter: %s", strerror(-ret)) : 0;
}

int calls_filter(bool trusting, struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int fd = -1, ret;

	if (!f)
		return err_set(e, -ENOMEM, "walls: filter: cannot be made");
	ret = build(f, trusting ? CALL_TRUSTING : CALL_SAFE, e);
	if (!ret) {
		fd = memfd_create("gaol-filter", MFD_CLOEXEC);
		if (fd < 0)
			ret = err_sys(e, "walls: filter");
	}
	if (!ret) {
		ret = seccomp_export_bpf(f, fd);
		if (ret)
			err_set(e, ret, "walls: filter: %s", strerror(-ret));
	}
	seccomp_release(f);
	if (ret && fd >= 0)
		close(fd);
	return ret ? ret : fd;
}
