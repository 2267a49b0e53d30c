/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring_format: how a ring lies in memory (described in ring.h), for its writer and its reader only.
 */
#ifndef GAOL_CORE_RING_FORMAT_H
#define GAOL_CORE_RING_FORMAT_H

#include "core/ring.h"
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>

#define RING_MAGIC UINT64_C(0x316e69726c6f6167) /* "gaolrin1" in memory */
#define RING_VERSION 1
#define RING_HEADER 4096 /* a page, so that sub-buffers are aligned */
#define SUB_HEAD 64
#define SUB_MIN (16 * 1024) /* holds the longest record */
#define SUB_MAX (1024 * 1024)

typedef _Atomic uint64_t word;
_Static_assert(sizeof(word) == 8, "atomic words lie in shared memory");

struct header {
	word magic;
	word version;
	word sub_size;
	word sub_count;
	word reserved[4];
	word head; /* number of the sub-buffer being written; on a cache line of its own */
};

struct sub {
	word owner;
	word first;
	word commit;
	word reserved[5];
	word data[];
};
_Static_assert(sizeof(struct sub) == SUB_HEAD, "documented in ring.h");

struct record {
	uint32_t len;
	uint16_t op;
	uint16_t class;
	uint64_t seq;
	int64_t time;
	int32_t err;
	uint32_t mode;
	uint32_t uid;
	uint32_t pid;
	uint64_t bytes;
	uint16_t path_len;
	uint16_t path2_len;
	uint32_t zero;
};
#define RECORD_HEAD sizeof(struct record)
_Static_assert(sizeof(struct record) == 56, "documented in ring.h");
#define RECORD_MAX (RECORD_HEAD + 2 * PATH_MAX)
_Static_assert(RECORD_MAX <= SUB_MIN - SUB_HEAD, "a record fits into a sub-buffer");

#endif
