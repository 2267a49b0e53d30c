/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/own.h"
#include "core/buf.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

struct own {
	struct mnl_socket *news, *ask;
	unsigned seq;
	struct own_address *list;
	size_t n, room;
	char buf[16384];
};

int own_open(struct own **out, struct err *e)
{
	struct own *o = xcalloc(1, sizeof(*o));

	*out = NULL;
	o->news = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	o->ask = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!o->news || !o->ask ||
	    mnl_socket_bind(o->news, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, MNL_SOCKET_AUTOPID) <
		0 ||
	    mnl_socket_bind(o->ask, 0, MNL_SOCKET_AUTOPID) < 0) {
		int ret = err_sys(e, "network: the host's addresses");
		own_close(o);
		return ret;
	}
	*out = o;
	return 0;
}

void own_close(struct own *o)
{
	if (!o)
		return;
	if (o->news)
		mnl_socket_close(o->news);
	if (o->ask)
		mnl_socket_close(o->ask);
	free(o->list);
	free(o);
}

int own_descriptor(const struct own *o)
{
	return mnl_socket_get_fd(o->news);
}

bool own_changed(struct own *o)
{
	bool any = false;
	ssize_t n;

	/* Lost news (ENOBUFS) are news too. */
	while ((n = mnl_socket_recvfrom(o->news, o->buf, sizeof(o->buf))) >= 0 || errno == ENOBUFS)
		any = true;
	return any;
}

static void add(struct own *o, int family, const uint8_t *a, size_t len)
{
	struct own_address *to;

	if (o->n == o->room) {
		o->room = o->room ? 2 * o->room : 16;
		o->list = xrealloc(o->list, o->room * sizeof(o->list[0]));
	}
	to = &o->list[o->n++];
	*to = (struct own_address){.v6 = family == AF_INET6};
	memcpy(to->a, a, len);
}

static int on_message(const struct nlmsghdr *h, void *user)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *at, *local = NULL, *address = NULL;
	struct own *o = user;

	if (h->nlmsg_type != RTM_NEWADDR)
		return MNL_CB_OK;
	mnl_attr_for_each(at, h, sizeof(*m))
	{
		if (mnl_attr_get_type(at) == IFA_LOCAL)
			local = at;
		else if (mnl_attr_get_type(at) == IFA_ADDRESS)
			address = at;
	}
	/* On a link of two, the address is the other end's. */
	at = local ? local : address;
	if (at && mnl_attr_get_payload_len(at) == (m->ifa_family == AF_INET6 ? 16 : 4))
		add(o, m->ifa_family, mnl_attr_get_payload(at), mnl_attr_get_payload_len(at));
	return MNL_CB_OK;
}

int own_list(struct own *o, const struct own_address **list, size_t *count, struct err *e)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(o->buf);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	unsigned port = mnl_socket_get_portid(o->ask);
	int more = 1;

	h->nlmsg_type = RTM_GETADDR;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++o->seq;
	m->ifa_family = AF_UNSPEC;
	o->n = 0;
	if (mnl_socket_sendto(o->ask, h, h->nlmsg_len) < 0)
		return err_sys(e, "network: the host's addresses");
	while (more > 0) {
		ssize_t n = mnl_socket_recvfrom(o->ask, o->buf, sizeof(o->buf));

		more = n < 0 ? -1 : mnl_cb_run(o->buf, (size_t)n, o->seq, port, on_message, o);
	}
	if (more < 0)
		return err_sys(e, "network: the host's addresses");
	*list = o->list;
	*count = o->n;
	return 0;
}
