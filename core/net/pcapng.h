/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcapng: frames as blocks of the pcapng format (draft-ietf-opsawg-pcapng: section header,
 * interface description, enhanced packet), little-endian, times in nanoseconds since 1970.
 */
#ifndef GAOL_CORE_NET_PCAPNG_H
#define GAOL_CORE_NET_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct buf;

/* Appends what stands in front of all frames: one ethernet interface of this name. */
void pcapng_begin(struct buf *out, const char *name);
/* Appends a frame of len bytes in n pieces; sent: it left the guest. */
void pcapng_frame(struct buf *out, bool sent, const struct iovec *iov, unsigned n, size_t len,
		  uint64_t time_ns);

#endif
