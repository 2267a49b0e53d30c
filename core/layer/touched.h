/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * touched: which entries of the upper layer may have changed since a checkpoint, as a tree of
 * names, so that the next one looks at those and at the directories above them alone.
 *
 * The layer marks before it changes; what is marked and then not changed costs a look. Bounded:
 * TOUCHED_MAX names altogether and TOUCHED_DIR_MAX of one directory, TOUCHED_RANGES ranges of a
 * file; beyond, more counts as touched than was. A set is only true together with the state that it
 * began from; it lives in the warden's memory and dies with it, so nothing is believed after a
 * crash.
 */
#ifndef GAOL_CORE_LAYER_TOUCHED_H
#define GAOL_CORE_LAYER_TOUCHED_H

#include "core/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOUCHED_MAX 65536
#define TOUCHED_DIR_MAX 4096
#define TOUCHED_RANGES 256
#define TOUCHED_CHUNK_BITS 20	     /* ranges count chunks of 1 MiB */
#define TOUCHED_END (UINT64_C(1) << 63) /* behind every file's end */

enum touch_flags {
	TOUCH_SELF = 1,	 /* the entry's attributes or content */
	TOUCH_WHOLE = 2, /* another thing than before: nothing known of it, or below it, counts */
};

/* Chunks first to last of a file. */
struct touch_range {
	uint64_t first, last;
};

struct touch {
	struct touch *parent, *kids, *next; /* next: the parent's next kid */
	struct touch *hash_next;
	uint32_t hash, nkids;
	uint16_t nranges;
	uint8_t flags;
	struct touch_range *ranges; /* of data that was written, ascending */
	char name[];
};

struct touched;

/* An empty set; all: nothing is known, everything counts as touched. */
struct touched *touched_new(bool all);
void touched_free(struct touched *t);
/* True when everything counts as touched. */
bool touched_is_all(const struct touched *t);
/* Forgets the names: everything counts as touched. */
void touched_all(struct touched *t);
/* True when nothing is marked. */
bool touched_is_empty(const struct touched *t);
size_t touched_count(const struct touched *t);
/* The root directory's own place; NULL when everything counts as touched. */
struct touch *touched_root(struct touched *t);
/*
 * Marks the entry name of the directory at dir with flags and returns its place; NULL when it is
 * covered: dir, NULL itself, or one above it is WHOLE, or everything counts. A directory's place
 * stays valid until touched_all or until it or one above is marked WHOLE: epochs tell.
 */
struct touch *touched_add(struct touched *t, struct touch *dir, const char *name, unsigned flags);
/* The kid of that name, or NULL. */
struct touch *touched_find(struct touched *t, struct touch *dir, const char *name);
/* Marks bytes off to end of the file at f (NULL is allowed). */
void touched_data(struct touched *t, struct touch *f, uint64_t off, uint64_t end);
/* True when the chunk with that number is in the file's ranges. */
bool touch_has_chunk(const struct touch *f, uint64_t chunk);
/* Adds all that from has to t. */
void touched_merge(struct touched *t, const struct touched *from);
/* A number that changes whenever places may have become invalid. */
uint64_t touched_epoch(const struct touched *t);

/*
 * As bytes for another process, appended to out. Little-endian: "gaoltch1", u8 all;
 * then the root's kids. A list of kids: u32 count, each u8 flags, u8 length and name, u16 count of
 * ranges, each u64 first and last, then its own list of kids.
 */
void touched_write(const struct touched *t, struct buf *out);
/* The set that touched_write wrote, or NULL for bytes that are none. */
struct touched *touched_read(const void *p, size_t n);

#endif
