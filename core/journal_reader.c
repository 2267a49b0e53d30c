/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader's side of a journal: every number on the disk is a claim, no more. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/journal.h"
#include "core/journal_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct journal_reader {
	int dir;	 /* -1: no journal */
	uint64_t cursor; /* seq of the last event that was given out, or where reading begins */
	uint64_t damaged;

	uint64_t *list; /* segments that were there, by number */
	size_t listed, list_at;

	/* the segment under the cursor: all of its file, as it was when it was read */
	uint64_t segment; /* its first seq, 0: none */
	unsigned char *bytes;
	struct frame_walk walk;
	bool sound; /* its head is right */

	/* the frame under the cursor, inflated */
	z_stream z;
	bool z_ready;
	bool streaming; /* every frame since the stream began was inflated */
	unsigned char *raw;
	size_t raw_len, raw_at;
};

uint64_t journal_marked(int jailfd)
{
	cleanup_fd int fd = openat(jailfd, JOURNAL_DIR "/" JOURNAL_MARK,
				   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	uint64_t v[2];

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    pread(fd, v, sizeof(v), 0) != sizeof(v) || v[0] != MARK_MAGIC || v[1] > SEQ_MAX)
		return 0;
	return v[1];
}

static int open_journal(int jailfd)
{
	return openat(jailfd, JOURNAL_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

uint64_t journal_before_oldest(int jailfd)
{
	cleanup_fd int dir = open_journal(jailfd);
	uint64_t *firsts, ret = 0;

	if (dir < 0)
		return 0;
	if (segments_list(dir, &firsts))
		ret = firsts[0] - 1;
	free(firsts);
	return ret;
}

struct journal_reader *journal_reader_new(int jailfd, uint64_t seq)
{
	struct journal_reader *jr = xcalloc(1, sizeof(*jr));

	jr->dir = open_journal(jailfd);
	jr->cursor = seq;
	return jr;
}

static void drop_segment(struct journal_reader *jr)
{
	free(jr->bytes);
	jr->bytes = NULL;
	jr->walk = (struct frame_walk){0};
	jr->sound = jr->streaming = false;
	jr->raw_len = jr->raw_at = 0;
}

void journal_reader_free(struct journal_reader *jr)
{
	if (!jr)
		return;
	drop_segment(jr);
	free(jr->list);
	fd_close(&jr->dir);
	if (jr->z_ready)
		inflateEnd(&jr->z);
	free(jr->raw);
	free(jr);
}

/* Reads a segment's file, as much as a segment may have; *n its bytes. NULL: it is not there. */
static unsigned char *read_segment(int dir, uint64_t first, size_t *n)
{
	char name[SEGMENT_NAME_MAX];
	cleanup_fd int fd =
	    openat(dir, segment_name(first, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	unsigned char *p;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	*n = st.st_size < (off_t)SEGMENT_FILE_MAX ? (size_t)st.st_size : SEGMENT_FILE_MAX;
	p = xmalloc(*n + 1);
	got = fd_read_full(fd, p, *n);
	if (got < 0) {
		free(p);
		return NULL;
	}
	*n = (size_t)got;
	return p;
}

/*
 * Moves the walk to the last beginning of a stream from which the cursor's successor is reached;
 * damage that may have held it stays ahead, so that it is told.
 */
static void seek_frame(struct journal_reader *jr)
{
	struct frame_walk w = jr->walk;
	const unsigned char *data;
	struct frame_head f;
	uint64_t skipped = 0;

	while (walk_next(&w, &f, &data, &skipped)) {
		bool known = f.last <= jr->cursor;

		if ((f.flags & FRAME_FRESH) && (!skipped || f.first <= jr->cursor + 1))
			jr->walk.at = (size_t)(data - jr->walk.p) - FRAME_HEAD;
		if (!known)
			return;
		skipped = 0;
	}
	/* all of it is known, but the stream leads to what is written later */
}

/* Opens a segment; one that has gone meanwhile is an empty one. */
static void open_segment(struct journal_reader *jr, uint64_t first)
{
	size_t n;
	unsigned char *p = read_segment(jr->dir, first, &n);

	drop_segment(jr);
	jr->segment = first;
	if (!p)
		return;
	jr->bytes = p;
	jr->sound = walk_begin(&jr->walk, p, n);
	if (jr->sound)
		seek_frame(jr);
	else
		jr->walk = (struct frame_walk){.p = p, .n = n};
}

/* Takes what was written behind what we have of the present segment. True: there is more. */
static bool grow_segment(struct journal_reader *jr)
{
	size_t n, at = jr->walk.at, had = jr->walk.n;
	unsigned char *p = jr->segment ? read_segment(jr->dir, jr->segment, &n) : NULL;

	if (!p || n <= had) {
		free(p);
		return false;
	}
	free(jr->bytes);
	jr->bytes = p;
	if (!jr->sound) {
		jr->sound = walk_begin(&jr->walk, p, n);
		if (!jr->sound)
			jr->walk = (struct frame_walk){.p = p, .n = n};
		return true;
	}
	jr->walk.p = p;
	jr->walk.n = n;
	jr->walk.at = at;
	jr->walk.tries = 0;
	return true;
}

/* Makes a list of the segments behind the present one; false when there is none. */
static bool list_segments(struct journal_reader *jr)
{
	free(jr->list);
	jr->listed = segments_list(jr->dir, &jr->list);
	jr->list_at = 0;
	while (jr->list_at < jr->listed && jr->list[jr->list_at] <= jr->segment)
		jr->list_at++;
	/* of those that begin before what is wanted, the last one has it */
	while (jr->list_at + 1 < jr->listed && jr->list[jr->list_at + 1] <= jr->cursor + 1)
		jr->list_at++;
	return jr->list_at < jr->listed;
}

/* Inflates a frame into raw; false when its data is not what its head says. */
static bool inflate_frame(struct journal_reader *jr, const struct frame_head *f,
			  const unsigned char *data)
{
	if (f->flags & FRAME_FRESH) {
		if (!jr->z_ready)
			jr->z_ready = inflateInit2(&jr->z, -DEFLATE_BITS) == Z_OK;
		else
			inflateReset(&jr->z);
		jr->streaming = jr->z_ready;
	}
	if (!jr->streaming)
		return false;
	if (!jr->raw)
		jr->raw = xmalloc(FRAME_RAW_MAX);
	jr->z.next_in = (Bytef *)data;
	jr->z.avail_in = f->size;
	jr->z.next_out = jr->raw;
	jr->z.avail_out = f->raw;
	int ret = inflate(&jr->z, Z_SYNC_FLUSH);
	/* A last call takes the flush's empty block, which needs no room. */
	if (ret == Z_OK && jr->z.avail_in && !jr->z.avail_out)
		ret = inflate(&jr->z, Z_SYNC_FLUSH);
	jr->streaming = (ret == Z_OK || ret == Z_BUF_ERROR) && !jr->z.avail_in && !jr->z.avail_out;
	if (!jr->streaming)
		return false;
	jr->raw_len = f->raw;
	jr->raw_at = 0;
	return true;
}

/* The next frame of the present segment that can be inflated; what cannot counts as damaged. */
static bool next_frame(struct journal_reader *jr)
{
	const unsigned char *data;
	struct frame_head f;
	uint64_t skipped = 0;

	while (jr->sound && walk_next(&jr->walk, &f, &data, &skipped)) {
		if (skipped)
			jr->streaming = false;
		jr->damaged += skipped;
		skipped = 0;
		if (inflate_frame(jr, &f, data))
			return true;
		jr->damaged += FRAME_HEAD + f.size;
	}
	return false;
}

/* The next record of the present frame that is beyond the cursor. */
static bool next_record(struct journal_reader *jr, struct event *ev)
{
	while (jr->raw_len - jr->raw_at >= RECORD_HEAD) {
		struct record rec;
		size_t at = jr->raw_at;

		memcpy(&rec, jr->raw + at, sizeof(rec));
		if (!record_fits(&rec, jr->raw_len - at)) {
			jr->damaged += jr->raw_len - at;
			jr->raw_at = jr->raw_len;
			return false;
		}
		jr->raw_at += rec.len;
		if (rec.seq <= jr->cursor || rec.seq > SEQ_MAX)
			continue;
		*ev = record_event(&rec, (const char *)jr->raw + at + RECORD_HEAD);
		jr->cursor = rec.seq;
		return true;
	}
	return false;
}

/* Bytes of the present segment behind its last whole frame. */
static uint64_t torn(const struct journal_reader *jr)
{
	return jr->walk.n - jr->walk.at;
}

int journal_next(struct journal_reader *jr, struct event *ev)
{
	while (jr->dir >= 0) {
		if (next_record(jr, ev))
			return 1;
		if (next_frame(jr) || grow_segment(jr))
			continue;
		if (jr->list_at >= jr->listed && !list_segments(jr))
			return 0;
		/* a writer may have finished this one since it was looked at */
		if (grow_segment(jr))
			continue;
		jr->damaged += torn(jr);
		open_segment(jr, jr->list[jr->list_at++]);
	}
	return 0;
}

uint64_t journal_damaged(const struct journal_reader *jr, bool live)
{
	return jr->damaged + (live ? 0 : torn(jr));
}
