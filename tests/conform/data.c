/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading, writing, lengths, holes, and what is flushed. */
#include "tests/conform/conform.h"
#include <linux/falloc.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

static void is_kit(int fd, off_t from, off_t to)
{
	char buf[KIT_F_SIZE];

	EQ(pread(fd, buf, (size_t)(to - from), from), to - from);
	for (off_t i = from; i < to; i++)
		if (buf[i - from] != KIT_BYTE(i))
			EQ(i, -1);
}

static void is_zero(int fd, off_t from, size_t n)
{
	char buf[4096];

	for (size_t at = 0; at < n;) {
		size_t part = n - at < sizeof(buf) ? n - at : sizeof(buf);

		EQ(pread(fd, buf, part, from + (off_t)at), part);
		for (size_t i = 0; i < part; i++)
			if (buf[i])
				EQ(from + (off_t)(at + i), -1);
		at += part;
	}
}

static void read_write(void)
{
	int fd = (int)OK(open("f", O_RDWR));
	char c;

	is_kit(fd, 0, KIT_F_SIZE);
	EQ(pread(fd, &c, 1, KIT_F_SIZE), 0);
	EQ(pread(fd, &c, 1, KIT_F_SIZE + 5000), 0);
	EQ(pwrite(fd, "##", 2, 4095), 2); /* over a page's border */
	is_kit(fd, 0, 4095);
	is_kit(fd, 4097, KIT_F_SIZE);
	EQ(pread(fd, &c, 1, 4096), 1);
	EQ(c, '#');
	EQ(pwrite(fd, "!", 1, 20000), 1);
	EQ(st_fd(fd).st_size, 20001);
	is_zero(fd, KIT_F_SIZE, 10000);
	EQ(lseek(fd, 0, SEEK_END), 20001);
	ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	ERR(pwrite(fd, "x", 1, -1), EINVAL);
	EQ(write(fd, "", 0), 0);
	int ro = (int)OK(open("f", O_RDONLY)), wo = (int)OK(open("f", O_WRONLY));
	ERR(write(ro, "x", 1), EBADF);
	ERR(read(wo, &c, 1), EBADF);
	ERR(read((int)OK(open("d", O_RDONLY)), &c, 1), EISDIR);
	char ab[] = "ab", cd[] = "cd";
	struct iovec iov[2] = {{ab, 2}, {cd, 2}};
	EQ(pwritev(wo, iov, 2, 0), 4);
	EQ(pread(ro, &c, 1, 3), 1);
	EQ(c, 'd');
}

/* A descriptor that was opened for reading sees what another writes, also the first time. */
static void readers_see(void)
{
	int early = (int)OK(open("f", O_RDONLY)), wr;
	char c;

	EQ(pread(early, &c, 1, 0), 1);
	EQ(c, KIT_BYTE(0));
	wr = (int)OK(open("f", O_WRONLY));
	EQ(pwrite(wr, "#", 1, 0), 1);
	EQ(pread(early, &c, 1, 0), 1);
	EQ(c, '#');
	EQ(st_fd(early).st_ino, st_fd(wr).st_ino);
	OK(ftruncate(wr, 10));
	EQ(st_fd(early).st_size, 10);
	EQ(pread(early, &c, 1, 10), 0);
	OK(truncate("f", 20));
	EQ(pread(early, &c, 1, 15), 1);
	EQ(c, 0);
}

static void append(void)
{
	int a = (int)OK(open("g", O_WRONLY | O_APPEND)),
	    b = (int)OK(open("g", O_WRONLY | O_APPEND));

	EQ(write(a, "1\n", 2), 2);
	EQ(write(b, "2\n", 2), 2);
	EQ(write(a, "3\n", 2), 2);
	holds("g", "other\n1\n2\n3\n");
	EQ(lseek(b, 0, SEEK_SET), 0);
	EQ(write(b, "4\n", 2), 2);
	holds("g", "other\n1\n2\n3\n4\n");
	if (apart()) {
		for (int i = 0; i < 50; i++)
			EQ(write(a, "aa\n", 3), 3);
		done();
	}
	EQ(st_of("g").st_size, 14 + 150);
}

static void truncates(void)
{
	int fd = (int)OK(open("f", O_RDWR));
	struct stat before = st_of("f");

	tick();
	OK(truncate("f", 5000));
	EQ(st_of("f").st_size, 5000);
	TRUE(later(st_of("f").st_mtim, before.st_mtim));
	is_kit(fd, 0, 5000);
	OK(ftruncate(fd, 9000));
	is_kit(fd, 0, 5000);
	is_zero(fd, 5000, 4000);
	OK(truncate("f", 0));
	EQ(st_fd(fd).st_size, 0);
	OK(truncate("g", 0));
	EQ(st_of("g").st_blocks, 0);
	OK(truncate("big", 100000));
	EQ(st_of("big").st_size, 100000);
	ERR(truncate("d", 0), EISDIR);
	ERR(truncate("none", 0), ENOENT);
	ERR(truncate("f", -1), EINVAL);
	ERR(truncate("f/x", 0), ENOTDIR);
	ERR(truncate("p", 0), EINVAL);
	ERR(ftruncate((int)OK(open("f", O_RDONLY)), 0), EINVAL);
}

static void allocates(void)
{
	int fd = (int)OK(open("f", O_RDWR));

	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000));
	EQ(st_fd(fd).st_size, KIT_F_SIZE);
	TRUE(st_fd(fd).st_blocks >= 100000 / 512);
	OK(fallocate(fd, 0, 0, 50000));
	EQ(st_fd(fd).st_size, 50000);
	is_kit(fd, 0, KIT_F_SIZE);
	is_zero(fd, KIT_F_SIZE, 40000);
	OK(fallocate(fd, 0, 100, 10)); /* inside: nothing changes */
	EQ(st_fd(fd).st_size, 50000);
	is_kit(fd, 0, KIT_F_SIZE);
	ERR(fallocate(fd, 0, -1, 10), EINVAL);
	ERR(fallocate(fd, 0, 0, 0), EINVAL);
	ERR(fallocate((int)OK(open("f", O_RDONLY)), 0, 0, 10), EBADF);
	OK(posix_fallocate(fd, 60000, 1000) ? -1 : 0);
	EQ(st_fd(fd).st_size, 61000);
}

static void punches(void)
{
	int fd = (int)OK(open("f", O_RDWR));
	int r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 5000);

	if (r && errno == EOPNOTSUPP)
		conform_skip("no holes here");
	OK(r);
	EQ(st_fd(fd).st_size, KIT_F_SIZE);
	is_kit(fd, 0, 1000);
	is_zero(fd, 1000, 5000);
	is_kit(fd, 6000, KIT_F_SIZE);
	ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 100), EOPNOTSUPP);
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, KIT_F_SIZE - 10, 5000));
	EQ(st_fd(fd).st_size, KIT_F_SIZE);
	is_zero(fd, KIT_F_SIZE - 10, 10);
	int g = (int)OK(open("h1", O_RDWR));
	r = fallocate(g, FALLOC_FL_ZERO_RANGE, 1, 2);
	if (r && errno == EOPNOTSUPP)
		return;
	OK(r);
	char text[8] = "";
	EQ(pread(g, text, 7, 0), 7);
	EQ(memcmp(text, "l\0\0ked\n", 7), 0);
	OK(fallocate(g, FALLOC_FL_ZERO_RANGE, 5, 100));
	EQ(st_fd(g).st_size, 105);
}

static void copies(void)
{
	int f = (int)OK(open("f", O_RDONLY)), g = (int)OK(open("g", O_RDWR)), rw;
	loff_t in = 100, out = 3;
	char c;

	EQ(copy_file_range(f, &in, g, &out, 5000, 0), 5000);
	EQ(in, 5100);
	EQ(out, 5003);
	EQ(st_fd(g).st_size, 5003);
	EQ(pread(g, &c, 1, 3), 1);
	EQ(c, KIT_BYTE(100));
	EQ(pread(g, &c, 1, 2), 1);
	EQ(c, 'h');
	in = KIT_F_SIZE;
	EQ(copy_file_range(f, &in, g, &out, 10, 0), 0);
	in = KIT_F_SIZE - 10;
	EQ(copy_file_range(f, &in, g, &out, 5000, 0), 10);
	rw = (int)OK(open("f", O_RDWR));
	in = 0, out = 10;
	ERR(copy_file_range(rw, &in, rw, &out, 100, 0), EINVAL); /* they overlap */
	out = 20000;
	EQ(copy_file_range(rw, &in, rw, &out, 100, 0), 100);
	EQ(st_fd(f).st_size, 20100);
	in = out = 0;
	ERR(copy_file_range(f, &in, (int)OK(open("g", O_WRONLY | O_APPEND)), &out, 1, 0), EBADF);
	ERR(copy_file_range(f, &in, f, &out, 1, 0), EBADF);
	ERR(copy_file_range((int)OK(open("d", O_RDONLY)), &in, g, &out, 1, 0), EISDIR);
	off_t at = 0;
	OK(ftruncate(g, 0));
	OK(lseek(g, 0, SEEK_SET));
	EQ(sendfile(g, f, &at, 5000), 5000);
	is_kit(g, 0, 5000);
}

static void seeks(void)
{
	int fd = (int)OK(open("big", O_RDWR));
	off_t hole = lseek(fd, 0, SEEK_HOLE), data;

	EQ(lseek(fd, 0, SEEK_DATA), 0);
	TRUE(hole >= KIT_BIG_HOLE && hole <= KIT_BIG_SIZE);
	data = OK(lseek(fd, KIT_BIG_HOLE, SEEK_DATA));
	TRUE(data >= KIT_BIG_HOLE && data <= KIT_BIG_DATA);
	EQ(lseek(fd, KIT_BIG_DATA, SEEK_HOLE), KIT_BIG_SIZE);
	ERR(lseek(fd, KIT_BIG_SIZE, SEEK_DATA), ENXIO);
	ERR(lseek(fd, KIT_BIG_SIZE + 1, SEEK_HOLE), ENXIO);
	ERR(lseek(fd, -1, SEEK_DATA), ENXIO);
	EQ(pwrite(fd, "x", 1, 0), 1); /* whatever that does, nothing is lost or found */
	TRUE(lseek(fd, 0, SEEK_HOLE) >= KIT_BIG_HOLE);
	data = OK(lseek(fd, KIT_BIG_HOLE, SEEK_DATA));
	TRUE(data >= KIT_BIG_HOLE && data <= KIT_BIG_DATA);
	is_zero(fd, KIT_BIG_HOLE, KIT_BIG_DATA - KIT_BIG_HOLE);
	int n = (int)OK(open("n", O_RDWR | O_CREAT, 0644));
	OK(ftruncate(n, 1 << 20));
	ERR(lseek(n, 0, SEEK_DATA), ENXIO);
	EQ(lseek(n, 0, SEEK_HOLE), 0);
}

static void big_file(void)
{
	static char a[65536], b[65536];
	int fd = (int)OK(open("big", O_RDWR));

	fill(a, sizeof(a), 1);
	EQ(st_fd(fd).st_size, KIT_BIG_SIZE);
	EQ(pread(fd, b, sizeof(b), 0), sizeof(b));
	EQ(memcmp(a, b, sizeof(a)), 0);
	EQ(pread(fd, b, sizeof(b), KIT_BIG_DATA), sizeof(b));
	EQ(memcmp(a, b, sizeof(a)), 0);
	EQ(pwrite(fd, "x", 1, KIT_BIG_SIZE / 2), 1);
	EQ(pread(fd, b, sizeof(b), KIT_BIG_DATA), sizeof(b));
	EQ(memcmp(a, b, sizeof(a)), 0);
	is_zero(fd, KIT_BIG_HOLE, KIT_BIG_SIZE / 2 - KIT_BIG_HOLE);
}

static void over_4g(void)
{
	const off_t at = (5LL << 30) + 3;
	int fd = (int)OK(open("g", O_RDWR));
	struct stat st;
	char c;

	EQ(pwrite(fd, "far", 3, at), 3);
	st = st_of("g");
	EQ(st.st_size, at + 3);
	TRUE(st.st_blocks < 1 << 20);
	EQ(pread(fd, &c, 1, at + 1), 1);
	EQ(c, 'a');
	EQ(pread(fd, &c, 1, (4LL << 30) + 1), 1);
	EQ(c, 0);
	OK(truncate("g", (1LL << 40) + 7));
	EQ(st_of("g").st_size, (1LL << 40) + 7);
	EQ(pread(fd, &c, 1, 0), 1);
	EQ(c, 'o');
	OK(truncate("g", 3));
	holds("g", "oth");
}

static void flushes(void)
{
	int ro = (int)OK(open("f", O_RDONLY)), rw = (int)OK(open("f", O_RDWR));
	int dir = (int)OK(open("d", O_RDONLY | O_DIRECTORY));

	OK(fsync(ro));
	EQ(pwrite(rw, "#", 1, 0), 1);
	OK(fsync(ro));
	OK(fdatasync(rw));
	OK(fsync(rw));
	OK(sync_file_range(rw, 0, 4096, SYNC_FILE_RANGE_WRITE));
	put("d/n", "new\n");
	OK(fsync(dir));
	OK(fdatasync(dir));
	OK(syncfs(dir));
	OK(syncfs(rw));
	ERR(fsync((int)OK(open("p", O_RDWR))), EINVAL);
	int s = (int)OK(open("g", O_WRONLY | O_SYNC | O_APPEND));
	EQ(write(s, "s\n", 2), 2);
	int ds = (int)OK(open("g", O_WRONLY | O_DSYNC | O_APPEND));
	EQ(write(ds, "t\n", 2), 2);
	holds("g", "other\ns\nt\n");
}

static void direct(void)
{
	char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("f", O_RDWR | O_DIRECT);

	if (fd < 0 && errno == EINVAL)
		conform_skip("no O_DIRECT here");
	OK(fd);
	EQ(pread(fd, p, 4096, 4096), 4096);
	for (int i = 0; i < 4096; i++)
		EQ(p[i], KIT_BYTE(4096 + i));
	EQ(pread(fd, p, 16384, 0), KIT_F_SIZE);
	memset(p, '#', 4096);
	EQ(pwrite(fd, p, 4096, 4096), 4096);
	int plain = (int)OK(open("f", O_RDONLY));
	is_kit(plain, 0, 4096);
	is_kit(plain, 8192, KIT_F_SIZE);
	char c;
	EQ(pread(plain, &c, 1, 8191), 1);
	EQ(c, '#');
	int n = (int)OK(open("n", O_RDWR | O_CREAT | O_DIRECT, 0644));
	EQ(pwrite(n, p, 8192, 8192), 8192);
	EQ(st_fd(n).st_size, 16384);
	EQ(pread(n, p + 8192, 4096, 0), 4096);
	EQ(p[8192], 0);
}

static void times_of_data(void)
{
	struct stat before = st_of("f");
	int fd = (int)OK(open("f", O_RDWR));
	char c;

	tick();
	EQ(pread(fd, &c, 1, 0), 1);
	TRUE(same_time(st_of("f").st_mtim, before.st_mtim));
	TRUE(same_time(st_of("f").st_ctim, before.st_ctim));
	EQ(pwrite(fd, "#", 1, 0), 1);
	TRUE(later(st_of("f").st_mtim, before.st_mtim));
	TRUE(later(st_of("f").st_ctim, before.st_ctim));
	TRUE(same_time(st_fd(fd).st_mtim, st_of("f").st_mtim));
	before = st_of("f");
	tick();
	OK(close(fd));
	TRUE(same_time(st_of("f").st_mtim, before.st_mtim));
	OK(truncate("f", KIT_F_SIZE));
	TRUE(later(st_of("f").st_ctim, before.st_ctim));
	before = st_of("g");
	tick();
	OK(close((int)OK(open("g", O_WRONLY | O_TRUNC))));
	TRUE(later(st_of("g").st_mtim, before.st_mtim));
}

static void space(void)
{
	struct statvfs v;
	struct stat st;

	OK(statvfs(".", &v));
	EQ(v.f_namemax, 255);
	TRUE(v.f_bsize >= 512 && v.f_blocks && v.f_bavail <= v.f_blocks && v.f_files);
	int fd = (int)OK(open("n", O_RDWR | O_CREAT, 0644));
	OK(ftruncate(fd, 1 << 20));
	st = st_fd(fd);
	TRUE(st.st_blocks < 256);
	char *p = calloc(1, 1 << 18);
	memset(p, 7, 1 << 18);
	EQ(pwrite(fd, p, 1 << 18, 0), 1 << 18);
	OK(fsync(fd));
	TRUE(st_fd(fd).st_blocks >= 512);
	TRUE(st.st_blksize >= 512);
}

const struct conform_case cases_data[] = {{"data/read-write", ANY, read_write},
					  {"data/readers-see-writers", ANY, readers_see},
					  {"data/append", ANY, append},
					  {"data/truncate", ANY, truncates},
					  {"data/fallocate", ANY, allocates},
					  {"data/punch-hole", ANY, punches},
					  {"data/copy-file-range", ANY, copies},
					  {"data/seek-hole", ANY, seeks},
					  {"data/big-file", ANY, big_file},
					  {"data/over-4-gib", ANY, over_4g},
					  {"data/fsync", ANY, flushes},
					  {"data/direct", ANY, direct},
					  {"data/times", ANY, times_of_data},
					  {"data/space", ONCE, space},
					  {0}};
