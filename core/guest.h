/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest: the guest kernel's process on the host, inside its walls.
 *
 * A guest never starts outside them: bubblewrap with namespaces for user, mount, pid, ipc, uts,
 * cgroup and network; a root that holds the kernel image, one socket per virtio device and a
 * private tmpfs, and cannot be written; its own uid (as root: one per jail, from GUEST_UID_BASE
 * on); no new privileges, no capabilities, an empty environment, no descriptors but its console;
 * parent-death signal. Inside, a last step (core/wall/step/step.c) sets limits, Landlock where the
 * host has it, and the filter of system calls (core/wall/calls.h).
 */
#ifndef GAOL_CORE_GUEST_H
#define GAOL_CORE_GUEST_H

#include "core/err.h"
#include "core/loop.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Far above what adduser, systemd and subuid hand out; 28 bits of the jail directory's inode are
 * added. */
#define GUEST_UID_BASE 0x70000000u
/* Host processes of one guest at most: one for each of its processes, and a few. */
#define GUEST_PROCESSES 4096

/* Beside those of programs: bubblewrap's first, the kernel and its helpers, init's jobs. */
#define GUEST_OWN_PIDS 16

struct guest;

struct guest_config {
	const char *kernel;    /* image, checked by kernel_find */
	const char *step;      /* the last step's program: probe_step */
	const char *init;      /* init= in the guest */
	const char *real_init; /* gaol.init=: which init makes pid 1, no blanks; NULL: it stays it */
	const char *run;       /* the jail's runtime directory (ours, 0700) */
	const char *fs_sock;   /* listening socket of the file system device, in run */
	const char *chan_sock; /* and of the channel's, in run */
	const char *net_sock;  /* and of the network device's, in run; NULL: no network */
	const char *net_plan;  /* gaol.net= of the guest's init (guest/net.h) */
	const char *root_tag;
	uint64_t memory; /* bytes */
	bool landlock;	 /* the host has it: probe_landlock */
	bool trusting;	 /* seccomp mode and SMP */
	unsigned cpus;
	uid_t uid;     /* when we are root: whom the guest runs as */
	unsigned pids; /* processes of the guest's programs, 0: the walls' own limit */
	int cpu;       /* host CPU that a one-CPU guest is held on, -1: any */
	bool verbose;  /* all of the kernel's messages on the console */
};

/* The whole process tree is gone: bubblewrap's wait status. Called from the loop, once. */
typedef void guest_exit_fn(void *user, int status);

/*
 * Starts a guest. console_fd is a stream socket (taken over) that becomes its console; the kernel's
 * own messages come there too. The caller reaps: it calls guest_reap at SIGCHLD. NULL with e set.
 */
struct guest *guest_start(struct loop *l, const struct guest_config *c, int console_fd,
			  guest_exit_fn *on_exit, void *user, struct err *e);
/* Looks whether the guest has ended; calls on_exit when it has. */
void guest_reap(struct guest *g);
/* Kills every process of the guest; on_exit follows from guest_reap. */
void guest_kill(struct guest *g);
/*
 * Halts every process of the guest, or lets them go on. 0 or -errno (-EAGAIN: it has only just been
 * started); after a failed pause everything goes on.
 */
int guest_pause(struct guest *g);
int guest_resume(struct guest *g);
/*
 * Asks the guest's kernel itself, through its mconsole socket, without waiting for an answer:
 * "sysrq s" begins to write back all that is dirty, "halt" ends it at once (uml's mconsole
 * commands, arch/um/drivers/mconsole_kern.c). For a guest whose init does not answer. 0 or -errno.
 */
int guest_mconsole(struct guest *g, const char *command);
/* bubblewrap's pid on the host. */
pid_t guest_pid(const struct guest *g);
/* Releases; the guest must have ended. NULL is allowed. */
void guest_free(struct guest *g);

#endif
