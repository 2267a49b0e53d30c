/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost: the host's half of a virtio device that a guest reaches over a vhost-user socket.
 *
 * Device-neutral: fsdev (virtio-fs), condev (virtio-console) and later the network put a table of
 * functions on top. The module speaks the control messages (QEMU's docs/interop/vhost-user.rst;
 * the frontend is the guest kernel's arch/um/drivers/virtio_uml.c), maps the guest's memory
 * (core/vmem.h) and walks split virtqueues (core/vqueue.h; virtio 1.2, section 2.7).
 *
 * Everything that arrives is hostile: sizes, indexes and addresses are checked, every descriptor
 * chain is copied out once before it is judged, surplus file descriptors are closed, nothing is
 * ever waited for. Two kinds of trouble:
 *   - an address outside the shared memory spoils one request (chain.err; honest guests do that
 *     with O_DIRECT from the kernel's own image), which the device answers with an error;
 *   - a lie about the ring's structure, a bad message or memory that was taken away breaks the
 *     device: it stops for good and on_gone tells the reason. The owner then ends the guest.
 * Everything runs in the loop; no call blocks.
 */
#ifndef GAOL_CORE_VHOST_H
#define GAOL_CORE_VHOST_H

#include "core/err.h"
#include "core/loop.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define VHOST_QUEUES 8	     /* per device at most */
#define VHOST_QUEUE_MAX 1024 /* entries of a ring at most */
#define VHOST_SEGMENTS 1024  /* descriptors of one chain at most (= IOV_MAX) */
#define VHOST_CONFIG_MAX 256 /* bytes of configuration space at most */

struct vhost;

/* One request: what the guest gives (in order) and where the answer goes, in guest memory. */
struct vhost_chain {
	uint16_t head; /* names the request towards vhost_push */
	int err;       /* 0, or -EFAULT: some address lies outside guest memory (those segments
			  are left out of iov), or -E2BIG: more segments than VHOST_SEGMENTS */
	bool
	    first_write_ok; /* the first writable segment is in iov (where a reply's header goes) */
	unsigned nread;	    /* iov[0..nread) is readable */
	unsigned nwrite;    /* iov[nread..nread+nwrite) is writable */
	size_t read_len;    /* sums of the lengths in iov */
	size_t write_len;
	struct iovec iov[VHOST_SEGMENTS];
};

/* A request that goes back: its head, and the bytes written into its writable segments. */
struct vhost_used {
	uint16_t head;
	uint32_t len;
};

struct vhost_ops {
	const char *name;   /* "fs", "console": for reasons */
	unsigned nqueues;   /* 1..VHOST_QUEUES */
	uint64_t features;  /* virtio feature bits of the device (below bit 24) */
	bool no_indirect;   /* do not offer indirect descriptors */
	size_t config_size; /* bytes of configuration space, up to VHOST_CONFIG_MAX */
	/* Fills the configuration space, config_size bytes, little-endian. */
	void (*config)(void *user, uint8_t *out);
	/* The guest has connected: the socket's path can be unlinked. May be NULL. */
	void (*on_connected)(void *user);
	/* The guest has set up its first queue. May be NULL. */
	void (*on_ready)(void *user);
	/* Requests may be waiting in queue q. */
	void (*on_kick)(void *user, unsigned q);
	/*
	 * The device is over, told once, from the loop and never from inside another call. broken:
	 * the guest broke the rules (the owner should end it), else it closed its socket. reason is
	 * gaol's own text, without foreign bytes.
	 */
	void (*on_gone)(void *user, bool broken, const char *reason);
};

/*
 * Waits on listen_fd (a listening AF_UNIX stream socket, taken over, also on failure) for the one
 * connection, then closes the listener. ops is not copied and outlives the device. NULL with e set
 * on failure.
 */
struct vhost *vhost_new(struct loop *l, int listen_fd, const struct vhost_ops *ops, void *user,
			struct err *e);
/* Ends the device without a call of on_gone; unmaps guest memory. NULL is allowed. */
void vhost_free(struct vhost *v);
/* Breaks the device with a formatted reason (on_gone follows from the loop). */
void vhost_break(struct vhost *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* True when the guest's driver stopped all queues before it went: power-off or reboot, no crash. */
bool vhost_was_closed(const struct vhost *v);
/* True from the break, the end of the connection or vhost_break on: no queue moves any more. */
bool vhost_is_gone(const struct vhost *v);
/* Virtio features that the guest has accepted. */
uint64_t vhost_features(const struct vhost *v);

/*
 * Takes the next request of queue q into *c. 1: there is one; 0: none (or the queue is not enabled,
 * or the device is gone). A chain with c->err set must be pushed like every other.
 */
int vhost_pop(struct vhost *v, unsigned q, struct vhost_chain *c);
/* Puts back the request that was just popped: the next vhost_pop gives it again. */
void vhost_unpop(struct vhost *v, unsigned q);
/* Returns a request; len is the number of bytes written into its writable segments. */
void vhost_push(struct vhost *v, unsigned q, uint16_t head, uint32_t len);
/* Returns n requests of queue q, popped in this order, that the guest sees all at once: a packet
 * that fills several buffers (virtio 1.2, 5.1.6.4). n is at most the ring's size. */
void vhost_push_all(struct vhost *v, unsigned q, const struct vhost_used *u, unsigned n);
/* Tells the guest about all that was pushed since the last call, unless it asked for silence. */
void vhost_notify(struct vhost *v, unsigned q);
/* True when a request waits in the queue (one look at the ring, no system call). */
bool vhost_pending(struct vhost *v, unsigned q);
/* Asks the guest not to kick (quiet) or to kick again. After "kick again" look once more. */
void vhost_quiet(struct vhost *v, unsigned q, bool quiet);

/* Handles one request and pushes it. False: stop the run (after a vhost_unpop if not pushed). */
typedef bool vhost_request_fn(void *user, unsigned q, struct vhost_chain *c);
/*
 * The usual loop of a device: pops, calls fn, notifies once per batch, asks for kicks again when
 * the queue is empty. At most limit requests are handled; when more wait, on_kick is called again
 * from the loop after everybody else had a turn. Returns the number handled.
 */
unsigned vhost_run(struct vhost *v, unsigned q, unsigned limit, struct vhost_chain *scratch,
		   vhost_request_fn *fn, void *user);

/* Calls on_kick for queue q from the loop, when everybody else had a turn. */
void vhost_again(struct vhost *v, unsigned q);

/* Copies up to n bytes out of the readable segments from offset off on; returns the count. */
size_t vhost_read(const struct vhost_chain *c, size_t off, void *p, size_t n);
/* Copies up to n bytes into the writable segments from offset off on; returns the count. */
size_t vhost_write(const struct vhost_chain *c, size_t off, const void *p, size_t n);

#endif
