/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup: a control group of a jail's own, v2 or v1, where this process can make one.
 *
 * v2: below the nearest group above ours that passes its controllers on (cgroup.subtree_control) or
 * lets us have it do so; v1: below our own in each hierarchy. Nothing of memory: what a guest may
 * take is the file of its physical memory, which the walls bound.
 *
 * The process that makes a group enters it, and what it starts is in it too: a warden, its guest,
 * its workers. Files and words: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/pids.rst and
 * scheduler/sched-bwc.rst of Linux.
 */
#ifndef GAOL_CORE_CGROUP_H
#define GAOL_CORE_CGROUP_H

#include "core/err.h"
#include <stdbool.h>

/* Where the host's groups are; other places for tests. */
struct cgroup_host {
	const char *root; /* "/sys/fs/cgroup" */
	const char *self; /* "/proc/self/cgroup" */
};
#define CGROUP_HOST ((struct cgroup_host){.root = "/sys/fs/cgroup", .self = "/proc/self/cgroup"})

struct cgroup_limits {
	unsigned pids; /* processes and threads, 0: no limit */
	unsigned cpu;  /* share, 100 is everybody's */
};

/* What can be held by a group that this process makes; nothing is made. */
struct cgroup_can {
	int version; /* 2, 1, or 0: none */
	bool cpu, pids;
};
struct cgroup_can cgroup_look(struct cgroup_host h);

struct cgroup;
/*
 * Makes the group "gaol.NAME", enters it and sets its limits; groups of killed wardens beside it,
 * which are empty, are removed. NULL with e set when not all that l asks for can be held.
 */
struct cgroup *cgroup_enter(struct cgroup_host h, const char *name, const struct cgroup_limits *l,
			    struct err *e);
/* Sets other limits; 0 or -errno. */
int cgroup_set(struct cgroup *g, const struct cgroup_limits *l);
/* Goes back to where it was, removes the group (unless somebody is left in it), frees g. NULL is
 * allowed. */
void cgroup_leave(struct cgroup *g);

#endif
