/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring: event records in shared memory: one writer, any number of readers, nobody waits
 * (the idea of relayfs: sub-buffers that are overwritten oldest first).
 *
 * The writer creates a memfd; readers get it read-only by descriptor passing and mmap it
 * PROT_READ. A reader keeps its own cursor. A slow reader loses the oldest records and is told
 * exactly how many. Writing makes no system call (time comes from the vdso). The memory is
 * written by the warden, but a reader trusts no number in it: every length and offset is
 * checked before use.
 *
 * Waking: nothing in the memory is written by a reader, so arming is a message. A reader that has
 * drained the ring sends the warden ring_cursor(). The warden answers at once when ring_last() is
 * beyond that number, else after the next ring_push (one answer per arm, and at most 100 a second
 * to one reader). No record can slip between drain and arm, because the number is compared.
 *
 * The memory (numbers in the host's byte order, every field an atomic 64-bit word):
 *
 *   one page      header: magic, version, sub-buffer size, count of sub-buffers (a power of two);
 *                 the number of the sub-buffer being written (from 0)
 *   sub-buffers   sub-buffer k is at slot k mod count. It begins with a 64-byte head:
 *                   owner   k + 1, or 0 while the slot is being reused
 *                   first   seq of its first record
 *                   commit  count of records << 32 | bytes of records
 *                 then the records, one after another, none across a border:
 *                   u32 length (with padding, a multiple of 8), u16 op, u16 class, u64 seq,
 *                   i64 time, i32 err, u32 mode, u32 uid, u32 pid, u64 bytes, u16 length of path,
 *                   u16 length of path2, u16 length of comm, u16 0, path, path2, comm, zeros
 *
 * Records up to commit never change until owner does, so a reader copies a record out and then
 * looks whether owner is still the same (as under a seqlock).
 */
#ifndef GAOL_CORE_RING_H
#define GAOL_CORE_RING_H

#include "core/event.h"
#include <stdbool.h>

struct ring;	    /* writer's side */
struct ring_reader; /* reader's side */

#define RING_SIZE_MIN (64 * 1024)
#define RING_SIZE_MAX (256 * 1024 * 1024)

/* Creates a ring of about size bytes of records (rounded up to a power of two, RING_SIZE_MIN ..
 * RING_SIZE_MAX); NULL with errno. Memory is taken as it is first written. */
struct ring *ring_new(size_t size);
void ring_free(struct ring *r);
/*
 * A descriptor of the memory that can only be mapped for reading: the size is sealed, and from
 * Linux 5.1 on nobody can map or write it anew. Owned by the ring; pass it on with SCM_RIGHTS.
 */
int ring_fd(const struct ring *r);
/* Appends a record; fills seq, and time when it is 0. Paths beyond PATH_MAX bytes are cut. */
void ring_push(struct ring *r, const struct event *ev);
/* seq of the newest record, 0 when none was written; see ring_start_at. */
uint64_t ring_last(const struct ring *r);
/*
 * Makes seq + 1 the number of the first record: a jail's numbers go on where those of its last
 * warden ended. Only before the first record, and before anybody reads.
 */
void ring_start_at(struct ring *r, uint64_t seq);
/* Bytes that the ring's records have taken so far, the lost ends of sub-buffers included: only
 * grows; ring_capacity of them later a record is overwritten. */
uint64_t ring_written(const struct ring *r);
uint64_t ring_capacity(const struct ring *r);

/*
 * Maps a ring from a descriptor (not taken over); the cursor is at the oldest record. NULL with
 * errno; EPROTO when it is no ring, or one that its writer could shrink under the reader.
 */
struct ring_reader *ring_reader_new(int fd);
void ring_reader_free(struct ring_reader *rr);
/*
 * Fetches the next record whose class is in classes. Returns 1 with *ev filled (its paths point
 * into the reader's own copy and live until the next call), 0 when nothing is there now, -EPROTO
 * when the memory holds nonsense (a broken writer: this reader is of no further use).
 * *lost (may be NULL) is increased by the number of records, of any class, that were overwritten
 * before they were read. A call passes over a bounded number of records of other classes, so 0
 * may come early: the answer to arming then comes at once.
 */
int ring_next(struct ring_reader *rr, unsigned classes, struct event *ev, uint64_t *lost);
/* seq of the last record that this reader has passed or lost (0: none): what it arms with. */
uint64_t ring_cursor(const struct ring_reader *rr);
/*
 * seq of the newest record that the writer has finished, as the memory says; 0 for nonsense. When
 * it is loaded before a ring_next that returns 0, then every record up to it was passed or lost.
 */
uint64_t ring_newest(const struct ring_reader *rr);
/* Moves the cursor: to the oldest record that is still whole, or behind the newest. */
void ring_seek_oldest(struct ring_reader *rr);
void ring_seek_newest(struct ring_reader *rr);
/*
 * Moves the cursor behind the record with number seq. Records above it that are gone count as
 * lost at the next ring_next. A number beyond the newest moves behind the newest.
 */
void ring_seek_after(struct ring_reader *rr, uint64_t seq);
/* True when a record that was not read yet is there (of any class). */
bool ring_pending(const struct ring_reader *rr);

#endif
