/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/loop.h"
#include "core/buf.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

struct loop_fd {
	struct loop *loop;
	struct loop_fd *next; /* list of all, or of the dead until the turn ends */
	struct loop_fd **prev;
	int fd;
	int want;
	bool dead;
	loop_fd_fn *fn;
	void *user;
};

struct loop_timer {
	struct loop *loop;
	struct loop_timer *next;
	struct loop_timer **prev;
	int64_t due;   /* ms of CLOCK_MONOTONIC, -1 = not armed */
	uint64_t turn; /* of the loop when it was armed */
	loop_timer_fn *fn;
	void *user;
};

struct loop {
	int epfd;
	bool stopping;
	int code;
	bool in_turn;
	uint64_t turn; /* counts the runs of timers */
	struct loop_fd *fds;
	struct loop_fd *dead; /* deleted during a turn; freed when it ends */
	struct loop_timer *timers;
	int sigfd;
	struct loop_fd *sigwatch;
	loop_signal_fn *on_signal;
	void *signal_user;
};

int64_t loop_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct loop *loop_new(void)
{
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	if (epfd < 0)
		return NULL;
	struct loop *l = xcalloc(1, sizeof(*l));
	l->epfd = epfd;
	l->sigfd = -1;
	return l;
}

static void bury(struct loop *l)
{
	while (l->dead) {
		struct loop_fd *w = l->dead;
		l->dead = w->next;
		free(w);
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->fds)
		loop_fd_del(l->fds);
	while (l->timers)
		loop_timer_del(l->timers);
	bury(l);
	if (l->sigfd >= 0)
		close(l->sigfd);
	close(l->epfd);
	free(l);
}

static uint32_t to_epoll(int want)
{
	return (want & LOOP_IN ? (uint32_t)EPOLLIN : 0) |
	       (want & LOOP_OUT ? (uint32_t)EPOLLOUT : 0);
}

struct loop_fd *loop_fd_add(struct loop *l, int fd, int want, loop_fd_fn *fn, void *user)
{
	struct loop_fd *w = xcalloc(1, sizeof(*w));
	struct epoll_event ev = {.events = to_epoll(want), .data.ptr = w};

	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev)) {
		free(w);
		return NULL;
	}
	*w = (struct loop_fd){.loop = l, .fd = fd, .want = want, .fn = fn, .user = user};
	w->next = l->fds;
	w->prev = &l->fds;
	if (w->next)
		w->next->prev = &w->next;
	l->fds = w;
	return w;
}

void loop_fd_want(struct loop_fd *w, int want)
{
	if (w->dead || w->want == want)
		return;
	struct epoll_event ev = {.events = to_epoll(want), .data.ptr = w};
	if (!epoll_ctl(w->loop->epfd, EPOLL_CTL_MOD, w->fd, &ev))
		w->want = want;
}

void loop_fd_del(struct loop_fd *w)
{
	if (!w || w->dead)
		return;
	struct loop *l = w->loop;
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->dead = true;
	if (l->in_turn) {
		w->next = l->dead;
		l->dead = w;
	} else {
		free(w);
	}
}

struct loop_timer *loop_timer_add(struct loop *l, int64_t ms, loop_timer_fn *fn, void *user)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));

	*t = (struct loop_timer){.loop = l, .due = -1, .fn = fn, .user = user};
	t->next = l->timers;
	t->prev = &l->timers;
	if (t->next)
		t->next->prev = &t->next;
	l->timers = t;
	loop_timer_arm(t, ms);
	return t;
}

void loop_timer_arm(struct loop_timer *t, int64_t ms)
{
	t->due = ms < 0 ? -1 : loop_now_ms() + ms;
	t->turn = t->loop->turn;
}

void loop_timer_del(struct loop_timer *t)
{
	if (!t)
		return;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	free(t);
}

int loop_timeout(const struct loop *l, int timeout_ms)
{
	int64_t best = timeout_ms;
	int64_t now = 0;

	for (const struct loop_timer *t = l->timers; t; t = t->next) {
		if (t->due < 0)
			continue;
		if (!now)
			now = loop_now_ms();
		int64_t left = t->due > now ? t->due - now : 0;
		if (best < 0 || left < best)
			best = left;
	}
	return best > 1000000000 ? 1000000000 : (int)best;
}

int loop_descriptor(const struct loop *l)
{
	return l->epfd;
}

/* One due timer at a time: a callback may delete any other. One armed meanwhile waits for the next
 * turn, so that a timer of 0 ms lets the descriptors have theirs. */
static void run_timers(struct loop *l)
{
	int64_t now = loop_now_ms();

	l->turn++;
	for (bool again = true; again && !l->stopping;) {
		again = false;
		for (struct loop_timer *t = l->timers; t; t = t->next) {
			if (t->due < 0 || t->due > now || t->turn == l->turn)
				continue;
			t->due = -1;
			t->fn(t->user);
			again = true;
			break;
		}
	}
}

void loop_once(struct loop *l, int timeout_ms)
{
	struct epoll_event ev[64];
	int n = epoll_wait(l->epfd, ev, 64, loop_timeout(l, timeout_ms));

	l->in_turn = true;
	for (int i = 0; i < n; i++) {
		struct loop_fd *w = ev[i].data.ptr;
		if (w->dead)
			continue;
		int ready = (ev[i].events & EPOLLIN ? LOOP_IN : 0) |
			    (ev[i].events & EPOLLOUT ? LOOP_OUT : 0) |
			    (ev[i].events & (EPOLLHUP | EPOLLERR) ? LOOP_HUP : 0);
		w->fn(w->user, ready);
	}
	run_timers(l);
	l->in_turn = false;
	bury(l);
}

int loop_run(struct loop *l)
{
	l->stopping = false;
	while (!l->stopping)
		loop_once(l, -1);
	return l->code;
}

void loop_stop(struct loop *l, int code)
{
	l->stopping = true;
	l->code = code;
}

static void read_signals(void *user, int events)
{
	struct loop *l = user;
	struct signalfd_siginfo si;

	(void)events;
	while (read(l->sigfd, &si, sizeof(si)) == sizeof(si))
		l->on_signal(l->signal_user, (int)si.ssi_signo);
}

int loop_signals(struct loop *l, const int *signals, loop_signal_fn *fn, void *user)
{
	sigset_t set;

	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	l->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->sigfd < 0)
		return -errno;
	l->on_signal = fn;
	l->signal_user = user;
	l->sigwatch = loop_fd_add(l, l->sigfd, LOOP_IN, read_signals, l);
	return l->sigwatch ? 0 : -errno;
}
