/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mapped files, and files that run. */
#include "tests/conform/conform.h"
#include <signal.h>
#include <sys/prctl.h>

static char *map(int fd, int prot, int flags)
{
	char *p = mmap(NULL, 16384, prot, flags, fd, 0);

	TRUE(p != MAP_FAILED);
	return p;
}

static void shared(void)
{
	int fd = (int)OK(open("f", O_RDWR)), other = (int)OK(open("f", O_RDONLY));
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), c;

	EQ(p[9999], KIT_BYTE(9999));
	EQ(p[10001], 0);
	p[5000] = '#';
	EQ(pread(other, &c, 1, 5000), 1);
	EQ(c, '#');
	EQ(pwrite(fd, "!", 1, 5001), 1);
	EQ(p[5001], '!');
	OK(msync(p, 16384, MS_SYNC));
	OK(munmap(p, 16384));
	OK(close(fd));
	fd = (int)OK(open("f", O_RDONLY));
	EQ(pread(fd, &c, 1, 5000), 1);
	EQ(c, '#');
	EQ(st_fd(fd).st_size, KIT_F_SIZE);
}

static void private(void)
{
	int fd = (int)OK(open("f", O_RDONLY));
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE), c;

	p[100] = '#';
	EQ(pread(fd, &c, 1, 100), 1);
	EQ(c, KIT_BYTE(100));
	OK(close(fd));
	EQ(p[100], '#');
	EQ(p[5000], KIT_BYTE(5000));
}

/* Mapped before the first write, by a descriptor that could only read. */
static void readers_see(void)
{
	int ro = (int)OK(open("f", O_RDONLY)), rw;
	char *p = map(ro, PROT_READ, MAP_SHARED), *q;

	EQ(p[200], KIT_BYTE(200));
	rw = (int)OK(open("f", O_RDWR));
	EQ(pwrite(rw, "#", 1, 200), 1);
	EQ(p[200], '#');
	q = map(rw, PROT_READ | PROT_WRITE, MAP_SHARED);
	q[201] = '!';
	EQ(p[201], '!');
	OK(unlink("f"));
	q[202] = '%';
	EQ(p[202], '%');
	ERR(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED ? -1 : 0, EACCES);
}

static void extended(void)
{
	int fd = (int)OK(open("n", O_RDWR | O_CREAT, 0644));
	char *p, c;

	OK(ftruncate(fd, 16384));
	p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	memset(p, 'x', 16384);
	OK(msync(p, 16384, MS_SYNC));
	EQ(pread(fd, &c, 1, 16383), 1);
	EQ(c, 'x');
	OK(ftruncate(fd, 5000));
	OK(ftruncate(fd, 16384));
	EQ(p[4999], 'x');
	EQ(p[5001], 0); /* cut off and back: zeroes */
	EQ(p[9000], 0);
}

/* A mapping outlives its descriptor: what is stored is seen by others, and moves the times. */
static void closed(void)
{
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	int fd = (int)OK(open("f", O_RDWR));
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), c;

	OK(close(fd));
	OK(utimensat(AT_FDCWD, "f", old, 0));
	EQ(st_of("f").st_mtime, 1000);
	p[300] = '#';
	OK(msync(p, 16384, MS_SYNC));
	NE(st_of("f").st_mtime, 1000);
	fd = (int)OK(open("f", O_RDWR));
	EQ(pread(fd, &c, 1, 300), 1);
	EQ(c, '#');
	EQ(pwrite(fd, "!", 1, 301), 1);
	EQ(p[301], '!');
	p[302] = '?';
	EQ(pread(fd, &c, 1, 302), 1);
	EQ(c, '?');
}

static void beyond_the_end(void)
{
	int status;
	pid_t pid = (pid_t)OK(fork());

	if (!pid) {
		prctl(PR_SET_DUMPABLE, 0);
		char *p = map((int)OK(open("f", O_RDONLY)), PROT_READ, MAP_SHARED);
		_exit(p[12288]); /* the file ends one page before */
	}
	OK(waitpid(pid, &status, 0));
	TRUE(WIFSIGNALED(status));
	EQ(WTERMSIG(status), SIGBUS);
}

static void running(void)
{
	int to[2], from[2], status;
	pid_t pid;
	char c;

	copy_self("run", 0755);
	EQ(probe("run", "euid"), geteuid() ? 43 : 42);
	OK(pipe(to));
	OK(pipe(from));
	pid = (pid_t)OK(fork());
	if (!pid) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		execl("run", "conform", "--probe", "wait", (char *)NULL);
		_exit(99);
	}
	close(to[0]);
	EQ(read(from[0], &c, 1), 1); /* it runs */
	ERR(open("run", O_WRONLY), ETXTBSY);
	ERR(truncate("run", 0), ETXTBSY);
	OK(unlink("run"));
	close(to[1]);
	OK(waitpid(pid, &status, 0));
	EQ(status, 0);
}

static void not_runnable(void)
{
	copy_self("run", 0644);
	EQ(probe("run", "euid"), EACCES);
	OK(chmod("run", 0755));
	EQ(probe("run", "euid"), geteuid() ? 43 : 42);
	int w = (int)OK(open("run", O_WRONLY));
	EQ(probe("run", "euid"), ETXTBSY);
	OK(close(w));
	EQ(probe("d", "euid"), EACCES);
	EQ(probe("none", "euid"), ENOENT);
	OK(chmod("g", 0755));
	EQ(probe("g", "euid"), ENOEXEC);
}

static void set_id(void)
{
	copy_self("run", 04755);
	OK(chmod(".", 0755));
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		conform_skip("set-id bits are switched off for this process");
	if (as(51000, 51000, -1)) {
		EQ(probe("run", "euid"), 42);
		done();
	}
	OK(chmod("run", 02755));
	if (as(51000, 51000, -1)) {
		EQ(probe("run", "euid"), 43);
		EQ(probe("run", "egid"), 42);
		done();
	}
	OK(chmod("run", 0755));
	if (as(51000, 51000, -1)) {
		EQ(probe("run", "euid"), 43);
		EQ(probe("run", "egid"), 43);
		done();
	}
}

const struct conform_case cases_map[] = {{"mmap/shared", ANY, shared},
					 {"mmap/private", ANY, private},
					 {"mmap/readers-see-writers", ANY, readers_see},
					 {"mmap/closed", ANY, closed},
					 {"mmap/extended", ONCE, extended},
					 {"mmap/beyond-the-end", ANY, beyond_the_end},
					 {"exec/running", ONCE, running},
					 {"exec/not-runnable", ANY, not_runnable},
					 {"exec/set-id", ROOT | ONCE, set_id},
					 {0}};
