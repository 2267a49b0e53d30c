/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writer's side of a journal. */
#include "core/journal.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/journal_format.h"
#include "core/ring.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <zlib.h>

#define BLOCK 4096 /* what a file takes at least: keep bounds the disk, not the bytes */
/* A mark further beyond the last frame than this is no mark. */
#define MARK_LEAD_MAX (UINT64_C(1) << 32)
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

struct segment {
	uint64_t first;
	uint64_t size;
};

struct journal {
	int jailfd; /* ours */
	int dir;    /* -1: not there yet */
	uint64_t keep;
	uint64_t last;
	struct ring_reader *ring;
	uint64_t lost;

	struct segment *segs; /* oldest first; the last one is open when fd >= 0 */
	size_t nsegs;
	int fd;
	uint64_t salt; /* of the open segment */

	struct mark *mark;	/* mapped, or */
	int mark_fd;		/* written with each frame, -1 */
	struct mark mark_plain; /* what mark points to when it is not mapped */

	struct buf raw; /* records of the next frame: kept until they are written */
	uint32_t count;
	uint64_t first, final; /* their numbers */

	z_stream z;
	bool z_ready;
	bool streaming;	 /* the stream goes on in the open segment */
	size_t streamed; /* bytes of records since it began */
};

static uint64_t disk_size(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static uint64_t segment_limit(const struct journal *j)
{
	uint64_t n = j->keep / 16;

	return n < SEGMENT_MIN ? SEGMENT_MIN : n > SEGMENT_MAX ? SEGMENT_MAX : n;
}

static void close_segment(struct journal *j)
{
	fd_close(&j->fd);
	j->streaming = false;
}

static void remove_oldest(struct journal *j)
{
	char name[SEGMENT_NAME_MAX];

	unlinkat(j->dir, segment_name(j->segs[0].first, name), 0);
	memmove(j->segs, j->segs + 1, --j->nsegs * sizeof(*j->segs));
}

/* Removes oldest segments until extra bytes more fit; never the one that is being written, unless
 * nothing is kept. */
static void make_room(struct journal *j, uint64_t extra)
{
	uint64_t total = disk_size(extra) + (j->mark_fd >= 0 || j->mark ? MARK_SIZE : 0);
	size_t least = j->fd >= 0 ? 1 : 0;

	for (size_t i = 0; i < j->nsegs; i++)
		total += disk_size(j->segs[i].size);
	while (j->nsegs > least && total > j->keep) {
		total -= disk_size(j->segs[0].size);
		remove_oldest(j);
	}
}

/*
 * Reads the last segment: *last becomes its last number, true when its end is whole, so that it can
 * be written on. *last stays 0 when no frame of it is whole.
 */
static bool read_end(int fd, size_t size, uint64_t *last, uint64_t *salt)
{
	unsigned char *p = xmalloc(size ? size : 1);
	ssize_t n = fd_read_full(fd, p, size);
	const unsigned char *data;
	struct frame_head f;
	struct frame_walk w;
	uint64_t skipped = 0;
	bool whole = false;

	if (n > 0 && walk_begin(&w, p, (size_t)n)) {
		while (walk_next(&w, &f, &data, &skipped))
			if (f.last > *last)
				*last = f.last;
		*salt = w.salt;
		whole = w.at == w.n;
	}
	free(p);
	return whole;
}

/* Opens the newest segment to go on with it, if it can be. One without a record is removed. */
static void continue_last(struct journal *j)
{
	while (j->nsegs) {
		struct segment *s = &j->segs[j->nsegs - 1];
		char name[SEGMENT_NAME_MAX];
		cleanup_fd int fd = openat(j->dir, segment_name(s->first, name),
					   O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		uint64_t last = 0;
		bool whole = fd >= 0 && s->size <= SEGMENT_FILE_MAX &&
			     read_end(fd, s->size, &last, &j->salt);

		if (!last && fd >= 0 && s->size <= SEGMENT_FILE_MAX) {
			unlinkat(j->dir, name, 0);
			j->nsegs--;
			continue;
		}
		j->last = last > s->first - 1 ? last : s->first;
		if (whole && s->size < segment_limit(j))
			j->fd = fd_steal(&fd);
		return;
	}
}

static void load_segments(struct journal *j)
{
	uint64_t *firsts;
	size_t n = segments_list(j->dir, &firsts);

	j->segs = n ? xmalloc(n * sizeof(*j->segs)) : NULL;
	for (size_t i = 0; i < n; i++) {
		char name[SEGMENT_NAME_MAX];
		struct stat st;

		if (fstatat(j->dir, segment_name(firsts[i], name), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			j->segs[j->nsegs++] =
			    (struct segment){.first = firsts[i], .size = (uint64_t)st.st_size};
	}
	free(firsts);
	continue_last(j);
	make_room(j, 0);
}

/* File systems on which a page that was written once can always be written again: no SIGBUS. */
static bool can_map(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return false;
	return (unsigned long)fs.f_type == TMPFS_MAGIC ||
	       (unsigned long)fs.f_type == EXT4_SUPER_MAGIC ||
	       (unsigned long)fs.f_type == XFS_SUPER_MAGIC;
}

/* The page of a new mark, whole under its name or not at all. Returns its descriptor or -1. */
static int make_mark(struct journal *j)
{
	static const char tmp[] = JOURNAL_MARK ".new";
	struct mark m = {MARK_MAGIC, j->last};
	unsigned char page[MARK_SIZE] = {0};
	cleanup_fd int fd = -1;

	memcpy(page, &m, sizeof(m));
	unlinkat(j->dir, tmp, 0);
	fd = openat(j->dir, tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (fd_write_full(fd, page, sizeof(page)) || renameat(j->dir, tmp, j->dir, JOURNAL_MARK)) {
		unlinkat(j->dir, tmp, 0);
		return -1;
	}
	return fd_steal(&fd);
}

static void open_mark(struct journal *j)
{
	int fd = make_mark(j);
	void *p = MAP_FAILED;

	if (fd < 0)
		return;
	if (can_map(fd))
		p = mmap(NULL, MARK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		j->mark = &j->mark_plain;
		j->mark_fd = fd;
	} else {
		j->mark = p;
		close(fd);
	}
	atomic_store_explicit(&j->mark->magic, MARK_MAGIC, memory_order_relaxed);
	journal_mark(j, j->last);
}

static void write_mark(struct journal *j)
{
	ssize_t n;

	if (j->mark_fd < 0)
		return;
	n = pwrite(j->mark_fd, j->mark, sizeof(*j->mark), 0);
	(void)n; /* the numbers that frames hold are known without it */
}

/* 0 or -errno. */
static int open_dir(struct journal *j)
{
	if (j->dir >= 0)
		return 0;
	if (mkdirat(j->jailfd, JOURNAL_DIR, 0700) && errno != EEXIST)
		return -errno;
	j->dir = openat(j->jailfd, JOURNAL_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return j->dir < 0 ? -errno : 0;
}

struct journal *journal_open(int jailfd, uint64_t keep, uint64_t least, int *error)
{
	struct journal *j = xcalloc(1, sizeof(*j));
	int ret;

	*j = (struct journal){.jailfd = fcntl(jailfd, F_DUPFD_CLOEXEC, 0),
			      .dir = -1,
			      .fd = -1,
			      .mark_fd = -1,
			      .keep = keep};
	ret = open_dir(j);
	if (!ret)
		load_segments(j);
	uint64_t known = journal_marked(j->jailfd);
	if (known > j->last && known - j->last <= MARK_LEAD_MAX)
		j->last = known;
	if (least > j->last && least < SEQ_MAX)
		j->last = least;
	if (!ret)
		open_mark(j);
	if (error)
		*error = ret;
	return j;
}

uint64_t journal_last(const struct journal *j)
{
	return j->last;
}

int journal_attach(struct journal *j, const struct ring *ring)
{
	j->ring = ring_reader_new(ring_fd(ring));
	if (!j->ring)
		return -errno;
	ring_seek_newest(j->ring);
	return 0;
}

void journal_set_keep(struct journal *j, uint64_t keep)
{
	if (keep == j->keep)
		return;
	j->keep = keep;
	if (!keep) {
		close_segment(j);
		j->count = 0;
		buf_free(&j->raw);
	}
	if (j->dir >= 0)
		make_room(j, 0);
}

void journal_mark(struct journal *j, uint64_t seq)
{
	if (j->mark)
		atomic_store_explicit(&j->mark->seq, seq, memory_order_relaxed);
}

uint64_t journal_lost(const struct journal *j)
{
	return j->lost;
}

/* Writing */

static void take_records(struct journal *j)
{
	struct event ev;

	while (j->raw.len + RECORD_MAX <= FRAME_RAW_MAX &&
	       ring_next(j->ring, ~0u, &ev, &j->lost) == 1) {
		struct record rec = record_of(&ev, ev.path_len, ev.path2_len);
		size_t at = j->raw.len;

		buf_room(&j->raw, rec.len);
		memset(j->raw.p + at, 0, rec.len);
		memcpy(j->raw.p + at, &rec, sizeof(rec));
		memcpy(j->raw.p + at + sizeof(rec), ev.path, ev.path_len);
		if (ev.path2_len)
			memcpy(j->raw.p + at + sizeof(rec) + ev.path_len, ev.path2, ev.path2_len);
		if (ev.comm_len)
			memcpy(j->raw.p + at + sizeof(rec) + ev.path_len + ev.path2_len, ev.comm,
			       ev.comm_len);
		j->raw.len += rec.len;
		if (!j->count++)
			j->first = ev.seq;
		j->final = ev.seq;
	}
}

/* Deflates the records into out (FRAME_DATA_MAX bytes); returns the count of bytes, 0: no memory.
 */
static size_t deflate_frame(struct journal *j, bool fresh, unsigned char *out)
{
	if (!j->z_ready) {
		j->z_ready = deflateInit2(&j->z, Z_BEST_SPEED, Z_DEFLATED, -DEFLATE_BITS, 7,
					  Z_DEFAULT_STRATEGY) == Z_OK;
		if (!j->z_ready)
			return 0;
	} else if (fresh) {
		deflateReset(&j->z);
	}
	j->z.next_in = (Bytef *)j->raw.p;
	j->z.avail_in = (uInt)j->raw.len;
	j->z.next_out = out;
	j->z.avail_out = FRAME_DATA_MAX;
	if (deflate(&j->z, Z_SYNC_FLUSH) != Z_OK || j->z.avail_in || !j->z.avail_out)
		return 0;
	return FRAME_DATA_MAX - j->z.avail_out;
}

/* Makes the file of a new segment and its head at p. 0 or -errno. */
static int begin_segment(struct journal *j, unsigned char *p)
{
	struct segment_head h = {
	    .magic = SEGMENT_MAGIC, .version = SEGMENT_VERSION, .first = j->first};
	char name[SEGMENT_NAME_MAX];

	if (getrandom(&h.salt, sizeof(h.salt), GRND_NONBLOCK) != sizeof(h.salt))
		return -EIO;
	h.crc = segment_crc(&h);
	memcpy(p, &h, sizeof(h));
	j->fd = openat(j->dir, segment_name(j->first, name),
		       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return -errno;
	j->salt = h.salt;
	j->segs = xrealloc(j->segs, (j->nsegs + 1) * sizeof(*j->segs));
	j->segs[j->nsegs++] = (struct segment){.first = j->first};
	return 0;
}

/* What a write that failed half-way left is taken back; the next one begins a new segment. */
static void undo(struct journal *j)
{
	struct segment *s = &j->segs[j->nsegs - 1];
	char name[SEGMENT_NAME_MAX];

	if (!s->size) {
		unlinkat(j->dir, segment_name(s->first, name), 0);
		j->nsegs--;
	} else if (ftruncate(j->fd, (off_t)s->size)) {
		/* a torn end, then: readers pass over it */
		s->size += BLOCK;
	}
	close_segment(j);
}

/* Writes n bytes at the end of the open segment. 0 or -errno. */
static int append(struct journal *j, const unsigned char *p, size_t n)
{
	struct segment *s = &j->segs[j->nsegs - 1];
	ssize_t put;

	do
		put = pwrite(j->fd, p, n, (off_t)s->size);
	while (put < 0 && errno == EINTR);
	if (put == (ssize_t)n) {
		s->size += n;
		return 0;
	}
	int ret = put < 0 ? -errno : -ENOSPC;
	undo(j);
	return ret;
}

/* Writes the records that were taken as one frame. 0 or -errno. */
static int put_frame(struct journal *j)
{
	unsigned char *out = xmalloc(SEGMENT_HEAD + FRAME_HEAD + FRAME_DATA_MAX);
	size_t head = 0;
	bool fresh;
	int ret = 0;

	if (j->fd >= 0 && j->segs[j->nsegs - 1].size >= segment_limit(j))
		close_segment(j);
	fresh = j->fd < 0 || !j->streaming || j->streamed + j->raw.len > FRESH_EVERY;
	if (j->fd < 0) {
		make_room(j, SEGMENT_MIN);
		ret = begin_segment(j, out);
		head = SEGMENT_HEAD;
	}
	size_t n = ret ? 0 : deflate_frame(j, fresh, out + head + FRAME_HEAD);
	if (!ret && !n) {
		undo(j);
		ret = -ENOMEM;
	}
	if (!ret) {
		struct frame_head f = {.salt = j->salt,
				       .size = (uint32_t)n,
				       .raw = (uint32_t)j->raw.len,
				       .count = j->count,
				       .flags = fresh ? FRAME_FRESH : 0,
				       .first = j->first,
				       .last = j->final};
		f.crc = frame_crc(&f, out + head + FRAME_HEAD, n);
		memcpy(out + head, &f, sizeof(f));
		make_room(j, head + FRAME_HEAD + n);
		ret = append(j, out, head + FRAME_HEAD + n);
	}
	if (!ret) {
		j->streamed = fresh ? j->raw.len : j->streamed + j->raw.len;
		j->streaming = true;
	}
	free(out);
	return ret;
}

int journal_drain(struct journal *j)
{
	int ret = 0;

	if (!j->ring)
		return 0;
	if (!j->keep) {
		ring_seek_newest(j->ring);
		write_mark(j);
		return 0;
	}
	take_records(j);
	if (!j->count)
		return 0;
	ret = open_dir(j);
	if (!ret)
		ret = put_frame(j);
	write_mark(j);
	if (ret)
		return ret;
	j->last = j->final;
	j->count = 0;
	buf_reset(&j->raw);
	if (ring_pending(j->ring))
		return 1;
	if (j->raw.cap > BLOCK)
		buf_free(&j->raw);
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	write_mark(j);
	if (j->mark && j->mark != &j->mark_plain)
		munmap(j->mark, MARK_SIZE);
	fd_close(&j->mark_fd);
	fd_close(&j->fd);
	fd_close(&j->dir);
	fd_close(&j->jailfd);
	ring_reader_free(j->ring);
	if (j->z_ready)
		deflateEnd(&j->z);
	buf_free(&j->raw);
	free(j->segs);
	free(j);
}
