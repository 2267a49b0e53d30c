/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/fd.h"
#include "core/history.h"
#include "core/journal.h"
#include "core/journal_format.h"
#include "core/ring.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP (UINT64_C(16) << 20)

/* A jail's directory, and what a warden has in it. */
struct room {
	char path[64];
	int dir;
	struct ring *ring;
	struct journal *j;
};

static struct room room_new(void)
{
	struct room r = {.path = "/tmp/gaol-journal-XXXXXX"};

	ck_assert_ptr_nonnull(mkdtemp(r.path));
	r.dir = open(r.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(r.dir, 0);
	return r;
}

static void room_free(struct room *r)
{
	fd_close(&r->dir);
	dir_remove_tree(AT_FDCWD, r->path);
}

/* A warden starts. */
static void begin(struct room *r, uint64_t keep)
{
	int error;

	r->ring = ring_new(RING_SIZE_MIN);
	r->j = journal_open(r->dir, keep, 0, &error);
	ck_assert_int_eq(error, 0);
	ring_start_at(r->ring, journal_last(r->j));
	ck_assert_int_eq(journal_attach(r->j, r->ring), 0);
}

static void end(struct room *r)
{
	journal_close(r->j);
	ring_free(r->ring);
	r->j = NULL;
	r->ring = NULL;
}

/* Event seq is one of 16 paths; its bytes are its number. */
static void push(struct room *r, const char *extra)
{
	char path[300];
	uint64_t seq = ring_last(r->ring) + 1;
	int n = snprintf(path, sizeof(path), "/srv/%s%d", extra, (int)(seq % 16));

	ring_push(r->ring, &(struct event){.op = EVENT_RENAME,
					   .class = EVENT_CHANGE,
					   .path = path,
					   .path_len = (size_t)n,
					   .path2 = "/to",
					   .path2_len = 3,
					   .uid = 7,
					   .bytes = seq});
	journal_mark(r->j, seq);
}

static void flush(struct room *r)
{
	int ret;

	while ((ret = journal_drain(r->j)) == 1)
		;
	if (ret)
		ck_abort_msg("%s", strerror(-ret));
}

static void push_many(struct room *r, int n, int every)
{
	for (int i = 0; i < n; i++) {
		push(r, "some/directory/");
		if (i % every == every - 1)
			flush(r);
	}
	flush(r);
}

/* All that a reader without a ring gets behind seq. */
struct got {
	uint64_t n, lost, last, damaged;
};

static struct got read_back(int dir, uint64_t seq)
{
	struct history *h = history_new(dir, seq, NULL);
	struct got g = {.last = seq};
	struct event ev;
	int ret;

	while ((ret = history_next(h, ~0u, &ev, &g.lost)) == 1) {
		/* one assertion for all: each is a system call */
		if (ev.seq <= g.last || ev.bytes != ev.seq || ev.uid != 7 || ev.path2_len != 3 ||
		    memcmp(ev.path, "/srv/", 5) != 0)
			ck_abort_msg("event %" PRIu64 " is not what was written", ev.seq);
		g.last = ev.seq;
		g.n++;
	}
	ck_assert_int_eq(ret, 0);
	g.damaged = history_damaged(h);
	ck_assert_uint_eq(history_next(h, ~0u, &ev, &g.lost), 0);
	history_free(h);
	return g;
}

static uint64_t segments(int dir, uint64_t **firsts)
{
	cleanup_fd int fd = openat(dir, JOURNAL_DIR, O_RDONLY | O_DIRECTORY);
	uint64_t *list;
	size_t n = segments_list(fd, &list);

	if (firsts)
		*firsts = list;
	else
		free(list);
	return n;
}

static int open_segment(int dir, uint64_t first)
{
	char name[SEGMENT_NAME_MAX], path[64];
	int fd;

	snprintf(path, sizeof(path), JOURNAL_DIR "/%s", segment_name(first, name));
	fd = openat(dir, path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static uint64_t size_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

/* Bytes on the disk that the journal takes. */
static uint64_t disk_used(int dir)
{
	uint64_t *firsts, n = segments(dir, &firsts), sum = MARK_SIZE;

	for (size_t i = 0; i < n; i++) {
		cleanup_fd int fd = open_segment(dir, firsts[i]);

		sum += (size_of(fd) + 4095) / 4096 * 4096;
	}
	free(firsts);
	return sum;
}

START_TEST(what_was_written_comes_back)
{
	struct room r = room_new();
	struct got g;

	begin(&r, KEEP);
	push_many(&r, 5000, 7);
	end(&r);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.n, 5000);
	ck_assert_uint_eq(g.lost, 0);
	ck_assert_uint_eq(g.damaged, 0);
	for (uint64_t seq = 1; seq < 5000; seq += 97) {
		g = read_back(r.dir, seq);
		ck_assert_uint_eq(g.n, 5000 - seq);
		ck_assert_uint_eq(g.lost, 0);
	}
	ck_assert_uint_eq(read_back(r.dir, 5000).n, 0);
	ck_assert_uint_eq(read_back(r.dir, 6000).lost, 0);
	room_free(&r);
}
END_TEST

START_TEST(no_journal_is_an_empty_one)
{
	struct room r = room_new();
	struct got g = read_back(r.dir, 0);

	ck_assert_uint_eq(g.n + g.lost + g.damaged, 0);
	ck_assert_uint_eq(journal_before_oldest(r.dir), 0);
	room_free(&r);
}
END_TEST

START_TEST(the_longest_paths)
{
	struct room r = room_new();
	char *path = malloc(PATH_MAX);
	struct history *h;
	struct event ev;
	uint64_t lost = 0;
	unsigned seed = 1;

	for (int i = 0; i < PATH_MAX; i++) /* bytes that deflate cannot shrink */
		path[i] = (char)(rand_r(&seed) % 255 + 1);
	begin(&r, KEEP);
	for (int i = 0; i < 60; i++) {
		ring_push(r.ring, &(struct event){.class = EVENT_JAIL,
						  .path = path,
						  .path_len = PATH_MAX - (size_t)i,
						  .path2 = path,
						  .path2_len = PATH_MAX});
		flush(&r);
	}
	end(&r);
	h = history_new(r.dir, 0, NULL);
	for (int i = 0; i < 60; i++) {
		ck_assert_int_eq(history_next(h, EVENT_JAIL, &ev, &lost), 1);
		ck_assert_uint_eq(ev.path_len, PATH_MAX - (size_t)i);
		ck_assert_int_eq(memcmp(ev.path, path, ev.path_len), 0);
		ck_assert_int_eq(memcmp(ev.path2, path, PATH_MAX), 0);
	}
	ck_assert_uint_eq(lost, 0);
	history_free(h);
	free(path);
	room_free(&r);
}
END_TEST

START_TEST(rotation_keeps_the_bound)
{
	struct room r = room_new();
	uint64_t first, worst = 0;
	struct got g;

	begin(&r, JOURNAL_KEEP_MIN);
	for (int i = 0; i < 400; i++) {
		push_many(&r, 500, 100);
		if (disk_used(r.dir) > worst)
			worst = disk_used(r.dir);
	}
	ck_assert_uint_le(worst, JOURNAL_KEEP_MIN);
	ck_assert_uint_gt(worst, JOURNAL_KEEP_MIN / 2);
	end(&r);
	first = journal_before_oldest(r.dir);
	ck_assert_uint_gt(first, 0);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.lost, first);
	ck_assert_uint_eq(g.n + g.lost, 400 * 500);
	ck_assert_uint_eq(read_back(r.dir, first).lost, 0);

	/* a smaller bound takes effect at once, and 0 removes all */
	begin(&r, KEEP);
	push_many(&r, 100000, 50);
	ck_assert_uint_gt(disk_used(r.dir), 2 * JOURNAL_KEEP_MIN);
	journal_set_keep(r.j, JOURNAL_KEEP_MIN);
	push_many(&r, 1, 1);
	push_many(&r, 20000, 50);
	ck_assert_uint_le(disk_used(r.dir), JOURNAL_KEEP_MIN + 4096);
	journal_set_keep(r.j, 0);
	ck_assert_uint_eq(segments(r.dir, NULL), 0);
	push_many(&r, 100, 10);
	ck_assert_uint_eq(segments(r.dir, NULL), 0);
	end(&r);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.n, 0);
	ck_assert_uint_eq(g.lost, 320101);
	room_free(&r);
}
END_TEST

START_TEST(numbers_go_on)
{
	struct room r = room_new();
	struct got g;

	for (int i = 0; i < 50; i++) {
		begin(&r, KEEP);
		ck_assert_uint_eq(ring_last(r.ring), (uint64_t)i * 11);
		push_many(&r, 11, 4);
		end(&r);
	}
	ck_assert_uint_eq(segments(r.dir, NULL), 1);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.n, 550);
	ck_assert_uint_eq(g.lost, 0);
	/* without a journal they go on too */
	begin(&r, 0);
	push_many(&r, 5, 5);
	end(&r);
	begin(&r, KEEP);
	ck_assert_uint_eq(ring_last(r.ring), 555);
	push_many(&r, 5, 5);
	end(&r);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.n, 5);
	ck_assert_uint_eq(g.lost, 555);
	/* and where the mark is gone, from what the journal itself and the caller know */
	ck_assert_int_eq(unlinkat(r.dir, JOURNAL_DIR "/" JOURNAL_MARK, 0), 0);
	begin(&r, KEEP);
	ck_assert_uint_eq(ring_last(r.ring), 560);
	end(&r);
	ck_assert_int_eq(unlinkat(r.dir, JOURNAL_DIR "/" JOURNAL_MARK, 0), 0);
	r.j = journal_open(r.dir, KEEP, 600, NULL);
	ck_assert_uint_eq(journal_last(r.j), 600);
	journal_close(r.j);
	room_free(&r);
}
END_TEST

/* A mark that nobody can have written is not believed. */
START_TEST(a_mad_mark)
{
	static const uint64_t bad[][2] = {
	    {MARK_MAGIC, UINT64_MAX}, {MARK_MAGIC, SEQ_MAX}, {MARK_MAGIC, 3}, {0, 50}};
	struct room r = room_new();

	begin(&r, KEEP);
	push_many(&r, 10, 10);
	end(&r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(file_replace_at(r.dir, JOURNAL_DIR "/" JOURNAL_MARK, bad[i],
						 sizeof(bad[i]), 0600, false),
				 0);
		begin(&r, KEEP);
		ck_assert_uint_eq(ring_last(r.ring), 10);
		end(&r);
	}
	room_free(&r);
}
END_TEST

/* Every way of cutting a journal short, and flips of each of its bytes. */
START_TEST(damage_is_passed_over)
{
	struct room r = room_new();
	unsigned char *p;
	uint64_t size;
	struct got whole, g;

	begin(&r, KEEP);
	push_many(&r, 1200, 10);
	end(&r);
	whole = read_back(r.dir, 0);
	ck_assert_uint_eq(whole.n, 1200);
	cleanup_fd int fd = open_segment(r.dir, 1);
	size = size_of(fd);
	p = malloc(size);
	ck_assert_int_eq(pread(fd, p, size, 0), (ssize_t)size);
	for (uint64_t n = 0; n < size; n += 13) {
		ck_assert_int_eq(ftruncate(fd, (off_t)n), 0);
		g = read_back(r.dir, 0);
		ck_assert_uint_eq(g.n + g.lost, 1200);
		ck_assert_uint_lt(g.n, 1200);
		ck_assert_int_eq(pwrite(fd, p, size, 0), (ssize_t)size);
	}
	uint64_t resumed = 0;
	for (uint64_t at = 0; at < size; at += 11) {
		unsigned char flipped = p[at] ^ 0x10;

		ck_assert_int_eq(pwrite(fd, &flipped, 1, (off_t)at), 1);
		g = read_back(r.dir, 0);
		ck_assert_uint_eq(g.n + g.lost, 1200);
		ck_assert_uint_lt(g.n, 1200);
		ck_assert_uint_gt(g.damaged, 0);
		/* behind the damage, where a stream begins anew, it goes on */
		resumed += at > SEGMENT_HEAD && at < size / 4 && g.last == 1200;
		ck_assert_int_eq(pwrite(fd, p + at, 1, (off_t)at), 1);
	}
	ck_assert_uint_gt(resumed, 20);
	free(p);
	room_free(&r);

	/* a frame behind which a stream begins: told by a reader that wants it, by no other */
	struct room two = room_new();
	for (int i = 0; i < 3; i++) {
		begin(&two, KEEP);
		push_many(&two, 10, 10);
		end(&two);
	}
	cleanup_fd int first = open_segment(two.dir, 1);
	ck_assert_int_eq(pwrite(first, "XXXX", 4, 100), 4);
	for (uint64_t seq = 0; seq < 30; seq++) {
		g = read_back(two.dir, seq);
		ck_assert_uint_eq(g.n, 30 - (seq < 10 ? 10 : seq));
		ck_assert_uint_eq(g.lost, seq < 10 ? 10 - seq : 0);
		ck_assert_int_eq(g.damaged > 0, seq < 10);
	}
	room_free(&two);
}
END_TEST

/* A writer goes on behind a torn end in a new segment; the numbers stay right. */
START_TEST(a_writer_goes_on_behind_damage)
{
	struct room r = room_new();
	struct got g;
	uint64_t n;

	begin(&r, KEEP);
	push_many(&r, 100, 10);
	end(&r);
	cleanup_fd int fd = open_segment(r.dir, 1);
	n = size_of(fd);
	ck_assert_int_eq(ftruncate(fd, (off_t)n - 5), 0);
	begin(&r, KEEP);
	ck_assert_uint_eq(ring_last(r.ring), 100);
	push_many(&r, 10, 10);
	end(&r);
	ck_assert_uint_eq(segments(r.dir, NULL), 2);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.n, 100);
	ck_assert_uint_eq(g.lost, 10);
	ck_assert_uint_gt(g.damaged, 0);
	/* a segment without a whole frame is no obstacle */
	cleanup_fd int last = open_segment(r.dir, 101);
	ck_assert_int_eq(ftruncate(last, 40), 0);
	begin(&r, KEEP);
	ck_assert_uint_eq(segments(r.dir, NULL), 1);
	ck_assert_uint_eq(ring_last(r.ring), 110);
	end(&r);
	room_free(&r);
}
END_TEST

/* Links, fifos, directories and oversized files in the place of segments. */
START_TEST(no_segments)
{
	struct room r = room_new();
	char name[SEGMENT_NAME_MAX], path[64];
	struct got g;

	begin(&r, KEEP);
	push_many(&r, 10, 10);
	end(&r);
	cleanup_fd int d = openat(r.dir, JOURNAL_DIR, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(symlinkat("/etc/passwd", d, segment_name(2, name)), 0);
	ck_assert_int_eq(mkfifoat(d, segment_name(3, name), 0600), 0);
	ck_assert_int_eq(mkdirat(d, segment_name(4, name), 0700), 0);
	cleanup_fd int big = openat(d, segment_name(5, name), O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(big, 5 << 20), 0);
	cleanup_fd int odd = openat(d, "99999999999999999999.seg", O_RDWR | O_CREAT, 0600);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.n, 10);
	ck_assert_uint_eq(g.lost, 0);
	begin(&r, KEEP);
	ck_assert_uint_eq(ring_last(r.ring), 10);
	push_many(&r, 10, 10);
	end(&r);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.n, 20);
	ck_assert_uint_eq(g.lost, 0);
	snprintf(path, sizeof(path), JOURNAL_DIR "/%s", segment_name(4, name));
	ck_assert_int_eq(unlinkat(r.dir, path, AT_REMOVEDIR), 0);
	room_free(&r);
}
END_TEST

/* kill -9 in the middle of it, many times: nothing that was written is lost, the count of what was
 * not is exact. */
START_TEST(killed_writers)
{
	struct room r = room_new();
	uint64_t *told =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct got g;

	ck_assert_ptr_ne(told, MAP_FAILED);
	for (int round = 0; round < 40; round++) {
		uint64_t before = told[1];
		pid_t pid = fork();

		if (!pid) {
			begin(&r, KEEP);
			for (int i = 0;; i++) {
				push(&r, "killed/");
				told[1] = ring_last(r.ring);
				if (i % 50 != 49)
					continue;
				flush(&r);
				told[0] = ring_last(r.ring);
			}
		}
		ck_assert_int_gt(pid, 0);
		while (*(volatile uint64_t *)&told[1] < before + 3000 + (uint64_t)round * 7)
			;
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		g = read_back(r.dir, 0);
		ck_assert_uint_ge(g.last, told[0]);
		/* the mark may be one behind told[1], or ahead: the kill came between two stores */
		ck_assert_uint_ge(g.n + g.lost + 1, told[1]);
		ck_assert_uint_le(g.n + g.lost, told[1] + 1);
		told[1] = g.n + g.lost;
	}
	begin(&r, KEEP);
	ck_assert_uint_eq(ring_last(r.ring), told[1]);
	push_many(&r, 10, 10);
	end(&r);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.n + g.lost, told[1] + 10);
	munmap(told, 4096);
	room_free(&r);
}
END_TEST

/* A file that may not grow: the events wait, then come, and what the ring lost is counted. */
START_TEST(no_room)
{
	struct room r = room_new();
	struct rlimit keep, none = {0};
	struct got g;
	int ret = 0;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &keep), 0);
	begin(&r, KEEP);
	push_many(&r, 10, 10);
	none.rlim_max = keep.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (int i = 0; i < 100; i++) {
		push(&r, "full/");
		ret = journal_drain(r.j);
		ck_assert_int_eq(ret, -EFBIG);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &keep), 0);
	flush(&r);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.n, 110);
	ck_assert_uint_eq(g.lost + g.damaged, 0);
	/* half a frame fits: nothing of it stays */
	cleanup_fd int fd = open_segment(r.dir, 11);
	ck_assert_int_eq(size_of(fd) < 4096, 1);
	none.rlim_cur = size_of(fd) + 60;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	push(&r, "half/");
	ck_assert_int_lt(journal_drain(r.j), 0);
	ck_assert_uint_eq(size_of(fd) + 60, none.rlim_cur);
	/* more than the ring holds */
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (int i = 0; i < 20000; i++) {
		push(&r, "full/");
		if (i % 1000 == 0)
			ck_assert_int_lt(journal_drain(r.j), 0);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &keep), 0);
	flush(&r);
	ck_assert_uint_gt(journal_lost(r.j), 1000);
	g = read_back(r.dir, 0);
	ck_assert_uint_eq(g.lost, journal_lost(r.j));
	ck_assert_uint_eq(g.n + g.lost, 20111);
	ck_assert_uint_eq(g.damaged, 0);
	end(&r);
	room_free(&r);
}
END_TEST

/* A directory that cannot be made now is made later. */
START_TEST(no_directory)
{
	struct room r = room_new();
	int error;

	cleanup_fd int file = openat(r.dir, JOURNAL_DIR, O_RDWR | O_CREAT, 0600);
	r.ring = ring_new(RING_SIZE_MIN);
	r.j = journal_open(r.dir, KEEP, 3, &error);
	ck_assert_int_eq(error, -ENOTDIR);
	ring_start_at(r.ring, journal_last(r.j));
	ck_assert_int_eq(journal_attach(r.j, r.ring), 0);
	push(&r, "");
	ck_assert_int_eq(journal_drain(r.j), -ENOTDIR);
	ck_assert_int_eq(unlinkat(r.dir, JOURNAL_DIR, 0), 0);
	push(&r, "");
	flush(&r);
	end(&r);
	ck_assert_uint_eq(read_back(r.dir, 3).n, 2);
	room_free(&r);
}
END_TEST

/* From the journal into the ring: behind any number all comes once. */
START_TEST(journal_and_ring_are_one)
{
	struct room r = room_new();
	struct event ev;
	uint64_t lost;

	begin(&r, KEEP);
	push_many(&r, 3000, 100);
	end(&r);
	begin(&r, KEEP);
	push_many(&r, 3000, 100);
	for (int i = 0; i < 50; i++) /* only in the ring */
		push(&r, "new/");
	for (uint64_t seq = 0; seq <= 6050; seq += 55) {
		struct history *h = history_new(r.dir, seq, ring_reader_new(ring_fd(r.ring)));
		uint64_t want = seq;
		int ret;

		lost = 0;
		while ((ret = history_next(h, ~0u, &ev, &lost)) == 1) {
			if (ev.seq != ++want || ev.bytes != want)
				ck_abort_msg("event %" PRIu64 ", not %" PRIu64, ev.seq, want);
		}
		ck_assert_int_eq(ret, 0);
		ck_assert_uint_eq(want, 6050);
		ck_assert_uint_eq(lost, 0);
		ck_assert_uint_eq(history_cursor(h), 6050);
		history_free(h);
	}
	/* a reader that sleeps while the ring goes round gets it from the journal */
	struct history *h = history_new(r.dir, 6050, ring_reader_new(ring_fd(r.ring)));
	uint64_t want = 6050;

	for (int i = 0; i < 10; i++) {
		push_many(&r, 2500, 100);
		while (history_next(h, ~0u, &ev, &lost) == 1)
			if (ev.seq != ++want)
				ck_abort_msg("event %" PRIu64 ", not %" PRIu64, ev.seq, want);
	}
	ck_assert_uint_eq(want, 31050);
	ck_assert_uint_eq(lost, 0);
	/* what neither has is counted, wherever the class is */
	journal_set_keep(r.j, 0);
	push_many(&r, 5000, 100);
	uint64_t n = 0;
	while (history_next(h, EVENT_CHANGE, &ev, &lost) == 1)
		n++;
	ck_assert_uint_gt(lost, 1000);
	ck_assert_uint_eq(n + lost, 5000);
	history_free(h);
	/* a new warden's ring, still empty */
	end(&r);
	begin(&r, KEEP);
	h = history_new(r.dir, 36000, ring_reader_new(ring_fd(r.ring)));
	lost = 0;
	ck_assert_int_eq(history_next(h, ~0u, &ev, &lost), 0);
	ck_assert_uint_eq(lost, 50);
	push(&r, "x/");
	ck_assert_int_eq(history_next(h, ~0u, &ev, &lost), 1);
	ck_assert_uint_eq(ev.seq, 36051);
	ck_assert_uint_eq(lost, 50);
	history_free(h);
	end(&r);
	room_free(&r);
}
END_TEST

/* A reader beside a writer that rotates under it: numbers grow, read + lost = all. */
START_TEST(reading_while_it_is_written)
{
	struct room r = room_new();
	pid_t pid;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	begin(&r, JOURNAL_KEEP_MIN);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		for (int i = 0; i < 3000; i++) {
			push_many(&r, 100, 100);
			usleep(i % 30 ? 0 : 500);
		}
		_exit(write(fds[1], "x", 1) != 1);
	}
	struct history *h = history_new(r.dir, 0, ring_reader_new(ring_fd(r.ring)));
	uint64_t n = 0, lost = 0, last = 0;
	struct event ev;
	bool done = false;
	char c;

	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	while (!done) {
		int ret;

		done = read(fds[0], &c, 1) == 1;
		while ((ret = history_next(h, ~0u, &ev, &lost)) == 1) {
			if (ev.seq <= last || ev.bytes != ev.seq)
				ck_abort_msg("event %" PRIu64 " behind %" PRIu64, ev.seq, last);
			last = ev.seq;
			n++;
		}
		ck_assert_int_eq(ret, 0);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_uint_eq(n + lost, 300000);
	ck_assert_uint_eq(last, 300000);
	ck_assert_uint_eq(history_damaged(h), 0);
	history_free(h);
	end(&r);
	close(fds[0]);
	close(fds[1]);
	room_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("journal");
	TCase *t = tcase_create("journal");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, what_was_written_comes_back);
	tcase_add_test(t, no_journal_is_an_empty_one);
	tcase_add_test(t, the_longest_paths);
	tcase_add_test(t, rotation_keeps_the_bound);
	tcase_add_test(t, numbers_go_on);
	tcase_add_test(t, a_mad_mark);
	tcase_add_test(t, damage_is_passed_over);
	tcase_add_test(t, a_writer_goes_on_behind_damage);
	tcase_add_test(t, no_segments);
	tcase_add_test(t, killed_writers);
	tcase_add_test(t, no_room);
	tcase_add_test(t, no_directory);
	tcase_add_test(t, journal_and_ring_are_one);
	tcase_add_test(t, reading_while_it_is_written);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
