/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way down, one limit after the other:
 *
 *   init is told	 programs get SIGTERM, after the caller's grace SIGKILL; init syncs and
 * powers off the kernel is told  by its mconsole: write back what is dirty, then halt; for an init
 * that hangs the processes are killed
 */
#include "core/warden/internal.h"
#include <string.h>

#define MARGIN_MS 3000	   /* beyond the grace, for init's own end */
#define WRITE_BACK_MS 1500 /* "sysrq s" only begins to */
#define HALT_MS 1000

static void tell_kernel(struct warden *w, const char *command, enum down_step step, int64_t ms)
{
	int ret = guest_mconsole(w->guest, command);

	if (ret) {
		warden_log("mconsole: %s: %s: killing", command, strerror(-ret));
		boot_kill(w, w->errand);
		return;
	}
	w->down = step;
	loop_timer_arm(w->deadline, ms);
}

void down_begin(struct warden *w, uint32_t grace_ms)
{
	if (!boot_is_up(w) || chan_shutdown(w->chan, grace_ms) < 0) {
		boot_kill(w, w->errand);
		return;
	}
	w->down = DOWN_TOLD;
	loop_timer_arm(w->deadline, (int64_t)grace_ms + MARGIN_MS);
	verb_progress(w, "told", grace_ms + MARGIN_MS);
}

void down_next(struct warden *w)
{
	switch (w->down) {
	case DOWN_TOLD:
		warden_log("init did not end the guest in time: its kernel is told to");
		verb_progress(w, "halting", WRITE_BACK_MS + HALT_MS);
		tell_kernel(w, "sysrq s", DOWN_WRITE_BACK, WRITE_BACK_MS);
		return;
	case DOWN_WRITE_BACK:
		tell_kernel(w, "halt", DOWN_HALT, HALT_MS);
		return;
	default:
		warden_log("the guest's kernel did not halt in time: killing");
		verb_progress(w, "killing", 0);
		boot_kill(w, w->errand);
	}
}
