/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checkpoints by time: [checkpoint] every, while the guest runs and when something has happened. */
#include "core/warden/internal.h"

static void due(void *user)
{
	struct warden *w = user;
	uint64_t last = ring_last(w->ring);

	auto_arm(w);
	if (last == w->auto_seen || w->st.state != JAIL_RUNNING || save_is_busy(w) ||
	    !boot_is_up(w))
		return;
	w->auto_seen = last;
	save_auto(w);
}

void auto_arm(struct warden *w)
{
	int64_t ms = (int64_t)w->conf.checkpoint_every * 1000;

	if (!w->auto_timer)
		w->auto_timer = loop_timer_add(w->loop, -1, due, w);
	if (w->auto_timer)
		loop_timer_arm(w->auto_timer, ms && w->guest ? ms : -1);
}
