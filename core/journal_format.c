/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a journal's writer and its reader both need to know of its bytes. */
#include "core/journal_format.h"
#include "core/buf.h"
#include "core/fd.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Places in one segment that may look like a frame without being one: salts are random, so this
 * is met only by a file that was made to cost time. */
#define TRIES_MAX 1024

uint32_t segment_crc(const struct segment_head *h)
{
	struct segment_head z = *h;

	z.crc = 0;
	return (uint32_t)crc32((uint32_t)h->salt, (const Bytef *)&z, sizeof(z));
}

uint32_t frame_crc(const struct frame_head *h, const void *data, size_t n)
{
	struct frame_head z = *h;
	uLong crc;

	z.crc = 0;
	crc = crc32((uint32_t)h->salt, (const Bytef *)&z, sizeof(z));
	return (uint32_t)crc32(crc, data, (uInt)n);
}

bool walk_begin(struct frame_walk *w, const void *p, size_t n)
{
	struct segment_head h;

	if (n < SEGMENT_HEAD)
		return false;
	memcpy(&h, p, sizeof(h));
	if (h.magic != SEGMENT_MAGIC || h.version != SEGMENT_VERSION || h.crc != segment_crc(&h))
		return false;
	*w = (struct frame_walk){.p = p, .n = n, .at = SEGMENT_HEAD, .salt = h.salt};
	return true;
}

/* True when a whole frame begins at byte at. */
static bool frame_at(struct frame_walk *w, size_t at, struct frame_head *f)
{
	if (w->n - at < FRAME_HEAD)
		return false;
	memcpy(f, w->p + at, sizeof(*f));
	if (f->salt != w->salt || f->size > FRAME_DATA_MAX || f->size > w->n - at - FRAME_HEAD ||
	    !f->raw || f->raw > FRAME_RAW_MAX || !f->count || f->count > f->raw / RECORD_HEAD ||
	    !f->first || f->last > SEQ_MAX || f->last < f->first ||
	    f->last - f->first < f->count - 1)
		return false;
	return f->crc == frame_crc(f, w->p + at + FRAME_HEAD, f->size);
}

bool walk_next(struct frame_walk *w, struct frame_head *f, const unsigned char **data,
	       uint64_t *skipped)
{
	size_t at = w->at;

	while (w->n - at >= FRAME_HEAD && w->tries < TRIES_MAX) {
		const unsigned char *next;

		if (frame_at(w, at, f)) {
			*skipped += at - w->at;
			*data = w->p + at + FRAME_HEAD;
			w->at = at + FRAME_HEAD + f->size;
			return true;
		}
		w->tries++;
		next = memmem(w->p + at + 1, w->n - at - 1, &w->salt, sizeof(w->salt));
		if (!next)
			break;
		at = (size_t)(next - w->p);
	}
	return false;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* The number in a segment's name; 0: it is none. */
static uint64_t number_of(const char *name)
{
	uint64_t n = 0;

	for (int i = 0; i < 20; i++, name++) {
		if (*name < '0' || *name > '9' || n > SEQ_MAX / 10)
			return 0;
		n = n * 10 + (uint64_t)(*name - '0');
	}
	return strcmp(name, ".seg") != 0 || n > SEQ_MAX ? 0 : n;
}

size_t segments_list(int dirfd, uint64_t **out)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	size_t n = 0, cap = 0;
	struct dirent *ent;

	*out = NULL;
	if (!d) {
		fd_close(&fd);
		return 0;
	}
	while (n < SEGMENTS_MAX && (ent = readdir(d))) {
		uint64_t first = number_of(ent->d_name);

		if (!first)
			continue;
		if (n == cap) {
			cap = cap ? 2 * cap : 32;
			*out = xrealloc(*out, cap * sizeof(**out));
		}
		(*out)[n++] = first;
	}
	closedir(d);
	if (n)
		qsort(*out, n, sizeof(**out), by_number);
	return n;
}

char *segment_name(uint64_t first, char *name)
{
	snprintf(name, SEGMENT_NAME_MAX, "%020" PRIu64 ".seg", first);
	return name;
}
