/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal_format: how a journal lies on disk (described in journal.h), for its writer and its
 * reader only.
 */
#ifndef GAOL_CORE_JOURNAL_FORMAT_H
#define GAOL_CORE_JOURNAL_FORMAT_H

#include "core/journal.h"
#include "core/ring_format.h"
#include <stddef.h>

#define JOURNAL_DIR "events"
#define JOURNAL_MARK "mark"
#define MARK_MAGIC UINT64_C(0x316b72616c6f6167)	   /* "gaolark1" on disk */
#define SEGMENT_MAGIC UINT64_C(0x316c6e6a6c6f6167) /* "gaoljnl1" on disk */
#define SEGMENT_VERSION 1
#define SEGMENT_NAME_MAX 32
#define SEGMENTS_MAX 65536 /* more in a directory are not looked at */
#define SEQ_MAX (UINT64_C(1) << 62)

#define FRAME_FRESH 1
#define FRAME_RAW_MAX (64 * 1024)
/* Deflate grows what it cannot shrink by a few bytes for each of its blocks. */
#define FRAME_DATA_MAX (FRAME_RAW_MAX + 1024)
#define FRESH_EVERY (64 * 1024) /* bytes of records between two beginnings of the stream */
#define DEFLATE_BITS 13		/* a window of 8 KiB: paths repeat near by */

/* A segment is closed at a sixteenth of keep, within these bounds. */
#define SEGMENT_MIN (16 * 1024)
#define SEGMENT_MAX (4 * 1024 * 1024)
/* What a reader takes of a segment's file: the last frame may reach over SEGMENT_MAX. */
#define SEGMENT_FILE_MAX (SEGMENT_MAX + SEGMENT_HEAD + FRAME_HEAD + FRAME_DATA_MAX)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "numbers go to disk as they are: UML guests, and so gaol, run on x86 alone");

struct segment_head {
	uint64_t magic;
	uint32_t version;
	uint32_t crc;
	uint64_t first;
	uint64_t salt;
};
#define SEGMENT_HEAD sizeof(struct segment_head)
_Static_assert(SEGMENT_HEAD == 32, "documented in journal.h");

struct frame_head {
	uint64_t salt;
	uint32_t size;
	uint32_t raw;
	uint32_t count;
	uint32_t flags;
	uint64_t first;
	uint64_t last;
	uint32_t zero;
	uint32_t crc;
};
#define FRAME_HEAD sizeof(struct frame_head)
_Static_assert(FRAME_HEAD == 48, "documented in journal.h");
_Static_assert(RECORD_MAX <= FRAME_RAW_MAX, "a frame holds any record");

/* A mark's file is one page of which this is the beginning. */
struct mark {
	word magic;
	word seq;
};
#define MARK_SIZE 4096

/* crc of a head whose crc field is 0 and the n bytes of data behind it. */
uint32_t segment_crc(const struct segment_head *h);
uint32_t frame_crc(const struct frame_head *h, const void *data, size_t n);

/* A walk over the frames of one segment's bytes. */
struct frame_walk {
	const unsigned char *p;
	size_t n;
	size_t at; /* behind the last frame that was found */
	uint64_t salt;
	unsigned tries; /* places that looked like frames and were none */
};

/* Starts behind the head; false when these bytes are no segment. n may be less than the file's. */
bool walk_begin(struct frame_walk *w, const void *p, size_t n);
/*
 * The next frame that is whole: true with its head in *f and its data at *data; *skipped grows by
 * the bytes that were passed over. False: none follows (w->n - w->at bytes are left).
 */
bool walk_next(struct frame_walk *w, struct frame_head *f, const unsigned char **data,
	       uint64_t *skipped);

/* Firsts of the segments in dirfd (not taken over), sorted; *out is the caller's to free. */
size_t segments_list(int dirfd, uint64_t **out);
/* The name of a segment into name[SEGMENT_NAME_MAX]. Returns name. */
char *segment_name(uint64_t first, char *name);

#endif
