/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feedtree: events summed up: how often each path was changed, and all below each directory.
 * Bounded: a guest may make as many names as it likes.
 */
#ifndef GAOL_VIEWS_FEEDTREE_H
#define GAOL_VIEWS_FEEDTREE_H

#include "core/event.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct feedtree;

#define FEEDTREE_NODES_MAX 200000 /* further paths count for the directory that is known */

struct feedtree_node {
	uint64_t below; /* events of it and of all below it */
	uint64_t own;	/* of it alone */
	uint64_t bytes; /* written */
	int64_t time;	/* of the last one */
	uint16_t op;
	unsigned depth; /* 0: the root */
	bool children, open;
};

struct feedtree *feedtree_new(void);
void feedtree_free(struct feedtree *t);
/* Counts an event by its path. */
void feedtree_add(struct feedtree *t, const struct event *ev);
/*
 * Makes the list of rows: hot: paths by how often they themselves were changed; else the tree, the
 * open directories' children by how much happened below them. Their number.
 */
size_t feedtree_list(struct feedtree *t, bool hot);
/* Row i of the last list; its name (hot: its path) is appended to name. */
void feedtree_get(const struct feedtree *t, size_t i, bool hot, struct feedtree_node *out,
		  struct buf *name);
/* Its whole path. */
void feedtree_path(const struct feedtree *t, size_t i, struct buf *path);
/* A number that row i keeps in later lists, and the row of such a number; SIZE_MAX: none now. */
uint32_t feedtree_id(const struct feedtree *t, size_t i);
size_t feedtree_find(const struct feedtree *t, uint32_t id);
/* Opens a directory, or shuts it. */
void feedtree_toggle(struct feedtree *t, size_t i);
/* Paths were left out because there are too many. */
bool feedtree_is_full(const struct feedtree *t);

#endif
