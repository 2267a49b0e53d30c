/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows, words, lanes, the feed's store, jobs: what views are made of. */
#include "core/loop.h"
#include "core/text.h"
#include "views/feedstore.h"
#include "views/jobs.h"
#include "views/journal.h"
#include "views/lanes.h"
#include "views/row.h"
#include "views/words.h"
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct row r;

static void setup(void)
{
	r = (struct row){0};
}

static void teardown(void)
{
	row_free(&r);
}

/* Spans tile the row: what is painted is what the text says. */
static void check_spans(void)
{
	size_t at = 0, col = 0;

	for (size_t i = 0; i < r.nspans; i++) {
		ck_assert_uint_eq(r.spans[i].start, at);
		ck_assert_uint_eq(r.spans[i].col, col);
		ck_assert_uint_eq(r.spans[i].cols, text_width(r.text.p + at, r.spans[i].len));
		at += r.spans[i].len;
		col += r.spans[i].cols;
	}
	ck_assert_uint_eq(at, r.text.len);
	ck_assert_uint_eq(col, r.cols);
}

START_TEST(text_is_escaped)
{
	row_str(&r, STYLE_KEY, "a ");
	row_add(&r, STYLE_TEXT, "x\033[31m\n\xe2\x80\xae\xff", 11);
	row_fmt(&r, STYLE_DIM, " %s", "\a");
	row_content(&r, STYLE_TEXT, "\tb\\", 3);
	check_spans();
	ck_assert_str_eq(row_text(&r), "a x\\e[31m\\n\\u{202E}\\xff \\x07        b\\");
}
END_TEST

START_TEST(fields_have_their_width)
{
	static const char *const words[] = {
	    "",
	    "a",
	    "exactly8",
	    "longer than that",
	    "\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97\xe7\xac\xa6\xe4\xb8\xb2",
	    "e\xcc\x81\xcc\x81\xcc\x81xyz\xcc\x81wvutsr",
	    "\033\033\033\033\033",
	    "\xff\xfe\xfd\xfc"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (size_t width = 0; width < 12; width++) {
			row_reset(&r);
			row_field(&r, STYLE_TEXT, width, words[i], strlen(words[i]));
			ck_assert_msg(r.cols == width, "%s in %zu: %zu", words[i], width, r.cols);
			row_field_tail(&r, STYLE_TEXT, width, words[i], strlen(words[i]));
			ck_assert_msg(r.cols == 2 * width, "tail of %s in %zu: %zu", words[i],
				      width, r.cols);
			row_right(&r, STYLE_TEXT, 9, "%d", 1234);
			ck_assert_uint_eq(r.cols, 2 * width + 9);
			check_spans();
		}
	}
	row_reset(&r);
	row_field(&r, STYLE_TEXT, 8, "longer than that", 16);
	row_str(&r, STYLE_TEXT, "|");
	row_field_tail(&r, STYLE_TEXT, 8, "longer than that", 16);
	ck_assert_str_eq(row_text(&r), "longer \xe2\x80\xa6|\xe2\x80\xa6"
				       "an that");
}
END_TEST

START_TEST(ascii_rows)
{
	r.ascii = ROW_ASCII;
	row_add(&r, STYLE_TEXT, "caf\xc3\xa9", 5);
	row_glyph(&r, STYLE_TEXT, GLYPH_ARROW);
	row_field(&r, STYLE_TEXT, 4, "abcdef", 6);
	ck_assert_str_eq(row_text(&r), "caf\\u{E9}->abc~");
}
END_TEST

/* A line of a megabyte costs no more than the screen shows of it. */
START_TEST(limit)
{
	char *big = malloc(1 << 20);

	memset(big, 'x', 1 << 20);
	r.limit = 80;
	row_add(&r, STYLE_TEXT, big, 1 << 20);
	ck_assert_uint_ge(r.cols, 80);
	ck_assert_uint_lt(r.cols, 4096);
	free(big);
}
END_TEST

START_TEST(sizes_and_ages)
{
	static const struct {
		uint64_t n;
		const char *text;
	} sizes[] = {{0, "0"},		 {999, "999"},	    {1000, "1.0K"},
		     {1024, "1.0K"},	 {10137, "9.9K"},   {10240, "10K"},
		     {1022976, "999K"},	 {1023489, "1.0M"}, {268435456, "256M"},
		     {UINT64_MAX, "16E"}};
	static const struct {
		int64_t s;
		const char *text;
	} ages[] = {{-5, "0s"},	      {0, "0s"},	{99, "99s"},	 {100, "1m"},
		    {5999, "99m"},    {6000, "1h"},	{172799, "47h"}, {172800, "2d"},
		    {8639999, "99d"}, {8640000, "14w"}, {62899200, "1y"}};
	char buf[32];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		ck_assert_str_eq(words_size(sizes[i].n, buf, sizeof(buf)), sizes[i].text);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		ck_assert_str_eq(words_age(ages[i].s, buf, sizeof(buf)), ages[i].text);
	ck_assert_str_eq(words_mode(0104755, buf, sizeof(buf)), "-rwsr-xr-x");
	ck_assert_str_eq(words_mode(0041777, buf, sizeof(buf)), "drwxrwxrwt");
	ck_assert_str_eq(words_mode(0120777, buf, sizeof(buf)), "lrwxrwxrwx");
	ck_assert_str_eq(words_count(1, "file", "files", buf, sizeof(buf)), "1 file");
}
END_TEST

static struct lane place(struct lanes *l, const char *hash, const char *parent, bool abandoned)
{
	struct checkpoint c = {.abandoned = abandoned};
	struct lane out;

	strcpy(c.hash, hash);
	strcpy(c.parent, parent);
	lanes_next(l, &c, &out);
	return out;
}

/* 5 is here; 4 and 3 were left by a rollback to 2; 6 by one to 5. */
START_TEST(lines_of_rollbacks)
{
	struct lanes l;
	struct lane at;

	lanes_reset(&l);
	at = place(&l, "f6", "f5", true);
	ck_assert_uint_eq(at.at, 1);
	ck_assert_uint_eq(at.passes, 0);
	at = place(&l, "f5", "f2", false);
	ck_assert_uint_eq(at.at, 0);
	ck_assert_uint_eq(at.joins, 2);
	at = place(&l, "f4", "f3", true);
	ck_assert_uint_eq(at.at, 1);
	ck_assert_uint_eq(at.passes, 1);
	at = place(&l, "f3", "f2", true);
	ck_assert_uint_eq(at.at, 1);
	ck_assert_uint_eq(at.joins, 0);
	at = place(&l, "f2", "f1", false);
	ck_assert_uint_eq(at.at, 0);
	ck_assert_uint_eq(at.joins, 2);
	at = place(&l, "f1", "", false);
	ck_assert_uint_eq(at.at, 0);
	ck_assert_uint_eq(at.count, 1);
	ck_assert_uint_eq(at.passes | at.joins, 0);
}
END_TEST

/* More lines than there are lanes: drawn wrong, never out of bounds. */
START_TEST(many_lines)
{
	struct lanes l;
	char hash[16], parent[16];

	lanes_reset(&l);
	for (int i = 0; i < 200; i++) {
		snprintf(hash, sizeof(hash), "a%d", i);
		snprintf(parent, sizeof(parent), "p%d", i);
		struct lane at = place(&l, hash, parent, true);

		ck_assert_uint_lt(at.at, LANES_MAX);
		ck_assert_uint_le(at.count, LANES_MAX);
	}
}
END_TEST

START_TEST(store_keeps_the_newest)
{
	struct feedstore *s = feedstore_new();
	struct event ev = {
	    .op = EVENT_WRITE, .class = EVENT_CHANGE, .path2 = "two", .path2_len = 3};
	char path[64];

	ck_assert_uint_eq(feedstore_end(s), 0);
	for (uint64_t i = 0; i < FEEDSTORE_EVENTS_MAX + 5000; i++) {
		ev.seq = i;
		ev.path_len = (size_t)snprintf(path, sizeof(path), "/some/directory/%llu",
					       (unsigned long long)i);
		ev.path = path;
		feedstore_add(s, &ev);
	}
	ck_assert_uint_eq(feedstore_end(s), FEEDSTORE_EVENTS_MAX + 5000);
	ck_assert_uint_gt(feedstore_first(s), 0);
	ck_assert_uint_lt(feedstore_first(s), 10000);
	ck_assert_uint_lt(feedstore_bytes(s), FEEDSTORE_BYTES_MAX);
	feedstore_get(s, feedstore_first(s), &ev);
	ck_assert_uint_eq(ev.seq, feedstore_first(s));
	feedstore_get(s, 777777, &ev);
	ck_assert_uint_eq(ev.seq, 777777);
	ck_assert_uint_eq(ev.path_len, strlen("/some/directory/777777"));
	ck_assert_int_eq(memcmp(ev.path, "/some/directory/777777", ev.path_len), 0);
	ck_assert_int_eq(memcmp(ev.path2, "two", 3), 0);
	ck_assert_uint_eq(feedstore_class(s, 777777), EVENT_CHANGE);
	feedstore_free(s);
}
END_TEST

START_TEST(journal_is_bounded)
{
	struct journal *j = journal_new();
	char text[32];

	for (int i = 0; i < JOURNAL_MAX + 10; i++) {
		snprintf(text, sizeof(text), "%d", i);
		journal_add(j, i % 2 ? JOURNAL_SAID : JOURNAL_FAILED, text);
	}
	journal_add(j, JOURNAL_COMMAND, "gaol ls");
	ck_assert_uint_eq(journal_first(j, JOURNAL_MESSAGES), 10);
	ck_assert_uint_eq(journal_end(j, JOURNAL_MESSAGES), JOURNAL_MAX + 10);
	ck_assert_str_eq(journal_at(j, JOURNAL_MESSAGES, 10)->text, "10");
	ck_assert_uint_eq(journal_end(j, JOURNAL_COMMANDS), 1);
	journal_free(j);
}
END_TEST

struct count {
	int slices, done, dropped;
	bool wait;
};

static void count_work(struct job *j, void *data)
{
	struct count *c = data;

	job_tell(j);
	while (c->wait && !*job_cancelled(j))
		poll(NULL, 0, 1);
}

static void count_slice(void *data)
{
	struct count *c = data;

	c->slices++;
}

static void count_done(void *data)
{
	struct count *c = data;

	c->done++;
}

static void count_drop(void *data)
{
	struct count *c = data;

	c->dropped++;
}

static const struct job_ops count_ops = {
    .work = count_work, .slice = count_slice, .done = count_done, .drop = count_drop};

static void turn_until(struct jobs *p, const int *what, int value)
{
	int64_t until = loop_now_ms() + 10000;

	while (*what < value) {
		struct pollfd pf = {.fd = jobs_fd(p), .events = POLLIN};

		ck_assert_int_lt(loop_now_ms(), until);
		poll(&pf, 1, 100);
		jobs_turn(p);
	}
}

START_TEST(jobs_report_and_cancel)
{
	struct jobs *p = jobs_new(2);
	struct count a = {0}, b = {.wait = true}, c = {.wait = true};
	struct job *j;

	ck_assert_ptr_nonnull(p);
	jobs_start(p, &count_ops, &a);
	turn_until(p, &a.dropped, 1);
	ck_assert_int_eq(a.done, 1);
	ck_assert_int_eq(a.slices, 1);
	j = jobs_start(p, &count_ops, &b);
	turn_until(p, &b.slices, 1);
	job_cancel(j);
	turn_until(p, &b.dropped, 1);
	ck_assert_int_eq(b.done, 0);
	jobs_start(p, &count_ops, &c); /* still at work when all ends */
	jobs_free(p);
	ck_assert_int_eq(c.dropped, 1);
	ck_assert_int_eq(c.done, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("row");
	TCase *tc = tcase_create("row");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, text_is_escaped);
	tcase_add_test(tc, fields_have_their_width);
	tcase_add_test(tc, ascii_rows);
	tcase_add_test(tc, limit);
	tcase_add_test(tc, sizes_and_ages);
	tcase_add_test(tc, lines_of_rollbacks);
	tcase_add_test(tc, many_lines);
	tcase_add_test(tc, store_keeps_the_newest);
	tcase_add_test(tc, journal_is_bounded);
	tcase_add_test(tc, jobs_report_and_cancel);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
