/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An overlayfs whose layers lie on the file system under test. */
#include "tests/conform/conform.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

static void mount_it(void)
{
	OK(unshare(CLONE_NEWNS));
	OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	OK(mkdir("up", 0755));
	OK(mkdir("wk", 0755));
	OK(mkdir("mnt", 0755));
	if (mount("overlay", "mnt", "overlay", 0, "lowerdir=d,upperdir=up,workdir=wk")) {
		if (errno == ENODEV || errno == EPERM)
			conform_skip("no overlayfs here");
		OK(-1);
	}
}

static void works(void)
{
	mount_it();
	EQ(count("mnt"), 4);
	holds("mnt/a", "a\n");
	add("mnt/a", "more\n");
	holds("mnt/a", "a\nmore\n");
	holds("d/a", "a\n");
	holds("up/a", "a\nmore\n");
	put("mnt/n", "new\n");
	holds("up/n", "new\n");
	OK(unlink("mnt/l"));
	EQ(there("mnt/l"), 0);
	EQ(st_of("up/l").st_mode & S_IFMT, S_IFCHR);
	EQ(st_of("up/l").st_rdev, makedev(0, 0));
	EQ(count("mnt"), 4);
	OK(rename("mnt/a", "mnt/b"));
	holds("mnt/b", "a\nmore\n");
	EQ(there("mnt/a"), 0);
	put("mnt/a", "second\n");
	holds("mnt/a", "second\n");
	OK(unlink("mnt/sub/b"));
	OK(rmdir("mnt/sub"));
	OK(mkdir("mnt/sub", 0755));
	EQ(count("mnt/sub"), 0);
	OK(chmod("mnt/h3", 0600));
	EQ(st_of("up/h3").st_mode, S_IFREG | 0600);
	OK(mkdir("mnt/x", 0700));
	OK(rename("mnt/x", "mnt/y"));
	int fd = (int)OK(open("mnt", O_TMPFILE | O_RDWR, 0600));
	EQ(write(fd, "t", 1), 1);
	OK(close(fd));
	OK(umount("mnt"));
}

static void again(void)
{
	mount_it();
	OK(unlink("mnt/a"));
	put("mnt/n", "new\n");
	OK(umount2("mnt", 0));
	OK(mount("overlay", "mnt", "overlay", 0, "lowerdir=d,upperdir=up,workdir=wk"));
	EQ(there("mnt/a"), 0);
	holds("mnt/n", "new\n");
	EQ(count("mnt"), 4);
	OK(umount("mnt"));
	remove_all("up");
	holds("d/a", "a\n");
}

const struct conform_case cases_overlay[] = {
    {"overlay/works", ROOT, works}, {"overlay/again", ROOT, again}, {0}};
