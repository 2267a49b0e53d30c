/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost_priv: what vhost.c (the device and its queues) and vhostmsg.c (the control messages) share.
 */
#ifndef GAOL_CORE_VHOST_PRIV_H
#define GAOL_CORE_VHOST_PRIV_H

#include "core/vhost.h"
#include "core/vmem.h"
#include "core/vqueue.h"

enum { VHOST_FDS_MAX = VMEM_REGIONS };

struct vhost_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

struct vhost_msg_vring_state {
	uint32_t index;
	uint32_t num;
};

struct vhost_msg_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc, used, avail, log;
};

struct vhost_msg_region {
	uint64_t gpa, size, uva, offset;
};

struct vhost_msg_mem {
	uint32_t n;
	uint32_t padding;
	struct vhost_msg_region r[VMEM_REGIONS];
};

struct vhost_msg_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t bytes[VHOST_CONFIG_MAX];
};

union vhost_payload {
	uint64_t u64;
	struct vhost_msg_vring_state state;
	struct vhost_msg_vring_addr addr;
	struct vhost_msg_mem mem;
	struct vhost_msg_config config;
};

/* The message that is arriving; a guest may stop in the middle of one. */
struct vhost_inbox {
	struct vhost_header h;
	union vhost_payload p;
	size_t have; /* bytes of header and payload */
	unsigned nfds;
	int fds[VHOST_FDS_MAX];
};

struct vhost_queue {
	struct vqueue vq;
	struct vhost *v;
	unsigned index;
	int kick;
	int call;
	struct loop_fd *kick_watch;
};

struct vhost {
	struct loop *loop;
	const struct vhost_ops *ops;
	void *user;
	int listener;
	int sock;
	struct loop_fd *watch; /* of the listener, then of the socket */
	struct loop_timer *later;
	unsigned again; /* bit set of queues to be kicked from the loop */
	bool gone;
	bool broken;
	bool ready;
	bool closed; /* the guest's driver had given all queues back */
	uint64_t features;
	char reason[192];
	struct vmem mem;
	struct vhost_inbox in;
	struct vhost_queue q[VHOST_QUEUES];
};

/* Ends the device in good order (the guest is gone). */
void vhost_hang_up(struct vhost *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes queue q's kick descriptor (-1: none) in place of the present one; 0 or -errno. */
int vhost_set_kick(struct vhost_queue *q, int fd);
/* Lets the device look at the queue from the loop, after everybody else had a turn. */
void vhost_kick_again(struct vhost_queue *q);
/* Control messages are waiting on the socket (a loop_fd_fn; user is the struct vhost). */
void vhost_on_socket(void *user, int events);
/* Closes the descriptors of a message that is still arriving. */
void vhost_close_inbox(struct vhost_inbox *in);

#endif
