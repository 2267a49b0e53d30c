/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/condev.h"
#include "core/buf.h"
#include "core/vhost.h"
#include <endian.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>

/* Port 0 has the first pair of queues, then come the control queues (virtio 1.2, 5.3.2). */
enum { Q_TO_GUEST, Q_FROM_GUEST, Q_CONTROL_TO_GUEST, Q_CONTROL_FROM_GUEST, QUEUES };

enum {
	PORT = 0,
	BATCH = 64,
	/* A write(2) in the guest is at most 32 KiB, a splice what a pipe may hold. */
	MESSAGE_MAX = 1024 * 1024,
	CONTROLS = 3, /* messages that wait for a buffer: add, name, open */
};

struct control {
	uint16_t event;
	uint16_t value;
	const char *text; /* follows the message; NULL: nothing */
};

struct condev {
	struct vhost *vhost;
	const struct condev_ops *ops;
	void *user;
	bool open;	    /* in the guest */
	bool want_room;	    /* condev_write had to refuse bytes */
	bool offering;	    /* inside data() */
	struct buf out;	    /* towards the guest */
	struct buf in;	    /* taken from the ring, not yet from us */
	unsigned ncontrols; /* to be sent, oldest first */
	struct control controls[CONTROLS];
	struct vhost_chain chain;
};

/* Towards the guest */

static void flush_controls(struct condev *d)
{
	while (d->ncontrols && vhost_pop(d->vhost, Q_CONTROL_TO_GUEST, &d->chain) == 1) {
		const struct control *c = &d->controls[0];
		struct virtio_console_control m = {
		    .id = htole32(PORT), .event = htole16(c->event), .value = htole16(c->value)};
		size_t n = vhost_write(&d->chain, 0, &m, sizeof(m));

		if (c->text)
			n += vhost_write(&d->chain, sizeof(m), c->text, strlen(c->text));
		vhost_push(d->vhost, Q_CONTROL_TO_GUEST, d->chain.head, (uint32_t)n);
		memmove(d->controls, d->controls + 1, --d->ncontrols * sizeof(d->controls[0]));
	}
	vhost_notify(d->vhost, Q_CONTROL_TO_GUEST);
}

static void flush_out(struct condev *d)
{
	size_t before = d->out.len;

	if (!d->open)
		return;
	while (d->out.len && vhost_pop(d->vhost, Q_TO_GUEST, &d->chain) == 1) {
		size_t n = vhost_write(&d->chain, 0, d->out.p, d->out.len);

		vhost_push(d->vhost, Q_TO_GUEST, d->chain.head, (uint32_t)n);
		buf_eat(&d->out, n);
	}
	if (d->out.len != before)
		vhost_notify(d->vhost, Q_TO_GUEST);
	if (d->want_room && d->out.len < CONDEV_BUFFER) {
		d->want_room = false;
		if (d->ops->room)
			d->ops->room(d->user);
	}
}

/* Sends what is there, and asks for kicks only while something is left over. */
static void pump_out(struct condev *d)
{
	flush_out(d);
	vhost_quiet(d->vhost, Q_TO_GUEST, !d->out.len);
	if (d->out.len && vhost_pending(d->vhost, Q_TO_GUEST))
		flush_out(d);
}

size_t condev_write(struct condev *d, const void *p, size_t n)
{
	size_t room = CONDEV_BUFFER - d->out.len;
	size_t take = n < room ? n : room;

	buf_add(&d->out, p, take);
	d->want_room = d->want_room || take < n;
	/* Not from inside room(), which flush_out calls. */
	if (take && !vhost_is_gone(d->vhost))
		vhost_again(d->vhost, Q_TO_GUEST);
	return take;
}

size_t condev_queued(const struct condev *d)
{
	return d->out.len;
}

/* From the guest */

static void offer(struct condev *d)
{
	if (d->offering || !d->in.len)
		return;
	d->offering = true;
	size_t n = d->ops->data(d->user, d->in.p, d->in.len);
	d->offering = false;
	buf_eat(&d->in, n < d->in.len ? n : d->in.len);
}

static bool take_data(void *user, unsigned q, struct vhost_chain *c)
{
	struct condev *d = user;

	if (c->err || c->read_len > MESSAGE_MAX) {
		vhost_break(d->vhost, "bytes for the port that cannot be read");
		return false;
	}
	char *p = buf_room(&d->in, c->read_len);
	d->in.len += vhost_read(c, 0, p, c->read_len);
	vhost_push(d->vhost, q, c->head, 0);
	offer(d);
	return !d->in.len;
}

static void pump_in(struct condev *d)
{
	if (!d->in.len)
		vhost_run(d->vhost, Q_FROM_GUEST, BATCH, &d->chain, take_data, d);
}

void condev_read_more(struct condev *d)
{
	offer(d);
	if (!d->in.len && !d->offering && !vhost_is_gone(d->vhost))
		vhost_again(d->vhost, Q_FROM_GUEST);
}

bool condev_is_open(const struct condev *d)
{
	return d->open;
}

/* Control */

static void set_open(struct condev *d, bool open)
{
	if (d->open == open)
		return;
	/* What was written before the close comes before the news of it. */
	if (!open)
		pump_in(d);
	d->open = open;
	if (!open)
		buf_reset(&d->out);
	if (d->ops->opened)
		d->ops->opened(d->user, open);
	if (open)
		pump_out(d);
}

/*
 * The name and "the host has it open" follow the port at once, not after PORT_READY: Linux handles
 * the three in a row, so the guest's init never finds a port that reads as ended.
 */
static void announce_port(struct condev *d)
{
	d->controls[0] = (struct control){VIRTIO_CONSOLE_PORT_ADD, 1, NULL};
	d->controls[1] = (struct control){VIRTIO_CONSOLE_PORT_NAME, 1, CONDEV_PORT_NAME};
	d->controls[2] = (struct control){VIRTIO_CONSOLE_PORT_OPEN, 1, NULL};
	d->ncontrols = CONTROLS;
	flush_controls(d);
}

static bool take_control(void *user, unsigned q, struct vhost_chain *c)
{
	struct condev *d = user;
	struct virtio_console_control m;
	size_t n = vhost_read(c, 0, &m, sizeof(m));

	vhost_push(d->vhost, q, c->head, 0);
	if (c->err || n != sizeof(m)) {
		vhost_break(d->vhost, "a control message of wrong size");
		return false;
	}
	/* The driver waits for this with its processor spinning. */
	vhost_notify(d->vhost, q);
	if (le16toh(m.event) == VIRTIO_CONSOLE_DEVICE_READY && le16toh(m.value) == 1)
		announce_port(d);
	else if (le16toh(m.event) == VIRTIO_CONSOLE_PORT_OPEN && le32toh(m.id) == PORT)
		set_open(d, le16toh(m.value) == 1);
	return true;
}

static void on_kick(void *user, unsigned q)
{
	struct condev *d = user;

	switch (q) {
	case Q_TO_GUEST:
		pump_out(d);
		break;
	case Q_FROM_GUEST:
		pump_in(d);
		break;
	case Q_CONTROL_TO_GUEST:
		flush_controls(d);
		break;
	default:
		vhost_run(d->vhost, q, BATCH, &d->chain, take_control, d);
		break;
	}
}

/* The device */

static void fill_config(void *user, uint8_t *out)
{
	struct virtio_console_config c = {.max_nr_ports = htole32(1)};

	memcpy(out, &c, sizeof(c));
}

static void on_connected(void *user)
{
	struct condev *d = user;

	if (d->ops->connected)
		d->ops->connected(d->user);
}

static void on_gone(void *user, bool broken, const char *reason)
{
	struct condev *d = user;

	if (d->ops->gone)
		d->ops->gone(d->user, broken, reason);
}

static const struct vhost_ops ops = {
    .name = "console",
    .nqueues = QUEUES,
    .features = UINT64_C(1) << VIRTIO_CONSOLE_F_MULTIPORT,
    .config_size = sizeof(struct virtio_console_config),
    .config = fill_config,
    .on_connected = on_connected,
    .on_kick = on_kick,
    .on_gone = on_gone,
};

struct condev *condev_new(struct loop *l, int listen_fd, const struct condev_ops *o, void *user,
			  struct err *e)
{
	struct condev *d = xcalloc(1, sizeof(*d));

	d->ops = o;
	d->user = user;
	d->vhost = vhost_new(l, listen_fd, &ops, d, e);
	if (d->vhost)
		return d;
	free(d);
	return NULL;
}

void condev_free(struct condev *d)
{
	if (!d)
		return;
	vhost_free(d->vhost);
	buf_free(&d->out);
	buf_free(&d->in);
	free(d);
}
