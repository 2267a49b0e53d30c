/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/hostproc.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/loop.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HALT_WAIT_MS 2000
#define STUB_WAIT_MS 100 /* for a stub that is being made */
#define PROCS_MAX 65536	 /* far above any limit of a guest; a bound for memory */

/* Reads the beginning of a small file of /proc; its length, 0 when it is gone. */
static size_t slurp(const char *path, char *out, size_t size)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* proc(5): pid (comm) state ppid ...; comm may hold anything, so the last parenthesis counts. */
bool hostproc_read(pid_t pid, struct hostproc *p)
{
	char path[40], text[1024];
	unsigned long utime, stime;
	long threads;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!slurp(path, text, sizeof(text)))
		return false;
	const char *at = strrchr(text, ')');
	*p = (struct hostproc){.pid = pid};
	if (!at ||
	    sscanf(at + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld",
		   &p->state, &p->ppid, &utime, &stime, &threads) != 5)
		return false;
	p->cpu_ms = (uint64_t)(utime + stime) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	p->threads = threads > 0 ? (unsigned)threads : 0;
	return p->state != 'Z' && p->state != 'X';
}

struct list {
	struct hostproc *v;
	size_t n;
};

static void list_add(struct list *l, const struct hostproc *p)
{
	if (!(l->n & (l->n - 1)))
		l->v = xrealloc(l->v, (l->n ? l->n * 2 : 1) * sizeof(*l->v));
	l->v[l->n++] = *p;
}

static struct list all_processes(void)
{
	struct list l = {0};
	DIR *d = opendir("/proc");
	struct hostproc p;

	for (struct dirent *de; d && l.n < PROCS_MAX && (de = readdir(d));)
		if (de->d_name[0] >= '1' && de->d_name[0] <= '9' &&
		    hostproc_read(atoi(de->d_name), &p))
			list_add(&l, &p);
	if (d)
		closedir(d);
	return l;
}

size_t hostproc_tree(pid_t root, struct hostproc **out)
{
	struct list all = all_processes(), tree = {0};

	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].pid == root)
			list_add(&tree, &all.v[i]);
	for (size_t at = 0; at < tree.n; at++)
		for (size_t i = 0; i < all.n; i++)
			if (all.v[i].ppid == tree.v[at].pid)
				list_add(&tree, &all.v[i]);
	free(all.v);
	*out = tree.v;
	return tree.n;
}

static pid_t tracer_of(pid_t pid)
{
	char path[40], text[2048];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	slurp(path, text, sizeof(text));
	const char *at = strstr(text, "\nTracerPid:");
	return at ? atoi(at + 11) : 0;
}

static bool is_halted(pid_t pid)
{
	struct hostproc p;

	return !hostproc_read(pid, &p) || p.state == 'T' || p.state == 't';
}

static int signal_one(pid_t pid, bool traced)
{
	return kill(pid, traced ? SIGALRM : SIGSTOP) && errno != ESRCH ? -errno : 0;
}

/* Who does not stand still yet: the guest's kernel, or anybody below root. */
static size_t running(pid_t root, struct hostproc **out, bool kernel)
{
	struct hostproc *v;
	size_t n = hostproc_tree(root, &v), left = 0;

	for (size_t i = 1; i < n; i++)
		if ((!kernel || v[i].ppid == root) && !is_halted(v[i].pid))
			v[left++] = v[i];
	*out = v;
	return left;
}

/*
 * Halts the guest's kernel, or what is left when it stands still. While it makes a stub it waits in
 * vfork(2) for the stub's exec and cannot stop; a stub that is new stops by itself as soon as it
 * is traced. So a stub that nobody traces is left alone at first, unless all are like that.
 */
static int halt_group(pid_t root, bool kernel, bool traced)
{
	int64_t since = loop_now_ms(), ms = 0;
	int ret = 0;

	while (!ret) {
		struct hostproc *v;
		size_t n = running(root, &v, kernel);
		for (size_t i = 0; i < n && !ret; i++) {
			bool it = tracer_of(v[i].pid) > 0;
			if (kernel || it || !traced || ms > STUB_WAIT_MS)
				ret = signal_one(v[i].pid, it);
		}
		free(v);
		if (!n)
			return 0;
		ms = loop_now_ms() - since;
		if (ms > HALT_WAIT_MS)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
	return ret;
}

static bool any_traced(pid_t root, size_t *n)
{
	struct hostproc *v;
	bool any = false;

	*n = hostproc_tree(root, &v);
	for (size_t i = 1; i < *n && !any; i++)
		any = tracer_of(v[i].pid) > 0;
	free(v);
	return any;
}

int hostproc_halt(pid_t root)
{
	size_t n;
	bool traced = any_traced(root, &n);
	int ret = n > 1 ? halt_group(root, true, traced) : -ESRCH;

	return ret ? ret : halt_group(root, false, traced);
}

int hostproc_resume(pid_t root)
{
	struct hostproc *v;
	size_t n = hostproc_tree(root, &v);
	int ret = n > 1 ? 0 : -ESRCH;

	/* The kernel last: what it then sees of its stubs is what they were. */
	for (size_t i = n; i > 1; i--)
		if (!tracer_of(v[i - 1].pid) && kill(v[i - 1].pid, SIGCONT) && errno != ESRCH)
			ret = -errno;
	free(v);
	return ret;
}

static int hold_threads(pid_t pid, const cpu_set_t *set)
{
	char path[40];
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *d = opendir(path);
	for (struct dirent *de; d && (de = readdir(d));)
		if (de->d_name[0] != '.' &&
		    sched_setaffinity(atoi(de->d_name), sizeof(*set), set) && errno != ESRCH)
			ret = -errno;
	if (d)
		closedir(d);
	return ret;
}

int hostproc_hold(pid_t root, unsigned cpu)
{
	cpu_set_t set;
	int ret = 0;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* Twice: what was forked meanwhile may have the old place. Then its parents have the new.
	 */
	for (int i = 0; i < 2; i++) {
		struct hostproc *v;
		size_t n = hostproc_tree(root, &v);
		for (size_t k = 0; k < n; k++) {
			int r = hold_threads(v[k].pid, &set);
			ret = r ? r : ret;
		}
		free(v);
	}
	return ret;
}

static uint64_t read_pss(pid_t pid)
{
	char path[40], text[2048];
	uint64_t kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	slurp(path, text, sizeof(text));
	const char *at = strstr(text, "\nPss:");
	return at && sscanf(at + 5, "%" SCNu64, &kib) == 1 ? kib * 1024 : 0;
}

size_t hostproc_cost(pid_t root, struct hostcost *c)
{
	struct hostproc *v;
	size_t n = hostproc_tree(root, &v);

	for (size_t i = 0; i < n; i++) {
		c->cpu_ms += v[i].cpu_ms;
		c->threads += v[i].threads;
		c->pss += read_pss(v[i].pid);
		c->processes++;
	}
	free(v);
	return n;
}
