/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters over events, and events summed up by path. */
#include "core/buf.h"
#include "views/feedfilter.h"
#include "views/feedtree.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct event event_of(unsigned op, const char *path, uint64_t bytes)
{
	return (struct event){.op = (uint16_t)op,
			      .class = EVENT_CHANGE,
			      .uid = 33,
			      .pid = 512,
			      .bytes = bytes,
			      .path = path,
			      .path_len = strlen(path)};
}

static bool matches(const char *filter, const struct event *ev)
{
	struct feedfilter *f = feedfilter_parse(filter);
	bool yes = feedfilter_matches(f, ev);

	ck_assert_str_eq(feedfilter_text(f), filter);
	feedfilter_free(f);
	return yes;
}

START_TEST(filters)
{
	static const struct {
		const char *filter;
		bool yes;
	} cases[] = {
	    {"", true},
	    {"passwd", true},
	    {"PASSWD", false},
	    {"!passwd", false},
	    {"path:/etc/*", true},
	    {"/etc/*", true},
	    {"/usr", false},
	    {"!/usr/*", true},
	    {"op:write", true},
	    {"op:wr", true},
	    {"op:unlink", false},
	    {"class:change", true},
	    {"class:denied", false},
	    {"size:>1K", true},
	    {"size:>1M", false},
	    {"size:<1M", true},
	    {"size:nonsense", true},
	    {"uid:33", true},
	    {"uid:3", false},
	    {"pid:512", true},
	    {"!pid:512", false},
	    {"op:write /etc/* !uid:0 size:>1K", true},
	    {"op:write uid:0", false},
	    {"!", false},
	    {":", false},
	    {"path:[", false},
	};
	struct event ev = event_of(EVENT_WRITE, "/etc/passwd", 2048);
	struct event other = event_of(EVENT_CHMOD, "/x", 1);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(matches(cases[i].filter, &ev) == cases[i].yes, "%s", cases[i].filter);
	/* bytes of other operations are no sizes */
	ck_assert(!matches("size:<1M", &other));
	ev.path2 = "/home/x";
	ev.path2_len = 7;
	ck_assert(matches("/home/*", &ev));
}
END_TEST

static const char *row_at(struct feedtree *t, size_t i, bool hot)
{
	static char text[256];
	struct feedtree_node n;
	struct buf name = {0};

	feedtree_get(t, i, hot, &n, &name);
	snprintf(text, sizeof(text), "%u %s %llu %llu", n.depth, buf_cstr(&name),
		 (unsigned long long)n.below, (unsigned long long)n.own);
	buf_free(&name);
	return text;
}

START_TEST(sums)
{
	static const char *const paths[] = {"/a/b/c/d", "/a/b/c/d", "/a/b/c/d", "/a/x",
					    "/z",	"/",	    "//a//x"};
	struct feedtree *t = feedtree_new();
	uint32_t id;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct event ev = event_of(EVENT_WRITE, paths[i], 10);

		feedtree_add(t, &ev);
	}
	/* open down to two below the root */
	ck_assert_uint_eq(feedtree_list(t, false), 4);
	ck_assert_str_eq(row_at(t, 0, false), "1 a 5 0");
	ck_assert_str_eq(row_at(t, 1, false), "2 b 3 0");
	ck_assert_str_eq(row_at(t, 2, false), "2 x 2 2");
	ck_assert_str_eq(row_at(t, 3, false), "1 z 1 1");
	id = feedtree_id(t, 3);
	feedtree_toggle(t, 1);
	ck_assert_uint_eq(feedtree_list(t, false), 5);
	ck_assert_str_eq(row_at(t, 2, false), "3 c 3 0");
	ck_assert_uint_eq(feedtree_find(t, id), 4);
	feedtree_toggle(t, 0);
	ck_assert_uint_eq(feedtree_list(t, false), 2);
	ck_assert_uint_eq(feedtree_find(t, id), 1);
	ck_assert_uint_eq(feedtree_list(t, true), 4);
	ck_assert_str_eq(row_at(t, 0, true), "4 /a/b/c/d 3 3");
	ck_assert_str_eq(row_at(t, 1, true), "2 /a/x 2 2");
	feedtree_free(t);
}
END_TEST

/* A guest that makes names without end. */
START_TEST(bounded)
{
	struct feedtree *t = feedtree_new();
	char path[4096];

	for (int i = 0; i < FEEDTREE_NODES_MAX + 1000; i++) {
		struct event ev = event_of(EVENT_CREATE, path, 0);

		snprintf(path, sizeof(path), "/d/%d", i);
		ev.path_len = strlen(path);
		feedtree_add(t, &ev);
	}
	ck_assert(feedtree_is_full(t));
	for (size_t i = 0; i + 2 < sizeof(path); i += 2)
		memcpy(path + i, "/x", 3);
	for (int i = 0; i < 10; i++) {
		struct event ev = event_of(EVENT_CREATE, path, 0);

		feedtree_add(t, &ev);
	}
	feedtree_list(t, false);
	ck_assert_str_eq(row_at(t, 0, false), "1 d 201000 1002");
	feedtree_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("feedsum");
	TCase *tc = tcase_create("feedsum");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, filters);
	tcase_add_test(tc, sums);
	tcase_add_test(tc, bounded);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
