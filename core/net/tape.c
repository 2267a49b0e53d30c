/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/tape.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/net/pcapng.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WAITING_MAX (4 << 20) /* bytes that the reader has not taken */

struct nettape {
	struct vnet *card;
	int fd; /* -1: the reader is gone */
	struct loop_fd *watch;
	struct buf out;
};

static void stop(struct nettape *t)
{
	vnet_watch(t->card, NULL, NULL);
	loop_fd_del(t->watch);
	t->watch = NULL;
	fd_close(&t->fd);
	buf_free(&t->out);
}

static void flush(struct nettape *t)
{
	while (t->out.len) {
		ssize_t n = write(t->fd, t->out.p, t->out.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			stop(t);
			return;
		}
		if (n <= 0)
			break;
		buf_eat(&t->out, (size_t)n);
	}
	loop_fd_want(t->watch, t->out.len ? LOOP_OUT : 0);
}

static void on_pipe(void *user, int events)
{
	struct nettape *t = user;

	if (events & LOOP_HUP)
		stop(t);
	else
		flush(t);
}

static void on_frame(void *user, bool out, const struct iovec *iov, unsigned n, size_t len)
{
	struct nettape *t = user;
	struct timespec ts;

	if (t->out.len > WAITING_MAX)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	pcapng_frame(&t->out, out, iov, n, len,
		     (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
	loop_fd_want(t->watch, LOOP_OUT);
}

struct nettape *nettape_new(struct loop *l, struct vnet *card, int pipe_fd)
{
	struct nettape *t = xcalloc(1, sizeof(*t));

	*t = (struct nettape){.card = card, .fd = pipe_fd};
	fcntl(pipe_fd, F_SETFL, O_NONBLOCK);
	t->watch = loop_fd_add(l, pipe_fd, LOOP_OUT, on_pipe, t);
	if (!t->watch) {
		fd_close(&t->fd);
		free(t);
		return NULL;
	}
	pcapng_begin(&t->out, "eth0");
	vnet_watch(card, on_frame, t);
	return t;
}

void nettape_free(struct nettape *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		stop(t);
	free(t);
}
