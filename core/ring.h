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
 * Waking: a reader that has drained the ring asks the warden to arm (a message on its socket).
 * The warden looks at ring_armed-free state of its own: see warden.
 */
#ifndef GAOL_CORE_RING_H
#define GAOL_CORE_RING_H

#include "core/event.h"
#include <stdbool.h>

struct ring;	    /* writer's side */
struct ring_reader; /* reader's side */

/* Creates a ring of about size bytes (rounded up to a power of two, 64 KiB .. 256 MiB); NULL with
 * errno. */
struct ring *ring_new(size_t size);
void ring_free(struct ring *r);
/* A descriptor of the memory that can only be mapped for reading; owned by the ring. */
int ring_fd(const struct ring *r);
/* Appends a record; fills seq, and time when it is 0. Over-long paths are cut at PATH_MAX. */
void ring_push(struct ring *r, const struct event *ev);
/* seq of the newest record, 0 when none was written. */
uint64_t ring_last(const struct ring *r);

/* Maps a ring from a descriptor (not taken over). NULL with errno; EPROTO when it is no ring. */
struct ring_reader *ring_reader_new(int fd);
void ring_reader_free(struct ring_reader *rr);
/*
 * Fetches the next record whose class is in classes. Returns 1 with *ev filled (its paths point
 * into the reader's own copy and live until the next call), 0 when nothing is there now.
 * *lost (may be NULL) is increased by the number of records overwritten before they were read.
 */
int ring_next(struct ring_reader *rr, unsigned classes, struct event *ev, uint64_t *lost);
/* Moves the cursor: to the oldest record that is still whole, or behind the newest. */
void ring_seek_oldest(struct ring_reader *rr);
void ring_seek_newest(struct ring_reader *rr);
/* Moves the cursor to the first record with a sequence number above seq (or the oldest there is).
 */
void ring_seek_after(struct ring_reader *rr, uint64_t seq);
/* True when a record that was not read yet is there (of any class). */
bool ring_pending(const struct ring_reader *rr);

#endif
