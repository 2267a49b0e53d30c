/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A one-CPU guest and its warden are held on one of the host's CPUs (boot.c), which others may come
 * to use as well. Looked at every two seconds while that CPU is busy, every four while it is not:
 * when others take a share of it and another CPU is idle, the jail moves there.
 */
#include "core/cpuload.h"
#include "core/hostproc.h"
#include "core/warden/internal.h"
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define LOOK_MS 2000
#define SURE_MS 500
#define LOOK_MAX_MS 4000
#define IDLE 90	 /* percent: nothing happens here */
#define ALONE 85 /* percent of our CPU that we take: there are no others */
#define WORKS 10 /* and less than that is no work worth a move */

struct balance {
	struct loop_timer *timer;
	int64_t wait;  /* until the next look, ms */
	int64_t since; /* of the last one */
	bool sure;     /* the second look in a row, which counts our share */
	uint64_t ours; /* ms of processor time that we had taken by the first one */
	struct cpuload load;
};

/* Jails that look at the same moment must not all move to the same place. */
static int64_t about(int64_t ms)
{
	uint16_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = 0;
	return ms + ms * r / 65536;
}

static uint64_t taken(const struct warden *w)
{
	struct hostproc *v, me;
	uint64_t ms = hostproc_read(getpid(), &me) ? me.cpu_ms : 0;
	size_t n = hostproc_tree(guest_pid(w->guest), &v);

	for (size_t i = 0; i < n; i++)
		ms += v[i].cpu_ms;
	free(v);
	return ms;
}

static void move(struct warden *w, int from, int to)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((unsigned)to, &one);
	if (hostproc_hold(guest_pid(w->guest), (unsigned)to) ||
	    sched_setaffinity(0, sizeof(one), &one))
		return;
	warden_log("moved from CPU %d, where others work too, to CPU %d", from, to);
}

/* Our share of the time since the first look, in percent. */
static int64_t share(const struct warden *w, int64_t ms)
{
	uint64_t now = taken(w);

	return now > w->balance->ours && ms > 0 ? (int64_t)(now - w->balance->ours) * 100 / ms : 0;
}

static void look(void *user)
{
	struct warden *w = user;
	struct balance *b = w->balance;
	int at = sched_getcpu();
	int64_t now = loop_now_ms();
	struct cpuload is;

	if (!w->guest || at < 0 || cpuload_read(&is))
		return;
	int idle = cpuload_idle(&b->load, &is, (unsigned)at);
	int to = cpuload_better(&b->load, &is, (unsigned)at, &w->cpus);
	int64_t wait = b->wait * 2 < LOOK_MAX_MS ? b->wait * 2 : LOOK_MAX_MS;
	bool sure = b->sure;

	b->sure = to >= 0 && !sure;
	if (b->sure) {
		b->ours = taken(w);
		wait = SURE_MS;
	} else if (to >= 0) {
		int64_t we = share(w, now - b->since);
		if (we >= WORKS && we <= ALONE)
			move(w, at, to);
	} else if (idle >= 0 && idle < IDLE) {
		wait = LOOK_MS;
	}
	b->load = is;
	b->since = now;
	if (!b->sure)
		b->wait = wait;
	loop_timer_arm(b->timer, about(wait));
}

void balance_begin(struct warden *w, int cpu)
{
	balance_end(w);
	if (cpu < 0 || CPU_COUNT(&w->cpus) < 2)
		return;
	w->balance = xcalloc(1, sizeof(*w->balance));
	w->balance->wait = LOOK_MS;
	w->balance->since = loop_now_ms();
	cpuload_read(&w->balance->load);
	w->balance->timer = loop_timer_add(w->loop, about(LOOK_MS), look, w);
}

void balance_end(struct warden *w)
{
	if (!w->balance)
		return;
	loop_timer_del(w->balance->timer);
	free(w->balance);
	w->balance = NULL;
}
