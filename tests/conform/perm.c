/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may do what: by mode bits, groups, sticky directories. */
#include "tests/conform/conform.h"
#include <sys/statvfs.h>

static void can(const char *path, int amode, bool yes)
{
	if (yes) {
		conform_ok(access(path, amode), path, __FILE__, __LINE__);
		return;
	}
	errno = 0;
	conform_err(access(path, amode), EACCES, path, __FILE__, __LINE__);
}

static void cans(const char *path, const char *rwx)
{
	can(path, R_OK, rwx[0] == 'r');
	can(path, W_OK, rwx[1] == 'w');
	can(path, X_OK, rwx[2] == 'x');
}

static void own(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	OK(chown(path, uid, gid));
	OK(chmod(path, mode));
}

static void mode_bits(void)
{
	own("f", 51000, 2000, 0751);
	own("g", 51000, 2000, 0126); /* the owner is not helped by what others may */
	if (as(51000, 51000, -1)) {
		cans("f", "rwx");
		cans("g", "--x");
		ERR(open("g", O_RDONLY), EACCES);
		done();
	}
	if (as(51001, 2000, -1)) {
		cans("f", "r-x");
		cans("g", "-w-");
		ERR(open("f", O_WRONLY), EACCES);
		OK(open("g", O_WRONLY));
		done();
	}
	if (as(51001, 51001, 2000)) { /* a supplementary group is as good */
		cans("f", "r-x");
		cans("g", "-w-");
		OK(open("f", O_RDONLY));
		done();
	}
	if (as(51001, 51001, -1)) {
		cans("f", "--x");
		cans("g", "rw-");
		OK(open("g", O_RDWR));
		ERR(open("f", O_RDONLY), EACCES);
		ERR(truncate("f", 0), EACCES);
		done();
	}
	own("f", 51000, 51000, 0);
	can("f", R_OK, true); /* root */
	can("f", W_OK, true);
	can("f", X_OK, false);
	holds("g", "other\n");
}

static void search(void)
{
	own("d", 51000, 51000, 0711);
	own("d/sub", 51000, 51000, 0755);
	own("d2", 51000, 51000, 0744);
	if (as(51001, 51001, -1)) {
		ERR(open("d", O_RDONLY), EACCES);
		holds("d/a", "a\n");
		holds("d/sub/b", "b\n");
		EQ(count("d2"), 1);
		ERR(open("d2/x", O_RDONLY), EACCES);
		ERR(open("d2/none", O_RDONLY), EACCES);
		struct stat st;
		ERR(stat("d2/x", &st), EACCES);
		ERR(chdir("d2"), EACCES);
		OK(chdir("d"));
		done();
	}
	own("d", 51000, 51000, 0600);
	if (as(51000, 51000, -1)) {
		ERR(open("d/a", O_RDONLY), EACCES);
		ERR(open("d/n", O_WRONLY | O_CREAT, 0644), EACCES);
		ERR(unlink("d/a"), EACCES);
		done();
	}
}

static void writing_dirs(void)
{
	own("d", 0, 0, 0755);
	own("e", 51000, 51000, 0755);
	own("f", 51000, 51000, 0644);
	if (as(51000, 51000, -1)) {
		ERR(open("d/n", O_WRONLY | O_CREAT, 0644), EACCES);
		ERR(open("d", O_TMPFILE | O_WRONLY, 0644), EACCES);
		ERR(mkdir("d/n", 0755), EACCES);
		ERR(mkdir("d/sub", 0755), EEXIST);
		ERR(symlink("x", "d/n"), EACCES);
		ERR(mkfifo("d/n", 0644), EACCES);
		ERR(link("f", "d/n"), EACCES);
		ERR(unlink("d/a"), EACCES);
		ERR(unlink("d/none"), ENOENT);
		ERR(rmdir("d/sub"), EACCES);
		ERR(rename("d/a", "e/a"), EACCES);
		ERR(rename("d/a", "d/n"), EACCES);
		put("e/n", "");
		ERR(rename("e/n", "d/n"), EACCES);
		ERR(rename("e/n", "d/a"), EACCES);
		ERR(rename2("e/n", "d/a", RENAME_EXCHANGE), EACCES);
		done();
	}
	EQ(count("d"), 4);
}

/* A directory that moves to another parent gets a new "..": its own write bit counts. */
static void moving_dirs(void)
{
	own("e", 51000, 51000, 0755);
	own("d", 51000, 51000, 0755);
	own("d/sub", 0, 0, 0755);
	if (as(51000, 51000, -1)) {
		ERR(rename("d/sub", "e/sub"), EACCES);
		OK(rename("d/sub", "d/other"));
		OK(rename("d/a", "e/a"));
		done();
	}
}

static void sticky(void)
{
	own("e", 0, 0, 01777);
	put("e/root", "");
	OK(mkdir("e/dir", 0777));
	if (as(51000, 51000, -1)) {
		put("e/mine", "");
		OK(mkdir("e/md", 0777));
		done();
	}
	if (as(51001, 51001, -1)) {
		ERR(unlink("e/mine"), EPERM);
		ERR(unlink("e/root"), EPERM);
		ERR(rmdir("e/dir"), EPERM);
		ERR(rmdir("e/md"), EPERM);
		ERR(rename("e/mine", "e/n"), EPERM);
		put("e/other", "");
		ERR(rename("e/other", "e/mine"), EPERM);
		ERR(rename2("e/other", "e/mine", RENAME_EXCHANGE), EPERM);
		OK(rename("e/other", "e/other2"));
		OK(unlink("e/other2"));
		done();
	}
	if (as(51000, 51000, -1)) {
		OK(unlink("e/mine"));
		OK(rmdir("e/md"));
		done();
	}
	own("e", 51000, 51000, 01777);
	if (as(51000, 51000, -1)) { /* the directory's owner */
		OK(unlink("e/root"));
		OK(rmdir("e/dir"));
		done();
	}
}

static void sticky_kit(void)
{
	own("d", 0, 0, 01777);
	own("d/a", 51000, 51000, 0644);
	if (as(51001, 51001, -1)) {
		ERR(unlink("d/a"), EPERM);
		ERR(unlink("d/l"), EPERM);
		ERR(rename("d/a", "d/n"), EPERM);
		done();
	}
	if (as(51000, 51000, -1)) {
		OK(rename("d/a", "d/n"));
		OK(unlink("d/n"));
		ERR(unlink("d/h3"), EPERM);
		done();
	}
}

static void noatime(void)
{
	own("f", 51000, 51000, 0666);
	if (as(51001, 51001, -1)) {
		ERR(open("f", O_RDONLY | O_NOATIME), EPERM);
		OK(open("f", O_RDONLY));
		done();
	}
	if (as(51000, 51000, -1)) {
		OK(open("f", O_RDONLY | O_NOATIME));
		done();
	}
}

/* Rights are asked for at open; what is open stays open. */
static void after_open(void)
{
	own("f", 51000, 51000, 0644);
	if (as(51000, 51000, -1)) {
		char c;
		int fd = (int)OK(open("f", O_RDWR));
		OK(chmod("f", 0));
		EQ(pwrite(fd, "#", 1, 0), 1);
		EQ(pread(fd, &c, 1, 0), 1);
		ERR(open("f", O_RDONLY), EACCES);
		OK(ftruncate(fd, 5));
		OK(fchmod(fd, 0400));
		OK(open("f", O_RDONLY));
		ERR(open("f", O_WRONLY), EACCES);
		done();
	}
}

static void own_objects(void)
{
	OK(chmod("f", 0));
	ERR(open("f", O_RDONLY), EACCES);
	ERR(open("f", O_WRONLY | O_TRUNC), EACCES);
	ERR(truncate("f", 0), EACCES);
	OK(chmod("f", 0400));
	OK(open("f", O_RDONLY));
	ERR(open("f", O_WRONLY), EACCES);
	ERR(access("f", W_OK), EACCES);
	OK(chmod("d", 0500));
	ERR(open("d/n", O_WRONLY | O_CREAT, 0644), EACCES);
	ERR(unlink("d/a"), EACCES);
	ERR(rename("d/a", "d/n"), EACCES);
	put("d/a", "changed\n");
	OK(chmod("d", 0));
	ERR(open("d", O_RDONLY), EACCES);
	ERR(open("d/a", O_RDONLY), EACCES);
	ERR(chdir("d"), EACCES);
	OK(chmod("d", 0700));
	holds("d/a", "changed\n");
}

/* On a read-only mount every change is EROFS, whoever asks. */
static void read_only(void)
{
	struct statvfs v;

	ERR(open("f", O_WRONLY), EROFS);
	ERR(open("f", O_RDWR), EROFS);
	ERR(open("f", O_RDONLY | O_TRUNC), EROFS);
	ERR(open("n", O_WRONLY | O_CREAT, 0644), EROFS);
	ERR(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	ERR(open(".", O_TMPFILE | O_WRONLY, 0644), EROFS);
	ERR(mkdir("n", 0755), EROFS);
	ERR(mkdir("d", 0755), EEXIST);
	ERR(mkfifo("n", 0644), EROFS);
	ERR(symlink("x", "n"), EROFS);
	ERR(link("f", "n"), EROFS);
	ERR(unlink("f"), EROFS);
	ERR(rmdir("e"), EROFS);
	ERR(rename("f", "n"), EROFS);
	ERR(rename("f", "g"), EROFS);
	ERR(chmod("f", 0600), EROFS);
	ERR(chown("f", 0, 0), EROFS);
	ERR(truncate("f", 0), EROFS);
	ERR(utimensat(AT_FDCWD, "f", NULL, 0), EROFS);
	OK(statvfs("f", &v));
	if (v.f_flag & ST_RDONLY) /* else the mount is writable, and only this path is not */
		ERR(access("f", W_OK), EROFS);
	holds("g", "other\n");
	OK(access("f", R_OK));
	OK(open("p", O_RDWR | O_NONBLOCK));
	EQ(count("d"), 4);
}

const struct conform_case cases_perm[] = {{"permission/mode-bits", ROOT, mode_bits},
					  {"permission/search", ROOT, search},
					  {"permission/writing-directories", ROOT, writing_dirs},
					  {"permission/moving-directories", ROOT, moving_dirs},
					  {"permission/sticky", ROOT, sticky},
					  {"permission/sticky-kit", ROOT, sticky_kit},
					  {"permission/noatime", ROOT, noatime},
					  {"permission/after-open", ROOT, after_open},
					  {"permission/own-objects", USER, own_objects},
					  {"permission/read-only-mount", RDONLY, read_only},
					  {0}};
