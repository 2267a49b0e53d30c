/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch: one descriptor in init's epoll set, embedded in what owns it.
 *
 * watch_open takes the descriptor over, watch_close closes it; the memory must stay until the
 * turn of the loop ends (main.c sweeps the dead then), because events of the same turn may still
 * name it. A watch that wants nothing is out of the set, so a hang-up does not spin.
 */
#ifndef GAOL_GUEST_WATCH_H
#define GAOL_GUEST_WATCH_H

#include <stdbool.h>
#include <stdint.h>

typedef void watch_fn(void *user, uint32_t events);

struct watch {
	int epfd;
	int fd; /* -1: closed */
	uint32_t events;
	watch_fn *fn;
	void *user;
};

/* Starts to watch fd for events (EPOLLIN ...; 0: not yet). 0 or -errno (fd is taken anyway). */
int watch_open(struct watch *w, int epfd, int fd, uint32_t events, watch_fn *fn, void *user);
/* Changes what is wanted. Nothing happens on a closed watch. */
void watch_want(struct watch *w, uint32_t events);
void watch_close(struct watch *w);
static inline bool watch_is_open(const struct watch *w)
{
	return w->fn && w->fd >= 0;
}

/* Waits (ms, -1: for ever) for events and calls the functions. */
void watch_turn(int epfd, int timeout_ms);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t now_ms(void);

#endif
