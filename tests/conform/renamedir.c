/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rename of directories: with what the lower has in them, and never EXDEV. */
#include "tests/conform/conform.h"

static void to_new(void)
{
	ino_t d = ino_of("d"), sub = ino_of("d/sub"), a = ino_of("d/a");

	OK(rename("d", "n"));
	EQ(there("d"), 0);
	EQ(ino_of("n"), d);
	EQ(ino_of("n/sub"), sub);
	EQ(ino_of("n/a"), a);
	EQ(count("n"), 4);
	holds("n/a", "a\n");
	holds("n/sub/b", "b\n");
	holds("n/l", "a\n");
	EQ(st_of("n").st_nlink, 3);
	ERR(open("d/a", O_RDONLY), ENOENT);
	OK(rename("n", "d"));
	EQ(ino_of("d"), d);
	holds("d/sub/b", "b\n");
	EQ(count_name(".", "d"), 1);
}

static void between_parents(void)
{
	nlink_t top = st_of(".").st_nlink, e = st_of("e").st_nlink;

	OK(rename("d", "e/n"));
	EQ(st_of(".").st_nlink, top - 1);
	EQ(st_of("e").st_nlink, e + 1);
	EQ(ino_of("e/n/.."), ino_of("e"));
	holds("e/n/sub/b", "b\n");
	OK(rename("e/n/sub", "sub"));
	EQ(st_of("e/n").st_nlink, 2);
	EQ(ino_of("sub/.."), ino_of("."));
	holds("sub/b", "b\n");
	EQ(there("e/n/sub"), 0);
	OK(rename("e", "sub/e"));
	holds("sub/e/n/a", "a\n");
	OK(rename("sub/e/n", "e"));
	holds("e/a", "a\n");
	EQ(count("sub/e"), 0);
}

static void old_name_is_free(void)
{
	OK(rename("d", "n"));
	OK(mkdir("d", 0755));
	EQ(count("d"), 0);
	EQ(there("d/a"), 0);
	NE(ino_of("d"), ino_of("n"));
	put("d/a", "second\n");
	OK(mkdir("d/sub", 0755));
	EQ(count("d/sub"), 0);
	holds("n/a", "a\n");
	holds("d/a", "second\n");
	OK(rename("d", "m"));
	OK(rename("n", "d"));
	holds("d/a", "a\n");
	holds("m/a", "second\n");
	holds("d/sub/b", "b\n");
	EQ(count("m"), 2);
}

static void changed_after(void)
{
	OK(rename("d", "n"));
	put("n/a", "changed\n");
	put("n/sub/new", "new\n");
	OK(unlink("n/sub/b"));
	OK(rename("n/h3", "n/sub/h3"));
	EQ(count("n"), 3);
	EQ(count("n/sub"), 2);
	OK(rename("n", "e/o"));
	holds("e/o/a", "changed\n");
	holds("e/o/sub/new", "new\n");
	holds("e/o/sub/h3", "linked\n");
	EQ(there("e/o/sub/b"), 0);
	put("e/o/sub/b", "back\n");
	holds("e/o/sub/b", "back\n");
	EQ(count("e/o/sub"), 3);
	remove_all("e/o");
	EQ(count("e"), 0);
}

static void changed_before(void)
{
	put("d/a", "changed\n");
	OK(unlink("d/sub/b"));
	OK(chmod("d/sub", 0711));
	OK(rename("d", "n"));
	holds("n/a", "changed\n");
	EQ(count("n/sub"), 0);
	EQ(st_of("n/sub").st_mode, S_IFDIR | 0711);
	OK(rename("n/sub", "sub"));
	EQ(count("sub"), 0);
	OK(rmdir("sub"));
	EQ(count("n"), 3);
}

static void over_empty(void)
{
	ino_t d = ino_of("d");
	int fd = (int)OK(open("e", O_RDONLY | O_DIRECTORY));
	nlink_t top = st_of(".").st_nlink;

	OK(rename("d", "e"));
	EQ(ino_of("e"), d);
	holds("e/a", "a\n");
	EQ(st_of(".").st_nlink, top - 1);
	EQ(st_fd(fd).st_nlink, 0);
	ERR(rename("d2", "e"), ENOTEMPTY);
	ERR(rename("e", "d2"), ENOTEMPTY);
	OK(unlink("d2/x")); /* empty for who looks, not for who keeps whiteouts */
	OK(rename("e", "d2"));
	holds("d2/a", "a\n");
	EQ(there("d2/x"), 0);
	EQ(count("d2"), 4);
	OK(mkdir("m", 0755));
	OK(rename("d2", "m"));
	holds("m/sub/b", "b\n");
	OK(mkdir("k", 0700));
	put("k/one", "1\n");
	remove_all("m");
	OK(mkdir("m", 0755));
	OK(rename("k", "m"));
	EQ(count("m"), 1);
	EQ(st_of("m").st_mode, S_IFDIR | 0700);
}

static void refused(void)
{
	ERR(rename("d", "d/n"), EINVAL);
	ERR(rename("d", "d/sub/n"), EINVAL);
	ERR(rename("d", "d/sub"), EINVAL);
	ERR(rename("d/sub", "d"), ENOTEMPTY);
	ERR(rename("e", "d"), ENOTEMPTY);
	ERR(rename("d", "none/n"), ENOENT);
	ERR(rename("d", "f/n"), ENOTDIR);
	OK(rename("d", "d"));
	OK(rename("d/", "n/"));
	holds("n/a", "a\n");
}

static void while_open(void)
{
	int fd = (int)OK(open("d", O_RDONLY | O_DIRECTORY));
	int a = (int)OK(open("d/a", O_RDWR));
	char cwd[PATH_MAX];

	OK(chdir("d/sub"));
	OK(rename("../../d", "../../e/n"));
	TRUE(getcwd(cwd, sizeof(cwd)) != NULL);
	TRUE(strlen(cwd) > 8 && !strcmp(cwd + strlen(cwd) - 8, "/e/n/sub"));
	holds("b", "b\n");
	put("new", "new\n");
	OK(chdir("../../.."));
	holds("e/n/sub/new", "new\n");
	EQ(write(a, "A", 1), 1);
	holds("e/n/a", "A\n");
	int n = (int)OK(openat(fd, "made", O_CREAT | O_WRONLY, 0644));
	EQ(write(n, "1", 1), 1);
	holds("e/n/made", "1");
	OK(unlinkat(fd, "a", 0));
	EQ(there("e/n/a"), 0);
}

static void deep(void)
{
	OK(rename("d/sub", "s1"));
	OK(rename("s1", "d2/s2"));
	OK(rename("d2", "e/d3"));
	OK(rename("e/d3/s2", "e/s3"));
	OK(rename("e", "t"));
	holds("t/s3/b", "b\n");
	holds("t/d3/x", "x\n");
	OK(mkdir("d/sub", 0755));
	EQ(count("d/sub"), 0);
	OK(rename("t/s3/b", "d/sub/b"));
	holds("d/sub/b", "b\n");
	EQ(count("t/s3"), 0);
	OK(rename("d", "t/s3/d"));
	holds("t/s3/d/sub/b", "b\n");
	holds("t/s3/d/a", "a\n");
	EQ(there("d"), 0);
}

static void metadata(void)
{
	struct stat before = st_of("d");

	OK(rename("d", "n"));
	EQ(st_of("n").st_mode, before.st_mode);
	EQ(st_of("n").st_uid, before.st_uid);
	TRUE(same_time(st_of("n").st_mtim, before.st_mtim));
	OK(chmod("n", 0700));
	EQ(st_of("n").st_mode, S_IFDIR | 0700);
	OK(chmod("n/sub", 0700));
	holds("n/sub/b", "b\n");
	EQ(count("n"), 4);
}

const struct conform_case cases_renamedir[] = {
    {"rename-dir/to-new", ANY, to_new},
    {"rename-dir/between-parents", ANY, between_parents},
    {"rename-dir/old-name-is-free", ANY, old_name_is_free},
    {"rename-dir/changed-after", ANY, changed_after},
    {"rename-dir/changed-before", ANY, changed_before},
    {"rename-dir/over-empty", ANY, over_empty},
    {"rename-dir/refused", ANY, refused},
    {"rename-dir/while-open", ANY, while_open},
    {"rename-dir/deep", ANY, deep},
    {"rename-dir/metadata", ANY, metadata},
    {0}};
