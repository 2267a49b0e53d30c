/* SPDX-License-Identifier: GPL-2.0-or-later */
/* st_ino and st_dev: what tells files apart must not change. */
#include "tests/conform/conform.h"

static void stable(void)
{
	static const char *const names[] = {"f", "g", "d", "d/sub", "d/a", "l", "p", "h1", "big"};
	struct stat before[9];
	char c;

	for (size_t i = 0; i < 9; i++)
		before[i] = st_of(names[i]);
	int fd = (int)OK(open("f", O_RDWR));
	EQ(pread(fd, &c, 1, 0), 1);
	EQ(pwrite(fd, &c, 1, 0), 1);
	put("g", "changed\n");
	OK(chmod("d", 0700));
	put("d/sub/n", "");
	put("d/a", "changed\n");
	struct timespec ts[2] = {{1, 1}, {2, 2}};
	OK(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
	OK(chmod("p", 0600));
	add("h2", "more\n");
	OK(truncate("big", 100));
	for (size_t i = 0; i < 9; i++) {
		struct stat now = st_of(names[i]);
		EQ(now.st_ino, before[i].st_ino);
		EQ(now.st_dev, before[i].st_dev);
		EQ(now.st_mode & S_IFMT, before[i].st_mode & S_IFMT);
	}
	EQ(st_fd(fd).st_ino, before[0].st_ino);
}

static void distinct(void)
{
	static const char *const names[] = {"f",   "g",	    "su",	"e",	   "d",	 "d/a",
					    "d/l", "d/sub", "l",	"d/sub/b", "d2", "d2/x",
					    "dl",  "h1",    "dangling", "p",	   "big"};
	enum { N = sizeof(names) / sizeof(names[0]) };
	ino_t ino[N];

	for (size_t i = 0; i < N; i++) {
		ino[i] = ino_of(names[i]);
		TRUE(ino[i] != 0);
		for (size_t k = 0; k < i; k++)
			NE(ino[i], ino[k]);
		EQ(st_of(names[i]).st_dev, st_of(".").st_dev);
	}
	/* Not either after a change, next to new files. */
	for (size_t i = 0; i < N; i++) {
		char name[32];
		snprintf(name, sizeof(name), "e/new-%zu", i);
		put(name, "");
		if (!S_ISLNK(st_of(names[i]).st_mode))
			OK(chmod(names[i], 0700));
		for (size_t k = 0; k < N; k++)
			NE(ino_of(name), ino[k]);
		EQ(ino_of(names[i]), ino[i]);
	}
}

static void dots(void)
{
	EQ(ino_of("d/."), ino_of("d"));
	EQ(ino_of("d/.."), ino_of("."));
	EQ(ino_of("d/sub/.."), ino_of("d"));
	EQ(ino_of("d/sub/../.."), ino_of("."));
	OK(chmod("d", 0700));
	EQ(ino_of("d/sub/.."), ino_of("d"));
	put("d/sub/n", "");
	EQ(ino_of("d/sub/.."), ino_of("d"));
}

static void open_and_named(void)
{
	int fd[3] = {(int)OK(open("f", O_RDONLY)), (int)OK(open("f", O_PATH)),
		     (int)OK(open("f", O_RDWR))};

	EQ(pwrite(fd[2], "#", 1, 0), 1);
	OK(chmod("f", 0600));
	for (int i = 0; i < 3; i++) {
		EQ(st_fd(fd[i]).st_ino, ino_of("f"));
		EQ(st_fd(fd[i]).st_mode, S_IFREG | 0600);
		EQ(st_fd(fd[i]).st_size, KIT_F_SIZE);
	}
	OK(rename("f", "e/n"));
	OK(chmod("e/n", 0644));
	for (int i = 0; i < 3; i++)
		EQ(st_fd(fd[i]).st_mode, S_IFREG | 0644);
}

const struct conform_case cases_ino[] = {{"inode/stable", ANY, stable},
					 {"inode/distinct", ANY, distinct},
					 {"inode/dots", ANY, dots},
					 {"inode/open-and-named", ANY, open_and_named},
					 {0}};
