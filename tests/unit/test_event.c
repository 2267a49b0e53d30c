/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/event.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(every_op_has_its_own_name)
{
	for (unsigned a = 1; a < EVENT_OP_COUNT; a++) {
		ck_assert_str_ne(event_op_name(a), "?");
		for (unsigned b = 1; b < a; b++)
			ck_assert_str_ne(event_op_name(a), event_op_name(b));
	}
	ck_assert_str_eq(event_op_name(0), "?");
	ck_assert_str_eq(event_op_name(EVENT_OP_COUNT), "?");
	ck_assert_str_eq(event_op_name(~0u), "?");
}
END_TEST

START_TEST(classes)
{
	ck_assert_str_eq(event_class_name(EVENT_DENIED), "denied");
	ck_assert_str_eq(event_class_name(EVENT_DENIED | EVENT_READ), "?");
	ck_assert_str_eq(event_class_name(0), "?");
	ck_assert_int_eq(event_classes_parse("change"), EVENT_CHANGE);
	ck_assert_int_eq(event_classes_parse("jail,denied"), EVENT_JAIL | EVENT_DENIED);
	ck_assert_int_eq(event_classes_parse("all"), 31);
	ck_assert_int_eq(event_classes_parse(""), -1);
	ck_assert_int_eq(event_classes_parse("change,"), -1);
	ck_assert_int_eq(event_classes_parse("chang"), -1);
	ck_assert_int_eq(event_classes_parse("changes"), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("event");
	TCase *t = tcase_create("names");
	SRunner *r;
	int failed;

	tcase_add_test(t, every_op_has_its_own_name);
	tcase_add_test(t, classes);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
