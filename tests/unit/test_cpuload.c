/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processor has room: from texts as /proc/stat has them. */
#include "core/cpuload.h"
#include <check.h>

static const char before[] = "cpu  30 0 0 3700 0 0 0 0 0 0\n"
			     "cpu0 100 0 0 900 0 0 0 0 0 0\n"
			     "cpu1 100 0 0 900 0 0 0 0 0 0\n"
			     "cpu3 100 0 0 900 100 0 0 0 0 0\n"
			     "intr 1 2 3\nctxt cpu 5\nbtime 1\n";

static int better(const char *after, unsigned at, unsigned long may)
{
	struct cpuload was, is;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned i = 0; i < 8; i++)
		if (may & 1u << i)
			CPU_SET(i, &set);
	cpuload_parse(before, &was);
	ck_assert_uint_eq(was.n, 4);
	cpuload_parse(after, &is);
	return cpuload_better(&was, &is, at, &set);
}

START_TEST(picks)
{
	/* 0 is full, 1 is idle for 70 %, 3 for 90 % */
	static const char after[] = "cpu0 198 0 0 902\ncpu1 130 0 0 970\ncpu3 105 5 0 940 150\n";
	struct cpuload was, is;

	ck_assert_int_eq(better(after, 0, 0xff), 3);
	ck_assert_int_eq(better(after, 0, 0x3), 1);
	ck_assert_int_eq(better(after, 0, 0x1), -1);
	/* there is room where we are */
	ck_assert_int_eq(better(after, 1, 0xff), -1);
	/* no such processor, or it was not there before */
	ck_assert_int_eq(better(after, 2, 0xff), -1);
	ck_assert_int_eq(better(after, 200, 0xff), -1);
	cpuload_parse(before, &was);
	cpuload_parse(after, &is);
	ck_assert_int_eq(cpuload_idle(&was, &is, 0), 2);
	ck_assert_int_eq(cpuload_idle(&was, &is, 3), 90);
	ck_assert_int_eq(cpuload_idle(&was, &is, 2), -1);
	ck_assert_int_eq(cpuload_idle(&was, &was, 0), -1);
}
END_TEST

START_TEST(nowhere)
{
	/* all are busy; one went offline; one's counters went back */
	ck_assert_int_eq(better("cpu0 200 0 0 900\ncpu1 180 0 0 920\n", 0, 0xff), -1);
	ck_assert_int_eq(better("cpu0 200 0 0 900\n", 0, 0xff), -1);
	ck_assert_int_eq(better("cpu0 200 0 0 900\ncpu1 0 0 0 1\n", 0, 0xff), -1);
	ck_assert_int_eq(better("", 0, 0xff), -1);
	ck_assert_int_eq(better("cpu9999999 1 2 3 4\ncpux\n", 0, 0xff), -1);
}
END_TEST

START_TEST(real)
{
	struct cpuload l;

	ck_assert_int_eq(cpuload_read(&l), 0);
	ck_assert_uint_gt(l.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpuload");
	TCase *t = tcase_create("cpuload");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, picks);
	tcase_add_test(t, nowhere);
	tcase_add_test(t, real);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
