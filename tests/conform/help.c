/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/conform/conform.h"
#include <sys/syscall.h>
#include <time.h>

struct stat st_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		conform_ok(-1, path, __FILE__, __LINE__);
	return st;
}

struct stat st_fd(int fd)
{
	struct stat st;

	OK(fstat(fd, &st));
	return st;
}

ino_t ino_of(const char *path)
{
	return st_of(path).st_ino;
}

static void write_to(const char *path, int flags, const char *text)
{
	int fd =
	    (int)conform_ok(open(path, O_WRONLY | O_CREAT | flags, 0644), path, __FILE__, __LINE__);

	EQ(write(fd, text, strlen(text)), strlen(text));
	OK(close(fd));
}

void put(const char *path, const char *text)
{
	write_to(path, O_TRUNC, text);
}

void add(const char *path, const char *text)
{
	write_to(path, O_APPEND, text);
}

void fd_holds(int fd, const char *text)
{
	char buf[4096];
	ssize_t n = OK(pread(fd, buf, sizeof(buf) - 1, 0));

	buf[n] = '\0';
	if (strcmp(buf, text)) {
		dprintf(1, "# wanted \"%s\", got \"%s\"\n", text, buf);
		TRUE(!"the right bytes");
	}
}

void holds(const char *path, const char *text)
{
	int fd = (int)conform_ok(open(path, O_RDONLY), path, __FILE__, __LINE__);

	fd_holds(fd, text);
	OK(close(fd));
}

bool there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

int count(const char *dir)
{
	return count_name(dir, NULL);
}

int count_name(const char *dir, const char *name)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	int n = 0;

	TRUE(d != NULL);
	errno = 0;
	while ((de = readdir(d)))
		n += name ? !strcmp(de->d_name, name)
			  : strcmp(de->d_name, ".") && strcmp(de->d_name, "..");
	EQ(errno, 0);
	OK(closedir(d));
	return n;
}

void remove_all(const char *name)
{
	char sub[PATH_MAX];
	struct dirent *de;
	DIR *d;

	if (!S_ISDIR(st_of(name).st_mode)) {
		OK(unlink(name));
		return;
	}
	d = opendir(name);
	TRUE(d != NULL);
	while ((de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%.3000s/%s", name, de->d_name);
		remove_all(sub);
	}
	closedir(d);
	OK(rmdir(name));
}

void fill(char *p, size_t n, unsigned salt)
{
	uint32_t x = salt * 2654435761u + 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (char)(x >> 24);
	}
}

void tick(void)
{
	struct timespec start, now, nap = {0, 2000000};

	/* Files are stamped with the clock's coarse reading. */
	clock_gettime(CLOCK_REALTIME_COARSE, &start);
	do {
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (!later(now, start));
	nap.tv_nsec = 12000000; /* and the host's may lag behind the guest's by a jiffy */
	nanosleep(&nap, NULL);
}

bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

int rename2(const char *from, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

void copy_self(const char *path, mode_t mode)
{
	static char block[1 << 16];
	int from = (int)OK(open(conform_self, O_RDONLY));
	int to = (int)OK(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
	ssize_t n;

	while ((n = OK(read(from, block, sizeof(block)))) > 0)
		EQ(write(to, block, (size_t)n), n);
	OK(fchmod(to, mode));
	OK(close(to));
	OK(close(from));
}

int probe(const char *path, const char *what)
{
	int status;
	pid_t pid = (pid_t)OK(fork());

	if (!pid) {
		execl(path, "conform", "--probe", what, (char *)NULL);
		_exit(errno);
	}
	OK(waitpid(pid, &status, 0));
	TRUE(WIFEXITED(status));
	return WEXITSTATUS(status);
}
