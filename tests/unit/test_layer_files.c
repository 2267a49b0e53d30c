/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files: copy-up of data, open handles, attributes, events, memory. */
#include "tests/unit/layertest.h"
#include <sys/mount.h>
#include <sys/xattr.h>

START_TEST(meta_of_a_file)
{
	struct bench b;
	struct stat st, before;
	bool drift;
	char buf[512], path[128];
	uint64_t n;

	lt_setup(&b);
	lt_host(&b, "lower0/d/f", "base data", 0644);
	lt_open(&b);
	ck_assert_int_eq(lt_stat(&b, "/d/f", &before), 0);
	ck_assert_int_eq(lt_chmod(&b, "/d/f", 0600), 0);
	n = lt_node(&b, "/d/f");
	ck_assert_int_eq(layer_source_of(b.l, n, &drift), LAYER_FROM_META);
	ck_assert(!drift);
	ck_assert_int_eq(layer_getattr(b.l, n, &st), 0);
	ck_assert_uint_eq(st.st_ino, before.st_ino);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_int_eq(st.st_size, 9);
	ck_assert_int_eq(st.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	/* no data was copied, and it is found again wherever the entry goes */
	snprintf(path, sizeof(path), "%s/d/f", b.upper);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_blocks, 0);
	ck_assert_int_eq(lt_rename(&b, "/d/f", "/g", 0), 0);
	ck_assert_str_eq(lt_read(&b, "/g", buf), "base data");
	ck_assert_int_eq(layer_source_of(b.l, n, NULL), LAYER_FROM_META);
	lt_host(&b, "lower0/d/f", "changed by the host", 0644);
	layer_source_of(b.l, n, &drift);
	ck_assert(drift);
	ck_assert_int_eq(layer_getattr(b.l, n, &st), 0);
	ck_assert_int_eq(st.st_size, 19);
	/* the first write takes the data, and then the host has no say */
	ck_assert_int_eq(lt_write(&b, "/g", "guest"), 0);
	ck_assert_int_eq(layer_source_of(b.l, n, NULL), LAYER_FROM_UPPER);
	lt_reopen(&b);
	ck_assert_str_eq(lt_read(&b, "/g", buf), "guest");
	ck_assert_int_eq(lt_exists(&b, "/d/f"), -ENOENT);
	ck_assert_int_eq(lt_stat(&b, "/g", &st), 0);
	ck_assert_uint_eq(st.st_ino, before.st_ino);
	lt_done(&b);
}
END_TEST

START_TEST(nameless_copy_up_keeps_times)
{
	struct stat st, in = {.st_mode = 0600};
	char path[128];
	struct bench b;
	uint64_t n, fh;

	lt_setup(&b);
	lt_host(&b, "lower0/f", "0123456789", 0644);
	lt_open(&b);
	snprintf(path, sizeof(path), "%s/f", b.lower[0]);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, (struct timespec[2]){{1, 2}, {3, 4}}, 0), 0);
	n = lt_node(&b, "/f");
	ck_assert_int_eq(layer_open_file(b.l, n, O_RDONLY, &lt_root, &fh), 0);
	ck_assert_int_eq(lt_remove(&b, "/f", false), 0);
	ck_assert_int_eq(layer_setattr(b.l, n, fh, LAYER_SET_MODE, &in, &lt_root, &st), 0);
	ck_assert_int_eq(st.st_mtim.tv_sec, 3);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 4);
	layer_release(b.l, fh);
	lt_done(&b);
}
END_TEST

START_TEST(handles_follow_a_copy_up)
{
	struct bench b;
	struct iovec iov = {.iov_len = 3};
	uint64_t n, r, w;
	char buf[64] = "";
	struct iovec in = {.iov_base = buf, .iov_len = sizeof(buf) - 1};

	lt_setup(&b);
	lt_host(&b, "lower0/f", "0123456789", 0644);
	lt_open(&b);
	n = lt_node(&b, "/f");
	ck_assert_int_eq(layer_open_file(b.l, n, O_RDONLY, &lt_root, &r), 0);
	ck_assert_int_eq(layer_open_file(b.l, n, O_RDWR, &lt_root, &w), 0);
	ck_assert_int_eq(layer_write_fd(b.l, r, 0, 1, false, &lt_root), -EBADF);
	ck_assert_int_eq(layer_source_of(b.l, n, NULL), LAYER_FROM_LOWER);
	iov.iov_base = (char[]){'a', 'b', 'c'};
	ck_assert_int_eq(layer_writev(b.l, w, &iov, 1, 2, &lt_root), 3);
	ck_assert_int_eq(layer_readv(b.l, r, &in, 1, 0), 10);
	ck_assert_str_eq(buf, "01abc56789");
	/* unlinked while open: both go on, and the name is free */
	ck_assert_int_eq(lt_remove(&b, "/f", false), 0);
	ck_assert_int_eq(lt_write(&b, "/f", "another"), 0);
	ck_assert_int_eq(layer_writev(b.l, w, &iov, 1, 0, &lt_root), 3);
	ck_assert_int_eq(layer_readv(b.l, r, &in, 1, 0), 10);
	ck_assert_str_eq(buf, "abcbc56789");
	layer_release(b.l, w);
	layer_release(b.l, r);
	struct stat st;
	ck_assert_int_eq(layer_getattr(b.l, n, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	layer_forget(b.l, n, 1);
	ck_assert_int_eq(layer_getattr(b.l, n, &st), -ESTALE);
	lt_done(&b);
}
END_TEST

START_TEST(unlinked_lower_file)
{
	struct bench b;
	struct iovec iov = {.iov_base = (char[]){'X'}, .iov_len = 1};
	uint64_t n, w;
	char buf[64] = "";
	struct iovec in = {.iov_base = buf, .iov_len = sizeof(buf) - 1};
	struct stat st;

	lt_setup(&b);
	lt_host(&b, "lower0/f", "0123456789", 0644);
	lt_open(&b);
	n = lt_node(&b, "/f");
	ck_assert_int_eq(layer_open_file(b.l, n, O_RDWR, &lt_root, &w), 0);
	ck_assert_int_eq(lt_remove(&b, "/f", false), 0);
	ck_assert_int_eq(layer_readv(b.l, w, &in, 1, 0), 10);
	ck_assert_int_eq(layer_writev(b.l, w, &iov, 1, 0, &lt_root), 1);
	ck_assert_int_eq(layer_readv(b.l, w, &in, 1, 0), 10);
	ck_assert_str_eq(buf, "X123456789");
	ck_assert_int_eq(layer_getattr(b.l, n, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	layer_release(b.l, w);
	lt_done(&b);
}
END_TEST

START_TEST(set_gid_directories)
{
	struct bench b;
	struct layer_entry d, e;
	struct stat in = {.st_mode = 02775, .st_uid = 5, .st_gid = 50}, out;
	uint64_t fh;

	lt_setup(&b);
	lt_open(&b);
	ck_assert_int_eq(layer_mkdir(b.l, LAYER_ROOT, "d", 0755, &lt_root, &d), 0);
	ck_assert_int_eq(layer_setattr(b.l, d.node, 0,
				       LAYER_SET_MODE | LAYER_SET_UID | LAYER_SET_GID, &in,
				       &lt_root, &out),
			 0);
	ck_assert_uint_eq(out.st_mode, S_IFDIR | 02775);
	ck_assert_int_eq(layer_create(b.l, d.node, "f", 0644, O_RDWR, &lt_user, &e, &fh), 0);
	ck_assert_uint_eq(e.st.st_gid, 50);
	ck_assert_uint_eq(e.st.st_mode, S_IFREG | 0644);
	ck_assert_int_eq(layer_mkdir(b.l, d.node, "s", 0755, &lt_user, &e), 0);
	ck_assert_uint_eq(e.st.st_mode, S_IFDIR | 02755);
	ck_assert_uint_eq(e.st.st_gid, 50);
	lt_done(&b);
}
END_TEST

START_TEST(set_id_is_cleared)
{
	struct bench b;
	struct layer_entry e;
	struct stat in = {.st_size = 3}, out;
	struct iovec iov = {.iov_base = (char[]){'x'}, .iov_len = 1};
	uint64_t fh;

	lt_setup(&b);
	lt_open(&b);
	ck_assert_int_eq(layer_create(b.l, LAYER_ROOT, "f", 06755, O_RDWR, &lt_user, &e, &fh), 0);
	/* root writes: they stay; the guest's kernel asks: they go, and capabilities always */
	ck_assert_int_eq(layer_setxattr(b.l, e.node, "security.capability", "c", 1, 0, &lt_root),
			 0);
	ck_assert_int_eq(layer_writev(b.l, fh, &iov, 1, 0, &lt_root), 1);
	ck_assert_int_eq(layer_getattr(b.l, e.node, &out), 0);
	ck_assert_uint_eq(out.st_mode, S_IFREG | 06755);
	ck_assert_int_eq(layer_getxattr(b.l, e.node, "security.capability", NULL, 0), -ENODATA);
	ck_assert_int_ge(layer_write_fd(b.l, fh, 0, 1, true, &lt_user), 0);
	ck_assert_int_eq(layer_getattr(b.l, e.node, &out), 0);
	ck_assert_uint_eq(out.st_mode, S_IFREG | 0755);
	in.st_mode = 02745;
	ck_assert_int_eq(layer_setattr(b.l, e.node, 0, LAYER_SET_MODE, &in, &lt_root, &out), 0);
	ck_assert_int_eq(layer_setattr(b.l, e.node, fh, LAYER_SET_SIZE | LAYER_KILL_SUIDGID, &in,
				       &lt_user, &out),
			 0);
	ck_assert_uint_eq(out.st_mode, S_IFREG | 02745); /* no group execute: a lock mark */
	lt_done(&b);
}
END_TEST

START_TEST(attributes)
{
	struct bench b;
	char list[256], path[160];
	uint64_t n;

	lt_setup(&b);
	lt_host(&b, "lower0/f", "x", 0644);
	snprintf(path, sizeof(path), "%s/f", b.lower[0]);
	ck_assert_int_eq(setxattr(path, "user.base", "1", 1, 0), 0);
	lt_open(&b);
	n = lt_node(&b, "/f");
	ck_assert_int_eq(layer_getxattr(b.l, n, "user.base", list, sizeof(list)), 1);
	ck_assert_int_eq(layer_setxattr(b.l, n, "user.gaol", "\1\1", 2, 0, &lt_root), 0);
	ck_assert_int_eq(layer_setxattr(b.l, n, "trusted.overlay.opaque", "y", 1, 0, &lt_root), 0);
	ck_assert_int_eq(layer_setxattr(b.l, n, "system.nfs4_acl", "y", 1, 0, &lt_root),
			 -EOPNOTSUPP);
	ck_assert_int_eq(layer_getxattr(b.l, n, "user.gaol", list, sizeof(list)), 2);
	ck_assert_int_eq(layer_getxattr(b.l, n, "user.base", list, sizeof(list)), 1);
	ck_assert_int_eq(layer_listxattr(b.l, n, NULL, 0),
			 layer_listxattr(b.l, n, list, sizeof(list)));
	ck_assert_int_eq(layer_listxattr(b.l, n, list, 5), -ERANGE);
	ck_assert_int_eq(layer_setxattr(b.l, n, "user.gaol", "", 0, XATTR_CREATE, &lt_root),
			 -EEXIST);
	ck_assert_int_eq(layer_removexattr(b.l, n, "user.gaol", &lt_root), 0);
	ck_assert_int_eq(layer_removexattr(b.l, n, "user.gaol", &lt_root), -ENODATA);
	/* the record itself is out of the guest's reach */
	struct stat st;
	ck_assert_int_eq(layer_getattr(b.l, n, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
	lt_done(&b);
}
END_TEST

START_TEST(acls)
{
	/* user::rw-, user:7:r--, group::r--, mask::rw-, other::--- */
	static const uint8_t acl[] = {
	    2, 0, 0,	0,    1,    0,	  6,  0, 0xff, 0xff, 0xff, 0xff, 2,    0,   4,
	    0, 7, 0,	0,    0,    4,	  0,  4, 0,    0xff, 0xff, 0xff, 0xff, 16,  0,
	    6, 0, 0xff, 0xff, 0xff, 0xff, 32, 0, 0,    0,    0xff, 0xff, 0xff, 0xff};
	/* user::rwx, group::r-x, other::r-- */
	static const uint8_t plain[] = {2,    0,    0, 0, 1,	0,    7,    0,	  0xff, 0xff,
					0xff, 0xff, 4, 0, 5,	0,    0xff, 0xff, 0xff, 0xff,
					32,   0,    4, 0, 0xff, 0xff, 0xff, 0xff};
	struct bench b;
	struct stat st;
	uint8_t got[128];
	uint64_t n;

	lt_setup(&b);
	lt_open(&b);
	ck_assert_int_eq(lt_write(&b, "/f", "x"), 0);
	n = lt_node(&b, "/f");
	ck_assert_int_eq(
	    layer_setxattr(b.l, n, "system.posix_acl_access", acl, sizeof(acl), 0, &lt_root), 0);
	ck_assert_int_eq(layer_getattr(b.l, n, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0660);
	ck_assert_int_eq(lt_chmod(&b, "/f", 0604), 0);
	ck_assert_int_eq(layer_getxattr(b.l, n, "system.posix_acl_access", got, sizeof(got)),
			 (ssize_t)sizeof(acl));
	ck_assert_uint_eq(got[4 + 3 * 8 + 2], 0); /* the mask followed */
	ck_assert_uint_eq(got[4 + 4 * 8 + 2], 4); /* other too */
	ck_assert_int_eq(
	    layer_setxattr(b.l, n, "system.posix_acl_access", plain, sizeof(plain), 0, &lt_root),
	    0);
	ck_assert_int_eq(layer_getattr(b.l, n, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0754);
	ck_assert_int_eq(layer_getxattr(b.l, n, "system.posix_acl_access", got, sizeof(got)),
			 -ENODATA);
	ck_assert_int_eq(layer_setxattr(b.l, n, "system.posix_acl_access", acl, 11, 0, &lt_root),
			 -EINVAL);
	ck_assert_int_eq(
	    layer_setxattr(b.l, n, "system.posix_acl_default", plain, sizeof(plain), 0, &lt_root),
	    -EACCES);
	lt_done(&b);
}
END_TEST

START_TEST(unnamed_files)
{
	struct bench b;
	struct layer_entry e, named;
	struct iovec iov = {.iov_base = (char[]){'h', 'i'}, .iov_len = 2};
	uint64_t fh;
	char buf[512];
	struct lt_names s;

	lt_setup(&b);
	lt_open(&b);
	ck_assert_int_eq(layer_tmpfile(b.l, LAYER_ROOT, 0640, O_RDWR, &lt_user, &e, &fh), 0);
	ck_assert_uint_eq(e.st.st_nlink, 0);
	ck_assert_uint_eq(e.st.st_mode, S_IFREG | 0640);
	ck_assert_int_eq(layer_writev(b.l, fh, &iov, 1, 0, &lt_user), 2);
	ck_assert_uint_eq(lt_list(&b, "/", &s), 0);
	ck_assert_int_eq(layer_link(b.l, e.node, LAYER_ROOT, "named", &lt_user, &named), 0);
	ck_assert_uint_eq(named.node, e.node);
	ck_assert_uint_eq(named.st.st_nlink, 1);
	layer_release(b.l, fh);
	ck_assert_str_eq(lt_read(&b, "/named", buf), "hi");
	lt_done(&b);
}
END_TEST

START_TEST(write_events_coalesce)
{
	struct bench b;
	struct layer_entry e;
	struct iovec iov = {.iov_base = (char[]){'x', 'y'}, .iov_len = 2};
	uint64_t fh;
	unsigned before;

	lt_setup(&b);
	lt_open(&b);
	ck_assert_int_eq(layer_create(b.l, LAYER_ROOT, "f", 0644, O_RDWR, &lt_user, &e, &fh), 0);
	ck_assert_uint_eq(b.last.op, EVENT_CREATE);
	ck_assert_uint_eq(b.last.uid, 1000);
	ck_assert_uint_eq(b.last.pid, 8);
	before = b.events;
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(layer_writev(b.l, fh, &iov, 1, 0, &lt_user), 2);
	ck_assert_uint_le(b.events - before, 3);
	ck_assert_uint_ge(b.events - before, 1);
	layer_release(b.l, fh);
	ck_assert_uint_eq(b.last.op, EVENT_WRITE);
	ck_assert_uint_gt(b.last.bytes, 0);
	ck_assert_str_eq(b.path, "/f");
	ck_assert_int_eq(lt_rename(&b, "/f", "/g", 0), 0);
	ck_assert_uint_eq(b.last.op, EVENT_RENAME);
	ck_assert_str_eq(b.path2, "/g");
	lt_done(&b);
}
END_TEST

START_TEST(forgetting_frees)
{
	struct bench b;
	struct layer_entry e;
	char name[32];
	uint64_t fh, ids[3000];
	size_t nodes, handles, dirs;

	lt_setup(&b);
	lt_open(&b);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		ck_assert_int_eq(
		    layer_create(b.l, LAYER_ROOT, name, 0644, O_RDWR, &lt_root, &e, &fh), 0);
		layer_release(b.l, fh);
		ids[i] = e.node;
	}
	layer_counts(b.l, &nodes, &handles, &dirs);
	ck_assert_uint_eq(nodes, 3001);
	ck_assert_uint_eq(handles, 0);
	for (int i = 0; i < 3000; i++)
		layer_forget(b.l, ids[i], 1);
	layer_counts(b.l, &nodes, &handles, &dirs);
	ck_assert_uint_eq(nodes, 1);
	lt_done(&b);
}
END_TEST

START_TEST(full_disk)
{
	struct bench b;
	struct layer_entry e;
	char path[80], name[32], data[4096], buf[512];
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	struct stat st;
	uint64_t fh;
	int err = 0, n = 0;

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: mounting needs root\n");
		return;
	}
	lt_setup(&b);
	lt_host(&b, "lower0/base", "base data", 0644);
	lt_host(&b, "lower0/dir/f", "f", 0644);
	snprintf(path, sizeof(path), "%s/disk", b.top);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	if (mount("none", path, "tmpfs", 0, "size=256k") < 0) {
		fprintf(stderr, "skipped: cannot mount a tmpfs\n");
	} else {
		snprintf(b.upper, sizeof(b.upper), "%s/disk/upper", b.top);
		snprintf(b.work, sizeof(b.work), "%s/disk/work", b.top);
		ck_assert_int_eq(mkdir(b.upper, 0700), 0);
		ck_assert_int_eq(mkdir(b.work, 0700), 0);
		lt_open(&b);
		memset(data, 'x', sizeof(data));
		for (; !err && n < 1000; n++) {
			ssize_t put;
			snprintf(name, sizeof(name), "n%d", n);
			err = layer_create(b.l, LAYER_ROOT, name, 0640, O_RDWR, &lt_user, &e, &fh);
			if (err)
				break;
			put = layer_writev(b.l, fh, &iov, 1, 0, &lt_user);
			err = put < 0 ? (int)put : 0;
			layer_release(b.l, fh);
			layer_forget(b.l, e.node, 1);
		}
		ck_assert_int_eq(err, -ENOSPC);
		/* what needs space is refused and changes nothing */
		ck_assert_int_eq(lt_stat(&b, "/base", &st), 0);
		err = layer_open_file(b.l, lt_node(&b, "/base"), O_RDWR, &lt_root, &fh);
		ck_assert_int_eq(err, 0);
		ck_assert_int_eq(layer_writev(b.l, fh, &iov, 1, 0, &lt_root), -ENOSPC);
		layer_release(b.l, fh);
		ck_assert_str_eq(lt_read(&b, "/base", buf), "base data");
		ck_assert_int_eq(lt_remove(&b, "/n0", false), 0);
		ck_assert_int_eq(lt_remove(&b, "/n1", false), 0);
		ck_assert_int_eq(lt_remove(&b, "/n2", false), 0);
		/* and goes on when there is some again */
		ck_assert_int_eq(lt_write(&b, "/base", "mine"), 0);
		ck_assert_str_eq(lt_read(&b, "/base", buf), "mine");
		lt_reopen(&b);
		ck_assert_str_eq(lt_read(&b, "/base", buf), "mine");
		ck_assert_int_eq(lt_exists(&b, "/n3"), 0);
		layer_close(b.l);
		b.l = NULL;
		ck_assert_int_eq(umount2(path, MNT_DETACH), 0);
	}
	layer_close(b.l);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, b.top), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {meta_of_a_file,
				      nameless_copy_up_keeps_times,
				      handles_follow_a_copy_up,
				      unlinked_lower_file,
				      set_gid_directories,
				      set_id_is_cleared,
				      attributes,
				      acls,
				      unnamed_files,
				      write_events_coalesce,
				      forgetting_frees,
				      full_disk};

	return lt_run("layer files", tests, sizeof(tests) / sizeof(*tests));
}
