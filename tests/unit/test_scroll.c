/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kept output of consoles: the ring, its files, who is killed, and who only looks. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/scroll.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE 65536

static char top[] = "/tmp/gaol-scroll-XXXXXX";

static int enter(void)
{
	strcpy(top, "/tmp/gaol-scroll-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	int fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void leave(int fd)
{
	close(fd);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, top), 0);
}

static void add(struct scroll *s, const char *text)
{
	scroll_add(s, text, strlen(text));
}

static void peeks(int dir, unsigned console, size_t max, const char *want)
{
	struct buf b = {0};

	ck_assert_int_eq(scroll_peek(dir, console, max, &b), 0);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_free(&b);
}

START_TEST(kept)
{
	struct buf b = {0};
	int dir = enter();

	ck_assert_int_eq(scroll_peek(dir, 1, SIZE, &b), -ENOENT);
	struct scroll *s = scroll_open(dir, 1, SIZE), *two = scroll_open(dir, 2, SIZE);
	ck_assert_int_eq(scroll_peek(dir, 1, SIZE, &b), -ENOENT);
	add(s, "one\n");
	add(two, "two\n");
	peeks(dir, 1, SIZE, "one\n");
	peeks(dir, 2, SIZE, "two\n");
	scroll_settle(s, dir, 1);
	scroll_free(s);
	ck_assert_int_ne(faccessat(dir, "console.live", F_OK, 0), 0);
	peeks(dir, 1, SIZE, "one\n");
	/* killed: freed without a word */
	scroll_free(two);
	peeks(dir, 2, SIZE, "two\n");
	two = scroll_open(dir, 2, SIZE);
	add(two, "too\n");
	peeks(dir, 2, SIZE, "two\ntoo\n");
	peeks(dir, 2, 5, "too\n");
	scroll_settle(two, dir, 2);
	peeks(dir, 2, 5, "too\n");
	scroll_free(two);
	s = scroll_open(dir, 1, SIZE * 2); /* another size in jail.conf */
	add(s, "more\n");
	peeks(dir, 1, SIZE, "one\nmore\n");
	scroll_free(s);
	buf_free(&b);
	leave(dir);
}
END_TEST

START_TEST(ring)
{
	static char line[1000], all[SIZE];
	int dir = enter();
	struct scroll *s = scroll_open(dir, 3, SIZE);

	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 1000; i++) {
		snprintf(line, 16, "%06d", i);
		line[6] = 'x';
		line[sizeof(line) - 1] = '\n';
		scroll_add(s, line, sizeof(line));
	}
	ck_assert_uint_eq(scroll_end(s), 1000000);
	ck_assert_uint_eq(scroll_oldest(s), 1000000 - SIZE);
	ck_assert_uint_eq(scroll_read(s, scroll_oldest(s), all, sizeof(all)), SIZE);
	ck_assert_mem_eq(all + SIZE - sizeof(line), line, sizeof(line));
	uint64_t from = scroll_replay(s, 5500);
	ck_assert_uint_eq(from, 995000);
	ck_assert_uint_eq(scroll_read(s, from, all, 6), 6);
	ck_assert_mem_eq(all, "000995", 6);
	/* more than it holds at once */
	static char big[SIZE + 10];
	memset(big, 'a', sizeof(big));
	scroll_add(s, big, sizeof(big));
	ck_assert_uint_eq(scroll_end(s), 1000000 + sizeof(big));
	ck_assert_uint_eq(scroll_replay(s, SIZE * 4), scroll_oldest(s));
	scroll_settle(s, dir, 3);
	scroll_free(s);
	/* a smaller ring keeps the newest */
	s = scroll_open(dir, 3, SIZE / 2);
	ck_assert_uint_eq(scroll_end(s) - scroll_oldest(s), SIZE / 2);
	scroll_free(s);
	leave(dir);
}
END_TEST

/* A file that is not what we wrote: nothing is believed. */
START_TEST(damaged)
{
	static const char *const texts[] = {
	    "", "short", "\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377xyz"};
	struct buf b = {0};
	int dir = enter();

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_int_eq(
		    file_replace_at(dir, "console.4.live", texts[i], strlen(texts[i]), 0600, false),
		    0);
		ck_assert_int_eq(scroll_peek(dir, 4, SIZE, &b), -ENOENT);
		struct scroll *s = scroll_open(dir, 4, SIZE);
		ck_assert_uint_eq(scroll_end(s), 0);
		scroll_free(s);
		unlinkat(dir, "console.4.live", 0);
	}
	buf_free(&b);
	leave(dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scroll");
	TCase *t = tcase_create("scroll");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, kept);
	tcase_add_test(t, ring);
	tcase_add_test(t, damaged);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
