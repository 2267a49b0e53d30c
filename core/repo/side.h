/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * side: a state of a jail to look into: base, a checkpoint, or now; as the guest sees it, that is,
 * the union of that state's upper layer over base.
 *
 * base is a read-only view of the jail's lowers: layer_open with upper NULL and the jail's lowers
 * and authority. The caller owns it; one thread at a time. NULL: only what upper holds is seen
 * (base is taken as empty).
 *
 * Paths are the guest's: absolute; links are not followed, "." and ".." not interpreted.
 */
#ifndef GAOL_CORE_REPO_SIDE_H
#define GAOL_CORE_REPO_SIDE_H

#include "core/repo/repo.h"
#include <sys/stat.h>

struct buf;
struct layer;

enum side_kind {
	SIDE_BASE,	 /* an empty upper layer */
	SIDE_CHECKPOINT, /* hash names a commit of the repository */
	SIDE_NOW	 /* the jail's upper/ as it is on disk (changes of a running guest may be
			    seen half done) */
};
struct side_id {
	enum side_kind kind;
	char hash[REPO_HASH_LEN + 1];
};

struct side;

/* Opens a side. 0 or -errno with e set. r and base must outlive it. Free with side_close. */
int side_open(struct side **out, struct repo *r, struct side_id id, struct layer *base,
	      struct err *e);
void side_close(struct side *s);

/*
 * lstat of a path. st_mode, st_uid, st_gid, st_rdev, st_size, st_mtim are meant; st_nlink is 1,
 * or 2 for a hard link; st_ino is 0. 0, -ENOENT, -ENOTDIR or -errno (-EPROTO: the repository is
 * damaged; see side_error).
 */
int side_stat(struct side *s, const char *path, struct stat *st);
/*
 * Calls fn for each entry of a directory, sorted by the bytes of their names, until it returns
 * false. fn may not use s.
 */
typedef bool side_list_fn(void *user, const char *name, const struct stat *st);
int side_list(struct side *s, const char *path, side_list_fn *fn, void *user);
/* Where an entry comes from. */
enum side_origin {
	SIDE_FROM_BASE,	 /* base alone */
	SIDE_FROM_LAYER, /* the layer alone: base has none of the name */
	SIDE_FROM_OVER,	 /* the layer, over one of base; a directory shows both */
	SIDE_FROM_ATTR,	 /* attributes of the layer, data of base */
	SIDE_GONE	 /* deleted: base has one, the guest sees none */
};
/*
 * The same as side_list, with where each entry comes from; deleted ones are listed too, with base's
 * stat. drift: base's file has changed since the layer's entry was made from it.
 */
typedef bool side_origin_fn(void *user, const char *name, const struct stat *st,
			    enum side_origin from, bool drift);
int side_origins(struct side *s, const char *path, side_origin_fn *fn, void *user);
/* Target of a symlink appended to out. */
int side_readlink(struct side *s, const char *path, struct buf *out);
/* Content of a regular file appended to out; -EFBIG when it has more than max bytes. */
int side_read(struct side *s, const char *path, size_t max, struct buf *out);
/*
 * Content of a regular file written to fd. sparse: fd is an empty regular file and holes stay
 * holes (its size is set too); else zeros are written for them. Reports to hooks (may be NULL).
 */
int side_cat(struct side *s, const char *path, int fd, bool sparse, const struct repo_hooks *h);
/* Extended attributes as the guest names them: calls fn for each, sorted by name. */
typedef bool side_xattr_fn(void *user, const char *name, const void *value, size_t n);
int side_xattrs(struct side *s, const char *path, side_xattr_fn *fn, void *user);
/*
 * Calls fn for each name at or below path that is one of several hard links in the side's upper
 * layer, until it returns false. Names with the same number are one inode. Base's own links are not
 * among them, and SIDE_NOW knows a number only since the first save behind the link.
 */
typedef bool side_link_fn(void *user, const char *path, uint64_t number);
int side_links(struct side *s, const char *path, side_link_fn *fn, void *user);
/* The sentence of the last failed call, for people. */
const char *side_error(const struct side *s);

#endif
