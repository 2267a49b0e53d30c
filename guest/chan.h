/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chan: the guest's end of the channel (core/chanproto.h): frames in and out of one descriptor.
 *
 * Bounded: one frame (or a message of CHAN_MAX_MESSAGE) on the way in. On the way out producers
 * of data ask gchan_has_room first; answers are always queued, and while more than QUEUE_MAX of
 * them wait, nothing more is read, so the host gets no further question in.
 */
#ifndef GAOL_GUEST_CHAN_H
#define GAOL_GUEST_CHAN_H

#include "guest/watch.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
	uint16_t type, flags;
	uint32_t id;
	const unsigned char *p;
	uint32_t n; /* of a message in several frames: the sum */
};

/* Handles a frame; false when it breaks the rules. */
typedef bool gchan_fn(void *user, const struct frame *f);

struct gchan {
	struct watch w; /* edge-triggered: readable and writable say what is left to do */
	bool readable, writable;
	bool patient; /* a virtio port: reading 0 bytes means that the host is not there yet */
	bool over;    /* closed or broken */
	gchan_fn *fn;
	void *user;
	unsigned char *in;
	size_t in_len;
	unsigned char *message; /* SETUP or EXEC in several frames */
	size_t message_len;
	uint16_t message_type;
	uint32_t message_id;
	unsigned char *out;
	size_t out_off, out_len, out_cap;
};

/* Opens the virtio port named CHAN_PORT_NAME, waiting at most ms for the host to add it; or path
 * when it is not NULL. Returns the descriptor or -errno. */
int gchan_find(const char *path, int ms);
/* Takes over fd. 0 or -errno. */
int gchan_open(struct gchan *c, int epfd, int fd, gchan_fn *fn, void *user);
/* Reads, handles and writes what can be, a bounded amount; true when there is more to do now. */
bool gchan_pump(struct gchan *c);
/* Writes only, waiting at most ms for the host to take everything. */
void gchan_drain(struct gchan *c, int ms);

/* Queues a frame, or as many as a longer payload takes. */
void gchan_send(struct gchan *c, uint16_t type, uint16_t flags, uint32_t id, const void *p,
		size_t n);
/* The same with one number as payload. */
void gchan_send32(struct gchan *c, uint16_t type, uint16_t flags, uint32_t id, uint32_t v);
/* False while enough waits for the host: data stays where it is. */
bool gchan_has_room(const struct gchan *c);
/* Room for a frame of up to n bytes of payload: where the payload goes. */
unsigned char *gchan_reserve(struct gchan *c, size_t n);
/* Queues the frame whose n bytes were put into the reserved room. */
void gchan_commit(struct gchan *c, uint16_t type, uint16_t flags, uint32_t id, size_t n);

#endif
