/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What changed since the last checkpoint (core/layer/touched.h), so that the next one looks at that
 * alone. It is known from the first checkpoint behind an opening of the layer until the layer is
 * closed: an admin may do in upper/ what he likes while no warden is there, and after a crash there
 * is nothing to believe; the next checkpoint then looks at everything, and says so in the log.
 */
#include "core/fd.h"
#include "core/layer/touched.h"
#include "core/warden/internal.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static void replace(struct warden *w, bool all)
{
	struct touched *t = touched_new(all);

	if (w->layer)
		layer_set_touched(w->layer, t);
	touched_free(w->touched);
	w->touched = t;
}

void touched_open(struct warden *w)
{
	/* behind a rollback the guest boots at once; else anybody may have been at upper/ */
	if (!save_is_busy(w) || !w->touched)
		w->base[0] = '\0';
	if (!*w->base)
		replace(w, true);
	w->parts.config.touched = w->touched;
}

int touched_show(struct warden *w, json_t *request)
{
	struct buf b = {0};
	cleanup_fd int fd = -1;

	json_object_del(request, "base");
	if (!w->touched || !*w->base || touched_is_all(w->touched))
		return -1;
	touched_write(w->touched, &b);
	fd = memfd_create("gaol-touched", MFD_CLOEXEC);
	if (fd >= 0 && !fd_write_full(fd, b.p, b.len))
		json_object_set_new(request, "base", json_string(w->base));
	else
		fd_close(&fd);
	buf_free(&b);
	return fd_steal(&fd);
}

int touched_seal(struct warden *w, json_t *request)
{
	int fd = touched_show(w, request);

	/* shown: the worker looks at no more than that; else at everything */
	w->was = fd >= 0 ? w->touched : NULL;
	snprintf(w->was_base, sizeof(w->was_base), "%s", w->base);
	w->base[0] = '\0';
	if (!w->was)
		touched_free(w->touched);
	w->touched = touched_new(!w->layer);
	if (w->layer)
		layer_set_touched(w->layer, w->touched);
	return fd;
}

static void was_free(struct warden *w)
{
	touched_free(w->was);
	w->was = NULL;
	w->was_base[0] = '\0';
}

void touched_unseal(struct warden *w)
{
	w->base[0] = '\0';
	if (!w->was || !w->touched) {
		replace(w, true);
	} else {
		touched_merge(w->touched, w->was);
		snprintf(w->base, sizeof(w->base), "%s", w->was_base);
	}
	was_free(w);
}

void touched_settle(struct warden *w, const json_t *result, bool back)
{
	const char *tree = json_string_value(json_object_get(result, "tree"));
	const char *whole = json_string_value(json_object_get(result, "whole"));

	if (whole)
		warden_log("checkpoint: all of the layer was looked at: %s", whole);
	if (!tree && !back) {
		touched_unseal(w);
		return;
	}
	w->base[0] = '\0';
	was_free(w);
	if (back)
		replace(w, !tree);
	if (tree && w->touched && !touched_is_all(w->touched))
		snprintf(w->base, sizeof(w->base), "%s", tree);
}
