/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extended attributes: user., trusted., security., and capabilities of files. */
#include "tests/conform/conform.h"
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

static int set(const char *path, const char *name, const char *value)
{
	return setxattr(path, name, value, strlen(value), 0);
}

static void is(const char *path, const char *name, const char *value)
{
	char buf[4096];
	ssize_t n = conform_ok(lgetxattr(path, name, buf, sizeof(buf)), name, __FILE__, __LINE__);

	EQ(n, strlen(value));
	EQ(memcmp(buf, value, (size_t)n), 0);
}

static bool listed(const char *path, const char *name)
{
	char list[8192];
	ssize_t n = OK(llistxattr(path, list, sizeof(list)));

	for (char *p = list; p < list + n; p += strlen(p) + 1)
		if (!strcmp(p, name))
			return true;
	return false;
}

static void user(void)
{
	struct stat before = st_of("f");
	char buf[16];

	tick();
	OK(set("f", "user.one", "1"));
	TRUE(later(st_of("f").st_ctim, before.st_ctim));
	TRUE(same_time(st_of("f").st_mtim, before.st_mtim));
	is("f", "user.one", "1");
	is("f", "user.kit", "1");
	OK(set("f", "user.one", "longer"));
	is("f", "user.one", "longer");
	OK(set("f", "user.empty", ""));
	EQ(getxattr("f", "user.empty", buf, sizeof(buf)), 0);
	EQ(getxattr("f", "user.one", NULL, 0), 6);
	ERR(getxattr("f", "user.one", buf, 3), ERANGE);
	ERR(getxattr("f", "user.none", buf, sizeof(buf)), ENODATA);
	ERR(setxattr("f", "user.one", "x", 1, XATTR_CREATE), EEXIST);
	ERR(setxattr("f", "user.none", "x", 1, XATTR_REPLACE), ENODATA);
	OK(setxattr("f", "user.one", "x", 1, XATTR_REPLACE));
	OK(setxattr("f", "user.two", "2", 1, XATTR_CREATE));
	TRUE(listed("f", "user.one") && listed("f", "user.two") && listed("f", "user.kit"));
	OK(removexattr("f", "user.kit"));
	ERR(getxattr("f", "user.kit", NULL, 0), ENODATA);
	EQ(listed("f", "user.kit"), 0);
	ERR(removexattr("f", "user.kit"), ENODATA);
	TRUE(listxattr("f", NULL, 0) > 0);
	ERR(listxattr("f", buf, 3), ERANGE);
	EQ(listxattr("g", buf, sizeof(buf)), 0);
}

static void kept(void)
{
	OK(set("f", "user.one", "1"));
	OK(rename("f", "e/n"));
	is("e/n", "user.one", "1");
	is("e/n", "user.kit", "1");
	int fd = (int)OK(open("e/n", O_RDWR));
	EQ(pwrite(fd, "#", 1, 0), 1);
	is("e/n", "user.kit", "1");
	OK(ftruncate(fd, 0));
	OK(chmod("e/n", 0600));
	is("e/n", "user.kit", "1");
	is("e/n", "user.one", "1");
	OK(link("e/n", "m"));
	OK(set("m", "user.one", "2"));
	is("e/n", "user.one", "2");
	OK(set("d", "user.dir", "d"));
	OK(rename("d", "dd"));
	is("dd", "user.dir", "d");
	OK(unlink("e/n"));
	char c;
	EQ(fgetxattr(fd, "user.one", &c, 1), 1);
	OK(unlink("m"));
	EQ(fgetxattr(fd, "user.one", &c, 1), 1);
	OK(fsetxattr(fd, "user.late", "l", 1, 0));
	EQ(fgetxattr(fd, "user.late", &c, 1), 1);
}

static void first_change_keeps(void)
{
	OK(chmod("f", 0600));
	is("f", "user.kit", "1");
	add("f", "more");
	is("f", "user.kit", "1");
	EQ(listed("f", "user.gaol"), 0);
}

static void other_kinds(void)
{
	OK(set("d", "user.x", "d"));
	is("d", "user.x", "d");
	holds("d/a", "a\n");
	ERR(lsetxattr("l", "user.x", "1", 1, 0), EPERM);
	ERR(lgetxattr("l", "user.x", NULL, 0), ENODATA);
	ERR(set("p", "user.x", "1"), EPERM);
	OK(set("l", "user.x", "through"));
	is("f", "user.x", "through");
	ERR(set("none", "user.x", "1"), ENOENT);
	ERR(set("f", "nonsense.x", "1"), EOPNOTSUPP);
	ERR(getxattr("f", "nonsense.x", NULL, 0), EOPNOTSUPP);
	ERR(set("f", "user.", "1"), EINVAL);
	ERR(set("f", "", "1"), ERANGE);
}

static void limits(void)
{
	char name[300], value[65537];

	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[128] = '\0';
	OK(set("f", name, "1"));
	is("f", name, "1");
	name[128] = 'n';
	name[256] = '\0';
	ERR(set("f", name, "1"), ERANGE);
	ERR(getxattr("f", name, NULL, 0), ERANGE);
	memset(value, 'v', sizeof(value));
	ERR(setxattr("f", "user.x", value, sizeof(value), 0), E2BIG);
	value[2000] = '\0';
	OK(set("f", "user.x", value));
	is("f", "user.x", value);
	OK(setxattr("f", "user.bin", "a\0b\n\xff", 5, 0));
	EQ(getxattr("f", "user.bin", value, sizeof(value)), 5);
	EQ(memcmp(value, "a\0b\n\xff", 5), 0);
	OK(set("f", "user.\xff\x01 odd name", "1"));
	is("f", "user.\xff\x01 odd name", "1");
}

/* Names that gaol uses on the host's disk are ordinary ones for its guests. */
static void no_reserved_names(void)
{
	OK(set("f", "user.gaol", "guest"));
	OK(set("f", "user.gaol.x.y", "guest too"));
	OK(set("f", "user.gaol.o", "three"));
	is("f", "user.gaol", "guest");
	is("f", "user.gaol.x.y", "guest too");
	is("f", "user.gaol.o", "three");
	TRUE(listed("f", "user.gaol"));
	OK(chmod("f", 0604));
	is("f", "user.gaol", "guest");
	EQ(st_of("f").st_mode, S_IFREG | 0604);
	OK(removexattr("f", "user.gaol"));
	ERR(getxattr("f", "user.gaol", NULL, 0), ENODATA);
	EQ(st_of("f").st_mode, S_IFREG | 0604);
}

static void privileged(void)
{
	OK(set("f", "trusted.x", "t"));
	is("f", "trusted.x", "t");
	TRUE(listed("f", "trusted.x"));
	OK(lsetxattr("l", "trusted.x", "l", 1, 0));
	is("l", "trusted.x", "l");
	OK(set("p", "trusted.x", "p"));
	is("p", "trusted.x", "p");
	OK(set("d", "trusted.overlay.opaque", "y"));
	is("d", "trusted.overlay.opaque", "y");
	OK(set("f", "security.test", "s"));
	is("f", "security.test", "s");
	OK(chmod("f", 0666));
	if (as(51000, 51000, -1)) {
		ERR(getxattr("f", "trusted.x", NULL, 0), ENODATA);
		ERR(set("f", "trusted.x", "1"), EPERM);
		ERR(removexattr("f", "trusted.x"), EPERM);
		ERR(set("f", "security.test", "1"), EPERM);
		EQ(getxattr("f", "security.test", NULL, 0), 1);
		OK(set("f", "user.x", "1")); /* who may write may set these */
		ERR(set("g", "user.x", "1"), EACCES);
		ERR(set("d", "user.x", "1"), EACCES);
		EQ(listed("f", "trusted.x"), 0);
		done();
	}
	OK(chmod("f", 0));
	if (as(51000, 51000, -1)) {
		ERR(getxattr("f", "user.x", NULL, 0), EACCES);
		done();
	}
	OK(removexattr("f", "trusted.x"));
	ERR(getxattr("f", "trusted.x", NULL, 0), ENODATA);
}

static void put_cap(const char *path)
{
	struct vfs_cap_data d = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
				 .data = {{.permitted = 1u << CAP_SYS_CHROOT}}};

	OK(setxattr(path, "security.capability", &d, XATTR_CAPS_SZ_2, 0));
}

static bool has_cap(const char *path)
{
	ssize_t n = getxattr(path, "security.capability", NULL, 0);

	if (n < 0)
		EQ(errno, ENODATA);
	return n >= 0;
}

static void capabilities(void)
{
	copy_self("run", 0755);
	put_cap("run");
	TRUE(has_cap("run"));
	if (!prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) && as(51000, 51000, -1)) {
		EQ(probe("run", "chroot"), 42);
		done();
	}
	OK(rename("run", "e/run"));
	OK(chmod("e/run", 0777));
	TRUE(has_cap("e/run"));
	OK(removexattr("e/run", "security.capability"));
	EQ(has_cap("e/run"), 0);
	if (!prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) && as(51000, 51000, -1)) {
		EQ(probe("e/run", "chroot"), 43);
		done();
	}
	ERR(setxattr("f", "security.capability", "abc", 3, 0), EINVAL);
	if (as(51000, 51000, -1)) {
		ERR(removexattr("e/run", "security.capability"), EPERM);
		done();
	}
}

static void capabilities_end(void)
{
	loff_t in = 0, out = 0;
	int fd;

	put_cap("f");
	fd = (int)OK(open("f", O_RDWR));
	TRUE(has_cap("f"));
	EQ(pwrite(fd, "#", 1, 0), 1); /* whoever writes, root as well */
	EQ(has_cap("f"), 0);
	put_cap("f");
	OK(truncate("f", 5000));
	EQ(has_cap("f"), 0);
	put_cap("f");
	OK(chown("f", 5, 5));
	EQ(has_cap("f"), 0);
	put_cap("f");
	OK(fallocate(fd, 0, 0, 20000));
	EQ(has_cap("f"), 0);
	put_cap("f");
	EQ(copy_file_range((int)OK(open("g", O_RDONLY)), &in, fd, &out, 6, 0), 6);
	EQ(has_cap("f"), 0);
	put_cap("f");
	OK(close((int)OK(open("f", O_WRONLY | O_TRUNC))));
	EQ(has_cap("f"), 0);
	put_cap("f");
	OK(chmod("f", 0711));
	TRUE(has_cap("f"));
	EQ(write(fd, "1", 1), 1);
	EQ(has_cap("f"), 0);
}

const struct conform_case cases_xattr[] = {
    {"xattr/user", ANY, user},
    {"xattr/kept", ANY, kept},
    {"xattr/first-change-keeps", ANY, first_change_keeps},
    {"xattr/other-kinds", ANY, other_kinds},
    {"xattr/limits", ANY, limits},
    {"xattr/no-reserved-names", ANY, no_reserved_names},
    {"xattr/privileged", ROOT, privileged},
    {"capabilities/run", ROOT, capabilities},
    {"capabilities/end-with-content", ROOT, capabilities_end},
    {0}};
