/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vqueue: the device's side of one split virtqueue (virtio 1.2, section 2.7) in hostile memory.
 *
 * Knows memory and the ring's layout, no sockets. Each value is read from guest memory once, into a
 * local copy, and judged there: the guest may be changing it.
 */
#ifndef GAOL_CORE_VQUEUE_H
#define GAOL_CORE_VQUEUE_H

#include "core/vhost.h"
#include "core/vmem.h"
#include <stdbool.h>
#include <stdint.h>

struct vqueue {
	uint16_t num; /* entries, a power of two; 0: not set up */
	bool enabled;
	bool event_idx;	     /* VIRTIO_RING_F_EVENT_IDX was negotiated */
	bool indirect;	     /* VIRTIO_RING_F_INDIRECT_DESC was negotiated */
	uint16_t last_avail; /* next entry of the available ring to look at */
	uint16_t used_idx;   /* next entry of the used ring to write */
	uint16_t signalled;  /* used_idx at the last notification */
	/* In guest memory; addresses were checked when they were set. */
	void *desc;
	void *avail;
	void *used;
};

/* Frontend addresses of the three parts into r (num is set before); 0 or -EINVAL when one is
 * outside guest memory or not aligned as the standard says (16, 2 and 4 bytes). */
int vqueue_place(struct vqueue *r, const struct vmem *m, uint64_t desc, uint64_t avail,
		 uint64_t used);
/*
 * 1: a request in *c; 0: none; -EPROTO: the ring lies, *why says how.
 */
int vqueue_pop(struct vqueue *r, const struct vmem *m, struct vhost_chain *c, const char **why);
void vqueue_push(struct vqueue *r, uint16_t head, uint32_t len);
/* The same for n requests (at most num) that the guest sees all at once or not at all. */
void vqueue_push_all(struct vqueue *r, const struct vhost_used *u, unsigned n);
/* True when the guest wants to be told about what was pushed since the last time. */
bool vqueue_should_notify(struct vqueue *r);
bool vqueue_pending(const struct vqueue *r);
void vqueue_quiet(struct vqueue *r, bool quiet);

#endif
