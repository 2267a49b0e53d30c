/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of every kind, and paths as long as they get. */
#include "tests/conform/conform.h"

static void any_bytes(void)
{
	char name[] = "e/a?z";

	for (int c = 1; c < 256; c++) {
		char back[16];

		if (c == '/')
			continue;
		name[3] = (char)c;
		snprintf(back, sizeof(back), "%d", c);
		put(name, back);
		holds(name, back);
		EQ(count_name("e", name + 2), 1);
	}
	EQ(count("e"), 254);
	OK(rename("e", "moved"));
	EQ(count("moved"), 254);
	remove_all("moved");
}

static void no_reserved_names(void)
{
	static const char *const names[] = {".wh.a",
					    ".wh..wh..opq",
					    ".wh.",
					    "user.gaol",
					    "whiteout",
					    "index",
					    "t.1",
					    "...",
					    "..a",
					    ".git",
					    "%meta",
					    " ",
					    "*",
					    "a\nb",
					    "CON",
					    "\xc3\xa4",
					    "a\xcc\x88",
					    "\xef\xbb\xbf",
					    ".fuse_hidden0001"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "d/%s", names[i]);
		put(path, names[i]);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "d/%s", names[i]);
		holds(path, names[i]);
		EQ(count_name("d", names[i]), 1);
	}
	holds("d/a", "a\n");
	EQ(count("d"), 4 + (int)(sizeof(names) / sizeof(names[0])));
	OK(unlink("d/.wh.a"));
	holds("d/a", "a\n");
}

static void case_counts(void)
{
	put("e/name", "small");
	put("e/NAME", "large");
	put("e/\xc3\xa4", "composed");
	put("e/a\xcc\x88", "decomposed");
	EQ(count("e"), 4);
	holds("e/name", "small");
	holds("e/\xc3\xa4", "composed");
}

static void longest(void)
{
	char name[258], other[258];

	memset(name, 'n', sizeof(name));
	memset(other, '\xff', sizeof(other));
	name[255] = other[255] = '\0';
	put(name, "long\n");
	holds(name, "long\n");
	EQ(count_name(".", name), 1);
	OK(chmod(name, 0600));
	EQ(st_of(name).st_mode, S_IFREG | 0600);
	OK(chown(name, geteuid(), getegid()));
	OK(rename(name, other));
	holds(other, "long\n");
	OK(link(other, name));
	EQ(st_of(name).st_nlink, 2);
	OK(unlink(name));
	OK(rename("d", name)); /* with what it has */
	OK(chdir(name));
	holds("sub/b", "b\n");
	EQ(count("."), 4);
}

static void too_long(void)
{
	char name[258];
	struct stat st;

	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	ERR(open(name, O_RDONLY), ENAMETOOLONG);
	ERR(open(name, O_WRONLY | O_CREAT, 0644), ENAMETOOLONG);
	ERR(stat(name, &st), ENAMETOOLONG);
	ERR(mkdir(name, 0755), ENAMETOOLONG);
	ERR(rmdir(name), ENAMETOOLONG);
	ERR(unlink(name), ENAMETOOLONG);
	ERR(mkfifo(name, 0644), ENAMETOOLONG);
	ERR(symlink("x", name), ENAMETOOLONG);
	ERR(link("f", name), ENAMETOOLONG);
	ERR(link(name, "n"), ENAMETOOLONG);
	ERR(rename("f", name), ENAMETOOLONG);
	ERR(rename(name, "n"), ENAMETOOLONG);
	ERR(rename2("f", name, RENAME_NOREPLACE), ENAMETOOLONG);
	ERR(rename2("f", name, RENAME_EXCHANGE), ENAMETOOLONG);
	ERR(chmod(name, 0644), ENAMETOOLONG);
	ERR(truncate(name, 0), ENAMETOOLONG);
	ERR(chdir(name), ENAMETOOLONG);
	TRUE(there("f"));
}

static void path_max(void)
{
	char path[PATH_MAX + 8] = "", name[201];
	size_t n = 0;

	memset(name, 'p', 200);
	name[200] = '\0';
	/* Directories down to just below the limit, then a name that fills it to the byte. */
	while (n + 201 < PATH_MAX - 1 - 2) {
		memcpy(path + n, name, 200);
		n += 200;
		path[n] = '\0';
		OK(mkdir(path, 0755));
		path[n++] = '/';
	}
	while (n < PATH_MAX - 1)
		path[n++] = 'q';
	path[n] = '\0';
	put(path, "deep\n");
	holds(path, "deep\n");
	OK(chmod(path, 0600));
	OK(rename(path, "f"));
	holds("f", "deep\n");
	path[n] = 'q';
	path[n + 1] = '\0';
	ERR(open(path, O_RDONLY), ENAMETOOLONG);
	ERR(mkdir(path, 0755), ENAMETOOLONG);
	ERR(symlink("x", path), ENAMETOOLONG);
	ERR(rename("f", path), ENAMETOOLONG);
}

/* Deeper than any path can say. */
static void deeper(void)
{
	char name[101];
	int top = (int)OK(open(".", O_RDONLY | O_DIRECTORY));

	memset(name, 'd', 100);
	name[100] = '\0';
	for (int i = 0; i < 60; i++) {
		OK(mkdir(name, 0755));
		OK(chdir(name));
	}
	put("bottom", "found\n");
	holds("bottom", "found\n");
	OK(chmod("bottom", 0600));
	OK(rename("bottom", "renamed"));
	EQ(count("."), 1);
	OK(unlink("renamed"));
	for (int i = 0; i < 60; i++) {
		OK(chdir(".."));
		OK(rmdir(name));
	}
	EQ(ino_of("."), st_fd(top).st_ino);
}

const struct conform_case cases_name[] = {
    {"name/any-bytes", ANY, any_bytes},	    {"name/none-reserved", ANY, no_reserved_names},
    {"name/case-counts", ANY, case_counts}, {"name/longest", ANY, longest},
    {"name/too-long", ANY, too_long},	    {"path/longest", ANY, path_max},
    {"path/deeper", ONCE, deeper},	    {0}};
