/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A jail's network on the warden's side: net.c (its process), netroom.c (what its room says). */
#ifndef GAOL_CORE_WARDEN_WNET_H
#define GAOL_CORE_WARDEN_WNET_H

#include "core/warden/internal.h"

enum { WNET_ASKED_MAX = 32 }; /* calls that wait for the room's answer */

struct wnet {
	pid_t pid; /* of the path, 0: reaped */
	int sock;  /* to the path */
	struct loop_fd *watch;
	int room; /* to the room, -1: it has ended */
	struct loop_fd *room_watch;
	bool ready;
	uint64_t in, out;	 /* bytes of the guest, as the path counts */
	uint64_t questions;	 /* that wait for an admin */
	struct loop_timer *news; /* tells of them, at most 20 times a second */
	bool news_due;
	uint32_t tag; /* of the last question to the room */
	struct {
		uint32_t tag; /* 0: free */
		struct call call;
	} asked[WNET_ASKED_MAX];
	/* Programs that the guest is asked for (netwho.c), one question at a time. */
	uint32_t who_tag; /* of the channel, 0: none */
	size_t nwho;
	int64_t who[CHAN_MAX_SOCKETS]; /* numbers of the room's */
	char message[PROTO_MAX];
};

/*
 * The next message on the socket to the path or to the room: 1 with its head and *o, which the
 * caller releases; 0 when there is none; -1 when the other end is gone or talks nonsense.
 */
int netroom_next(struct wnet *n, int sock, struct proto_head *h, json_t **o);
/* Takes over the socket to the room, and gives it the rules of jail.conf. 0 or -errno with e. */
int netroom_open(struct warden *w, int sock, struct err *e);
/* The room asks which programs of the guest's wait (NET_WHO). */
void netwho_ask(struct warden *w, const json_t *o);
/* Closes it; who waits for an answer gets an error. */
void netroom_close(struct warden *w);

#endif
