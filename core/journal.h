/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal: a jail's events on disk, so that yesterday's can be read after a restart.
 *
 * The records are the ring's own, in the ring's order, under jails/NAME/events/:
 *
 *   NNNNNNNNNNNNNNNNNNNN.seg   a segment: 20 digits are the number of its first record
 *   mark                       a page that ends are told by: magic, seq of the newest event
 *
 * A segment (numbers little-endian) is a head of 32 bytes { u64 magic "gaoljnl1", u32 version 1,
 * u32 crc, u64 first seq, u64 salt } and frames. A frame is a head of 48 bytes { u64 salt of the
 * segment, u32 bytes of data, u32 bytes of records, u32 count of records, u32 flags, u64 first seq,
 * u64 last seq, u32 0, u32 crc } and data: records as ring.h has them, deflated (no zlib wrapper)
 * up to a sync flush. One deflate stream runs through a segment and begins anew in frames with
 * flag 1, at the latest every 64 KiB of records. crc is zlib's crc32 begun with the low half of
 * the salt, over the head (crc 0) and the data; salts are random, so that no text of a guest's
 * looks like a frame.
 *
 * A frame is one write. A kill -9 loses what the ring held since the last one (a second at most),
 * and tears at most the last one; readers pass over whatever fails its check. What is missing is
 * seen by the numbers, so lost counts are exact. The mark is mapped and holds the newest number at
 * each moment, without a system call: where the file system cannot promise that a mapped write
 * succeeds (only tmpfs, ext4 and xfs do here), it is written with each frame, and a kill -9 may
 * then give the last second's numbers away again.
 *
 * Nothing read back is trusted: sizes are bounded and checked before use.
 */
#ifndef GAOL_CORE_JOURNAL_H
#define GAOL_CORE_JOURNAL_H

#include "core/event.h"
#include <stdbool.h>
#include <stdint.h>

struct ring;
struct journal;	       /* the writer: the warden */
struct journal_reader; /* anybody else */

#define JOURNAL_KEEP_MIN (UINT64_C(256) << 10)
#define JOURNAL_KEEP_MAX (UINT64_C(64) << 30)

/*
 * Opens a jail's journal for writing (jailfd: its directory, used as long as the journal lives;
 * the caller holds the jail's lock). keep: bytes of disk that it may take, 0 (all of it is removed
 * and nothing is written) or JOURNAL_KEEP_MIN .. JOURNAL_KEEP_MAX. least: a number that events have
 * surely reached. Never NULL; *error (may be NULL) is 0 or -errno when nothing can be written now:
 * then each journal_drain tries again.
 */
struct journal *journal_open(int jailfd, uint64_t keep, uint64_t least, int *error);
/* seq of the newest event that is known of: what ring_start_at wants. */
uint64_t journal_last(const struct journal *j);
/* Makes the journal a reader of a ring from its present end on. 0 or -errno. */
int journal_attach(struct journal *j, const struct ring *ring);
/* Changes keep as journal_open has it, at once. */
void journal_set_keep(struct journal *j, uint64_t keep);
/* Tells that event seq was recorded: a store into memory, for each event. */
void journal_mark(struct journal *j, uint64_t seq);
/*
 * Writes what the ring has, one frame (at most 64 KiB of records). 1: there is more, 0: that was
 * all, or -errno (ENOSPC, EFBIG, ...): it waits in the ring and is tried again at the next call.
 */
int journal_drain(struct journal *j);
/* Events that the ring overwrote before they could be written. */
uint64_t journal_lost(const struct journal *j);
/* Closes; what was not written is given up (journal_drain before it). NULL is allowed. */
void journal_close(struct journal *j);

/*
 * Begins to read a jail's journal behind event seq; a writer may be at work meanwhile. Never NULL:
 * a jail without a journal has an empty one.
 */
struct journal_reader *journal_reader_new(int jailfd, uint64_t seq);
void journal_reader_free(struct journal_reader *jr);
/*
 * The next event that is kept, of any class: 1 with *ev filled (its paths live until the next call;
 * numbers only grow, a jump in them is what is lost), 0: no more now, later calls may have more.
 */
int journal_next(struct journal_reader *jr, struct event *ev);
/* Bytes that were passed over because they failed their check; a torn end counts when another
 * segment follows or the writer is gone (live false at the last call that returned 0). */
uint64_t journal_damaged(const struct journal_reader *jr, bool live);

/* seq before the oldest event that is kept (a segment's claim), 0: none is. */
uint64_t journal_before_oldest(int jailfd);
/* seq of the newest event that ever was, as the mark tells; 0: unknown. */
uint64_t journal_marked(int jailfd);

#endif
