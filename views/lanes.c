/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/lanes.h"
#include <string.h>

void lanes_reset(struct lanes *l)
{
	memset(l, 0, sizeof(*l));
}

/* The lane of a checkpoint: the present line's is 0, another's is the one that waits for it, else
 * the first that is free. */
static size_t lane_of(const struct lanes *l, const struct checkpoint *c)
{
	if (!c->abandoned)
		return 0;
	for (size_t i = 1; i < LANES_MAX; i++)
		if (!strcmp(l->next[i], c->hash))
			return i;
	for (size_t i = 1; i < LANES_MAX; i++)
		if (!l->next[i][0])
			return i;
	return LANES_MAX - 1;
}

void lanes_next(struct lanes *l, const struct checkpoint *c, struct lane *out)
{
	*out = (struct lane){.at = lane_of(l, c)};
	for (size_t i = 0; i < LANES_MAX; i++) {
		if (i == out->at || !l->next[i][0])
			continue;
		if (!strcmp(l->next[i], c->hash)) {
			out->joins |= 1u << i;
			l->next[i][0] = '\0';
		} else {
			out->passes |= 1u << i;
		}
		out->count = i + 1;
	}
	if (out->count <= out->at)
		out->count = out->at + 1;
	memcpy(l->next[out->at], c->parent, sizeof(l->next[0]));
}
