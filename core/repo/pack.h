/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pack: writes new objects into one git pack, streaming (gitformat-pack(5): version 2, no deltas,
 * zlib), with its index (version 2).
 *
 * Objects that the repository or this pack has already are not written again. Where there are many, a
 * thread compresses and writes while the caller goes on. Memory: 8 MiB of objects that wait for it,
 * and 48 bytes for each written. Nothing is visible in the repository before pack_finish, which
 * makes pack and index durable and renames them into objects/pack.
 */
#ifndef GAOL_CORE_REPO_PACK_H
#define GAOL_CORE_REPO_PACK_H

#include "core/err.h"
#include <git2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pack;

/*
 * gaolfd: checkpoints.git/gaol, where the temporary lies; packfd: objects/pack; both borrowed, as
 * is odb (NULL: objects are written whether or not the repository has them). gaolfd < 0: nothing is
 * written, objects are only hashed ("dry"). 0 or -errno with e set.
 */
int pack_new(struct pack **out, git_odb *odb, int gaolfd, struct err *e);
/* Adds an object, its hash to *oid. 0 or -errno with e set. */
int pack_add(struct pack *p, git_object_t type, const void *data, size_t n, git_oid *oid,
	     struct err *e);
/* True when the object is in the repository or in this pack. */
bool pack_has(struct pack *p, const git_oid *oid);
/* Reads an object of this pack back, as object_read (inside.h) does; -ENOENT when it is not in it.
 */
int pack_read(struct pack *p, const git_oid *oid, git_object_t type, size_t max, void **data,
	      size_t *n);
/* Bytes of the pack so far, objects written so far. */
uint64_t pack_bytes(struct pack *p);
size_t pack_count(const struct pack *p);
/* "pack-HASH" behind pack_finish, else "". */
const char *pack_name(const struct pack *p);
/* Publishes the pack (nothing when it has no objects). 0 or -errno with e set; then pack_free. */
int pack_finish(struct pack *p, struct err *e);
/* Releases p; what was not finished is removed. NULL is allowed. */
void pack_free(struct pack *p);
/* Removes temporaries of packs that a crash left in gaolfd. */
void pack_clean(int gaolfd);

#endif
