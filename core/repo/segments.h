/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * segments: two long texts cut where they are equal for a while, so that what lies between can be
 * compared piece by piece: a million lines with a thousand changes are a thousand small questions.
 *
 * What is left out is the same on both sides. Each segment begins and ends with lines that are the
 * same (as many as were asked for, where there are so many); two of them are further apart than
 * that, so no hunk of one would have touched one of the next.
 */
#ifndef GAOL_CORE_REPO_SEGMENTS_H
#define GAOL_CORE_REPO_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>

#define SEGMENTS_CONTEXT_MAX 10 /* more would let two segments touch */

struct segments {
	const char *a, *b; /* the texts, borrowed */
	size_t na, nb;
	unsigned context; /* same lines around what differs */
	/* where the last segment ended; zero to begin with */
	size_t at_a, at_b;
	size_t line_a, line_b; /* lines before that */
};

struct segment {
	size_t a, na, b, nb;   /* offset and bytes in each text; both or none are whole lines */
	size_t line_a, line_b; /* lines before it */
};

/* The next one; false: all that is left is the same. */
bool segments_next(struct segments *s, struct segment *out);

#endif
