/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the reader of an event ring with a writer that writes anything: events stay within their
 * bounds, and every call comes back.
 *
 *   clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. -o build/fuzz_ring
 *\ fuzz/fuzz_ring.c core/ring.c core/ring_reader.c core/buf.c core/fd.c build/fuzz_ring
 *-max_len=2048 fuzz/corpus/ring
 *
 * Input: patches of 11 bytes (a kind, u16 word index, u64 value) over a ring that is right. Kinds:
 * bit 0: the word is counted from the heads of sub-buffers, not from the start; bits 1 and 2: which
 * sub-buffer; bit 3: apply it while the reader is at work.
 */
#include "core/fd.h"
#include "core/ring.h"
#include "core/ring_format.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATCH 11
#define SIZE ((size_t)(RING_HEADER + RING_SIZE_MIN))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A copy of a good ring, in memory that the fuzzer can write. */
static unsigned char *forge(int *fd)
{
	struct ring *r = ring_new(RING_SIZE_MIN);
	unsigned char *from, *to;

	for (int i = 0; r && i < 700; i++)
		ring_push(r, &(struct event){.op = EVENT_RENAME,
					     .class = (uint16_t)(1 << i % 4),
					     .time = i + 1,
					     .path = "/a/path",
					     .path_len = 7,
					     .path2 = "/another",
					     .path2_len = 8});
	*fd = memfd_create("forged", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (!r || *fd < 0 || ftruncate(*fd, (off_t)SIZE) < 0 ||
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		abort();
	from = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, ring_fd(r), 0);
	to = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (from == MAP_FAILED || to == MAP_FAILED)
		abort();
	memcpy(to, from, SIZE);
	munmap(from, SIZE);
	ring_free(r);
	return to;
}

static void apply(unsigned char *map, const uint8_t *p)
{
	size_t word_at = (size_t)p[1] | (size_t)p[2] << 8;
	size_t off = word_at * 8 % SIZE;

	if (p[0] & 1)
		off = RING_HEADER + (size_t)(p[0] >> 1 & 3) * SUB_MIN + word_at * 8 % SUB_MIN;
	memcpy(map + off, p + 3, 8);
}

/* Touches every byte that the event points to; a sum that no bytes have would end the run. */
static void check(const struct event *ev)
{
	unsigned sum = 0;

	if (ev->path_len > PATH_MAX || ev->path2_len > PATH_MAX || !ev->seq)
		abort();
	for (size_t i = 0; i < ev->path_len; i++)
		sum += (unsigned char)ev->path[i];
	for (size_t i = 0; i < ev->path2_len; i++)
		sum += (unsigned char)ev->path2[i];
	if (sum == ~0u)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_fd int fd = -1;
	unsigned char *map = forge(&fd);
	struct ring_reader *rr;
	uint64_t lost = 0, last = 0;
	struct event ev;
	size_t late = 0;

	for (size_t i = 0; i + PATCH <= n; i += PATCH)
		if (!(data[i] & 8))
			apply(map, data + i);
	rr = ring_reader_new(fd);
	for (int i = 0; rr && i < 5000 && ring_next(rr, ~0u, &ev, &lost) == 1; i++) {
		check(&ev);
		if (ev.seq <= last) /* never backwards, whatever the memory says */
			abort();
		last = ev.seq;
		for (; i % 50 == 49 && late + PATCH <= n; late += PATCH)
			if (data[late] & 8) {
				apply(map, data + late);
				late += PATCH;
				break;
			}
	}
	if (rr) {
		ring_pending(rr);
		ring_seek_after(rr, n ? data[0] : 0);
		ring_next(rr, EVENT_CHANGE, &ev, &lost);
		ring_seek_newest(rr);
		ring_next(rr, EVENT_CHANGE, &ev, NULL);
		ring_reader_free(rr);
	}
	munmap(map, SIZE);
	return 0;
}
