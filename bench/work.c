/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * work: the loads of the benches, so that the tool itself costs next to nothing.
 *
 *   work VERB ARGUMENTS...      prints the seconds that it took
 *
 * Static, needs no shell and no library: the same binary runs on the host and in a guest.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_MAX = 1 << 20 };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "work: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int must(int r, const char *what)
{
	if (r < 0)
		die(what);
	return r;
}

static int open_dir(const char *path)
{
	return must(open(path, O_RDONLY | O_DIRECTORY), path);
}

static const char *file_name(unsigned long i)
{
	static char name[32];

	snprintf(name, sizeof(name), "f%06lu", i);
	return name;
}

/* Bytes that do not compress to nothing, the same in every run. */
static const char *bytes(void)
{
	static char text[CHUNK_MAX];
	uint32_t x = 2463534242u;

	for (size_t i = 0; !text[CHUNK_MAX - 1] && i < sizeof(text); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		text[i] = (char)(33 + x % 90);
	}
	return text;
}

static void put(int dir, const char *name, size_t size, mode_t mode, bool owned, unsigned long i)
{
	int fd = must(openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, mode), name);

	if (write(fd, bytes(), size) != (ssize_t)size)
		die(name);
	if (owned)
		must(fchown(fd, 1 + i % 1000, 1 + i % 500), name);
	close(fd);
}

/* create DIR N SIZE */
static void create(char **a, bool owned)
{
	static const mode_t modes[] = {0600, 0640, 0755, 0664, 0444, 0700};
	unsigned long n = strtoul(a[1], NULL, 0);
	int dir = open_dir(a[0]);

	for (unsigned long i = 0; i < n; i++)
		put(dir, file_name(i), strtoul(a[2], NULL, 0), owned ? modes[i % 6] : 0644, owned,
		    i);
}

static void do_create(char **a)
{
	create(a, false);
}

/* createany DIR N SIZE: each with another owner and mode */
static void do_createany(char **a)
{
	create(a, true);
}

/* tree DIR N: N files as a package manager leaves them: nested, small, some programs and links */
static void do_tree(char **a)
{
	static const size_t sizes[] = {180,  700,  1200, 350,  2600, 5200, 900, 14000,
				       1600, 3300, 240,  7800, 1900, 480,  31000};
	unsigned long n = strtoul(a[1], NULL, 0);
	int top = open_dir(a[0]), pkg = -1, lib = -1;
	char name[48];

	for (unsigned long i = 0; i < n; i++) {
		if (i % 24 == 0) {
			snprintf(name, sizeof(name), "package-%lu", i / 24);
			must(mkdirat(top, name, 0755), name);
			close(pkg);
			pkg = must(openat(top, name, O_RDONLY | O_DIRECTORY), name);
			must(mkdirat(pkg, "lib", 0755), "lib");
			close(lib);
			lib = must(openat(pkg, "lib", O_RDONLY | O_DIRECTORY), "lib");
		}
		snprintf(name, sizeof(name), "module-%lu.js", i);
		if (i % 48 == 47)
			must(symlinkat("../package.json", i % 3 ? lib : pkg, name), name);
		else
			put(i % 3 ? lib : pkg, name, sizes[i % 15], i % 40 ? 0644 : 0755, false, i);
	}
	close(pkg);
	close(lib);
	close(top);
}

static void walk(int dir)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	struct stat st;

	if (!d)
		die("opendir");
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		must(fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW), e->d_name);
		if (S_ISDIR(st.st_mode))
			walk(must(openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY), e->d_name));
	}
	closedir(d);
}

/* walk DIR: lstat of all below */
static void do_walk(char **a)
{
	walk(open_dir(a[0]));
}

/* lstat DIR N: of create's files */
static void do_lstat(char **a)
{
	unsigned long n = strtoul(a[1], NULL, 0);
	int dir = open_dir(a[0]);
	struct stat st;

	for (unsigned long i = 0; i < n; i++)
		must(fstatat(dir, file_name(i), &st, AT_SYMLINK_NOFOLLOW), file_name(i));
}

/* enoent DIR N: names that are not there */
static void do_enoent(char **a)
{
	unsigned long n = strtoul(a[1], NULL, 0);
	int dir = open_dir(a[0]);
	struct stat st;

	for (unsigned long i = 0; i < n; i++)
		if (!fstatat(dir, file_name(9000000 + i % 200), &st, AT_SYMLINK_NOFOLLOW))
			die("a name that should be missing");
}

/* openread DIR N: open, read 4 KiB, close */
static void do_openread(char **a)
{
	unsigned long n = strtoul(a[1], NULL, 0);
	int dir = open_dir(a[0]);
	char buf[4096];

	for (unsigned long i = 0; i < n; i++) {
		int fd = must(openat(dir, file_name(i), O_RDONLY), file_name(i));
		must((int)read(fd, buf, sizeof(buf)), file_name(i));
		close(fd);
	}
}

/* write FILE BYTES CHUNK [fsync] */
static void do_write(char **a)
{
	unsigned long left = strtoul(a[1], NULL, 0), chunk = strtoul(a[2], NULL, 0);
	int fd = must(open(a[0], O_WRONLY | O_CREAT | O_TRUNC, 0644), a[0]);
	const char *p = bytes();

	for (; left; left -= chunk) {
		chunk = chunk < left ? chunk : left;
		if (write(fd, p, chunk) != (ssize_t)chunk)
			die(a[0]);
	}
	if (a[3])
		must(fsync(fd), a[0]);
	must(close(fd), a[0]);
}

/* append FILE N: N times 100 bytes */
static void do_append(char **a)
{
	unsigned long n = strtoul(a[1], NULL, 0);
	int fd = must(open(a[0], O_WRONLY | O_CREAT | O_APPEND, 0644), a[0]);
	const char *p = bytes();

	while (n--)
		if (write(fd, p, 100) != 100)
			die(a[0]);
	must(close(fd), a[0]);
}

/* read FILE: in pieces of 128 KiB */
static void do_read(char **a)
{
	int fd = must(open(a[0], O_RDONLY), a[0]);
	static char buf[128 << 10];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	must((int)n, a[0]);
}

/* run COMMAND ARGUMENTS... */
static void do_run(char **a)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		/* What the command prints is not ours. */
		dup2(2, 1);
		execvp(a[0], a);
		_exit(127);
	}
	must(pid, "fork");
	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "work: %s failed\n", a[0]);
		exit(1);
	}
}

/* spawn N COMMAND...: one after the other */
static void do_spawn(char **a)
{
	for (unsigned long n = strtoul(a[0], NULL, 0); n--;)
		do_run(a + 1);
}

/* prompt TEXT COMMAND...: until the command, on a terminal of its own, has shown TEXT */
static void do_prompt(char **a)
{
	int pty = must(posix_openpt(O_RDWR | O_NOCTTY), "ptmx");
	static char shown[65536];
	size_t n = 0;
	ssize_t got = 0;

	if (grantpt(pty) || unlockpt(pty))
		die("pty");
	pid_t pid = must(fork(), "fork");
	if (!pid) {
		setsid();
		int tty = open(ptsname(pty), O_RDWR);
		for (int fd = 0; fd < 3; fd++)
			dup2(tty, fd);
		execvp(a[1], a + 1);
		_exit(127);
	}
	while (n < sizeof(shown) - 1 && !strstr(shown, a[0]) &&
	       (got = read(pty, shown + n, sizeof(shown) - 1 - n)) > 0)
		n += (size_t)got;
	if (!strstr(shown, a[0]))
		die(shown);
	close(pty);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		void (*fn)(char **a);
	} verbs[] = {
	    {"create", 3, do_create}, {"createany", 3, do_createany}, {"tree", 2, do_tree},
	    {"walk", 1, do_walk},     {"lstat", 2, do_lstat},	      {"enoent", 2, do_enoent},
	    {"write", 3, do_write},   {"openread", 2, do_openread},   {"append", 2, do_append},
	    {"read", 1, do_read},     {"run", 1, do_run},	      {"spawn", 2, do_spawn},
	    {"prompt", 2, do_prompt},
	};

	umask(022);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (argc < 2 + verbs[i].args || strcmp(argv[1], verbs[i].name))
			continue;
		bytes();
		double t0 = now();
		verbs[i].fn(argv + 2);
		printf("%.6f\n", now() - t0);
		return 0;
	}
	fprintf(stderr, "usage: work VERB ARGUMENTS...\n");
	return 2;
}
