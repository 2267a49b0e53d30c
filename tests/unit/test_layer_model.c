/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model check of the layer (layermodel.h). GAOL_MODEL_OPS sets the count of operations,
 * GAOL_MODEL_SEED the sequence.
 */
#include "core/usage.h"
#include "tests/unit/layerops.h"

static int count(struct model *m, int64_t *bytes, int64_t *inodes)
{
	cleanup_fd int top = open(m->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return usage_layer(top, bytes, inodes);
}

/* The layer has counted what a walk finds, nothing of it being open. */
static void same_usage(struct model *m)
{
	int64_t bytes, inodes;
	struct layer_usage u;

	ck_assert_int_eq(count(m, &bytes, &inodes), 0);
	layer_usage(m->l, &u);
	same(m, "usage known", 1, u.known);
	same(m, "inodes counted", (long)inodes, (long)u.inodes);
	/* shares of links are rounded */
	if (bytes > u.bytes + 4 || bytes < u.bytes - 64)
		same(m, "bytes counted", (long)bytes, (long)u.bytes);
}

static void reopen(struct model *m)
{
	size_t nodes, handles, dirs;

	snprintf(m->what, sizeof(m->what), "reopen");
	for (int i = 0; i < HANDLES; i++) {
		if (m->h[i].fd < 0)
			continue;
		close(m->h[i].fd);
		layer_release(m->l, m->h[i].fh);
		layer_forget(m->l, m->h[i].node, 1);
		m->h[i].fd = -1;
	}
	layer_counts(m->l, &nodes, &handles, &dirs);
	same(m, "nodes left", 1, (long)nodes);
	same(m, "handles left", 0, (long)handles);
	same_usage(m);
	layer_close(m->l);
	layer_start(m);
	/* inode numbers of what was removed may come again */
	m->nino = 0;
	compare(m);
}

START_TEST(model)
{
	const char *ops = getenv("GAOL_MODEL_OPS"), *seed = getenv("GAOL_MODEL_SEED");
	unsigned long n = ops ? strtoul(ops, NULL, 10) : 20000;
	struct model *m = calloc(1, sizeof(*m));
	int64_t bytes, inodes;

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: the plain side needs root for chown and mknod\n");
		free(m);
		return;
	}
	umask(0);
	m->seed = seed ? strtoul(seed, NULL, 10) : 20261124;
	setup(m);
	ck_assert_int_eq(count(m, &bytes, &inodes), 0);
	layer_usage_set(m->l, bytes, inodes);
	compare(m);
	for (m->step = 1; m->step <= n; m->step++) {
		step(m);
		if (m->step % 50 == 0) {
			m->nino = 0;
			compare(m);
		}
		if (m->step % 1000 == 0)
			reopen(m);
	}
	reopen(m);
	layer_close(m->l);
	close(m->plain);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, m->top), 0);
	free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layer model");
	TCase *t = tcase_create("random");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 0);
	tcase_add_test(t, model);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
