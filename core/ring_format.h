/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring_format: how a ring lies in memory (described in ring.h), for its writer and its reader only,
 * and its records, which a journal keeps as they are.
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
	uint16_t comm_len;
	uint16_t zero;
};
#define RECORD_HEAD sizeof(struct record)
_Static_assert(sizeof(struct record) == 56, "documented in ring.h");
#define RECORD_MAX (RECORD_HEAD + 2 * PATH_MAX + EVENT_COMM_MAX + 1)
_Static_assert(RECORD_MAX <= SUB_MIN - SUB_HEAD, "a record fits into a sub-buffer");

static inline uint16_t record_comm_len(const struct event *ev)
{
	return ev->comm_len < EVENT_COMM_MAX ? (uint16_t)ev->comm_len : EVENT_COMM_MAX;
}

/* The record of an event with paths of n1 and n2 bytes, each at most PATH_MAX. */
static inline struct record record_of(const struct event *ev, size_t n1, size_t n2)
{
	return (struct record){
	    .len = (uint32_t)((RECORD_HEAD + n1 + n2 + record_comm_len(ev) + 7) & ~(size_t)7),
	    .op = ev->op,
	    .class = ev->class,
	    .seq = ev->seq,
	    .time = ev->time,
	    .err = ev->err,
	    .mode = ev->mode,
	    .uid = ev->uid,
	    .pid = ev->pid,
	    .bytes = ev->bytes,
	    .path_len = (uint16_t)n1,
	    .path2_len = (uint16_t)n2,
	    .comm_len = record_comm_len(ev),
	};
}

/* True when the lengths of a record agree with each other and it fits into room bytes. */
static inline bool record_fits(const struct record *rec, size_t room)
{
	size_t need = RECORD_HEAD + rec->path_len + rec->path2_len + rec->comm_len;

	need = (need + 7) & ~(size_t)7;
	return rec->path_len <= PATH_MAX && rec->path2_len <= PATH_MAX &&
	       rec->comm_len <= EVENT_COMM_MAX && rec->len == need && need <= room;
}

/* The event of a record; text: its path, path2 and comm, which the event points into. */
static inline struct event record_event(const struct record *rec, const char *text)
{
	return (struct event){
	    .seq = rec->seq,
	    .time = rec->time,
	    .op = rec->op,
	    .class = rec->class,
	    .err = rec->err,
	    .mode = rec->mode,
	    .uid = rec->uid,
	    .pid = rec->pid,
	    .bytes = rec->bytes,
	    .path = text,
	    .path_len = rec->path_len,
	    .path2 = rec->path2_len ? text + rec->path_len : NULL,
	    .path2_len = rec->path2_len,
	    .comm = rec->comm_len ? text + rec->path_len + rec->path2_len : NULL,
	    .comm_len = rec->comm_len,
	};
}

#endif
