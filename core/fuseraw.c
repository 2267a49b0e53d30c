/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests on their way to libfuse, and those that are answered before it. */
#include "core/acl.h"
#include "core/fuse_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#define SETXATTR_SHORT 8 /* struct fuse_setxattr_in without FUSE_SETXATTR_EXT */

int fuse_door_send(struct fuse_door *d, int error, const struct iovec *body, int n)
{
	struct fuse_out_header h = {.len = sizeof(h), .error = error, .unique = d->unique};
	struct iovec iov[8] = {{&h, sizeof(h)}};

	for (int i = 0; i < n; i++) {
		iov[1 + i] = body[i];
		h.len += (uint32_t)body[i].iov_len;
	}
	d->replied = true;
	if (error && error != -ENOENT)
		d->counts.errors++;
	return d->sink->reply(d->sink->user, iov, 1 + n);
}

static void send_error(struct fuse_door *d, int error)
{
	fuse_door_send(d, error, NULL, 0);
}

static void send_body(struct fuse_door *d, void *p, size_t n)
{
	struct iovec iov = {p, n};

	fuse_door_send(d, 0, &iov, 1);
}

void fuse_door_refuse(const void *head, size_t head_len, int error, const struct fuse_sink *sink)
{
	const struct fuse_in_header *in = head;
	struct fuse_out_header h = {.len = sizeof(h), .error = error};
	struct iovec iov = {&h, sizeof(h)};

	if (head_len < sizeof(*in))
		return;
	h.unique = in->unique;
	sink->reply(sink->user, &iov, 1);
}

static struct layer_cred cred_of(const struct fuse_in_header *h)
{
	return (struct layer_cred){h->uid, h->gid, h->pid};
}

/* READ and WRITE */

static int trim(struct iovec *iov, int n, size_t len)
{
	int i = 0;

	for (; i < n && len; i++) {
		if (iov[i].iov_len > len)
			iov[i].iov_len = len;
		len -= iov[i].iov_len;
	}
	return i;
}

static void raw_read(struct fuse_door *d, const struct fuse_request *rq)
{
	const struct fuse_in_header *h = rq->head;
	const struct fuse_read_in *in = (const void *)(h + 1);
	size_t want = in->size < FUSE_DOOR_MAX_WRITE ? in->size : FUSE_DOOR_MAX_WRITE;
	struct iovec iov[IOV_MAX];
	size_t room = 0;
	int n = 0;

	int fd = layer_read_fd(d->layer, in->fh);
	if (fd < 0) {
		send_error(d, fd);
		return;
	}
	if (d->sink->reply_file) {
		ssize_t sent =
		    d->sink->reply_file(d->sink->user, d->unique, fd, (off_t)in->offset, want);
		if (sent >= 0) {
			d->replied = true;
			d->counts.bytes_read += (size_t)sent;
			return;
		}
	}
	if (d->sink->data_room) {
		n = d->sink->data_room(d->sink->user, iov, IOV_MAX, &room);
		n = trim(iov, n, want);
	} else {
		iov[n++] = (struct iovec){d->scratch, want};
	}
	ssize_t got = n ? preadv(fd, iov, n, (off_t)in->offset) : 0;
	if (got < 0) {
		send_error(d, -errno);
		return;
	}
	d->counts.bytes_read += (size_t)got;
	if (!d->sink->data_room) {
		send_body(d, d->scratch, (size_t)got);
		return;
	}
	d->replied = true;
	d->sink->reply_in_place(d->sink->user, d->unique, (size_t)got);
}

static void raw_write(struct fuse_door *d, const struct fuse_request *rq)
{
	const struct fuse_in_header *h = rq->head;
	const struct fuse_write_in *in = (const void *)(h + 1);
	struct layer_cred c = cred_of(h);
	struct iovec own = {(char *)(uintptr_t)(in + 1), rq->head_len - sizeof(*h) - sizeof(*in)};
	const struct iovec *iov = rq->ndata ? rq->data : &own;
	int n = rq->ndata ? rq->ndata : 1;
	size_t len = rq->ndata ? rq->data_len : own.iov_len;

	if (in->size != len || len > FUSE_DOOR_MAX_WRITE || (rq->ndata && own.iov_len)) {
		send_error(d, -EIO);
		return;
	}
	int fd = layer_write_fd(d->layer, in->fh, (off_t)in->offset, len,
				in->write_flags & FUSE_WRITE_KILL_SUIDGID, &c);
	if (fd < 0) {
		send_error(d, fd);
		return;
	}
	ssize_t put = pwritev(fd, iov, n, (off_t)in->offset);
	if (put < 0) {
		send_error(d, -errno);
		return;
	}
	layer_wrote(d->layer, in->fh, (off_t)in->offset, (size_t)put, &c);
	d->counts.bytes_written += (size_t)put;
	struct fuse_write_out out = {.size = (uint32_t)put};
	send_body(d, &out, sizeof(out));
}

/* What libfuse 3.14 does not know */

static void split_seconds(double s, uint64_t *sec, uint32_t *nsec)
{
	*sec = (uint64_t)s;
	*nsec = (uint32_t)((s - (double)*sec) * 1e9);
}

static void fill_entry(const struct fuse_door *d, const struct layer_entry *e,
		       struct fuse_entry_out *out)
{
	const struct stat *st = &e->st;
	double valid = fuse_door_valid(d, e->node);

	*out = (struct fuse_entry_out){.nodeid = e->node};
	split_seconds(valid, &out->entry_valid, &out->entry_valid_nsec);
	split_seconds(fuse_door_attr_valid(d, e->node), &out->attr_valid, &out->attr_valid_nsec);
	out->attr = (struct fuse_attr){
	    .ino = st->st_ino,
	    .size = (uint64_t)st->st_size,
	    .blocks = (uint64_t)st->st_blocks,
	    .atime = (uint64_t)st->st_atim.tv_sec,
	    .mtime = (uint64_t)st->st_mtim.tv_sec,
	    .ctime = (uint64_t)st->st_ctim.tv_sec,
	    .atimensec = (uint32_t)st->st_atim.tv_nsec,
	    .mtimensec = (uint32_t)st->st_mtim.tv_nsec,
	    .ctimensec = (uint32_t)st->st_ctim.tv_nsec,
	    .mode = st->st_mode,
	    .nlink = (uint32_t)st->st_nlink,
	    .uid = st->st_uid,
	    .gid = st->st_gid,
	    .rdev = (uint32_t)st->st_rdev,
	    .blksize = (uint32_t)st->st_blksize,
	};
}

static void raw_tmpfile(struct fuse_door *d, const struct fuse_request *rq)
{
	const struct fuse_in_header *h = rq->head;
	const struct fuse_create_in *in = (const void *)(h + 1);
	struct layer_cred c = cred_of(h);
	struct fuse_inherit inherit;
	struct fuse_entry_out entry;
	struct fuse_open_out file = {.open_flags = FOPEN_KEEP_CACHE | FOPEN_NOFLUSH};
	struct iovec body[2] = {{&entry, sizeof(entry)}, {&file, sizeof(file)}};
	struct layer_entry e;
	mode_t mode = (in->mode & 07777) | S_IFREG;

	int r = fuse_inherit_get(d, h->nodeid, in->umask, &mode, &inherit);
	if (r) {
		send_error(d, r);
		return;
	}
	r = layer_tmpfile(d->layer, h->nodeid, mode, (int)in->flags & FUSE_DOOR_OPEN_FLAGS, &c, &e,
			  &file.fh);
	if (r) {
		fuse_inherit_free(&inherit);
		send_error(d, r);
		return;
	}
	r = fuse_inherit_put(d, &inherit, &e, &c);
	fuse_inherit_free(&inherit);
	if (!r)
		r = fuse_door_opened(d, e.node, file.fh, (int)in->flags, true);
	fill_entry(d, &e, &entry);
	if (r) {
		send_error(d, r);
	} else {
		if (d->backing_id)
			fuse_door_amend_open(d, &file, sizeof(file));
		r = fuse_door_send(d, 0, body, 2);
		if (r)
			fuse_door_closed(d, e.node);
	}
	if (r) {
		layer_release(d->layer, file.fh);
		layer_forget(d->layer, e.node, 1);
	}
}

static void raw_syncfs(struct fuse_door *d, const struct fuse_request *rq)
{
	send_error(d, layer_syncfs(d->layer));
}

/* A new access ACL set by somebody outside of the file's group ends its set-group-id bit. */
static int end_sgid(struct fuse_door *d, uint64_t node, const struct layer_cred *c)
{
	struct stat st;
	int r = layer_getattr(d->layer, node, &st);

	if (r || !(st.st_mode & S_ISGID))
		return r;
	st.st_mode &= ~(mode_t)S_ISGID;
	return layer_setattr(d->layer, node, 0, LAYER_SET_MODE, &st, c, &st);
}

static int take_setxattr(struct fuse_door *d, const struct fuse_request *rq)
{
	const struct fuse_in_header *h = rq->head;
	const struct fuse_setxattr_in *in = (const void *)(h + 1);
	size_t fixed = d->setxattr_ext ? sizeof(*in) : SETXATTR_SHORT;
	size_t rest = rq->head_len - sizeof(*h);
	const char *name = (const char *)in + fixed;
	struct layer_cred c = cred_of(h);

	if (rest < fixed)
		return -EIO;
	rest -= fixed;
	const char *end = memchr(name, '\0', rest);
	if (!end || (size_t)(name + rest - (end + 1)) < in->size)
		return -EIO;
	int r = layer_setxattr(d->layer, h->nodeid, name, end + 1, in->size, (int)in->flags, &c);
	if (!r && d->setxattr_ext && (in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) &&
	    !strcmp(name, ACL_ACCESS))
		r = end_sgid(d, h->nodeid, &c);
	return r;
}

static void raw_setxattr(struct fuse_door *d, const struct fuse_request *rq)
{
	send_error(d, take_setxattr(d, rq));
}

static void raw_nothing(struct fuse_door *d, const struct fuse_request *rq)
{
}

typedef void raw_fn(struct fuse_door *d, const struct fuse_request *rq);

static raw_fn *const raw[FUSE_TMPFILE + 1] = {
    [FUSE_READ] = raw_read,
    [FUSE_WRITE] = raw_write,
    [FUSE_SETXATTR] = raw_setxattr,
    [FUSE_TMPFILE] = raw_tmpfile,
    [FUSE_SYNCFS] = raw_syncfs,
    [FUSE_INTERRUPT] = raw_nothing, /* every request is answered before the next is taken */
};

static bool wants_reply(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT &&
	       opcode != FUSE_NOTIFY_REPLY;
}

void fuse_door_amend_init(struct fuse_door *d, void *p, size_t n)
{
	struct fuse_init_out out;
	const uint32_t extra = FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT;

	if (n < sizeof(out))
		return;
	memcpy(&out, p, sizeof(out));
	out.flags |= (uint32_t)d->init_flags & extra;
	d->setxattr_ext = out.flags & FUSE_SETXATTR_EXT;
	d->mounted = true;
	if (d->init_flags & FUSE_DOOR_GUEST_FLAG) {
		out.flags |= FUSE_INIT_EXT;
		out.flags2 |= (uint32_t)(FUSE_DOOR_GUEST_FLAG >> 32);
	}
	if (d->config.passthrough && (d->init_flags & BACKING_INIT_FLAG)) {
		out.flags |= FUSE_INIT_EXT;
		out.flags2 |= (uint32_t)(BACKING_INIT_FLAG >> 32);
		out.unused[0] = BACKING_STACK_DEPTH; /* max_stack_depth */
		d->backing = backing_new(d->dev);
	}
	memcpy(p, &out, sizeof(out));
}

void fuse_door_amend_open(struct fuse_door *d, void *p, size_t n)
{
	struct fuse_open_out out;

	if (n < sizeof(out))
		return;
	p = (char *)p + n - sizeof(out);
	memcpy(&out, p, sizeof(out));
	/* The kernel takes no word about its cache with it (fs/fuse/iomode.c). */
	out.open_flags = (out.open_flags & FOPEN_NOFLUSH) | BACKING_OPEN_FLAG;
	out.padding = (uint32_t)d->backing_id;
	memcpy(p, &out, sizeof(out));
}

static uint64_t init_flags(const struct fuse_init_in *in)
{
	return in->flags | (in->flags & FUSE_INIT_EXT ? (uint64_t)in->flags2 << 32 : 0);
}

/* What libfuse would not pass on. */
static void note_flags(struct fuse_door *d, const struct fuse_request *rq)
{
	const struct fuse_in_header *h = rq->head;
	const void *args = h + 1;

	d->open_flags = 0;
	d->backing_id = 0;
	if (h->opcode == FUSE_OPEN)
		d->open_flags = ((const struct fuse_open_in *)args)->open_flags;
	else if (h->opcode == FUSE_CREATE)
		d->open_flags = ((const struct fuse_create_in *)args)->open_flags;
	else if (h->opcode == FUSE_INIT)
		d->init_flags = init_flags(args);
}

int fuse_door_request(struct fuse_door *d, struct fuse_request *rq, const struct fuse_sink *sink)
{
	const struct fuse_in_header *h = rq->head;

	memset((char *)rq->head + rq->head_len, 0, FUSE_DOOR_SLACK);
	int bad = fuse_check(d, rq);
	if (rq->head_len < sizeof(*h))
		return -EPROTO;
	d->sink = sink;
	d->unique = h->unique;
	d->opcode = h->opcode;
	d->replied = false;
	if (bad) {
		if (wants_reply(h->opcode))
			send_error(d, bad == -EPROTO ? -EIO : bad);
		return bad == -EPROTO ? bad : 0;
	}
	note_flags(d, rq);
	if (h->opcode <= FUSE_TMPFILE && raw[h->opcode])
		raw[h->opcode](d, rq);
	else
		fuse_door_pass_on(d, rq);
	if (!d->replied && wants_reply(h->opcode))
		send_error(d, -EIO);
	d->sink = NULL;
	return 0;
}
