/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the reader of a journal, and the writer that goes on behind it, with files that hold
 * anything: events stay within their bounds, numbers grow, every call comes back.
 *
 * Input: one byte of how (bit 0: the checks of heads and frames are made right, so that what lies
 * behind them is reached; bit 1: the bytes replace a good segment, else they are patches on it),
 * then the segment, or patches of 4 bytes (u16 place, a value, a length to cut to in 256ths).
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/history.h"
#include "core/journal_format.h"
#include "core/ring.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT_PATH JOURNAL_DIR "/00000000000000000001.seg"
#define FILE_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void push(struct ring *r, int i)
{
	ring_push(r, &(struct event){.op = EVENT_RENAME,
				     .class = (uint16_t)(1 << i % 4),
				     .time = i + 1,
				     .path = "/a/path",
				     .path_len = 7,
				     .path2 = "/another",
				     .path2_len = 8});
}

/* A journal of 300 events in frames of 10. */
static void good(int dir, struct buf *out)
{
	struct journal *j = journal_open(dir, JOURNAL_KEEP_MIN, 0, NULL);
	struct ring *r = ring_new(0);

	if (journal_attach(j, r))
		abort();
	for (int i = 0; i < 300; i++) {
		push(r, i);
		if (i % 10 == 9)
			journal_drain(j);
	}
	journal_close(j);
	ring_free(r);
	if (file_read_at(dir, SEGMENT_PATH, FILE_MAX, out))
		abort();
}

/* Makes the checks of whatever looks like a head or a frame right. */
static void mend(struct buf *b)
{
	struct segment_head h;
	struct frame_head f;

	if (b->len < SEGMENT_HEAD)
		return;
	memcpy(&h, b->p, sizeof(h));
	h.magic = SEGMENT_MAGIC;
	h.version = SEGMENT_VERSION;
	h.crc = segment_crc(&h);
	memcpy(b->p, &h, sizeof(h));
	for (size_t at = SEGMENT_HEAD; b->len - at >= FRAME_HEAD;) {
		memcpy(&f, b->p + at, sizeof(f));
		f.salt = h.salt;
		if (f.size > b->len - at - FRAME_HEAD)
			f.size = (uint32_t)(b->len - at - FRAME_HEAD);
		f.crc = frame_crc(&f, b->p + at + FRAME_HEAD, f.size);
		memcpy(b->p + at, &f, sizeof(f));
		at += FRAME_HEAD + f.size;
	}
}

static void forge(const uint8_t *data, size_t n, const struct buf *from, struct buf *out)
{
	if (data[0] & 2) {
		buf_add(out, data + 1, n - 1);
	} else {
		buf_add(out, from->p, from->len);
		for (size_t i = 1; i + 4 <= n; i += 4) {
			size_t at = (size_t)data[i] | (size_t)data[i + 1] << 8;

			out->p[at % out->len] = (char)data[i + 2];
			if (data[i + 3] > 250)
				out->len = out->len * data[i + 3] / 256 + 1;
		}
	}
	if (data[0] & 1)
		mend(out);
}

/* Reads it all; a sum that no bytes have would end the run. */
static void read_all(int dir, uint64_t since, struct ring_reader *rr)
{
	struct history *h = history_new(dir, since, rr);
	uint64_t lost = 0, last = since;
	unsigned sum = 0;
	struct event ev;

	while (history_next(h, ~0u, &ev, &lost) == 1) {
		if (ev.path_len > PATH_MAX || ev.path2_len > PATH_MAX || ev.seq <= last)
			abort();
		for (size_t i = 0; i < ev.path_len; i++)
			sum += (unsigned char)ev.path[i];
		for (size_t i = 0; i < ev.path2_len; i++)
			sum += (unsigned char)ev.path2[i];
		last = ev.seq;
	}
	if (sum == ~0u)
		abort();
	history_damaged(h);
	history_free(h);
}

/* A writer goes on behind it: what it adds comes back, under numbers that are beyond the old. */
static void go_on(int dir)
{
	struct journal *j = journal_open(dir, JOURNAL_KEEP_MIN, 0, NULL);
	uint64_t last = journal_last(j);
	struct ring *r = ring_new(0);
	struct journal_reader *jr;
	struct event ev;
	int n = 0;

	ring_start_at(r, last);
	if (last > SEQ_MAX || journal_attach(j, r))
		abort();
	for (int i = 0; i < 5; i++)
		push(r, i);
	if (last + 5 <= SEQ_MAX && journal_drain(j))
		abort();
	read_all(dir, 0, ring_reader_new(ring_fd(r)));
	jr = journal_reader_new(dir, last);
	while (journal_next(jr, &ev) == 1)
		n++;
	if (n != 5 && last + 5 <= SEQ_MAX)
		abort();
	journal_reader_free(jr);
	journal_close(j);
	ring_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const roots[] = {"/dev/shm/fuzz-journal-XXXXXX",
					    "/tmp/fuzz-journal-XXXXXX"};
	char path[64];
	struct buf from = {0}, forged = {0};

	if (!n)
		return 0;
	strcpy(path, roots[0]);
	if (!mkdtemp(path) && !mkdtemp(strcpy(path, roots[1])))
		abort();
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good(dir, &from);
	forge(data, n, &from, &forged);
	if (file_replace_at(dir, SEGMENT_PATH, buf_cstr(&forged), forged.len, 0600, false))
		abort();
	unlinkat(dir, JOURNAL_DIR "/" JOURNAL_MARK, 0);
	read_all(dir, 0, NULL);
	read_all(dir, data[0], NULL);
	go_on(dir);
	buf_free(&from);
	buf_free(&forged);
	close(dir);
	dir_remove_tree(AT_FDCWD, path);
	return 0;
}
