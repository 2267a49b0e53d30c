/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chmod, chown, and which bits a change of content takes away. */
#include "tests/conform/conform.h"
#include <linux/falloc.h>

static mode_t bits(const char *path)
{
	return st_of(path).st_mode & 07777;
}

static void modes(void)
{
	struct stat before = st_of("f");
	int fd = (int)OK(open("f", O_RDONLY));

	tick();
	OK(chmod("f", 0));
	EQ(st_of("f").st_mode, S_IFREG);
	TRUE(later(st_of("f").st_ctim, before.st_ctim));
	TRUE(same_time(st_of("f").st_mtim, before.st_mtim));
	EQ(ino_of("f"), before.st_ino);
	OK(fchmod(fd, 0755));
	EQ(bits("f"), 0755);
	OK(chmod("l", 0640));
	EQ(bits("f"), 0640);
	OK(chmod("d", 01777));
	EQ(st_of("d").st_mode, S_IFDIR | 01777);
	OK(chmod("d", 02755));
	EQ(bits("d"), 02755);
	OK(chmod("f", 06711));
	EQ(bits("f"), 06711);
	OK(chmod("f", 01644));
	EQ(bits("f"), 01644);
	ERR(chmod("none", 0644), ENOENT);
	ERR(chmod("f/x", 0644), ENOTDIR);
	ERR(chmod("dangling", 0644), ENOENT);
	OK(chmod("d/sub", 0500));
	holds("d/sub/b", "b\n");
	EQ(count("d/sub"), 1);
}

static void owners(void)
{
	struct stat before = st_of("f");

	tick();
	OK(chown("f", 12, 34));
	EQ(st_of("f").st_uid, 12);
	EQ(st_of("f").st_gid, 34);
	TRUE(later(st_of("f").st_ctim, before.st_ctim));
	TRUE(same_time(st_of("f").st_mtim, before.st_mtim));
	OK(chown("f", -1, 56));
	EQ(st_of("f").st_uid, 12);
	EQ(st_of("f").st_gid, 56);
	OK(chown("f", 78, -1));
	EQ(st_of("f").st_uid, 78);
	EQ(st_of("f").st_gid, 56);
	OK(chown("f", 4000000000u, 4000000001u));
	EQ(st_of("f").st_uid, 4000000000u);
	EQ(st_of("f").st_gid, 4000000001u);
	OK(chown("l", 1, 2)); /* what it leads to */
	EQ(st_of("f").st_uid, 1);
	NE(st_of("l").st_uid, 1);
	OK(chown("d", 9, 9));
	EQ(st_of("d").st_uid, 9);
	holds("d/a", "a\n");
	NE(st_of("d/a").st_uid, 9);
	ERR(chown("none", 1, 1), ENOENT);
	OK(chown("p", 3, 3));
	EQ(st_of("p").st_uid, 3);
}

static void own_files_only(void)
{
	OK(chown("f", 51000, 51000));
	OK(chmod("f", 0666));
	if (as(51001, 51001, -1)) {
		ERR(chmod("f", 0644), EPERM);
		ERR(chown("f", 51001, -1), EPERM);
		ERR(chown("f", -1, 51001), EPERM);
		ERR(chown("f", 51000, 51000), EPERM);
		ERR(chmod("g", 0666), EPERM);
		done();
	}
	if (as(51000, 51000, 2000)) {
		OK(chmod("f", 0600));
		ERR(chown("f", 51001, -1), EPERM);
		ERR(chown("f", -1, 3000), EPERM);
		OK(chown("f", -1, 2000));
		EQ(st_of("f").st_gid, 2000);
		OK(chown("f", 51000, 51000));
		OK(chown("f", -1, -1));
		done();
	}
}

static void chmod_drops_sgid(void)
{
	OK(chown("f", 51000, 3000));
	OK(chown("d", 51000, 3000));
	if (as(51000, 51000, -1)) {
		OK(chmod("f", 06755));
		EQ(bits("f"), 04755);
		OK(chmod("d", 02755));
		EQ(bits("d"), 0755);
		done();
	}
	if (as(51000, 51000, 3000)) {
		OK(chmod("f", 06755));
		EQ(bits("f"), 06755);
		OK(chmod("d", 02755));
		EQ(bits("d"), 02755);
		done();
	}
}

static void chown_drops_set_id(void)
{
	OK(chmod("f", 06755));
	OK(chown("f", 51000, 51000));
	EQ(bits("f"), 0755);
	OK(chmod("f", 06745));
	OK(chown("f", 51001, 51001));
	EQ(bits("f"), 02745); /* set-gid without group execute means locking, not ids */
	OK(chmod("d", 06755));
	OK(chown("d", 51000, 51000));
	EQ(bits("d"), 06755);
	OK(chown("f", 51000, 51000));
	if (as(51000, 51000, 2000)) {
		OK(chmod("f", 06755));
		OK(chown("f", -1, 2000));
		EQ(bits("f"), 0755);
		OK(chmod("f", 06755));
		OK(chown("f", -1, -1));
		EQ(bits("f"), 0755);
		done();
	}
}

static void reset(mode_t mode)
{
	OK(chown("f", 51000, 51000));
	OK(chmod("f", mode));
}

static void writing_drops_set_id(void)
{
	reset(06777);
	int fd = (int)OK(open("f", O_RDWR));
	EQ(pwrite(fd, "#", 1, 0), 1);
	EQ(bits("f"), 06777); /* root may keep them */
	if (as(51001, 51001, -1)) {
		int w = (int)OK(open("f", O_WRONLY));
		EQ(bits("f"), 06777);
		EQ(pwrite(w, "#", 1, 0), 1);
		EQ(bits("f"), 0777);
		EQ(st_fd(w).st_mode & 07777, 0777);
		done();
	}
	reset(06767);
	if (as(51000, 51000, -1)) { /* the owner as well; set-gid stays for one of the group */
		int w = (int)OK(open("f", O_WRONLY));
		EQ(pwrite(w, "#", 1, 0), 1);
		EQ(bits("f"), 02767);
		done();
	}
}

static void truncating_drops_set_id(void)
{
	reset(06777);
	OK(truncate("f", 9000));
	EQ(bits("f"), 06777);
	if (as(51001, 51001, -1)) {
		OK(truncate("f", 8000));
		EQ(bits("f"), 0777);
		done();
	}
	reset(06777);
	if (as(51001, 51001, -1)) {
		OK(close((int)OK(open("f", O_WRONLY | O_TRUNC))));
		EQ(bits("f"), 0777);
		done();
	}
	reset(06777);
	if (as(51001, 51001, -1)) {
		int w = (int)OK(open("f", O_WRONLY));
		OK(ftruncate(w, 10));
		EQ(bits("f"), 0777);
		done();
	}
}

static void allocating_drops_set_id(void)
{
	reset(06777);
	if (as(51001, 51001, -1)) {
		int w = (int)OK(open("f", O_WRONLY));
		OK(fallocate(w, 0, 0, 20000));
		EQ(bits("f"), 0777);
		done();
	}
	reset(06777);
	if (as(51001, 51001, -1)) {
		loff_t in = 0, out = 5;
		int w = (int)OK(open("f", O_WRONLY));
		EQ(copy_file_range((int)OK(open("g", O_RDONLY)), &in, w, &out, 6, 0), 6);
		EQ(bits("f"), 0777);
		done();
	}
}

static void as_owner(void)
{
	OK(chmod("f", 04755));
	EQ(bits("f"), 04755);
	int fd = (int)OK(open("f", O_RDWR));
	EQ(pwrite(fd, "#", 1, 0), 1);
	EQ(bits("f"), 0755);
	OK(chown("f", geteuid(), getegid()));
	ERR(chown("f", 0, -1), EPERM);
	ERR(chown("f", -1, 0), EPERM);
	OK(chown("f", -1, -1));
	EQ(bits("su"), 04755);
	OK(truncate("su", 3));
	EQ(bits("su"), 0755);
}

const struct conform_case cases_meta[] = {{"chmod/modes", ANY, modes},
					  {"chown/owners", ROOT, owners},
					  {"chown/own-files-only", ROOT, own_files_only},
					  {"chmod/drops-sgid", ROOT, chmod_drops_sgid},
					  {"chown/drops-set-id", ROOT, chown_drops_set_id},
					  {"set-id/writing", ROOT, writing_drops_set_id},
					  {"set-id/truncating", ROOT, truncating_drops_set_id},
					  {"set-id/allocating", ROOT, allocating_drops_set_id},
					  {"set-id/as-owner", USER, as_owner},
					  {0}};
