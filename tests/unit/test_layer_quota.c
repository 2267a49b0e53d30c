/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits of a layer: what is refused, what is still possible, what is told, and the count over
 * a restart. That the count is right for all operations is test_layer_model's.
 */
#include "tests/unit/layertest.h"

#define MIB (UINT64_C(1) << 20)

static void known(struct bench *b)
{
	layer_usage_set(b->l, 4096, 1);
}

static ssize_t put(struct bench *b, uint64_t fh, size_t n, off_t off)
{
	char *data = malloc(n);
	struct iovec iov = {.iov_base = data, .iov_len = n};
	ssize_t done;

	memset(data, 'x', n);
	done = layer_writev(b->l, fh, &iov, 1, off, &lt_root);
	free(data);
	return done;
}

static uint64_t open_new(struct bench *b, const char *name, uint64_t *node)
{
	struct layer_entry e;
	uint64_t fh;

	ck_assert_int_eq(layer_create(b->l, LAYER_ROOT, name, 0644, O_RDWR, &lt_root, &e, &fh), 0);
	*node = e.node;
	return fh;
}

START_TEST(size)
{
	struct statvfs st;
	uint64_t fh, node;
	struct bench b;

	lt_setup(&b);
	b.c.max_bytes = MIB;
	lt_open(&b);
	known(&b);
	fh = open_new(&b, "f", &node);
	ck_assert_int_eq(put(&b, fh, MIB / 2, 0), MIB / 2);
	ck_assert_int_eq(put(&b, fh, MIB, MIB / 2), -ENOSPC);
	ck_assert_uint_eq(b.last.op, EVENT_REFUSE);
	ck_assert_int_eq(b.last.err, ENOSPC);
	ck_assert_str_eq(b.path, "/f");
	ck_assert_str_eq(b.path2, "limits.size");
	/* told once a second, not once a write */
	ck_assert_int_eq(put(&b, fh, MIB, MIB / 2), -ENOSPC);
	ck_assert_uint_eq(b.refused, 1);
	/* over what has its blocks, a full layer can be written */
	ck_assert_int_eq(put(&b, fh, MIB / 2 - 8192, MIB / 2), MIB / 2 - 8192);
	ck_assert_int_eq(put(&b, fh, 65536, 0), 65536);
	ck_assert_int_eq(layer_fallocate(b.l, fh, 0, 0, 4 * MIB, &lt_root), -ENOSPC);
	ck_assert_int_eq(layer_statfs(b.l, &st), 0);
	ck_assert_uint_eq(st.f_blocks * st.f_frsize, MIB);
	ck_assert_uint_le(st.f_bavail * st.f_frsize, 8192);
	/* an unlinked file takes its room until it is closed */
	ck_assert_int_eq(lt_remove(&b, "/f", false), 0);
	layer_forget(b.l, node, 1);
	ck_assert_int_eq(put(&b, fh, MIB, MIB), -ENOSPC);
	ck_assert_int_eq(layer_release(b.l, fh), 0);
	fh = open_new(&b, "g", &node);
	ck_assert_int_eq(put(&b, fh, MIB / 2, 0), MIB / 2);
	layer_release(b.l, fh);
	lt_done(&b);
}
END_TEST

START_TEST(copy_up)
{
	char *data = malloc(MIB + 1);
	struct bench b;
	uint64_t fh, n;

	memset(data, 'y', MIB);
	data[MIB] = '\0';
	lt_setup(&b);
	lt_host(&b, "lower0/big", data, 0644);
	free(data);
	b.c.max_bytes = MIB / 2;
	lt_open(&b);
	known(&b);
	n = lt_node(&b, "/big");
	ck_assert_int_eq(layer_open_file(b.l, n, O_RDWR, &lt_root, &fh), 0);
	ck_assert_int_eq(put(&b, fh, 1, 0), -ENOSPC);
	layer_release(b.l, fh);
	layer_forget(b.l, n, 1);
	/* what needs no data still goes, and so does removing */
	ck_assert_int_eq(lt_chmod(&b, "/big", 0600), 0);
	ck_assert_int_eq(lt_remove(&b, "/big", false), 0);
	lt_done(&b);
}
END_TEST

START_TEST(inodes)
{
	struct layer_entry e;
	struct statvfs st;
	struct bench b;

	lt_setup(&b);
	b.c.max_inodes = 3;
	lt_open(&b);
	known(&b);
	ck_assert_int_eq(lt_mkdir(&b, "/d"), 0);
	ck_assert_int_eq(lt_write(&b, "/d/a", "1"), 0);
	ck_assert_int_eq(lt_write(&b, "/d/b", "1"), -ENOSPC);
	ck_assert_str_eq(b.path, "/d/b");
	ck_assert_str_eq(b.path2, "limits.inodes");
	ck_assert_int_eq(lt_mkdir(&b, "/e"), -ENOSPC);
	ck_assert_int_eq(layer_symlink(b.l, "t", LAYER_ROOT, "s", &lt_root, &e), -ENOSPC);
	ck_assert_int_eq(layer_statfs(b.l, &st), 0);
	ck_assert_uint_eq(st.f_files, 3);
	ck_assert_uint_eq(st.f_ffree, 0);
	ck_assert_int_eq(lt_remove(&b, "/d/a", false), 0);
	ck_assert_int_eq(lt_write(&b, "/d/b", "1"), 0);
	lt_done(&b);
}
END_TEST

START_TEST(files)
{
	uint64_t fh[3], node[3];
	struct bench b;

	lt_setup(&b);
	b.c.max_files = 2;
	lt_open(&b);
	ck_assert_int_eq(lt_write(&b, "/x", "1"), 0);
	fh[0] = open_new(&b, "a", &node[0]);
	fh[1] = open_new(&b, "b", &node[1]);
	ck_assert_int_eq(lt_write(&b, "/x", "2"), -ENFILE);
	ck_assert_str_eq(b.path2, "limits.files");
	ck_assert_int_eq(layer_opendir(b.l, LAYER_ROOT, &fh[2]), -ENFILE);
	layer_release(b.l, fh[0]);
	ck_assert_int_eq(lt_write(&b, "/x", "2"), 0);
	layer_release(b.l, fh[1]);
	lt_done(&b);
}
END_TEST

/* A layer that was closed knows what it holds; one that was not, asks for a walk. */
START_TEST(kept)
{
	struct layer_usage u, again;
	struct bench b;

	lt_setup(&b);
	b.c.max_inodes = 3;
	lt_open(&b);
	layer_usage(b.l, &u);
	ck_assert(!u.known);
	known(&b);
	ck_assert_int_eq(lt_write(&b, "/x", "1"), 0);
	layer_usage(b.l, &u);
	ck_assert(u.known);
	lt_reopen(&b);
	layer_usage(b.l, &again);
	ck_assert(again.known);
	ck_assert_int_eq(again.bytes, u.bytes);
	ck_assert_int_eq(again.inodes, 2);
	/* a kill leaves no count; what was there would be wrong */
	ck_assert(!lt_host_has(&b, "work/usage"));
	layer_close(b.l);
	lt_host(&b, "work/usage", "1 -5 2\n", 0600);
	lt_open(&b);
	layer_usage(b.l, &u);
	ck_assert(!u.known);
	/* and no limit holds before it is known */
	for (int i = 0; i < 5; i++) {
		char name[] = "/a0";
		name[2] = (char)('0' + i);
		ck_assert_int_eq(lt_write(&b, name, "1"), 0);
	}
	lt_done(&b);
}
END_TEST

/* Opened by a name that went, then the other goes, which was never looked up. */
START_TEST(names_unknown)
{
	struct layer_usage before, u;
	struct layer_entry e;
	uint64_t fh, node;
	struct bench b;

	lt_setup(&b);
	lt_open(&b);
	known(&b);
	layer_usage(b.l, &before);
	fh = open_new(&b, "a", &node);
	ck_assert_int_eq(layer_link(b.l, node, LAYER_ROOT, "b", &lt_root, &e), 0);
	layer_forget(b.l, node, 2);
	ck_assert_int_eq(layer_release(b.l, fh), 0);
	node = lt_node(&b, "/a");
	ck_assert_int_eq(layer_open_file(b.l, node, O_RDWR, &lt_root, &fh), 0);
	ck_assert_int_eq(lt_remove(&b, "/a", false), 0);
	ck_assert_int_eq(lt_remove(&b, "/b", false), 0);
	layer_usage(b.l, &u);
	ck_assert_int_eq(u.inodes, before.inodes + 1);
	ck_assert_int_eq(layer_release(b.l, fh), 0);
	layer_forget(b.l, node, 1);
	layer_usage(b.l, &u);
	ck_assert_int_eq(u.inodes, before.inodes);
	lt_done(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layer quota");
	TCase *t = tcase_create("quota");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, size);
	tcase_add_test(t, copy_up);
	tcase_add_test(t, inodes);
	tcase_add_test(t, files);
	tcase_add_test(t, kept);
	tcase_add_test(t, names_unknown);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
