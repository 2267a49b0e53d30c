/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The union: whiteouts, opaque and redirected directories, copy-up, links, crashes, open files. */
#include "core/layer/record.h"
#include "tests/unit/layertest.h"
#include <sys/xattr.h>

START_TEST(whiteouts)
{
	struct bench b;
	struct lt_names s;
	char buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/d/x", "lower", 0644);
	lt_host(&b, "lower0/d/y", "lower", 0644);
	lt_open(&b);
	ck_assert_str_eq(lt_read(&b, "/d/x", buf), "lower");
	ck_assert_int_eq(lt_remove(&b, "/d/x", false), 0);
	ck_assert_int_eq(lt_exists(&b, "/d/x"), -ENOENT);
	ck_assert_uint_eq(lt_list(&b, "/d", &s), 1);
	ck_assert_str_eq(s.text, "y");
	ck_assert(lt_host_has(&b, "upper/d/x"));
	ck_assert_int_eq(lt_remove(&b, "/d/x", false), -ENOENT);
	lt_reopen(&b);
	ck_assert_int_eq(lt_exists(&b, "/d/x"), -ENOENT);
	ck_assert_int_eq(lt_write(&b, "/d/x", "mine"), 0);
	ck_assert_str_eq(lt_read(&b, "/d/x", buf), "mine");
	/* what only upper has leaves nothing behind */
	ck_assert_int_eq(lt_write(&b, "/d/z", "z"), 0);
	ck_assert_int_eq(lt_remove(&b, "/d/z", false), 0);
	ck_assert(!lt_host_has(&b, "upper/d/z"));
	/* a directory of whiteouts is empty */
	ck_assert_int_eq(lt_remove(&b, "/d", true), -ENOTEMPTY);
	ck_assert_int_eq(lt_remove(&b, "/d/x", false), 0);
	ck_assert_int_eq(lt_remove(&b, "/d/y", false), 0);
	ck_assert_int_eq(lt_remove(&b, "/d", true), 0);
	ck_assert_int_eq(lt_exists(&b, "/d"), -ENOENT);
	ck_assert_int_eq(lt_mkdir(&b, "/d"), 0);
	ck_assert_uint_eq(lt_list(&b, "/d", &s), 0);
	lt_reopen(&b);
	ck_assert_uint_eq(lt_list(&b, "/d", &s), 0);
	lt_done(&b);
}
END_TEST

START_TEST(native_is_plain)
{
	struct bench b;
	struct layer_entry e;
	struct stat st;
	char path[128];
	uint64_t fh;

	lt_setup(&b);
	lt_open(&b);
	/* the commonest file carries no attribute at all */
	ck_assert_int_eq(layer_create(b.l, LAYER_ROOT, "f", 0644, O_RDWR, &lt_root, &e, &fh), 0);
	layer_release(b.l, fh);
	snprintf(path, sizeof(path), "%s/f", b.upper);
	ck_assert_int_eq(getxattr(path, RECORD_XATTR, NULL, 0), -1);
	/* a set-id file of somebody, a device, a link: plain files of ours on the host */
	ck_assert_int_eq(layer_create(b.l, LAYER_ROOT, "s", 06755, O_RDWR, &lt_user, &e, &fh), 0);
	layer_release(b.l, fh);
	ck_assert_uint_eq(e.st.st_mode, S_IFREG | 06755);
	ck_assert_uint_eq(e.st.st_uid, 1000);
	ck_assert_uint_eq(e.st.st_gid, 100);
	ck_assert_int_eq(layer_mknod(b.l, LAYER_ROOT, "c", S_IFCHR | 0666, 0x103, &lt_root, &e), 0);
	ck_assert_uint_eq(e.st.st_rdev, 0x103);
	ck_assert_int_eq(layer_symlink(b.l, "/etc/passwd", LAYER_ROOT, "l", &lt_root, &e), 0);
	for (const char *const *n = (const char *const[]){"f", "s", "c", "l", NULL}; *n; n++) {
		snprintf(path, sizeof(path), "%s/%s", b.upper, *n);
		ck_assert_int_eq(lstat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
		ck_assert_uint_eq(st.st_uid, geteuid());
	}
	lt_done(&b);
}
END_TEST

START_TEST(hostile_names)
{
	static const char *const names[] = {"\xff\xfe\x80", "new\nline", ".wh.x", "user.gaol",
					    "%2f",	    "-rf",	 "t.1"};
	struct bench b;
	struct layer_entry e;
	struct lt_names s;
	char longest[NAME_MAX + 2], buf[512], path[600];
	uint64_t fh;

	lt_setup(&b);
	lt_open(&b);
	memset(longest, 'n', sizeof(longest));
	longest[NAME_MAX + 1] = '\0';
	ck_assert_int_eq(layer_create(b.l, LAYER_ROOT, longest, 0644, O_RDWR, &lt_root, &e, &fh),
			 -ENAMETOOLONG);
	longest[NAME_MAX] = '\0';
	ck_assert_int_eq(layer_create(b.l, LAYER_ROOT, longest, 0600, O_RDWR, &lt_user, &e, &fh),
			 0);
	layer_release(b.l, fh);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "/%s", names[i]);
		ck_assert_int_eq(lt_write(&b, path, names[i]), 0);
		ck_assert_str_eq(lt_read(&b, path, buf), names[i]);
		ck_assert_str_eq(b.path, path);
	}
	ck_assert_uint_eq(lt_list(&b, "/", &s), 8);
	for (const char *const *n = (const char *const[]){"", ".", "..", "a/b", "../x", "/", NULL};
	     *n; n++) {
		ck_assert_int_eq(layer_lookup(b.l, LAYER_ROOT, *n, &lt_root, &e), -EINVAL);
		ck_assert_int_eq(layer_mkdir(b.l, LAYER_ROOT, *n, 0755, &lt_root, &e), -EINVAL);
		ck_assert_int_eq(layer_unlink(b.l, LAYER_ROOT, *n, &lt_root), -EINVAL);
		ck_assert_int_eq(layer_rmdir(b.l, LAYER_ROOT, *n, &lt_root), -EINVAL);
		ck_assert_int_eq(layer_rename(b.l, LAYER_ROOT, "t.1", LAYER_ROOT, *n, 0, &lt_root),
				 -EINVAL);
	}
	lt_done(&b);
}
END_TEST

START_TEST(stale_numbers)
{
	struct bench b;
	struct layer_entry e;
	struct stat st;
	uint64_t fh = 0;
	char buf[8];

	lt_setup(&b);
	lt_host(&b, "lower0/f", "x", 0644);
	lt_open(&b);
	ck_assert_int_eq(layer_lookup(b.l, LAYER_ROOT, "f", &lt_root, &e), 0);
	layer_forget(b.l, e.node, 1);
	for (const uint64_t *n = (const uint64_t[]){e.node, 2, 3, 0x100000001, UINT64_MAX, 1025, 0};
	     ; n++) {
		ck_assert_int_eq(layer_getattr(b.l, *n, &st), -ESTALE);
		ck_assert_int_eq(layer_lookup(b.l, *n, "f", &lt_root, &e), -ESTALE);
		ck_assert_int_eq(layer_open_file(b.l, *n, O_RDONLY, &lt_root, &fh), -ESTALE);
		ck_assert_int_eq(layer_opendir(b.l, *n, &fh), -ESTALE);
		ck_assert_int_eq(layer_getxattr(b.l, *n, "user.x", buf, 8), -ESTALE);
		ck_assert_int_eq(layer_readlink(b.l, *n, buf, 8), -ESTALE);
		layer_forget(b.l, *n, 5);
		ck_assert_int_eq(layer_read_fd(b.l, *n), -EBADF);
		ck_assert_int_eq(layer_release(b.l, *n), -EBADF);
		ck_assert_int_eq(layer_releasedir(b.l, *n), -EBADF);
		if (!*n)
			break;
	}
	layer_forget(b.l, LAYER_ROOT, 1000);
	ck_assert_int_eq(layer_getattr(b.l, LAYER_ROOT, &st), 0);
	lt_done(&b);
}
END_TEST

START_TEST(redirects)
{
	struct bench b;
	struct lt_names s;
	struct stat before, after;
	char buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/a/b/c/file", "deep", 0644);
	lt_host(&b, "lower0/a/other", "o", 0644);
	lt_open(&b);
	ck_assert_int_eq(lt_stat(&b, "/a/b", &before), 0);
	ck_assert_int_eq(lt_rename(&b, "/a", "/moved", 0), 0);
	ck_assert_int_eq(lt_exists(&b, "/a"), -ENOENT);
	ck_assert_str_eq(lt_read(&b, "/moved/b/c/file", buf), "deep");
	/* a child of a redirected one, renamed twice, out of it */
	ck_assert_int_eq(lt_rename(&b, "/moved/b", "/moved/b2", 0), 0);
	ck_assert_int_eq(lt_rename(&b, "/moved/b2", "/out", 0), 0);
	ck_assert_str_eq(lt_read(&b, "/out/c/file", buf), "deep");
	ck_assert_int_eq(lt_stat(&b, "/out", &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_uint_eq(lt_list(&b, "/moved", &s), 1);
	/* its old name may be used again, and shows nothing of the old */
	ck_assert_int_eq(lt_mkdir(&b, "/a"), 0);
	ck_assert_uint_eq(lt_list(&b, "/a", &s), 0);
	ck_assert_int_eq(lt_write(&b, "/out/c/file", "new"), 0);
	lt_reopen(&b);
	ck_assert_str_eq(lt_read(&b, "/out/c/file", buf), "new");
	ck_assert_str_eq(lt_read(&b, "/moved/other", buf), "o");
	ck_assert_uint_eq(lt_list(&b, "/a", &s), 0);
	/* back onto the very place it came from */
	ck_assert_int_eq(lt_remove(&b, "/a", true), 0);
	ck_assert_int_eq(lt_rename(&b, "/moved", "/a", 0), 0);
	ck_assert_int_eq(lt_rename(&b, "/out", "/a/b", 0), 0);
	ck_assert_str_eq(lt_read(&b, "/a/b/c/file", buf), "new");
	ck_assert_int_eq(lt_rename(&b, "/a", "/a/b/x", 0), -EINVAL);
	ck_assert_int_eq(lt_rename(&b, "/a/b", "/a", 0), -ENOTEMPTY);
	lt_done(&b);
}
END_TEST

START_TEST(hard_links)
{
	struct bench b;
	struct stat x, y;
	char from[160], to[160], buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/d/x", "linked", 0644);
	lt_host(&b, "lower0/e", NULL, 0755);
	snprintf(from, sizeof(from), "%s/d/x", b.lower[0]);
	snprintf(to, sizeof(to), "%s/e/y", b.lower[0]);
	ck_assert_int_eq(link(from, to), 0);
	lt_open(&b);
	ck_assert_int_eq(lt_write(&b, "/d/x", "changed"), 0);
	ck_assert_str_eq(lt_read(&b, "/e/y", buf), "changed");
	lt_reopen(&b);
	ck_assert_str_eq(lt_read(&b, "/e/y", buf), "changed");
	ck_assert_int_eq(lt_stat(&b, "/d/x", &x), 0);
	ck_assert_int_eq(lt_stat(&b, "/e/y", &y), 0);
	ck_assert_uint_eq(x.st_ino, y.st_ino);
	ck_assert_uint_eq(x.st_nlink, 2);
	ck_assert_int_eq(lt_rename(&b, "/e/y", "/z", 0), 0);
	ck_assert_int_eq(lt_remove(&b, "/d/x", false), 0);
	ck_assert_str_eq(lt_read(&b, "/z", buf), "changed");
	ck_assert_int_eq(lt_stat(&b, "/z", &x), 0);
	ck_assert_uint_eq(x.st_nlink, 1);
	ck_assert_uint_eq(x.st_ino, y.st_ino);
	lt_done(&b);
}
END_TEST

/* Which name is looked at last must not decide which one goes. */
START_TEST(hard_links_looked_at)
{
	struct bench b;
	struct layer_entry x, y;
	struct stat st;
	char from[160], to[160], buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/x", "linked", 0644);
	snprintf(from, sizeof(from), "%s/x", b.lower[0]);
	for (int i = 0; i < 3; i++) {
		snprintf(to, sizeof(to), "%s/%c", b.lower[0], "yzw"[i]);
		ck_assert_int_eq(link(from, to), 0);
	}
	lt_open(&b);
	ck_assert_int_eq(layer_walk(b.l, "/x", &x), 0);
	ck_assert_int_eq(layer_walk(b.l, "/y", &y), 0);
	ck_assert_int_eq(lt_remove(&b, "/x", false), 0);
	ck_assert_int_eq(lt_stat(&b, "/x", &st), -ENOENT);
	ck_assert_int_eq(lt_stat(&b, "/y", &st), 0);
	ck_assert_uint_eq(st.st_nlink, 3);
	lt_reopen(&b);
	ck_assert_int_eq(lt_stat(&b, "/z", &st), 0);
	ck_assert_uint_eq(st.st_nlink, 3);
	ck_assert_int_eq(lt_rename(&b, "/y", "/v", 0), 0);
	ck_assert_str_eq(lt_read(&b, "/v", buf), "linked");
	ck_assert_int_eq(lt_stat(&b, "/w", &st), 0);
	ck_assert_uint_eq(st.st_nlink, 3);
	lt_done(&b);
}
END_TEST

START_TEST(hard_links_looked_at_renamed)
{
	struct bench b;
	struct layer_entry x, y;
	struct stat st;
	char from[160], to[160], buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/x", "linked", 0644);
	snprintf(from, sizeof(from), "%s/x", b.lower[0]);
	snprintf(to, sizeof(to), "%s/y", b.lower[0]);
	ck_assert_int_eq(link(from, to), 0);
	lt_open(&b);
	ck_assert_int_eq(layer_walk(b.l, "/x", &x), 0);
	ck_assert_int_eq(layer_walk(b.l, "/y", &y), 0);
	ck_assert_int_eq(lt_rename(&b, "/x", "/z", 0), 0);
	ck_assert_str_eq(lt_read(&b, "/z", buf), "linked");
	ck_assert_int_eq(lt_stat(&b, "/y", &st), 0);
	ck_assert_uint_eq(st.st_nlink, 2);
	lt_done(&b);
}
END_TEST

static void leave(struct bench *b, const char *name, const char *data, size_t n)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", b->work, name);
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	ck_assert_int_eq(fd_write_full(fd, data, n), 0);
	close(fd);
}

START_TEST(crash_leftovers)
{
	struct bench b;
	struct err e;
	struct layer *second;
	char path[160], note[] = "t.77\0/d\0f";

	lt_setup(&b);
	lt_host(&b, "lower0/d/f", "base", 0644);
	lt_open(&b);
	ck_assert_int_eq(lt_remove(&b, "/d/f", false), 0);
	ck_assert_int_eq(layer_open(&second, &b.c, &e), -EBUSY);
	layer_close(b.l);
	leave(&b, "t.9", "junk", 4);
	snprintf(path, sizeof(path), "%s/t.10", b.work);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	/* killed between renameat and laying the whiteout: the next open lays it */
	snprintf(path, sizeof(path), "%s/d/f", b.upper);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/t.77", b.work);
	char shared[160];
	snprintf(shared, sizeof(shared), "%s/whiteout", b.work);
	ck_assert_int_eq(link(shared, path), 0);
	leave(&b, "rename", note, sizeof(note));
	lt_open(&b);
	ck_assert_int_eq(lt_exists(&b, "/d/f"), -ENOENT);
	ck_assert(!lt_host_has(&b, "work/t.9"));
	ck_assert(!lt_host_has(&b, "work/t.10"));
	ck_assert(!lt_host_has(&b, "work/t.77"));
	ck_assert(!lt_host_has(&b, "work/rename"));
	layer_close(b.l);
	/* killed before renameat: the old name is there, nothing happens to it */
	lt_host(&b, "upper/d/g", "still here", 0600);
	ck_assert_int_eq(link(shared, path), 0);
	memcpy(note, "t.77\0/d\0g", sizeof(note));
	leave(&b, "rename", note, sizeof(note));
	lt_open(&b);
	char buf[512];
	ck_assert_str_eq(lt_read(&b, "/d/g", buf), "still here");
	layer_close(b.l);
	/* a forged note leads nowhere */
	leave(&b, "rename", "t.77\0/../..\0x", 14);
	lt_open(&b);
	ck_assert(!lt_host_has(&b, "x"));
	lt_done(&b);
}
END_TEST

START_TEST(rename_with_whiteout)
{
	struct bench b;
	struct stat st;
	struct lt_names s;
	char buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/low", "low", 0644);
	lt_host(&b, "lower0/dir/in", "in", 0644);
	lt_host(&b, "lower0/target", "target", 0644);
	lt_open(&b);
	ck_assert_int_eq(lt_write(&b, "/up", "up"), 0);
	/* an overlayfs inside the guest asks for a 0:0 character device at the old name */
	ck_assert_int_eq(lt_rename(&b, "/up", "/up2", RENAME_WHITEOUT), 0);
	ck_assert_int_eq(lt_stat(&b, "/up", &st), 0);
	ck_assert_uint_eq(st.st_mode & S_IFMT, S_IFCHR);
	ck_assert_uint_eq(st.st_rdev, 0);
	ck_assert_str_eq(lt_read(&b, "/up2", buf), "up");
	ck_assert_int_eq(lt_rename(&b, "/low", "/target", RENAME_WHITEOUT), 0);
	ck_assert_str_eq(lt_read(&b, "/target", buf), "low");
	ck_assert_int_eq(lt_stat(&b, "/low", &st), 0);
	ck_assert_uint_eq(st.st_mode & S_IFMT, S_IFCHR);
	ck_assert_int_eq(lt_rename(&b, "/dir", "/dir2", RENAME_WHITEOUT), 0);
	ck_assert_str_eq(lt_read(&b, "/dir2/in", buf), "in");
	ck_assert_int_eq(lt_rename(&b, "/dir2", "/x", RENAME_WHITEOUT | RENAME_EXCHANGE), -EINVAL);
	ck_assert(!lt_host_has(&b, "work/rename"));
	ck_assert_uint_eq(lt_list(&b, "/", &s), 6);
	lt_done(&b);
}
END_TEST

START_TEST(forged_upper)
{
	struct bench b;
	struct stat st;
	struct lt_names s;
	char path[160];
	uint8_t raw[RECORD_SIZE] = {9};
	uint64_t fh;
	struct layer_entry e;

	lt_setup(&b);
	lt_host(&b, "lower0/a", "a", 0644);
	lt_open(&b);
	snprintf(path, sizeof(path), "%s/bad", b.upper);
	lt_host(&b, "upper/bad", "x", 0600);
	ck_assert_int_eq(setxattr(path, RECORD_XATTR, raw, sizeof(raw), 0), 0);
	snprintf(path, sizeof(path), "%s/link", b.upper);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	/* told as what it is: a broken disk; the rest of the directory lives on */
	ck_assert_int_eq(lt_stat(&b, "/bad", &st), -EIO);
	ck_assert_int_eq(lt_stat(&b, "/link", &st), -EIO);
	ck_assert_uint_eq(lt_list(&b, "/", &s), 1);
	ck_assert_int_eq(layer_create(b.l, LAYER_ROOT, "link", 0644, O_RDWR, &lt_root, &e, &fh),
			 -EIO);
	lt_done(&b);
}
END_TEST

START_TEST(host_changes_under_us)
{
	struct bench b;
	struct stat st;
	char path[160], to[160], buf[512];
	uint64_t n, d;
	struct layer_entry e;

	lt_setup(&b);
	lt_host(&b, "lower0/d/f", "old", 0644);
	lt_open(&b);
	d = lt_node(&b, "/d");
	n = lt_node(&b, "/d/f");
	/* an upgrade: written beside, renamed over */
	lt_host(&b, "lower0/d/f.new", "new one", 0644);
	snprintf(path, sizeof(path), "%s/d/f.new", b.lower[0]);
	snprintf(to, sizeof(to), "%s/d/f", b.lower[0]);
	ck_assert_int_eq(rename(path, to), 0);
	ck_assert_int_eq(layer_getattr(b.l, n, &st), -ESTALE);
	ck_assert_str_eq(lt_read(&b, "/d/f", buf), "new one");
	ck_assert_int_eq(unlink(to), 0);
	ck_assert_int_eq(layer_lookup(b.l, d, "f", &lt_root, &e), -ENOENT);
	/* a file becomes a directory, a directory a link out of the tree */
	lt_host(&b, "lower0/d/f", NULL, 0755);
	ck_assert_int_eq(layer_lookup(b.l, d, "f", &lt_root, &e), 0);
	ck_assert_uint_eq(e.st.st_mode & S_IFMT, S_IFDIR);
	ck_assert_int_eq(rmdir(to), 0);
	ck_assert_int_eq(symlink("/etc", to), 0);
	ck_assert_int_eq(layer_lookup(b.l, e.node, "passwd", &lt_root, &e), -ENOENT);
	ck_assert_int_eq(lt_stat(&b, "/d/f", &st), 0);
	ck_assert_uint_eq(st.st_mode & S_IFMT, S_IFLNK);
	lt_done(&b);
}
END_TEST

static bool count_name(void *user, const char *name, const struct layer_entry *e, off_t next)
{
	off_t *last = user;

	ck_assert_int_gt(next, last[0]);
	last[0] = next;
	last[1]++;
	return last[1] % 100;
}

START_TEST(listing_in_pieces)
{
	struct bench b;
	char name[32];
	uint64_t dh, fh;
	struct layer_entry e;
	off_t at[2] = {0, 0};

	lt_setup(&b);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "lower0/n%d", i);
		lt_host(&b, name, "", 0644);
	}
	lt_open(&b);
	for (int i = 200; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		int r = layer_create(b.l, LAYER_ROOT, name, 0644, O_RDWR, &lt_root, &e, &fh);
		ck_assert_int_eq(r, i < 300 ? -EEXIST : 0);
		if (!r) {
			layer_release(b.l, fh);
			layer_forget(b.l, e.node, 1);
		}
	}
	ck_assert_int_eq(layer_opendir(b.l, LAYER_ROOT, &dh), 0);
	/* entries go while it is read: none twice, none but the removed missing */
	for (int round = 0; at[1] < 1002 - 1 && round < 20; round++) {
		off_t before = at[0];
		ck_assert_int_eq(layer_readdir(b.l, dh, at[0], true, count_name, at), 0);
		if (at[0] == before)
			break;
		if (round == 2)
			ck_assert_int_eq(layer_unlink(b.l, LAYER_ROOT, "n5", &lt_root), 0);
	}
	ck_assert_int_ge(at[1], 1001);
	ck_assert_int_le(at[1], 1002);
	layer_releasedir(b.l, dh);
	lt_done(&b);
}
END_TEST

/* Directories name/d/d/..., levels in all; the deepest one's number, or the errno of the failure.
 */
static int nest(struct bench *b, const char *name, int levels, uint64_t *deepest)
{
	struct layer_entry e = {.node = LAYER_ROOT};

	for (int i = 0; i < levels; i++) {
		uint64_t up = e.node;
		int err = layer_mkdir(b->l, up, i ? "d" : name, 0755, &lt_root, &e);
		if (err)
			return err;
	}
	*deepest = e.node;
	return 0;
}

START_TEST(depth_ends)
{
	struct bench b;
	struct layer_entry e;
	uint64_t deep, half, other;

	lt_setup(&b);
	lt_host(&b, "lower0/base/x", "x", 0644);
	lt_open(&b);
	ck_assert_int_eq(nest(&b, "deep", LAYER_DEPTH_MAX, &deep), 0);
	ck_assert_int_eq(layer_mkdir(b.l, deep, "d", 0755, &lt_root, &e), -ENAMETOOLONG);
	/* other things may lie in the deepest one, and go in and out */
	ck_assert_int_eq(layer_symlink(b.l, "to", deep, "l", &lt_root, &e), 0);
	ck_assert_int_eq(layer_rename(b.l, deep, "l", LAYER_ROOT, "l", 0, &lt_root), 0);
	ck_assert_int_eq(layer_rename(b.l, LAYER_ROOT, "base", deep, "base", 0, &lt_root),
			 -ENAMETOOLONG);
	/* two halves fit into each other to the level, not beyond */
	ck_assert_int_eq(nest(&b, "half", LAYER_DEPTH_MAX / 2, &half), 0);
	ck_assert_int_eq(nest(&b, "other", LAYER_DEPTH_MAX / 2 + 1, &other), 0);
	ck_assert_int_eq(layer_rename(b.l, LAYER_ROOT, "other", half, "o", 0, &lt_root),
			 -ENAMETOOLONG);
	ck_assert_int_eq(layer_mkdir(b.l, half, "o", 0755, &lt_root, &e), 0);
	ck_assert_int_eq(
	    layer_rename(b.l, LAYER_ROOT, "other", half, "o", RENAME_EXCHANGE, &lt_root),
	    -ENAMETOOLONG);
	ck_assert_int_eq(
	    layer_rename(b.l, half, "o", LAYER_ROOT, "other", RENAME_EXCHANGE, &lt_root),
	    -ENAMETOOLONG);
	ck_assert_int_eq(layer_rmdir(b.l, half, "o", &lt_root), 0);
	ck_assert_int_eq(layer_rename(b.l, LAYER_ROOT, "half", other, "h", 0, &lt_root),
			 -ENAMETOOLONG);
	ck_assert_int_eq(layer_mkdir(b.l, LAYER_ROOT, "flat", 0755, &lt_root, &e), 0);
	ck_assert_int_eq(layer_rename(b.l, LAYER_ROOT, "flat", half, "f", 0, &lt_root), 0);
	/* what lies up is always free to go */
	ck_assert_int_eq(layer_rename(b.l, half, "f", LAYER_ROOT, "flat", 0, &lt_root), 0);
	lt_done(&b);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {whiteouts,
				      native_is_plain,
				      hostile_names,
				      stale_numbers,
				      redirects,
				      hard_links,
				      hard_links_looked_at,
				      hard_links_looked_at_renamed,
				      crash_leftovers,
				      rename_with_whiteout,
				      forged_upper,
				      host_changes_under_us,
				      listing_in_pieces,
				      depth_ends};

	return lt_run("layer union", tests, sizeof(tests) / sizeof(*tests));
}
