/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/fd.h"
#include "core/ring.h"
#include "core/ring_format.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void push(struct ring *r, unsigned class, const char *path, size_t n)
{
	ring_push(r, &(struct event){.op = EVENT_CREATE,
				     .class = (uint16_t) class,
				     .path = path,
				     .path_len = n,
				     .bytes = ring_last(r) + 1});
}

START_TEST(a_record_comes_back_whole)
{
	struct ring *r = ring_new(0);
	struct ring_reader *rr = ring_reader_new(ring_fd(r));
	struct event in = {.op = EVENT_RENAME,
			   .class = EVENT_CHANGE,
			   .time = 1234567890123456789,
			   .err = EACCES,
			   .mode = 0100644,
			   .uid = 33,
			   .pid = 4711,
			   .bytes = UINT64_MAX,
			   .path = "/a/b\n\x1b",
			   .path_len = 6,
			   .path2 = "/other name",
			   .path2_len = 11,
			   .comm = "installer",
			   .comm_len = 9};
	struct event ev;
	uint64_t lost = 0;

	ck_assert_ptr_nonnull(rr);
	ck_assert(!ring_pending(rr));
	ck_assert_int_eq(ring_next(rr, ~0u, &ev, &lost), 0);
	ring_push(r, &in);
	ck_assert(ring_pending(rr));
	ck_assert_int_eq(ring_next(rr, ~0u, &ev, &lost), 1);
	ck_assert_uint_eq(ev.seq, 1);
	ck_assert_int_eq(ev.time, in.time);
	ck_assert_uint_eq(ev.op, in.op);
	ck_assert_uint_eq(ev.class, in.class);
	ck_assert_int_eq(ev.err, in.err);
	ck_assert_uint_eq(ev.mode, in.mode);
	ck_assert_uint_eq(ev.uid, in.uid);
	ck_assert_uint_eq(ev.pid, in.pid);
	ck_assert_uint_eq(ev.bytes, in.bytes);
	ck_assert_uint_eq(ev.path_len, 6);
	ck_assert_mem_eq(ev.path, in.path, 6);
	ck_assert_uint_eq(ev.path2_len, 11);
	ck_assert_mem_eq(ev.path2, in.path2, 11);
	ck_assert_uint_eq(ev.comm_len, 9);
	ck_assert_mem_eq(ev.comm, in.comm, 9);
	ck_assert(!ring_pending(rr));
	ck_assert_uint_eq(ring_cursor(rr), 1);
	ck_assert_uint_eq(ring_last(r), 1);
	ck_assert_uint_eq(lost, 0);
	ring_reader_free(rr);
	ring_free(r);
}
END_TEST

START_TEST(every_length_of_path)
{
	static char text[2 * PATH_MAX];
	struct ring *r = ring_new(RING_SIZE_MIN);
	struct ring_reader *rr = ring_reader_new(ring_fd(r));
	struct event ev;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + 1);
	for (size_t a = 0; a < PATH_MAX + 20; a = a < 40 ? a + 1 : a + 61) {
		for (size_t b = 0; b < PATH_MAX + 20; b = b < 10 ? b + 1 : b + 1013) {
			size_t wa = a < PATH_MAX ? a : PATH_MAX, wb = b < PATH_MAX ? b : PATH_MAX;

			ring_push(r, &(struct event){.op = EVENT_LINK,
						     .class = EVENT_CHANGE,
						     .path = text,
						     .path_len = a,
						     .path2 = text + 3,
						     .path2_len = b});
			ck_assert_int_eq(ring_next(rr, ~0u, &ev, NULL), 1);
			ck_assert_uint_eq(ev.path_len, wa);
			ck_assert_uint_eq(ev.path2_len, wb);
			ck_assert(!wa || !memcmp(ev.path, text, wa));
			ck_assert(!wb || !memcmp(ev.path2, text + 3, wb));
			ck_assert_int_gt(ev.time, INT64_C(1500000000000000000));
		}
	}
	ring_reader_free(rr);
	ring_free(r);
}
END_TEST

/* Reads all that is there; checks order; returns how many came. */
static uint64_t drain(struct ring_reader *rr, uint64_t *lost, uint64_t *last)
{
	struct event ev;
	uint64_t n = 0;
	int ret;

	while ((ret = ring_next(rr, EVENT_CHANGE, &ev, lost)) == 1) {
		ck_assert_uint_gt(ev.seq, *last);
		ck_assert_uint_eq(ev.bytes, ev.seq);
		*last = ev.seq;
		n++;
	}
	ck_assert_int_eq(ret, 0);
	return n;
}

START_TEST(lost_is_exact)
{
	struct ring *r = ring_new(RING_SIZE_MIN);
	struct ring_reader *rr = ring_reader_new(ring_fd(r));
	uint64_t lost = 0, last = 0, got = 0, pushed = 0;
	char name[200] = "/some/where";

	for (int round = 1; round < 60; round++) {
		for (int i = 0; i < round * round; i++, pushed++)
			push(r, EVENT_CHANGE, name, (size_t)(11 + (i * 37) % 180));
		got += drain(rr, &lost, &last);
		ck_assert_uint_eq(got + lost, pushed);
		ck_assert_uint_eq(last, pushed);
	}
	ck_assert_uint_gt(lost, 1000);
	ck_assert_uint_gt(got, 1000);
	ring_reader_free(rr);
	ring_free(r);
}
END_TEST

START_TEST(lost_counts_all_classes_and_new_rings_begin_anywhere)
{
	struct ring *r = ring_new(RING_SIZE_MIN);
	struct ring_reader *rr = ring_reader_new(ring_fd(r)), *late;
	uint64_t lost = 0;
	struct event ev;

	for (int i = 0; i < 5000; i++)
		push(r, i % 2 ? EVENT_READ : EVENT_CHANGE, "/x", 2);
	ck_assert_int_eq(ring_next(rr, EVENT_CHANGE, &ev, &lost), 1);
	ck_assert_uint_eq(ev.class, EVENT_CHANGE);
	/* what was overwritten, not what was passed over for its class */
	ck_assert_uint_ge(ev.seq, lost + 1);
	ck_assert_uint_le(ev.seq, lost + 2);
	late = ring_reader_new(ring_fd(r));
	lost = 0;
	ck_assert_int_eq(ring_next(late, ~0u, &ev, &lost), 1);
	ck_assert_uint_gt(ev.seq, 1);
	ck_assert_uint_eq(lost, 0);
	ring_reader_free(late);
	ring_reader_free(rr);
	ring_free(r);
}
END_TEST

START_TEST(seeking)
{
	struct ring *r = ring_new(RING_SIZE_MIN);
	struct ring_reader *rr = ring_reader_new(ring_fd(r));
	uint64_t lost = 0, oldest;
	struct event ev;

	for (int i = 0; i < 5000; i++)
		push(r, EVENT_CHANGE, "/x", 2);
	ring_seek_newest(rr);
	ck_assert(!ring_pending(rr));
	ck_assert_uint_eq(ring_cursor(rr), 5000);
	push(r, EVENT_CHANGE, "/y", 2);
	ck_assert_int_eq(ring_next(rr, ~0u, &ev, &lost), 1);
	ck_assert_uint_eq(ev.seq, 5001);
	ring_seek_oldest(rr);
	ck_assert_int_eq(ring_next(rr, ~0u, &ev, &lost), 1);
	oldest = ev.seq;
	ck_assert_uint_eq(lost, 0);
	for (uint64_t want = oldest; want < 5001; want += 17) {
		ring_seek_after(rr, want);
		ck_assert_uint_eq(ring_cursor(rr), want);
		ck_assert_int_eq(ring_next(rr, ~0u, &ev, &lost), 1);
		ck_assert_uint_eq(ev.seq, want + 1);
	}
	ck_assert_uint_eq(lost, 0);
	ring_seek_after(rr, 10);
	ck_assert_int_eq(ring_next(rr, ~0u, &ev, &lost), 1);
	ck_assert_uint_eq(ev.seq, oldest);
	ck_assert_uint_eq(lost, oldest - 11);
	/* a number of another life of the warden: go on with what comes now */
	ring_seek_after(rr, 999999);
	ck_assert_int_eq(ring_next(rr, ~0u, &ev, &lost), 0);
	push(r, EVENT_CHANGE, "/z", 2);
	ck_assert_int_eq(ring_next(rr, ~0u, &ev, &lost), 1);
	ck_assert_uint_eq(ev.seq, 5002);
	ring_reader_free(rr);
	ring_free(r);
}
END_TEST

/* What a reader gets cannot be written, shrunk or mapped for writing. */
START_TEST(descriptor_is_read_only)
{
	struct ring *r = ring_new(RING_SIZE_MIN);
	char path[64], c = 'x';
	cleanup_fd int rw = -1;

	ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd(r), 0),
			 MAP_FAILED);
	ck_assert_int_lt(ftruncate(ring_fd(r), 0), 0);
	ck_assert_int_lt(write(ring_fd(r), &c, 1), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ring_fd(r));
	rw = open(path, O_RDWR | O_CLOEXEC);
	if (rw >= 0) { /* root may reopen; the seals stand */
		ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 0),
				 MAP_FAILED);
		ck_assert_int_lt(write(rw, &c, 1), 0);
		ck_assert_int_lt(ftruncate(rw, 0), 0);
	}
	ring_free(r);
}
END_TEST

/* A ring of a writer without manners: unsealed memory that the test scribbles on. */
struct forged {
	int fd;
	unsigned char *map;
	size_t size;
};

static struct forged forge(void)
{
	struct ring *r = ring_new(RING_SIZE_MIN);
	struct forged f = {.size = RING_HEADER + RING_SIZE_MIN};
	unsigned char *from;

	for (int i = 0; i < 1000; i++)
		push(r, EVENT_CHANGE, "/some/path/or/other", 19);
	from = mmap(NULL, f.size, PROT_READ, MAP_SHARED, ring_fd(r), 0);
	ck_assert_ptr_ne(from, MAP_FAILED);
	f.fd = memfd_create("forged", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(f.fd, (off_t)f.size), 0);
	ck_assert_int_eq(fcntl(f.fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	f.map = mmap(NULL, f.size, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd, 0);
	ck_assert_ptr_ne(f.map, MAP_FAILED);
	memcpy(f.map, from, f.size);
	munmap(from, f.size);
	ring_free(r);
	return f;
}

static void forged_free(struct forged *f)
{
	munmap(f->map, f->size);
	fd_close(&f->fd);
}

START_TEST(no_ring_is_refused)
{
	struct forged f = forge();
	struct header *h = (struct header *)f.map;
	struct ring_reader *rr = ring_reader_new(f.fd);
	static const struct {
		size_t off;
		uint64_t value;
	} bad[] = {
	    {offsetof(struct header, magic), 1},
	    {offsetof(struct header, version), 2},
	    {offsetof(struct header, sub_size), 0},
	    {offsetof(struct header, sub_size), 8},
	    {offsetof(struct header, sub_size), SUB_MIN + 8},
	    {offsetof(struct header, sub_size), UINT64_MAX},
	    {offsetof(struct header, sub_size), UINT64_C(1) << 63},
	    {offsetof(struct header, sub_count), 0},
	    {offsetof(struct header, sub_count), 3},
	    {offsetof(struct header, sub_count), 8},
	    {offsetof(struct header, sub_count), (UINT64_C(1) << 50) + 4},
	};
	cleanup_fd int plain = memfd_create("plain", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	ck_assert_ptr_nonnull(rr);
	ring_reader_free(rr);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t keep;

		memcpy(&keep, f.map + bad[i].off, 8);
		memcpy(f.map + bad[i].off, &bad[i].value, 8);
		errno = 0;
		ck_assert_ptr_null(ring_reader_new(f.fd));
		ck_assert_int_eq(errno, EPROTO);
		memcpy(f.map + bad[i].off, &keep, 8);
	}
	/* the right content in memory that could shrink under the reader */
	ck_assert_int_eq(ftruncate(plain, (off_t)f.size), 0);
	ck_assert_int_eq(pwrite(plain, h, f.size, 0), (ssize_t)f.size);
	ck_assert_ptr_null(ring_reader_new(plain));
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_int_eq(ftruncate(plain, 100), 0);
	ck_assert_ptr_null(ring_reader_new(plain));
	ck_assert_ptr_null(ring_reader_new(-1));
	forged_free(&f);
}
END_TEST

static uint64_t random_of(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Lengths that agree with each other and lie all the same: beyond a path, beyond what is there. */
START_TEST(consistent_lies)
{
	static const struct {
		uint16_t path_len, path2_len, comm_len;
	} lies[] = {{PATH_MAX + 1, 0, 0}, {0, PATH_MAX + 1, 0}, {5000, 5000, 0},
		    {65535, 65535, 0},	  {0, 0, 16},		{0, 0, 65535}};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct forged f = forge();
		struct record rec;
		struct ring_reader *rr;
		struct event ev;
		int ret, n = 0;

		for (size_t sub = 0; sub < RING_SIZE_MIN / SUB_MIN; sub++) {
			unsigned char *at = f.map + RING_HEADER + sub * SUB_MIN + SUB_HEAD;
			size_t len =
			    RECORD_HEAD + lies[i].path_len + lies[i].path2_len + lies[i].comm_len;

			memcpy(&rec, at, sizeof(rec));
			rec.path_len = lies[i].path_len;
			rec.path2_len = lies[i].path2_len;
			rec.comm_len = lies[i].comm_len;
			rec.len = (uint32_t)((len + 7) & ~(size_t)7);
			memcpy(at, &rec, sizeof(rec));
		}
		rr = ring_reader_new(f.fd);
		ck_assert_ptr_nonnull(rr);
		while ((ret = ring_next(rr, ~0u, &ev, NULL)) == 1)
			n++;
		ck_assert_int_eq(ret, -EPROTO);
		ck_assert_int_eq(n, 0);
		ring_reader_free(rr);
		forged_free(&f);
	}
	/* a path that would end exactly behind the last record */
	struct forged f = forge();
	struct header *h = (struct header *)f.map;
	uint64_t head = h->head & 3;
	struct sub *s = (struct sub *)(f.map + RING_HEADER + head * SUB_MIN);
	struct ring_reader *rr = ring_reader_new(f.fd);
	struct event ev;

	s->commit -= 8;
	while (ring_next(rr, ~0u, &ev, NULL) == 1)
		ck_assert_uint_le(ev.path_len, PATH_MAX);
	ck_assert_int_eq(ring_next(rr, ~0u, &ev, NULL), -EPROTO);
	ring_reader_free(rr);
	forged_free(&f);
}
END_TEST

/* Any single damage is survived: events stay within bounds and the reader comes to an end. */
START_TEST(damage_is_survived)
{
	struct forged f = forge();
	unsigned char *clean = malloc(f.size);
	uint64_t seed = 88172645463325252;
	int broken = 0;

	memcpy(clean, f.map, f.size);
	for (int round = 0; round < 3000; round++) {
		struct ring_reader *rr;
		uint64_t lost = 0;
		struct event ev;
		int ret, n = 0;

		for (int hits = (int)(random_of(&seed) % 4) + 1; hits; hits--) {
			/* mostly the heads of sub-buffers and their first records */
			size_t off = RING_HEADER + random_of(&seed) % 4 * SUB_MIN +
				     random_of(&seed) % (random_of(&seed) % 2 ? 256 : SUB_MIN);
			uint64_t v = random_of(&seed) >> random_of(&seed) % 64;

			if (random_of(&seed) % 8 == 0)
				off = offsetof(struct header, head);
			off &= ~(size_t)7;
			memcpy(f.map + off, &v, 8);
		}
		rr = ring_reader_new(f.fd);
		ck_assert_ptr_nonnull(rr);
		while ((ret = ring_next(rr, ~0u, &ev, &lost)) == 1 && n++ < 100000) {
			unsigned sum = 0;

			ck_assert_uint_le(ev.path_len, PATH_MAX);
			ck_assert_uint_le(ev.path2_len, PATH_MAX);
			for (size_t i = 0; i < ev.path_len; i++)
				sum += (unsigned char)ev.path[i];
			for (size_t i = 0; i < ev.path2_len; i++)
				sum += (unsigned char)ev.path2[i];
			/* a sum that no bytes have: it keeps the reads from being left out */
			ck_assert_uint_ne(sum, ~0u);
		}
		ck_assert_int_lt(n, 100000);
		broken += ret < 0;
		ring_pending(rr);
		ring_seek_after(rr, random_of(&seed));
		ring_seek_newest(rr);
		ring_reader_free(rr);
		memcpy(f.map, clean, f.size);
	}
	ck_assert_int_gt(broken, 500);
	free(clean);
	forged_free(&f);
}
END_TEST

/* One writer at full speed, readers beside it: nothing torn, nothing twice, lost + got = all. */
struct race {
	struct ring *r;
	_Atomic bool done;
	uint64_t pushed;
	size_t mod; /* length of the path of record seq is seq % mod, or 100 when 0 */
};

static size_t race_length(const struct race *race, uint64_t seq)
{
	return race->mod ? seq % race->mod : 100;
}

/* What went wrong, or NULL. */
static const char *race_run(struct race *race)
{
	struct ring_reader *rr = ring_reader_new(ring_fd(race->r));
	uint64_t lost = 0, got = 0, last = 0;
	struct event ev;
	bool done;
	int ret;

	ring_seek_after(rr, 0);
	do {
		done = race->done;
		while ((ret = ring_next(rr, EVENT_CHANGE, &ev, &lost)) == 1) {
			if (ev.seq <= last || ev.bytes != ev.seq ||
			    ev.path_len != race_length(race, ev.seq) ||
			    (ev.path_len && (ev.path[0] != (char)ev.seq ||
					     ev.path[ev.path_len - 1] != (char)ev.seq)))
				return "a torn record";
			last = ev.seq;
			got++;
		}
		if (ret < 0)
			return "a record that makes no sense";
	} while (!done);
	ring_reader_free(rr);
	if (got + lost != race->pushed || last != race->pushed)
		return "a wrong count";
	return got ? NULL : "nothing";
}

static void *race_reader(void *arg)
{
	return (void *)race_run(arg);
}

/* Round 0: records of many lengths. Round 1: of one, so that a record of a later lap lies exactly
 * where the one that a reader was copying lay. */
START_TEST(racing_readers)
{
	struct race race = {.r = ring_new(RING_SIZE_MIN), .mod = _i ? 0 : 199};
	pthread_t t[2];
	char path[200];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, race_reader, &race), 0);
	while (race.pushed < 1500000) {
		uint64_t seq = ++race.pushed;
		size_t n = race_length(&race, seq);

		memset(path, (char)seq, n);
		push(race.r, EVENT_CHANGE, path, n);
	}
	race.done = true;
	for (int i = 0; i < 2; i++) {
		void *why;

		pthread_join(t[i], &why);
		ck_assert_msg(!why, "a reader got %s", (char *)why);
	}
	ring_free(race.r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ring");
	TCase *t = tcase_create("ring");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_record_comes_back_whole);
	tcase_add_test(t, every_length_of_path);
	tcase_add_test(t, lost_is_exact);
	tcase_add_test(t, lost_counts_all_classes_and_new_rings_begin_anywhere);
	tcase_add_test(t, seeking);
	tcase_add_test(t, descriptor_is_read_only);
	tcase_add_test(t, no_ring_is_refused);
	tcase_add_test(t, consistent_lies);
	tcase_add_test(t, damage_is_survived);
	tcase_add_loop_test(t, racing_readers, 0, 2);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
