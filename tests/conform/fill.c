/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system that fills up: ENOSPC and nothing else, no byte lost, and work after space is free.
 */
#include "tests/conform/conform.h"
#include "tests/conform/load.h"
#include <sys/xattr.h>

enum { FILES = 20000, SMALL = 50000 };

struct filling {
	int n;		  /* files s0..sN-1 exist or existed */
	int size[FILES];  /* -1: gone */
	unsigned records; /* in "log" */
};

/* Answers a full file system may give. True: it was done. */
static bool done_or_full(long r, const char *what, int line)
{
	if (r >= 0)
		return true;
	if (errno == ENOSPC)
		return false;
	dprintf(1, "# %s:%d: %s: %s, not ENOSPC\n", __FILE__, line, what, strerror(errno));
	_exit(1);
}
#define MAY(x) done_or_full((long)(x), #x, __LINE__)

/* One more fsync'ed file of this size; false when there is no room (and then it is gone). */
static bool one_more(struct filling *f, int size)
{
	static char bytes[SMALL];
	char name[32];
	bool whole;
	int fd;

	snprintf(name, sizeof(name), "s%d", f->n);
	fill(bytes, (size_t)size, (unsigned)f->n);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0640);
	if (!MAY(fd))
		return false;
	ssize_t put = size ? write(fd, bytes, (size_t)size) : 0;
	MAY(put);
	whole = put == size && MAY(fsync(fd));
	OK(close(fd));
	if (!whole) {
		OK(unlink(name)); /* always possible */
		return false;
	}
	f->size[f->n++] = size;
	return true;
}

static void one_record(struct filling *f)
{
	int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
	char line[17];

	if (!MAY(fd))
		return;
	snprintf(line, sizeof(line), "%015u\n", f->records);
	OK(ftruncate(fd, (off_t)f->records * 16));
	ssize_t put = write(fd, line, 16);
	if (MAY(put) && put == 16 && MAY(fdatasync(fd)))
		f->records++;
	OK(close(fd));
}

static void all_hold(const struct filling *f)
{
	static char want[SMALL], got[SMALL + 1];
	char name[32], line[17];
	int fd;

	for (int i = 0; i < f->n; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		if (f->size[i] < 0) {
			EQ(there(name), 0);
			continue;
		}
		fd = (int)conform_ok(open(name, O_RDONLY), name, __FILE__, __LINE__);
		EQ(read(fd, got, sizeof(got)), f->size[i]);
		fill(want, (size_t)f->size[i], (unsigned)i);
		EQ(memcmp(want, got, (size_t)f->size[i]), 0);
		OK(close(fd));
	}
	fd = (int)OK(open("log", O_RDONLY));
	for (unsigned i = 0; i < f->records; i++) {
		snprintf(line, sizeof(line), "%015u\n", i);
		EQ(read(fd, got, 16), 16);
		EQ(memcmp(line, got, 16), 0);
	}
	OK(close(fd));
}

static char first_byte(const char *path)
{
	int fd = (int)OK(open(path, O_RDONLY));
	char c;

	EQ(pread(fd, &c, 1, 0), 1);
	OK(close(fd));
	return c;
}

/* Changes of what the lower has: done, or not at all. */
static void change_kit(void)
{
	char was = first_byte("kit/big"), to = was == '#' ? '!' : '#';
	int fd = open("kit/big", O_RDWR);

	if (MAY(fd)) {
		bool is_done = MAY(pwrite(fd, &to, 1, 0));
		EQ(first_byte("kit/big"), is_done ? to : was);
		EQ(st_of("kit/big").st_size, KIT_BIG_SIZE);
		OK(close(fd));
	}
	mode_t mode = st_of("kit/su").st_mode, other = S_IFREG | (mode & 0100 ? 0600 : 0700);
	EQ(st_of("kit/su").st_mode, MAY(chmod("kit/su", other & 07777)) ? other : mode);
	if (there("kit/d")) {
		bool moved = MAY(rename("kit/d", "kit/n"));
		EQ(there("kit/d"), !moved);
		EQ(count(moved ? "kit/n" : "kit/d"), 4);
		holds(moved ? "kit/n/sub/b" : "kit/d/sub/b", "b\n");
	}
	if (there("kit/g"))
		EQ(there("kit/g"), !MAY(unlink("kit/g")));
	if (MAY(symlink("x", "kit/s")))
		OK(unlink("kit/s"));
	if (MAY(link("kit/h1", "kit/h4")))
		OK(unlink("kit/h4"));
	if (MAY(mkdir("kit/m", 0750)))
		OK(rmdir("kit/m"));
	if (MAY(setxattr("kit/l", "user.full", "x", 1, 0)))
		EQ(getxattr("kit/l", "user.full", NULL, 0), 1);
	EQ(there("kit/h2"), 1);
	holds("kit/d2/x", "x\n");
}

int fill_run(const char *dir)
{
	static struct filling f;
	int full_at;

	OK(chdir(dir));
	while (one_more(&f, SMALL))
		one_record(&f);
	for (int size = SMALL / 2; size; size /= 2)
		while (f.n < FILES && one_more(&f, size))
			one_record(&f);
	while (f.n < FILES && one_more(&f, 0))
		one_record(&f);
	TRUE(f.n > 100 && f.n < FILES);
	full_at = f.n;
	all_hold(&f);
	change_kit();
	change_kit();
	all_hold(&f);
	for (int i = 0; i < full_at; i += 2) {
		char name[32];
		snprintf(name, sizeof(name), "s%d", i);
		OK(unlink(name));
		f.size[i] = -1;
	}
	all_hold(&f);
	for (int i = 0; i < 20; i++) {
		TRUE(one_more(&f, SMALL));
		one_record(&f);
	}
	change_kit();
	int fd = (int)OK(open("kit/big", O_RDWR));
	EQ(pwrite(fd, "@", 1, 0), 1);
	EQ(first_byte("kit/big"), '@');
	all_hold(&f);
	printf("%d files filled it\n", full_at);
	return 0;
}
