/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/watch.h"
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

int watch_open(struct watch *w, int epfd, int fd, uint32_t events, watch_fn *fn, void *user)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	*w = (struct watch){.epfd = epfd, .fd = fd, .events = events, .fn = fn, .user = user};
	if (events && epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		w->events = 0;
		return -errno;
	}
	return 0;
}

void watch_want(struct watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};
	int op = EPOLL_CTL_MOD;

	if (!watch_is_open(w) || w->events == events)
		return;
	if (!events)
		op = EPOLL_CTL_DEL;
	else if (!w->events)
		op = EPOLL_CTL_ADD;
	if (epoll_ctl(w->epfd, op, w->fd, &ev) == 0)
		w->events = events;
}

void watch_close(struct watch *w)
{
	if (!watch_is_open(w))
		return;
	/* Out of the set by hand: a duplicate of the descriptor would keep it in. */
	watch_want(w, 0);
	close(w->fd);
	w->fd = -1;
}

void watch_turn(int epfd, int timeout_ms)
{
	struct epoll_event ev[16];
	int n = epoll_wait(epfd, ev, 16, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct watch *w = ev[i].data.ptr;

		if (w->fd >= 0 && w->events)
			w->fn(w->user, ev[i].events);
	}
}

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
