/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backing: files that the mounting kernel reads and writes by itself (FUSE_PASSTHROUGH, Linux 6.9):
 * a request less for each read and write, and no second copy of their pages.
 *
 * The kernel wants all open descriptions of an inode to be of one kind: either all go to the same
 * backing file, or all through its cache for this mount. So the table knows for every open node
 * which kind its first open description was; it counts until the last one is released. Constants
 * and structures are those of linux/fuse.h of Linux 6.18, which Debian 12's header lacks.
 *
 * It takes CAP_SYS_ADMIN in the first user namespace, and a backing file system that is not stacked
 * itself: where the kernel refuses that, all files are of the other kind from then on.
 */
#ifndef GAOL_CORE_BACKING_H
#define GAOL_CORE_BACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKING_INIT_FLAG (UINT64_C(1) << 37) /* FUSE_PASSTHROUGH in INIT's 64 flags */
#define BACKING_STACK_DEPTH 1		      /* max_stack_depth of INIT's answer */
#define BACKING_OPEN_FLAG (UINT32_C(1) << 7)  /* FOPEN_PASSTHROUGH */

struct backing;

/* For the connection dev (/dev/fuse, open; borrowed). Never NULL. */
struct backing *backing_new(int dev);
/* Closes what is registered. NULL is allowed. */
void backing_free(struct backing *b);
/*
 * An open description of node more. fd: its data, or -1 when it must go through the cache (unless
 * it is open the other way already). Returns the number to answer OPEN with, 0: through the cache,
 * or -errno: it is open the first way, and fd < 0.
 */
int backing_add(struct backing *b, uint64_t node, int fd);
/* One less. A node that is not known is ignored. */
void backing_del(struct backing *b, uint64_t node);
/* The kernel is to ask for the node's attributes when it needs them next. */
void backing_attr_stale(const struct backing *b, uint64_t node);
/* Nodes that are open now. */
size_t backing_count(const struct backing *b);

#endif
