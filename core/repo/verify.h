/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify: is a repository whole? */
#ifndef GAOL_CORE_REPO_VERIFY_H
#define GAOL_CORE_REPO_VERIFY_H

#include "core/repo/repo.h"

struct verify_result {
	uint64_t objects, bytes; /* read and hashed; bytes uncompressed */
	uint64_t checkpoints;	 /* whose trees were walked */
	uint64_t problems;
};
/*
 * Reads every object and hashes it again, then checks every checkpoint that a ref leads to by the
 * format (format.h): each line of %meta, each entry of a tree against it, each file's chunks and
 * size. What two checkpoints share is checked once. tell is called with a sentence for each problem
 * (raw text, may hold foreign bytes), at most 1000. A reader: it may run beside the writer, but a
 * prune meanwhile can make it tell of objects that just went. 0 (also with problems), -ECANCELED or
 * -errno with e set.
 */
typedef void verify_fn(void *user, const char *problem);
int repo_verify(struct repo *r, verify_fn *tell, void *user, const struct repo_hooks *h,
		struct verify_result *out, struct err *e);

#endif
