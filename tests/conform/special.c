/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fifos, sockets, devices, symbolic links. */
#include "tests/conform/conform.h"
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static void fifo(void)
{
	char c;

	OK(mkfifo("n", 0620));
	EQ(st_of("n").st_mode, S_IFIFO | 0600);
	ERR(mkfifo("n", 0600), EEXIST);
	ERR(mkfifo("f", 0600), EEXIST);
	ERR(mkfifo("none/n", 0600), ENOENT);
	ERR(mkfifo("f/n", 0600), ENOTDIR);
	for (int i = 0; i < 2; i++) {
		const char *at = i ? "p" : "n";
		int r = (int)OK(open(at, O_RDONLY | O_NONBLOCK));
		int w = (int)OK(open(at, O_WRONLY));

		EQ(write(w, "x", 1), 1);
		EQ(read(r, &c, 1), 1);
		EQ(c, 'x');
		close(r);
		ERR(open(at, O_WRONLY | O_NONBLOCK), ENXIO);
		close(w);
	}
	OK(chmod("p", 0600));
	EQ(st_of("p").st_mode, S_IFIFO | 0600);
	OK(rename("p", "q"));
	TRUE(S_ISFIFO(st_of("q").st_mode));
}

static void socket_file(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "s"};
	int s = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int c = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));

	OK(bind(s, (void *)&at, sizeof(at)));
	TRUE(S_ISSOCK(st_of("s").st_mode));
	OK(listen(s, 1));
	OK(connect(c, (void *)&at, sizeof(at)));
	ERR(open("s", O_RDWR), ENXIO);
	int t = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
	ERR(bind(t, (void *)&at, sizeof(at)), EADDRINUSE);
	OK(rename("s", "t"));
	ERR(connect(t, (void *)&at, sizeof(at)), ENOENT);
	strcpy(at.sun_path, "t");
	OK(connect(t, (void *)&at, sizeof(at)));
	OK(unlink("t"));
	OK(mknod("u", S_IFSOCK | 0755, 0));
	TRUE(S_ISSOCK(st_of("u").st_mode));
}

static void devices(void)
{
	char c = 'x';

	OK(mknod("c", S_IFCHR | 0666, makedev(1, 5)));
	EQ(st_of("c").st_mode, S_IFCHR | 0644);
	EQ(st_of("c").st_rdev, makedev(1, 5));
	OK(mknod("b", S_IFBLK | 0600, makedev(4095, 0xfffff)));
	EQ(st_of("b").st_mode, S_IFBLK | 0600);
	EQ(st_of("b").st_rdev, makedev(4095, 0xfffff));
	ERR(mknod("c", S_IFCHR | 0600, 0), EEXIST);
	OK(mknod("r", S_IFREG | 0640, 0));
	EQ(st_of("r").st_mode, S_IFREG | 0640);
	OK(chmod("c", 0600));
	OK(chown("c", 3, 4));
	OK(rename("c", "e/c"));
	EQ(st_of("e/c").st_rdev, makedev(1, 5));
	EQ(st_of("e/c").st_uid, 3);
	OK(link("e/c", "c2"));
	EQ(st_of("c2").st_nlink, 2);
	int fd = open("c2", O_RDONLY);
	if (fd < 0 && errno == EACCES)
		conform_skip("mounted without devices");
	OK(fd);
	EQ(read(fd, &c, 1), 1);
	EQ(c, 0);
}

static void devices_refused(void)
{
	ERR(mknod("c", S_IFCHR | 0666, makedev(1, 3)), EPERM);
	ERR(mknod("b", S_IFBLK | 0666, makedev(1, 3)), EPERM);
	ERR(mknod("x", S_IFDIR | 0755, 0), EPERM);
	OK(mknod("r", S_IFREG | 0600, 0));
	OK(mknod("q", S_IFIFO | 0600, 0));
}

/* An overlayfs of the guest leaves such devices behind. */
static void whiteout_device(void)
{
	OK(mknod("w", S_IFCHR, makedev(0, 0)));
	EQ(st_of("w").st_mode & S_IFMT, S_IFCHR);
	EQ(st_of("w").st_rdev, 0);
	EQ(count_name(".", "w"), 1);
	OK(unlink("w"));
}

static void symlinks(void)
{
	char buf[64] = "";

	OK(symlink("any where", "n"));
	EQ(readlink("n", buf, sizeof(buf)), 9);
	EQ(memcmp(buf, "any where", 9), 0);
	EQ(st_of("n").st_size, 9);
	EQ(st_of("n").st_mode, S_IFLNK | 0777);
	EQ(readlink("n", buf, 3), 3);
	ERR(readlink("n", buf, 0), EINVAL);
	ERR(readlink("f", buf, sizeof(buf)), EINVAL);
	ERR(readlink("d", buf, sizeof(buf)), EINVAL);
	ERR(readlink("none", buf, sizeof(buf)), ENOENT);
	EQ(readlink("l", buf, sizeof(buf)), 1);
	EQ(buf[0], 'f');
	ERR(symlink("x", "n"), EEXIST);
	ERR(symlink("x", "f"), EEXIST);
	ERR(symlink("", "m"), ENOENT);
	ERR(symlink("x", "none/n"), ENOENT);
	ERR(symlink("x", "f/n"), ENOTDIR);
	OK(rename("l", "l2"));
	EQ(readlink("l2", buf, sizeof(buf)), 1);
	TRUE(there("f"));
}

static void symlink_long(void)
{
	char target[PATH_MAX + 2], back[PATH_MAX + 2];

	memset(target, 'x', sizeof(target));
	target[PATH_MAX - 1] = '\0';
	OK(symlink(target, "long"));
	EQ(readlink("long", back, sizeof(back)), PATH_MAX - 1);
	EQ(memcmp(target, back, PATH_MAX - 1), 0);
	EQ(st_of("long").st_size, PATH_MAX - 1);
	ERR(open("long", O_RDONLY), ENAMETOOLONG);
	target[PATH_MAX - 1] = 'x';
	target[PATH_MAX] = '\0';
	ERR(symlink(target, "longer"), ENAMETOOLONG);
	EQ(there("longer"), 0);
}

static void symlink_loops(void)
{
	char name[16], to[16];

	OK(symlink("b", "a"));
	OK(symlink("a", "b"));
	ERR(open("a", O_RDONLY), ELOOP);
	ERR(open("a/x", O_RDONLY), ELOOP);
	ERR(chmod("a", 0600), ELOOP);
	ERR(truncate("b", 0), ELOOP);
	OK(symlink("f", "n0"));
	for (int i = 1; i < 42; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		snprintf(to, sizeof(to), "n%d", i - 1);
		OK(symlink(to, name));
	}
	OK(open("n39", O_RDONLY));
	ERR(open("n40", O_RDONLY), ELOOP);
}

static void symlink_meta(void)
{
	struct timespec ts[2] = {{1000, 1}, {2000, 2}};

	OK(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
	EQ(st_of("l").st_mtim.tv_sec, 2000);
	EQ(st_of("l").st_mtim.tv_nsec, 2);
	NE(st_of("f").st_mtim.tv_sec, 2000);
	ERR(fchmodat(AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
	OK(lchown("l", geteuid(), getegid()));
	if (!geteuid()) {
		OK(lchown("l", 5, 6));
		EQ(st_of("l").st_uid, 5);
		EQ(st_of("l").st_gid, 6);
		NE(st_of("f").st_uid, 5);
		TRUE(S_ISLNK(st_of("l").st_mode));
	}
	OK(link("l", "l2"));
	EQ(ino_of("l2"), ino_of("l"));
	EQ(st_of("l").st_nlink, 2);
	TRUE(S_ISLNK(st_of("l2").st_mode));
}

const struct conform_case cases_special[] = {{"mknod/fifo", ANY, fifo},
					     {"mknod/socket", ONCE, socket_file},
					     {"mknod/devices", ROOT, devices},
					     {"mknod/devices-refused", USER, devices_refused},
					     {"mknod/whiteout", ROOT, whiteout_device},
					     {"symlink/targets", ANY, symlinks},
					     {"symlink/long", ONCE, symlink_long},
					     {"symlink/loops", ANY, symlink_loops},
					     {"symlink/metadata", ANY, symlink_meta},
					     {0}};
