/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a checkpoint must know of a change of upper, marked before the change (touched.h). */
#include "core/layer/internal.h"
#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>

void touch_all(struct layer *l)
{
	if (l->touched)
		touched_all(l->touched);
}

void touch_links(struct layer *l, int dirfd, const char *name, const struct stat *st)
{
	char path[sizeof("/proc/self/fd/") + 16 + NAME_MAX + 1];

	if (!l->touched || S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d%s%s", dirfd, name ? "/" : "",
		 name ? name : "");
	if ((name ? lgetxattr(path, RECORD_GROUP_XATTR, NULL, 0)
		  : getxattr(path, RECORD_GROUP_XATTR, NULL, 0)) >= 0 ||
	    errno != ENODATA)
		touched_all(l->touched);
}

/* Tells whether a place that a node keeps is still one. */
static uint64_t epoch_now(const struct layer *l)
{
	return l->touch_era << 40 | touched_epoch(l->touched);
}

/* The place of directory i, NULL when it is covered. Places are kept in the nodes. */
static struct touch *place(struct layer *l, uint32_t i)
{
	uint32_t chain[LAYER_DEPTH_MAX + 2];
	size_t n = 0;
	struct touch *at;

	while (i != ROOT && node_at(l, i)->touch_epoch != epoch_now(l)) {
		const struct name *nm = node_at(l, i)->names;
		if (!nm)
			return NULL; /* removed: nothing of it is in the layer */
		if (n == sizeof(chain) / sizeof(*chain)) {
			touched_all(l->touched);
			return NULL;
		}
		chain[n++] = i;
		i = nm->parent;
	}
	at = i == ROOT ? touched_root(l->touched) : node_at(l, i)->touch;
	while (n && at) {
		struct node *nd = node_at(l, chain[--n]);
		at = touched_add(l->touched, at, nd->names->s, 0);
		nd->touch = at;
		nd->touch_epoch = epoch_now(l);
	}
	return at;
}

/* A nameless inode is in no checkpoint, unless it has a name that was not looked up. */
static void touch_nameless(struct layer *l, uint32_t i)
{
	int fd = node_fd(l, i);
	struct stat st;

	if (node_is_dir(node_at(l, i)) || !node_is_upper(node_at(l, i)))
		return;
	if (fd < 0)
		fd = orphan_fd(l, i);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_nlink)
		touched_all(l->touched);
}

static struct touch *node_place(struct layer *l, uint32_t i)
{
	const struct name *nm = node_at(l, i)->names;
	struct touch *at;

	if (i == ROOT)
		return touched_root(l->touched);
	if (!nm) {
		touch_nameless(l, i);
		return NULL;
	}
	/* the other names of a hard link are looked for by the checkpoint */
	at = place(l, nm->parent);
	return touched_add(l->touched, at, nm->s, TOUCH_SELF);
}

static void node_touch(struct layer *l, uint32_t i)
{
	if (l->touched && !touched_is_all(l->touched))
		node_place(l, i);
}

static void data_touch(struct layer *l, uint32_t i, uint64_t off, uint64_t end)
{
	struct touch *at;

	if (!l->touched || touched_is_all(l->touched))
		return;
	at = node_place(l, i);
	if (at && i != ROOT)
		touched_data(l->touched, at, off, end);
}

void touch_node(struct layer *l, uint32_t i)
{
	seal_node(l, i);
	node_touch(l, i);
}

void touch_data(struct layer *l, uint32_t i, uint64_t off, uint64_t end)
{
	seal_data(l, i, off, end);
	data_touch(l, i, off, end);
}

void touch_shared(struct layer *l, uint32_t i)
{
	seal_node(l, i);
	data_touch(l, i, 0, TOUCHED_END);
}

static void name_touch(struct layer *l, uint32_t dir, const char *name, bool whole)
{
	struct touch *at;

	if (!l->touched || touched_is_all(l->touched))
		return;
	/* the directory's own time moves */
	node_touch(l, dir);
	at = place(l, dir);
	touched_add(l->touched, at, name, whole ? TOUCH_SELF | TOUCH_WHOLE : TOUCH_SELF);
}

void touch_name(struct layer *l, uint32_t dir, const char *name, bool whole)
{
	seal_name(l, dir, name, false);
	name_touch(l, dir, name, whole);
}

void touch_moved(struct layer *l, uint32_t dir, const char *name, bool is_dir)
{
	seal_name(l, dir, name, is_dir);
	if (is_dir)
		seal_moves(l);
	name_touch(l, dir, name, true);
}

void layer_set_touched(struct layer *l, struct touched *t)
{
	/* no place in another set may be taken for one in this */
	l->touch_era++;
	l->touched = t;
}
