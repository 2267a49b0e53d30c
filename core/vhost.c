/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/fd.h"
#include "core/vhost_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* The end */

static void end(struct vhost *v, bool broken, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void end(struct vhost *v, bool broken, const char *fmt, va_list ap)
{
	if (v->gone)
		return;
	v->gone = true;
	v->broken = broken;
	int n = snprintf(v->reason, sizeof(v->reason), "%s device: ", v->ops->name);
	vsnprintf(v->reason + n, sizeof(v->reason) - (size_t)n, fmt, ap);
	v->closed = v->ready && !broken;
	for (unsigned i = 0; i < v->ops->nqueues; i++) {
		v->closed = v->closed && !v->q[i].vq.enabled;
		v->q[i].vq.enabled = false;
	}
	loop_timer_arm(v->later, 0);
}

void vhost_break(struct vhost *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end(v, true, fmt, ap);
	va_end(ap);
}

void vhost_hang_up(struct vhost *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end(v, false, fmt, ap);
	va_end(ap);
}

bool vhost_was_closed(const struct vhost *v)
{
	return v->closed;
}

bool vhost_is_gone(const struct vhost *v)
{
	return v->gone;
}

uint64_t vhost_features(const struct vhost *v)
{
	return v->features;
}

static void close_kick(struct vhost_queue *q)
{
	loop_fd_del(q->kick_watch);
	q->kick_watch = NULL;
	fd_close(&q->kick);
}

/* Closes what the guest can reach, keeps its memory mapped: a request may be in hand. */
static void close_all(struct vhost *v)
{
	loop_fd_del(v->watch);
	v->watch = NULL;
	fd_close(&v->listener);
	fd_close(&v->sock);
	vhost_close_inbox(&v->in);
	for (unsigned i = 0; i < VHOST_QUEUES; i++) {
		close_kick(&v->q[i]);
		fd_close(&v->q[i].call);
	}
}

/* Queues */

static void kick(struct vhost_queue *q)
{
	struct vhost *v = q->v;

	if (!v->gone && q->vq.enabled)
		v->ops->on_kick(v->user, q->index);
}

static void on_kick_fd(void *user, int events)
{
	struct vhost_queue *q = user;
	uint64_t count;
	struct iovec iov = {&count, sizeof(count)};

	(void)events;
	/* The guest holds the same eventfd and could clear O_NONBLOCK on it, so ask per call. */
	ssize_t n = preadv2(q->kick, &iov, 1, -1, RWF_NOWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		vhost_break(q->v, "its kick descriptor cannot be read");
		return;
	}
	kick(q);
}

int vhost_set_kick(struct vhost_queue *q, int fd)
{
	close_kick(q);
	q->kick = fd;
	if (fd < 0)
		return 0;
	q->kick_watch = loop_fd_add(q->v->loop, fd, LOOP_IN, on_kick_fd, q);
	return q->kick_watch ? 0 : -errno;
}

static void on_later(void *user)
{
	struct vhost *v = user;
	unsigned again = v->again;

	if (v->gone) {
		close_all(v);
		v->ops->on_gone(v->user, v->broken, v->reason);
		return;
	}
	v->again = 0;
	for (unsigned i = 0; i < v->ops->nqueues; i++)
		if (again & (1u << i))
			kick(&v->q[i]);
}

void vhost_kick_again(struct vhost_queue *q)
{
	q->v->again |= 1u << q->index;
	loop_timer_arm(q->v->later, 0);
}

void vhost_again(struct vhost *v, unsigned q)
{
	vhost_kick_again(&v->q[q]);
}

int vhost_pop(struct vhost *v, unsigned q, struct vhost_chain *c)
{
	const char *why = NULL;
	int r = v->gone ? 0 : vqueue_pop(&v->q[q].vq, &v->mem, c, &why);

	if (r >= 0)
		return r;
	if (vmem_is_broken(&v->mem))
		why = "memory that the guest took away";
	vhost_break(v, "the guest's ring %u has %s", q, why);
	return 0;
}

void vhost_unpop(struct vhost *v, unsigned q)
{
	v->q[q].vq.last_avail--;
}

void vhost_push(struct vhost *v, unsigned q, uint16_t head, uint32_t len)
{
	vqueue_push(&v->q[q].vq, head, len);
}

void vhost_push_all(struct vhost *v, unsigned q, const struct vhost_used *u, unsigned n)
{
	vqueue_push_all(&v->q[q].vq, u, n);
}

void vhost_notify(struct vhost *v, unsigned q)
{
	static const uint64_t one = 1;
	struct vhost_queue *qu = &v->q[q];

	if (vmem_is_broken(&v->mem))
		vhost_break(v, "the guest took its memory away");
	if (v->gone || !vqueue_should_notify(&qu->vq) || qu->call < 0)
		return;
	/* A full socket is a guest that was told already. */
	if (send(qu->call, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN &&
	    errno != EINTR)
		vhost_hang_up(v, "the guest does not listen any more");
}

bool vhost_pending(struct vhost *v, unsigned q)
{
	return !v->gone && vqueue_pending(&v->q[q].vq);
}

void vhost_quiet(struct vhost *v, unsigned q, bool quiet)
{
	if (!v->gone)
		vqueue_quiet(&v->q[q].vq, quiet);
}

unsigned vhost_run(struct vhost *v, unsigned q, unsigned limit, struct vhost_chain *scratch,
		   vhost_request_fn *fn, void *user)
{
	unsigned n = 0;
	bool go_on = true;

	vhost_quiet(v, q, true);
	for (;;) {
		while (go_on && n < limit && vhost_pop(v, q, scratch) == 1) {
			go_on = fn(user, q, scratch);
			n++;
		}
		vhost_notify(v, q);
		if (!go_on || n >= limit)
			break;
		vhost_quiet(v, q, false);
		if (!vhost_pending(v, q))
			return n;
		vhost_quiet(v, q, true);
	}
	vhost_quiet(v, q, false);
	if (go_on && vhost_pending(v, q))
		vhost_kick_again(&v->q[q]);
	return n;
}

static size_t copy_segments(const struct iovec *iov, unsigned n, size_t off, void *p, size_t len,
			    bool out)
{
	size_t done = 0;

	for (unsigned i = 0; i < n && done < len; i++) {
		if (off >= iov[i].iov_len) {
			off -= iov[i].iov_len;
			continue;
		}
		size_t part = iov[i].iov_len - off;
		if (part > len - done)
			part = len - done;
		if (out)
			memcpy((char *)iov[i].iov_base + off, (char *)p + done, part);
		else
			memcpy((char *)p + done, (char *)iov[i].iov_base + off, part);
		done += part;
		off = 0;
	}
	return done;
}

size_t vhost_read(const struct vhost_chain *c, size_t off, void *p, size_t n)
{
	return copy_segments(c->iov, c->nread, off, p, n, false);
}

size_t vhost_write(const struct vhost_chain *c, size_t off, const void *p, size_t n)
{
	return copy_segments(c->iov + c->nread, c->nwrite, off, (void *)(uintptr_t)p, n, true);
}

static void on_listener(void *user, int events)
{
	struct vhost *v = user;
	int fd = accept4(v->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	loop_fd_del(v->watch);
	fd_close(&v->listener);
	v->sock = fd;
	v->watch = loop_fd_add(v->loop, fd, LOOP_IN, vhost_on_socket, v);
	if (!v->watch)
		vhost_break(v, "cannot watch its socket: %s", strerror(errno));
	else if (v->ops->on_connected)
		v->ops->on_connected(v->user);
}

struct vhost *vhost_new(struct loop *l, int listen_fd, const struct vhost_ops *ops, void *user,
			struct err *e)
{
	struct vhost *v = xcalloc(1, sizeof(*v));

	*v = (struct vhost){.loop = l, .ops = ops, .user = user, .listener = listen_fd, .sock = -1};
	for (unsigned i = 0; i < VHOST_QUEUES; i++)
		v->q[i] = (struct vhost_queue){.v = v, .index = i, .kick = -1, .call = -1};
	v->later = loop_timer_add(l, -1, on_later, v);
	fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
	v->watch = loop_fd_add(l, listen_fd, LOOP_IN, on_listener, v);
	if (!v->watch) {
		err_sys(e, "%s device: cannot watch its socket", ops->name);
		vhost_free(v);
		return NULL;
	}
	return v;
}

void vhost_free(struct vhost *v)
{
	if (!v)
		return;
	close_all(v);
	loop_timer_del(v->later);
	vmem_clear(&v->mem);
	free(v);
}
