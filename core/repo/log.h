/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log: the list of checkpoints, and what a person's ID means. */
#ifndef GAOL_CORE_REPO_LOG_H
#define GAOL_CORE_REPO_LOG_H

#include "core/repo/repo.h"

/*
 * Calls fn for every checkpoint, newest (highest number) first, those on abandoned lines included,
 * until it returns false. c lives during the call only. Commits that are none of ours (no
 * Gaol-Number) are passed over. 0 or -errno with e set.
 */
typedef bool log_fn(void *user, const struct checkpoint *c);
int log_each(struct repo *r, log_fn *fn, void *user, struct err *e);

/*
 * Finds the checkpoint that id means, into out (checkpoint_free it): a number; a tag; 7 to 40
 * digits of a hash; "" or NULL for the present one; each may be followed by "~N", N checkpoints
 * back along its line ("~" is "~1", "~2" alone counts from the present one). A number wins over a
 * tag, a tag over a hash. name is the jail's, for the message: "no checkpoint 9: the newest is 4:
 * see `gaol log NAME`". 0, -ENOENT, -EINVAL (ambiguous or no ID at all) or -errno with e set.
 */
int log_resolve(struct repo *r, const char *id, const char *name, struct checkpoint *out,
		struct err *e);

/* Words that may stand as a tag: what git-check-ref-format(1) takes in one component, 1 to 100
 * bytes, no "~", not only digits, not 7 and more hexadecimal digits. */
bool log_tag_ok(const char *tag);
/* Tags a checkpoint (writer). -EEXIST when the tag is there, -EINVAL for a word that may not be. */
int log_tag(struct repo *r, const struct checkpoint *c, const char *tag, struct err *e);
/* Removes a tag (writer); -ENOENT. */
int log_untag(struct repo *r, const char *tag, struct err *e);

#endif
