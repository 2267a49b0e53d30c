/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one event record costs its writer and its reader. The bar for ring_push is 200 ns.
 * Prints "ring push N ns", "ring next N ns" (medians of 5 rounds); exit status 1 above the bar.
 */
#include "core/ring.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 5
#define RECORDS 400000
#define BURST 1000 /* read after each so many, so that nothing is lost */
#define BAR_NS 200

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	static const char path[] = "/usr/share/doc/some-package/changelog.Debian.gz";
	struct event ev = {.op = EVENT_WRITE,
			   .class = EVENT_CHANGE,
			   .path = path,
			   .path_len = sizeof(path) - 1,
			   .bytes = 4096};
	struct ring *r = ring_new(4 << 20);
	struct ring_reader *rr = r ? ring_reader_new(ring_fd(r)) : NULL;
	double push[ROUNDS], next[ROUNDS];
	struct event got;
	uint64_t lost = 0;

	if (!rr) {
		perror("ring");
		return EXIT_FAILURE;
	}
	for (int round = 0; round < ROUNDS; round++) {
		int64_t tp = 0, tn = 0;

		for (int i = 0; i < RECORDS; i += BURST) {
			int64_t t0 = now_ns(), t1;

			for (int k = 0; k < BURST; k++)
				ring_push(r, &ev);
			t1 = now_ns();
			while (ring_next(rr, EVENT_CHANGE, &got, &lost) == 1)
				;
			tp += t1 - t0;
			tn += now_ns() - t1;
		}
		push[round] = (double)tp / RECORDS;
		next[round] = (double)tn / RECORDS;
	}
	qsort(push, ROUNDS, sizeof(push[0]), by_size);
	qsort(next, ROUNDS, sizeof(next[0]), by_size);
	printf("ring push %.0f ns\nring next %.0f ns\n", push[ROUNDS / 2], next[ROUNDS / 2]);
	ring_reader_free(rr);
	ring_free(r);
	if (lost || push[ROUNDS / 2] > BAR_NS)
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
