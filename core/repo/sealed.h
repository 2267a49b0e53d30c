/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealed: the layer as it was when it was sealed, while it changes (core/layer/seal.h).
 *
 * Whoever reads from upper reads first and asks here then: what there is a record of had perhaps
 * changed by the time of reading, and the record says what was there.
 */
#ifndef GAOL_CORE_REPO_SEALED_H
#define GAOL_CORE_REPO_SEALED_H

#include "core/layer/runs.h"
#include "core/layer/seal.h"
#include <stddef.h>
#include <sys/stat.h>

struct sealed;

/* Reads from the three descriptors (borrowed) and from work/seal, workfd being work/. NULL on
 * failure. */
struct sealed *sealed_open(const struct seal_ends *ends, int workfd);
/* NULL is allowed. */
void sealed_close(struct sealed *s);
/* Takes in what has been recorded until now; false when the log is damaged. */
bool sealed_sync(struct sealed *s);

/* These answer from what was taken in; s may be NULL: no records. */
/* True when there is a record of the name: *ino is what had it, 0 for nothing. */
bool sealed_name(const struct sealed *s, uint64_t dir, const char *name, uint64_t *ino);
/* The names that were in a directory and of which there are records, one by one; start with 0. */
const char *sealed_next_name(const struct sealed *s, uint64_t dir, size_t *at);
/* The attributes of an inode: n bytes of list as SEAL_INODE has it, behind the struct stat. */
bool sealed_inode_was(const struct sealed *s, uint64_t ino, struct stat *st, const char **list,
		      size_t *n);
/* The runs of data of a file whose data changed since; appended. */
bool sealed_runs(const struct sealed *s, uint64_t ino, struct runs *r);
/* Puts the kept chunks among n bytes at off of an inode's data into p. 0 or -errno. */
int sealed_data(const struct sealed *s, uint64_t ino, uint64_t off, void *p, size_t n);
/* A new descriptor of an inode that lost its name: a directory's (dir), or a file's to read. -ENOENT
 * when it is not reachable: a directory that was removed. */
int sealed_fd(struct sealed *s, uint64_t ino, bool dir);

#endif
