/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsdev: the guest's door: a virtio-fs device (virtio 1.2, section 5.11) that serves a layer.
 *
 * Requests are copied out of guest memory once and handed to core/fuse; the data of READ and WRITE
 * goes straight between file and guest memory.
 */
#ifndef GAOL_CORE_FSDEV_H
#define GAOL_CORE_FSDEV_H

#include "core/err.h"
#include "core/fuse.h"
#include "core/layer/layer.h"
#include "core/loop.h"
#include <stdbool.h>
#include <stdint.h>

struct fsdev;

struct fsdev_config {
	const char *tag; /* 1..36 bytes: "root=TAG rootfstype=virtiofs" of the guest; copied */
	struct fuse_door_config door; /* time-outs and rights; see fuse_door_guest() */
	unsigned batch;	  /* requests handled before other descriptors get a turn; 0: 64 */
	unsigned poll_us; /* keep looking at the ring for so long before sleeping; 0: never */
	/* The guest has connected: unlink the socket's path. May be NULL. */
	void (*on_connected)(void *user);
	/* The device is over (vhost_ops.on_gone). Called from the loop. */
	void (*on_gone)(void *user, bool broken, const char *reason);
	void *user;
};

struct fsdev_counts {
	uint64_t requests;
	uint64_t bytes_read; /* by the guest, data only */
	uint64_t bytes_written;
	uint64_t errors; /* requests answered with an error other than ENOENT */
	uint64_t bad;	 /* malformed requests and addresses outside guest memory */
};

/*
 * Serves l on listen_fd (a listening AF_UNIX stream socket, taken over also on failure). The layer
 * outlives the device. NULL with e set on failure.
 */
struct fsdev *fsdev_new(struct loop *loop, int listen_fd, struct layer *l,
			const struct fsdev_config *c, struct err *e);
/* vhost_was_closed */
bool fsdev_was_closed(const struct fsdev *d);
/* Ends the device; on_gone is not called. Handles and look-ups of the guest are left to
 * layer_close. NULL is allowed. */
void fsdev_free(struct fsdev *d);
/* From now on no new request is taken: they wait in the ring (a checkpoint is being sealed). Every
 * request taken before is answered when this returns. Calls do not nest. */
void fsdev_hold(struct fsdev *d);
/* Takes requests again, from the loop. */
void fsdev_resume(struct fsdev *d);
/* True once the guest has mounted (its FUSE INIT was answered). */
bool fsdev_is_mounted(const struct fsdev *d);
void fsdev_get_counts(const struct fsdev *d, struct fsdev_counts *out);

#endif
