/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * condev: a byte stream between the warden and the guest's init: a virtio-console device (virtio
 * 1.2, section 5.3; the guest's half is drivers/char/virtio_console.c) with VIRTIO_CONSOLE_F_
 * MULTIPORT and one generic port, number 0, named "gaol.0". In the guest it is /dev/vportNp0, where
 * N is the index of the virtio device (the order of virtio_uml.device= on the command line);
 * /sys/class/virtio-ports/vportNp0/name holds the name.
 *
 * Bytes flow in order and none is dropped while the guest holds the port open; both directions
 * push back: towards the guest through condev_write's count and room(), from the guest by data()
 * taking less than it was given.
 */
#ifndef GAOL_CORE_CONDEV_H
#define GAOL_CORE_CONDEV_H

#include "core/err.h"
#include "core/loop.h"
#include <stdbool.h>
#include <stddef.h>

#define CONDEV_PORT_NAME "gaol.0"
#define CONDEV_BUFFER (256 * 1024) /* bytes that condev_write keeps at most */

struct condev;

struct condev_ops {
	/* The guest has connected: unlink the socket's path. May be NULL. */
	void (*connected)(void *user);
	/* The guest's program opened (true) or closed (false) the port. On close, bytes that were
	 * not delivered yet are dropped. May be NULL. */
	void (*opened)(void *user, bool open);
	/*
	 * n bytes from the guest at p. Returns how many were taken; less than n pauses the stream
	 * until condev_read_more(), which offers the rest again.
	 */
	size_t (*data)(void *user, const void *p, size_t n);
	/* condev_write, which had refused bytes, has room again. May be NULL. */
	void (*room)(void *user);
	/* The device is over (vhost_ops.on_gone). */
	void (*gone)(void *user, bool broken, const char *reason);
};

/* Waits on listen_fd (taken over, also on failure). ops is not copied. NULL with e set. */
struct condev *condev_new(struct loop *l, int listen_fd, const struct condev_ops *ops, void *user,
			  struct err *e);
/* Ends the device; gone is not called. Not from inside data(). NULL is allowed. */
void condev_free(struct condev *d);
/* Sends bytes; returns how many were taken (0..n). What was taken before the guest opens the port
 * is delivered when it does. */
size_t condev_write(struct condev *d, const void *p, size_t n);
/* Bytes taken by condev_write that the guest's ring has not received yet. */
size_t condev_queued(const struct condev *d);
/* Offers paused bytes again; data() may be called before this returns. */
void condev_read_more(struct condev *d);
/* True while a program in the guest holds the port open. */
bool condev_is_open(const struct condev *d);

#endif
