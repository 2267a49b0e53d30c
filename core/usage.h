/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage: what a tree of files takes on the disk. */
#ifndef GAOL_CORE_USAGE_H
#define GAOL_CORE_USAGE_H

#include <stdint.h>

#define USAGE_DIR 4096 /* bytes that a directory counts in a layer, however large it is */

struct usage {
	uint64_t bytes;	    /* allocated blocks; of an inode with several links its share of them */
	uint64_t shared;    /* of bytes and the other links' shares: what regular files with several
			       links take */
	uint64_t dir_bytes; /* of bytes, those of directories */
	uint64_t dirs;	    /* the root counts */
	double inodes;	    /* the same with inodes; the root counts */
	uint64_t entries;   /* without the root itself */
};
/*
 * Adds up the tree at name (a directory) of dirfd, without leaving its file system. A directory
 * that is not there takes nothing; what vanishes meanwhile is passed over. 0 or -errno.
 */
int usage_tree(int dirfd, const char *name, struct usage *out);

/*
 * What the layer holds whose upper/ and work/ lie in dirfd, as the layer itself counts
 * (core/layer/quota.c). 0 or -errno.
 */
int usage_layer(int dirfd, int64_t *bytes, int64_t *inodes);

#endif
