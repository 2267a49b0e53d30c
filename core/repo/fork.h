/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fork: a checkpoint as a layer of its own: for a new jail, or to be looked at.
 *
 * Readers of the repository: they may run beside its writer.
 */
#ifndef GAOL_CORE_REPO_FORK_H
#define GAOL_CORE_REPO_FORK_H

#include "core/repo/repo.h"

/*
 * Makes upper/ and work/ in the directory dirfd, where neither is yet, as the layer was at the
 * checkpoint with this hash: complete with records, attributes, times, hard links, and the table
 * of devices. Costs what the layer holds. *entries (may be NULL) is the number of entries made. 0,
 * -ECANCELED, -EPROTO (damaged) or -errno with e set; left-overs are then the caller's to remove.
 */
int fork_layer(struct repo *r, const char *hash, int dirfd, const struct repo_hooks *h,
	       uint64_t *entries, struct err *e);

/*
 * Makes checkpoints.git, upper/ and work/ in the directory tojail: a repository whose present
 * checkpoint is the one of this hash, with the line it stands on and that line's tags, and the
 * layer of it. Packs are hard-linked (copied to another file system), never referred to: what
 * becomes of r later does not touch the new one. 0 or -errno with e set as above.
 */
int fork_repo(struct repo *r, const char *hash, int tojail, const struct repo_hooks *h,
	      struct err *e);

#endif
