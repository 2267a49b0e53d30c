/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/doctor.h"
#include "core/doctor_child.h"
#include "core/fd.h"
#include "core/loop.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int run(const char *script, int ms, char *out, size_t size)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};

	return child_exec(argv, ms, out, size);
}

START_TEST(children)
{
	char out[64];
	const char *const none[] = {"/nonexistent/program", NULL};

	ck_assert_int_eq(run("exit 0", 10000, out, sizeof(out)), 0);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(run("echo one; echo two >&2; exit 3", 10000, out, sizeof(out)), 3);
	ck_assert_str_eq(out, "two");
	ck_assert_int_eq(run("printf 'no end of line'", 10000, out, sizeof(out)), 0);
	ck_assert_str_eq(out, "no end of line");
	ck_assert_int_eq(run("head -c 200000 /dev/zero | tr '\\0' x", 10000, out, sizeof(out)), 0);
	ck_assert_uint_eq(strlen(out), sizeof(out) - 1);
	ck_assert_int_eq(run("kill -9 $$", 10000, out, sizeof(out)), 128 + SIGKILL);
	ck_assert_int_eq(child_exec(none, 10000, out, sizeof(out)), 127);
	ck_assert_ptr_nonnull(strstr(out, "No such file"));
}
END_TEST

/* True when no process of the group is alive, within a second. */
static bool gone(pid_t pid)
{
	int64_t until = loop_now_ms() + 1000;

	while (kill(pid, 0) == 0) {
		char path[64], state[512] = "";
		cleanup_fd int fd = -1;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, state, sizeof(state) - 1);
		if (n > 0 && strstr(state, ") Z")) /* an orphan that waits for pid 1 */
			return true;
		if (loop_now_ms() > until)
			return false;
		usleep(1000);
	}
	return true;
}

START_TEST(children_that_hang)
{
	int64_t start = loop_now_ms();
	char out[64];

	ck_assert_int_eq(
	    run("echo $$; trap '' TERM; sleep 1000; sleep 1000", 300, out, sizeof(out)),
	    CHILD_TIMEOUT);
	ck_assert_int_lt(loop_now_ms() - start, 5000);
	ck_assert(gone(atoi(out)));
	/* one that ends but leaves another behind, with the pipe open */
	start = loop_now_ms();
	ck_assert_int_eq(run("sleep 1000 & echo $!", 20000, out, sizeof(out)), 0);
	ck_assert_int_lt(loop_now_ms() - start, 5000);
	ck_assert_int_gt(atoi(out), 1);
	ck_assert(gone(atoi(out)));
}
END_TEST

static const struct doctor_check *find(const struct doctor_check *k, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(k[i].name, name))
			return &k[i];
	ck_abort_msg("no check %s", name);
	return NULL;
}

static void count(void *user, const struct doctor_check *k)
{
	++*(size_t *)user;
}

static char dir[64];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/gaol-doctor-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	unsetenv("GAOL_KERNEL");
}

static void teardown(void)
{
	dir_remove_tree(AT_FDCWD, dir);
}

static void program(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(file_replace_at(AT_FDCWD, path, text, strlen(text), 0755, false), 0);
}

/* Whatever this machine has, every line is complete: a name, a detail, and a remedy if not ok. */
START_TEST(every_line_is_complete)
{
	struct doctor_config c = {.home = dir};
	struct doctor_check k[DOCTOR_MAX];
	size_t told = 0, n = doctor_run(&c, k, DOCTOR_MAX, count, &told);

	ck_assert_uint_eq(n, 12); /* no boot without a launcher */
	ck_assert_uint_eq(told, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_msg(*k[i].detail, "%s", k[i].name);
		ck_assert_msg(!*k[i].remedy == (k[i].status == DOCTOR_OK), "%s: %s", k[i].name,
			      k[i].remedy);
		if (getenv("GAOL_TEST_VERBOSE"))
			printf("%-16s %-4s %s%s%s\n", k[i].name, doctor_status_name(k[i].status),
			       k[i].detail, *k[i].remedy ? ": " : "", k[i].remedy);
	}
	ck_assert_int_eq(find(k, n, "attributes")->status, DOCTOR_OK);
}
END_TEST

START_TEST(broken_walls)
{
	struct doctor_config c = {.home = dir, .deadline_ms = 500};
	struct doctor_check k[DOCTOR_MAX];
	const struct doctor_check *b;
	int64_t start;
	size_t n;

	setenv("PATH", dir, 1);
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	b = find(k, n, "bubblewrap");
	ck_assert_int_eq(b->status, DOCTOR_FAIL);
	ck_assert_str_eq(b->detail, "not found");
	ck_assert(!doctor_can_run(k, n));
	program("bwrap",
		"#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n");
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	ck_assert_ptr_nonnull(strstr(find(k, n, "bubblewrap")->detail, "No permissions"));
	program("bwrap", "#!/bin/sh\n/bin/sleep 1000\n");
	start = loop_now_ms();
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	ck_assert_ptr_nonnull(strstr(find(k, n, "bubblewrap")->detail, "does not answer"));
	ck_assert_int_lt(loop_now_ms() - start, 8000);
}
END_TEST

static int boots(void *user, const char *kernel, int deadline_ms, struct err *e)
{
	ck_assert_int_gt(deadline_ms, 0);
	return *(int *)user ? err_set(e, -EIO, "panic in the guest") : 0;
}

static int hangs(void *user, const char *kernel, int deadline_ms, struct err *e)
{
	while (pause() < 0)
		;
	return 0;
}

START_TEST(booting)
{
	int broken = 0;
	struct doctor_config c = {.home = dir, .deadline_ms = 1500, .boot = boots, .user = &broken};
	struct doctor_check k[DOCTOR_MAX];
	char path[128];
	size_t n;

	program("linux", "\177ELF and a kernel");
	program("bwrap", "#!/bin/sh\nexit 0\n");
	setenv("PATH", dir, 1);
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	if (find(k, n, "kernel image")->status == DOCTOR_FAIL)
		ck_assert_str_eq(find(k, n, "boot")->detail, "not tried");
	snprintf(path, sizeof(path), "%s/linux", dir);
	setenv("GAOL_KERNEL", path, 1);
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	ck_assert_uint_eq(n, 13);
	ck_assert_msg(find(k, n, "boot")->status == DOCTOR_OK, "%s", find(k, n, "boot")->detail);
	broken = 1;
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	ck_assert_int_eq(find(k, n, "boot")->status, DOCTOR_FAIL);
	ck_assert_ptr_nonnull(strstr(find(k, n, "boot")->detail, "panic in the guest"));
	c.boot = hangs;
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	ck_assert_ptr_nonnull(strstr(find(k, n, "boot")->detail, "does not boot within"));
}
END_TEST

START_TEST(places_and_terminals)
{
	struct doctor_check k[DOCTOR_MAX];
	char home[128];
	struct doctor_config c = {.home = home};
	size_t n;

	/* not there yet: the nearest directory above it is judged */
	snprintf(home, sizeof(home), "%s/not/yet", dir);
	setenv("TERM", "dumb", 1);
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	ck_assert_int_eq(find(k, n, "attributes")->status, DOCTOR_OK);
	ck_assert_ptr_nonnull(strstr(find(k, n, "space")->detail, dir));
	ck_assert_int_eq(find(k, n, "terminal")->status, DOCTOR_WARN);
	snprintf(home, sizeof(home), "/proc/gaol");
	setenv("TERM", "xterm", 1);
	setenv("LC_ALL", "C", 1);
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	ck_assert_int_eq(find(k, n, "attributes")->status, DOCTOR_FAIL);
	ck_assert_int_eq(find(k, n, "terminal")->status, DOCTOR_WARN);
	setenv("LC_ALL", "C.UTF-8", 1);
	n = doctor_run(&c, k, DOCTOR_MAX, NULL, NULL);
	ck_assert_int_eq(find(k, n, "terminal")->status, DOCTOR_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor");
	TCase *t = tcase_create("doctor");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, children);
	tcase_add_test(t, children_that_hang);
	tcase_add_test(t, every_line_is_complete);
	tcase_add_test(t, broken_walls);
	tcase_add_test(t, booting);
	tcase_add_test(t, places_and_terminals);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
