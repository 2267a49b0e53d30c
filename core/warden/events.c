/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of events: what the ring gets is on disk a second later. A timer that runs only while
 * something waits writes one frame a turn, so nobody waits for it long.
 */
#include "core/journal.h"
#include "core/warden/internal.h"
#include <inttypes.h>
#include <string.h>

#define WRITE_EVERY_MS 1000
/* When so much of the ring is unwritten, the second is not waited for. */
#define HURRY_PART 8

/* One line when it stops, one when it goes on. */
static void tell(struct warden *w, int ret)
{
	if (ret < 0 && !w->journal_fails)
		warden_log("journal: %s: events wait in the ring until it can be written",
			   strerror(-ret));
	if (ret >= 0 && w->journal_fails)
		warden_log("journal: goes on; %" PRIu64 " events were lost",
			   journal_lost(w->journal) - w->journal_lost);
	if (ret >= 0)
		w->journal_lost = journal_lost(w->journal);
	w->journal_fails = ret < 0;
}

/* One frame, under the jail.conf of the last boot. */
static int write_frame(struct warden *w)
{
	journal_set_keep(w->journal, w->conf.events_keep);
	int ret = journal_drain(w->journal);
	tell(w, ret);
	return ret;
}

static void write_some(void *user)
{
	struct warden *w = user;

	w->journal_due = w->journal_hurry = false;
	w->journal_written = ring_written(w->ring);
	int ret = write_frame(w);
	/* After a failure the next event is soon enough. */
	if (ret <= 0)
		return;
	w->journal_due = w->journal_hurry = true;
	loop_timer_arm(w->journal_timer, 0);
}

void events_open(struct warden *w)
{
	int ret;

	w->journal = journal_open(w->jail.dirfd, w->conf.events_keep, w->st.events, &ret);
	ring_start_at(w->ring, journal_last(w->journal));
	if (!ret)
		ret = journal_attach(w->journal, w->ring);
	tell(w, ret);
	w->journal_timer = loop_timer_add(w->loop, -1, write_some, w);
}

void events_grew(struct warden *w)
{
	if (!w->journal)
		return;
	journal_mark(w->journal, ring_last(w->ring));
	if (!w->journal_due) {
		w->journal_due = true;
		loop_timer_arm(w->journal_timer, WRITE_EVERY_MS);
	} else if (!w->journal_hurry && ring_written(w->ring) - w->journal_written >
					    ring_capacity(w->ring) / HURRY_PART) {
		w->journal_hurry = true;
		loop_timer_arm(w->journal_timer, 0);
	}
}

void events_close(struct warden *w)
{
	if (!w->journal)
		return;
	w->st.events = ring_last(w->ring);
	int ret = w->discarded ? 0 : 1;
	while (ret > 0)
		ret = write_frame(w);
	journal_close(w->journal);
	w->journal = NULL;
}
