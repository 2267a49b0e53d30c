/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feedstore: events in memory, many and small: packed into blocks of a thousand, oldest blocks
 * dropped first.
 */
#ifndef GAOL_VIEWS_FEEDSTORE_H
#define GAOL_VIEWS_FEEDSTORE_H

#include "core/event.h"
#include <stddef.h>
#include <stdint.h>

#define FEEDSTORE_EVENTS_MAX 1000000u
#define FEEDSTORE_BYTES_MAX (192u << 20)

struct feedstore;

struct feedstore *feedstore_new(void);
void feedstore_free(struct feedstore *s);
/* Appends a copy; drops the oldest block when there is too much. Lost events are kept as a record
 * of their own: op 0, bytes = how many. */
void feedstore_add(struct feedstore *s, const struct event *ev);
void feedstore_add_lost(struct feedstore *s, uint64_t lost);
/* Positions of the oldest event and behind the newest; they stay as events come and go. */
uint64_t feedstore_first(const struct feedstore *s);
uint64_t feedstore_end(const struct feedstore *s);
/* Fills *ev; its paths live until the next add. */
void feedstore_get(const struct feedstore *s, uint64_t pos, struct event *ev);
/* The class alone (cheap); 0 for lost ones. */
unsigned feedstore_class(const struct feedstore *s, uint64_t pos);
size_t feedstore_bytes(const struct feedstore *s);

#endif
