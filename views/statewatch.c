/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/statewatch.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/loop.h"
#include "views/model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define GATHER_MS 50 /* a boot announces several things in a row */

struct statewatch {
	const struct jail_places *places;
	int fd;
	int jails; /* the watch of the directory of jails */
	struct loop_fd *watch;
	struct loop_timer *gather;
	bool pending;
	statewatch_fn *changed;
	void *user;
};

static void on_gathered(void *user)
{
	struct statewatch *w = user;

	w->pending = false;
	w->changed(w->user);
}

/* A jail's own log and layer are none of our business. */
static bool matters(const struct statewatch *w, const struct inotify_event *ev)
{
	if (ev->mask & IN_Q_OVERFLOW || ev->wd == w->jails)
		return true;
	return ev->len && (!strcmp(ev->name, "state") || !strcmp(ev->name, "lock") ||
			   !strcmp(ev->name, "jail.conf"));
}

static void on_notify(void *user, int events)
{
	struct statewatch *w = user;
	_Alignas(struct inotify_event) char buf[4096];
	bool news = false;
	ssize_t n;

	while ((n = read(w->fd, buf, sizeof(buf))) > 0) {
		const struct inotify_event *ev;

		for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*ev) + ev->len)) {
			ev = (const struct inotify_event *)(buf + at);
			news |= matters(w, ev);
		}
	}
	if (news && !w->pending) {
		w->pending = true;
		loop_timer_arm(w->gather, GATHER_MS);
	}
}

struct statewatch *statewatch_new(const struct jail_places *places, struct loop *loop,
				  statewatch_fn *changed, void *user)
{
	struct statewatch *w = xcalloc(1, sizeof(*w));
	char *dir = xasprintf("%s/jails", places->home);

	*w = (struct statewatch){.places = places, .changed = changed, .user = user};
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->jails = w->fd < 0 ? -1
			     : inotify_add_watch(w->fd, dir,
						 IN_CREATE | IN_DELETE | IN_MOVED_TO |
						     IN_MOVED_FROM | IN_ONLYDIR);
	free(dir);
	if (w->jails >= 0)
		w->watch = loop_fd_add(loop, w->fd, LOOP_IN, on_notify, w);
	if (!w->watch) {
		int saved = errno;

		statewatch_free(w);
		errno = saved;
		return NULL;
	}
	w->gather = loop_timer_add(loop, -1, on_gathered, w);
	return w;
}

void statewatch_free(struct statewatch *w)
{
	if (!w)
		return;
	loop_timer_del(w->gather);
	loop_fd_del(w->watch);
	fd_close(&w->fd);
	free(w);
}

bool statewatch_jails(struct statewatch *w, const struct model *m)
{
	bool all = true;

	for (size_t i = 0; i < model_count(m); i++) {
		char *dir =
		    xasprintf("%s/jails/%s", w->places->home, model_at(m, i)->name);

		/* one that is watched already stays so; those that are gone go by themselves */
		if (inotify_add_watch(w->fd, dir, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR) < 0)
			all = errno == ENOENT && all;
		free(dir);
	}
	return all;
}
