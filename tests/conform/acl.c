/* SPDX-License-Identifier: GPL-2.0-or-later */
/* POSIX ACLs, by their raw attributes (linux/posix_acl_xattr.h, version 2). */
#include "tests/conform/conform.h"
#include <sys/xattr.h>

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

enum { USER_OBJ = 1, A_USER = 2, GROUP_OBJ = 4, A_GROUP = 8, MASK = 16, OTHER = 32 };

struct acl {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} e[8];
};

/* "u7 U51000:5 g5 G2000:7 m7 o0" */
static size_t parse(struct acl *a, const char *text)
{
	static const struct {
		char c;
		uint16_t tag;
	} tags[] = {{'u', USER_OBJ}, {'U', A_USER}, {'g', GROUP_OBJ},
		    {'G', A_GROUP},  {'m', MASK},   {'o', OTHER}};
	size_t n = 0;

	a->version = 2;
	for (const char *p = text; *p; n++) {
		char *end;

		a->e[n].id = UINT32_MAX;
		for (size_t i = 0; i < 6; i++)
			if (*p == tags[i].c)
				a->e[n].tag = tags[i].tag;
		if (*p++ < 'a') {
			a->e[n].id = (uint32_t)strtoul(p, &end, 10);
			p = end + 1;
		}
		a->e[n].perm = (uint16_t)(*p++ - '0');
		while (*p == ' ')
			p++;
	}
	return 4 + 8 * n;
}

static int set(const char *path, const char *name, const char *text)
{
	struct acl a;
	size_t n = parse(&a, text);

	return setxattr(path, name, &a, n, 0);
}

static void is(const char *path, const char *name, const char *text)
{
	struct acl want, got;
	size_t n = parse(&want, text);

	memset(&got, 0, sizeof(got));
	conform_eq(getxattr(path, name, &got, sizeof(got)), (long long)n, path, __FILE__, __LINE__);
	conform_eq(memcmp(&want, &got, n), 0, path, __FILE__, __LINE__);
}

static mode_t bits(const char *path)
{
	return st_of(path).st_mode & 07777;
}

static void need(void)
{
	if (set("e", ACCESS, "u7 g5 o5") && errno == EOPNOTSUPP)
		conform_skip("no ACLs here");
}

static void store(void)
{
	need();
	OK(set("f", ACCESS, "u6 U51000:4 g4 m6 o0"));
	is("f", ACCESS, "u6 U51000:4 g4 m6 o0");
	EQ(bits("f"), 0660); /* the group's bits show the mask */
	OK(chmod("f", 0640));
	is("f", ACCESS, "u6 U51000:4 g4 m4 o0");
	OK(chmod("f", 0705));
	is("f", ACCESS, "u7 U51000:4 g4 m0 o5");
	OK(rename("f", "e/n"));
	is("e/n", ACCESS, "u7 U51000:4 g4 m0 o5");
	OK(removexattr("e/n", ACCESS));
	ERR(getxattr("e/n", ACCESS, NULL, 0), ENODATA);
	EQ(bits("e/n"), 0705);
	OK(set("g", ACCESS, "u6 g4 o4")); /* nothing that the mode could not say */
	ERR(getxattr("g", ACCESS, NULL, 0), ENODATA);
	EQ(bits("g"), 0644);
	OK(set("g", ACCESS, "u7 g5 o1"));
	EQ(bits("g"), 0751);
	OK(set("g", ACCESS, "u6 g4 G5:7 m7 o4"));
	EQ(getxattr("g", ACCESS, NULL, 0), 44);
	char small[10];
	ERR(getxattr("g", ACCESS, small, sizeof(small)), ERANGE);
	char list[256];
	ssize_t n = OK(listxattr("g", list, sizeof(list)));
	TRUE(memmem(list, (size_t)n, ACCESS, sizeof(ACCESS)) != NULL);
	OK(truncate("g", 2));
	is("g", ACCESS, "u6 g4 G5:7 m7 o4");
}

static void refused(void)
{
	struct acl a;

	need();
	ERR(set("f", ACCESS, "u6 U51000:4 g4 o0"), EINVAL); /* a mask is missing */
	ERR(set("f", ACCESS, "u6 o0"), EINVAL);
	ERR(set("f", ACCESS, "u6 u6 g4 o0"), EINVAL);
	ERR(set("f", ACCESS, "u6 g8 o0"), EINVAL);
	ERR(setxattr("f", ACCESS, "\1\0\0\0", 4, 0), EOPNOTSUPP);
	ERR(setxattr("f", ACCESS, "abc", 3, 0), EINVAL);
	size_t n = parse(&a, "u6 g4 o0");
	ERR(setxattr("f", ACCESS, &a, n - 1, 0), EINVAL);
	ERR(lsetxattr("l", ACCESS, &a, n, 0), EOPNOTSUPP);
	ERR(set("f", DEFAULT, "u7 g5 o5"), EACCES);
	ERR(getxattr("f", DEFAULT, NULL, 0), ENODATA);
	EQ(bits("f"), 0644);
}

static void decides(void)
{
	need();
	OK(chmod("f", 0600));
	OK(set("f", ACCESS, "u6 U51000:6 U51001:0 g0 G2000:4 m6 o4"));
	if (as(51000, 1, -1)) {
		OK(access("f", R_OK | W_OK));
		OK(open("f", O_RDWR));
		ERR(access("f", X_OK), EACCES);
		done();
	}
	if (as(51001, 2000, -1)) { /* a named user is not helped by groups and others */
		ERR(open("f", O_RDONLY), EACCES);
		done();
	}
	if (as(51002, 51002, 2000)) {
		OK(open("f", O_RDONLY));
		ERR(open("f", O_WRONLY), EACCES);
		done();
	}
	if (as(51003, 51003, -1)) {
		OK(open("f", O_RDONLY));
		ERR(open("f", O_WRONLY), EACCES);
		done();
	}
	OK(chmod("f", 0644)); /* the mask now cuts writing */
	if (as(51000, 1, -1)) {
		OK(open("f", O_RDONLY));
		ERR(open("f", O_WRONLY), EACCES);
		done();
	}
	OK(set("d", ACCESS, "u7 U51000:7 g0 m7 o0"));
	if (as(51000, 51000, -1)) {
		holds("d/a", "a\n");
		put("d/n", "");
		OK(unlink("d/n"));
		ERR(set("f", ACCESS, "u7 g7 o7"), EPERM);
		ERR(removexattr("f", ACCESS), EPERM);
		done();
	}
	if (as(51001, 51001, -1)) {
		ERR(open("d/a", O_RDONLY), EACCES);
		done();
	}
}

static void inherits(void)
{
	need();
	umask(077);
	OK(set("d", DEFAULT, "u7 U51000:7 g5 m7 o1"));
	is("d", DEFAULT, "u7 U51000:7 g5 m7 o1");
	EQ(bits("d"), 0755);
	OK(close((int)OK(open("d/n", O_WRONLY | O_CREAT, 0666))));
	is("d/n", ACCESS, "u6 U51000:7 g5 m6 o0"); /* umask does not count here */
	EQ(bits("d/n"), 0660);
	ERR(getxattr("d/n", DEFAULT, NULL, 0), ENODATA);
	OK(mkdir("d/m", 0777));
	is("d/m", ACCESS, "u7 U51000:7 g5 m7 o1");
	is("d/m", DEFAULT, "u7 U51000:7 g5 m7 o1");
	EQ(bits("d/m"), 0771);
	OK(mkdir("d/m/o", 0700));
	is("d/m/o", DEFAULT, "u7 U51000:7 g5 m7 o1");
	EQ(bits("d/m/o"), 0700);
	OK(mkfifo("d/q", 0622));
	is("d/q", ACCESS, "u6 U51000:7 g5 m2 o0");
	OK(symlink("x", "d/s"));
	EQ(st_of("d/s").st_mode & 07777, 0777);
	int fd = (int)OK(open("d", O_TMPFILE | O_WRONLY, 0640));
	EQ(fgetxattr(fd, ACCESS, NULL, 0), 4 + 5 * 8);
	OK(set("d", DEFAULT, "u7 g5 o0"));
	umask(0);
	OK(close((int)OK(open("d/k", O_WRONLY | O_CREAT, 0666))));
	ERR(getxattr("d/k", ACCESS, NULL, 0), ENODATA);
	EQ(bits("d/k"), 0640);
	OK(removexattr("d", DEFAULT));
	ERR(getxattr("d", DEFAULT, NULL, 0), ENODATA);
	OK(close((int)OK(open("d/j", O_WRONLY | O_CREAT, 0666))));
	EQ(bits("d/j"), 0666);
	is("d/m", DEFAULT, "u7 U51000:7 g5 m7 o1");
}

static void drops_sgid(void)
{
	need();
	OK(chown("f", 51000, 3000));
	OK(chmod("f", 02755));
	if (as(51000, 51000, -1)) {
		OK(set("f", ACCESS, "u7 g5 o5"));
		EQ(bits("f"), 0755);
		done();
	}
	OK(chmod("f", 02755));
	if (as(51000, 51000, 3000)) {
		OK(set("f", ACCESS, "u7 U5:1 g5 m5 o5"));
		EQ(bits("f"), 02755);
		done();
	}
}

const struct conform_case cases_acl[] = {{"acl/store", ANY, store},
					 {"acl/refused", ANY, refused},
					 {"acl/decides", ROOT, decides},
					 {"acl/inherits", ANY, inherits},
					 {"acl/drops-sgid", ROOT, drops_sgid},
					 {0}};
