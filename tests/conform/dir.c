/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mkdir, rmdir, unlink, and what is left of them while somebody holds them. */
#include "tests/conform/conform.h"

static void make(void)
{
	umask(022);
	OK(mkdir("n", 0777));
	EQ(st_of("n").st_mode, S_IFDIR | 0755);
	EQ(st_of("n").st_nlink, 2);
	umask(0);
	OK(mkdir("n/m/", 01777));
	EQ(st_of("n/m").st_mode, S_IFDIR | 01777);
	EQ(st_of("n").st_nlink, 3);
	OK(mkdir("n/o", 0));
	EQ(st_of("n/o").st_mode, S_IFDIR);
	EQ(st_of("n").st_nlink, 4);
	EQ(ino_of("n/m/.."), ino_of("n"));
	EQ(ino_of("n/m/."), ino_of("n/m"));
	OK(mkdir("d/n", 0755));
	EQ(st_of("d").st_nlink, 4);
}

static void make_refused(void)
{
	ERR(mkdir("f", 0755), EEXIST);
	ERR(mkdir("d", 0755), EEXIST);
	ERR(mkdir("l", 0755), EEXIST);
	ERR(mkdir("dangling", 0755), EEXIST);
	ERR(mkdir("dangling/", 0755), EEXIST);
	ERR(mkdir(".", 0755), EEXIST);
	ERR(mkdir("..", 0755), EEXIST);
	ERR(mkdir("d/.", 0755), EEXIST);
	ERR(mkdir("none/n", 0755), ENOENT);
	ERR(mkdir("f/n", 0755), ENOTDIR);
	ERR(mkdir("", 0755), ENOENT);
}

static void remove_dir(void)
{
	struct stat before = st_of("d2");

	OK(mkdir("d2/n", 0755));
	EQ(st_of("d2").st_nlink, before.st_nlink + 1);
	OK(rmdir("d2/n"));
	EQ(st_of("d2").st_nlink, before.st_nlink);
	OK(rmdir("e"));
	EQ(there("e"), 0);
	ERR(rmdir("e"), ENOENT);
	OK(unlink("d2/x"));
	EQ(count("d2"), 0);
	OK(rmdir("d2"));
	EQ(there("d2"), 0);
}

static void remove_refused(void)
{
	ERR(rmdir("d"), ENOTEMPTY);
	ERR(rmdir("f"), ENOTDIR);
	ERR(rmdir("dl"), ENOTDIR);
	ERR(rmdir("dl/"), ENOTDIR);
	ERR(rmdir("."), EINVAL);
	ERR(rmdir("d/."), EINVAL);
	ERR(rmdir("d/.."), ENOTEMPTY);
	ERR(rmdir("none"), ENOENT);
	ERR(rmdir("f/n"), ENOTDIR);
	OK(unlink("d/a"));
	ERR(rmdir("d"), ENOTEMPTY);
	put("e/n", "");
	ERR(rmdir("e"), ENOTEMPTY);
}

static void remove_and_make(void)
{
	remove_all("d");
	EQ(there("d"), 0);
	OK(mkdir("d", 0755));
	EQ(count("d"), 0);
	EQ(there("d/a"), 0);
	ERR(open("d/sub/b", O_RDONLY), ENOENT);
	put("d/a", "second\n");
	holds("d/a", "second\n");
	EQ(count("d"), 1);
	EQ(st_of("h1").st_nlink, 2);
	remove_all("d");
	put("d", "a file\n");
	holds("d", "a file\n");
}

static void unlinked(void)
{
	struct stat before = st_of("h1");

	ERR(unlink("d"), EISDIR);
	ERR(unlink("none"), ENOENT);
	ERR(unlink("f/n"), ENOTDIR);
	ERR(unlink("f/"), ENOTDIR);
	ERR(unlink(""), ENOENT);
	tick();
	OK(unlink("h1"));
	EQ(st_of("h2").st_nlink, before.st_nlink - 1);
	TRUE(later(st_of("h2").st_ctim, before.st_ctim));
	OK(unlink("l"));
	TRUE(there("f"));
	OK(unlink("dl"));
	TRUE(there("d/a"));
	OK(unlink("p"));
	OK(unlink("f"));
	EQ(count_name(".", "f"), 0);
	ERR(unlink("f"), ENOENT);
}

static void unlink_open(void)
{
	char c;
	int rw = (int)OK(open("f", O_RDWR)), ro = (int)OK(open("f", O_RDONLY));
	ino_t ino = st_fd(rw).st_ino;

	OK(unlink("f"));
	EQ(st_fd(rw).st_nlink, 0);
	EQ(st_fd(rw).st_size, KIT_F_SIZE);
	EQ(pread(ro, &c, 1, 500), 1);
	EQ(c, KIT_BYTE(500));
	EQ(pwrite(rw, "#", 1, 500), 1);
	EQ(pread(ro, &c, 1, 500), 1);
	EQ(c, '#');
	OK(ftruncate(rw, 501));
	EQ(st_fd(ro).st_size, 501);
	OK(fchmod(rw, 0600));
	EQ(st_fd(ro).st_mode, S_IFREG | 0600);
	EQ(st_fd(ro).st_ino, ino);
	put("f", "another");
	EQ(st_fd(rw).st_size, 501);
	OK(fsync(rw));
	OK(close(rw));
	EQ(pread(ro, &c, 1, 500), 1);
	EQ(c, '#');
}

/* Never written before: the first change of data comes when no name is left. */
static void unlink_open_then_write(void)
{
	char c;
	int rw = (int)OK(open("f", O_RDWR)), app = (int)OK(open("g", O_RDWR | O_APPEND));

	OK(unlink("f"));
	OK(unlink("g"));
	EQ(pwrite(rw, "#", 1, KIT_F_SIZE), 1);
	EQ(st_fd(rw).st_size, KIT_F_SIZE + 1);
	EQ(pread(rw, &c, 1, 7000), 1);
	EQ(c, KIT_BYTE(7000));
	EQ(write(app, "more\n", 5), 5);
	fd_holds(app, "other\nmore\n");
}

static void replaced_while_open(void)
{
	int fd = (int)OK(open("f", O_RDWR));

	OK(rename("g", "f"));
	EQ(st_fd(fd).st_nlink, 0);
	EQ(st_fd(fd).st_size, KIT_F_SIZE);
	EQ(pwrite(fd, "#", 1, 0), 1);
	holds("f", "other\n");
}

static void rmdir_open(void)
{
	char cwd[PATH_MAX];
	int fd = (int)OK(open("e", O_RDONLY | O_DIRECTORY));

	OK(chdir("e"));
	OK(rmdir("../e"));
	EQ(st_fd(fd).st_nlink, 0);
	ERR(openat(fd, "n", O_CREAT | O_WRONLY, 0644), ENOENT);
	ERR(mkdirat(fd, "n", 0755), ENOENT);
	ERR(symlinkat("x", fd, "n"), ENOENT);
	ERR(open("n", O_CREAT | O_WRONLY, 0644), ENOENT);
	ERR(open("n", O_RDONLY), ENOENT);
	ERR(getcwd(cwd, sizeof(cwd)) ? 0 : -1, ENOENT);
	OK(chdir(".."));
	OK(mkdir("e", 0755));
	NE(ino_of("e"), st_fd(fd).st_ino);
}

const struct conform_case cases_dir[] = {
    {"mkdir/modes-and-links", ANY, make},
    {"mkdir/refused", ANY, make_refused},
    {"rmdir/removes", ANY, remove_dir},
    {"rmdir/refused", ANY, remove_refused},
    {"rmdir/then-mkdir", ANY, remove_and_make},
    {"rmdir/while-open", ANY, rmdir_open},
    {"unlink/removes", ANY, unlinked},
    {"unlink/while-open", ANY, unlink_open},
    {"unlink/while-open-then-write", ANY, unlink_open_then_write},
    {"unlink/by-rename-while-open", ANY, replaced_while_open},
    {0}};
