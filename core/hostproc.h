/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostproc: a tree of processes on the host, as /proc tells: found, halted, measured.
 *
 * Used for a guest's processes below bubblewrap's: the guest's kernel (its only process that calls
 * the host) and one stub for each address space of the guest. Everything here is true from outside,
 * whatever the guest says.
 */
#ifndef GAOL_CORE_HOSTPROC_H
#define GAOL_CORE_HOSTPROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hostproc {
	pid_t pid, ppid;
	char state;	  /* the letter of proc(5), 't': stopped by its tracer */
	uint64_t cpu_ms;  /* user and system time of all its threads */
	unsigned threads; /* on the host */
};

/* One process; false when it is gone or a zombie. */
bool hostproc_read(pid_t pid, struct hostproc *p);
/*
 * The process root and all that descend from it, parents first, as an array that the caller frees.
 * Returns their number; 0 with *out NULL when root is gone.
 */
size_t hostproc_tree(pid_t root, struct hostproc **out);

/*
 * Halts all descendants of root (root itself, bubblewrap, sleeps anyway): SIGSTOP for processes
 * that nobody traces; a stub under ptrace(2) would report that signal to the guest's kernel, which
 * panics from it, so it gets SIGALRM, the tick with which that kernel interrupts it itself, and
 * stays where it is until its halted tracer goes on. The kernel comes first: a stub that it is making
 * must not be halted before it. Waits (at most 4 s) until none runs. 0, or -ESRCH (there is none),
 * -ETIMEDOUT (some would not halt; undo it by hostproc_resume), or -errno.
 */
int hostproc_halt(pid_t root);
/* Lets them go on, children first. 0 or -errno. */
int hostproc_resume(pid_t root);

/* Holds all threads of root and its descendants on one of the host's CPUs. 0 or -errno. */
int hostproc_hold(pid_t root, unsigned cpu);

/* What a tree costs the host. */
struct hostcost {
	uint64_t cpu_ms;    /* of the processes that live now: falls when one ends */
	uint64_t pss;	    /* bytes: each page divided by the number of its users; 0: unreadable */
	unsigned processes; /* root included */
	unsigned threads;
};
/* Adds the cost of root's tree to c. The number of processes found. */
size_t hostproc_cost(pid_t root, struct hostcost *c);

#endif
