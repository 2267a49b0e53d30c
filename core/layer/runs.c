/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/layer/runs.h"
#include "core/buf.h"
#include <errno.h>
#include <unistd.h>

void runs_add(struct runs *r, uint64_t off, uint64_t len)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 8;
		r->v = xrealloc(r->v, r->cap * sizeof(*r->v));
	}
	r->v[r->n++] = (struct run){.off = off, .len = len};
}

int runs_find(int fd, uint64_t size, size_t max, struct runs *r)
{
	off_t at = 0;

	while ((uint64_t)at < size) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;
		if (data < 0 && errno == ENXIO)
			return 0;
		hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0) {
			r->n = 0;
			runs_add(r, 0, size);
			return 0;
		}
		if ((uint64_t)data >= size)
			return 0;
		if (max && r->n == max)
			return -E2BIG;
		if ((uint64_t)hole > size)
			hole = (off_t)size;
		runs_add(r, (uint64_t)data, (uint64_t)(hole - data));
		at = hole;
	}
	return 0;
}
