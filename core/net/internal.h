/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the path (main.c) and the room (roommain.c) share. */
#ifndef GAOL_CORE_NET_INTERNAL_H
#define GAOL_CORE_NET_INTERNAL_H

#include "core/net/publish.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct net_config {
	char mode[8];
	uint8_t mac[6];
	uid_t uid; /* 0: as we are */
	uint64_t rate, quota, spent;
	struct publish publish[PUBLISH_MAX];
	size_t npublish;
};

/*
 * The room's process: makes it, sends its taps over path and stays until path or warden ends, the
 * sockets to those two. Exits.
 */
_Noreturn void room_main(const struct net_config *c, int path, int warden);

#endif
