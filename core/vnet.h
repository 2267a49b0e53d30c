/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnet: a network card of the guest (virtio 1.2, section 5.1) whose other end is a tap.
 *
 * One pair of queues. Checksum and segmentation offload go through: the tap has IFF_VNET_HDR with
 * a header of VNET_HEADER bytes, which is virtio's own (struct virtio_net_hdr_v1), so a packet of
 * up to 64 KiB crosses in one piece. A guest's header is copied out, judged, and handed on as that
 * copy; the packet behind it is judged by the host's network stack, in the jail's own namespace.
 *
 * The card is also where a jail's rate and quota hold: nothing passes it that they do not allow.
 */
#ifndef GAOL_CORE_VNET_H
#define GAOL_CORE_VNET_H

#include "core/err.h"
#include "core/loop.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define VNET_HEADER 12
#define VNET_FRAME_MAX (65535 + 14 + 4) /* bytes of a frame: IP's most, ethernet, one VLAN tag */

struct vnet;

struct vnet_config {
	int tap; /* not taken over, open until vnet_free; non-blocking, IFF_TAP | IFF_NO_PI |
		    IFF_VNET_HDR, header size VNET_HEADER */
	uint8_t mac[6];
	uint16_t mtu;	/* bytes, what the guest takes for its own */
	uint64_t rate;	/* bytes a second in each direction, 0: no limit */
	uint64_t quota; /* bytes of both directions together, 0: no limit */
	uint64_t spent; /* of them, before now */
};

struct vnet_count {
	uint64_t out_bytes, out_frames; /* from the guest */
	uint64_t in_bytes, in_frames;	/* to the guest */
	uint64_t bad;			/* frames of the guest that were none */
};

struct vnet_ops {
	/* The guest has connected: the socket's path can be unlinked. May be NULL. */
	void (*connected)(void *user);
	/* The quota is used up: the card is dead from now on. Told once. May be NULL. */
	void (*spent)(void *user);
	/* The device is over (vhost_ops.on_gone). */
	void (*gone)(void *user, bool broken, const char *reason);
};

/*
 * Sees every frame that passes, as n pieces of len bytes together, for pcap. out: from the guest.
 * The pieces are guest memory or ours and hold for the call only.
 */
typedef void vnet_frame_fn(void *user, bool out, const struct iovec *iov, unsigned n, size_t len);

/* Waits on listen_fd (taken over, also on failure). ops is not copied. NULL with e set. */
struct vnet *vnet_new(struct loop *l, int listen_fd, const struct vnet_config *c,
		      const struct vnet_ops *ops, void *user, struct err *e);
/* Ends the device; gone is not called. NULL is allowed. */
void vnet_free(struct vnet *d);
void vnet_counts(const struct vnet *d, struct vnet_count *out);
/* Shows every frame to fn; NULL: to nobody any more. */
void vnet_watch(struct vnet *d, vnet_frame_fn *fn, void *user);

#endif
