/* SPDX-License-Identifier: GPL-2.0-or-later */
/* utimensat. */
#include "tests/conform/conform.h"

static void set(const char *path, int64_t as_, long an, int64_t ms, long mn)
{
	struct timespec ts[2] = {{as_, an}, {ms, mn}};

	OK(utimensat(AT_FDCWD, path, ts, 0));
}

static void exact(void)
{
	struct stat before = st_of("f");

	tick();
	set("f", 1000000001, 123456789, 1000000002, 987654321);
	EQ(st_of("f").st_atim.tv_sec, 1000000001);
	EQ(st_of("f").st_atim.tv_nsec, 123456789);
	EQ(st_of("f").st_mtim.tv_sec, 1000000002);
	EQ(st_of("f").st_mtim.tv_nsec, 987654321);
	TRUE(later(st_of("f").st_ctim, before.st_ctim));
	set("d", 5, 6, 7, 8);
	EQ(st_of("d").st_mtim.tv_sec, 7);
	EQ(st_of("d").st_mtim.tv_nsec, 8);
	set("p", 1, 1, 2, 2);
	EQ(st_of("p").st_mtim.tv_sec, 2);
	set("l", 1, 1, 9, 9); /* through it */
	EQ(st_of("f").st_mtim.tv_sec, 9);
	holds("g", "other\n");
	EQ(st_of("f").st_size, KIT_F_SIZE);
}

static void far_away(void)
{
	set("f", -100, 5, -2000000000, 7);
	EQ(st_of("f").st_mtim.tv_sec, -2000000000);
	EQ(st_of("f").st_mtim.tv_nsec, 7);
	EQ(st_of("f").st_atim.tv_sec, -100);
	set("f", 0, 0, 6000000000, 1); /* the year 2160 */
	EQ(st_of("f").st_mtim.tv_sec, 6000000000);
	EQ(st_of("f").st_atim.tv_sec, 0);
}

static void omitted(void)
{
	struct stat st;

	set("f", 100, 1, 200, 2);
	set("f", 0, UTIME_OMIT, 300, 3);
	EQ(st_of("f").st_atim.tv_sec, 100);
	EQ(st_of("f").st_mtim.tv_sec, 300);
	set("f", 400, 4, 0, UTIME_OMIT);
	EQ(st_of("f").st_atim.tv_sec, 400);
	EQ(st_of("f").st_atim.tv_nsec, 4);
	EQ(st_of("f").st_mtim.tv_sec, 300);
	st = st_of("f");
	tick();
	set("f", 0, UTIME_OMIT, 0, UTIME_OMIT);
	TRUE(same_time(st.st_ctim, st_of("f").st_ctim));
	set("f", 0, UTIME_OMIT, 0, UTIME_NOW);
	TRUE(later(st_of("f").st_mtim, st.st_ctim));
	EQ(st_of("f").st_atim.tv_sec, 400);
	OK(utimensat(AT_FDCWD, "f", NULL, 0));
	TRUE(later(st_of("f").st_atim, st.st_ctim));
	int fd = (int)OK(open("f", O_RDONLY));
	struct timespec ts[2] = {{11, 12}, {13, 14}};
	OK(futimens(fd, ts));
	EQ(st_of("f").st_mtim.tv_sec, 13);
	EQ(st_fd(fd).st_atim.tv_nsec, 12);
	ts[0].tv_nsec = 1000000000;
	ERR(futimens(fd, ts), EINVAL);
	ERR(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
}

static void written_after(void)
{
	int fd = (int)OK(open("f", O_RDWR));

	set("f", 100, 1, 200, 2);
	EQ(pwrite(fd, "#", 1, 0), 1);
	NE(st_of("f").st_mtim.tv_sec, 200);
	set("f", 100, 1, 200, 2);
	OK(close(fd));
	EQ(st_of("f").st_mtim.tv_sec, 200);
	OK(chmod("f", 0600));
	EQ(st_of("f").st_mtim.tv_sec, 200);
	OK(rename("f", "n"));
	EQ(st_of("n").st_mtim.tv_sec, 200);
	EQ(st_of("n").st_mtim.tv_nsec, 2);
}

static void kept_by_first_change(void)
{
	struct stat f = st_of("f"), d = st_of("d");

	OK(chmod("f", 0600));
	TRUE(same_time(st_of("f").st_mtim, f.st_mtim));
	OK(link("f", "n"));
	TRUE(same_time(st_of("n").st_mtim, f.st_mtim));
	OK(chmod("d", 0711));
	TRUE(same_time(st_of("d").st_mtim, d.st_mtim));
	put("d/a", "changed\n");
	TRUE(same_time(st_of("d").st_mtim, d.st_mtim));
	OK(chmod("l", 0644));
	TRUE(same_time(st_of("f").st_mtim, f.st_mtim));
	OK(rename("d/sub", "e/sub"));
	TRUE(later(st_of("d").st_mtim, d.st_mtim));
}

/* Setting what holds already is a change of the inode all the same. */
static void same_again(void)
{
	static const char *const names[] = {"f", "d", "n", "m"};

	put("n", "");
	OK(chmod("n", 0644));
	OK(mkdir("m", 0755));
	for (int i = 0; i < 4; i++) {
		struct stat st = st_of(names[i]);

		OK(chmod(names[i], st.st_mode & 07777)); /* after its first change */
		st = st_of(names[i]);
		tick();
		OK(chmod(names[i], st.st_mode & 07777));
		struct stat now = st_of(names[i]);
		TRUE(now.st_ctim.tv_sec != st.st_ctim.tv_sec ||
		     now.st_ctim.tv_nsec != st.st_ctim.tv_nsec);
		EQ(now.st_mtim.tv_nsec, st.st_mtim.tv_nsec);
	}
}

static void refused(void)
{
	struct timespec ts[2] = {{1, 1}, {2, 2}}, now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	struct timespec half[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};

	OK(chmod("f", 0666));
	if (as(51000, 51000, -1)) {
		ERR(utimensat(AT_FDCWD, "f", ts, 0), EPERM);
		ERR(utimensat(AT_FDCWD, "f", half, 0), EPERM);
		OK(utimensat(AT_FDCWD, "f", now, 0)); /* who may write may touch */
		OK(utimensat(AT_FDCWD, "f", NULL, 0));
		ERR(utimensat(AT_FDCWD, "g", NULL, 0), EACCES);
		ERR(utimensat(AT_FDCWD, "g", ts, 0), EPERM);
		done();
	}
	OK(chown("g", 51000, 51000));
	OK(chmod("g", 0));
	if (as(51000, 51000, -1)) {
		OK(utimensat(AT_FDCWD, "g", ts, 0));
		OK(utimensat(AT_FDCWD, "g", half, 0));
		EQ(st_of("g").st_mtim.tv_sec, 2);
		done();
	}
}

const struct conform_case cases_time[] = {{"times/exact", ANY, exact},
					  {"times/far-away", ANY, far_away},
					  {"times/omit-and-now", ANY, omitted},
					  {"times/written-after", ANY, written_after},
					  {"times/kept-by-first-change", ANY, kept_by_first_change},
					  {"times/same-again", ANY, same_again},
					  {"times/refused", ROOT, refused},
					  {0}};
