/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moves: directories of base that a side shows at another path; for diff.c. */
#ifndef GAOL_CORE_REPO_MOVES_H
#define GAOL_CORE_REPO_MOVES_H

#include "core/repo/look.h"

struct move {
	char *from, *to; /* absolute */
};

struct moves {
	struct move *v;
	size_t n, cap;
};

/*
 * Finds the base directories that b shows elsewhere and a still where base has them, simple ones: a
 * shows nothing at the new path, b no directory at the old one. 0 or -errno with the side's err
 * set.
 */
int moves_find(struct side *a, struct side *b, struct moves *m);
void moves_free(struct moves *m);
/* The move from, or to, a path; NULL when there is none. */
const struct move *moves_from(const struct moves *m, const char *path);
const struct move *moves_to(const struct moves *m, const char *path);

#endif
