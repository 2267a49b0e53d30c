/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listing: complete, without doubles, with cookies that hold while entries come and go. */
#include "tests/conform/conform.h"
#include <sys/syscall.h>

static void make_many(const char *dir, int from, int to)
{
	char name[64];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "%s/entry-%d", dir, i);
		OK(close((int)OK(open(name, O_WRONLY | O_CREAT | O_EXCL, 0644))));
	}
}

/* Marks entry-N in seen; other names are an error, but for the two dots. */
static void mark(const char *name, unsigned char *seen, int n)
{
	int i;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return;
	EQ(sscanf(name, "entry-%d", &i), 1);
	TRUE(i >= 0 && i < n);
	EQ(seen[i], 0); /* twice */
	seen[i] = 1;
}

static void types_and_numbers(void)
{
	DIR *d = opendir(".");
	struct dirent *de;
	int n = 0, dots = 0;

	while ((de = readdir(d))) {
		struct stat st = st_of(de->d_name);

		EQ(de->d_type, IFTODT(st.st_mode));
		dots += !strcmp(de->d_name, ".") + !strcmp(de->d_name, "..");
		if (strcmp(de->d_name, ".."))
			EQ(de->d_ino, st.st_ino);
		n++;
	}
	EQ(dots, 2);
	EQ(n, 13 + 2);
	closedir(d);
	OK(chmod("f", 0600));
	OK(chmod("d", 0700));
	d = opendir(".");
	while ((de = readdir(d)))
		if (strcmp(de->d_name, ".."))
			EQ(de->d_ino, ino_of(de->d_name));
	closedir(d);
}

static void merged(void)
{
	OK(unlink("d/a"));
	put("d/n", "");
	put("d/m", "");
	OK(unlink("d/l"));
	put("d/l", "a file now");
	OK(rename("d/h3", "d/h4"));
	OK(mkdir("d/a", 0755));
	EQ(count("d"), 6);
	EQ(count_name("d", "a"), 1);
	EQ(count_name("d", "l"), 1);
	EQ(count_name("d", "n"), 1);
	EQ(count_name("d", "h3"), 0);
	EQ(count_name("d", "h4"), 1);
	EQ(count_name("d", "sub"), 1);
	OK(unlink("d/m"));
	EQ(count("d"), 5);
	EQ(st_of("d").st_nlink, 4);
}

/* Half is read, then some of both halves go: each that stays comes exactly once. */
static void while_removing(void)
{
	enum { N = 600 };
	unsigned char seen[N] = {0}, gone[N] = {0};
	struct dirent *de;
	char name[64];
	DIR *d;

	make_many("e", 0, N);
	d = opendir("e");
	for (int i = 0; i < 200 && (de = readdir(d)); i++)
		mark(de->d_name, seen, N);
	for (int i = 0; i < N; i += 3) {
		snprintf(name, sizeof(name), "e/entry-%d", i);
		OK(unlink(name));
		gone[i] = 1;
	}
	while ((de = readdir(d)))
		mark(de->d_name, seen, N);
	for (int i = 0; i < N; i++)
		if (!gone[i])
			EQ(seen[i] ? i : -1, i);
	rewinddir(d);
	memset(seen, 0, sizeof(seen));
	while ((de = readdir(d)))
		mark(de->d_name, seen, N);
	for (int i = 0; i < N; i++)
		EQ(seen[i], !gone[i]);
	closedir(d);
}

static void while_adding(void)
{
	enum { N = 900 };
	unsigned char seen[N] = {0};
	struct dirent *de;
	int n = 0;
	DIR *d;

	make_many("e", 0, 300);
	d = opendir("e");
	while ((de = readdir(d))) {
		mark(de->d_name, seen, N);
		if (n < 200)
			make_many("e", 300 + n, 301 + n);
		n++;
	}
	for (int i = 0; i < 300; i++)
		EQ(seen[i] ? i : -1, i);
	closedir(d);
	EQ(count("e"), 500);
}

static void removing_all(void)
{
	struct dirent *de;
	DIR *d;

	make_many("d/sub", 0, 700);
	d = opendir("d/sub");
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			OK(unlinkat(dirfd(d), de->d_name, 0));
	closedir(d);
	EQ(count("d/sub"), 0);
	OK(rmdir("d/sub"));
}

static void cookies(void)
{
	enum { N = 400 };
	char names[N + 2][32];
	long at[N + 3];
	struct dirent *de;
	int n = 0;
	DIR *d;

	make_many("e", 0, N);
	d = opendir("e");
	for (at[0] = telldir(d); (de = readdir(d)); at[n] = telldir(d))
		snprintf(names[n++], sizeof(names[0]), "%.31s", de->d_name);
	EQ(n, N + 2);
	for (int i = n - 1; i >= 0; i -= 7) {
		seekdir(d, at[i]);
		de = readdir(d);
		TRUE(de != NULL);
		EQ(strcmp(de->d_name, names[i]), 0);
	}
	seekdir(d, at[n]);
	TRUE(readdir(d) == NULL);
	/* A place stays a place when what was in front of it goes. */
	for (int i = 2; i < 100; i++)
		if (names[i][0] == 'e')
			OK(unlinkat(dirfd(d), names[i], 0));
	seekdir(d, at[200]);
	for (int i = 200; i < n; i++) {
		de = readdir(d);
		TRUE(de != NULL);
		EQ(strcmp(de->d_name, names[i]), 0);
	}
	closedir(d);
}

static void rewinds(void)
{
	DIR *d = opendir("d");
	int n = 0;

	while (readdir(d))
		n++;
	put("d/n", "");
	OK(unlink("d/a"));
	put("d/m", "");
	rewinddir(d);
	EQ(n, 6);
	while (readdir(d))
		n--;
	EQ(n, -1);
	closedir(d);
}

static void small_buffers(void)
{
	char buf[64];
	int fd = (int)OK(open("d", O_RDONLY | O_DIRECTORY)), n = 0;
	long got;

	ERR(syscall(SYS_getdents64, fd, buf, 8), EINVAL);
	while ((got = OK(syscall(SYS_getdents64, fd, buf, sizeof(buf)))) > 0)
		for (long i = 0; i < got; i += *(unsigned short *)(void *)(buf + i + 16))
			n++;
	EQ(n, 6);
	ERR(syscall(SYS_getdents64, (int)OK(open("f", O_RDONLY)), buf, sizeof(buf)), ENOTDIR);
}

static void nlinks(void)
{
	char name[32];

	EQ(st_of("d").st_nlink, 3);
	EQ(st_of("e").st_nlink, 2);
	EQ(st_of("d2").st_nlink, 2);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "d/dir-%d", i);
		OK(mkdir(name, 0755));
	}
	EQ(st_of("d").st_nlink, 43);
	OK(rmdir("d/dir-7"));
	OK(rename("d/dir-8", "e/moved"));
	EQ(st_of("d").st_nlink, 41);
	EQ(st_of("e").st_nlink, 3);
	OK(unlink("d/sub/b"));
	OK(rmdir("d/sub"));
	EQ(st_of("d").st_nlink, 40);
	put("d/file", "");
	EQ(st_of("d").st_nlink, 40);
}

static void hundred_thousand(void)
{
	enum { N = 100000 };
	unsigned char *seen = calloc(1, N);
	struct dirent *de;
	char name[64];
	DIR *d;

	make_many("e", 0, N);
	d = opendir("e");
	while ((de = readdir(d)))
		mark(de->d_name, seen, N);
	closedir(d);
	for (int i = 0; i < N; i++)
		EQ(seen[i], 1);
	for (int i = 0; i < N; i += 5000) {
		snprintf(name, sizeof(name), "e/entry-%d", i);
		OK(unlink(name));
	}
	EQ(count("e"), N - N / 5000);
	remove_all("e");
	free(seen);
}

const struct conform_case cases_readdir[] = {{"readdir/types-and-numbers", ANY, types_and_numbers},
					     {"readdir/merged", ANY, merged},
					     {"readdir/while-removing", ANY, while_removing},
					     {"readdir/while-adding", ANY, while_adding},
					     {"readdir/removing-all", ANY, removing_all},
					     {"readdir/cookies", ANY, cookies},
					     {"readdir/rewinds", ANY, rewinds},
					     {"readdir/small-buffers", ANY, small_buffers},
					     {"readdir/nlink", ANY, nlinks},
					     {"readdir/100000", ANY | LONG, hundred_thousand},
					     {0}};
