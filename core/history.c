/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/history.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/journal.h"
#include "core/ring.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define PASS_MAX 65536 /* events of other classes that one call passes over */

struct history {
	int jailfd;
	uint64_t cursor;
	struct ring_reader *ring;	/* NULL: none */
	struct journal_reader *journal; /* NULL: the ring is being read */
	uint64_t until;			/* the journal is read up to before this one */
	bool ended;			/* without a ring: the end was told */
	bool held;			/* ahead waits behind what the journal has */
	struct event ahead;		/* points into the ring's copy */
	uint64_t damaged;
};

/* Reads the journal for what lies between the cursor and number until. */
static void detour(struct history *h, uint64_t until)
{
	h->journal = journal_reader_new(h->jailfd, h->cursor);
	h->until = until;
}

struct history *history_new(int jailfd, uint64_t seq, struct ring_reader *ring)
{
	struct history *h = xcalloc(1, sizeof(*h));

	*h = (struct history){
	    .jailfd = fcntl(jailfd, F_DUPFD_CLOEXEC, 0), .cursor = seq, .ring = ring};
	if (ring) {
		ring_seek_after(ring, seq);
		/* a number that is still to come */
		if (ring_newest(ring) < seq)
			h->cursor = ring_newest(ring);
	} else {
		detour(h, UINT64_MAX);
	}
	return h;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	journal_reader_free(h->journal);
	ring_reader_free(h->ring);
	fd_close(&h->jailfd);
	free(h);
}

/* Moves the cursor to before seq, counting what it leaps over. */
static void leap(struct history *h, uint64_t seq, uint64_t *lost)
{
	if (seq <= h->cursor + 1)
		return;
	if (lost)
		*lost += seq - h->cursor - 1;
	h->cursor = seq - 1;
}

/* The journal has no more before h->until: what is missing there is lost. */
static void end_detour(struct history *h, uint64_t *lost)
{
	if (!h->ring) {
		leap(h, journal_marked(h->jailfd) + 1, lost);
		h->ended = true;
		return;
	}
	h->damaged += journal_damaged(h->journal, true);
	journal_reader_free(h->journal);
	h->journal = NULL;
	leap(h, h->until, lost);
}

/* Passes an event that is there. 1, or 2 for one of a broken writer. */
static int pass(struct history *h, const struct event *ev, uint64_t *lost)
{
	if (ev->seq <= h->cursor)
		return 2;
	leap(h, ev->seq, lost);
	h->cursor = ev->seq;
	return 1;
}

/* A step in the journal. */
static int step_back(struct history *h, struct event *ev, uint64_t *lost)
{
	if (journal_next(h->journal, ev) == 1 && ev->seq < h->until)
		return pass(h, ev, lost);
	end_detour(h, lost);
	return h->ended ? 0 : 2;
}

/* One step: 1 with an event of any class, 0 at the end, 2 when another step may have one, -EPROTO.
 */
static int step(struct history *h, struct event *ev, uint64_t *lost)
{
	uint64_t newest;
	int ret;

	if (h->ended)
		return 0;
	if (h->journal)
		return step_back(h, ev, lost);
	if (h->held) {
		*ev = h->ahead;
		h->held = false;
		return pass(h, ev, lost);
	}
	newest = ring_newest(h->ring);
	ret = ring_next(h->ring, ~0u, ev, NULL);
	if (ret > 0 && ev->seq > h->cursor + 1) {
		h->ahead = *ev;
		h->held = true;
		detour(h, ev->seq);
		return 2;
	}
	if (ret > 0)
		return pass(h, ev, lost);
	if (!ret && newest > h->cursor) {
		detour(h, newest + 1);
		return 2;
	}
	return ret;
}

int history_next(struct history *h, unsigned classes, struct event *ev, uint64_t *lost)
{
	for (int i = 0; i < PASS_MAX; i++) {
		int ret = step(h, ev, lost);

		if (ret <= 0)
			return ret;
		if (ret == 1 && (ev->class & classes))
			return 1;
	}
	return -EAGAIN;
}

uint64_t history_cursor(const struct history *h)
{
	return h->cursor;
}

uint64_t history_damaged(const struct history *h)
{
	return h->damaged + (h->journal ? journal_damaged(h->journal, h->ring != NULL) : 0);
}
