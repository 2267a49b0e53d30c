/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process in the jail's namespaces. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/loop.h"
#include "core/net/chains.h"
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
	int sock; /* to the path */
};

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

	if (flush)
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

	if (!ret)
		ret = rules_of(in, false, flush, own, n, e);
	if (!ret && in->room.v6)
		ret = rules_of(in, true, flush, own, n, e);
	return ret;
}

static int send_tap(struct inside *in, const char *name, int fd)
{
	json_t *o = json_pack("{s:s, s:b}", "tap", name, "v6", in->room.v6);
	int ret = proto_send_json(in->sock, NET_TAP, 0, o, fd);

	json_decref(o);
	return ret;
}

static int take_tun(struct inside *in, int *fd, struct err *e)
{
	struct proto_head h;
	char text[PROTO_MAX];

	if (proto_recv(in->sock, &h, text, fd) < 0 || h.type != NET_TUN || *fd < 0)
		return err_set(e, -EIO, "network: /dev/net/tun is not given");
	return 0;
}

/* The path, which is still root, opens what we may not. */
static int ask_for_tuns(struct inside *in, int tun[2], struct err *e)
{
	cleanup_fd int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	json_t *o = json_object();
	int ret = ns < 0 ? -errno : proto_send_json(in->sock, NET_TUN, 0, o, ns);

	json_decref(o);
	if (ret)
		return err_set(e, ret, "network: the namespace: %s", strerror(-ret));
	ret = take_tun(in, &tun[0], e);
	return ret ? ret : take_tun(in, &tun[1], e);
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
	if (!ret)
		ret = rules(in, true, e);
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
	in->loop = loop_new();
	if (!in->loop || !loop_fd_add(in->loop, in->sock, LOOP_IN, on_path, in) ||
	    !loop_fd_add(in->loop, own_descriptor(in->own), LOOP_IN, on_own, in))
		return 1;
	return loop_run(in->loop);
}

_Noreturn void room_main(const struct net_config *c, int sock)
{
	struct inside in = {.c = c, .sock = sock, .room = {.jail = -1, .out = -1}};
	struct err e;
	int ret = build(&in, &e);

	/* Not before the change of uid, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ret) {
		json_t *o = json_pack("{s:s}", "error", e.text);

		proto_send_json(sock, NET_FAILED, 0, o, -1);
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
