/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lanes: where the lines of a graph of checkpoints run, newest first.
 *
 * Lane 0 is the present line. Every other line begins with a checkpoint that nothing above has as
 * its parent, runs beside the others, and joins the lane of the checkpoint that it began from.
 */
#ifndef GAOL_VIEWS_LANES_H
#define GAOL_VIEWS_LANES_H

#include "core/repo/repo.h"
#include <stddef.h>
#include <stdint.h>

#define LANES_MAX 32

struct lane {
	size_t at;	 /* lane of the checkpoint */
	size_t count;	 /* lanes in this row */
	uint32_t passes; /* bit i: a line runs through lane i beside it */
	uint32_t joins;	 /* bit i: the line of lane i ends here, at the checkpoint */
};

struct lanes {
	char next[LANES_MAX][REPO_HASH_LEN + 1]; /* what each line waits for, "" = free */
};

void lanes_reset(struct lanes *l);
/* Places the next older checkpoint. */
void lanes_next(struct lanes *l, const struct checkpoint *c, struct lane *out);

#endif
