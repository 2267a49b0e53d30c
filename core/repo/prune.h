/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prune: takes checkpoints away, and the space that only they needed.
 *
 * Kept in any case: the present checkpoint, what has a tag, and whatever is reachable from a ref
 * that is none of gaol's. A line loses its middle: a checkpoint whose parent goes gets the next one
 * that stays as its parent, so it and those behind it have new hashes; numbers and tags stay.
 *
 * Everything that stays is written into one new pack, which is durable before any ref moves; old
 * packs go last. So after a kill at any instant the repository is whole, at worst with objects that
 * the next prune takes. Reflogs go, since they name what went.
 */
#ifndef GAOL_CORE_REPO_PRUNE_H
#define GAOL_CORE_REPO_PRUNE_H

#include "core/repo/repo.h"

struct prune_request {
	/* a checkpoint goes when all that are set say so; none: none goes */
	bool by_count, by_age, by_size;
	unsigned keep;	       /* by_count: beyond the newest so many */
	int64_t older;	       /* by_age: made more than so many seconds ago */
	/* by_size: it and what is older do not fit beside what stays: as many of the newest as fit into
	 * so many bytes of a pack. What stays in any case may take more than that. */
	uint64_t size;
	bool dry;	       /* only find out; costs the same time, leaves nothing */
};
struct prune_result {
	unsigned *numbers; /* of checkpoints that went, newest first; owned: free it */
	size_t n;
	uint64_t before, after; /* bytes of packs and loose objects */
};
/* Writer. 0, -ECANCELED, -EBUSY (a rollback was interrupted), -ENOSPC (nothing was changed) or
 * -errno with e set. */
int prune(struct repo *r, const struct prune_request *q, struct prune_result *out,
	  const struct repo_hooks *h, struct err *e);

/*
 * Gives a checkpoint (its whole hash) another message. It and those behind it get new hashes; numbers,
 * tags and content stay. Writer; durable when it returns. 0, -EINVAL for an empty one, -EBUSY, -ENOENT
 * or -errno with e set.
 */
int reword(struct repo *r, const char *hash, const char *message, struct err *e);

#endif
