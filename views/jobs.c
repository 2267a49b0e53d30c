/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/jobs.h"
#include "core/buf.h"
#include "core/loop.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Slices of one job are not more frequent than that: more of them would only be smaller, and the
 * loop would do nothing else while a list is read. */
#define SLICE_PAUSE_MS 8
#define NICE 5 /* of the threads: a key comes before what is read for it */

enum job_state { JOB_QUEUED, JOB_WORKING, JOB_WORKED };

struct job {
	struct jobs *pool;
	struct job *next; /* in the pool's list of all, oldest first */
	const struct job_ops *ops;
	void *data;
	enum job_state state; /* under the pool's lock */
	bool told;	      /* under the pool's lock: slice is due, */
	int64_t due;	      /* but not before, in ms of the monotonic clock */
	volatile bool cancelled;
};

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t queued;
	struct job *all;
	bool ending;
	int wake;      /* a timer: readable when something is due */
	int64_t alarm; /* under the lock: when, in ms of the monotonic clock; INT64_MAX: never */
	int nthreads;
	pthread_t threads[];
};

/* Under the lock: the loop is to look at `at`, or earlier. */
static void wake(struct jobs *p, int64_t at)
{
	struct itimerspec ts = {.it_value = {.tv_sec = at / 1000,
					     .tv_nsec = at % 1000 * 1000000}};

	if (at >= p->alarm)
		return;
	p->alarm = at;
	timerfd_settime(p->wake, TFD_TIMER_ABSTIME, &ts, NULL);
}

static struct job *next_queued(struct jobs *p)
{
	struct job *j = p->all;

	while (j && j->state != JOB_QUEUED)
		j = j->next;
	return j;
}

static void *thread(void *arg)
{
	struct jobs *p = arg;
	struct job *j;

	/* on Linux that is of this thread alone */
	setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + NICE);
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->ending && !(j = next_queued(p)))
			pthread_cond_wait(&p->queued, &p->lock);
		if (p->ending)
			break;
		j->state = JOB_WORKING;
		pthread_mutex_unlock(&p->lock);
		if (!j->cancelled)
			j->ops->work(j, j->data);
		pthread_mutex_lock(&p->lock);
		j->state = JOB_WORKED;
		wake(p, loop_now_ms());
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* The threads take no signal: those are data for the loop. */
static int start_threads(struct jobs *p, int n)
{
	sigset_t all, before;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (p->nthreads < n && !ret) {
		ret = pthread_create(&p->threads[p->nthreads], NULL, thread, p);
		if (!ret)
			p->nthreads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return p->nthreads ? 0 : ret;
}

struct jobs *jobs_new(int n)
{
	struct jobs *p = xcalloc(1, sizeof(*p) + (size_t)n * sizeof(p->threads[0]));

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->queued, NULL);
	p->alarm = INT64_MAX;
	p->wake = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int ret = p->wake < 0 ? errno : start_threads(p, n);
	if (!ret)
		return p;
	jobs_free(p);
	errno = ret;
	return NULL;
}

static void drop(struct job *j)
{
	if (j->ops->drop)
		j->ops->drop(j->data);
	free(j);
}

void jobs_free(struct jobs *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	for (struct job *j = p->all; j; j = j->next)
		j->cancelled = true;
	pthread_cond_broadcast(&p->queued);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	while (p->all) {
		struct job *j = p->all;

		p->all = j->next;
		drop(j);
	}
	if (p->wake >= 0)
		close(p->wake);
	pthread_cond_destroy(&p->queued);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int jobs_fd(const struct jobs *p)
{
	return p->wake;
}

/* Takes one job with something due out of the pool's lock; *finished: it is out of the list. */
static struct job *take_due(struct jobs *p, int64_t now, bool *finished, bool *slice)
{
	struct job **at;

	pthread_mutex_lock(&p->lock);
	for (at = &p->all; *at; at = &(*at)->next) {
		struct job *j = *at;
		bool tells = j->told && !j->cancelled;

		if (j->state != JOB_WORKED && !(tells && j->due <= now)) {
			if (tells)
				wake(p, j->due);
			continue;
		}
		*slice = j->told;
		j->told = false;
		j->due = now + SLICE_PAUSE_MS;
		*finished = j->state == JOB_WORKED;
		if (*finished)
			*at = j->next;
		pthread_mutex_unlock(&p->lock);
		return j;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

void jobs_turn(struct jobs *p)
{
	int64_t now = loop_now_ms();
	uint64_t count;
	bool finished, slice;
	struct job *j;

	/* whoever tells from here on is seen below, or sets the alarm anew */
	if (read(p->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&p->lock);
	p->alarm = INT64_MAX;
	pthread_mutex_unlock(&p->lock);
	while ((j = take_due(p, now, &finished, &slice))) {
		/* slice may cancel its own job */
		if (slice && !j->cancelled && j->ops->slice)
			j->ops->slice(j->data);
		if (!finished)
			continue;
		if (!j->cancelled && j->ops->done)
			j->ops->done(j->data);
		drop(j);
	}
}

struct job *jobs_start(struct jobs *p, const struct job_ops *ops, void *data)
{
	struct job *j = xcalloc(1, sizeof(*j)), **at;

	*j = (struct job){.pool = p, .ops = ops, .data = data};
	pthread_mutex_lock(&p->lock);
	for (at = &p->all; *at; at = &(*at)->next)
		;
	*at = j;
	pthread_cond_signal(&p->queued);
	pthread_mutex_unlock(&p->lock);
	return j;
}

void job_cancel(struct job *j)
{
	if (j)
		j->cancelled = true;
}

void job_tell(struct job *j)
{
	struct jobs *p = j->pool;

	pthread_mutex_lock(&p->lock);
	if (!j->told)
		wake(p, j->due > 0 ? j->due : loop_now_ms());
	j->told = true;
	pthread_mutex_unlock(&p->lock);
}

const volatile bool *job_cancelled(const struct job *j)
{
	return &j->cancelled;
}
