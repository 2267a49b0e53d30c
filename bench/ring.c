/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one event record costs its writer and its reader. The bar for ring_push is 200 ns.
 * Prints "ring push N ns", "ring next N ns" (medians of 5 rounds); exit status 1 above the bar.
 *
 * With a directory as argument a journal is kept there meanwhile, marked at each push and drained
 * every BURST records, as a busy warden does it in between: then also "journal N ns" a record.
 */
#include "core/ring.h"
#include "core/journal.h"
#include <fcntl.h>
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

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(v[0]), by_size);
	return v[ROUNDS / 2];
}

struct bench {
	struct ring *ring;
	struct ring_reader *reader;
	struct journal *journal; /* NULL: without */
	uint64_t lost;
	double push[ROUNDS], next[ROUNDS], drain[ROUNDS];
};

/* As the layer and the warden push: a path that differs, the mark, nothing else. */
static void burst(struct bench *b, int at)
{
	char path[] = "/usr/share/doc/some-package/changelog.000000.gz";
	struct event ev = {.op = EVENT_WRITE,
			   .class = EVENT_CHANGE,
			   .path = path,
			   .path_len = sizeof(path) - 1,
			   .bytes = 4096,
			   .pid = 4711};

	for (int k = 0; k < BURST; k++) {
		unsigned n = (unsigned)(at + k);

		for (char *d = path + 43; n; n /= 10)
			*d-- = (char)('0' + n % 10);
		ring_push(b->ring, &ev);
		if (b->journal)
			journal_mark(b->journal, ring_last(b->ring));
	}
}

static void run_round(struct bench *b, int round)
{
	int64_t push = 0, next = 0, drain = 0;
	struct event got;

	for (int i = 0; i < RECORDS; i += BURST) {
		int64_t t0 = now_ns(), t1, t2;

		burst(b, i);
		t1 = now_ns();
		while (ring_next(b->reader, EVENT_CHANGE, &got, &b->lost) == 1)
			;
		t2 = now_ns();
		while (b->journal && journal_drain(b->journal) == 1)
			;
		push += t1 - t0;
		next += t2 - t1;
		drain += now_ns() - t2;
	}
	b->push[round] = (double)push / RECORDS;
	b->next[round] = (double)next / RECORDS;
	b->drain[round] = (double)drain / RECORDS;
}

int main(int argc, char **argv)
{
	struct bench b = {.ring = ring_new(4 << 20)};
	int dir = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;

	b.reader = b.ring ? ring_reader_new(ring_fd(b.ring)) : NULL;
	if (!b.reader || (argc > 1 && dir < 0)) {
		perror("ring");
		return EXIT_FAILURE;
	}
	if (argc > 1) {
		b.journal = journal_open(dir, 16 << 20, 0, NULL);
		journal_attach(b.journal, b.ring);
	}
	for (int round = 0; round < ROUNDS; round++)
		run_round(&b, round);
	double push = median(b.push);
	printf("ring push %.0f ns\nring next %.0f ns\n", push, median(b.next));
	if (b.journal) {
		printf("journal %.0f ns\n", median(b.drain));
		b.lost += journal_lost(b.journal);
	}
	journal_close(b.journal);
	ring_reader_free(b.reader);
	ring_free(b.ring);
	return b.lost || push > BAR_NS ? EXIT_FAILURE : EXIT_SUCCESS;
}
