/* SPDX-License-Identifier: GPL-2.0-or-later */
/* open with O_CREAT, mkdir, unnamed files. */
#include "tests/conform/conform.h"

static void modes(void)
{
	umask(027);
	OK(close((int)OK(open("n1", O_WRONLY | O_CREAT, 0666))));
	EQ(st_of("n1").st_mode, S_IFREG | 0640);
	umask(0);
	OK(close((int)OK(open("n2", O_WRONLY | O_CREAT, 07777))));
	EQ(st_of("n2").st_mode, S_IFREG | 07777);
	OK(close((int)OK(open("n3", O_WRONLY | O_CREAT, 0))));
	EQ(st_of("n3").st_mode, S_IFREG);
	OK(close((int)OK(open("n4", O_WRONLY | O_CREAT, 0644))));
	EQ(st_of("n4").st_mode, S_IFREG | 0644);
	EQ(st_of("n4").st_uid, geteuid());
	EQ(st_of("n4").st_gid, getegid());
	EQ(st_of("n4").st_nlink, 1);
	EQ(st_of("n4").st_size, 0);
}

static void unreadable_by_itself(void)
{
	int fd = (int)OK(open("e/n", O_RDWR | O_CREAT | O_EXCL, 0));

	EQ(write(fd, "abc", 3), 3);
	fd_holds(fd, "abc");
	EQ(st_fd(fd).st_mode, S_IFREG);
}

static void existing(void)
{
	ino_t ino = ino_of("f");

	ERR(open("f", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
	ERR(open("d", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
	ERR(open("l", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
	ERR(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
	ERR(open("d", O_CREAT | O_WRONLY, 0644), EISDIR);
	ERR(open("d", O_CREAT | O_RDONLY, 0644), EISDIR);
	OK(open("f", O_CREAT | O_RDWR, 0600));
	EQ(st_of("f").st_mode, S_IFREG | 0644);
	EQ(st_of("f").st_size, KIT_F_SIZE);
	EQ(ino_of("f"), ino);
}

static void truncating(void)
{
	ino_t ino = ino_of("f");
	int fd = (int)OK(open("f", O_WRONLY | O_CREAT | O_TRUNC, 0600));

	EQ(st_fd(fd).st_size, 0);
	EQ(st_of("f").st_size, 0);
	EQ(ino_of("f"), ino);
	EQ(st_of("f").st_mode, S_IFREG | 0644);
	EQ(write(fd, "new", 3), 3);
	holds("f", "new");
}

static void through_links(void)
{
	put("dangling", "made\n");
	holds("nowhere", "made\n");
	TRUE(S_ISLNK(st_of("dangling").st_mode));
	put("l", "through\n");
	holds("f", "through\n");
	put("dl/n", "in d\n");
	holds("d/n", "in d\n");
	ERR(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	ERR(open("dl", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
	OK(open("l", O_PATH | O_NOFOLLOW));
}

static void refused_paths(void)
{
	ERR(open("none/n", O_CREAT | O_WRONLY, 0644), ENOENT);
	ERR(open("f/n", O_CREAT | O_WRONLY, 0644), ENOTDIR);
	ERR(open("l/n", O_CREAT | O_WRONLY, 0644), ENOTDIR);
	ERR(open("n/", O_CREAT | O_WRONLY, 0644), EISDIR);
	ERR(open("", O_CREAT | O_WRONLY, 0644), ENOENT);
	ERR(open("none", O_RDONLY), ENOENT);
	ERR(open("f/", O_RDONLY), ENOTDIR);
	ERR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	ERR(open("d", O_WRONLY), EISDIR);
	ERR(open("d", O_RDWR), EISDIR);
	ERR(open("d", O_RDONLY | O_TRUNC), EISDIR);
	ERR(open("dangling", O_RDONLY), ENOENT);
	EQ(there("n"), 0);
}

static void parent_times(void)
{
	struct stat before = st_of("d");

	tick();
	put("d/n", "");
	TRUE(later(st_of("d").st_mtim, before.st_mtim));
	TRUE(later(st_of("d").st_ctim, before.st_ctim));
	before = st_of("d");
	tick();
	put("d/n", "more"); /* changes the file, not the directory */
	TRUE(same_time(st_of("d").st_mtim, before.st_mtim));
}

static void sgid_directory(void)
{
	OK(chown("d", -1, 77));
	OK(chmod("d", 02775));
	put("d/n", "");
	EQ(st_of("d/n").st_gid, 77);
	OK(mkdir("d/m", 0755));
	EQ(st_of("d/m").st_gid, 77);
	EQ(st_of("d/m").st_mode, S_IFDIR | 02755);
	OK(symlink("x", "d/s"));
	EQ(st_of("d/s").st_gid, 77);
	OK(mkfifo("d/p", 0600));
	EQ(st_of("d/p").st_gid, 77);
	OK(chmod("d", 02777));
	if (as(51000, 51000, -1)) {
		/* Not of the group: no set-group-id file for it. */
		OK(close((int)OK(open("d/u", O_WRONLY | O_CREAT, 02755))));
		EQ(st_of("d/u").st_gid, 77);
		EQ(st_of("d/u").st_mode & 07777, 0755);
		done();
	}
}

static void owners(void)
{
	OK(chmod("e", 0777));
	if (as(51000, 2000, -1)) {
		put("e/u", "mine");
		OK(mkdir("e/m", 0700));
		OK(symlink("x", "e/s"));
		OK(mkfifo("e/p", 0600));
		done();
	}
	EQ(st_of("e/u").st_uid, 51000);
	EQ(st_of("e/u").st_gid, 2000);
	EQ(st_of("e/m").st_uid, 51000);
	EQ(st_of("e/m").st_gid, 2000);
	EQ(st_of("e/s").st_uid, 51000);
	EQ(st_of("e/p").st_gid, 2000);
}

static void again_after_removal(void)
{
	ino_t old = ino_of("f");
	int fd = (int)OK(open("f", O_RDONLY));

	OK(unlink("f"));
	ERR(open("f", O_RDONLY), ENOENT);
	put("f", "second\n");
	holds("f", "second\n");
	NE(ino_of("f"), old); /* the first is still open */
	EQ(st_fd(fd).st_ino, old);
	EQ(st_fd(fd).st_size, KIT_F_SIZE);
	OK(unlink("f"));
	OK(mkdir("f", 0700));
	TRUE(S_ISDIR(st_of("f").st_mode));
	EQ(count("f"), 0);
}

static void tmpfile_in(const char *dir, const char *name)
{
	char path[64];
	int before = count(dir);
	int fd = (int)OK(open(dir, O_TMPFILE | O_RDWR, 0640));

	EQ(count(dir), before);
	EQ(write(fd, "unnamed", 7), 7);
	EQ(st_fd(fd).st_nlink, 0);
	EQ(st_fd(fd).st_mode, S_IFREG | 0640);
	EQ(st_fd(fd).st_uid, geteuid());
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ERR(linkat(AT_FDCWD, path, AT_FDCWD, "f", AT_SYMLINK_FOLLOW), EEXIST);
	OK(linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW));
	EQ(st_fd(fd).st_nlink, 1);
	EQ(st_of(name).st_ino, st_fd(fd).st_ino);
	EQ(st_of(name).st_mode, S_IFREG | 0640);
	holds(name, "unnamed");
	EQ(pwrite(fd, "UN", 2, 0), 2);
	holds(name, "UNnamed");
	OK(close(fd));
	holds(name, "UNnamed");
}

static void tmpfile_linked(void)
{
	tmpfile_in("d", "d/n");
	tmpfile_in("e", "e/n");
	tmpfile_in(".", "e/m");
}

static void tmpfile_unlinked(void)
{
	char path[64];
	int fd = (int)OK(open("d", O_TMPFILE | O_RDWR | O_EXCL, 0600));

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ERR(linkat(AT_FDCWD, path, AT_FDCWD, "n", AT_SYMLINK_FOLLOW), ENOENT);
	OK(ftruncate(fd, 5000));
	EQ(st_fd(fd).st_size, 5000);
	OK(fchmod(fd, 0400));
	EQ(st_fd(fd).st_mode, S_IFREG | 0400);
	OK(close(fd));
	EQ(count("d"), 4);
	ERR(open("d", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	ERR(open("f", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
	ERR(open("none", O_TMPFILE | O_RDWR, 0600), ENOENT);
}

const struct conform_case cases_create[] = {
    {"create/modes", ONCE, modes},
    {"create/mode-0", ANY, unreadable_by_itself},
    {"create/existing", ANY, existing},
    {"create/truncating", ANY, truncating},
    {"create/through-links", ANY, through_links},
    {"create/refused-paths", ANY, refused_paths},
    {"create/parent-times", ANY, parent_times},
    {"create/sgid-directory", ROOT, sgid_directory},
    {"create/owners", ROOT, owners},
    {"create/again-after-removal", ANY, again_after_removal},
    {"create/tmpfile-linked", ANY, tmpfile_linked},
    {"create/tmpfile-unlinked", ANY, tmpfile_unlinked},
    {0}};
