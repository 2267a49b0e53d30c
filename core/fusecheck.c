/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shape of each request that gaol answers, by the structs of linux/fuse.h. */
#include "core/fuse_priv.h"
#include <errno.h>
#include <linux/fuse.h>
#include <string.h>

enum shape_flags {
	CHANGES = 1,  /* refused by a read-only door */
	ANY_NODE = 2, /* the header's node id means nothing */
};

struct shape {
	bool known;
	uint8_t fixed; /* bytes of arguments */
	uint8_t names; /* NUL-terminated strings behind them */
	uint8_t flags;
};

#define OP_STATX 52 /* not in the header of Debian 12 */

static const struct shape shapes[OP_STATX + 1] = {
    [FUSE_LOOKUP] = {true, 0, 1, 0},
    [FUSE_FORGET] = {true, sizeof(struct fuse_forget_in), 0, 0},
    [FUSE_GETATTR] = {true, sizeof(struct fuse_getattr_in), 0, 0},
    [FUSE_SETATTR] = {true, sizeof(struct fuse_setattr_in), 0, CHANGES},
    [FUSE_READLINK] = {true, 0, 0, 0},
    [FUSE_SYMLINK] = {true, 0, 2, CHANGES},
    [FUSE_MKNOD] = {true, sizeof(struct fuse_mknod_in), 1, CHANGES},
    [FUSE_MKDIR] = {true, sizeof(struct fuse_mkdir_in), 1, CHANGES},
    [FUSE_UNLINK] = {true, 0, 1, CHANGES},
    [FUSE_RMDIR] = {true, 0, 1, CHANGES},
    [FUSE_RENAME] = {true, sizeof(struct fuse_rename_in), 2, CHANGES},
    [FUSE_LINK] = {true, sizeof(struct fuse_link_in), 1, CHANGES},
    [FUSE_OPEN] = {true, sizeof(struct fuse_open_in), 0, 0},
    [FUSE_READ] = {true, sizeof(struct fuse_read_in), 0, 0},
    [FUSE_WRITE] = {true, sizeof(struct fuse_write_in), 0, CHANGES},
    [FUSE_STATFS] = {true, 0, 0, 0},
    [FUSE_RELEASE] = {true, sizeof(struct fuse_release_in), 0, 0},
    [FUSE_FSYNC] = {true, sizeof(struct fuse_fsync_in), 0, 0},
    [FUSE_SETXATTR] = {true, 0, 0, CHANGES}, /* checked where it is taken apart */
    [FUSE_GETXATTR] = {true, sizeof(struct fuse_getxattr_in), 1, 0},
    [FUSE_LISTXATTR] = {true, sizeof(struct fuse_getxattr_in), 0, 0},
    [FUSE_REMOVEXATTR] = {true, 0, 1, CHANGES},
    [FUSE_INIT] = {true, 16, 0, ANY_NODE},
    [FUSE_OPENDIR] = {true, sizeof(struct fuse_open_in), 0, 0},
    [FUSE_READDIR] = {true, sizeof(struct fuse_read_in), 0, 0},
    [FUSE_RELEASEDIR] = {true, sizeof(struct fuse_release_in), 0, 0},
    [FUSE_FSYNCDIR] = {true, sizeof(struct fuse_fsync_in), 0, 0},
    [FUSE_CREATE] = {true, sizeof(struct fuse_create_in), 1, CHANGES},
    [FUSE_INTERRUPT] = {true, sizeof(struct fuse_interrupt_in), 0, ANY_NODE},
    [FUSE_DESTROY] = {true, 0, 0, ANY_NODE},
    [FUSE_BATCH_FORGET] = {true, sizeof(struct fuse_batch_forget_in), 0, ANY_NODE},
    [FUSE_FALLOCATE] = {true, sizeof(struct fuse_fallocate_in), 0, CHANGES},
    [FUSE_READDIRPLUS] = {true, sizeof(struct fuse_read_in), 0, 0},
    [FUSE_RENAME2] = {true, sizeof(struct fuse_rename2_in), 2, CHANGES},
    [FUSE_LSEEK] = {true, sizeof(struct fuse_lseek_in), 0, 0},
    [FUSE_COPY_FILE_RANGE] = {true, sizeof(struct fuse_copy_file_range_in), 0, CHANGES},
    [FUSE_SYNCFS] = {true, sizeof(struct fuse_syncfs_in), 0, ANY_NODE},
    [FUSE_TMPFILE] = {true, sizeof(struct fuse_create_in), 0, CHANGES},
};

/* libfuse reads the variant layouts of protocol versions before 7.31 without asking us. */
static int check_init(const struct fuse_init_in *in)
{
	return in->major == FUSE_KERNEL_VERSION && in->minor >= 31 ? 0 : -EPROTO;
}

static int check_forgets(const struct fuse_batch_forget_in *in, size_t rest)
{
	return rest / sizeof(struct fuse_forget_one) >= in->count ? 0 : -EPROTO;
}

int fuse_check(const struct fuse_door *d, const struct fuse_request *rq)
{
	const struct fuse_in_header *h = rq->head;
	const char *args = (const char *)(h + 1);

	if (rq->head_len < sizeof(*h) || h->len != rq->head_len + rq->data_len)
		return -EPROTO;
	if (h->opcode > OP_STATX || !shapes[h->opcode].known)
		return -ENOSYS;
	const struct shape *s = &shapes[h->opcode];
	size_t rest = rq->head_len - sizeof(*h);
	if (rest < s->fixed || (rq->data_len && h->opcode != FUSE_WRITE))
		return -EPROTO;
	const char *p = args + s->fixed;
	rest -= s->fixed;
	for (unsigned i = 0; i < s->names; i++) {
		const char *end = memchr(p, '\0', rest);
		if (!end)
			return -EPROTO;
		rest -= (size_t)(end + 1 - p);
		p = end + 1;
	}
	/* What is left over belongs to a newer version of the protocol. */
	if (d->config.readonly && (s->flags & CHANGES))
		return -EROFS;
	if (h->opcode == FUSE_INIT)
		return check_init((const void *)args);
	if (h->opcode == FUSE_BATCH_FORGET)
		return check_forgets((const void *)args, rest);
	return h->nodeid || (s->flags & ANY_NODE) ? 0 : -EPROTO;
}
