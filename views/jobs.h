/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jobs: work beside the loop: git, disk and connections in threads, results in the loop's thread.
 *
 * A job's work runs in one of a few threads. What it finds it keeps in its own data, under its own
 * lock, and calls job_tell; the loop's thread is woken and the job's slice is called there, at once,
 * and again every few ms at most; then, when work has returned, done. A job that was cancelled gets
 * neither; drop releases its data when the thread is through with it, so a view may close at any time
 * without waiting.
 */
#ifndef GAOL_VIEWS_JOBS_H
#define GAOL_VIEWS_JOBS_H

#include <stdbool.h>

struct jobs;
struct job;

struct job_ops {
	/* In a thread. Looks at *job_cancelled(j) now and then. */
	void (*work)(struct job *j, void *data);
	/* In the loop's thread, after job_tell; may be NULL. */
	void (*slice)(void *data);
	/* In the loop's thread, once, when work returned and the job was not cancelled; may be
	 * NULL. The job is gone afterwards. */
	void (*done)(void *data);
	/* In the loop's thread, once, last: releases data. May be NULL. */
	void (*drop)(void *data);
};

/* A pool of n threads. NULL with errno. */
struct jobs *jobs_new(int n);
/* Cancels all, waits for the threads, drops all data. */
void jobs_free(struct jobs *p);
/* Readable when jobs_turn has something to do. */
int jobs_fd(const struct jobs *p);
/* Calls slices, dones and drops that are due. */
void jobs_turn(struct jobs *p);

/* Queues a job. ops must stay; data belongs to the job from here on. */
struct job *jobs_start(struct jobs *p, const struct job_ops *ops, void *data);
/* No slice and no done any more. The pointer is not to be used again. NULL is allowed. */
void job_cancel(struct job *j);
/* From work: slice should be called. Cheap when it is called often. */
void job_tell(struct job *j);
/* For the cancel members of core/repo's options. */
const volatile bool *job_cancelled(const struct job *j);

#endif
