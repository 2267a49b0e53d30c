/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the jail may take of the host. Processes: RLIMIT_NPROC of the guest (core/wall/step), which
 * holds everywhere; what jail.conf says beyond the defaults also by a control group, where one can
 * be made. A group costs a grace period of the kernel (10 ms and more), so a jail that asks for
 * nothing has none.
 */
#include "core/cgroup.h"
#include "core/hostproc.h"
#include "core/wall/need.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define CPU_DEFAULT 100
#define OWN_PIDS 32    /* the warden, a worker with its threads, bubblewrap outside */
#define RECOUNTS 5     /* of a layer that changes all the time */
#define NICE_STEP 1.25 /* what one step of nice(2) is worth in shares (sched(7)) */

static int nice_of(unsigned share)
{
	int n = (int)lround(-log((double)share / CPU_DEFAULT) / log(NICE_STEP));

	return n > 19 ? 19 : n < -20 ? -20 : n;
}

/* Without a group: what each process of the guest, and what we do for it, gets. */
static bool be_nice(struct warden *w, unsigned share)
{
	w->nice = true;
	return !setpriority(PRIO_PROCESS, 0, nice_of(share));
}

static unsigned pids_default(void)
{
	struct conf c;

	conf_init(&c);
	unsigned n = c.limit_pids;
	conf_free(&c);
	return n;
}

/* True when all that is asked for is held by a group. */
static bool group(struct warden *w, const struct cgroup_limits *l, int version)
{
	char name[JAIL_NAME_MAX + 32];
	struct stat st;
	struct err e;

	if (w->cgroup && !cgroup_set(w->cgroup, l))
		return true;
	cgroup_leave(w->cgroup);
	w->cgroup = NULL;
	if (!version || (l->cpu == CPU_DEFAULT && !l->pids) || fstat(w->jail.dirfd, &st))
		return false;
	/* jails of several homes may have one name */
	snprintf(name, sizeof(name), "%s.%" PRIx64, w->jail.name, (uint64_t)st.st_ino);
	w->cgroup = cgroup_enter(CGROUP_HOST, name, l, &e);
	if (!w->cgroup)
		warden_log("%s", e.text);
	return w->cgroup;
}

int limits_enter(struct warden *w, struct err *e)
{
	const struct conf *c = &w->conf;
	bool must = need_asks(c, NEED_CGROUP);
	bool asks = must || c->limit_cpu != CPU_DEFAULT || c->limit_pids != pids_default();
	struct cgroup_can can = {0};
	struct cgroup_limits l = {.cpu = CPU_DEFAULT};
	const char *share = "";

	if (asks || w->cgroup)
		can = cgroup_look(CGROUP_HOST);
	if (can.cpu)
		l.cpu = c->limit_cpu;
	if (can.pids && c->limit_pids && (must || c->limit_pids != pids_default()))
		l.pids = c->limit_pids + GUEST_OWN_PIDS + OWN_PIDS;
	bool in = group(w, &l, can.version);
	if (c->limit_cpu != CPU_DEFAULT && !(in && can.cpu)) {
		share = be_nice(w, c->limit_cpu) ? ", nice" : "";
		if (!*share)
			warden_log("limits.cpu: %s: not held", strerror(errno));
	} else if (w->nice) {
		be_nice(w, CPU_DEFAULT);
	}
	if (in)
		snprintf(w->st.limits_by, sizeof(w->st.limits_by), "cgroup v%d, rlimit%s",
			 can.version, share);
	else
		snprintf(w->st.limits_by, sizeof(w->st.limits_by), "rlimit%s", share);
	if (must && !(in && can.cpu && can.pids))
		return need_refuse_cgroup(w->jail.name,
					  in ? "that of this host holds not both cpu and pids"
					     : "none can be made here",
					  e);
	return 0;
}

/* Where sessions are scheduled as groups (sched(7), autogroup), nice counts inside one only. */
void limits_settle(struct warden *w)
{
	struct hostproc *p = NULL;

	if (w->conf.limit_cpu == CPU_DEFAULT || w->cgroup)
		return;
	size_t n = hostproc_tree(guest_pid(w->guest), &p);
	for (size_t i = 0; i < n; i++) {
		char path[40];
		snprintf(path, sizeof(path), "/proc/%d/autogroup", p[i].pid);
		FILE *f = fopen(path, "we");
		if (f) {
			fprintf(f, "%d", nice_of(w->conf.limit_cpu));
			fclose(f);
		}
	}
	free(p);
}

void limits_leave(struct warden *w)
{
	cgroup_leave(w->cgroup);
	w->cgroup = NULL;
}

void limits_status(struct warden *w)
{
	const struct conf *c = &w->conf;
	struct layer_usage u;

	w->st.size_limit = c->limit_size;
	w->st.inodes_limit = c->limit_inodes;
	w->st.files_limit = c->limit_files;
	w->st.pids_limit = c->limit_pids;
	w->st.cpu_share = c->limit_cpu;
	if (!w->layer)
		return;
	layer_usage(w->layer, &u);
	w->st.size_used = u.bytes > 0 ? (uint64_t)u.bytes : 0;
	w->st.inodes_used = u.inodes > 0 ? (uint64_t)u.inodes : 0;
	w->st.used_known = u.known;
}

/* A walk beside a guest that writes counts some things twice or not at all: it is walked again. */
static void counted(void *user, const json_t *result, int code, const char *error)
{
	const struct layer_usage *from;
	struct warden *w = user;
	struct layer_usage u;
	int64_t bytes = json_integer_value(json_object_get(result, "bytes"));
	int64_t inodes = json_integer_value(json_object_get(result, "inodes"));

	if (!result)
		warden_log("the layer cannot be counted: %s: its limits do not hold", error);
	worker_free(w->counting); /* the result's owner */
	w->counting = NULL;
	if (!w->layer || !result)
		return;
	from = &w->counted_from;
	layer_usage(w->layer, &u);
	if (u.changes != from->changes && ++w->recounts < RECOUNTS) {
		limits_count(w);
		return;
	}
	layer_usage_set(w->layer, bytes + u.bytes - from->bytes, inodes + u.inodes - from->inodes);
	warden_announce(w);
}

void limits_count(struct warden *w)
{
	json_t *q = json_pack("{s:s}", "op", "usage");
	struct layer_usage u;
	struct err e;

	layer_usage(w->layer, &u);
	if (!u.known && !w->counting) {
		w->counted_from = u;
		const struct worker_fds fds = NO_WORKER_FDS;
		w->counting = worker_start(w, NULL, q, &fds, (struct call){0}, counted, w, &e);
		if (!w->counting)
			warden_log("%s", e.text);
	}
	json_decref(q);
}

void limits_uncount(struct warden *w)
{
	worker_free(w->counting);
	w->counting = NULL;
	w->recounts = 0;
}
