/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop: the one event loop of a process: descriptors, timers and signals as data (epoll,
 * timerfd's idea by epoll's timeout, signalfd). Single-threaded; callbacks run from loop_run.
 */
#ifndef GAOL_CORE_LOOP_H
#define GAOL_CORE_LOOP_H

#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;

enum loop_want { LOOP_IN = 1, LOOP_OUT = 2, LOOP_HUP = 4 /* delivered always */ };

/* events: a set of enum loop_want that is ready. */
typedef void loop_fd_fn(void *user, int events);
typedef void loop_timer_fn(void *user);
/* signo: one of the signals asked for. */
typedef void loop_signal_fn(void *user, int signo);

/* Returns a new loop or NULL with errno set. */
struct loop *loop_new(void);
/* Releases the loop and all its registrations; descriptors stay open. */
void loop_free(struct loop *l);
/* Runs until loop_stop; returns its argument. */
int loop_run(struct loop *l);
/* Handles what is ready now or within timeout_ms (-1: for ever); for loops driven from outside. */
void loop_once(struct loop *l, int timeout_ms);
/* For a loop that another poll(2) waits for: a descriptor that is readable when loop_once has
 * something to do, and the ms until its next timer, at most timeout_ms (-1: for ever). */
int loop_descriptor(const struct loop *l);
int loop_timeout(const struct loop *l, int timeout_ms);
/* Makes loop_run return code after the present callback. */
void loop_stop(struct loop *l, int code);

/* Watches fd (owned by the caller, open until loop_fd_del). Returns NULL with errno on failure. */
struct loop_fd *loop_fd_add(struct loop *l, int fd, int want, loop_fd_fn *fn, void *user);
void loop_fd_want(struct loop_fd *w, int want);
/* Safe from inside any callback; no further callback for w. NULL is allowed. */
void loop_fd_del(struct loop_fd *w);

/* Calls fn once after ms milliseconds, then never again unless armed anew. */
struct loop_timer *loop_timer_add(struct loop *l, int64_t ms, loop_timer_fn *fn, void *user);
/* Arms (or re-arms) a timer; ms < 0 disarms it. */
void loop_timer_arm(struct loop_timer *t, int64_t ms);
void loop_timer_del(struct loop_timer *t);

/* Blocks the signals (0-terminated list) and delivers them as calls. Once per loop. 0 or -errno. */
int loop_signals(struct loop *l, const int *signals, loop_signal_fn *fn, void *user);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t loop_now_ms(void);

#endif
