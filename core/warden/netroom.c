/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the room of a jail's network says and is told. The call "net" of clients:
 *
 *	{"do": "list"}				{"mode", "online", "in", "out", "queue", "waiting",
 *						 "rules", "flows"}; offline the first four
 *	{"do": "answer", "id", "word", "minutes"}	{"done": bool}; see judge_answer
 *	{"do": "reload"}			{}: the rules of jail.conf hold from now on
 *	{"do": "pcap"} with a pipe	{}: every frame goes into it, until its reader is gone
 */
#include "core/fd.h"
#include "core/net/net.h"
#include "core/warden/wnet.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MESSAGES_PER_TURN = 256, NEWS_MS = 50 };

/* Rules */

static json_t *list_json(const struct conf_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(a, json_string(l->v[i]));
	return a;
}

/* The rules as a file of memory, or -errno. */
static int rules_file(const struct conf *c)
{
	cleanup_fd int fd = memfd_create("rules", MFD_CLOEXEC);
	json_t *o = json_pack("{s:o, s:o}", "allow", list_json(&c->net_allow), "deny",
			      list_json(&c->net_deny));
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	int ret = fd < 0 ? -errno : !text ? -ENOMEM : fd_write_full(fd, text, strlen(text));

	free(text);
	json_decref(o);
	return ret ? ret : fd_steal(&fd);
}

static int send_rules(struct warden *w, struct err *e)
{
	cleanup_fd int fd = rules_file(&w->conf);
	json_t *o = json_object();
	int ret = fd < 0 ? fd : proto_send_json(w->net->room, NET_RULES, 0, o, fd);

	json_decref(o);
	return ret ? err_set(e, ret, "network: its rules cannot be given: %s", strerror(-ret)) : 0;
}

/* What the room says */

static void take_event(struct warden *w, const json_t *o)
{
	const json_t *path = json_object_get(o, "path"), *path2 = json_object_get(o, "path2");
	const json_t *comm = json_object_get(o, "comm");
	struct event ev = {.op = (uint16_t)json_integer_value(json_object_get(o, "op")),
			   .class = EVENT_NET,
			   .err = (int32_t)json_integer_value(json_object_get(o, "err")),
			   .bytes = (uint64_t)json_integer_value(json_object_get(o, "bytes")),
			   .pid = (uint32_t)json_integer_value(json_object_get(o, "pid")),
			   .uid = (uint32_t)json_integer_value(json_object_get(o, "uid")),
			   .comm = json_string_value(comm),
			   .comm_len = json_string_length(comm),
			   .path = json_string_value(path),
			   .path_len = json_string_length(path),
			   .path2 = json_string_value(path2),
			   .path2_len = json_string_length(path2)};

	if (!ev.path || ev.op >= EVENT_OP_COUNT || ev.comm_len > EVENT_COMM_MAX)
		return;
	ring_push(w->ring, &ev);
	warden_ring_grew(w);
}

static void take_answer(struct warden *w, uint32_t tag, json_t *o)
{
	struct wnet *n = w->net;

	for (size_t i = 0; i < WNET_ASKED_MAX; i++) {
		if (!tag || n->asked[i].tag != tag)
			continue;
		n->asked[i].tag = 0;
		json_object_set_new(o, "mode", json_string(conf_net_name(w->conf.net)));
		json_object_set_new(o, "online", json_true());
		json_object_set_new(o, "in", json_integer((json_int_t)n->in));
		json_object_set_new(o, "out", json_integer((json_int_t)n->out));
		answer(w, n->asked[i].call, json_incref(o));
		return;
	}
}

/* A flood of questions is no flood of announcements. */
static void announce(void *user)
{
	struct warden *w = user;

	w->net->news_due = false;
	w->st.net_waiting = w->net->questions;
	warden_announce(w);
}

static void take(struct warden *w, const struct proto_head *h, json_t *o)
{
	switch (h->type) {
	case NET_EVENT:
		take_event(w, o);
		break;
	case NET_WAITING:
		w->net->questions = (uint64_t)json_integer_value(json_object_get(o, "questions"));
		if (!w->net->news_due)
			loop_timer_arm(w->net->news, NEWS_MS);
		w->net->news_due = true;
		break;
	case NET_WHO:
		netwho_ask(w, o);
		break;
	case NET_LISTED:
		take_answer(w, h->tag, o);
		break;
	default:
		break;
	}
}

int netroom_next(struct wnet *n, int sock, struct proto_head *h, json_t **o)
{
	int fd = -1;
	ssize_t len = proto_recv(sock, h, n->message, &fd);

	*o = NULL;
	if (len == -EAGAIN)
		return 0;
	fd_close(&fd);
	if (len >= 0)
		*o = proto_json(n->message, (size_t)len);
	return *o ? 1 : -1;
}

static void on_message(void *user, int events)
{
	struct warden *w = user;
	struct wnet *n = w->net;
	struct proto_head h;
	json_t *o;
	int got = 1;

	(void)events;
	for (int i = 0; i < MESSAGES_PER_TURN && (got = netroom_next(n, n->room, &h, &o)) > 0;
	     i++) {
		take(w, &h, o);
		json_decref(o);
	}
	if (got < 0)
		netroom_close(w);
}

int netroom_open(struct warden *w, int sock, struct err *e)
{
	w->net->room = sock;
	fcntl(sock, F_SETFL, O_NONBLOCK);
	w->net->news = loop_timer_add(w->loop, -1, announce, w);
	w->net->room_watch = loop_fd_add(w->loop, sock, LOOP_IN, on_message, w);
	if (!w->net->room_watch)
		return err_sys(e, "network: epoll");
	return send_rules(w, e);
}

void netroom_close(struct warden *w)
{
	struct wnet *n = w->net;

	loop_fd_del(n->room_watch);
	n->room_watch = NULL;
	loop_timer_del(n->news);
	n->news = NULL;
	fd_close(&n->room);
	w->st.net_waiting = n->questions = 0;
	for (size_t i = 0; i < WNET_ASKED_MAX; i++) {
		struct call c = n->asked[i].call;

		if (!n->asked[i].tag)
			continue;
		n->asked[i].tag = 0;
		answer_error(w, c, ESRCH, "net: %s is offline: gaol restart %s", w->jail.name,
			     w->jail.name);
	}
}

/* Calls */

static void ask(struct warden *w, struct call c, unsigned type, const json_t *o)
{
	struct wnet *n = w->net;
	int ret = -EBUSY;

	for (size_t i = 0; i < WNET_ASKED_MAX && ret == -EBUSY; i++) {
		if (n->asked[i].tag)
			continue;
		n->tag = n->tag + 1 ? n->tag + 1 : 1;
		ret = proto_send_json(n->room, (uint16_t)type, n->tag, o, -1);
		if (!ret) {
			n->asked[i].tag = n->tag;
			n->asked[i].call = c;
		}
	}
	if (ret)
		answer_error(w, c, -ret, "net: too much at once: try again");
}

static void list(struct warden *w, struct call c)
{
	json_t *o = json_object();

	if (w->net && w->net->room >= 0)
		ask(w, c, NET_LIST, o);
	else
		answer(w, c,
		       json_pack("{s:s, s:b, s:I, s:I}", "mode", conf_net_name(w->conf.net),
				 "online", 0, "in", (json_int_t)(w->net ? w->net->in : 0), "out",
				 (json_int_t)(w->net ? w->net->out : 0)));
	json_decref(o);
}

/* Only the rules: everything else of jail.conf holds from the next start on. */
static void reload(struct warden *w, struct call c)
{
	struct conf fresh;
	struct err e;
	int ret = conf_load(w->jail.dirfd, CONF_FILE, &fresh, &e);

	if (!ret) {
		struct conf_list allow = w->conf.net_allow, deny = w->conf.net_deny;

		w->conf.net_allow = fresh.net_allow;
		w->conf.net_deny = fresh.net_deny;
		fresh.net_allow = allow;
		fresh.net_deny = deny;
		conf_free(&fresh);
		if (w->net && w->net->room >= 0)
			ret = send_rules(w, &e);
	}
	if (ret)
		answer_error(w, c, -ret, "%s", e.text);
	else
		answer(w, c, json_object());
}

static void record(struct warden *w, struct call c, int fd)
{
	json_t *o = json_object();
	int ret = fd < 0 ? -EBADF : proto_send_json(w->net->sock, NET_PCAP, 0, o, fd);

	if (ret)
		answer_error(w, c, -ret, "pcap: %s", strerror(-ret));
	else
		answer(w, c, json_incref(o));
	json_decref(o);
}

void net_call(struct warden *w, struct call c, const json_t *args, int given)
{
	cleanup_fd int fd = given;
	const char *what = json_string_value(json_object_get(args, "do"));

	if (what && !strcmp(what, "list"))
		list(w, c);
	else if (what && !strcmp(what, "reload"))
		reload(w, c);
	else if (!w->net || w->net->room < 0)
		answer_error(w, c, ESRCH, "net: %s is offline", w->jail.name);
	else if (what && !strcmp(what, "pcap"))
		record(w, c, fd);
	else if (what && !strcmp(what, "answer"))
		ask(w, c, NET_ANSWER, args);
	else
		answer_error(w, c, EINVAL, "net: no such thing to do");
}
