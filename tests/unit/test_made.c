/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/accounts.h"
#include "core/fd.h"
#include "core/kernel.h"
#include "core/layer/layer.h"
#include "core/layer/record.h"
#include "core/made.h"
#include "core/user.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static const char host_passwd[] = "root:x:0:0:The Admin:/somewhere:/bin/zsh\n"
				  "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
				  "www-data:x:33:33::/var/www:/usr/sbin/nologin\n"
				  "alice:x:1000:1000:Alice:/home/alice:/bin/bash\n"
				  "carol:x:1001:1001::/home/carol:/bin/bash\n"
				  "broken:x:12\n"
				  "worse:x:-5:1::/:/bin/sh\n"
				  "+nis::::::\n"
				  "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
static const char host_group[] = "root:x:0:\n"
				 "sudo:x:27:alice,carol\n"
				 "shadow:x:42:\n"
				 "www-data:x:33:daemon,carol\n"
				 "alice:x:1000:\n"
				 "nogroup:x:65534:\n";

static const struct made_config joe = {.hostname = "demo",
				       .name = "alice",
				       .uid = 1000,
				       .gid = 1000,
				       .group = "alice",
				       .gecos = "Alice",
				       .home = "/home/alice",
				       .shell = "/bin/bash"};

START_TEST(accounts_of_a_user)
{
	struct accounts a;

	accounts_make(&a, host_passwd, host_group, &joe);
	ck_assert_str_eq(buf_cstr(&a.passwd),
			 "root:x:0:0:The Admin:/root:/bin/zsh\n"
			 "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
			 "www-data:x:33:33::/var/www:/usr/sbin/nologin\n"
			 "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
			 "alice:x:1000:1000:Alice:/home/alice:/bin/bash\n");
	ck_assert_str_eq(buf_cstr(&a.group), "root:x:0:\nsudo:x:27:alice\nshadow:x:42:\n"
					     "www-data:x:33:daemon\nnogroup:x:65534:\n"
					     "alice:x:1000:\n");
	ck_assert_str_eq(buf_cstr(&a.shadow), "root:*:::::::\ndaemon:*:::::::\nwww-data:*:::::::\n"
					      "nobody:*:::::::\nalice:*:::::::\n");
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a.gshadow), "sudo:*::alice\n"));
	ck_assert_uint_eq(a.shadow_gid, 42);
	accounts_free(&a);
}
END_TEST

START_TEST(accounts_at_the_borders)
{
	struct made_config c = {.hostname = "x"};
	struct accounts a;

	/* no host files at all */
	accounts_make(&a, "", "", &c);
	ck_assert_str_eq(buf_cstr(&a.passwd), "root:x:0:0:root:/root:/bin/sh\n");
	ck_assert_str_eq(buf_cstr(&a.group), "root:x:0:\n");
	accounts_free(&a);
	/* only root: nobody of the host */
	accounts_make(&a, host_passwd, host_group, &c);
	ck_assert_ptr_null(strstr(buf_cstr(&a.passwd), "alice"));
	ck_assert_ptr_null(strstr(buf_cstr(&a.group), "alice"));
	accounts_free(&a);
	/* a system account as the user: once, with the jail's fields; group names stay apart */
	c = (struct made_config){.hostname = "x",
				 .name = "www-data",
				 .uid = 33,
				 .gid = 5000,
				 .group = "sudo",
				 .home = "/home/w",
				 .shell = "/bin/sh"};
	accounts_make(&a, host_passwd, host_group, &c);
	ck_assert_ptr_nonnull(
	    strstr(buf_cstr(&a.passwd), "\nwww-data:x:33:5000::/home/w:/bin/sh\n"));
	ck_assert_ptr_null(strstr(buf_cstr(&a.passwd), "/var/www"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&a.group), "\ng5000:x:5000:\n"));
	accounts_free(&a);
}
END_TEST

struct place {
	char dir[64];
	char made[80], etc[80], init[80], share[80];
	int fd;
};

static void write_at(int fd, const char *name, const char *text)
{
	ck_assert_int_eq(file_replace_at(fd, name, text, strlen(text), 0644, false), 0);
}

static struct made_config setup(struct place *p)
{
	struct made_config c = joe;

	snprintf(p->dir, sizeof(p->dir), "/tmp/gaol-made-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(p->made, sizeof(p->made), "%s/made", p->dir);
	snprintf(p->etc, sizeof(p->etc), "%s/etc", p->dir);
	snprintf(p->init, sizeof(p->init), "%s/init", p->dir);
	snprintf(p->share, sizeof(p->share), "%s/share", p->dir);
	mkdirat(p->fd, "etc", 0755);
	write_at(p->fd, "etc/passwd", host_passwd);
	write_at(p->fd, "etc/group", host_group);
	write_at(p->fd, "init", "\177ELF the init");
	c.etc = p->etc;
	c.init = p->init;
	c.share = p->share;
	return c;
}

static void teardown(struct place *p)
{
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, p->dir), 0);
	fd_close(&p->fd);
}

static void build(const struct place *p, const struct made_config *c)
{
	struct err e = {""};

	ck_assert_msg(made_build(p->made, c, &e) == 0, "%s", e.text);
}

static const struct {
	const char *path;
	mode_t mode;
	uid_t uid;
	gid_t gid;
} seen[] = {
    {"/", S_IFDIR | 0755, 0, 0},
    {"/etc", S_IFDIR | 0755, 0, 0},
    {"/etc/passwd", S_IFREG | 0644, 0, 0},
    {"/etc/shadow", S_IFREG | 0640, 0, 42},
    {"/etc/gshadow", S_IFREG | 0640, 0, 42},
    {"/etc/group-", S_IFREG | 0644, 0, 0},
    {"/etc/hostname", S_IFREG | 0644, 0, 0},
    {"/etc/resolv.conf", S_IFREG | 0644, 0, 0},
    {"/etc/machine-id", S_IFREG | 0444, 0, 0},
    {"/etc/mtab", S_IFLNK | 0777, 0, 0},
    {"/root", S_IFDIR | 0700, 0, 0},
    {"/home", S_IFDIR | 0755, 0, 0},
    {"/home/alice", S_IFDIR | 0700, 1000, 1000},
    {"/tmp", S_IFDIR | 01777, 0, 0},
    {"/var/tmp", S_IFDIR | 01777, 0, 0},
    {"/run", S_IFDIR | 0755, 0, 0},
    {"/.gaol/init", S_IFREG | 0755, 0, 0},
};

/* The tree as a guest sees it through the layer. */
START_TEST(shown_by_the_layer)
{
	struct place p;
	struct made_config c = setup(&p);
	char upper[80], work[80];
	struct layer_config lc = {.lower[0] = {.path = p.made, .virtual = true},
				  .nlower = 1,
				  .upper = upper,
				  .work = work};
	struct layer_entry ent;
	struct layer *l;
	struct err e = {""};
	char target[64];

	snprintf(upper, sizeof(upper), "%s/upper", p.dir);
	snprintf(work, sizeof(work), "%s/work", p.dir);
	ck_assert_int_eq(mkdir(upper, 0700), 0);
	ck_assert_int_eq(mkdir(work, 0700), 0);
	build(&p, &c);
	ck_assert_msg(layer_open(&l, &lc, &e) == 0, "%s", e.text);
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		ck_assert_msg(layer_walk(l, seen[i].path, &ent) == 0, "%s", seen[i].path);
		ck_assert_msg(ent.st.st_mode == seen[i].mode, "%s is %o", seen[i].path,
			      ent.st.st_mode);
		ck_assert_uint_eq(ent.st.st_uid, seen[i].uid);
		ck_assert_uint_eq(ent.st.st_gid, seen[i].gid);
	}
	ck_assert_int_eq(layer_walk(l, "/etc/mtab", &ent), 0);
	ck_assert_int_eq(layer_readlink(l, ent.node, target, sizeof(target)), 19);
	ck_assert_str_eq(target, "../proc/self/mounts");
	layer_close(l);
	teardown(&p);
}
END_TEST

/* Nothing in the tree is more to the host than plain private files of ours. */
START_TEST(plain_for_the_host)
{
	static const char *const names[] = {"etc/shadow", "etc/mtab", "etc/passwd"};
	struct place p;
	struct made_config c = setup(&p);
	char path[200];
	struct stat st;

	build(&p, &c);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", p.made, names[i]);
		ck_assert_int_eq(lstat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
		ck_assert_uint_eq(st.st_uid, geteuid());
	}
	snprintf(path, sizeof(path), "%s/tmp", p.made);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);
	snprintf(path, sizeof(path), "%s/.gaol/init", p.made);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 2); /* shared with $GAOL_HOME/share */
	teardown(&p);
}
END_TEST

static ino_t inode(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_ino;
}

static void read_made(const struct place *p, const char *name, struct buf *out)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", p->made, name);
	buf_reset(out);
	ck_assert_int_eq(file_read_at(AT_FDCWD, path, 1 << 20, out), 0);
}

START_TEST(rebuilt_only_when_something_changed)
{
	struct place p;
	struct made_config c = setup(&p);
	struct buf id = {0}, now = {0};
	ino_t first;

	build(&p, &c);
	first = inode(p.made);
	read_made(&p, "etc/machine-id", &id);
	ck_assert_uint_eq(id.len, 33);
	build(&p, &c);
	ck_assert_uint_eq(inode(p.made), first);
	c.hostname = "other";
	build(&p, &c);
	ck_assert_uint_ne(inode(p.made), first);
	first = inode(p.made);
	read_made(&p, "etc/machine-id", &now);
	ck_assert_str_eq(now.p, id.p);
	read_made(&p, "etc/hostname", &now);
	ck_assert_str_eq(now.p, "other\n");
	write_at(p.fd, "etc/passwd", "root:x:0:0::/root:/bin/dash\n");
	build(&p, &c);
	ck_assert_uint_ne(inode(p.made), first);
	read_made(&p, "etc/passwd", &now);
	ck_assert_ptr_nonnull(strstr(now.p, "/bin/dash"));
	write_at(p.fd, "init", "\177ELF another init");
	build(&p, &c);
	read_made(&p, ".gaol/init", &now);
	ck_assert_str_eq(now.p, "\177ELF another init");
	ck_assert_int_lt(faccessat(p.fd, "made.new", F_OK, 0), 0);
	buf_free(&id);
	buf_free(&now);
	teardown(&p);
}
END_TEST

START_TEST(left_overs_and_failures)
{
	struct place p;
	struct made_config c = setup(&p);
	struct err e = {""};
	ino_t first;

	/* of a build that died */
	mkdirat(p.fd, "made.new", 0700);
	write_at(p.fd, "made.new/junk", "x");
	build(&p, &c);
	ck_assert_int_lt(faccessat(p.fd, "made/junk", F_OK, 0), 0);
	first = inode(p.made);
	c.init = "/nonexistent/init";
	ck_assert_int_eq(made_build(p.made, &c, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "guest's init"));
	ck_assert_uint_eq(inode(p.made), first); /* the old one stands */
	ck_assert_int_lt(faccessat(p.fd, "made.new", F_OK, 0), 0);
	c = joe;
	c.init = p.init;
	c.gecos = "a\nroot2:x:0:0::/:/bin/sh";
	ck_assert_int_eq(made_build(p.made, &c, &e), -EINVAL);
	c.gecos = "";
	c.home = "relative";
	ck_assert_int_eq(made_build(p.made, &c, &e), -EINVAL);
	c.home = "/home/a/../../etc";
	ck_assert_int_eq(made_build(p.made, &c, &e), -EINVAL);
	c.home = "/home/a";
	c.hostname = "a b";
	ck_assert_int_eq(made_build(p.made, &c, &e), -EINVAL);
	teardown(&p);
}
END_TEST

static double build_ms(const struct place *p, struct made_config *c)
{
	double best = 1e9;

	for (int i = 0; i < 7; i++) {
		struct timespec a, b;
		char name[16];
		double ms;

		snprintf(name, sizeof(name), "h%d", i);
		c->hostname = name;
		clock_gettime(CLOCK_MONOTONIC, &a);
		build(p, c);
		clock_gettime(CLOCK_MONOTONIC, &b);
		ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
		if (ms < best)
			best = ms;
	}
	return best;
}

/* Booting waits for it. The bar is 5 ms; the test allows a busy machine and sanitizers more. */
START_TEST(fast_enough)
{
	struct place p;
	struct made_config c = setup(&p);
	double ms;

	c.etc = "/etc";
	ms = build_ms(&p, &c);
	if (getenv("GAOL_TEST_VERBOSE"))
		printf("made_build: %.2f ms\n", ms);
	ck_assert_double_lt(ms, 50);
	teardown(&p);
}
END_TEST

START_TEST(users)
{
	struct user u;
	struct err e;

	ck_assert_int_eq(user_lookup(0, &u, &e), 0);
	ck_assert_str_eq(u.name, "root");
	ck_assert_str_eq(u.group, "root");
	user_free(&u);
	ck_assert_int_eq(user_lookup(3999999999u, &u, &e), 0);
	ck_assert_str_eq(u.name, "u3999999999");
	ck_assert_str_eq(u.group, "g3999999999");
	ck_assert_str_eq(u.home, "/");
	ck_assert_uint_eq(u.ngroups, 0);
	user_free(&u);
	ck_assert_int_eq(user_self(&u, &e), 0);
	ck_assert_uint_eq(u.uid, getuid());
	ck_assert_uint_eq(u.gid, getgid());
	user_free(&u);
}
END_TEST

START_TEST(kernel_images)
{
	struct place p;
	char path[PATH_MAX], found[PATH_MAX];
	struct err e = {""};

	setup(&p);
	snprintf(path, sizeof(path), "%s/init", p.dir);
	setenv("GAOL_KERNEL", path, 1);
	ck_assert_int_eq(kernel_find(found, sizeof(found), &e), -EACCES); /* not executable */
	chmod(path, 0755);
	write_at(p.fd, "init", "\177ELF and sixteen more bytes");
	chmod(path, 0755);
	ck_assert_msg(kernel_find(found, sizeof(found), &e) == 0, "%s", e.text);
	ck_assert_str_eq(found, path);
	chmod(path, 0757);
	ck_assert_int_eq(kernel_find(found, sizeof(found), &e), -EACCES);
	ck_assert_ptr_nonnull(strstr(e.text, "changed by others"));
	chmod(path, 0755);
	chmod(p.dir, 0777);
	ck_assert_int_eq(kernel_find(found, sizeof(found), &e), -EACCES);
	ck_assert_ptr_nonnull(strstr(e.text, "the directory"));
	chmod(p.dir, 0700);
	if (!geteuid()) {
		ck_assert_int_eq(chown(path, 12345, 0), 0);
		ck_assert_int_eq(kernel_find(found, sizeof(found), &e), -EACCES);
		ck_assert_ptr_nonnull(strstr(e.text, "belongs to uid 12345"));
		ck_assert_int_eq(chown(path, 0, 0), 0);
	}
	write_at(p.fd, "init", "#!/bin/sh and sixteen more bytes");
	chmod(path, 0755);
	ck_assert_int_eq(kernel_find(found, sizeof(found), &e), -EACCES);
	setenv("GAOL_KERNEL", "/nonexistent/linux", 1);
	ck_assert_int_eq(kernel_find(found, sizeof(found), &e), -ENOENT);
	/* a cache of one's own comes first */
	unsetenv("GAOL_KERNEL");
	setenv("XDG_CACHE_HOME", p.dir, 1);
	snprintf(path, sizeof(path), "%s/gaol/kernel/v1", p.dir);
	ck_assert_int_eq(dir_make_path(path, 0755), 0);
	snprintf(path, sizeof(path), "gaol/kernel/v1/linux");
	write_at(p.fd, path, "\177ELF and sixteen more bytes");
	ck_assert_int_eq(fchmodat(p.fd, path, 0755, 0), 0);
	ck_assert_int_eq(symlinkat("v1", p.fd, "gaol/kernel/current"), 0);
	ck_assert_msg(kernel_find(found, sizeof(found), &e) == 0, "%s", e.text);
	ck_assert_ptr_nonnull(strstr(found, "/gaol/kernel/v1/linux"));
	teardown(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("made");
	TCase *t = tcase_create("made");
	SRunner *r;
	int failed;

	tcase_add_test(t, accounts_of_a_user);
	tcase_add_test(t, accounts_at_the_borders);
	tcase_add_test(t, shown_by_the_layer);
	tcase_add_test(t, plain_for_the_host);
	tcase_add_test(t, rebuilt_only_when_something_changed);
	tcase_add_test(t, left_overs_and_failures);
	tcase_add_test(t, fast_enough);
	tcase_add_test(t, users);
	tcase_add_test(t, kernel_images);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
