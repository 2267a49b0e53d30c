/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/ctrack.h"
#include "core/buf.h"
#include "core/fd.h"
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TURN = 64, RECEIVE = 4 << 20 };

struct ctrack {
	struct mnl_socket *news, *ask;
	struct loop_fd *watch;
	ctrack_fn *fn;
	void *user;
	unsigned seq;
	char out[1024];
	char in[32768]; /* larger than what the kernel puts into one message of a dump */
};

/* Parsing: the kernel's own words, still bounded by libmnl and by the checks of lengths here. */

static void address(const struct nlattr *a, struct naddr *out, size_t size)
{
	if (mnl_attr_get_payload_len(a) != size)
		return;
	out->v6 = size == 16;
	memcpy(out->a, mnl_attr_get_payload(a), size);
}

static int in_ip(const struct nlattr *a, void *data)
{
	struct ctflow *f = data;

	switch (mnl_attr_get_type(a)) {
	case CTA_IP_V4_SRC:
		address(a, &f->src, 4);
		break;
	case CTA_IP_V4_DST:
		address(a, &f->dst, 4);
		break;
	case CTA_IP_V6_SRC:
		address(a, &f->src, 16);
		break;
	case CTA_IP_V6_DST:
		address(a, &f->dst, 16);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int in_proto(const struct nlattr *a, void *data)
{
	struct ctflow *f = data;
	size_t n = mnl_attr_get_payload_len(a);
	unsigned u8 = n >= 1 ? mnl_attr_get_u8(a) : 0;
	unsigned u16 = n >= 2 ? ntohs(mnl_attr_get_u16(a)) : 0;

	switch (mnl_attr_get_type(a)) {
	case CTA_PROTO_NUM:
		f->proto = (uint8_t)u8;
		break;
	case CTA_PROTO_SRC_PORT:
	case CTA_PROTO_ICMP_ID:
	case CTA_PROTO_ICMPV6_ID:
		f->sport = (uint16_t)u16;
		break;
	case CTA_PROTO_DST_PORT:
		f->dport = (uint16_t)u16;
		break;
	case CTA_PROTO_ICMP_TYPE:
	case CTA_PROTO_ICMPV6_TYPE:
		f->type = (uint8_t)u8;
		break;
	case CTA_PROTO_ICMP_CODE:
	case CTA_PROTO_ICMPV6_CODE:
		f->code = (uint8_t)u8;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int in_tuple(const struct nlattr *a, void *data)
{
	if (mnl_attr_get_type(a) == CTA_TUPLE_IP)
		mnl_attr_parse_nested(a, in_ip, data);
	else if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO)
		mnl_attr_parse_nested(a, in_proto, data);
	return MNL_CB_OK;
}

static int in_counters(const struct nlattr *a, void *data)
{
	uint64_t *bytes = data;

	if (mnl_attr_get_type(a) == CTA_COUNTERS_BYTES && mnl_attr_get_payload_len(a) == 8)
		*bytes = be64toh(mnl_attr_get_u64(a));
	return MNL_CB_OK;
}

static int in_flow(const struct nlattr *a, void *data)
{
	struct ctflow *f = data;

	if (mnl_attr_get_type(a) == CTA_TUPLE_ORIG)
		mnl_attr_parse_nested(a, in_tuple, f);
	else if (mnl_attr_get_type(a) == CTA_COUNTERS_ORIG)
		mnl_attr_parse_nested(a, in_counters, &f->out);
	else if (mnl_attr_get_type(a) == CTA_COUNTERS_REPLY)
		mnl_attr_parse_nested(a, in_counters, &f->in);
	return MNL_CB_OK;
}

struct call {
	ctrack_fn *fn;
	void *user;
	bool dump;
};

static int on_flow(const struct nlmsghdr *h, void *data)
{
	struct call *c = data;
	struct ctflow f = {0};
	unsigned type = h->nlmsg_type & 255;

	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_CTNETLINK)
		return MNL_CB_OK;
	mnl_attr_parse(h, sizeof(struct nfgenmsg), in_flow, &f);
	if (f.proto)
		c->fn(c->user,
		      c->dump			     ? CTRACK_THERE
		      : type == IPCTNL_MSG_CT_DELETE ? CTRACK_END
						     : CTRACK_NEW,
		      &f);
	return MNL_CB_OK;
}

static void on_news(void *user, int events)
{
	struct ctrack *t = user;
	struct call c = {.fn = t->fn, .user = t->user};
	int fd = mnl_socket_get_fd(t->news);

	(void)events;
	for (int i = 0; i < TURN; i++) {
		ssize_t n = recv(fd, t->in, sizeof(t->in), MSG_DONTWAIT);
		/* ENOBUFS: some were lost; a look at all (ctrack_each) puts that right. */
		if (n <= 0)
			return;
		mnl_cb_run(t->in, (size_t)n, 0, 0, on_flow, &c);
	}
}

/* Counting and times are off by default; a namespace has switches of its own. */
static void count_bytes(void)
{
	cleanup_fd int fd = open("/proc/sys/net/netfilter/nf_conntrack_acct", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "1\n", 2);
}

static int listen_news(struct ctrack *t, struct loop *l)
{
	int groups[] = {NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_DESTROY};
	int size = RECEIVE, fd = mnl_socket_get_fd(t->news);

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (mnl_socket_setsockopt(t->news, NETLINK_ADD_MEMBERSHIP, &groups[i],
					  sizeof(groups[i])) < 0)
			return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	t->watch = loop_fd_add(l, fd, LOOP_IN, on_news, t);
	return t->watch ? 0 : -errno;
}

struct ctrack *ctrack_open(struct loop *l, ctrack_fn *fn, void *user, struct err *e)
{
	struct ctrack *t = xcalloc(1, sizeof(*t));
	int ret = 0;

	t->fn = fn;
	t->user = user;
	count_bytes();
	t->news = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	t->ask = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!t->news || !t->ask || mnl_socket_bind(t->news, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_bind(t->ask, 0, MNL_SOCKET_AUTOPID) < 0)
		ret = -errno;
	if (!ret)
		ret = listen_news(t, l);
	if (ret) {
		errno = -ret;
		err_sys(e, "network: the kernel's table of connections");
		ctrack_close(t);
		return NULL;
	}
	return t;
}

void ctrack_close(struct ctrack *t)
{
	if (!t)
		return;
	loop_fd_del(t->watch);
	if (t->news)
		mnl_socket_close(t->news);
	if (t->ask)
		mnl_socket_close(t->ask);
	free(t);
}

static struct nlmsghdr *begin(struct ctrack *t, unsigned type, unsigned flags, int family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(t->out);

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++t->seq;
	struct nfgenmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->nfgen_family = (uint8_t)family;
	m->version = NFNETLINK_V0;
	return h;
}

static int finish(struct ctrack *t, struct nlmsghdr *h, struct call *c)
{
	unsigned port = mnl_socket_get_portid(t->ask);
	int ret = MNL_CB_OK;

	if (mnl_socket_sendto(t->ask, h, h->nlmsg_len) < 0)
		return -errno;
	while (ret > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(t->ask, t->in, sizeof(t->in));
		if (n < 0)
			return -errno;
		ret = mnl_cb_run(t->in, (size_t)n, t->seq, port, c ? on_flow : NULL, c);
	}
	return ret < 0 ? -errno : 0;
}

int ctrack_each(struct ctrack *t, ctrack_fn *fn, void *user)
{
	struct call c = {.fn = fn, .user = user, .dump = true};

	return finish(t, begin(t, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC), &c);
}

static void put_address(struct nlmsghdr *h, unsigned v4, unsigned v6, const struct naddr *a)
{
	mnl_attr_put(h, (uint16_t)(a->v6 ? v6 : v4), a->v6 ? 16 : 4, a->a);
}

int ctrack_delete(struct ctrack *t, const struct ctflow *f)
{
	struct nlmsghdr *h =
	    begin(t, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, f->dst.v6 ? AF_INET6 : AF_INET);
	struct nlattr *tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
	struct nlattr *part = mnl_attr_nest_start(h, CTA_TUPLE_IP);

	put_address(h, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &f->src);
	put_address(h, CTA_IP_V4_DST, CTA_IP_V6_DST, &f->dst);
	mnl_attr_nest_end(h, part);
	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, f->proto);
	if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6) {
		bool v6 = f->proto == IPPROTO_ICMPV6;
		mnl_attr_put_u16(h, v6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, htons(f->sport));
		mnl_attr_put_u8(h, v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, f->type);
		mnl_attr_put_u8(h, v6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, f->code);
	} else {
		mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(f->sport));
		mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(f->dport));
	}
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
	return finish(t, h, NULL);
}
