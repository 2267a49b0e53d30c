/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control messages of the vhost-user socket. */
#include "core/fd.h"
#include "core/vhost_priv.h"
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The numbers of docs/interop/vhost-user.rst. */
enum {
	MSG_GET_FEATURES = 1,
	MSG_SET_FEATURES = 2,
	MSG_SET_OWNER = 3,
	MSG_RESET_OWNER = 4,
	MSG_SET_MEM_TABLE = 5,
	MSG_SET_VRING_NUM = 8,
	MSG_SET_VRING_ADDR = 9,
	MSG_SET_VRING_BASE = 10,
	MSG_GET_VRING_BASE = 11,
	MSG_SET_VRING_KICK = 12,
	MSG_SET_VRING_CALL = 13,
	MSG_SET_VRING_ERR = 14,
	MSG_GET_PROTOCOL_FEATURES = 15,
	MSG_SET_PROTOCOL_FEATURES = 16,
	MSG_GET_QUEUE_NUM = 17,
	MSG_SET_VRING_ENABLE = 18,
	MSG_GET_CONFIG = 24,
	MSG_SET_CONFIG = 25,
	MSG_COUNT,
};

enum {
	FLAG_VERSION_MASK = 3,
	FLAG_VERSION = 1,
	FLAG_REPLY = 4,
	VRING_INDEX_MASK = 0xff,
	VRING_NOFD = 0x100,
	VHOST_USER_F_PROTOCOL_FEATURES = 30,
	PROTOCOL_F_CONFIG = 9,
	/* After so many messages or kicks of one wake-up the others get a turn. */
	MESSAGES_PER_TURN = 64,
};

void vhost_close_inbox(struct vhost_inbox *in)
{
	while (in->nfds)
		fd_close(&in->fds[--in->nfds]);
}

/* Control messages. A handler returns 0, or -errno with e set: then the device breaks. */

static int reply(struct vhost *v, const void *p, uint32_t n, struct err *e)
{
	struct vhost_header h = {v->in.h.request, FLAG_VERSION | FLAG_REPLY, n};
	struct iovec iov[2] = {{&h, sizeof(h)}, {(void *)(uintptr_t)p, n}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};

	/* A guest that reads its replies has room for a few hundred bytes. */
	if (sendmsg(v->sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(sizeof(h) + n))
		return err_set(e, -EPIPE, "the guest does not read replies");
	return 0;
}

static uint64_t offered(const struct vhost *v)
{
	return v->ops->features | UINT64_C(1) << VIRTIO_F_VERSION_1 |
	       UINT64_C(1) << VHOST_USER_F_PROTOCOL_FEATURES |
	       UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX |
	       (v->ops->no_indirect ? 0 : UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC);
}

static struct vhost_queue *queue_of(struct vhost *v, uint64_t index, struct err *e)
{
	if (index < v->ops->nqueues)
		return &v->q[index];
	err_set(e, -EINVAL, "the guest names queue %llu of %u", (unsigned long long)index,
		v->ops->nqueues);
	return NULL;
}

static int get_features(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	uint64_t f = offered(v);

	return reply(v, &f, sizeof(f), e);
}

static int set_features(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	if (in->p.u64 & ~offered(v))
		return err_set(e, -EINVAL, "the guest accepts features that were not offered");
	v->features = in->p.u64;
	for (unsigned i = 0; i < v->ops->nqueues; i++) {
		struct vqueue *vq = &v->q[i].vq;

		if (vq->enabled)
			return err_set(e, -EBUSY, "the guest changes features under way");
		vq->event_idx = v->features >> VIRTIO_RING_F_EVENT_IDX & 1;
		vq->indirect = v->features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
	}
	return 0;
}

static int get_protocol_features(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	uint64_t f = UINT64_C(1) << PROTOCOL_F_CONFIG;

	return reply(v, &f, sizeof(f), e);
}

static int set_protocol_features(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	if (in->p.u64 & ~(UINT64_C(1) << PROTOCOL_F_CONFIG))
		return err_set(e, -EINVAL, "the guest accepts protocol features never offered");
	return 0;
}

static int accept_silently(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	return 0;
}

static int get_queue_num(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	uint64_t n = v->ops->nqueues;

	return reply(v, &n, sizeof(n), e);
}

static void stop_queues(struct vhost *v)
{
	for (unsigned i = 0; i < v->ops->nqueues; i++)
		v->q[i].vq.enabled = false;
}

static int reset_owner(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	stop_queues(v);
	return 0;
}

static int set_mem_table(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	const struct vhost_msg_mem *t = &in->p.mem;
	size_t head = offsetof(struct vhost_msg_mem, r);

	if (in->h.size < head || t->n > VMEM_REGIONS ||
	    in->h.size != head + t->n * sizeof(t->r[0]) || in->nfds != t->n)
		return err_set(e, -EINVAL, "a memory table of the wrong size");
	/* The rings lose their place: their pointers lead into the old mapping. */
	for (unsigned i = 0; i < v->ops->nqueues; i++) {
		v->q[i].vq.enabled = false;
		v->q[i].vq.desc = v->q[i].vq.avail = v->q[i].vq.used = NULL;
	}
	vmem_clear(&v->mem);
	for (uint32_t i = 0; i < t->n; i++) {
		const struct vhost_msg_region *m = &t->r[i];
		int r = vmem_add(&v->mem, in->fds[i], m->gpa, m->size, m->uva, m->offset, e);

		if (r)
			return r;
	}
	return 0;
}

static int set_vring_num(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	uint32_t n = in->p.state.num;
	struct vhost_queue *q = queue_of(v, in->p.state.index, e);

	if (!q)
		return -EINVAL;
	if (!n || n > VHOST_QUEUE_MAX || (n & (n - 1)) || q->vq.enabled)
		return err_set(e, -EINVAL, "a ring of %u entries", n);
	q->vq.num = (uint16_t)n;
	q->vq.desc = q->vq.avail = q->vq.used = NULL;
	return 0;
}

static int set_vring_addr(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	const struct vhost_msg_vring_addr *a = &in->p.addr;
	struct vhost_queue *q = queue_of(v, a->index, e);

	if (!q)
		return -EINVAL;
	if (q->vq.enabled || vqueue_place(&q->vq, &v->mem, a->desc, a->avail, a->used))
		return err_set(e, -EINVAL, "a ring outside guest memory");
	return 0;
}

static int set_vring_base(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	struct vhost_queue *q = queue_of(v, in->p.state.index, e);

	if (!q)
		return -EINVAL;
	if (q->vq.enabled || in->p.state.num > UINT16_MAX)
		return err_set(e, -EINVAL, "a ring's base that cannot be");
	q->vq.last_avail = q->vq.used_idx = q->vq.signalled = (uint16_t)in->p.state.num;
	return 0;
}

static int get_vring_base(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	struct vhost_queue *q = queue_of(v, in->p.state.index, e);

	if (!q)
		return -EINVAL;
	struct vhost_msg_vring_state s = {q->index, q->vq.last_avail};
	q->vq.enabled = false;
	return reply(v, &s, sizeof(s), e);
}

/* The descriptor that came with a message about a queue, or -1 when it says there is none. */
static int take_vring_fd(struct vhost_inbox *in, int *fd, struct err *e)
{
	*fd = -1;
	if (in->nfds != (in->p.u64 & VRING_NOFD ? 0 : 1))
		return err_set(e, -EINVAL, "a wrong number of descriptors for a queue");
	if (in->nfds)
		*fd = in->fds[--in->nfds];
	return 0;
}

/* Only a true eventfd: to wait on and to read others could make us wait for the guest. */
static bool is_eventfd(int fd)
{
	static const char want[] = "anon_inode:[eventfd]";
	char path[40], is[sizeof(want) + 1];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, is, sizeof(is));
	return n == (ssize_t)strlen(want) && !memcmp(is, want, (size_t)n);
}

static int set_vring_kick(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	struct vhost_queue *q = queue_of(v, in->p.u64 & VRING_INDEX_MASK, e);
	cleanup_fd int fd = -1;

	if (!q || take_vring_fd(in, &fd, e))
		return -EINVAL;
	if (fd < 0 || !is_eventfd(fd))
		return err_set(e, -EINVAL, "a kick descriptor that is no eventfd");
	if (vhost_set_kick(q, fd_steal(&fd)))
		return err_sys(e, "a kick descriptor cannot be watched");
	return 0;
}

/*
 * UML's "pipes" are pairs of AF_UNIX sockets (os_pipe), which is good for us: send() takes
 * MSG_DONTWAIT per call, while O_NONBLOCK belongs to the open file that the guest shares.
 */
static bool is_unix_stream(int fd)
{
	int domain = 0, type = 0;
	socklen_t n = sizeof(domain);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) && domain == AF_UNIX &&
	       !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) && type == SOCK_STREAM;
}

static int set_vring_call(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	struct vhost_queue *q = queue_of(v, in->p.u64 & VRING_INDEX_MASK, e);
	cleanup_fd int fd = -1;

	if (!q || take_vring_fd(in, &fd, e))
		return -EINVAL;
	if (fd >= 0 && !is_unix_stream(fd))
		return err_set(e, -EINVAL, "a call descriptor that is no stream socket");
	fd_close(&q->call);
	q->call = fd_steal(&fd);
	return 0;
}

static int set_vring_enable(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	struct vhost_queue *q = queue_of(v, in->p.state.index, e);

	if (!q)
		return -EINVAL;
	if (in->p.state.num > 1 || (in->p.state.num && !q->vq.desc))
		return err_set(e, -EINVAL, "a queue is enabled that is not set up");
	q->vq.enabled = in->p.state.num;
	if (!q->vq.enabled)
		return 0;
	if (!v->ready) {
		v->ready = true;
		if (v->ops->on_ready)
			v->ops->on_ready(v->user);
	}
	/* What was queued before the ring counted as enabled had its kick already. */
	vhost_kick_again(q);
	return 0;
}

static int get_config(struct vhost *v, struct vhost_inbox *in, struct err *e)
{
	struct vhost_msg_config *c = &in->p.config;
	size_t head = offsetof(struct vhost_msg_config, bytes);
	uint8_t space[VHOST_CONFIG_MAX] = {0};

	if (in->h.size < head || c->size > VHOST_CONFIG_MAX || in->h.size != head + c->size ||
	    c->offset > VHOST_CONFIG_MAX - c->size)
		return err_set(e, -EINVAL, "a question about configuration space of wrong size");
	v->ops->config(v->user, space);
	memcpy(c->bytes, space + c->offset, c->size);
	return reply(v, c, in->h.size, e);
}

static const struct message {
	int (*fn)(struct vhost *v, struct vhost_inbox *in, struct err *e);
	int size; /* of the payload; -1: the handler checks */
} messages[MSG_COUNT] = {
    [MSG_GET_FEATURES] = {get_features, 0},
    [MSG_SET_FEATURES] = {set_features, 8},
    [MSG_SET_OWNER] = {accept_silently, 0},
    [MSG_RESET_OWNER] = {reset_owner, 0},
    [MSG_SET_MEM_TABLE] = {set_mem_table, -1},
    [MSG_SET_VRING_NUM] = {set_vring_num, sizeof(struct vhost_msg_vring_state)},
    [MSG_SET_VRING_ADDR] = {set_vring_addr, sizeof(struct vhost_msg_vring_addr)},
    [MSG_SET_VRING_BASE] = {set_vring_base, sizeof(struct vhost_msg_vring_state)},
    [MSG_GET_VRING_BASE] = {get_vring_base, sizeof(struct vhost_msg_vring_state)},
    [MSG_SET_VRING_KICK] = {set_vring_kick, 8},
    [MSG_SET_VRING_CALL] = {set_vring_call, 8},
    [MSG_SET_VRING_ERR] = {accept_silently, 8},
    [MSG_GET_PROTOCOL_FEATURES] = {get_protocol_features, 0},
    [MSG_SET_PROTOCOL_FEATURES] = {set_protocol_features, 8},
    [MSG_GET_QUEUE_NUM] = {get_queue_num, 0},
    [MSG_SET_VRING_ENABLE] = {set_vring_enable, sizeof(struct vhost_msg_vring_state)},
    [MSG_GET_CONFIG] = {get_config, -1},
    [MSG_SET_CONFIG] = {accept_silently, -1}, /* nothing of ours is writable */
};

static void handle_message(struct vhost *v)
{
	struct vhost_inbox *in = &v->in;
	struct err e;

	if ((in->h.flags & (FLAG_VERSION_MASK | FLAG_REPLY)) != FLAG_VERSION)
		vhost_break(v, "a message of another protocol");
	else if (in->h.request >= MSG_COUNT || !messages[in->h.request].fn)
		vhost_break(v, "an unknown message (%u)", in->h.request);
	else if (messages[in->h.request].size >= 0 &&
		 in->h.size != (uint32_t)messages[in->h.request].size)
		vhost_break(v, "a message (%u) of wrong size", in->h.request);
	else if (messages[in->h.request].fn(v, in, &e))
		vhost_break(v, "%s", e.text);
	vhost_close_inbox(in);
	in->have = 0;
}

static void take_fds(struct vhost_inbox *in, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (in->nfds < VHOST_FDS_MAX)
				in->fds[in->nfds++] = fd;
			else
				close(fd);
		}
	}
}

/* Reads a piece of a message, never beyond it: descriptors belong to the message they came with.
 * 1: a message is complete; 0: not yet, or the device is gone. */
static int receive(struct vhost *v)
{
	struct vhost_inbox *in = &v->in;
	char control[CMSG_SPACE(VHOST_FDS_MAX * sizeof(int))];
	bool header = in->have < sizeof(in->h);
	size_t at = header ? in->have : in->have - sizeof(in->h);
	size_t want = (header ? sizeof(in->h) : in->h.size) - at;
	struct iovec iov = {(char *)(header ? (void *)&in->h : (void *)&in->p) + at, want};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(v->sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			vhost_hang_up(v, "the guest's socket: %s", strerror(errno));
		return 0;
	}
	take_fds(in, &m);
	if (n == 0) {
		vhost_hang_up(v, "the guest closed its socket");
		return 0;
	}
	if (m.msg_flags & MSG_CTRUNC) {
		vhost_break(v, "a message with too many descriptors");
		return 0;
	}
	in->have += (size_t)n;
	if (in->have == sizeof(in->h) && in->h.size > sizeof(in->p)) {
		vhost_break(v, "a message of %u bytes", in->h.size);
		return 0;
	}
	if (in->have < sizeof(in->h) || in->have < sizeof(in->h) + in->h.size)
		return (size_t)n < want ? 0 : receive(v);
	return 1;
}

void vhost_on_socket(void *user, int events)
{
	struct vhost *v = user;

	(void)events;
	for (int i = 0; i < MESSAGES_PER_TURN && !v->gone && receive(v) == 1; i++)
		handle_message(v);
}
