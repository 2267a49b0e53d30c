/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/layer/authority.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct auth_at step(struct auth_at at, const char *name)
{
	return authority_step(at, name, strlen(name));
}

START_TEST(longest_prefix)
{
	struct authority *a = authority_new(AUTH_WRITE);
	struct err e;

	ck_assert_int_eq(authority_add(a, "/usr", AUTH_READ, false, false, &e), 0);
	ck_assert_int_eq(authority_add(a, "/usr/local", AUTH_WRITE, false, false, &e), 0);
	ck_assert_int_eq(authority_add(a, "/usr/local/secret", AUTH_HIDE, false, false, &e), 0);
	ck_assert_int_eq(authority_find(a, "/").word, AUTH_WRITE);
	ck_assert_int_eq(authority_find(a, "/usr").word, AUTH_READ);
	ck_assert_int_eq(authority_find(a, "/usr/bin/x").word, AUTH_READ);
	ck_assert_int_eq(authority_find(a, "/usr/local/bin").word, AUTH_WRITE);
	ck_assert_int_eq(authority_find(a, "/usr/local/secret/x").word, AUTH_HIDE);
	ck_assert_int_eq(authority_find(a, "/usrlocal").word, AUTH_WRITE);
	ck_assert_ptr_null(authority_find(a, "/etc").node);
	ck_assert_int_eq(step(step(authority_root(a), "usr"), "local").word, AUTH_WRITE);
	/* a later rule for the same path replaces */
	ck_assert_int_eq(authority_add(a, "/usr", AUTH_WRITE, true, true, &e), 0);
	ck_assert_int_eq(authority_find(a, "/usr/bin").word, AUTH_WRITE);
	ck_assert(authority_find(a, "/usr/bin").own);
	ck_assert(!authority_find(a, "/usr/local").own);
	authority_free(a);
}
END_TEST

START_TEST(bad_paths)
{
	static const char *const bad[] = {"",	       "usr",	   "/usr/",   "//usr",
					  "/usr//bin", "/usr/./x", "/usr/..", "/.."};
	struct authority *a = authority_new(AUTH_WRITE);
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		e.text[0] = '\0';
		ck_assert_msg(authority_add(a, bad[i], AUTH_READ, false, false, &e) == -EINVAL,
			      "%s was taken", bad[i]);
		ck_assert_int_ne(e.text[0], '\0');
	}
	ck_assert_int_eq(authority_add(a, "/", AUTH_READ, false, false, &e), 0);
	ck_assert_int_eq(authority_find(a, "/x").word, AUTH_READ);
	authority_free(a);
}
END_TEST

static void collect(void *user, const char *name, size_t n)
{
	char *text = user;

	snprintf(text + strlen(text), 64, "%.*s ", (int)n, name);
}

START_TEST(waypoints)
{
	struct authority *a = authority_new(AUTH_WRITE);
	char text[256] = "";
	struct err e;

	authority_add(a, "/home", AUTH_FRESH, false, false, &e);
	authority_add(a, "/home/me/proj", AUTH_WRITE, true, false, &e);
	authority_add(a, "/home/me/abc", AUTH_WRITE, true, false, &e);
	authority_add(a, "/var/hidden", AUTH_HIDE, false, false, &e);
	ck_assert(auth_is_waypoint(authority_find(a, "/home")));
	ck_assert(auth_is_waypoint(authority_find(a, "/home/me")));
	ck_assert(!auth_is_waypoint(authority_find(a, "/home/me/proj")));
	ck_assert(!auth_is_waypoint(authority_find(a, "/home/you")));
	ck_assert(!auth_is_waypoint(authority_find(a, "/var")));
	auth_each_child(authority_find(a, "/home/me"), collect, text);
	ck_assert_str_eq(text, "abc proj ");
	authority_free(a);
}
END_TEST

START_TEST(profiles)
{
	struct authority *a = authority_new(AUTH_HIDE);
	struct err e;

	ck_assert_int_eq(authority_profile(a, "box", &e), 0);
	ck_assert_int_eq(authority_find(a, "/usr/bin").word, AUTH_WRITE);
	ck_assert_int_eq(authority_find(a, "/home/x").word, AUTH_FRESH);
	ck_assert_int_eq(authority_find(a, "/root").word, AUTH_FRESH);
	ck_assert_int_eq(authority_profile(a, "app", &e), 0);
	ck_assert_int_eq(authority_find(a, "/usr/bin").word, AUTH_READ);
	ck_assert_int_eq(authority_find(a, "/lib64").word, AUTH_READ);
	ck_assert_int_eq(authority_find(a, "/etc/passwd").word, AUTH_READ);
	ck_assert_int_eq(authority_profile(a, "bottle", &e), -EINVAL);
	authority_free(a);
	a = authority_new(AUTH_WRITE);
	ck_assert_int_eq(authority_profile(a, "blank", &e), 0);
	ck_assert_int_eq(authority_find(a, "/usr/bin/ls").word, AUTH_READ);
	ck_assert_int_eq(authority_find(a, "/etc/alternatives/awk").word, AUTH_READ);
	ck_assert_int_eq(authority_find(a, "/etc/passwd").word, AUTH_FRESH);
	ck_assert_int_eq(authority_find(a, "/usr/local/bin").word, AUTH_FRESH);
	ck_assert_int_eq(authority_find(a, "/srv").word, AUTH_FRESH);
	authority_free(a);
}
END_TEST

START_TEST(words)
{
	for (int w = AUTH_READ; w <= AUTH_EMPTY; w++)
		ck_assert_int_eq(auth_word_parse(auth_word_name((enum auth_word)w)), w);
	ck_assert_int_eq(auth_word_parse("Read"), -1);
	ck_assert(authority_is_secret(".ssh", 4));
	ck_assert(authority_is_secret(".netrc", 6));
	ck_assert(!authority_is_secret(".sshx", 5));
	ck_assert(!authority_is_secret(".ssh", 3));
	ck_assert(!authority_is_secret("src", 3));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("authority");
	TCase *t = tcase_create("authority");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, longest_prefix);
	tcase_add_test(t, bad_paths);
	tcase_add_test(t, waypoints);
	tcase_add_test(t, profiles);
	tcase_add_test(t, words);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
