/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/chan.h"
#include "core/chanproto.h"
#include "guest/str.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum {
	QUEUE_DATA = 128 * 1024,
	QUEUE_MAX = 1024 * 1024,
	IN_SIZE = CHAN_HEADER + CHAN_MAX_PAYLOAD,
	READS_PER_TURN = 64, /* the port gives at most a page at a time */
};

/* Finding the port. */

static int open_named_port(void)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *e;
	int fd = -ENOENT;

	while (dir && fd < 0 && (e = readdir(dir)) != NULL) {
		char path[320], name[64];

		str_join(path, sizeof(path), "/sys/class/virtio-ports/", e->d_name, "/name", NULL);
		if (*e->d_name == '.' || file_slurp(path, name, sizeof(name)) <= 0 ||
		    strcmp(name, CHAN_PORT_NAME "\n") != 0)
			continue;
		str_join(path, sizeof(path), "/dev/", e->d_name, NULL);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			fd = -errno;
	}
	if (dir)
		closedir(dir);
	return fd;
}

/*
 * The port's name arrives by a message of the device, which may come after init has started; the
 * kernel announces it by a uevent.
 */
static int wait_named_port(int ms)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int nl =
	    socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	int64_t end = now_ms() + ms, left;
	struct pollfd p = {.fd = nl, .events = POLLIN};
	char event[2048];
	int fd;

	if (nl >= 0 && bind(nl, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(nl);
		nl = p.fd = -1;
	}
	while ((fd = open_named_port()) < 0 && (left = end - now_ms()) > 0) {
		/* Without the socket: look again every 10 ms. */
		poll(&p, 1, nl < 0 && left > 10 ? 10 : (int)left);
		while (nl >= 0 && recv(nl, event, sizeof(event), 0) > 0)
			;
	}
	if (nl >= 0)
		close(nl);
	return fd;
}

int gchan_find(const char *path, int ms)
{
	int fd;

	if (!path) {
		fd = open_named_port();
		return fd >= 0 || ms <= 0 ? fd : wait_named_port(ms);
	}
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* Bytes. */

static void on_event(void *user, uint32_t events)
{
	struct gchan *c = user;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		c->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		c->writable = true;
}

int gchan_open(struct gchan *c, int epfd, int fd, gchan_fn *fn, void *user)
{
	struct termios t;
	struct stat st;

	*c = (struct gchan){.readable = true, .writable = true, .fn = fn, .user = user};
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (tcgetattr(fd, &t) == 0) { /* a serial line */
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	} else {
		c->patient = fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);
	}
	c->in = malloc(IN_SIZE);
	if (!c->in)
		return -ENOMEM;
	return watch_open(&c->w, epfd, fd, EPOLLIN | EPOLLOUT | EPOLLET, on_event, c);
}

static void end(struct gchan *c, const char *why, const char *more)
{
	if (why)
		log_line(why, more);
	c->over = true;
	c->readable = c->writable = false;
	watch_close(&c->w);
}

static void write_out(struct gchan *c)
{
	while (c->writable && !c->over && c->out_len > c->out_off) {
		ssize_t r = write(c->w.fd, c->out + c->out_off, c->out_len - c->out_off);

		if (r > 0)
			c->out_off += (size_t)r;
		else if (r == 0 || errno == EAGAIN)
			c->writable = false;
		else if (errno != EINTR)
			end(c, "the channel cannot be written", NULL);
	}
	if (c->out_len == c->out_off) {
		c->out_len = c->out_off = 0;
		if (c->out_cap > 2 * QUEUE_DATA) {
			free(c->out);
			c->out = NULL;
			c->out_cap = 0;
		}
	}
}

/* Collects frames that belong together; the whole message is handled at its last one. */
static bool take_part(struct gchan *c, struct frame *f)
{
	bool first = !c->message, whole, ok = true;

	if (!first && (f->type != c->message_type || f->id != c->message_id))
		return false;
	if (first && !(f->flags & CHAN_MORE))
		return c->fn(c->user, f);
	if ((f->type != CHAN_SETUP && f->type != CHAN_EXEC) || !f->n ||
	    c->message_len + f->n > CHAN_MAX_MESSAGE)
		return false;
	if (first && !(c->message = malloc(CHAN_MAX_MESSAGE)))
		return false;
	memcpy(c->message + c->message_len, f->p, f->n);
	c->message_len += f->n;
	c->message_type = f->type;
	c->message_id = f->id;
	whole = !(f->flags & CHAN_MORE);
	if (whole) {
		f->p = c->message;
		f->n = (uint32_t)c->message_len;
		ok = c->fn(c->user, f);
		free(c->message);
		c->message = NULL;
		c->message_len = 0;
	}
	return ok;
}

/* Handles the complete frames in c->in; false when one is bad. */
static bool take_frames(struct gchan *c)
{
	size_t off = 0;

	while (c->in_len - off >= CHAN_HEADER && !c->over) {
		const unsigned char *p = c->in + off;
		struct frame f = {.n = chan_get32(p),
				  .type = chan_get16(p + 4),
				  .flags = chan_get16(p + 6),
				  .id = chan_get32(p + 8),
				  .p = p + CHAN_HEADER};
		size_t n = CHAN_HEADER + (size_t)f.n;

		if (f.n > CHAN_MAX_PAYLOAD)
			return false;
		if (c->in_len - off < n)
			break;
		if (!take_part(c, &f))
			return false;
		off += n;
	}
	c->in_len -= off;
	memmove(c->in, c->in + off, c->in_len);
	return true;
}

static bool may_read(const struct gchan *c)
{
	return c->readable && !c->over && c->out_len - c->out_off < QUEUE_MAX;
}

bool gchan_pump(struct gchan *c)
{
	write_out(c);
	for (int i = 0; i < READS_PER_TURN && may_read(c); i++) {
		ssize_t r = read(c->w.fd, c->in + c->in_len, IN_SIZE - c->in_len);

		if (r > 0) {
			c->in_len += (size_t)r;
			if (!take_frames(c))
				end(c, "bad frame on the channel", NULL);
		} else if (r == 0 && !c->patient) {
			end(c, NULL, NULL);
		} else if (r == 0 || errno == EAGAIN) {
			c->readable = false;
		} else if (errno != EINTR) {
			end(c, "the channel cannot be read", NULL);
		}
	}
	write_out(c);
	return may_read(c);
}

void gchan_drain(struct gchan *c, int ms)
{
	int64_t stop = now_ms() + ms, left;

	c->writable = true;
	write_out(c);
	while (!c->over && c->out_len && (left = stop - now_ms()) > 0) {
		struct pollfd p = {.fd = c->w.fd, .events = POLLOUT};

		if (poll(&p, 1, (int)left) > 0 && (p.revents & (POLLHUP | POLLERR)))
			break;
		c->writable = true;
		write_out(c);
	}
}

/* Frames out. */

bool gchan_has_room(const struct gchan *c)
{
	return c->out_len - c->out_off < QUEUE_DATA;
}

unsigned char *gchan_reserve(struct gchan *c, size_t n)
{
	size_t need;

	if (c->out_off && (c->out_off > c->out_len / 2 || c->out_len + n > c->out_cap)) {
		c->out_len -= c->out_off;
		memmove(c->out, c->out + c->out_off, c->out_len);
		c->out_off = 0;
	}
	need = c->out_len + CHAN_HEADER + n;
	if (need > c->out_cap) {
		size_t cap = need > QUEUE_DATA ? need + need / 2 : need * 2;
		unsigned char *p = realloc(c->out, cap);

		if (!p)
			abort(); /* pid 1 without memory: the kernel's panic tells the warden */
		c->out = p;
		c->out_cap = cap;
	}
	return c->out + c->out_len + CHAN_HEADER;
}

void gchan_commit(struct gchan *c, uint16_t type, uint16_t flags, uint32_t id, size_t n)
{
	if (c->over)
		return;
	chan_put_header(c->out + c->out_len, (uint32_t)n, type, flags, id);
	c->out_len += CHAN_HEADER + n;
}

void gchan_send(struct gchan *c, uint16_t type, uint16_t flags, uint32_t id, const void *p,
		size_t n)
{
	const unsigned char *at = p;
	bool more;

	do {
		size_t k = n > CHAN_MAX_PAYLOAD ? CHAN_MAX_PAYLOAD : n;
		unsigned char *to = gchan_reserve(c, k);

		more = n > k;
		if (k)
			memcpy(to, at, k);
		gchan_commit(c, type, more ? flags | CHAN_MORE : flags, id, k);
		at += k;
		n -= k;
	} while (more);
}

void gchan_send32(struct gchan *c, uint16_t type, uint16_t flags, uint32_t id, uint32_t v)
{
	unsigned char p[4];

	chan_put32(p, v);
	gchan_send(c, type, flags, id, p, sizeof(p));
}
