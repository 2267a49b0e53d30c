/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sockets: which sockets of the guest's kernel are meant by the ends of a connection, found in
 * /proc/net/tcp and its like (proc(5); the columns are those of tcp4_seq_show() in
 * net/ipv4/tcp_ipv4.c).
 */
#ifndef GAOL_GUEST_SOCKETS_H
#define GAOL_GUEST_SOCKETS_H

#include "core/chanproto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wanted {
	uint8_t proto; /* IPPROTO_* */
	uint16_t local, remote;
	uint32_t addr[4]; /* as the kernel prints it; IPv4 in IPv6 (::ffff:1.2.3.4) */
	uint64_t inode;	  /* 0: not there */
	bool found;	  /* its owner */
};

struct sockets {
	struct wanted v[CHAN_MAX_SOCKETS];
	size_t n;
};

/* Reads n sockets (at most CHAN_MAX_SOCKETS) of the format of CHAN_OWNERS and finds their inodes,
 * until end (ms of now_ms()). */
void sockets_find(struct sockets *s, const unsigned char *p, size_t n, int64_t end);
/* The place of the socket with this inode, -1: it is none of them. */
int sockets_by_inode(const struct sockets *s, uint64_t inode);
/* True while one that is there has no owner yet. */
bool sockets_missing(const struct sockets *s);

#endif
