/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process in the jail's namespaces. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/loop.h"
#include "core/net/chains.h"
#include "core/net/internal.h"
#include "core/net/net.h"
#include "core/net/room.h"
#include "core/proto.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static int rules(const struct net_config *c, bool v6, struct err *e)
{
	struct chains ch = {.v6 = v6, .publish = c->publish, .npublish = c->npublish};
	struct buf text = {0};

	chains_open(&ch, &text);
	int ret = room_rules(v6, text.p, text.len, true, e);
	buf_free(&text);
	return ret;
}

static int send_tap(int sock, const char *name, bool v6, int fd)
{
	json_t *o = json_pack("{s:s, s:b}", "tap", name, "v6", v6);
	int ret = proto_send_json(sock, NET_TAP, 0, o, fd);

	json_decref(o);
	return ret;
}

static int build(const struct net_config *c, struct room *r, struct err *e)
{
	int ret = room_enter(c->uid, (gid_t)c->uid, e);

	if (!ret)
		ret = room_build(r, e);
	if (!ret)
		ret = rules(c, false, e);
	if (!ret && r->v6)
		ret = rules(c, true, e);
	return ret ? ret : room_open(r, c->mac, e);
}

static void on_path(void *user, int events)
{
	(void)events;
	/* The path says nothing: what arrives is its end. */
	loop_stop(user, 0);
}

_Noreturn void room_main(const struct net_config *c, int sock)
{
	struct room r = {.jail = -1, .out = -1};
	struct loop *l = NULL;
	struct err e;
	int ret = build(c, &r, &e);

	/* Not before the change of uid, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ret) {
		json_t *o = json_pack("{s:s}", "error", e.text);

		proto_send_json(sock, NET_FAILED, 0, o, -1);
		json_decref(o);
		_exit(1);
	}
	ret = send_tap(sock, "jail", r.v6, r.jail);
	if (!ret)
		ret = send_tap(sock, "out", r.v6, r.out);
	/* Only the path holds them from now on: with it they go. */
	room_close(&r);
	l = ret ? NULL : loop_new();
	if (l && loop_fd_add(l, sock, LOOP_IN, on_path, l))
		loop_run(l);
	_exit(0);
}
