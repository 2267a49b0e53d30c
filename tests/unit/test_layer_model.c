/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model check of the layer (layermodel.h). GAOL_MODEL_OPS sets the count of operations,
 * GAOL_MODEL_SEED the sequence.
 */
#include "tests/unit/layerops.h"

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

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: the plain side needs root for chown and mknod\n");
		free(m);
		return;
	}
	umask(0);
	m->seed = seed ? strtoul(seed, NULL, 10) : 20261124;
	setup(m);
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
