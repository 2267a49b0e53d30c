/* SPDX-License-Identifier: GPL-2.0-or-later */
/* squeeze: objects as zlib streams (RFC 1950), the form that git's packs have them in. */
#ifndef GAOL_CORE_REPO_SQUEEZE_H
#define GAOL_CORE_REPO_SQUEEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

struct squeeze {
	z_stream z;
	bool live;
	int level; /* z's */
};

/* False: out of memory. squeeze_end is allowed all the same. */
bool squeeze_begin(struct squeeze *s);
void squeeze_end(struct squeeze *s);
/*
 * Gives put the stream of n bytes piece by piece, and stops at a non-zero return, which it returns.
 * What does not get smaller (three samples of a large object tell) is stored as it is. 0 or -EIO.
 */
int squeeze(struct squeeze *s, const void *data, size_t n,
	    int (*put)(void *user, const void *p, size_t n), void *user);
/* Reads the stream at off of a file: just n bytes into to. 0, -ENOMEM or -EIO. */
int unsqueeze_at(int fd, uint64_t off, void *to, size_t n);

#endif
