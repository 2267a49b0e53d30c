/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process in the jail's namespaces. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/loop.h"
#include "core/net/chains.h"
#include "core/net/court.h"
#include "core/net/internal.h"
#include "core/net/net.h"
#include "core/net/own.h"
#include "core/net/room.h"
#include "core/net/wall.h"
#include "core/proto.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct inside {
	const struct net_config *c;
	struct loop *loop;
	struct room room;
	struct own *own;
	struct court *court; /* NULL: a kernel without queues, and mode open */
	int path, warden;
	char message[PROTO_MAX];
};

/* The filter */

/* Loads the whole filter (flush) or only the host's addresses. */
static int rules_of(struct inside *in, bool v6, bool flush, const struct own_address *own,
		    size_t nown, struct err *e)
{
	struct chains ch = {.v6 = v6,
			    .publish = in->c->publish,
			    .npublish = in->c->npublish,
			    .own = own,
			    .nown = nown};
	struct buf text = {0};

	if (in->court)
		chains_judged(&ch, &text);
	else if (flush)
		chains_open(&ch, &text);
	else
		chains_own(&ch, &text);
	int ret = room_rules(v6, text.p, text.len, flush, e);
	buf_free(&text);
	return ret;
}

static int rules(struct inside *in, bool flush, struct err *e)
{
	const struct own_address *own;
	size_t n;
	int ret = own_list(in->own, &own, &n, e);

	if (ret)
		return ret;
	if (in->court)
		court_own(in->court, own, n);
	if (in->court && !flush)
		return 0;
	ret = rules_of(in, false, flush, own, n, e);
	return ret || !in->room.v6 ? ret : rules_of(in, true, flush, own, n, e);
}

/* Names by TCP lead to ourselves; on a kernel without that they are refused. */
static void redirect_dns(struct inside *in)
{
	for (int v6 = 0; in->court && v6 < (in->room.v6 ? 2 : 1); v6++) {
		struct buf text = {0};

		chains_dns(v6, &text);
		room_rules(v6, text.p, text.len, true, NULL);
		buf_free(&text);
	}
}

/* The taps */

static int send_tap(struct inside *in, const char *name, int fd)
{
	json_t *o = json_pack("{s:s, s:b}", "tap", name, "v6", in->room.v6);
	int ret = proto_send_json(in->path, NET_TAP, 0, o, fd);

	json_decref(o);
	return ret;
}

static int take_tun(struct inside *in, int *fd, struct err *e)
{
	struct proto_head h;

	if (proto_recv(in->path, &h, in->message, fd) < 0 || h.type != NET_TUN || *fd < 0)
		return err_set(e, -EIO, "network: /dev/net/tun is not given");
	return 0;
}

/* The path, which is still root, opens what we may not. */
static int ask_for_tuns(struct inside *in, int tun[2], struct err *e)
{
	cleanup_fd int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	json_t *o = json_object();
	int ret = ns < 0 ? -errno : proto_send_json(in->path, NET_TUN, 0, o, ns);

	json_decref(o);
	if (ret)
		return err_set(e, ret, "network: the namespace: %s", strerror(-ret));
	ret = take_tun(in, &tun[0], e);
	return ret ? ret : take_tun(in, &tun[1], e);
}

/* The warden */

/* Rules come as a file: they may be longer than a message. */
static json_t *read_rules(int fd)
{
	struct buf text = {0};
	char part[4096];
	ssize_t n;

	for (off_t at = 0; (n = pread(fd, part, sizeof(part), at)) > 0; at += n) {
		buf_add(&text, part, (size_t)n);
		if (text.len > NET_RULES_MAX)
			break;
	}
	json_t *o = n ? NULL : proto_json(text.p, text.len);
	buf_free(&text);
	return o;
}

/* One message of the warden's; false at its end. */
static bool take_message(struct inside *in, unsigned *type)
{
	struct proto_head h;
	int fd = -1;
	ssize_t n = proto_recv(in->warden, &h, in->message, &fd);

	if (n < 0)
		return false;
	*type = h.type;
	json_t *o = h.type == NET_RULES ? read_rules(fd) : proto_json(in->message, (size_t)n);
	fd_close(&fd);
	if (o && in->court)
		court_message(in->court, h.type, h.tag, o);
	json_decref(o);
	return o;
}

static int first_rules(struct inside *in, struct err *e)
{
	unsigned type;

	if (!take_message(in, &type) || type != NET_RULES)
		return err_set(e, -EIO, "network: the warden gives no rules");
	return 0;
}

static void on_warden(void *user, int events)
{
	struct inside *in = user;
	unsigned type;

	(void)events;
	if (!take_message(in, &type))
		loop_stop(in->loop, 0);
}

/* The room */

static int open_court(struct inside *in, struct err *e)
{
	bool must = strcmp(in->c->mode, "open") != 0;
	struct err why;

	in->court = court_open(in->loop, in->c->mode, in->warden, &why);
	if (in->court || !must)
		return 0;
	const char *text = strstr(why.text, ": ");
	return err_set(e, -EOPNOTSUPP, "net.mode=%s: %s", in->c->mode, text ? text + 2 : why.text);
}

static int build(struct inside *in, struct err *e)
{
	/* Its socket is of the host's namespace, which is left next. */
	int tun[2] = {-1, -1}, ret = own_open(&in->own, e);

	if (!ret)
		ret = room_enter(in->c->uid, (gid_t)in->c->uid, e);
	if (!ret && in->c->uid)
		ret = ask_for_tuns(in, tun, e);
	if (!ret)
		ret = room_build(&in->room, tun, e);
	in->loop = ret ? NULL : loop_new();
	if (!ret && !in->loop)
		ret = err_sys(e, "network: epoll");
	if (!ret)
		ret = open_court(in, e);
	if (!ret)
		ret = first_rules(in, e);
	if (!ret)
		ret = rules(in, true, e);
	if (!ret)
		redirect_dns(in);
	if (!ret)
		ret = room_open(&in->room, in->c->mac, e);
	return ret ? ret : wall_room(e);
}

static void on_path(void *user, int events)
{
	struct inside *in = user;

	(void)events;
	/* The path says nothing: what arrives is its end. */
	loop_stop(in->loop, 0);
}

/* A filter that does not know an address of the host's any more is a hole: the end. */
static void on_own(void *user, int events)
{
	struct inside *in = user;

	(void)events;
	if (own_changed(in->own) && rules(in, false, NULL))
		loop_stop(in->loop, 1);
}

static int serve(struct inside *in)
{
	if (!loop_fd_add(in->loop, in->path, LOOP_IN, on_path, in) ||
	    !loop_fd_add(in->loop, in->warden, LOOP_IN, on_warden, in) ||
	    !loop_fd_add(in->loop, own_descriptor(in->own), LOOP_IN, on_own, in))
		return 1;
	return loop_run(in->loop);
}

_Noreturn void room_main(const struct net_config *c, int path, int warden)
{
	struct inside in = {
	    .c = c, .path = path, .warden = warden, .room = {.jail = -1, .out = -1}};
	struct err e;
	int ret = build(&in, &e);

	/* Not before the change of uid, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ret) {
		json_t *o = json_pack("{s:s}", "error", e.text);

		proto_send_json(path, NET_FAILED, 0, o, -1);
		json_decref(o);
		_exit(1);
	}
	ret = send_tap(&in, "jail", in.room.jail);
	if (!ret)
		ret = send_tap(&in, "out", in.room.out);
	/* Only the path holds them from now on: with it they go. */
	room_close(&in.room);
	_exit(ret ? 1 : serve(&in));
}
