/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The restart policy: a guest that crashed is booted again, after 1 s, 2 s, 4 s ... 60 s, until it
 * has run for a minute; then the count begins anew. A first start that fails is for its admin to
 * see and is not tried again.
 */
#include "core/warden/internal.h"
#include <time.h>

#define FIRST_MS 1000
#define MOST_MS 60000
#define SOUND_S 60

static int64_t delay_ms(unsigned restarts)
{
	int64_t ms = restarts < 6 ? (int64_t)FIRST_MS << restarts : MOST_MS;

	return ms < MOST_MS ? ms : MOST_MS;
}

static void boot_again(void *user)
{
	struct warden *w = user;
	struct err e;

	if (w->guest || w->quitting)
		return;
	if (w->op) {
		loop_timer_arm(w->again, FIRST_MS);
		return;
	}
	w->st.restart_at = 0;
	w->st.restarts++;
	boot_start(w, w->idle, &e);
}

void again_plan(struct warden *w, enum jail_state s, int64_t ran)
{
	bool again = s == JAIL_CRASHED || (s == JAIL_FAILED && w->st.restarts);

	if (!again || w->conf.restart != CONF_ON_CRASH || w->tied || w->quitting)
		return;
	if (s == JAIL_CRASHED && ran >= SOUND_S)
		w->st.restarts = 0;
	int64_t ms = delay_ms(w->st.restarts);
	if (!w->again)
		w->again = loop_timer_add(w->loop, -1, boot_again, w);
	loop_timer_arm(w->again, ms);
	w->st.restart_at = time(NULL) + ms / 1000;
	warden_log("will be started again in %lld s", (long long)ms / 1000);
}

void again_cancel(struct warden *w)
{
	if (w->again)
		loop_timer_arm(w->again, -1);
	w->st.restart_at = 0;
	w->st.restarts = 0;
}
