/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sha1: SHA-1 over a stream (FIPS 180-4), for the trailers of packs and indexes, which libgit2 can
 * hash only whole in memory. Object names come from libgit2, whose SHA-1 detects collision attacks.
 */
#ifndef GAOL_CORE_REPO_SHA1_H
#define GAOL_CORE_REPO_SHA1_H

#include <stddef.h>
#include <stdint.h>

struct sha1 {
	uint32_t h[5];
	uint64_t len;
	uint8_t block[64];
};
void sha1_init(struct sha1 *s);
void sha1_add(struct sha1 *s, const void *p, size_t n);
void sha1_end(struct sha1 *s, uint8_t out[20]);

#endif
