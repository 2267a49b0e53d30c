/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations on open files, directories and extended attributes. */
#include "core/fuseops.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <string.h>

/* Files */

static int open_flags(const struct fuse_door *d, int flags)
{
	if (d->config.readonly && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC)))
		return -EROFS;
	return flags & FUSE_DOOR_OPEN_FLAGS;
}

/* Set-id bits end with the content when the opener may not keep them (open.open_flags). */
static int end_suid(struct fuse_door *d, uint64_t node, uint64_t fh, const struct layer_cred *c)
{
	struct stat st = {0};

	if (!(d->open_flags & 1 /* FUSE_OPEN_KILL_SUIDGID */))
		return 0;
	return layer_setattr(d->layer, node, fh, LAYER_KILL_SUIDGID, &st, c, &st);
}

void fuse_op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct fuse_door *d = fuse_op_door(req);
	struct layer_cred c = fuse_op_cred(req);
	int flags = open_flags(d, fi->flags);
	int r = flags < 0 ? flags : layer_open_file(d->layer, node, flags, &c, &fi->fh);

	if (r) {
		fuse_op_answer(req, r);
		return;
	}
	r = end_suid(d, node, fi->fh, &c);
	fi->keep_cache = fuse_door_keep_cache(d, node);
	fi->noflush = 1;
	if (!r)
		r = fuse_door_opened(d, node, fi->fh, flags, false);
	if (r) {
		fuse_op_answer(req, r);
	} else {
		r = fuse_reply_open(req, fi);
		if (r)
			fuse_door_closed(d, node);
	}
	if (r)
		layer_release(d->layer, fi->fh);
}

void fuse_op_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
		    struct fuse_file_info *fi)
{
	struct fuse_door *d = fuse_op_door(req);
	struct layer_cred c = fuse_op_cred(req);
	struct fuse_entry_param p;
	struct fuse_inherit in;
	struct layer_entry e;
	int r;

	mode = (mode & 07777) | S_IFREG;
	r = fuse_inherit_get(d, dir, fuse_req_ctx(req)->umask, &mode, &in);
	if (!r)
		r = layer_create(d->layer, dir, name, mode, fi->flags & FUSE_DOOR_OPEN_FLAGS, &c,
				 &e, &fi->fh);
	if (r) {
		fuse_inherit_free(&in);
		fuse_op_answer(req, r);
		return;
	}
	r = fuse_inherit_put(d, &in, &e, &c);
	fuse_inherit_free(&in);
	if (!r)
		r = fuse_door_opened(d, e.node, fi->fh, fi->flags, true);
	fuse_op_entry(d, &e, &p);
	fi->keep_cache = 1;
	fi->noflush = 1;
	if (r) {
		fuse_op_answer(req, r);
	} else {
		r = fuse_reply_create(req, &p, fi);
		if (r)
			fuse_door_closed(d, e.node);
	}
	if (r) {
		layer_release(d->layer, fi->fh);
		layer_forget(d->layer, e.node, 1);
	}
}

void fuse_op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct fuse_door *d = fuse_op_door(req);
	int r = layer_release(d->layer, fi->fh);

	if (!r)
		fuse_door_closed(d, node);
	fuse_op_answer(req, r);
}

void fuse_op_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi)
{
	fuse_op_answer(req, layer_fsync(fuse_op_door(req)->layer, fi->fh, datasync));
}

void fuse_op_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t off, off_t len,
		       struct fuse_file_info *fi)
{
	struct layer_cred c = fuse_op_cred(req);

	fuse_op_answer(req, layer_fallocate(fuse_op_door(req)->layer, fi->fh, mode, off, len, &c));
}

void fuse_op_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence,
		   struct fuse_file_info *fi)
{
	off_t at = layer_lseek(fuse_op_door(req)->layer, fi->fh, off, whence);

	if (at < 0)
		fuse_op_answer(req, (int)at);
	else
		fuse_reply_lseek(req, at);
}

void fuse_op_copy_file_range(fuse_req_t req, fuse_ino_t node_in, off_t off_in,
			     struct fuse_file_info *fi_in, fuse_ino_t node_out, off_t off_out,
			     struct fuse_file_info *fi_out, size_t len, int flags)
{
	struct layer_cred c = fuse_op_cred(req);
	size_t most = INT_MAX & ~(size_t)4095; /* the reply holds 32 bits */
	ssize_t n = layer_copy_range(fuse_op_door(req)->layer, fi_in->fh, off_in, fi_out->fh,
				     off_out, len < most ? len : most, &c);

	if (n < 0)
		fuse_op_answer(req, (int)n);
	else
		fuse_reply_write(req, (size_t)n);
}

void fuse_op_statfs(fuse_req_t req, fuse_ino_t node)
{
	struct statvfs st;
	int r = layer_statfs(fuse_op_door(req)->layer, &st);

	if (r)
		fuse_op_answer(req, r);
	else
		fuse_reply_statfs(req, &st);
}

/* Directories */

void fuse_op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct fuse_door *d = fuse_op_door(req);
	int r = layer_opendir(d->layer, node, &fi->fh);

	fi->cache_readdir = fi->keep_cache = fuse_door_keep_listing(d, node);
	if (r)
		fuse_op_answer(req, r);
	else if (fuse_reply_open(req, fi))
		layer_releasedir(d->layer, fi->fh);
}

struct listing {
	fuse_req_t req;
	bool plus;
	char *p;
	size_t size;
	size_t used;
};

static bool add_name(void *user, const char *name, const struct layer_entry *e, off_t next)
{
	struct listing *l = user;
	char *p = l->p + l->used;
	size_t room = l->size - l->used, need;

	if (l->plus) {
		struct fuse_entry_param param = {.attr = e->st};
		if (e->node)
			fuse_op_entry(fuse_op_door(l->req), e, &param);
		need = fuse_add_direntry_plus(l->req, p, room, name, &param, next);
	} else {
		need = fuse_add_direntry(l->req, p, room, name, &e->st, next);
	}
	if (need > room)
		return false;
	l->used += need;
	return true;
}

static void list(fuse_req_t req, size_t size, off_t off, uint64_t dh, bool plus)
{
	struct fuse_door *d = fuse_op_door(req);
	struct listing l = {.req = req, .plus = plus, .p = (char *)d->scratch};

	l.size = size < FUSE_DOOR_MAX_WRITE ? size : FUSE_DOOR_MAX_WRITE;
	int r = layer_readdir(d->layer, dh, off, plus, add_name, &l);
	/* Entries that are in the buffer own their look-ups: they have to be delivered. */
	if (r < 0 && !l.used)
		fuse_op_answer(req, r);
	else
		fuse_reply_buf(req, l.p, l.used);
}

void fuse_op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	list(req, size, off, fi->fh, false);
}

void fuse_op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
			 struct fuse_file_info *fi)
{
	list(req, size, off, fi->fh, true);
}

void fuse_op_releasedir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	fuse_op_answer(req, layer_releasedir(fuse_op_door(req)->layer, fi->fh));
}

void fuse_op_fsyncdir(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi)
{
	fuse_op_answer(req, layer_fsyncdir(fuse_op_door(req)->layer, fi->fh, datasync));
}

/* Extended attributes */

static void answer_xattr(fuse_req_t req, size_t size, ssize_t n)
{
	if (n < 0)
		fuse_op_answer(req, (int)n);
	else if (!size)
		fuse_reply_xattr(req, (size_t)n);
	else
		fuse_reply_buf(req, (char *)fuse_op_door(req)->scratch, (size_t)n);
}

static size_t xattr_room(size_t size)
{
	return size < XATTR_SIZE_MAX ? size : XATTR_SIZE_MAX;
}

void fuse_op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	struct fuse_door *d = fuse_op_door(req);

	size = xattr_room(size);
	answer_xattr(req, size,
		     layer_getxattr(d->layer, node, name, size ? d->scratch : NULL, size));
}

/* Takes the names out of a list of n bytes that only the administrator may see; what is left. */
static size_t without_trusted(char *list, size_t n)
{
	size_t kept = 0;

	for (size_t at = 0, len; at < n; at += len) {
		len = strlen(list + at) + 1;
		if (!strncmp(list + at, "trusted.", 8))
			continue;
		memmove(list + kept, list + at, len);
		kept += len;
	}
	return kept;
}

void fuse_op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	struct fuse_door *d = fuse_op_door(req);
	ssize_t n = layer_listxattr(d->layer, node, (char *)d->scratch, XATTR_LIST_MAX);

	size = xattr_room(size);
	if (n > 0 && fuse_req_ctx(req)->uid != 0)
		n = (ssize_t)without_trusted((char *)d->scratch, (size_t)n);
	if (size && n > (ssize_t)size)
		n = -ERANGE;
	answer_xattr(req, size, n);
}

void fuse_op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name)
{
	struct layer_cred c = fuse_op_cred(req);

	fuse_op_answer(req, layer_removexattr(fuse_op_door(req)->layer, node, name, &c));
}
