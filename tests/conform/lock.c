/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flock, fcntl's record locks, of processes and of open files. */
#include "tests/conform/conform.h"
#include <sys/file.h>

static int lock(int fd, int cmd, short type, off_t from, off_t len)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = len};

	return fcntl(fd, cmd, &l);
}

static void whole_file(void)
{
	int a = (int)OK(open("f", O_RDONLY)), b = (int)OK(open("f", O_RDWR));

	OK(flock(a, LOCK_EX));
	ERR(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	ERR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	if (apart()) {
		int c = (int)OK(open("f", O_RDONLY));
		ERR(flock(c, LOCK_SH | LOCK_NB), EWOULDBLOCK);
		done();
	}
	EQ(pwrite(b, "#", 1, 0), 1); /* the first change does not lose the lock */
	ERR(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	int c = (int)OK(open("f", O_RDONLY));
	ERR(flock(c, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	OK(flock(a, LOCK_SH));
	OK(flock(c, LOCK_SH | LOCK_NB));
	OK(close(a));
	OK(flock(c, LOCK_UN));
	OK(flock(b, LOCK_EX | LOCK_NB));
	OK(flock((int)OK(open("d", O_RDONLY)), LOCK_EX | LOCK_NB));
}

static void records(void)
{
	int fd = (int)OK(open("f", O_RDWR));

	OK(lock(fd, F_SETLK, F_WRLCK, 0, 100));
	OK(lock(fd, F_SETLK, F_RDLCK, 200, 100));
	if (apart()) {
		int c = (int)OK(open("f", O_RDWR));
		struct flock l = {.l_type = F_WRLCK, .l_start = 50, .l_len = 10};
		ERR(lock(c, F_SETLK, F_RDLCK, 99, 1), EAGAIN);
		OK(lock(c, F_SETLK, F_WRLCK, 100, 100));
		OK(lock(c, F_SETLK, F_RDLCK, 200, 10));
		ERR(lock(c, F_SETLK, F_WRLCK, 250, 10), EAGAIN);
		OK(fcntl(c, F_GETLK, &l));
		EQ(l.l_type, F_WRLCK);
		EQ(l.l_pid, getppid());
		EQ(l.l_start, 0);
		EQ(l.l_len, 100);
		done();
	}
	OK(close((int)OK(open("f", O_RDONLY)))); /* as POSIX has it: that ends them all */
	if (apart()) {
		OK(lock((int)OK(open("f", O_RDWR)), F_SETLK, F_WRLCK, 0, 0));
		done();
	}
	ERR(lock((int)OK(open("f", O_RDONLY)), F_SETLK, F_WRLCK, 0, 1), EBADF);
	ERR(lock((int)OK(open("f", O_WRONLY)), F_SETLK, F_RDLCK, 0, 1), EBADF);
}

static void of_open_files(void)
{
	int a = (int)OK(open("f", O_RDWR)), b = (int)OK(open("f", O_RDWR));

	OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 100));
	ERR(lock(b, F_OFD_SETLK, F_WRLCK, 50, 100), EAGAIN);
	OK(lock(b, F_OFD_SETLK, F_WRLCK, 100, 100));
	OK(close((int)OK(open("f", O_RDONLY))));
	ERR(lock(b, F_OFD_SETLK, F_RDLCK, 0, 1), EAGAIN);
	OK(close(a));
	OK(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0));
}

const struct conform_case cases_lock[] = {{"lock/flock", ANY, whole_file},
					  {"lock/records", ANY, records},
					  {"lock/open-files", ANY, of_open_files},
					  {0}};
