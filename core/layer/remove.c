/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removing entries: a whiteout is left only where a lower entry is really visible. */
#include "core/fd.h"
#include "core/layer/internal.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Finds what is to go, checks that it may, and has its directory in upper. */
static int removal_begin(struct layer *l, uint64_t dir, const char *name,
			 const struct layer_cred *c, uint32_t *di, struct dir **d, struct found *f)
{
	int err = name_check(name);

	*di = node_index(l, dir);
	if (!*di)
		return -ESTALE;
	if (!err)
		err = dir_get(l, *di, d);
	if (!err)
		err = union_find(l, *d, name, true, f);
	if (!err && f->kind == FOUND_NONE)
		err = -ENOENT;
	if (!err)
		err = may_change(l, f->at, *di, name, c);
	if (!err && (*d)->upper < 0) {
		dir_unpin(d);
		err = copyup_dir(l, *di);
		if (!err)
			err = dir_get(l, *di, d);
	}
	if (err)
		return err;
	touch_name(l, *di, name, true);
	if (f->here)
		touch_links(l, (*d)->upper, name, &f->st);
	return 0;
}

mode_t found_mode(const struct found *f)
{
	return f->kind == FOUND_UPPER ? f->rec.mode : f->hit.st.st_mode;
}

int found_keep(struct layer *l, struct dir *d, const char *name, const struct found *f)
{
	mode_t mode = found_mode(f);

	if (f->here)
		return openat(d->upper, name,
			      (S_ISDIR(mode) ? O_PATH : O_RDWR) | O_NOFOLLOW | O_CLOEXEC);
	if (f->kind == FOUND_LOWER && f->hit.kind == HIT_SHOWN)
		return lower_open(l, &d->sides, name, f->at, &f->hit,
				  S_ISREG(mode) ? O_RDONLY : O_PATH);
	return -1;
}

void name_gone(struct layer *l, uint32_t dir, const char *name, int fd)
{
	struct name *nm = name_find(l, dir, name);
	uint32_t i = nm ? nm->node : 0;
	struct node *n;

	if (!i) {
		fd_close(&fd);
		return;
	}
	n = node_at(l, i);
	name_del(l, nm);
	if (!n->names && node_is_dir(n)) {
		n->flags |= NODE_DEAD;
		dir_drop(l, i);
	}
	if (!n->names && !(n->flags & NODE_INDEXED) && n->lookups)
		orphan_keep(l, i, fd);
	else
		fd_close(&fd);
	node_drop(l, i);
}

/*
 * One of several names of a lower file is to go: the others must show one link less, so the inode
 * moves to upper and the name becomes a real link of it, whose removal counts by itself.
 */
int found_count_link(struct layer *l, struct dir **d, uint32_t dir, const char *name,
		     struct found *f)
{
	bool indexed = f->kind == FOUND_UPPER && f->indexed && !f->here;
	uint32_t i;
	int err;

	if (!indexed &&
	    (f->kind != FOUND_LOWER || !S_ISREG(f->hit.st.st_mode) || f->hit.st.st_nlink < 2))
		return 0;
	i = union_take(l, *d, name, f, NULL);
	name_prefer(l, dir, name);
	err = indexed ? index_link(l, i, *d, name) : copyup_meta(l, i);
	if (err)
		node_drop(l, i);
	dir_unpin(d);
	if (!err)
		err = dir_get(l, dir, d);
	return err ? err : union_find(l, *d, name, true, f);
}

bool name_is_last(struct layer *l, uint32_t dir, const char *name)
{
	struct name *nm = name_find(l, dir, name);

	return nm && !nm->node_next && node_at(l, nm->node)->names == nm &&
	       node_at(l, nm->node)->lookups && node_fd(l, nm->node) < 0;
}

/* Puts a whiteout over an upper file. */
static int whiteout_over(struct layer *l, struct dir *d, const char *name)
{
	char temp[24];
	int err = whiteout_temp(l, temp);

	if (!err && renameat(l->work, temp, d->upper, name) < 0) {
		err = -errno;
		unlinkat(l->work, temp, 0);
	}
	return err;
}

int layer_unlink(struct layer *l, uint64_t dir, const char *name, const struct layer_cred *c)
{
	cleanup_dir struct dir *d = NULL;
	cleanup_fd int fd = -1;
	struct found f;
	uint32_t di;
	bool low;
	int err = removal_begin(l, dir, name, c, &di, &d, &f);

	if (err)
		return err;
	if (S_ISDIR(found_mode(&f)))
		return -EISDIR;
	low = f.kind == FOUND_LOWER || f.hit.kind != HIT_NONE;
	err = found_count_link(l, &d, di, name, &f);
	if (err)
		return err;
	if (name_is_last(l, di, name))
		fd = found_keep(l, d, name, &f);
	if (f.here && !low)
		err = unlinkat(d->upper, name, 0) < 0 ? -errno : 0;
	else if (f.here)
		err = whiteout_over(l, d, name);
	else
		err = whiteout_make(l, d->upper, name);
	if (err)
		return err;
	quota_unlinked(l, &f, fd >= 0);
	tell(l, EVENT_UNLINK, di, name, found_mode(&f), 0, c, NULL);
	name_gone(l, di, name, fd_steal(&fd));
	return 0;
}

/* An upper directory that shows nothing, whatever whiteouts lie in it, leaves in one step. */
static int dir_take_away(struct layer *l, struct dir *d, const char *name, bool low)
{
	char temp[24];
	int err = 0;

	seal_inside(l, d->upper, name);
	if (!low && !seal_reads(l)) {
		if (unlinkat(d->upper, name, AT_REMOVEDIR) == 0)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -errno;
	}
	if (low) {
		err = whiteout_temp(l, temp);
		if (err)
			return err;
		if (renameat2(l->work, temp, d->upper, name, RENAME_EXCHANGE) < 0) {
			err = -errno;
			unlinkat(l->work, temp, 0);
			return err;
		}
	} else {
		temp_name(l, temp);
		if (renameat(d->upper, name, l->work, temp) < 0)
			return -errno;
	}
	/* what cannot be removed now goes when work/ is cleaned at the next open */
	seal_gone(l, temp);
	return 0;
}

int layer_rmdir(struct layer *l, uint64_t dir, const char *name, const struct layer_cred *c)
{
	cleanup_dir struct dir *d = NULL;
	cleanup_fd int fd = -1;
	struct found f;
	uint32_t di, i;
	int err = removal_begin(l, dir, name, c, &di, &d, &f);

	if (err)
		return err;
	if (!S_ISDIR(found_mode(&f)))
		return -ENOTDIR;
	if (auth_is_waypoint(f.at) || (f.kind == FOUND_LOWER && f.hit.kind == HIT_EMPTY))
		return -EBUSY;
	i = union_take(l, d, name, &f, NULL);
	node_at(l, i)->lookups++; /* stays while it is worked on */
	err = dir_is_empty(l, i);
	if (!err) {
		if (node_at(l, i)->lookups > 1)
			fd = found_keep(l, d, name, &f);
		if (f.here)
			err = dir_take_away(l, d, name, f.hit.kind != HIT_NONE);
		else
			err = whiteout_make(l, d->upper, name);
	}
	node_at(l, i)->lookups--;
	if (err) {
		node_drop(l, i);
		return err;
	}
	dir_changed(l, di);
	quota_unlinked(l, &f, fd >= 0);
	tell(l, EVENT_RMDIR, di, name, found_mode(&f), 0, c, NULL);
	name_gone(l, di, name, fd_steal(&fd));
	return 0;
}
