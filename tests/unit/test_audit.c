/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process without walls in a guest's place: each wall is missed. The other side, a real guest, is
 * tests/e2e/test_audit.sh. */
#include "core/audit.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct seen {
	char text[4096];
	size_t n;
};

static void note(void *user, const struct audit_line *l)
{
	struct seen *s = user;

	s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n, "%s %s: %s\n",
				 audit_verdict_name(l->verdict), l->name, l->detail);
}

static bool has(const struct seen *s, const char *line)
{
	return strstr(s->text, line) != NULL;
}

START_TEST(nothing_stands)
{
	struct seen s = {.n = 0};
	int fd = open("/etc/passwd", O_RDONLY);

	ck_assert_int_eq(audit_guest(getpid(), note, &s), 0);
	close(fd);
	ck_assert_msg(has(&s, "MISSING user:"), "%s", s.text);
	/* Some hosts run all of this below walls of their own. */
	ck_assert_int_ne(has(&s, "MISSING privileges:"), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	ck_assert_int_ne(has(&s, "MISSING calls: 1 "), prctl(PR_GET_SECCOMP) == 2);
	ck_assert(has(&s, "MISSING namespaces: shared with the host: user, mnt, pid"));
	ck_assert(has(&s, "MISSING mounts:"));
	ck_assert(has(&s, "MISSING descriptors: of files of the host: "));
	ck_assert(has(&s, "/etc/passwd"));
	ck_assert(has(&s, "MISSING limits:"));
	ck_assert(has(&s, "MISSING capabilities:"));
}
END_TEST

START_TEST(nobody_there)
{
	struct seen s = {.n = 0};

	ck_assert_int_eq(audit_guest(0x7ffffff0, note, &s), -ESRCH);
	ck_assert_uint_eq(s.n, 0);
}
END_TEST

START_TEST(a_path_in_a_path)
{
	static const char text[] = "[path \"/srv/a\"]\n\taccess = hide\n"
				   "[path \"/srv/a/b\"]\n\taccess = read\n\town = yes\n";
	struct seen s = {.n = 0};
	struct conf c;
	struct err e;

	ck_assert_int_eq(conf_parse(text, sizeof(text) - 1, "t", &c, &e), 0);
	ck_assert_int_eq(audit_conf(&c, note, &s, &e), 0);
	conf_free(&c);
	ck_assert_msg(has(&s, "ok path: /srv/a: hide: not there\n"), "%s", s.text);
	ck_assert(has(&s, "open path: /srv/a/b: read: the host's, read-only, read with your"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit");
	TCase *t = tcase_create("audit");

	tcase_add_test(t, nothing_stands);
	tcase_add_test(t, nobody_there);
	tcase_add_test(t, a_path_in_a_path);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
