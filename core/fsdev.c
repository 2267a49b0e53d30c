/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/fsdev.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/vhost.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUEUES = 2 /* hiprio and one for requests: the guest has one processor, we one thread */ };

_Static_assert(FUSE_DOOR_WRITE_HEAD == sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in),
	       "the head of a WRITE");

struct fsdev {
	struct fsdev_config config;
	char tag[sizeof(((struct virtio_fs_config *)0)->tag)];
	struct vhost *vhost;
	struct fuse_door *door;
	bool held;
	uint64_t requests;
	uint64_t bad;
	/* The request in hand */
	unsigned queue;
	struct vhost_chain chain;
	uint8_t *head; /* FUSE_DOOR_HEAD_MAX + FUSE_DOOR_SLACK bytes */
};

/* Replies */

static int sink_reply(void *user, const struct iovec *iov, int n)
{
	struct fsdev *d = user;
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (len > d->chain.write_len || !d->chain.first_write_ok) {
		d->bad++;
		return -ENOSPC;
	}
	for (size_t i = 0, off = 0; i < (size_t)n; off += iov[i++].iov_len)
		vhost_write(&d->chain, off, iov[i].iov_base, iov[i].iov_len);
	vhost_push(d->vhost, d->queue, d->chain.head, (uint32_t)len);
	d->queue = QUEUES;
	return 0;
}

static int sink_data_room(void *user, struct iovec *out, int max, size_t *len)
{
	struct fsdev *d = user;
	const struct iovec *iov = d->chain.iov + d->chain.nread;
	size_t skip = sizeof(struct fuse_out_header);
	int n = 0;

	*len = 0;
	for (unsigned i = 0; i < d->chain.nwrite && n < max; i++) {
		if (iov[i].iov_len <= skip) {
			skip -= iov[i].iov_len;
			continue;
		}
		out[n] = (struct iovec){(char *)iov[i].iov_base + skip, iov[i].iov_len - skip};
		*len += out[n++].iov_len;
		skip = 0;
	}
	return n;
}

static int sink_reply_in_place(void *user, uint64_t unique, size_t len)
{
	struct fsdev *d = user;
	struct fuse_out_header h = {.len = (uint32_t)(sizeof(h) + len), .unique = unique};

	if (sizeof(h) > d->chain.write_len || !d->chain.first_write_ok) {
		d->bad++;
		return -ENOSPC;
	}
	vhost_write(&d->chain, 0, &h, sizeof(h));
	vhost_push(d->vhost, d->queue, d->chain.head, h.len);
	d->queue = QUEUES;
	return 0;
}

/* Requests */

/* Copies a request out, all but the data of a WRITE, which stays where it is (data, *ndata). */
static int copy_head(struct fsdev *d, struct fuse_request *rq, struct iovec *data)
{
	const struct vhost_chain *c = &d->chain;
	size_t first = c->read_len < FUSE_DOOR_WRITE_HEAD ? c->read_len : FUSE_DOOR_WRITE_HEAD;

	rq->head = d->head;
	rq->head_len = vhost_read(c, 0, d->head, first);
	if (rq->head_len < sizeof(struct fuse_in_header))
		return -EPROTO;
	if (c->err)
		return c->err;
	if (!FUSE_DOOR_IS_WRITE(((const struct fuse_in_header *)rq->head)->opcode)) {
		if (c->read_len > FUSE_DOOR_HEAD_MAX)
			return -E2BIG;
		rq->head_len += vhost_read(c, first, d->head + first, c->read_len - first);
		return 0;
	}
	size_t skip = first;
	for (unsigned i = 0; i < c->nread; i++) {
		if (c->iov[i].iov_len <= skip) {
			skip -= c->iov[i].iov_len;
			continue;
		}
		data[rq->ndata++] =
		    (struct iovec){(char *)c->iov[i].iov_base + skip, c->iov[i].iov_len - skip};
		skip = 0;
	}
	rq->data = data;
	rq->data_len = c->read_len - first;
	return 0;
}

static bool handle(void *user, unsigned q, struct vhost_chain *c)
{
	struct fsdev *d = user;
	const struct fuse_sink sink = {.reply = sink_reply,
				       .data_room = sink_data_room,
				       .reply_in_place = sink_reply_in_place,
				       .user = d};
	struct iovec data[VHOST_SEGMENTS];
	struct fuse_request rq = {0};

	d->queue = q;
	d->requests++;
	int r = copy_head(d, &rq, data);
	if (r)
		fuse_door_refuse(rq.head, rq.head_len, r == -EFAULT ? r : -EIO, &sink);
	else
		r = fuse_door_request(d->door, &rq, &sink);
	if (r)
		d->bad++;
	if (d->queue < QUEUES) /* no reply, or no room for one: the chain goes back all the same */
		vhost_push(d->vhost, q, c->head, 0);
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Looks at the rings for a while before sleeping. True: something came. Kicks are asked for again
 * in any case: whoever looks next may look at the other queue first. */
static bool poll_rings(struct fsdev *d)
{
	bool found = false;

	for (unsigned q = 0; q < QUEUES; q++)
		vhost_quiet(d->vhost, q, true);
	for (uint64_t end = now_ns() + (uint64_t)d->config.poll_us * 1000;
	     !found && now_ns() < end;)
		found = vhost_pending(d->vhost, 0) || vhost_pending(d->vhost, 1);
	for (unsigned q = 0; q < QUEUES; q++)
		vhost_quiet(d->vhost, q, false);
	return found || vhost_pending(d->vhost, 0) || vhost_pending(d->vhost, 1);
}

static unsigned run(struct fsdev *d, unsigned q, unsigned limit)
{
	return vhost_run(d->vhost, q, limit, &d->chain, handle, d);
}

static void on_kick(void *user, unsigned q)
{
	struct fsdev *d = user;
	unsigned left = d->config.batch;

	if (d->held)
		return;
	left -= run(d, q, left);
	while (d->config.poll_us && left && !vhost_is_gone(d->vhost) && poll_rings(d)) {
		for (q = 0; q < QUEUES; q++)
			left -= run(d, q, left);
	}
	/* The portion is used up: the rest comes after everybody else. */
	for (q = 0; !left && q < QUEUES; q++)
		if (vhost_pending(d->vhost, q))
			vhost_again(d->vhost, q);
}

/* The device */

static void fill_config(void *user, uint8_t *out)
{
	const struct fsdev *d = user;
	struct virtio_fs_config c = {.num_request_queues = htole32(QUEUES - 1)};

	memcpy(c.tag, d->tag, sizeof(c.tag));
	memcpy(out, &c, sizeof(c));
}

static void on_connected(void *user)
{
	struct fsdev *d = user;

	if (d->config.on_connected)
		d->config.on_connected(d->config.user);
}

static void on_gone(void *user, bool broken, const char *reason)
{
	struct fsdev *d = user;

	if (d->config.on_gone)
		d->config.on_gone(d->config.user, broken, reason);
}

static const struct vhost_ops ops = {
    .name = "fs",
    .nqueues = QUEUES,
    .config_size = sizeof(struct virtio_fs_config),
    .config = fill_config,
    .on_connected = on_connected,
    .on_kick = on_kick,
    .on_gone = on_gone,
};

struct fsdev *fsdev_new(struct loop *loop, int listen_fd, struct layer *l,
			const struct fsdev_config *c, struct err *e)
{
	cleanup_fd int fd = listen_fd;
	struct fsdev *d = xcalloc(1, sizeof(*d));
	size_t n = strlen(c->tag);
	int null = -1;

	d->config = *c;
	d->config.batch = c->batch ? c->batch : 64;
	d->head = xmalloc(FUSE_DOOR_HEAD_MAX + FUSE_DOOR_SLACK);
	d->queue = QUEUES;
	if (!n || n > sizeof(d->tag)) {
		err_set(e, -EINVAL, "fs device: a tag has 1 to %zu bytes", sizeof(d->tag));
		goto fail;
	}
	memcpy(d->tag, c->tag, n);
	d->door = fuse_door_new(l, &c->door, NULL, e);
	if (!d->door)
		goto fail;
	/* libfuse wants a descriptor to call its own. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || fuse_door_attach(d->door, null)) {
		fd_close(&null);
		err_set(e, -EIO, "fs device: libfuse takes no transport of ours");
		goto fail;
	}
	d->vhost = vhost_new(loop, fd_steal(&fd), &ops, d, e);
	if (d->vhost)
		return d;
fail:
	fsdev_free(d);
	return NULL;
}

bool fsdev_was_closed(const struct fsdev *d)
{
	return vhost_was_closed(d->vhost);
}

void fsdev_free(struct fsdev *d)
{
	if (!d)
		return;
	vhost_free(d->vhost);
	fuse_door_free(d->door);
	free(d->head);
	free(d);
}

void fsdev_hold(struct fsdev *d)
{
	d->held = true;
}

void fsdev_resume(struct fsdev *d)
{
	d->held = false;
	for (unsigned q = 0; q < QUEUES; q++)
		vhost_again(d->vhost, q);
}

bool fsdev_is_mounted(const struct fsdev *d)
{
	return fuse_door_is_mounted(d->door);
}

void fsdev_get_counts(const struct fsdev *d, struct fsdev_counts *out)
{
	struct fuse_door_counts c;

	fuse_door_get_counts(d->door, &c);
	*out = (struct fsdev_counts){
	    .requests = d->requests,
	    .bytes_read = c.bytes_read,
	    .bytes_written = c.bytes_written,
	    .errors = c.errors,
	    .bad = d->bad,
	};
}
