/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/proto.h"
#include "core/fd.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int proto_send(int sock, uint16_t type, uint32_t tag, const void *p, size_t n, int fd)
{
	struct proto_head h = {.version = PROTO_VERSION, .type = type, .tag = tag};
	struct iovec iov[2] = {{&h, sizeof(h)}, {(void *)(uintptr_t)p, n}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = n ? 2 : 1};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} c;

	if (n > PROTO_MAX)
		return -EMSGSIZE;
	if (fd >= 0) {
		memset(&c, 0, sizeof(c));
		m.msg_control = &c;
		m.msg_controllen = sizeof(c.room);
		struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	}
	ssize_t put;
	do
		put = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	return put < 0 ? -errno : 0;
}

int proto_send_json(int sock, uint16_t type, uint32_t tag, const json_t *o, int fd)
{
	char *text = json_dumps(o, JSON_COMPACT);
	int ret = text ? proto_send(sock, type, tag, text, strlen(text), fd) : -ENOMEM;

	free(text);
	return ret;
}

/* Takes the first descriptor of a message, closes all others. */
static void take_fds(struct msghdr *m, int *fd)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(m); cm; cm = CMSG_NXTHDR(m, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int got;
			memcpy(&got, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
			if (fd && *fd < 0)
				*fd = got;
			else
				close(got);
		}
	}
}

ssize_t proto_recv(int sock, struct proto_head *h, void *buf, int *fd)
{
	struct iovec iov[2] = {{h, sizeof(*h)}, {buf, PROTO_MAX}};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} c;
	struct msghdr m = {
	    .msg_iov = iov, .msg_iovlen = 2, .msg_control = &c, .msg_controllen = sizeof(c.room)};

	if (fd)
		*fd = -1;
	ssize_t got;
	do
		got = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	take_fds(&m, fd);
	if (!got)
		return -EPIPE;
	if ((size_t)got < sizeof(*h) || m.msg_flags & MSG_TRUNC || h->version != PROTO_VERSION) {
		if (fd)
			fd_close(fd);
		return -EPROTO;
	}
	return got - (ssize_t)sizeof(*h);
}

json_t *proto_json(const void *p, size_t n)
{
	json_t *o = json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);

	if (o && !json_is_object(o)) {
		json_decref(o);
		return NULL;
	}
	return o;
}
