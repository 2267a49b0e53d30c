/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What upper holds, counted as it changes, and its limits.
 *
 * Counted are inodes and their blocks, of a directory always USAGE_DIR bytes, of whiteouts nothing: what
 * usage_tree (core/usage.h) finds. work/usage keeps the count while no layer is open ("1 BYTES
 * INODES\n"); it is taken away when one opens, so that after a kill there is none, and the count is
 * unknown until layer_usage_set says what a walk has found. Until then no limit holds.
 *
 * An inode ends with its last name and its last descriptor, whichever is later: quota_unlinked
 * counts the one, quota_closed the other.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include "core/usage.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "usage"
#define TELL_NS 1000000000LL /* a limit that is met all the time is told once a second */

static void take(struct quota *q, const char *text)
{
	int64_t bytes, inodes;
	int end = 0;

	if (sscanf(text, "1 %" SCNd64 " %" SCNd64 "\n%n", &bytes, &inodes, &end) != 2 || !end ||
	    text[end] || bytes < 0 || inodes < 0)
		return;
	q->bytes = bytes;
	q->inodes = inodes;
	q->known = true;
}

int quota_open(struct layer *l, const struct layer_config *c)
{
	struct buf text = {0};
	int err;

	l->quota = (struct quota){
	    .max_bytes = c->max_bytes, .max_inodes = c->max_inodes, .max_files = c->max_files};
	if (l->readonly || l->work < 0)
		return 0;
	err = file_read_at(l->work, FILE_NAME, 128, &text);
	if (!err)
		take(&l->quota, buf_cstr(&text));
	buf_free(&text);
	return unlinkat(l->work, FILE_NAME, 0) < 0 && errno != ENOENT ? -errno : 0;
}

void quota_close(struct layer *l)
{
	const struct quota *q = &l->quota;
	char text[64];

	if (l->readonly || l->work < 0 || !q->known)
		return;
	snprintf(text, sizeof(text), "1 %" PRId64 " %" PRId64 "\n", q->bytes > 0 ? q->bytes : 0,
		 q->inodes > 0 ? q->inodes : 0);
	file_replace_at(l->work, FILE_NAME, text, strlen(text), 0600, false);
}

void quota_add(struct layer *l, int64_t bytes, int64_t inodes)
{
	l->quota.bytes += bytes;
	l->quota.inodes += inodes;
	l->quota.changes++;
}

int64_t quota_of(const struct stat *st)
{
	return S_ISDIR(st->st_mode) ? USAGE_DIR : (int64_t)st->st_blocks * 512;
}

int64_t quota_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : quota_of(&st);
}

void quota_grew(struct layer *l, int fd, int64_t before)
{
	int64_t now = quota_fd(fd);

	if (now != before)
		quota_add(l, now - before, 0);
}

void quota_closed(struct layer *l, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	st.st_nlink -= seal_linked(l, st.st_ino);
	if (st.st_nlink)
		return;
	quota_add(l, -quota_of(&st), -1);
}

static nlink_t quota_links(struct layer *l, const struct found *f)
{
	return f->st.st_nlink > 1 ? f->st.st_nlink - seal_linked(l, f->st.st_ino) : 1;
}

/* A node has it open, perhaps under names that are not known any more. */
static bool is_held(struct layer *l, uint64_t ino)
{
	uint32_t i = node_by_upper(l, ino);

	return i && (node_fd(l, i) >= 0 || orphan_fd(l, i) >= 0);
}

void quota_unlinked(struct layer *l, const struct found *f, bool kept)
{
	if (!f->here || f->kind != FOUND_UPPER || kept)
		return;
	/* a link for a checkpoint was perhaps made after f was found */
	if (!S_ISDIR(f->st.st_mode) && (quota_links(l, f) > 1 || is_held(l, f->st.st_ino)))
		return;
	quota_add(l, -quota_of(&f->st), -1);
}

enum { SIZE, INODES, FILES };

static int full(struct layer *l, int which, int err, uint32_t dir, const char *name,
		const struct layer_cred *c)
{
	static const char *const keys[] = {
	    [SIZE] = "limits.size", [INODES] = "limits.inodes", [FILES] = "limits.files"};
	int64_t *told = &l->quota.told[which], now = now_ns();

	if (!*told || now - *told >= TELL_NS) {
		*told = now;
		refuse_why(l, err, dir, name, c, keys[which]);
	}
	return err;
}

int quota_room(struct layer *l, uint64_t bytes, uint64_t inodes, uint32_t dir, const char *name,
	       const struct layer_cred *c)
{
	const struct quota *q = &l->quota;

	if (q->known && q->max_inodes && inodes &&
	    (q->inodes < 0 ? 0 : (uint64_t)q->inodes) + inodes > q->max_inodes)
		return full(l, INODES, -ENOSPC, dir, name, c);
	if (q->known && q->max_bytes &&
	    (q->bytes < 0 ? 0 : (uint64_t)q->bytes) + bytes > q->max_bytes)
		return full(l, SIZE, -ENOSPC, dir, name, c);
	return 0;
}

int quota_write(struct layer *l, uint32_t i, int fd, uint64_t off, uint64_t n,
		const struct layer_cred *c)
{
	struct quota *q = &l->quota;
	struct stat st;

	if (!q->known || !q->max_bytes ||
	    (uint64_t)(q->bytes > 0 ? q->bytes : 0) + n <= q->max_bytes)
		return 0;
	/* over what has its blocks already, more can be written */
	if (fstat(fd, &st) == 0 && off + n <= (uint64_t)st.st_size &&
	    (uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size)
		return 0;
	return full(l, SIZE, -ENOSPC, i, NULL, c);
}

int quota_file(struct layer *l, uint32_t i, const struct layer_cred *c)
{
	if (!l->quota.max_files || l->nhandles < l->quota.max_files)
		return 0;
	return full(l, FILES, -ENFILE, i, NULL, c);
}

void quota_statfs(struct layer *l, struct statvfs *st)
{
	const struct quota *q = &l->quota;
	uint64_t unit = st->f_frsize ? st->f_frsize : 4096, used, left;

	if (q->max_bytes) {
		used = (uint64_t)(q->bytes > 0 ? q->bytes : 0);
		left = used < q->max_bytes ? (q->max_bytes - used) / unit : 0;
		st->f_blocks = q->max_bytes / unit;
		st->f_bavail = left < st->f_bavail ? left : st->f_bavail;
		st->f_bfree = st->f_bavail;
	}
	if (q->max_inodes) {
		used = (uint64_t)(q->inodes > 0 ? q->inodes : 0);
		left = used < q->max_inodes ? q->max_inodes - used : 0;
		st->f_files = q->max_inodes;
		st->f_favail = left < st->f_favail ? left : st->f_favail;
		st->f_ffree = st->f_favail;
	}
}

void layer_usage(const struct layer *l, struct layer_usage *out)
{
	const struct quota *q = &l->quota;

	*out = (struct layer_usage){
	    .bytes = q->bytes, .inodes = q->inodes, .known = q->known, .changes = q->changes};
}

void layer_usage_set(struct layer *l, int64_t bytes, int64_t inodes)
{
	if (l->quota.known)
		return;
	l->quota.bytes = bytes;
	l->quota.inodes = inodes;
	l->quota.known = true;
}
