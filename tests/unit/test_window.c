/* SPDX-License-Identifier: GPL-2.0-or-later */
/* window: a layer mounted on the host. Needs /dev/fuse; without access to it only says so. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/window.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

struct place {
	char root[64];
	char *lower, *upper, *work, *at;
	struct loop *loop;
	struct layer *layer;
	struct window *w;
	bool gone;
};

static void put(const char *dir, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	free(path);
}

static char *make_dir(struct place *p, const char *name)
{
	char *path = xasprintf("%s/%s", p->root, name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
	return path;
}

static void on_gone(void *user)
{
	((struct place *)user)->gone = true;
}

static void start(struct place *p, const struct window_config *c)
{
	struct err e = {0};
	struct window_config wc = *c;

	*p = (struct place){.root = "/tmp/gaol-window-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(p->root));
	p->lower = make_dir(p, "lower");
	p->upper = make_dir(p, "upper");
	p->work = make_dir(p, "work");
	p->at = make_dir(p, "at");
	put(p->lower, "base", "from the base\n");
	char *sub = xasprintf("%s/a", p->lower), *deep = xasprintf("%s/a/b", p->lower);
	mkdir(sub, 0755);
	mkdir(deep, 0755);
	ck_assert_int_eq(chdir(deep), 0);
	ck_assert_int_eq(symlink("/base", "absolute"), 0);
	ck_assert_int_eq(symlink("../../../../../../etc/passwd", "escape"), 0);
	ck_assert_int_eq(symlink("../c", "good"), 0);
	ck_assert_int_eq(symlink("/", "root"), 0);
	ck_assert_int_eq(symlink("root/../../../etc", "tricky"), 0);
	ck_assert_int_eq(chdir("/"), 0);
	free(sub);
	free(deep);
	struct layer_config lc = {
	    .lower = {{.path = p->lower}}, .nlower = 1, .upper = p->upper, .work = p->work};
	ck_assert_msg(!layer_open(&p->layer, &lc, &e), "%s", e.text);
	p->loop = loop_new();
	wc.on_gone = on_gone;
	wc.user = p;
	p->w = window_mount(p->loop, p->layer, p->at, &wc, &e);
	ck_assert_msg(p->w != NULL, "%s", e.text);
}

static void stop(struct place *p)
{
	window_unmount(p->w);
	layer_close(p->layer);
	loop_free(p->loop);
	free(p->lower);
	free(p->upper);
	free(p->work);
	free(p->at);
	dir_remove_tree(AT_FDCWD, p->root);
}

/* Lets somebody else look at the mount while the loop serves it: fn's result, 0 = good. */
static int look(struct place *p, int (*fn)(const char *at))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		alarm(20);
		_exit(chdir(p->at) ? 100 : fn(p->at));
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		loop_once(p->loop, 10);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static bool content_is(const char *path, const char *want)
{
	char text[256] = "";
	int fd = open(path, O_RDONLY);
	bool same = fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0 && !strcmp(text, want);

	if (fd >= 0)
		close(fd);
	return same;
}

static bool target_is(const char *path, const char *want)
{
	char text[256] = "";

	return readlink(path, text, sizeof(text) - 1) > 0 && !strcmp(text, want);
}

static int see_base(const char *at)
{
	struct statvfs fs;

	if (!content_is("base", "from the base\n"))
		return 1;
	if (statvfs(".", &fs) || !(fs.f_flag & ST_RDONLY) || !(fs.f_flag & ST_NOSUID) ||
	    !(fs.f_flag & ST_NODEV) || !(fs.f_flag & ST_NOEXEC))
		return 2;
	if (open("new", O_WRONLY | O_CREAT, 0644) >= 0 || errno != EROFS)
		return 3;
	if (!unlink("base") || errno != EROFS || !mkdir("d", 0755) || errno != EROFS)
		return 4;
	return 0;
}

static int see_links(const char *at)
{
	return !target_is("a/b/absolute", "../../base")	      ? 1
	       : !target_is("a/b/escape", "../../etc/passwd") ? 2
	       : !target_is("a/b/good", "../c")		      ? 3
	       : !target_is("a/b/root", "../..")	      ? 4
	       : !target_is("a/b/tricky", "../../etc")	      ? 5
							      : 0;
}

static int see_new(const char *at)
{
	return content_is("born", "later") ? 0 : 1;
}

static const struct window_config ro = {.ro = true};

START_TEST(read_only)
{
	struct place p;
	static const struct layer_cred root = {0, 0, 1};
	struct layer_entry e;
	char later[] = "later";
	struct iovec iov = {later, 5};
	uint64_t fh;

	start(&p, &ro);
	ck_assert_int_eq(look(&p, see_base), 0);
	ck_assert_int_eq(look(&p, see_links), 0);
	/* Nothing is cached: what the guest makes is there at once. */
	ck_assert_int_eq(look(&p, see_new), 1);
	ck_assert_int_eq(
	    layer_create(p.layer, LAYER_ROOT, "born", S_IFREG | 0644, O_WRONLY, &root, &e, &fh), 0);
	ck_assert_int_eq(layer_writev(p.layer, fh, &iov, 1, 0, &root), 5);
	layer_release(p.layer, fh);
	ck_assert_int_eq(look(&p, see_new), 0);
	stop(&p);
}
END_TEST

static int change_things(const char *at)
{
	char text[8] = "";
	struct stat st;
	int fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd < 0 || write(fd, "hello", 5) != 5 || pread(fd, text, 8, 0) != 5 ||
	    strcmp(text, "hello"))
		return 1;
	if (fchmod(fd, 0640) || fstat(fd, &st) || (st.st_mode & 07777) != 0640 || st.st_size != 5)
		return 2;
	if (mkdir("dir", 0755) || rename("new", "dir/moved") || !access("new", F_OK))
		return 3;
	if (rename("a", "dir/a") || !target_is("dir/a/b/good", "../c"))
		return 4;
	if (unlink("base") || !access("base", F_OK))
		return 5;
	if (setxattr("dir/moved", "user.color", "blue", 4, 0) ||
	    getxattr("dir/moved", "user.color", text, 8) != 4 || memcmp(text, "blue", 4))
		return 6;
	int t = open("dir", O_TMPFILE | O_RDWR, 0600);
	char link[40];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", t);
	if (t < 0 || write(t, "x", 1) != 1 ||
	    linkat(AT_FDCWD, link, AT_FDCWD, "dir/named", AT_SYMLINK_FOLLOW))
		return 7;
	return fsync(fd) ? 8 : 0;
}

START_TEST(read_write)
{
	static const struct window_config rw = {.caching = true, .default_permissions = true};
	struct place p;

	start(&p, &rw);
	ck_assert_int_eq(look(&p, change_things), 0);
	stop(&p);
}
END_TEST

static int write_much(const char *at)
{
	size_t n = 3 << 20;
	char *p = malloc(n), *q = malloc(n);
	int fd = open("much", O_RDWR | O_CREAT, 0600);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7 + (i >> 12));
	return write(fd, p, n) == (ssize_t)n && pread(fd, q, n, 0) == (ssize_t)n && !memcmp(p, q, n)
		   ? 0
		   : 1;
}

START_TEST(large_data)
{
	static const struct window_config rw = {0};
	struct place p;

	start(&p, &rw);
	ck_assert_int_eq(look(&p, write_much), 0);
	stop(&p);
}
END_TEST

static int detach(const char *at)
{
	struct err e;

	return chdir("/") || window_cleanup(at, &e);
}

START_TEST(taken_away)
{
	struct place p;

	start(&p, &ro);
	ck_assert_int_eq(look(&p, see_base), 0);
	ck_assert_int_eq(look(&p, detach), 0);
	for (int i = 0; i < 200 && !p.gone; i++)
		loop_once(p.loop, 10);
	ck_assert(p.gone);
	stop(&p);
}
END_TEST

/* A process that mounted is killed: its mount is detached without being asked. */
START_TEST(cleanup)
{
	struct place p;
	struct err e;
	struct stat st;
	int ready[2];
	char c;

	ck_assert_int_eq(pipe(ready), 0);
	start(&p, &ro);
	window_unmount(p.w);
	p.w = NULL;
	ck_assert_int_eq(window_cleanup(p.at, &e), 0); /* nothing there */
	pid_t pid = fork();
	if (!pid) {
		if (window_mount(p.loop, p.layer, p.at, &ro, &e))
			(void)!write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(stat(p.at, &st), -1);
	ck_assert_int_eq(errno, ENOTCONN);
	ck_assert_msg(!window_cleanup(p.at, &e), "%s", e.text);
	ck_assert_int_eq(stat(p.at, &st), 0);
	stop(&p);
}
END_TEST

START_TEST(bad_places)
{
	struct place p;
	struct err e;

	start(&p, &ro);
	char *file = xasprintf("%s/base", p.lower);
	ck_assert_ptr_null(window_mount(p.loop, p.layer, "/nowhere/at/all", &ro, &e));
	ck_assert_ptr_null(window_mount(p.loop, p.layer, file, &ro, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "not a directory"));
	ck_assert_int_eq(window_cleanup("/nowhere/at/all", &e), 0);
	free(file);
	stop(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("window");
	TCase *t = tcase_create("window");

	if (access("/dev/fuse", R_OK | W_OK)) {
		printf("window: skipped, no access to /dev/fuse\n");
		return 0;
	}
	tcase_set_timeout(t, 60);
	tcase_add_test(t, read_only);
	tcase_add_test(t, read_write);
	tcase_add_test(t, large_data);
	tcase_add_test(t, taken_away);
	tcase_add_test(t, cleanup);
	tcase_add_test(t, bad_places);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
