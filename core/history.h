/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history: a jail's events in order, from its journal and on into the live ring, without a gap or a
 * duplicate. What the ring has lost before it was read is looked for in the journal, so a reader
 * loses only what neither has.
 *
 * It reads files: not for a thread that must not wait for a disk.
 */
#ifndef GAOL_CORE_HISTORY_H
#define GAOL_CORE_HISTORY_H

#include "core/event.h"
#include <stdbool.h>
#include <stdint.h>

struct history;
struct ring_reader;

/*
 * The events of a jail (jailfd: its directory, used as long as the history lives) behind number
 * seq. ring: the warden's, taken over; NULL when the jail has no warden: then the end is where the
 * journal ends. Never NULL.
 */
struct history *history_new(int jailfd, uint64_t seq, struct ring_reader *ring);
void history_free(struct history *h);
/*
 * The next event whose class is in classes: 1 with *ev filled (its paths live until the next call),
 * 0: no more now, -EAGAIN: many of other classes were passed over, call again, -EPROTO: the ring
 * makes no sense. *lost (may be NULL) is increased by the number of events, of any class, that are
 * missing between what was passed before and now. Without a ring, those that a killed warden took
 * with it are counted at the end.
 */
int history_next(struct history *h, unsigned classes, struct event *ev, uint64_t *lost);
/* seq of the last event that was passed or lost: what PROTO_ARM takes. */
uint64_t history_cursor(const struct history *h);
/* Bytes of the journal that were damaged and passed over so far. */
uint64_t history_damaged(const struct history *h);

#endif
