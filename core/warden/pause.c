/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paused: every process of the guest stands still on the host; its devices stay as they are. */
#include "core/warden/internal.h"
#include <errno.h>
#include <string.h>
#include <time.h>

void pause_guest(struct warden *w, struct call c)
{
	int ret = w->guest ? guest_pause(w->guest) : -EAGAIN;

	if (ret) {
		answer_error(w, c, -ret, "%s: cannot be paused: %s: it runs on", w->jail.name,
			     strerror(-ret));
		return;
	}
	warden_enter(w, JAIL_PAUSED, NULL);
	answer(w, c, json_object());
}

void pause_end(struct warden *w)
{
	struct timespec now;

	if (w->st.state != JAIL_PAUSED || !w->guest)
		return;
	guest_resume(w->guest);
	/* Its clock ran on with the host's; this is for a host that slept meanwhile. */
	clock_gettime(CLOCK_REALTIME, &now);
	if (w->chan)
		chan_settime(w->chan, now.tv_sec, (uint32_t)now.tv_nsec);
}
