/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control groups: where one can be made, by trees of plain files as the kernel would show them; and
 * a real one where this process may make it.
 */
#include "core/buf.h"
#include "core/cgroup.h"
#include "core/fd.h"
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fake {
	char top[32], root[64], self[64];
	struct cgroup_host h;
};

static void file(struct fake *f, const char *path, const char *text)
{
	char *full = xasprintf("%s/%s", f->top, path), *slash = strrchr(full, '/');

	*slash = '\0';
	ck_assert_int_eq(dir_make_path(full, 0755), 0);
	*slash = '/';
	ck_assert_int_eq(file_replace_at(AT_FDCWD, full, text, strlen(text), 0644, false), 0);
	free(full);
}

static void fake_init(struct fake *f, const char *self)
{
	strcpy(f->top, "/tmp/gaol-cgroup-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->top));
	snprintf(f->root, sizeof(f->root), "%s/root", f->top);
	snprintf(f->self, sizeof(f->self), "%s/self", f->top);
	file(f, "self", self);
	f->h = (struct cgroup_host){.root = f->root, .self = f->self};
}

static void fake_done(struct fake *f)
{
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, f->top), 0);
}

static void looks(struct fake *f, int version, bool cpu, bool pids)
{
	struct cgroup_can can = cgroup_look(f->h);

	ck_assert_int_eq(can.version, version);
	ck_assert_int_eq(can.cpu, cpu);
	ck_assert_int_eq(can.pids, pids);
}

START_TEST(version_2)
{
	struct fake f;

	/* as systemd has it: the session passes nothing on, the slice above all */
	fake_init(&f, "0::/user.slice/session.scope\n");
	file(&f, "root/cgroup.controllers", "cpu memory pids\n");
	file(&f, "root/cgroup.subtree_control", "memory\n");
	/* a container's: not the one above all, and with processes of its own */
	file(&f, "root/cgroup.type", "domain\n");
	file(&f, "root/cgroup.procs", "1\n");
	file(&f, "root/user.slice/cgroup.controllers", "memory\n");
	file(&f, "root/user.slice/cgroup.subtree_control", "memory\n");
	file(&f, "root/user.slice/session.scope/cgroup.controllers", "memory\n");
	file(&f, "root/user.slice/session.scope/cgroup.subtree_control", "\n");
	looks(&f, 0, false, false);
	file(&f, "root/user.slice/cgroup.subtree_control", "memory pids\n");
	looks(&f, 2, false, true);
	file(&f, "root/cgroup.subtree_control", "cpu memory pids cpuset\n");
	looks(&f, 2, true, true);
	/* nothing is passed on yet, but can be: by one without processes, or by the one above all
	 */
	file(&f, "root/cgroup.subtree_control", "\n");
	file(&f, "root/user.slice/cgroup.subtree_control", "\n");
	looks(&f, 0, false, false);
	file(&f, "root/cgroup.procs", "");
	looks(&f, 2, true, true);
	file(&f, "root/cgroup.procs", "1\n");
	char *type = xasprintf("%s/cgroup.type", f.root);
	ck_assert_int_eq(unlink(type), 0);
	free(type);
	looks(&f, 2, true, true);
	fake_done(&f);
}
END_TEST

START_TEST(version_1)
{
	struct fake f;

	fake_init(&f, "4:cpu,cpuacct:/a\n3:pids:/b/c\n1:name=systemd:/\n0::/\n");
	file(&f, "root/cpu/cgroup.procs", "");
	looks(&f, 0, false, false);
	file(&f, "root/cpu/a/cgroup.procs", "");
	looks(&f, 1, true, false);
	file(&f, "root/pids/b/c/cgroup.procs", "");
	looks(&f, 1, true, true);
	fake_done(&f);
}
END_TEST

START_TEST(nothing)
{
	struct cgroup_limits l = {.cpu = 50};
	struct fake f;
	struct err e;

	fake_init(&f, "no such line\n:::\n\n4\n");
	looks(&f, 0, false, false);
	ck_assert_ptr_null(cgroup_enter(f.h, "x", &l, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "gaol doctor"));
	unlink(f.self);
	looks(&f, 0, false, false);
	fake_done(&f);
	cgroup_leave(NULL);
}
END_TEST

/* Where we are in the hierarchy of a word, by the kernel. */
static bool inside(const char *part)
{
	struct buf b = {0};
	bool found =
	    !file_read_at(AT_FDCWD, "/proc/self/cgroup", 65536, &b) && strstr(buf_cstr(&b), part);

	buf_free(&b);
	return found;
}

START_TEST(real)
{
	struct cgroup_can can = cgroup_look(CGROUP_HOST);
	struct cgroup_limits l = {.cpu = can.cpu ? 50 : 100, .pids = can.pids ? 5 : 0};
	char name[40];
	struct err e;
	pid_t kids[20];
	int forked = 0;

	if (!can.pids) {
		fprintf(stderr, "skipped: no group with pids can be made here\n");
		return;
	}
	snprintf(name, sizeof(name), "test-%d", getpid());
	struct cgroup *g = cgroup_enter(CGROUP_HOST, name, &l, &e);
	if (!g && can.version == 2) {
		fprintf(stderr, "skipped: %s\n", e.text);
		return;
	}
	ck_assert_msg(g != NULL, "%s", e.text);
	ck_assert(inside(name));
	for (; forked < 20; forked++) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (!pid) {
			pause();
			_exit(0);
		}
		kids[forked] = pid;
	}
	ck_assert_int_eq(forked, 4);
	l.pids = 30;
	ck_assert_int_eq(cgroup_set(g, &l), 0);
	pid_t pid = fork();
	if (!pid)
		_exit(0);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < forked; i++)
		kill(kids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	cgroup_leave(g);
	ck_assert(!inside(name));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cgroup");
	TCase *t = tcase_create("cgroup");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, version_2);
	tcase_add_test(t, version_1);
	tcase_add_test(t, nothing);
	tcase_add_test(t, real);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
