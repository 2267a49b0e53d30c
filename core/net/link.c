/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/link.h"
#include "core/buf.h"
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

struct link {
	struct mnl_socket *s;
	unsigned seq;
	char buf[8192]; /* the request, then the answer; MNL_SOCKET_BUFFER_SIZE is no constant */
};

int link_open(struct link **out, struct err *e)
{
	struct link *l = xcalloc(1, sizeof(*l));

	*out = NULL;
	l->s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!l->s || mnl_socket_bind(l->s, 0, MNL_SOCKET_AUTOPID) < 0) {
		int ret = err_sys(e, "network: rtnetlink");
		link_close(l);
		return ret;
	}
	*out = l;
	return 0;
}

void link_close(struct link *l)
{
	if (!l)
		return;
	if (l->s)
		mnl_socket_close(l->s);
	free(l);
}

static struct nlmsghdr *begin(struct link *l, unsigned type, unsigned flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(l->buf);

	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	h->nlmsg_seq = ++l->seq;
	return h;
}

static int finish(struct link *l, struct nlmsghdr *h, const char *what, struct err *e)
{
	unsigned port = mnl_socket_get_portid(l->s);

	if (mnl_socket_sendto(l->s, h, h->nlmsg_len) < 0)
		return err_sys(e, "network: %s", what);
	ssize_t n = mnl_socket_recvfrom(l->s, l->buf, sizeof(l->buf));
	if (n < 0 || mnl_cb_run(l->buf, (size_t)n, l->seq, port, NULL, NULL) < 0)
		return err_sys(e, "network: %s", what);
	return 0;
}

/* An address in binary; returns its family. */
static int binary(const char *text, uint8_t out[16], size_t *n)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	*n = family == AF_INET ? 4 : 16;
	return inet_pton(family, text, out) == 1 ? family : AF_UNSPEC;
}

int link_set(struct link *l, const char *name, unsigned mtu, unsigned queue, bool up, struct err *e)
{
	struct nlmsghdr *h = begin(l, RTM_NEWLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifi_index = (int)if_nametoindex(name);
	m->ifi_change = IFF_UP;
	m->ifi_flags = up ? IFF_UP : 0;
	if (mtu)
		mnl_attr_put_u32(h, IFLA_MTU, mtu);
	if (queue)
		mnl_attr_put_u32(h, IFLA_TXQLEN, queue);
	return finish(l, h, name, e);
}

int link_address(struct link *l, const char *name, const char *address, unsigned bits,
		 struct err *e)
{
	struct nlmsghdr *h = begin(l, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	uint8_t bin[16];
	size_t n;

	m->ifa_family = (uint8_t)binary(address, bin, &n);
	m->ifa_prefixlen = (uint8_t)bits;
	m->ifa_index = if_nametoindex(name);
	m->ifa_flags = m->ifa_family == AF_INET6 ? IFA_F_NODAD : 0;
	mnl_attr_put(h, IFA_LOCAL, n, bin);
	mnl_attr_put(h, IFA_ADDRESS, n, bin);
	return finish(l, h, address, e);
}

int link_route(struct link *l, const char *name, const char *via, struct err *e)
{
	struct nlmsghdr *h = begin(l, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	uint8_t bin[16];
	size_t n;

	m->rtm_family = (uint8_t)binary(via, bin, &n);
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	mnl_attr_put(h, RTA_GATEWAY, n, bin);
	mnl_attr_put_u32(h, RTA_OIF, if_nametoindex(name));
	return finish(l, h, "the default route", e);
}

int link_neighbour(struct link *l, const char *name, const char *address, const uint8_t mac[6],
		   struct err *e)
{
	struct nlmsghdr *h = begin(l, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	uint8_t bin[16];
	size_t n;

	m->ndm_family = (uint8_t)binary(address, bin, &n);
	m->ndm_ifindex = (int)if_nametoindex(name);
	m->ndm_state = NUD_PERMANENT;
	m->ndm_flags = mac ? 0 : NTF_PROXY;
	mnl_attr_put(h, NDA_DST, n, bin);
	if (mac)
		mnl_attr_put(h, NDA_LLADDR, 6, mac);
	return finish(l, h, address, e);
}
