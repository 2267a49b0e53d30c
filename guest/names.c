/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/names.h"
#include "core/chanproto.h"
#include "guest/str.h"
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN 32 /* events of one turn of the loop */

/* From linux/cn_proc.h of Linux 6.6, which Debian 12 does not have: what is asked for. */
struct ask {
	uint32_t op;	/* enum proc_cn_mcast_op */
	uint32_t event; /* bits of enum what */
};

static int listen_to(uint32_t events)
{
	struct {
		struct nlmsghdr h;
		struct cn_msg m;
		struct ask ask;
	} __attribute__((packed))
	q = {.h = {.nlmsg_len = sizeof(q), .nlmsg_type = NLMSG_DONE},
	     .m = {.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC}, .len = sizeof(q.ask)},
	     .ask = {.op = PROC_CN_MCAST_LISTEN, .event = events}};
	struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    send(fd, &q, sizeof(q), 0) != (ssize_t)sizeof(q)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* One record: of a fork the parent whose name it has, else the name. */
static size_t put(unsigned char *p, uint32_t pid, uint32_t parent, const char *name, size_t n)
{
	chan_put32(p, pid);
	chan_put32(p + 4, parent);
	p[8] = (unsigned char)n;
	memcpy(p + CHAN_NAME_FIXED, name, n);
	return CHAN_NAME_FIXED + n;
}

static size_t put_own(unsigned char *p, uint32_t pid)
{
	char path[64], number[24], name[CHAN_NAME_MAX + 2];
	long n;

	str_join(path, sizeof(path), "/proc/", str_number(number, pid), "/comm", NULL);
	n = file_slurp(path, name, sizeof(name));
	if (n > 0 && name[n - 1] == '\n')
		n--;
	/* it has ended already */
	if (n <= 0)
		return 0;
	return put(p, pid, 0, name, n > CHAN_NAME_MAX ? CHAN_NAME_MAX : (size_t)n);
}

static size_t record(unsigned char *p, const struct proc_event *e)
{
	switch (e->what) {
	case PROC_EVENT_FORK:
		return put(p, (uint32_t)e->event_data.fork.child_pid,
			   (uint32_t)e->event_data.fork.parent_pid, "", 0);
	case PROC_EVENT_EXEC:
		return put_own(p, (uint32_t)e->event_data.exec.process_pid);
	case PROC_EVENT_COMM:
		return put(p, (uint32_t)e->event_data.comm.process_pid, 0, e->event_data.comm.comm,
			   strnlen(e->event_data.comm.comm, CHAN_NAME_MAX));
	default:
		return 0;
	}
}

struct message {
	struct nlmsghdr h;
	struct cn_msg m;
	struct proc_event e;
} __attribute__((packed));

/* A system call costs a guest more than what it does here: one gets all that waits. */
static void on_events(void *user, uint32_t events)
{
	struct init *in = user;
	unsigned char out[TURN * (CHAN_NAME_FIXED + CHAN_NAME_MAX)];
	struct message msg[TURN];
	struct iovec iov[TURN];
	struct mmsghdr v[TURN] = {0};
	struct proc_event e;
	size_t n = 0;

	(void)events;
	for (int i = 0; i < TURN; i++) {
		iov[i] = (struct iovec){&msg[i], sizeof(msg[i])};
		v[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	/* after an overrun it fails once, and some names are missing */
	int got = recvmmsg(in->names.fd, v, TURN, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++) {
		if (v[i].msg_len < sizeof(msg[i].h) + sizeof(msg[i].m) + sizeof(uint32_t))
			continue;
		memset((char *)&msg[i] + v[i].msg_len, 0, sizeof(msg[i]) - v[i].msg_len);
		memcpy(&e, &msg[i].e, sizeof(e)); /* aligned */
		n += record(out + n, &e);
	}
	if (n && gchan_has_room(&in->chan))
		gchan_send(&in->chan, CHAN_NAMES, 0, 0, out, n);
}

void names_open(struct init *in)
{
	int fd = listen_to(PROC_EVENT_FORK | PROC_EVENT_EXEC | PROC_EVENT_COMM);

	if (fd >= 0)
		watch_open(&in->names, in->epfd, fd, EPOLLIN, on_events, in);
	else
		log_line("no proc connector: processes have no names in the feed", NULL);
}
