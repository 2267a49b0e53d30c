/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runs: where a file has data and where holes, as lseek(SEEK_DATA) tells. */
#ifndef GAOL_CORE_LAYER_RUNS_H
#define GAOL_CORE_LAYER_RUNS_H

#include <stddef.h>
#include <stdint.h>

struct run {
	uint64_t off, len;
};

/* Ascending, apart from each other. Zero-initialise, free v. */
struct runs {
	struct run *v;
	size_t n, cap;
};

void runs_add(struct runs *r, uint64_t off, uint64_t len);
/*
 * Appends the runs of data of a file of that size; one run of all of it where the file system tells
 * no holes. 0, or -E2BIG when there are more than max (0: any number).
 */
int runs_find(int fd, uint64_t size, size_t max, struct runs *r);

#endif
