/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/squeeze.h"
#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

/* Chosen by measurement: higher levels cost more time than the disk saves. */
#define LEVEL 1
/* What is compressed already costs 25 ms a MiB for nothing: objects of so many bytes are sampled. */
#define SAMPLED (64u << 10)
#define SAMPLE 8192u

bool squeeze_begin(struct squeeze *s)
{
	*s = (struct squeeze){.level = LEVEL};
	s->live = deflateInit(&s->z, LEVEL) == Z_OK;
	return s->live;
}

void squeeze_end(struct squeeze *s)
{
	if (s->live)
		deflateEnd(&s->z);
	s->live = false;
}

/* Whether a sample gets smaller, by a 32nd at least. */
static bool gets_smaller(struct squeeze *s, const uint8_t *data)
{
	uint8_t mem[SAMPLE - SAMPLE / 32];

	deflateReset(&s->z);
	s->z.next_in = (Bytef *)(uintptr_t)data;
	s->z.avail_in = SAMPLE;
	s->z.next_out = mem;
	s->z.avail_out = sizeof(mem);
	return deflate(&s->z, Z_FINISH) == Z_STREAM_END;
}

static void set_level(struct squeeze *s, int level)
{
	deflateReset(&s->z);
	if (level != s->level)
		deflateParams(&s->z, level, Z_DEFAULT_STRATEGY);
	s->level = level;
}

static int level_for(struct squeeze *s, const uint8_t *data, size_t n)
{
	if (n < SAMPLED)
		return LEVEL;
	set_level(s, LEVEL);
	for (size_t i = 0; i < 3; i++)
		if (gets_smaller(s, data + (n - SAMPLE) / 2 * i))
			return LEVEL;
	return Z_NO_COMPRESSION;
}

int squeeze(struct squeeze *s, const void *data, size_t n,
	    int (*put)(void *user, const void *p, size_t n), void *user)
{
	uint8_t mem[65536];
	int got, err = 0;

	set_level(s, level_for(s, data, n));
	s->z.next_in = (Bytef *)(uintptr_t)data;
	s->z.avail_in = (uInt)n;
	do {
		s->z.next_out = mem;
		s->z.avail_out = sizeof(mem);
		got = deflate(&s->z, Z_FINISH);
		err = put(user, mem, sizeof(mem) - s->z.avail_out);
	} while (!err && got == Z_OK);
	return err ? err : got == Z_STREAM_END ? 0 : -EIO;
}

int unsqueeze_at(int fd, uint64_t off, void *to, size_t n)
{
	uint8_t mem[16384];
	z_stream z = {.next_out = to, .avail_out = (uInt)n};
	int got = Z_OK;

	if (inflateInit(&z) != Z_OK)
		return -ENOMEM;
	while (got == Z_OK) {
		ssize_t have = pread(fd, mem, sizeof(mem), (off_t)off);
		if (have <= 0)
			break;
		off += (uint64_t)have;
		z.next_in = mem;
		z.avail_in = (uInt)have;
		do
			got = inflate(&z, Z_NO_FLUSH);
		while (got == Z_OK && z.avail_in && z.avail_out);
		/* all output is there; only the checksum behind it is left */
		if (got == Z_OK && !z.avail_out && z.avail_in)
			break;
	}
	inflateEnd(&z);
	return z.avail_out ? -EIO : 0;
}
