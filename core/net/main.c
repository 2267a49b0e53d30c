/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The path: the guest's network card on one side, libslirp on the other. */
#include "core/buf.h"
#include "core/err.h"
#include "core/fd.h"
#include "core/loop.h"
#include "core/net/internal.h"
#include "core/net/net.h"
#include "core/net/plan.h"
#include "core/net/room.h"
#include "core/net/slirp.h"
#include "core/net/tape.h"
#include "core/net/wall.h"
#include "core/proto.h"
#include "core/vnet.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COUNT_MS = 1000 };

struct path {
	struct net_config c;
	struct loop *loop;
	int control;
	int room; /* socket to the room's process */
	int jail, out;
	bool v6;
	bool over;
	struct vnet *card;
	struct nettape *tape; /* NULL: nobody records */
	struct uplink *uplink;
	struct loop_timer *tick;
	struct vnet_count told;
	char message[PROTO_MAX];
};

/* Messages */

static json_t *receive(struct path *p, int sock, unsigned *type, int *fd)
{
	struct proto_head h;
	ssize_t n = proto_recv(sock, &h, p->message, fd);

	*type = n < 0 ? 0 : h.type;
	return n < 0 ? NULL : proto_json(p->message, (size_t)n);
}

static void tell(struct path *p, unsigned type, json_t *o)
{
	proto_send_json(p->control, (uint16_t)type, 0, o, -1);
	json_decref(o);
}

static int tell_failure(struct path *p, const struct err *e)
{
	tell(p, NET_FAILED, json_pack("{s:s}", "error", e->text));
	return 1;
}

static bool parse_mac(const char *s, uint8_t mac[6])
{
	return s && sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
			   &mac[4], &mac[5]) == 6;
}

static int read_config(struct path *p, struct err *e)
{
	struct net_config *c = &p->c;
	unsigned type;
	int fd = -1;
	json_t *o = receive(p, p->control, &type, &fd);
	const char *mode = json_string_value(json_object_get(o, "mode"));
	size_t i;
	const json_t *v;

	fd_close(&fd);
	snprintf(c->mode, sizeof(c->mode), "%s", mode ? mode : "");
	c->uid = (uid_t)json_integer_value(json_object_get(o, "uid"));
	c->rate = (uint64_t)json_integer_value(json_object_get(o, "rate"));
	c->quota = (uint64_t)json_integer_value(json_object_get(o, "quota"));
	c->spent = (uint64_t)json_integer_value(json_object_get(o, "spent"));
	bool ok = type == NET_CONFIG && mode &&
		  parse_mac(json_string_value(json_object_get(o, "mac")), c->mac);
	json_array_foreach(json_object_get(o, "publish"), i, v)
	{
		ok = ok && c->npublish < PUBLISH_MAX && json_is_string(v) &&
		     publish_parse(json_string_value(v), &c->publish[c->npublish++]);
	}
	json_decref(o);
	return ok ? 0 : err_set(e, -EINVAL, "network: a configuration that makes no sense");
}

/* The room */

static int start_room(struct path *p, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_sys(e, "network: socketpair");
	pid_t pid = fork();
	if (!pid) {
		close(pair[0]);
		close(p->control);
		close(NET_FD_DEVICE);
		room_main(&p->c, pair[1], NET_FD_ROOM);
	}
	close(pair[1]);
	close(NET_FD_ROOM);
	p->room = pair[0];
	return pid < 0 ? err_sys(e, "network: fork") : 0;
}

/* Opens /dev/net/tun twice in the namespace ns, and hands both to the room. */
static int open_tuns(struct path *p, int ns, struct err *e)
{
	cleanup_fd int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int ret = 0;

	if (home < 0 || setns(ns, CLONE_NEWNET))
		return err_sys(e, "network: the jail's namespace");
	cleanup_fd int one = room_open_tun(e);
	cleanup_fd int two = one < 0 ? -1 : room_open_tun(e);
	if (setns(home, CLONE_NEWNET))
		_exit(1);
	if (two < 0)
		return -EIO;
	json_t *o = json_object();
	ret = proto_send_json(p->room, NET_TUN, 0, o, one);
	if (!ret)
		ret = proto_send_json(p->room, NET_TUN, 0, o, two);
	json_decref(o);
	return ret ? err_set(e, ret, "network: the jail's namespace: %s", strerror(-ret)) : 0;
}

static int give_tuns(struct path *p, struct err *e)
{
	unsigned type;
	int ns = -1;
	json_t *o = receive(p, p->room, &type, &ns);
	const char *text = json_string_value(json_object_get(o, "error"));
	int ret;

	if (type == NET_TUN && ns >= 0)
		ret = open_tuns(p, ns, e);
	else
		ret = err_set(e, -EIO, "%s", text ? text : "network: the jail's namespace");
	json_decref(o);
	fd_close(&ns);
	return ret;
}

static int take_tap(struct path *p, struct err *e)
{
	unsigned type;
	int fd = -1;
	json_t *o = receive(p, p->room, &type, &fd);
	const char *text = json_string_value(json_object_get(o, "error"));
	const char *name = json_string_value(json_object_get(o, "tap"));
	int ret = 0;

	if (type == NET_FAILED && text)
		ret = err_set(e, -EIO, "%s", text);
	else if (type != NET_TAP || !name || fd < 0)
		ret = err_set(e, -EIO, "network: the jail's namespace cannot be made");
	else if (!strcmp(name, "jail"))
		p->jail = fd_steal(&fd);
	else
		p->out = fd_steal(&fd);
	p->v6 = json_is_true(json_object_get(o, "v6"));
	fd_close(&fd);
	json_decref(o);
	return ret;
}

/* Without the room nobody watches what its rules let through: the end. */
static void on_room(void *user, int events)
{
	struct path *p = user;

	(void)events;
	p->over = true;
}

static void on_control(void *user, int events)
{
	struct path *p = user;
	unsigned type;
	int fd = -1;
	json_t *o = receive(p, p->control, &type, &fd);

	(void)events;
	if (o && type == NET_PCAP && fd >= 0) {
		nettape_free(p->tape);
		p->tape = nettape_new(p->loop, p->card, fd_steal(&fd));
	}
	fd_close(&fd);
	if (!o)
		p->over = true;
	json_decref(o);
}

/* The card */

static void card_spent(void *user)
{
	struct path *p = user;

	tell(p, NET_SPENT, json_object());
}

static void card_gone(void *user, bool broken, const char *reason)
{
	struct path *p = user;

	if (broken)
		tell(p, NET_FAILED, json_pack("{s:s}", "error", reason));
	p->over = true;
}

static const struct vnet_ops card_ops = {.spent = card_spent, .gone = card_gone};

static void on_tick(void *user)
{
	struct path *p = user;
	struct vnet_count n;

	vnet_counts(p->card, &n);
	if (n.in_bytes != p->told.in_bytes || n.out_bytes != p->told.out_bytes)
		tell(p, NET_COUNT,
		     json_pack("{s:I, s:I}", "in", (json_int_t)n.in_bytes, "out",
			       (json_int_t)n.out_bytes));
	p->told = n;
	loop_timer_arm(p->tick, COUNT_MS);
}

static int open_card(struct path *p, struct err *e)
{
	struct vnet_config c = {.tap = p->jail,
				.mtu = PLAN_MTU,
				.rate = p->c.rate,
				.quota = p->c.quota,
				.spent = p->c.spent};

	memcpy(c.mac, p->c.mac, sizeof(c.mac));
	p->card = vnet_new(p->loop, NET_FD_DEVICE, &c, &card_ops, p, e);
	return p->card ? 0 : -EIO;
}

/* Ports of the host are opened while we may still open low ones. */
static int open_uplink(struct path *p, struct err *e)
{
	int ret = 0;

	p->uplink = uplink_new(p->loop, p->out, p->v6, e);
	if (!p->uplink)
		return -EIO;
	for (size_t i = 0; i < p->c.npublish && !ret; i++)
		ret = uplink_publish(p->uplink, &p->c.publish[i], e);
	return ret;
}

static int drop_rights(const struct path *p, struct err *e)
{
	uid_t uid = p->c.uid;

	if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		return err_sys(e, "network: cannot become user %u", (unsigned)uid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

static int set_up(struct path *p, struct err *e)
{
	int ret = read_config(p, e);

	if (!ret)
		ret = start_room(p, e);
	if (!ret && p->c.uid)
		ret = give_tuns(p, e);
	if (!ret)
		ret = take_tap(p, e);
	if (!ret)
		ret = take_tap(p, e);
	if (!ret && (p->jail < 0 || p->out < 0))
		ret = err_set(e, -EIO, "network: a tap is missing");
	p->loop = ret ? NULL : loop_new();
	if (!ret && !p->loop)
		ret = err_sys(e, "network: epoll");
	if (!ret)
		ret = open_uplink(p, e);
	if (!ret)
		ret = drop_rights(p, e);
	if (!ret)
		ret = open_card(p, e);
	if (!ret && (!loop_fd_add(p->loop, p->room, LOOP_IN, on_room, p) ||
		     !loop_fd_add(p->loop, p->control, LOOP_IN, on_control, p)))
		ret = err_sys(e, "network: epoll");
	return ret ? ret : wall_path(e);
}

int net_main(int argc, char **argv)
{
	struct path p = {.control = NET_FD_CONTROL, .room = -1, .jail = -1, .out = -1};
	struct err e;

	(void)argv;
	if (argc != 1 || fcntl(NET_FD_CONTROL, F_SETFD, FD_CLOEXEC) ||
	    fcntl(NET_FD_DEVICE, F_SETFD, FD_CLOEXEC) || fcntl(NET_FD_ROOM, F_SETFD, FD_CLOEXEC)) {
		err_set(&e, 0, "netpath: internal: the warden starts it");
		err_print(&e);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	if (set_up(&p, &e))
		return tell_failure(&p, &e);
	tell(&p, NET_READY, json_pack("{s:b}", "v6", p.v6));
	p.tick = loop_timer_add(p.loop, COUNT_MS, on_tick, &p);
	while (!p.over)
		uplink_turn(p.uplink);
	return 0;
}
