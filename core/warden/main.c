/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/fd.h"
#include "core/repo/repo.h"
#include "core/repo/restore.h"
#include "core/layer/touched.h"
#include "core/warden/internal.h"
#include "core/warden/warden.h"
#include "core/wall/hold.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct warden_args {
	const char *name;
	int client; /* descriptor of the connection that started us, -1 */
	bool tied;
};

static bool parse(struct warden_args *a, int argc, char **argv)
{
	*a = (struct warden_args){.client = -1};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--client") && i + 1 < argc)
			a->client = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--tied"))
			a->tied = true;
		else if (argv[i][0] != '-' && !a->name)
			a->name = argv[i];
		else
			return false;
	}
	return a->name != NULL;
}

void warden_quit(struct warden *w)
{
	w->quitting = true;
	loop_stop(w->loop, 0);
}

static void discard_now(void *user)
{
	struct warden *w = user;
	struct err e;

	if (w->discarded)
		return;
	if (w->guest) {
		boot_kill(w, ERRAND_DISCARD);
		return;
	}
	put_abort_all(w);
	bring_abort_all(w);
	save_abort(w);
	layers_close(w);
	w->discarded = true;
	if (jail_remove(&w->jail, &e))
		warden_log("%s", e.text);
	warden_quit(w);
}

/* A client is found gone in the middle of an answer: what is being answered is still needed. */
void warden_discard(struct warden *w)
{
	if (w->guest) {
		boot_kill(w, ERRAND_DISCARD);
		return;
	}
	if (!w->discard)
		w->discard = loop_timer_add(w->loop, -1, discard_now, w);
	loop_timer_arm(w->discard, 0);
}

void warden_peer_gone(struct warden *w, uint64_t id)
{
	struct peer *p = NULL;

	for (p = w->peers; p && p->id != id;)
		p = p->next;
	if (p)
		console_detach(w, p);
	exec_peer_gone(w, id);
	verb_peer_gone(w, id);
	if (w->tied == id)
		warden_discard(w);
}

void warden_maybe_quit(struct warden *w)
{
	if (!w->guest && w->ending)
		warden_quit(w);
	if (!w->guest && !peer_any(w) && !w->op && !w->puts && !w->brings && !w->tied &&
	    !w->st.restart_at)
		warden_quit(w);
}

static void json_message(struct warden *w, struct peer *p, const struct proto_head *h,
			 const void *data, size_t n, int fd)
{
	json_t *o = proto_json(data, n);

	if (!o) {
		fd_close(&fd);
		peer_drop(w, p);
		return;
	}
	if (h->type == PROTO_CALL) {
		verb_call(w, p, h->tag, o, fd);
		fd = -1;
	} else if (h->type == PROTO_ATTACH && !p->view) {
		console_attach(w, p, o);
	} else if (h->type == PROTO_EXEC) {
		exec_start(w, p, h->tag, o);
	}
	fd_close(&fd);
	json_decref(o);
}

void warden_message(struct warden *w, struct peer *p, const struct proto_head *h, const void *data,
		    size_t n, int fd)
{
	switch (h->type) {
	case PROTO_CALL:
	case PROTO_ATTACH:
	case PROTO_EXEC:
		json_message(w, p, h, data, n, fd);
		return;
	case PROTO_ARM:
		if (n == sizeof(p->arm_seq)) {
			memcpy(&p->arm_seq, data, sizeof(p->arm_seq));
			p->armed = true;
			if (ring_last(w->ring) > p->arm_seq)
				warden_ring_grew(w);
		}
		break;
	case PROTO_CONSOLE_IN:
		console_keys(w, p, data, n);
		break;
	case PROTO_CONSOLE_SIZE:
		console_size(w, p, data, n);
		break;
	case PROTO_DETACH:
		console_detach(w, p);
		break;
	case PROTO_EXEC_IN:
	case PROTO_EXEC_EOF:
	case PROTO_EXEC_SIGNAL:
	case PROTO_EXEC_SIZE:
		exec_message(w, p, h, data, n);
		break;
	default:
		peer_drop(w, p);
	}
	fd_close(&fd);
}

static void on_signal(void *user, int signo)
{
	struct warden *w = user;

	if (signo == SIGCHLD) {
		net_reap(w);
		boot_reap(w);
		return;
	}
	warden_log("signal %d: ending", signo);
	if (w->tied) {
		warden_discard(w);
		return;
	}
	if (!w->guest) {
		warden_quit(w);
		return;
	}
	w->ending = true;
	boot_stop(w, ERRAND_STOP, 2000);
}

/* What a rollback that was cut short still has to do; before anybody opens the layer. */
static int recover(struct warden *w, struct err *e)
{
	struct repo *r;
	bool done = false;
	int ret = repo_open(&r, w->jail.dirfd, e);

	if (ret)
		return ret;
	if (restore_pending(r))
		ret = restore_recover(r, &done, e);
	if (done)
		warden_log("a rollback that had been cut short is complete");
	repo_close(r);
	return ret;
}

static int open_jail(struct warden *w, const struct warden_args *a, struct err *e)
{
	int ret = jail_places_init(&w->places, e);

	if (!ret)
		ret = jail_open(&w->jail, &w->places, a->name, e);
	if (ret)
		return ret;
	/* `gaol ls` holds it for a moment. */
	w->lock = jail_lock_patient(&w->jail, JAIL_PATIENCE_MS);
	if (w->lock < 0)
		return err_set(e, w->lock, "%s: another warden or command holds it: wait for it",
			       a->name);
	if (jail_status_read(&w->jail, &w->st))
		w->st = (struct jail_status){0};
	ret = conf_load(w->jail.dirfd, CONF_FILE, &w->conf, e);
	if (!ret)
		ret = recover(w, e);
	return ret;
}

/* The runtime directory of this jail, ours alone, without what an earlier warden left. */
static int open_room(struct warden *w, struct err *e)
{
	char *root = xasprintf("%s/root", w->jail.run);

	window_cleanup(root, NULL);
	free(root);
	dir_remove_tree(AT_FDCWD, w->jail.run);
	if (mkdir(w->jail.run, 0700))
		return err_sys(e, "%s: cannot make it", w->jail.run);
	w->loop = loop_new();
	w->ring = ring_new(w->conf.events_ring);
	if (!w->loop || !w->ring)
		return err_sys(e, "%s: the warden cannot start", w->jail.name);
	events_open(w);
	return peer_listen(w, e);
}

static void close_room(struct warden *w)
{
	put_abort_all(w);
	bring_abort_all(w);
	save_abort(w);
	layers_close(w);
	touched_free(w->touched);
	touched_free(w->was);
	w->touched = w->was = NULL;
	events_close(w);
	if (w->listen_fd >= 0)
		loop_fd_del(w->listen_watch);
	fd_close(&w->listen_fd);
	if (w->jail.run)
		dir_remove_tree(AT_FDCWD, w->jail.run);
	console_free(w);
	limits_leave(w);
	if (w->lock >= 0 && w->st.state != JAIL_CRASHED && w->st.state != JAIL_FAILED)
		w->st.state = JAIL_STOPPED;
	w->st.warden = w->st.guest = 0;
	w->st.viewers = 0;
	w->st.restart_at = 0;
	if (w->lock >= 0 && !w->discarded)
		jail_status_write(&w->jail, &w->st);
	/* Before the clients are let go: when they see the end, the jail can be started again. */
	fd_close(&w->lock);
	peer_drop_all(w);
}

static void refuse(const struct warden_args *a, const struct err *e)
{
	warden_log("%s", e->text);
	if (a->client < 0)
		return;
	json_t *o = json_pack("{s:s, s:i}", "error", e->text, "code", EIO);
	if (o)
		proto_send_json(a->client, PROTO_ERROR, 0, o, -1);
	json_decref(o);
}

static int run(struct warden *w, const struct warden_args *a)
{
	static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, 0};

	loop_signals(w->loop, signals, on_signal, w);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error of the write that meets it */
	console_init(w);
	w->st.warden = getpid();
	w->st.throwaway = a->tied;
	w->st.restarts = 0;
	if (w->st.state != JAIL_CRASHED && w->st.state != JAIL_FAILED)
		w->st.state = JAIL_STOPPED;
	warden_announce(w);
	/* Known before it is greeted: it may be gone already. */
	if (a->tied)
		w->tied = w->last_peer + 1;
	if ((a->client < 0 || !peer_adopt(w, a->client)) && a->tied)
		warden_discard(w);
	return loop_run(w->loop);
}

int warden_main(int argc, char **argv)
{
	struct warden w = {.lock = -1, .listen_fd = -1, .console = -1, .jail.dirfd = -1};
	struct warden_args a;
	struct err e;

	if (!parse(&a, argc, argv)) {
		err_set(&e, 0,
			"warden: internal: started by other verbs, for instance `gaol start NAME`");
		err_print(&e);
		return 2;
	}
	umask(077);
	sched_getaffinity(0, sizeof(w.cpus), &w.cpus);
	/* No group of the caller's may widen what the host shows; no core dump of a guest's data.
	 */
	if (geteuid() == 0)
		setgroups(0, NULL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){1, 1}); /* as core/wall/step/step.c says */
	int ret = hold_warden(&e);
	if (!ret)
		ret = open_jail(&w, &a, &e);
	if (!ret)
		ret = open_room(&w, &e);
	if (ret)
		refuse(&a, &e);
	else
		run(&w, &a);
	if (w.lock >= 0)
		close_room(&w);
	ring_free(w.ring);
	loop_free(w.loop);
	conf_free(&w.conf);
	jail_close(&w.jail);
	jail_places_free(&w.places);
	return ret ? 1 : 0;
}
