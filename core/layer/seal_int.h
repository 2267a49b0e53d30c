/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seal_int: what keeps for a seal (seal.c), and decides whether to (sealed.c). For core/layer. */
#ifndef GAOL_CORE_LAYER_SEAL_INT_H
#define GAOL_CORE_LAYER_SEAL_INT_H

#include "core/layer/seal.h"
#include <sys/stat.h>

struct sealed_inode {
	uint64_t ino, size; /* of a regular file, when it was sealed */
	bool kept;	    /* its attributes are in the log */
	bool runs;	    /* its runs of data are */
	bool linked;	    /* it has a link in work/seal */
	bool named;	    /* a name of it is */
	bool sent;	    /* a descriptor of the directory was sent */
};

struct seen {
	uint64_t a, b; /* both 0: free */
};

struct seal {
	int log, data, sock, dir;
	uint64_t end, data_end;
	struct touched *was;
	bool moved; /* a directory has another place since: paths tell nothing */
	bool broken;
	void (*on_broken)(void *user);
	void *user;
	uint64_t key[4];
	struct seen *seen; /* names and chunks that are in the log, hashed by key */
	size_t nseen, seen_cap;
	struct sealed_inode **inode;
	size_t ninodes, inode_cap;
	size_t swept; /* of inode, behind layer_unseal */
	unsigned dirs; /* in work/seal as SEAL_GONE_FMT, from 1 on */
	uint64_t held; /* ns */
	char *scratch;
};

/* True when that had not been added yet. */
bool seen_add(struct seal *s, uint32_t kind, uint64_t ino, uint64_t arg, const char *name);
/* The place for an inode, made when there is none; stays where it is. */
struct sealed_inode *sealed_inode(struct seal *s, uint64_t ino);
void sealed_sets_free(struct seal *s);

/* Keeps attributes of the inode at a name below dirfd (NULL: of dirfd itself), whose lstat is st. */
struct sealed_inode *seal_inode(struct seal *s, int dirfd, const char *name, const struct stat *st);
/* Keeps what is at a name; moves: it stays, elsewhere. */
void seal_name_at(struct seal *s, int dirfd, uint64_t dir_ino, const char *name, bool moves);
/* Keeps bytes off to end of a file. */
void seal_data_fd(struct seal *s, int fd, struct sealed_inode *i, uint64_t off, uint64_t end);
/* Keeps all names of a directory that goes with what is in it. */
void seal_dir_names(struct seal *s, int dirfd, const char *name);

#endif
