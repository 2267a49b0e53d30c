/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/repo/format.h"
#include "core/repo/name.h"
#include <check.h>
#include <errno.h>
#include <git2.h>
#include <stdlib.h>
#include <string.h>

static void lib(void)
{
	git_libgit2_init();
}

static const struct {
	const char *name, *git;
} table[] = {
    /* ordinary names stand for themselves */
    {"a", "a"},
    {"hello world.txt", "hello world.txt"},
    {"git", "git"},
    {"gitfoo", "gitfoo"},
    {".bashrc", ".bashrc"},
    {"meta", "meta"},
    {"100%", "100%"},
    {"a%25b", "a%25b"},
    {"caf\xc3\xa9", "caf\xc3\xa9"},
    {"\xff\xfe", "\xff\xfe"},
    {"file.txt.~1~", "file.txt.~1~"},
    {"x~1", "x~1"},
    {"~", "~"},
    {"...", "..."},
    {"map", "map"},
    /* special ones */
    {".git", "%.git"},
    {".GIT", "%.GIT"},
    {".Git ", "%.Git "},
    {".git. . ", "%.git. . "},
    {".gitmodules", "%.gitmodules"},
    {".gitattributes", "%.gitattributes"},
    {".gitignore", "%.gitignore"},
    {".gitfoo", "%.gitfoo"},
    {".lfsconfig", "%.lfsconfig"},
    {".MailMap", "%.MailMap"},
    {"git~1", "%git~1"},
    {"GIT~2", "%GIT~2"},
    {"GITMOD~1", "%GITMOD~1"},
    {"gi7eba~1", "%gi7eba~1"},
    {"maba30~1", "%maba30~1"},
    {"~1234567", "%~1234567"},
    {"g~123456", "%g~123456"},
    {".g\xe2\x80\x8cit", "%.g\xe2\x80\x8cit"},
    {"\xef\xbb\xbf.git", "%\xef\xbb\xbf.git"},
    {".gi\xe2\x81\xaft", "%.gi\xe2\x81\xaft"},
    {"a\\.git", "%a%5C.git"},
    {"\\", "%%5C"},
    {"a\nb", "%a%0Ab"},
    {"\x7f", "%%7F"},
    {"%", "%%25"},
    {"%meta", "%%25meta"},
    {"%index", "%%25index"},
    {"%00", "%%2500"},
    {"%25", "%%2525"},
    {"%.git", "%%25.git"},
};

START_TEST(known_names)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char git[NAME_GIT_MAX + 1], back[NAME_GIT_MAX + 1];
		name_to_git(table[i].name, git);
		ck_assert_str_eq(git, table[i].git);
		ck_assert_int_eq(name_from_git(git, back), 0);
		ck_assert_str_eq(back, table[i].name);
	}
}
END_TEST

START_TEST(long_names_are_hashed)
{
	char name[256], git[NAME_GIT_MAX + 1], other[NAME_GIT_MAX + 1];

	memset(name, 'x', 255);
	name[255] = '\0';
	name_to_git(name, git);
	ck_assert_str_eq(git, name);
	name[7] = '\n';
	name_to_git(name, git);
	ck_assert_int_eq(strlen(git), 42);
	ck_assert_int_eq(strncmp(git, "%~", 2), 0);
	ck_assert_int_eq(name_from_git(git, other), -ENOENT);
	name[8] = '\n';
	name_to_git(name, other);
	ck_assert_str_ne(git, other);
	/* the longest that still fits: % + 252 bytes + %0A less one */
	memset(name, 'x', 252);
	name[251] = '\n';
	name[252] = '\0';
	name_to_git(name, git);
	ck_assert_int_eq(strlen(git), 255);
	name[251] = 'x';
	memcpy(name + 252, "\n", 2);
	name_to_git(name, git);
	ck_assert_int_eq(strlen(git), 42);
}
END_TEST

START_TEST(forged_names_are_refused)
{
	static const char *const forged[] = {
	    "",	      ".git",	"%a",	      "%",    "%meta", "%%5c",	 "%a%0a", "%a%41",
	    "%a%00b", "%a%2Fb", "a\nb",	      "a\\b", "GIT~1", "%a%",	 "%a%4",  ".",
	    "..",     "a/b",	"%%2E%2E%0A", "%00",  "%ff",   "%index",
	};
	char out[NAME_GIT_MAX + 1];

	for (size_t i = 0; i < sizeof(forged) / sizeof(*forged); i++)
		ck_assert_msg(name_from_git(forged[i], out) == -EINVAL, "%s", forged[i]);
}
END_TEST

static size_t random_name(char *name, size_t max)
{
	static const char *const parts[] = {".git",	"GIT", "~1",	       "%",   "\\",   "\n",
					    ".mailmap", "%25", "\xe2\x80\x8c", "mod", "\xff", "g",
					    " "};
	size_t n = 0, len = 1 + (size_t)rand() % max;

	while (n < len) {
		if (rand() % 3) {
			char c = (char)(1 + rand() % 255);
			name[n++] = c == '/' ? 'x' : c;
		} else {
			const char *p = parts[(size_t)rand() % (sizeof(parts) / sizeof(*parts))];
			for (; *p && n < len; p++)
				name[n++] = *p;
		}
	}
	name[n] = '\0';
	return n;
}

/* Two names never share a git name; what is no hash comes back. */
START_TEST(random_names_round_trip)
{
	char name[256], git[NAME_GIT_MAX + 1], back[NAME_GIT_MAX + 1], again[NAME_GIT_MAX + 1];

	srand(7);
	for (int i = 0; i < 100000; i++) {
		random_name(name, i % 4 ? 12 : 255);
		if (!name_ok(name))
			continue;
		name_to_git(name, git);
		ck_assert(strlen(git) <= NAME_GIT_MAX && *git);
		ck_assert(!strpbrk(git, "\\\n/"));
		ck_assert_str_ne(git, "%meta");
		if (name_from_git(git, back) == -ENOENT)
			continue;
		ck_assert_str_eq(back, name);
		/* the other direction: any text is refused or is the name of what it decodes to */
		random_name(git, 12);
		if (name_from_git(git, back))
			continue;
		name_to_git(back, again);
		ck_assert_str_eq(again, git);
	}
}
END_TEST

START_TEST(percent)
{
	struct buf b = {0};
	char s[] = "a%20%0A%25", t[] = "%4", u[] = "%zz";

	percent_add(&b, "a \n%\x7f\xe9\0", 7, false);
	ck_assert_str_eq(b.p, "a%20%0A%25%7F\xe9%00");
	buf_reset(&b);
	percent_add(&b, "a\xe9", 2, true);
	ck_assert_str_eq(b.p, "a%E9");
	buf_free(&b);
	ck_assert_int_eq(percent_decode(s, strlen(s)), 4);
	ck_assert(!memcmp(s, "a \n%", 4));
	ck_assert_int_eq(percent_decode(t, strlen(t)), -EINVAL);
	ck_assert_int_eq(percent_decode(u, strlen(u)), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("repo_name");
	TCase *t = tcase_create("names");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, lib, NULL);
	tcase_add_test(t, known_names);
	tcase_add_test(t, long_names_are_hashed);
	tcase_add_test(t, forged_names_are_refused);
	tcase_add_test(t, random_names_round_trip);
	tcase_add_test(t, percent);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
