/* SPDX-License-Identifier: GPL-2.0-or-later */
/* patch: two texts compared, as a unified diff; for texts of gaol's own. */
#ifndef GAOL_CORE_REPO_PATCH_H
#define GAOL_CORE_REPO_PATCH_H

#include "core/err.h"
#include <stddef.h>

struct buf;

/* Appends the diff from a to b, both called name; nothing when they are equal. 0 or -errno with e
 * set. */
int patch_texts(const struct buf *a, const struct buf *b, const char *name, struct buf *out,
		struct err *e);

#endif
