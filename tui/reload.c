/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A person's own files, gaol.conf and keys: read at the beginning, and again when they change. */
#include "core/fd.h"
#include "tui/app_int.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SETTLE_MS 100 /* an editor writes in several steps */

static void bad_line(void *user, const char *text)
{
	struct app *a = user;

	/* the first stays on the screen, the others are among the messages */
	if (!a->complained)
		app_fail(a, "%s", text);
	else
		journal_add(a->journal, JOURNAL_FAILED, text);
	a->complained = true;
}

static void cannot_read(struct app *a, const char *path, int ret)
{
	struct buf b = {0};

	if (ret < 0 && ret != -ENOENT && ret != -ENOTDIR) {
		buf_fmt(&b, "%s: %s: see that it can be read", path, strerror(-ret));
		bad_line(a, buf_cstr(&b));
	}
	buf_free(&b);
}

void app_load_settings(struct app *a)
{
	char *dir = settings_dir(), *path = dir ? xasprintf("%s/" SETTINGS_FILE, dir) : NULL;

	a->complained = false;
	settings_init(&a->settings);
	if (path)
		cannot_read(a, path, settings_load_file(&a->settings, path, bad_line, a));
	free(path);
	free(dir);
}

void app_load_keys(struct app *a)
{
	char *dir = settings_dir(), *path = dir ? xasprintf("%s/keys", dir) : NULL;
	struct keymap *km = keymap_new();

	if (keymap_load_builtin(km, a->settings.keymap, bad_line, a) < 0) {
		struct buf b = {0};

		buf_fmt(&b, "no map of keys %s: write map = default, vi or emacs",
			a->settings.keymap);
		bad_line(a, buf_cstr(&b));
		buf_free(&b);
		keymap_load_builtin(km, "default", bad_line, a);
	}
	if (path)
		cannot_read(a, path, keymap_load_file(km, path, bad_line, a));
	free(path);
	free(dir);
	keymap_free(a->keymap);
	a->keymap = a->env.keymap = km;
	a->nkeys = 0;
}

void app_apply_settings(struct app *a)
{
	a->env.read_only = a->opt->read_only || a->settings.read_only;
	a->env.ascii = screen_ascii(a->screen);
	memcpy(a->env.detach, a->settings.detach, sizeof(a->env.detach));
	for (size_t i = 0; i < a->depth; i++) {
		struct view *v = a->stack[i], *pane = v->ops->pane ? v->ops->pane(v) : NULL;

		v->scratch.ascii = a->env.ascii;
		if (pane)
			pane->scratch.ascii = a->env.ascii;
	}
}

void app_reload(struct app *a)
{
	app_load_settings(a);
	screen_settings(a->screen, &a->settings);
	app_apply_settings(a);
	app_load_keys(a);
	if (!a->complained)
		app_say(a, "gaol.conf and keys are read again");
	a->dirty = true;
}

static void on_settled(void *user)
{
	struct app *a = user;

	/* never in the middle of a console that has the terminal */
	if (a->attach)
		loop_timer_arm(a->settle, SETTLE_MS);
	else
		app_reload(a);
}

static void on_notify(void *user, int events)
{
	struct app *a = user;
	char buf[4096];

	while (read(a->notify, buf, sizeof(buf)) > 0)
		loop_timer_arm(a->settle, SETTLE_MS);
}

void app_watch_files(struct app *a)
{
	char *dir = settings_dir();

	a->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* without a directory, or a watch, `:reload` does it */
	if (dir && a->notify >= 0 &&
	    inotify_add_watch(a->notify, dir,
			      IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) >= 0) {
		a->notify_watch = loop_fd_add(a->loop, a->notify, LOOP_IN, on_notify, a);
		a->settle = loop_timer_add(a->loop, -1, on_settled, a);
	}
	free(dir);
}
