/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * room: the jail's own user and network namespace, seen from the process that lives in it.
 *
 * In it are two taps, the routes between them, and netfilter: nothing crosses that the rules have
 * not let through. The process holds CAP_NET_ADMIN there and nowhere else. The namespace ends with
 * it and with the descriptors of the taps.
 */
#ifndef GAOL_CORE_NET_ROOM_H
#define GAOL_CORE_NET_ROOM_H

#include "core/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

struct room {
	int jail; /* tap towards the guest: IFF_VNET_HDR, header VNET_HEADER */
	int out;  /* tap towards libslirp */
	bool v6;  /* this kernel has IPv6 */
};

/*
 * Moves the calling process into new namespaces of its own, where it is root: as uid and gid (0: it
 * stays who it is) with all groups dropped. One thread only. 0 or -errno with e set.
 */
int room_enter(uid_t uid, gid_t gid, struct err *e);
/* Opens /dev/net/tun for the network namespace that the caller is in; -errno with e set. */
int room_open_tun(struct err *e);
/*
 * Makes the taps (non-blocking, close-on-exec) with their addresses and routes; nothing crosses
 * yet: the links stay down until room_open. tun: what
 * room_open_tun gave (taken over), -1: it opens them itself. 0 or -errno with e set and r closed.
 */
int room_build(struct room *r, const int tun[2], struct err *e);
/* Takes the links up; call it when the rules stand. mac is the guest's. 0 or -errno with e set. */
int room_open(struct room *r, const uint8_t mac[6], struct err *e);
void room_close(struct room *r);

/*
 * Loads a rule set in iptables-save(8)'s language for IPv4 or IPv6, whole or not at all; flush:
 * what the set does not name goes. The legacy tools are taken, else those of nftables. 0 or -errno
 * with e set (the tool's own words, which are the host's).
 */
int room_rules(bool v6, const char *text, size_t n, bool flush, struct err *e);

#endif
