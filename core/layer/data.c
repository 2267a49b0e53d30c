/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data of lower files: where it is read, and how it gets to upper.
 *
 * Data of a META entry is copied into the same upper inode and made durable (the lower's bytes
 * were, and must not turn to zeros in a power cut); then the META flag is cleared, which is one
 * setxattr: atomic, and hard links and open descriptors stay.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COPY_CHUNK (256u << 10)

/* Finds where the lower file of a META or lower node is: its directory's sides and its hit. */
static int data_find(struct layer *l, uint32_t i, struct sides *ss, bool *owned, const char **name,
		     struct auth_at *at, struct hit *h, struct dir **d)
{
	struct node *n = node_at(l, i);
	int err;

	*owned = false;
	if ((n->rflags & RECORD_REDIRECT) && n->origin) {
		err = sides_walk(l, n->origin, ss, name, at);
		*owned = !err;
	} else if (!n->names) {
		return -ESTALE;
	} else {
		err = dir_get(l, n->names->parent, d);
		if (err)
			return err;
		*ss = (*d)->sides;
		*name = n->names->s;
		*at = authority_step((*d)->at, *name, strlen(*name));
	}
	if (!err)
		err = lower_find(l, ss, 0, *name, *at, h);
	if (!err && (h->kind != HIT_SHOWN || !S_ISREG(h->st.st_mode)))
		err = -ENOENT;
	return err;
}

int data_stat(struct layer *l, uint32_t i, struct stat *st)
{
	cleanup_dir struct dir *d = NULL;
	struct sides ss;
	struct auth_at at;
	struct hit h = {0};
	const char *name;
	bool owned;
	int err = data_find(l, i, &ss, &owned, &name, &at, &h, &d);

	if (owned)
		sides_close(&ss);
	*st = h.st;
	return err;
}

int data_open(struct layer *l, uint32_t i, int flags, struct stat *st)
{
	struct node *n = node_at(l, i);
	cleanup_dir struct dir *d = NULL;
	struct sides ss;
	struct auth_at at;
	struct hit h;
	const char *name;
	bool owned, upper = n->flags & NODE_UPPER;
	int fd, err;

	if (upper ? !(n->rflags & RECORD_META) : !S_ISREG(n->mode))
		return -EINVAL;
	err = data_find(l, i, &ss, &owned, &name, &at, &h, &d);
	if (!err && !upper && (h.st.st_ino != n->lower_ino || h.tag != n->tag))
		err = -ESTALE;
	fd = err ? err : lower_open(l, &ss, name, at, &h, flags);
	if (owned)
		sides_close(&ss);
	if (fd >= 0 && st)
		*st = h.st;
	/* the host took away the data of a file whose metadata upper has */
	return fd == -ENOENT ? (upper ? -EIO : -ESTALE) : fd;
}

/* Copies [off, end) by the kernel, or through memory where it cannot. */
static int range_copy(int from, int to, off_t off, off_t end)
{
	char *mem = NULL;
	int err = 0;

	while (off < end && !err) {
		off_t in = off, out = off;
		ssize_t n = mem ? -1 : copy_file_range(from, &in, to, &out, (size_t)(end - off), 0);
		if (n < 0) {
			size_t want = end - off < COPY_CHUNK ? (size_t)(end - off) : COPY_CHUNK;
			if (!mem && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) {
				err = -errno;
				break;
			}
			if (!mem)
				mem = xmalloc(COPY_CHUNK);
			n = pread(from, mem, want, off);
			if (n < 0)
				err = -errno;
			for (ssize_t put = 0, k; !err && put < n; put += k) {
				k = pwrite(to, mem + put, (size_t)(n - put), off + put);
				if (k < 0)
					err = -errno;
			}
		}
		if (n <= 0)
			break; /* the host cut the file short */
		off += n;
	}
	free(mem);
	return err;
}

/* The first len bytes of from go to to, holes stay holes. */
static int data_copy(int from, int to, off_t len, off_t size)
{
	off_t off = 0;
	int err = 0;

	if (len == size && ioctl(to, FICLONE, from) == 0)
		return 0;
	if (ftruncate(to, len) < 0)
		return -errno;
	while (off < len && !err) {
		off_t data = lseek(from, off, SEEK_DATA), hole;
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			data = off;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0 || hole > len)
			hole = len;
		err = range_copy(from, to, data, hole);
		off = hole > off ? hole : len;
	}
	return err;
}

/* keep bytes, or all, of a lower file of the given size; the copy has that size and is durable. */
int data_fill(int from, int to, off_t keep, off_t size)
{
	off_t len = keep < size ? keep : size;
	int err = len ? data_copy(from, to, len, size) : 0;

	if (!err && keep != COPYUP_ALL && ftruncate(to, keep) < 0)
		err = -errno;
	if (!err && len && fdatasync(to) < 0)
		err = -errno;
	return err;
}

/* An unlinked lower file that is still open has nowhere to be copied but into the void. */
static int copyup_orphan(struct layer *l, uint32_t i, off_t keep)
{
	struct node *n = node_at(l, i);
	int from = node_fd(l, i), err;
	struct temp t;
	struct stat st, own;
	struct hit h = {.tag = n->tag};
	struct record r;

	if (from < 0)
		from = orphan_fd(l, i);
	if (from < 0)
		return -ESTALE;
	if (fstat(from, &st) < 0)
		return -errno;
	err = temp_make(l, &t);
	if (err)
		return err;
	h.st = st;
	record_from(&r, &h);
	err = data_fill(from, t.fd, keep, st.st_size);
	if (!err && keep == COPYUP_ALL)
		futimens(t.fd, (struct timespec[2]){st.st_atim, st.st_mtim});
	if (!err)
		err = record_write(t.fd, &r, false);
	if (!err && fstat(t.fd, &own) < 0)
		err = -errno;
	if (!err) {
		quota_add(l, quota_of(&own), 1);
		node_uppered(l, i, &r, own.st_ino);
		orphan_drop(l, i);
		orphan_keep(l, i, fcntl(t.fd, F_DUPFD_CLOEXEC, 0));
	}
	temp_drop(l, &t);
	return err ? err : handles_follow(l, i);
}

/* Copies what is wanted of the lower file into the META inode; its times stay as they were. */
static int meta_fill(struct layer *l, uint32_t i, int to, off_t keep)
{
	cleanup_fd int from = data_open(l, i, O_RDONLY, NULL);
	struct timespec ts[2];
	struct stat low;
	int err = times_get(to, ts), fd;

	if (from == -ESTALE) {
		fd = node_lower_fd(l, i);
		from = fd < 0 ? -EIO : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	if (err || from < 0)
		return err ? err : from;
	err = fstat(from, &low) < 0
		  ? -errno
		  : quota_room(l, (uint64_t)(keep < low.st_size ? keep : low.st_size), 0, i, NULL,
			       NULL);
	if (!err)
		err = data_fill(from, to, keep, low.st_size);
	if (err || keep == COPYUP_ALL)
		futimens(to, ts);
	return err;
}

int copyup_data(struct layer *l, uint32_t i, off_t keep)
{
	struct node *n = node_at(l, i);
	cleanup_fd int to = -1;
	int64_t before;
	struct record r;
	int err;

	if (!S_ISREG(n->mode))
		return -EINVAL;
	if (!(n->flags & NODE_UPPER))
		return n->names ? copyup_file(l, i, keep) : copyup_orphan(l, i, keep);
	if (!(n->rflags & RECORD_META))
		return 0;
	to = upper_open(l, i, O_RDWR);
	if (to < 0)
		return to;
	touch_data(l, i, 0, TOUCHED_END);
	before = quota_fd(to);
	err = upper_record(l, i, to, &r);
	if (!err && keep)
		err = meta_fill(l, i, to, keep);
	else if (!err && ftruncate(to, 0) < 0)
		err = -errno;
	if (err) {
		quota_grew(l, to, before);
		return err;
	}
	r.flags &= ~(uint32_t)(RECORD_META | RECORD_REDIRECT);
	err = record_write(to, &r, true);
	if (err)
		return err;
	fremovexattr(to, RECORD_ORIGIN_XATTR);
	quota_grew(l, to, before);
	n->rflags = r.flags;
	free(n->origin);
	n->origin = NULL;
	return handles_follow(l, i);
}

bool layer_is_open(struct layer *l, uint64_t node)
{
	uint32_t i = node_index(l, node);

	return i && node_at(l, i)->files;
}

void layer_mark(struct layer *l, uint64_t node)
{
	uint32_t i = node_index(l, node);

	if (i)
		node_at(l, i)->flags |= NODE_MARKED;
}

bool layer_is_marked(struct layer *l, uint64_t node)
{
	uint32_t i = node_index(l, node);

	return i && (node_at(l, i)->flags & NODE_MARKED);
}

enum layer_source layer_source_of(struct layer *l, uint64_t node, bool *drift)
{
	uint32_t i = node_index(l, node);
	cleanup_fd int fd = -1, low = -1;
	struct record r;
	struct stat st;

	if (drift)
		*drift = false;
	if (!i || !(node_at(l, i)->flags & NODE_UPPER))
		return LAYER_FROM_LOWER;
	if (!(node_at(l, i)->rflags & RECORD_META))
		return LAYER_FROM_UPPER;
	if (drift) {
		fd = upper_open(l, i, O_RDONLY);
		low = data_open(l, i, O_RDONLY, &st);
		*drift = fd < 0 || low < 0 || upper_record(l, i, fd, &r) ||
			 r.lower_size != (uint64_t)st.st_size ||
			 r.lower_mtime != ts_ns(&st.st_mtim) || r.lower_ctime != ts_ns(&st.st_ctim);
	}
	return LAYER_FROM_META;
}
