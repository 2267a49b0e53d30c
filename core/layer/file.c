/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open files: handles, the descriptors behind them, data. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITE_TELL_NS 1000000000LL
#define COPY_STEP (1u << 20)
#define SYNC_FLAGS (O_SYNC | O_DSYNC)

static bool writable(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

struct handle *handle_at(struct layer *l, uint64_t fh, bool is_dir)
{
	uint32_t i = (uint32_t)fh;
	struct handle *h = i && i < l->handle_cap ? l->handle[i] : NULL;

	return h && h->node && h->gen == (uint32_t)(fh >> 32) && h->is_dir == is_dir ? h : NULL;
}

uint64_t handle_new(struct layer *l, uint32_t node, bool is_dir, struct handle **out)
{
	uint32_t i = l->handle_free, gen;
	struct handle *h;

	if (!i) {
		uint32_t cap = l->handle_cap ? l->handle_cap * 2 : 64;
		l->handle = xrealloc(l->handle, cap * sizeof(*l->handle));
		for (uint32_t k = cap; k-- > (l->handle_cap ? l->handle_cap : 1);) {
			l->handle[k] = xcalloc(1, sizeof(*l->handle[k]));
			l->handle[k]->next = l->handle_free;
			l->handle_free = k;
		}
		if (!l->handle_cap)
			l->handle[0] = NULL;
		l->handle_cap = cap;
		i = l->handle_free;
	}
	h = l->handle[i];
	l->handle_free = h->next;
	gen = h->gen + 1;
	*h = (struct handle){.gen = gen, .node = node, .is_dir = is_dir, .fd = -1};
	h->next = node_at(l, node)->files;
	node_at(l, node)->files = i;
	l->nhandles++;
	*out = h;
	return (uint64_t)gen << 32 | i;
}

void handle_free(struct layer *l, uint32_t i)
{
	struct handle *h = l->handle[i];
	uint32_t node = h->node, *p = &node_at(l, node)->files;
	struct node *n = node_at(l, node);

	while (*p != i)
		p = &l->handle[*p]->next;
	*p = h->next;
	/* the last one open of a nameless file leaves its descriptor to the node */
	if (!n->names && n->lookups && h->fd >= 0 && !n->orphan && node_fd(l, node) < 0 &&
	    h->upper == node_is_upper(n))
		orphan_keep(l, node, fd_steal(&h->fd));
	if (h->upper && !n->names && h->fd >= 0 && !n->orphan && node_fd(l, node) < 0)
		quota_closed(l, h->fd);
	fd_close(&h->fd);
	snapshot_free(h->snap);
	*h = (struct handle){.gen = h->gen, .next = l->handle_free, .fd = -1};
	l->handle_free = i;
	l->nhandles--;
	node_drop(l, node);
}

static int handle_fd(struct layer *l, uint32_t i, bool upper)
{
	for (uint32_t k = node_at(l, i)->files; k; k = l->handle[k]->next)
		if (l->handle[k]->fd >= 0 && l->handle[k]->upper == upper)
			return l->handle[k]->fd;
	return -1;
}

int node_fd(struct layer *l, uint32_t i)
{
	return handle_fd(l, i, node_is_upper(node_at(l, i)));
}

int node_lower_fd(struct layer *l, uint32_t i)
{
	return handle_fd(l, i, false);
}

static int open_upper_data(struct layer *l, uint32_t i, int flags)
{
	return upper_open(l, i, (writable(flags) ? O_RDWR : O_RDONLY) | (flags & SYNC_FLAGS));
}

int handles_follow(struct layer *l, uint32_t i)
{
	struct node *n = node_at(l, i);

	if (!node_is_upper(n) || (n->rflags & RECORD_META))
		return 0;
	for (uint32_t k = n->files; k; k = l->handle[k]->next) {
		struct handle *h = l->handle[k];
		int fd;
		if (h->is_dir || h->upper)
			continue;
		fd = open_upper_data(l, i, h->flags);
		if (fd < 0)
			return fd;
		fd_close(&h->fd);
		h->fd = fd;
		h->upper = true;
	}
	return 0;
}

/* Data of a node for reading: its upper file, the lower one, or what keeps a nameless one. */
static int open_data(struct layer *l, uint32_t i, int flags, bool *upper)
{
	struct node *n = node_at(l, i);
	int fd;

	*upper = node_is_upper(n) && !(n->rflags & RECORD_META);
	if (*upper)
		return open_upper_data(l, i, flags);
	fd = data_open(l, i, O_RDONLY, NULL);
	if (fd == -ESTALE && node_lower_fd(l, i) >= 0) {
		fd = fcntl(node_lower_fd(l, i), F_DUPFD_CLOEXEC, 0);
		fd = fd < 0 ? -errno : fd;
	} else if (fd == -ESTALE && !node_is_upper(n) && !n->names) {
		fd = upper_open(l, i, O_RDONLY);
	}
	return fd;
}

int layer_open_file(struct layer *l, uint64_t node, int flags, const struct layer_cred *c,
		    uint64_t *fh)
{
	uint32_t i = node_index(l, node);
	struct handle *h;
	bool upper;
	int fd, err = 0;

	if (!i)
		return -ESTALE;
	if (!S_ISREG(node_at(l, i)->mode))
		return S_ISDIR(node_at(l, i)->mode)   ? -EISDIR
		       : S_ISLNK(node_at(l, i)->mode) ? -ELOOP
						      : -ENXIO;
	err = quota_file(l, i, c);
	if (!err && (writable(flags) || (flags & O_TRUNC)))
		err = may_change_node(l, i, c);
	if (!err && (flags & O_TRUNC))
		err = truncate_node(l, i, 0);
	if (err)
		return err;
	fd = open_data(l, i, flags, &upper);
	if (fd < 0)
		return fd;
	*fh = handle_new(l, i, false, &h);
	h->fd = fd;
	h->flags = flags;
	h->upper = upper;
	if (!upper && !writable(flags))
		tell_read(l, i, c);
	if (flags & O_TRUNC)
		tell_node(l, EVENT_TRUNCATE, i, node_at(l, i)->mode, 0, c, NULL);
	return 0;
}

static void tell_write(struct layer *l, struct handle *h)
{
	if (h->pending)
		tell_node(l, EVENT_WRITE, h->node, node_at(l, h->node)->mode, h->pending, &h->who,
			  NULL);
	h->pending = 0;
}

int layer_release(struct layer *l, uint64_t fh)
{
	struct handle *h = handle_at(l, fh, false);

	if (!h)
		return -EBADF;
	tell_write(l, h);
	handle_free(l, (uint32_t)fh);
	return 0;
}

int layer_read_fd(struct layer *l, uint64_t fh)
{
	struct handle *h = handle_at(l, fh, false);

	return h ? h->fd : -EBADF;
}

static int write_ready(struct layer *l, uint64_t fh, struct handle **out)
{
	struct handle *h = handle_at(l, fh, false);
	int err = 0;

	*out = h;
	if (!h || !writable(h->flags))
		return -EBADF;
	if (!h->upper)
		err = copyup_data(l, h->node, COPYUP_ALL);
	if (!err && !h->upper)
		err = handles_follow(l, h->node);
	return err;
}

int layer_write_fd(struct layer *l, uint64_t fh, off_t off, size_t n, bool kill,
		   const struct layer_cred *c)
{
	struct handle *h;
	int err = write_ready(l, fh, &h);

	if (!err && off < 0)
		err = -EINVAL;
	if (!err)
		err = quota_write(l, h->node, h->fd, (uint64_t)off, n, c);
	if (err)
		return err;
	touch_data(l, h->node, (uint64_t)off, (uint64_t)off + n);
	h->before = quota_fd(h->fd);
	err = kill_privs(l, h->node, h->fd, kill);
	return err ? err : h->fd;
}

void layer_wrote(struct layer *l, uint64_t fh, off_t off, size_t n, const struct layer_cred *c)
{
	struct handle *h = handle_at(l, fh, false);
	int64_t now;

	if (!h || !n)
		return;
	quota_grew(l, h->fd, h->before);
	h->pending += n;
	if (!l->on_event)
		return;
	if (c)
		h->who = *c;
	now = now_ns();
	if (h->wrote && now - h->told < WRITE_TELL_NS)
		return;
	h->wrote = true;
	h->told = now;
	tell_write(l, h);
}

ssize_t layer_readv(struct layer *l, uint64_t fh, const struct iovec *iov, int n, off_t off)
{
	int fd = layer_read_fd(l, fh);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = preadv(fd, iov, n, off);
	return got < 0 ? -errno : got;
}

ssize_t layer_writev(struct layer *l, uint64_t fh, const struct iovec *iov, int n, off_t off,
		     const struct layer_cred *c)
{
	size_t len = 0;
	ssize_t put;
	int fd;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	fd = layer_write_fd(l, fh, off, len, false, c);
	if (fd < 0)
		return fd;
	put = pwritev(fd, iov, n, off);
	if (put < 0)
		return -errno;
	layer_wrote(l, fh, off, (size_t)put, c);
	return put;
}

int layer_fsync(struct layer *l, uint64_t fh, bool datasync)
{
	struct handle *h = handle_at(l, fh, false);
	cleanup_fd int own = -1;
	int fd;

	if (!h)
		return -EBADF;
	fd = h->fd;
	if (!h->upper) {
		if (!node_is_upper(node_at(l, h->node)))
			return 0;
		own = upper_open(l, h->node, O_RDONLY);
		if (own < 0)
			return own;
		fd = own;
	}
	return (datasync ? fdatasync(fd) : fsync(fd)) < 0 ? -errno : 0;
}

int layer_fallocate(struct layer *l, uint64_t fh, int mode, off_t off, off_t len,
		    const struct layer_cred *c)
{
	struct handle *h;
	int err = write_ready(l, fh, &h);
	int64_t before;

	if (!err && (off < 0 || len <= 0))
		err = -EINVAL;
	if (!err && !(mode & FALLOC_FL_PUNCH_HOLE))
		err = quota_write(l, h->node, h->fd, (uint64_t)off, (uint64_t)len, c);
	if (err)
		return err;
	touch_data(l, h->node, (uint64_t)off,
		   mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)
		       ? TOUCHED_END
		       : (uint64_t)off + (uint64_t)len);
	before = quota_fd(h->fd);
	if (fallocate(h->fd, mode, off, len) < 0)
		err = -errno;
	quota_grew(l, h->fd, before);
	if (!err)
		tell_node(l, EVENT_FALLOCATE, h->node, node_at(l, h->node)->mode, (uint64_t)len, c,
			  NULL);
	return err;
}

off_t layer_lseek(struct layer *l, uint64_t fh, off_t off, int whence)
{
	struct handle *h = handle_at(l, fh, false);
	off_t at;

	if (!h)
		return -EBADF;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	at = lseek(h->fd, off, whence);
	return at < 0 ? -errno : at;
}

/* One step through memory, where the kernel cannot copy between the two. */
static ssize_t copy_step(int in, off_t off_in, int out, off_t off_out, size_t n)
{
	char *mem = xmalloc(COPY_STEP);
	ssize_t got = pread(in, mem, n < COPY_STEP ? n : COPY_STEP, off_in), put = 0;

	if (got > 0)
		put = pwrite(out, mem, (size_t)got, off_out);
	if (got < 0 || put < 0)
		put = -errno;
	free(mem);
	return put;
}

ssize_t layer_copy_range(struct layer *l, uint64_t fh_in, off_t off_in, uint64_t fh_out,
			 off_t off_out, size_t n, const struct layer_cred *c)
{
	int out = layer_write_fd(l, fh_out, off_out, n, false, c), in = layer_read_fd(l, fh_in);
	off_t from = off_in, to = off_out;
	ssize_t done;

	if (out < 0 || in < 0)
		return out < 0 ? out : in;
	done = copy_file_range(in, &from, out, &to, n, 0);
	if (done < 0 && (errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS))
		done = copy_step(in, off_in, out, off_out, n);
	else if (done < 0)
		done = -errno;
	if (done > 0)
		layer_wrote(l, fh_out, off_out, (size_t)done, c);
	return done;
}
