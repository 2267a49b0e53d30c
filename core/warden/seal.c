/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layer's seal (core/layer/seal.h) while a checkpoint is stored: the guest goes on, and what it
 * is about to change is kept first.
 */
#include "core/layer/seal.h"
#include "core/fd.h"
#include "core/warden/internal.h"

#define SWEEP 32 /* links removed in one turn of the loop */

static void sweep(void *user)
{
	struct warden *w = user;

	loop_timer_arm(w->seal_sweep, w->layer && layer_seal_sweep(w->layer, SWEEP) ? 0 : -1);
}

bool seal_begin(struct warden *w, json_t *request, struct worker_fds *fds,
		void (*on_broken)(void *user))
{
	struct seal_config c = {.was = w->was, .on_broken = on_broken, .user = w};
	struct seal_ends ends;
	struct err e;

	if (!w->layer)
		return false;
	if (layer_seal(w->layer, &c, &ends, &e)) {
		warden_log("%s: the guest waits for this checkpoint", e.text);
		return false;
	}
	json_object_set_new(request, "sealed", json_true());
	fds->fd[1] = ends.log;
	fds->fd[2] = ends.data;
	fds->fd[3] = ends.sock;
	return true;
}

uint64_t seal_end(struct warden *w)
{
	uint64_t held = w->layer ? layer_seal_held(w->layer) : 0;

	if (!w->layer)
		return 0;
	layer_unseal(w->layer);
	if (!w->seal_sweep)
		w->seal_sweep = loop_timer_add(w->loop, -1, sweep, w);
	loop_timer_arm(w->seal_sweep, 0);
	return held;
}

void worker_fds_close(struct worker_fds *fds)
{
	for (size_t i = 0; i < sizeof(fds->fd) / sizeof(*fds->fd); i++)
		fd_close(&fds->fd[i]);
}
