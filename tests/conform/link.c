/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hard links, made here and found below. */
#include "tests/conform/conform.h"

static void make(void)
{
	struct stat before = st_of("f");

	tick();
	OK(link("f", "n"));
	EQ(ino_of("n"), before.st_ino);
	EQ(st_of("n").st_nlink, 2);
	EQ(st_of("f").st_nlink, 2);
	EQ(ino_of("f"), before.st_ino);
	TRUE(later(st_of("f").st_ctim, before.st_ctim));
	TRUE(same_time(st_of("f").st_mtim, before.st_mtim));
	OK(link("n", "e/m")); /* across directories, never EXDEV */
	OK(link("d/a", "e/a"));
	OK(link("d/sub/b", "b"));
	EQ(st_of("f").st_nlink, 3);
	put("e/m", "all\n");
	holds("f", "all\n");
	holds("n", "all\n");
	OK(unlink("f"));
	holds("n", "all\n");
	EQ(st_of("n").st_nlink, 2);
	OK(unlink("n"));
	EQ(st_of("e/m").st_nlink, 1);
}

static void refused(void)
{
	ERR(link("f", "g"), EEXIST);
	ERR(link("f", "d"), EEXIST);
	ERR(link("f", "dangling"), EEXIST);
	ERR(link("f", "f"), EEXIST);
	ERR(link("d", "n"), EPERM);
	ERR(link("none", "n"), ENOENT);
	ERR(link("f", "none/n"), ENOENT);
	ERR(link("f/x", "n"), ENOTDIR);
	ERR(link("f", "g/n"), ENOTDIR);
	ERR(link("f", "n/"), ENOENT);
	EQ(there("n"), 0);
	EQ(st_of("f").st_nlink, 1);
}

static void of_links(void)
{
	OK(linkat(AT_FDCWD, "l", AT_FDCWD, "n", AT_SYMLINK_FOLLOW));
	EQ(ino_of("n"), ino_of("f"));
	OK(link("dangling", "m"));
	TRUE(S_ISLNK(st_of("m").st_mode));
	OK(link("p", "q"));
	EQ(ino_of("q"), ino_of("p"));
}

static void of_unlinked(void)
{
	char path[64];
	int fd = (int)OK(open("f", O_RDWR));

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(unlink("f"));
	ERR(linkat(AT_FDCWD, path, AT_FDCWD, "n", AT_SYMLINK_FOLLOW), ENOENT);
}

static void same_file(ino_t ino, nlink_t n)
{
	static const char *const names[] = {"h1", "h2", "d/h3"};

	for (size_t i = 0; i < 3; i++) {
		if (!there(names[i]))
			continue;
		EQ(ino_of(names[i]), ino);
		EQ(st_of(names[i]).st_nlink, n);
	}
}

static void kit_written(void)
{
	ino_t ino = ino_of("h2");

	same_file(ino, 3);
	add("h1", "more\n");
	same_file(ino, 3);
	holds("h2", "linked\nmore\n");
	holds("d/h3", "linked\nmore\n");
	add("d/h3", "third\n");
	holds("h1", "linked\nmore\nthird\n");
	OK(truncate("h2", 3));
	holds("d/h3", "lin");
	same_file(ino, 3);
}

static void kit_meta(void)
{
	ino_t ino = ino_of("h2");

	OK(chmod("h2", 0600));
	EQ(st_of("h1").st_mode, S_IFREG | 0600);
	EQ(st_of("d/h3").st_mode, S_IFREG | 0600);
	same_file(ino, 3);
	OK(chmod("d/h3", 0640));
	EQ(st_of("h2").st_mode, S_IFREG | 0640);
	holds("h1", "linked\n");
	OK(link("h1", "e/h4"));
	same_file(ino, 4);
	EQ(ino_of("e/h4"), ino);
}

static void kit_removed(void)
{
	ino_t ino = ino_of("h2");

	OK(unlink("h1"));
	same_file(ino, 2);
	put("h1", "a new one\n");
	NE(ino_of("h1"), ino);
	EQ(st_of("h1").st_nlink, 1);
	OK(unlink("h1"));
	OK(rename("h2", "e/h2"));
	EQ(ino_of("e/h2"), ino);
	EQ(st_of("d/h3").st_nlink, 2);
	add("e/h2", "more\n");
	holds("d/h3", "linked\nmore\n");
	OK(unlink("d/h3"));
	EQ(st_of("e/h2").st_nlink, 1);
	holds("e/h2", "linked\nmore\n");
}

/* What the file system knows of the other names must not matter. */
static void look_at_all(void)
{
	st_of("h1");
	st_of("h2");
	st_of("d/h3");
}

static void kit_looked_at(void)
{
	ino_t ino = ino_of("h1");

	look_at_all();
	OK(unlink("h1"));
	same_file(ino, 2);
	EQ(there("h1"), 0);
	EQ(ino_of("h2"), ino);
	st_of("h2");
	st_of("d/h3");
	OK(unlink("h2"));
	same_file(ino, 1);
	EQ(ino_of("d/h3"), ino);
	holds("d/h3", "linked\n");
}

static void kit_looked_at_renamed(void)
{
	ino_t ino = ino_of("h1");

	look_at_all();
	OK(rename("h1", "e/n"));
	EQ(there("h1"), 0);
	EQ(ino_of("e/n"), ino);
	same_file(ino, 3);
	OK(rename("g", "h2"));
	EQ(st_of("e/n").st_nlink, 2);
	holds("h2", "other\n");
	OK(rename2("d/h3", "f", RENAME_EXCHANGE));
	EQ(ino_of("f"), ino);
	EQ(st_of("f").st_nlink, 2);
	EQ(st_of("d/h3").st_size, KIT_F_SIZE);
}

static void kit_looked_at_exchanged(void)
{
	ino_t ino = ino_of("h1");

	look_at_all();
	OK(rename2("g", "h1", RENAME_EXCHANGE));
	EQ(ino_of("g"), ino);
	holds("h1", "other\n");
	EQ(st_of("g").st_nlink, 3);
	EQ(ino_of("h2"), ino);
	add("g", "more\n");
	holds("d/h3", "linked\nmore\n");
}

static void kit_renamed_over(void)
{
	ino_t ino = ino_of("h2");

	OK(rename("g", "h1"));
	NE(ino_of("h1"), ino);
	EQ(ino_of("h2"), ino);
	EQ(ino_of("d/h3"), ino);
	EQ(st_of("h2").st_nlink, 2);
	EQ(st_of("h1").st_nlink, 1);
	holds("h1", "other\n");
}

static void kit_open(void)
{
	int ro = (int)OK(open("h2", O_RDONLY)), rw = (int)OK(open("d/h3", O_RDWR));

	add("h1", "more\n");
	fd_holds(ro, "linked\nmore\n");
	fd_holds(rw, "linked\nmore\n");
	EQ(pwrite(rw, "L", 1, 0), 1);
	fd_holds(ro, "Linked\nmore\n");
	holds("h1", "Linked\nmore\n");
	EQ(st_fd(ro).st_ino, st_fd(rw).st_ino);
}

/* rename between two names of one file does nothing, and keeps both. */
static void rename_same(void)
{
	OK(rename("h1", "h2"));
	TRUE(there("h1"));
	TRUE(there("h2"));
	EQ(st_of("h1").st_nlink, 3);
	OK(rename("h1", "d/h3"));
	TRUE(there("h1"));
	EQ(st_of("h1").st_nlink, 3);
}

static void whole_directory(void)
{
	ino_t ino = ino_of("h1");

	OK(rename("d", "e/d"));
	EQ(ino_of("e/d/h3"), ino);
	EQ(st_of("h1").st_nlink, 3);
	add("e/d/h3", "more\n");
	holds("h1", "linked\nmore\n");
	EQ(ino_of("h2"), ino);
	remove_all("e/d");
	EQ(st_of("h1").st_nlink, 2);
}

static void many(void)
{
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "e/%d", i);
		OK(link("f", name));
	}
	EQ(st_of("f").st_nlink, 101);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "e/%d", i);
		OK(unlink(name));
	}
	EQ(st_of("f").st_nlink, 1);
}

const struct conform_case cases_link[] = {
    {"link/makes", ANY, make},
    {"link/refused", ANY, refused},
    {"link/of-links", ANY, of_links},
    {"link/of-unlinked", ANY, of_unlinked},
    {"link/kit-written", ANY, kit_written},
    {"link/kit-metadata", ANY, kit_meta},
    {"link/kit-removed", ANY, kit_removed},
    {"link/kit-looked-at", ANY, kit_looked_at},
    {"link/kit-looked-at-renamed", ANY, kit_looked_at_renamed},
    {"link/kit-looked-at-exchanged", ANY, kit_looked_at_exchanged},
    {"link/kit-renamed-over", ANY, kit_renamed_over},
    {"link/kit-open", ANY, kit_open},
    {"link/rename-same-file", ANY, rename_same},
    {"link/whole-directory-moves", ANY, whole_directory},
    {"link/many", ANY, many},
    {0}};
