/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rename of files, the flags of renameat2. Directories: renamedir.c. */
#include "tests/conform/conform.h"
#include <sys/sysmacros.h>

static void to_new(void)
{
	struct stat f = st_of("f"), dir = st_of("e");

	tick();
	OK(rename("f", "e/n"));
	EQ(there("f"), 0);
	EQ(ino_of("e/n"), f.st_ino);
	EQ(st_of("e/n").st_size, KIT_F_SIZE);
	EQ(st_of("e/n").st_nlink, 1);
	TRUE(same_time(st_of("e/n").st_mtim, f.st_mtim));
	TRUE(later(st_of("e").st_mtim, dir.st_mtim));
	TRUE(later(st_of("e").st_ctim, dir.st_ctim));
	OK(rename("e/n", "f"));
	EQ(ino_of("f"), f.st_ino);
	OK(rename("d/a", "d/A"));
	holds("d/A", "a\n");
	ERR(open("d/a", O_RDONLY), ENOENT);
	EQ(count_name("d", "a"), 0);
	EQ(count_name("d", "A"), 1);
}

static void over_file(void)
{
	ino_t ino = ino_of("f");
	int fd = (int)OK(open("g", O_RDONLY));

	OK(rename("f", "g"));
	EQ(ino_of("g"), ino);
	EQ(there("f"), 0);
	EQ(st_fd(fd).st_nlink, 0);
	fd_holds(fd, "other\n");
	put("n", "fresh\n");
	OK(rename("n", "d/a"));
	holds("d/a", "fresh\n");
	OK(rename("d/sub/b", "d/a"));
	holds("d/a", "b\n");
	EQ(count("d/sub"), 0);
	EQ(count_name("d", "a"), 1);
	OK(rename("d/a", "d/a"));
	holds("d/a", "b\n");
}

static void over_other_kinds(void)
{
	ERR(rename("f", "d"), EISDIR);
	ERR(rename("f", "e"), EISDIR);
	ERR(rename("e", "f"), ENOTDIR);
	ERR(rename("d", "l"), ENOTDIR);
	ERR(rename("d", "dl"), ENOTDIR);
	OK(rename("g", "l"));
	TRUE(S_ISREG(st_of("l").st_mode));
	holds("l", "other\n");
	TRUE(there("f"));
	OK(rename("dangling", "f"));
	TRUE(S_ISLNK(st_of("f").st_mode));
	OK(rename("p", "su"));
	TRUE(S_ISFIFO(st_of("su").st_mode));
	OK(rename("h1", "su"));
	holds("su", "linked\n");
}

static void refused(void)
{
	ERR(rename("none", "n"), ENOENT);
	ERR(rename("none", "f"), ENOENT);
	ERR(rename("f", "none/n"), ENOENT);
	ERR(rename("f/x", "n"), ENOTDIR);
	ERR(rename("f", "g/n"), ENOTDIR);
	ERR(rename("f", "n/"), ENOTDIR);
	ERR(rename("f/", "n"), ENOTDIR);
	ERR(rename("", "n"), ENOENT);
	ERR(rename("f", ""), ENOENT);
	ERR(rename("d/.", "n"), EBUSY);
	ERR(rename("d", "e/."), EBUSY);
	ERR(rename("d", "e/.."), EBUSY);
	ERR(rename2("f", "n", 1u << 7), EINVAL);
	ERR(rename2("f", "n", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL);
	ERR(rename2("f", "g", RENAME_WHITEOUT | RENAME_EXCHANGE), EINVAL);
	TRUE(there("f"));
	EQ(there("n"), 0);
}

static void noreplace(void)
{
	ERR(rename2("f", "g", RENAME_NOREPLACE), EEXIST);
	ERR(rename2("f", "d", RENAME_NOREPLACE), EEXIST);
	ERR(rename2("f", "dangling", RENAME_NOREPLACE), EEXIST);
	ERR(rename2("f", "f", RENAME_NOREPLACE), EEXIST);
	ERR(rename2("d", "e", RENAME_NOREPLACE), EEXIST);
	ERR(rename2("none", "n", RENAME_NOREPLACE), ENOENT);
	holds("g", "other\n");
	OK(rename2("f", "n", RENAME_NOREPLACE));
	EQ(there("f"), 0);
	OK(rename2("g", "f", RENAME_NOREPLACE)); /* a name that was removed is free */
	holds("f", "other\n");
	OK(rename2("d", "m", RENAME_NOREPLACE));
	holds("m/a", "a\n");
}

static void exchange_files(void)
{
	ino_t f = ino_of("f"), g = ino_of("g"), l = ino_of("l");

	OK(rename2("f", "g", RENAME_EXCHANGE));
	EQ(ino_of("f"), g);
	EQ(ino_of("g"), f);
	holds("f", "other\n");
	OK(rename2("f", "d/a", RENAME_EXCHANGE));
	holds("f", "a\n");
	holds("d/a", "other\n");
	OK(rename2("l", "g", RENAME_EXCHANGE));
	EQ(ino_of("g"), l);
	TRUE(S_ISLNK(st_of("g").st_mode));
	put("n", "fresh\n");
	OK(rename2("n", "h1", RENAME_EXCHANGE));
	holds("h1", "fresh\n");
	EQ(st_of("n").st_nlink, 3);
	EQ(ino_of("n"), ino_of("h2"));
	ERR(rename2("f", "none", RENAME_EXCHANGE), ENOENT);
	ERR(rename2("none", "f", RENAME_EXCHANGE), ENOENT);
	OK(rename2("f", "f", RENAME_EXCHANGE));
	holds("f", "a\n");
}

static void exchange_kinds(void)
{
	nlink_t n = st_of(".").st_nlink;

	OK(rename2("f", "d", RENAME_EXCHANGE));
	EQ(st_of("d").st_size, KIT_F_SIZE);
	holds("f/a", "a\n");
	holds("f/sub/b", "b\n");
	EQ(st_of(".").st_nlink, n);
	OK(rename2("d", "d2/x", RENAME_EXCHANGE));
	holds("d", "x\n");
	OK(rename2("f", "d2/x", RENAME_EXCHANGE)); /* a directory goes down, a file comes up */
	holds("d2/x/a", "a\n");
	EQ(st_of("f").st_size, KIT_F_SIZE);
	EQ(st_of(".").st_nlink, n - 1);
	EQ(st_of("d2").st_nlink, 3);
	EQ(ino_of("d2/x/.."), ino_of("d2"));
}

static void exchange_dirs(void)
{
	ino_t d = ino_of("d"), d2 = ino_of("d2");

	OK(rename2("d", "d2", RENAME_EXCHANGE));
	EQ(ino_of("d"), d2);
	EQ(ino_of("d2"), d);
	holds("d2/a", "a\n");
	holds("d/x", "x\n");
	EQ(count("d"), 1);
	ERR(rename2("d2", "d2/sub", RENAME_EXCHANGE), EINVAL);
	ERR(rename2("d2/sub", "d2", RENAME_EXCHANGE), EINVAL);
	OK(rename2("e", "d2/sub", RENAME_EXCHANGE));
	holds("e/b", "b\n");
	EQ(count("d2/sub"), 0);
	put("d2/sub/new", "new\n");
	OK(rename2("d2", "d", RENAME_EXCHANGE));
	holds("d/sub/new", "new\n");
	EQ(there("d/sub/b"), 0);
}

static void whiteout(void)
{
	OK(rename2("f", "n", RENAME_WHITEOUT));
	EQ(st_of("n").st_size, KIT_F_SIZE);
	EQ(st_of("f").st_mode & S_IFMT, S_IFCHR);
	EQ(st_of("f").st_rdev, makedev(0, 0));
	EQ(count_name(".", "f"), 1);
	OK(rename2("g", "d/a", RENAME_WHITEOUT));
	holds("d/a", "other\n");
	TRUE(S_ISCHR(st_of("g").st_mode));
	OK(unlink("g"));
	EQ(there("g"), 0);
	put("g", "again\n");
	holds("g", "again\n");
}

static void open_file(void)
{
	int fd = (int)OK(open("f", O_RDWR));
	char c;

	OK(rename("f", "e/n"));
	EQ(pwrite(fd, "#", 1, 0), 1);
	int other = (int)OK(open("e/n", O_RDONLY));
	EQ(pread(other, &c, 1, 0), 1);
	EQ(c, '#');
	EQ(st_fd(other).st_ino, st_fd(fd).st_ino);
	OK(rename("e/n", "g"));
	OK(fchmod(fd, 0600));
	EQ(st_of("g").st_mode, S_IFREG | 0600);
}

static void chain(void)
{
	char a[16], b[16];

	OK(rename("f", "n0"));
	for (int i = 1; i <= 50; i++) {
		snprintf(a, sizeof(a), "n%d", i - 1);
		snprintf(b, sizeof(b), i % 2 ? "e/n%d" : "n%d", i);
		if (i % 2 == 0)
			snprintf(a, sizeof(a), "e/n%d", i - 1);
		OK(rename(a, b));
	}
	EQ(st_of("n50").st_size, KIT_F_SIZE);
	EQ(count("e"), 0);
	EQ(there("f"), 0);
}

const struct conform_case cases_rename[] = {{"rename/to-new", ANY, to_new},
					    {"rename/over-file", ANY, over_file},
					    {"rename/over-other-kinds", ANY, over_other_kinds},
					    {"rename/refused", ANY, refused},
					    {"rename/noreplace", ANY, noreplace},
					    {"rename/exchange-files", ANY, exchange_files},
					    {"rename/exchange-kinds", ANY, exchange_kinds},
					    {"rename/exchange-dirs", ANY, exchange_dirs},
					    {"rename/whiteout", ROOT, whiteout},
					    {"rename/open-file", ANY, open_file},
					    {"rename/chain", ANY, chain},
					    {0}};
