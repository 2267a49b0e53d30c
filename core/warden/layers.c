/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The jail's layer and its window on the host, opened anew at each boot: then jail.conf takes
 * effect. */
#include "core/jailview.h"
#include "core/made.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void on_event(void *user, const struct event *ev)
{
	struct warden *w = user;

	struct event named = *ev;

	named.comm_len = names_find(w, ev->pid, &named.comm);
	ring_push(w->ring, &named);
	warden_ring_grew(w);
}

static int build_made(struct warden *w, const char *dir, struct err *e)
{
	char init[4096], home[4096];
	char *share = xasprintf("%s/share", w->places.home);
	const struct conf *c = &w->conf;
	struct buf resolv = {0};
	int ret = made_find_init(init, sizeof(init), e);

	net_resolv(&resolv);
	if (!ret) {
		struct made_config m = {.hostname = c->hostname ? c->hostname : w->jail.name,
					.init = init,
					.share = share,
					.uid = c->uid,
					.gid = c->gid,
					.shell = c->shell,
					.resolv = c->net ? buf_cstr(&resolv) : NULL};
		if (c->uid && c->user) {
			m.name = c->user;
			m.home = conf_home(c, home, sizeof(home));
		}
		ret = made_build(dir, &m, e);
	}
	buf_free(&resolv);
	free(share);
	return ret;
}

static void open_window(struct warden *w)
{
	struct window_config wc = {.ro = true};
	char *root = xasprintf("%s/root", w->jail.run);
	struct err e;

	w->st.window[0] = '\0';
	mkdir(root, 0700);
	w->window = window_mount(w->loop, w->layer, root, &wc, &e);
	if (w->window)
		snprintf(w->st.window, sizeof(w->st.window), "%s", root);
	else
		warden_log("no window: %s", e.text);
	free(root);
}

/* An open file of the guest is a descriptor of ours: half of them are for the rest. */
static unsigned open_files(const struct conf *c)
{
	struct rlimit rl;
	unsigned most = 0;

	if (!getrlimit(RLIMIT_NOFILE, &rl))
		most = rl.rlim_cur < 2000000 ? (unsigned)rl.rlim_cur / 2 : 1000000;
	return c->limit_files && c->limit_files < most ? c->limit_files : most;
}

int layers_open(struct warden *w, struct err *e)
{
	if (w->layer)
		return 0;
	char *made = xasprintf("%s/made", w->jail.dir);
	int ret = build_made(w, made, e);
	free(made);
	if (!ret)
		ret = jail_union_init(&w->parts, &w->places, &w->jail, &w->conf, e);
	if (ret)
		return ret;
	w->parts.config.on_event = on_event;
	w->parts.config.event_user = w;
	touched_open(w);
	w->parts.config.max_bytes = w->conf.limit_size;
	w->parts.config.max_inodes = w->conf.limit_inodes;
	w->parts.config.max_files = open_files(&w->conf);
	ret = layer_open(&w->layer, &w->parts.config, e);
	if (ret)
		layers_close(w);
	else
		open_window(w);
	if (!ret)
		limits_count(w);
	return ret;
}

void layers_close(struct warden *w)
{
	if (w->layer)
		save_on_layer_close(w);
	window_unmount(w->window);
	w->window = NULL;
	w->st.window[0] = '\0';
	limits_uncount(w);
	if (w->layer)
		layer_close(w->layer);
	w->layer = NULL;
	jail_union_free(&w->parts);
}
