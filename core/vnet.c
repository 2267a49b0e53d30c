/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vnet.h"
#include "core/buf.h"
#include "core/vhost.h"
#include <endian.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { Q_RX, Q_TX, QUEUES };

enum {
	BATCH = 64,	/* frames before the others get a turn */
	PIECES = 64,	/* buffers of the guest that one frame may fill */
	ETHERNET = 14,	/* bytes of a frame's own header */
	BURST_MS = 50,	/* that a rate may be ahead of its time */
	PAUSE_MS = 5,	/* until a card that used up its rate looks again */
	MTU_LEAST = 68, /* IPv4's, RFC 791 */
};

_Static_assert(sizeof(struct virtio_net_hdr_v1) == VNET_HEADER, "header");

/* What a direction may still pass now; refilled by time. */
struct bucket {
	int64_t tokens; /* bytes; below 0: ahead of its time */
	int64_t at;	/* ns of the last refill */
};

struct vnet {
	struct loop *loop;
	struct vhost *vhost;
	struct vnet_config c;
	const struct vnet_ops *ops;
	void *user;
	struct loop_fd *tap; /* NULL until the guest has set up its queues */
	struct loop_timer *pause;
	bool mergeable;
	bool spent;
	struct vnet_count count;
	struct bucket in, out;
	vnet_frame_fn *watch;
	void *watch_user;
	size_t held; /* bytes of a frame in buf that wait for the guest's buffers */
	struct vhost_chain chain, first;
	uint8_t buf[VNET_HEADER + VNET_FRAME_MAX];
};

/* Rate and quota */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* True when a direction may pass one more frame; what it passes is taken off by charge(). */
static bool may_pass(struct vnet *d, struct bucket *b)
{
	int64_t most = (int64_t)(d->c.rate / 1000 * BURST_MS) + VNET_FRAME_MAX;

	if (!d->c.rate || b->tokens > 0)
		return true;
	int64_t now = now_ns(), gone = now - b->at;
	b->at = now;
	if (gone > 1000000000)
		gone = 1000000000;
	b->tokens += (int64_t)((double)gone * (double)d->c.rate / 1e9);
	if (b->tokens > most)
		b->tokens = most;
	return b->tokens > 0;
}

static void charge(struct vnet *d, struct bucket *b, size_t n)
{
	if (d->c.rate)
		b->tokens -= (int64_t)n;
	if (!d->c.quota || d->spent)
		return;
	d->c.spent += n;
	if (d->c.spent < d->c.quota)
		return;
	d->spent = true;
	if (d->ops->spent)
		d->ops->spent(d->user);
}

static void wait_for_rate(struct vnet *d)
{
	loop_timer_arm(d->pause, PAUSE_MS);
}

/* From the guest */

/* A header that the host's kernel may get: known kinds, offsets inside the frame. */
static bool header_ok(const struct virtio_net_hdr_v1 *h, size_t frame)
{
	unsigned kind = h->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;

	if (h->flags & ~(unsigned)VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return false;
	if (h->flags && (size_t)le16toh(h->csum_start) + le16toh(h->csum_offset) + 2 > frame)
		return false;
	if (kind == VIRTIO_NET_HDR_GSO_NONE)
		return h->gso_type == VIRTIO_NET_HDR_GSO_NONE;
	if (kind != VIRTIO_NET_HDR_GSO_TCPV4 && kind != VIRTIO_NET_HDR_GSO_TCPV6)
		return false;
	return h->flags && h->gso_size && le16toh(h->hdr_len) <= frame;
}

/* The segments behind the first skip bytes of the readable ones; returns their number. */
static unsigned behind(const struct vhost_chain *c, size_t skip, struct iovec *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->nread; i++) {
		size_t len = c->iov[i].iov_len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		out[n++] = (struct iovec){(char *)c->iov[i].iov_base + skip, len - skip};
		skip = 0;
	}
	return n;
}

static void send_frame(struct vnet *d, const struct vhost_chain *c)
{
	struct virtio_net_hdr_v1 h;
	struct iovec iov[PIECES + 1];

	if (c->err || c->nread > PIECES || c->read_len < VNET_HEADER + ETHERNET ||
	    c->read_len > sizeof(d->buf) || vhost_read(c, 0, &h, sizeof(h)) != sizeof(h)) {
		d->count.bad++;
		return;
	}
	size_t frame = c->read_len - sizeof(h);
	h.num_buffers = 0;
	if (!header_ok(&h, frame)) {
		d->count.bad++;
		return;
	}
	iov[0] = (struct iovec){&h, sizeof(h)};
	unsigned n = 1 + behind(c, sizeof(h), iov + 1);
	/* A full queue drops, as every network does. */
	if (writev(d->c.tap, iov, (int)n) < 0) {
		d->count.bad += errno == EINVAL;
		return;
	}
	d->count.out_frames++;
	d->count.out_bytes += frame;
	charge(d, &d->out, frame);
	if (d->watch)
		d->watch(d->watch_user, true, iov + 1, n - 1, frame);
}

static bool take(void *user, unsigned q, struct vhost_chain *c)
{
	struct vnet *d = user;

	if (!d->spent && !may_pass(d, &d->out)) {
		vhost_unpop(d->vhost, q);
		wait_for_rate(d);
		return false;
	}
	if (!d->spent)
		send_frame(d, c);
	vhost_push(d->vhost, q, c->head, 0);
	return true;
}

/* To the guest */

/* Puts the frame that is held into the guest's buffers: 1 done, 0 there are too few, -1 the guest's
 * buffers are of no use and the frame is lost. */
static int deliver(struct vnet *d)
{
	struct vhost_used used[PIECES];
	size_t done = 0;
	unsigned n = 0;

	while (done < d->held) {
		struct vhost_chain *c = n ? &d->chain : &d->first;

		if (n == PIECES || (n && !d->mergeable) || vhost_pop(d->vhost, Q_RX, c) != 1)
			break;
		if (c->err || c->write_len < (n ? 1 : VNET_HEADER)) {
			vhost_break(d->vhost, "a buffer that holds nothing");
			return -1;
		}
		size_t part = vhost_write(c, 0, d->buf + done, d->held - done);
		used[n++] = (struct vhost_used){c->head, (uint32_t)part};
		done += part;
	}
	if (done < d->held) {
		bool useless = n == PIECES || (n && !d->mergeable);

		for (unsigned i = 0; i < n; i++)
			vhost_unpop(d->vhost, Q_RX);
		return useless ? -1 : 0;
	}
	uint16_t count = htole16((uint16_t)n);
	vhost_write(&d->first, offsetof(struct virtio_net_hdr_v1, num_buffers), &count,
		    sizeof(count));
	vhost_push_all(d->vhost, Q_RX, used, n);
	return 1;
}

static bool fetch(struct vnet *d)
{
	ssize_t n = read(d->c.tap, d->buf, sizeof(d->buf));

	if (n < VNET_HEADER + ETHERNET)
		return false;
	d->held = (size_t)n;
	return true;
}

static void passed_in(struct vnet *d)
{
	struct iovec iov = {d->buf + VNET_HEADER, d->held - VNET_HEADER};

	d->count.in_frames++;
	d->count.in_bytes += iov.iov_len;
	charge(d, &d->in, iov.iov_len);
	if (d->watch)
		d->watch(d->watch_user, false, &iov, 1, iov.iov_len);
}

/* Waits for buffers of the guest instead of frames for it. */
static bool no_room(struct vnet *d)
{
	vhost_quiet(d->vhost, Q_RX, false);
	if (deliver(d) == 1) {
		vhost_quiet(d->vhost, Q_RX, true);
		return false;
	}
	loop_fd_want(d->tap, 0);
	return true;
}

static void pump_in(struct vnet *d)
{
	int want = LOOP_IN;

	for (int i = 0; i < BATCH && !vhost_is_gone(d->vhost); i++) {
		if (d->spent) {
			want = 0;
			d->held = 0;
			break;
		}
		if (!may_pass(d, &d->in)) {
			want = 0;
			wait_for_rate(d);
			break;
		}
		if (!d->held && !fetch(d))
			break;
		int r = deliver(d);
		if (!r && no_room(d)) {
			want = 0;
			break;
		}
		if (r >= 0)
			passed_in(d);
		d->held = 0;
	}
	if (d->tap)
		loop_fd_want(d->tap, want);
	vhost_notify(d->vhost, Q_RX);
}

static void on_tap(void *user, int events)
{
	struct vnet *d = user;

	if (!(events & LOOP_IN) && (events & LOOP_HUP)) {
		vhost_break(d->vhost, "its tap is gone");
		loop_fd_del(d->tap);
		d->tap = NULL;
		return;
	}
	pump_in(d);
}

/* The rate has room again. */
static void on_pause(void *user)
{
	struct vnet *d = user;

	if (vhost_is_gone(d->vhost))
		return;
	vhost_again(d->vhost, Q_TX);
	if (d->tap)
		pump_in(d);
}

/* The device */

static void fill_config(void *user, uint8_t *out)
{
	const struct vnet *d = user;
	struct virtio_net_config c = {.max_virtqueue_pairs = htole16(1), .mtu = htole16(d->c.mtu)};

	memcpy(c.mac, d->c.mac, sizeof(c.mac));
	memcpy(out, &c, sizeof(c));
}

static bool has(const struct vnet *d, unsigned bit)
{
	return vhost_features(d->vhost) >> bit & 1;
}

/* Both queues are there: from now on the tap gives what this guest understands. */
static void start(struct vnet *d)
{
	unsigned offload = 0;

	if (!has(d, VIRTIO_F_VERSION_1)) {
		vhost_break(d->vhost, "a driver from before virtio 1.0");
		return;
	}
	d->mergeable = has(d, VIRTIO_NET_F_MRG_RXBUF);
	if (has(d, VIRTIO_NET_F_GUEST_CSUM)) {
		offload |= TUN_F_CSUM;
		offload |= has(d, VIRTIO_NET_F_GUEST_TSO4) ? TUN_F_TSO4 : 0;
		offload |= has(d, VIRTIO_NET_F_GUEST_TSO6) ? TUN_F_TSO6 : 0;
	}
	d->tap = loop_fd_add(d->loop, d->c.tap, LOOP_IN, on_tap, d);
	if (!d->tap || ioctl(d->c.tap, TUNSETOFFLOAD, offload))
		vhost_break(d->vhost, "its tap cannot be used: %s", strerror(errno));
	else
		vhost_quiet(d->vhost, Q_RX, true);
}

static void on_kick(void *user, unsigned q)
{
	struct vnet *d = user;

	if (!d->tap)
		start(d);
	if (vhost_is_gone(d->vhost))
		return;
	if (q == Q_TX) {
		vhost_run(d->vhost, Q_TX, BATCH, &d->chain, take, d);
	} else {
		vhost_quiet(d->vhost, Q_RX, true);
		pump_in(d);
	}
}

static void on_connected(void *user)
{
	struct vnet *d = user;

	if (d->ops->connected)
		d->ops->connected(d->user);
}

static void on_gone(void *user, bool broken, const char *reason)
{
	struct vnet *d = user;

	loop_fd_del(d->tap);
	d->tap = NULL;
	d->ops->gone(d->user, broken, reason);
}

#define FEATURE(x) (UINT64_C(1) << VIRTIO_NET_F_##x)

static const struct vhost_ops ops = {
    .name = "network",
    .nqueues = QUEUES,
    .features = FEATURE(CSUM) | FEATURE(GUEST_CSUM) | FEATURE(MTU) | FEATURE(MAC) |
		FEATURE(GUEST_TSO4) | FEATURE(GUEST_TSO6) | FEATURE(HOST_TSO4) |
		FEATURE(HOST_TSO6) | FEATURE(MRG_RXBUF),
    .config_size = sizeof(struct virtio_net_config),
    .config = fill_config,
    .on_connected = on_connected,
    .on_kick = on_kick,
    .on_gone = on_gone,
};

struct vnet *vnet_new(struct loop *l, int listen_fd, const struct vnet_config *c,
		      const struct vnet_ops *o, void *user, struct err *e)
{
	struct vnet *d = xcalloc(1, sizeof(*d));

	d->loop = l;
	d->c = *c;
	d->ops = o;
	d->user = user;
	if (d->c.mtu < MTU_LEAST)
		d->c.mtu = MTU_LEAST;
	d->in.at = d->out.at = now_ns();
	d->spent = c->quota && c->spent >= c->quota;
	d->vhost = vhost_new(l, listen_fd, &ops, d, e);
	if (!d->vhost) {
		free(d);
		return NULL;
	}
	d->pause = loop_timer_add(l, -1, on_pause, d);
	return d;
}

void vnet_free(struct vnet *d)
{
	if (!d)
		return;
	loop_fd_del(d->tap);
	loop_timer_del(d->pause);
	vhost_free(d->vhost);
	free(d);
}

void vnet_counts(const struct vnet *d, struct vnet_count *out)
{
	*out = d->count;
}

void vnet_watch(struct vnet *d, vnet_frame_fn *fn, void *user)
{
	d->watch = fn;
	d->watch_user = user;
}
