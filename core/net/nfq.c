/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/net/nfq.h"
#include "core/buf.h"
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { TURN = 64, RECEIVE = 4 << 20, MESSAGE = 0x10000 + 4096 };

struct nfq {
	struct mnl_socket *s;
	struct loop_fd *watch;
	unsigned queue;
	unsigned seq;
	nfq_fn *fn;
	void *user;
	char out[512];
	char in[MESSAGE];
};

static struct nlmsghdr *begin(struct nfq *q, unsigned type, unsigned flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(q->out);

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++q->seq;
	struct nfgenmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->nfgen_family = AF_UNSPEC;
	m->version = NFNETLINK_V0;
	m->res_id = htons((uint16_t)q->queue);
	return h;
}

/* Sends a configuration and waits for the kernel's word on it. */
static int settle(struct nfq *q, struct nlmsghdr *h)
{
	ssize_t n;

	if (mnl_socket_sendto(q->s, h, h->nlmsg_len) < 0)
		return -errno;
	/* Packets may come between; nobody has put any into the queue before it is there. */
	n = mnl_socket_recvfrom(q->s, q->in, sizeof(q->in));
	if (n < 0 ||
	    mnl_cb_run(q->in, (size_t)n, q->seq, mnl_socket_get_portid(q->s), NULL, NULL) < 0)
		return -errno;
	return 0;
}

/* All in one message: the kernel binds first, then reads the rest. */
static int bind_queue(struct nfq *q, unsigned length, unsigned copy)
{
	struct nlmsghdr *h = begin(q, NFQNL_MSG_CONFIG, NLM_F_ACK);
	struct nfqnl_msg_config_cmd cmd = {.command = NFQNL_CFG_CMD_BIND};
	struct nfqnl_msg_config_params params = {.copy_range = htonl(copy),
						 .copy_mode = NFQNL_COPY_PACKET};

	mnl_attr_put(h, NFQA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(h, NFQA_CFG_PARAMS, sizeof(params), &params);
	mnl_attr_put_u32(h, NFQA_CFG_QUEUE_MAXLEN, htonl(length));
	/* A packet of 64 KiB comes in one piece; without a listener or room nothing passes. */
	mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
	return settle(q, h);
}

struct shown {
	uint32_t id;
	bool has_id;
	const uint8_t *p;
	size_t n;
};

static int attribute(const struct nlattr *a, void *data)
{
	struct shown *s = data;
	size_t n = mnl_attr_get_payload_len(a);

	if (mnl_attr_get_type(a) == NFQA_PACKET_HDR && n >= sizeof(struct nfqnl_msg_packet_hdr)) {
		const struct nfqnl_msg_packet_hdr *h = mnl_attr_get_payload(a);
		s->id = ntohl(h->packet_id);
		s->has_id = true;
	} else if (mnl_attr_get_type(a) == NFQA_PAYLOAD) {
		s->p = mnl_attr_get_payload(a);
		s->n = n;
	}
	return MNL_CB_OK;
}

static int on_packet(const struct nlmsghdr *h, void *data)
{
	struct nfq *q = data;
	struct shown s = {0};

	mnl_attr_parse(h, sizeof(struct nfgenmsg), attribute, &s);
	if (s.has_id)
		q->fn(q->user, q->queue, s.id, s.p ? s.p : (const uint8_t *)"", s.n);
	return MNL_CB_OK;
}

static void on_ready(void *user, int events)
{
	struct nfq *q = user;
	int fd = mnl_socket_get_fd(q->s);

	(void)events;
	for (int i = 0; i < TURN; i++) {
		ssize_t n = recv(fd, q->in, sizeof(q->in), MSG_DONTWAIT);
		if (n <= 0)
			return;
		mnl_cb_run(q->in, (size_t)n, 0, 0, on_packet, q);
	}
}

struct nfq *nfq_open(struct loop *l, unsigned queue, unsigned length, unsigned copy, nfq_fn *fn,
		     void *user, struct err *e)
{
	struct nfq *q = xcalloc(1, sizeof(*q));
	int one = 1, size = RECEIVE, ret;

	q->queue = queue;
	q->fn = fn;
	q->user = user;
	q->s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	ret = !q->s || mnl_socket_bind(q->s, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (!ret)
		ret = bind_queue(q, length, copy);
	if (!ret) {
		int fd = mnl_socket_get_fd(q->s);
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		/* What does not fit is dropped by the kernel: closed, and the sender tries again.
		 */
		mnl_socket_setsockopt(q->s, NETLINK_NO_ENOBUFS, &one, sizeof(one));
		q->watch = loop_fd_add(l, fd, LOOP_IN, on_ready, q);
		ret = q->watch ? 0 : -errno;
	}
	if (ret) {
		errno = -ret;
		err_sys(
		    e, "network: this kernel has no NFQUEUE for a jail: use net.mode=open or none");
		nfq_close(q);
		return NULL;
	}
	return q;
}

void nfq_close(struct nfq *q)
{
	if (!q)
		return;
	loop_fd_del(q->watch);
	if (q->s)
		mnl_socket_close(q->s);
	free(q);
}

void nfq_answer(struct nfq *q, uint32_t id, bool accept, uint32_t mark)
{
	struct nlmsghdr *h = begin(q, NFQNL_MSG_VERDICT, 0);
	struct nfqnl_msg_verdict_hdr v = {.verdict = htonl(accept ? NF_ACCEPT : NF_DROP),
					  .id = htonl(id)};

	mnl_attr_put(h, NFQA_VERDICT_HDR, sizeof(v), &v);
	mnl_attr_put_u32(h, NFQA_MARK, htonl(mark));
	mnl_socket_sendto(q->s, h, h->nlmsg_len);
}
