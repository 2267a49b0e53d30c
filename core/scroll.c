/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/scroll.h"
#include "core/buf.h"
#include "core/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 32
#define SIZE_MAX_KEPT (256u << 20) /* [console] size is at most that */

struct scroll {
	uint64_t size;
	uint64_t end; /* bytes ever written; byte i lies at p[i % size] */
	char p[];
};

static const char *file_name(unsigned console, const char *suffix, char out[NAME_SIZE])
{
	if (console > 1)
		snprintf(out, NAME_SIZE, "console.%u%s", console, suffix);
	else
		snprintf(out, NAME_SIZE, "console%s", suffix);
	return out;
}

uint64_t scroll_end(const struct scroll *s)
{
	return s->end;
}

uint64_t scroll_oldest(const struct scroll *s)
{
	return s->end > s->size ? s->end - s->size : 0;
}

void scroll_add(struct scroll *s, const char *p, size_t n)
{
	if (n > s->size) {
		s->end += n - s->size;
		p += n - s->size;
		n = s->size;
	}
	size_t at = s->end % s->size;
	size_t first = n < s->size - at ? n : s->size - at;
	memcpy(s->p + at, p, first);
	memcpy(s->p, p + first, n - first);
	s->end += n;
}

size_t scroll_read(const struct scroll *s, uint64_t pos, char *out, size_t n)
{
	size_t have = (size_t)(s->end - pos);
	size_t at = pos % s->size;

	if (n > have)
		n = have;
	size_t first = n < s->size - at ? n : s->size - at;
	memcpy(out, s->p + at, first);
	memcpy(out + first, s->p, n - first);
	return n;
}

uint64_t scroll_replay(const struct scroll *s, size_t max)
{
	uint64_t from = s->end > max ? s->end - max : 0;

	if (from < scroll_oldest(s))
		from = scroll_oldest(s);
	if (!from)
		return 0;
	for (uint64_t i = from; i < s->end; i++)
		if (s->p[i % s->size] == '\n')
			return i + 1;
	return from;
}

/* Maps the file; NULL where the disk has no room for all of it (a write into a hole would be
 * SIGBUS). */
static struct scroll *map_live(int dirfd, const char *name, size_t bytes)
{
	cleanup_fd int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || posix_fallocate(fd, 0, (off_t)bytes) || ftruncate(fd, (off_t)bytes)) {
		unlinkat(dirfd, name, 0);
		return NULL;
	}
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

static struct scroll *map_private(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort(); /* as every allocation that fails */
	return p;
}

struct scroll *scroll_open(int dirfd, unsigned console, size_t size)
{
	size_t bytes = sizeof(struct scroll) + size;
	char live[NAME_SIZE], saved[NAME_SIZE];
	struct buf old = {0};

	struct scroll *s = map_live(dirfd, file_name(console, ".live", live), bytes);
	if (s && s->size == size && s->end)
		return s; /* what somebody who was killed had */
	if (!s)
		s = map_private(bytes);
	s->size = size;
	s->end = 0;
	if (!file_read_at(dirfd, file_name(console, "", saved), SIZE_MAX_KEPT, &old))
		scroll_add(s, buf_cstr(&old), old.len);
	buf_free(&old);
	return s;
}

void scroll_free(struct scroll *s)
{
	if (s)
		munmap(s, sizeof(*s) + s->size);
}

void scroll_save(const struct scroll *s, int dirfd, unsigned console)
{
	uint64_t from = scroll_oldest(s);
	size_t n = (size_t)(s->end - from);
	char *text = xmalloc(n), name[NAME_SIZE];

	n = scroll_read(s, from, text, n);
	file_replace_at(dirfd, file_name(console, "", name), text, n, 0600, false);
	free(text);
}

void scroll_settle(const struct scroll *s, int dirfd, unsigned console)
{
	char name[NAME_SIZE];

	scroll_save(s, dirfd, console);
	unlinkat(dirfd, file_name(console, ".live", name), 0);
}

/* The ring's file while somebody may write to it: a copy first, whose numbers are then looked at.
 */
static int peek_live(int dirfd, const char *name, size_t max, struct buf *out)
{
	struct buf b = {0};
	int ret = file_read_at(dirfd, name, sizeof(struct scroll) + SIZE_MAX_KEPT, &b);
	const struct scroll *s = ret ? NULL : (const struct scroll *)(const void *)buf_cstr(&b);

	if (!ret && (b.len <= sizeof(*s) || s->size != b.len - sizeof(*s) || !s->end))
		ret = -ENOENT;
	if (!ret) {
		uint64_t from = scroll_replay(s, max);
		size_t n = (size_t)(s->end - from);
		char *text = xmalloc(n);
		buf_add(out, text, scroll_read(s, from, text, n));
		free(text);
	}
	buf_free(&b);
	return ret;
}

int scroll_peek(int dirfd, unsigned console, size_t max, struct buf *out)
{
	char name[NAME_SIZE];
	struct buf b = {0};
	int ret = peek_live(dirfd, file_name(console, ".live", name), max, out);

	if (!ret)
		return 0;
	ret = file_read_at(dirfd, file_name(console, "", name), SIZE_MAX_KEPT, &b);
	if (!ret) {
		const char *p = buf_cstr(&b), *nl;
		size_t skip = b.len > max ? b.len - max : 0;
		if (skip && (nl = memchr(p + skip, '\n', b.len - skip)))
			skip = (size_t)(nl - p) + 1;
		buf_add(out, p + skip, b.len - skip);
	}
	buf_free(&b);
	return ret;
}
