/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A checkpoint of a sealed layer is the layer as it was at that moment, whatever changes while it
 * is being stored: random changes before and while another process stores it, compared by the tree
 * that a walk found at the moment of sealing. GAOL_SEAL_ROUNDS sets the count of seals,
 * GAOL_MODEL_SEED the sequence.
 */
#define MODEL_LOWER_UNLINKED
#include "core/layer/seal.h"
#include "core/layer/touched.h"
#include "core/repo/inside.h"
#include "core/repo/save.h"
#include "tests/unit/layerops.h"
#include <sys/wait.h>

struct saver {
	struct model *m;
	int jail;
	char base[REPO_HASH_LEN + 1];
	bool broken;
	unsigned held, renewed, walked;
	struct layer_entry big;
	uint64_t big_fh;
	int big_fd;
};

static void broke(void *user)
{
	((struct saver *)user)->broken = true;
}

static void open_repo(struct saver *s, struct repo **r)
{
	struct err e;

	ck_assert_msg(!repo_open(r, s->jail, &e), "%s", e.text);
}

/* The tree of what is on disk now; hard links get their numbers. */
static void tree_now(struct saver *s, char out[REPO_HASH_LEN + 1])
{
	struct repo *r;
	struct pack *p;
	struct err e;
	git_oid oid;

	open_repo(s, &r);
	ck_assert(!pack_new(&p, r->odb, r->gaol, &e));
	struct walker w = {.r = r, .p = p, .flags = SCAN_NUMBER, .e = &e};
	ck_assert_msg(!walk_all(&w, &oid), "%s", e.text);
	git_oid_tostr(out, REPO_HASH_LEN + 1, &oid);
	ck_assert(!pack_finish(p, &e));
	pack_free(p);
	repo_close(r);
}

/* Saves; 0 with the tree in out, or -errno. */
static int save_from(struct saver *s, struct touched *t, const struct seal_ends *seal,
		     char out[REPO_HASH_LEN + 1])
{
	struct save_from from = {.touched = t, .base = s->base, .seal = seal};
	struct save_request q = {.kind = CKPT_HAND, .from = &from};
	struct save_result got;
	struct repo *r;
	struct err e;
	int err;

	open_repo(s, &r);
	err = save(r, &q, &got, NULL, &e);
	ck_assert_msg(!err || err == -EAGAIN, "%s", e.text);
	if (!err)
		strcpy(out, got.tree);
	repo_close(r);
	return err;
}

/* Any change, the bigger file's among them. */
static void change(struct saver *s)
{
	struct model *m = s->m;
	char data[3000];
	struct iovec iov = {.iov_base = data, .iov_len = 1 + rnd(m, sizeof(data))};
	struct stat in = {.st_size = (off_t)rnd(m, 10u << 20)}, out;
	off_t off = (off_t)rnd(m, 9u << 20), len = 1 + (off_t)rnd(m, 2u << 20);

	memset(data, (int)rnd(m, 256), sizeof(data));
	switch (rnd(m, 12)) {
	case 0:
		layer_writev(m->l, s->big_fh, &iov, 1, off, NULL);
		ck_assert_int_gt(pwrite(s->big_fd, data, iov.iov_len, off), 0);
		break;
	case 1:
		layer_setattr(m->l, s->big.node, 0, LAYER_SET_SIZE, &in, NULL, &out);
		ck_assert(!ftruncate(s->big_fd, in.st_size));
		break;
	case 2:
		layer_fallocate(m->l, s->big_fh, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
				len, NULL);
		fallocate(s->big_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);
		break;
	default:
		if (rnd(m, 8))
			step(m);
		else
			op_rename(m);
	}
}

/* The other process: stores, and tells the tree or that the layer must be held. */
static pid_t store(struct saver *s, struct touched *t, const struct seal_ends *ends, int out)
{
	char tree[REPO_HASH_LEN + 1] = "again";
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	save_from(s, t, ends, tree);
	_exit(write(out, tree, strlen(tree)) != (ssize_t)strlen(tree));
}

static void round_of(struct saver *s, bool all)
{
	struct seal_config c = {.on_broken = broke, .user = s};
	struct touched *was = s->m->touched;
	char want[REPO_HASH_LEN + 1], got[REPO_HASH_LEN + 1] = "";
	struct seal_ends ends;
	int p[2], status;
	struct err e;

	tree_now(s, want);
	c.was = all || touched_is_all(was) ? NULL : was;
	ck_assert_msg(!layer_seal(s->m->l, &c, &ends, &e), "%s", e.text);
	s->m->touched = touched_new(false);
	layer_set_touched(s->m->l, s->m->touched);
	s->broken = false;
	/* a reader that comes late finds inode numbers used anew, and only a record of many things */
	for (unsigned long n = rnd(s->m, rnd(s->m, 4) ? 30 : 400); n; n--)
		change(s);
	ck_assert_int_eq(pipe(p), 0);
	pid_t pid = store(s, c.was, &ends, p[1]);
	close(p[1]);
	while (!waitpid(pid, &status, WNOHANG))
		change(s);
	ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
	ck_assert_int_ge(read(p[0], got, sizeof(got) - 1), 0);
	close(p[0]);
	layer_unseal(s->m->l);
	while (layer_seal_sweep(s->m->l, 1))
		change(s);
	close(ends.log);
	close(ends.data);
	close(ends.sock);
	if (s->broken || !strcmp(got, "again")) {
		s->held++;
		touched_free(s->m->touched);
		s->m->touched = touched_new(false);
		layer_set_touched(s->m->l, s->m->touched);
		ck_assert_int_eq(save_from(s, NULL, NULL, s->base), 0);
	} else {
		*(c.was ? &s->renewed : &s->walked) += 1;
		ck_assert_msg(!strcmp(got, want), "step %lu: %s: %s, not %s (%s)", s->m->step,
			      s->m->what, got, want, c.was ? "renewed" : "walked");
		strcpy(s->base, got);
	}
	touched_free(was);
	s->m->nino = 0;
	compare(s->m);
}

START_TEST(changes_meanwhile)
{
	const char *rounds = getenv("GAOL_SEAL_ROUNDS"), *seed = getenv("GAOL_MODEL_SEED");
	unsigned long n = rounds ? strtoul(rounds, NULL, 10) : 120;
	struct model *m = calloc(1, sizeof(*m));
	struct saver s = {.m = m};
	struct err e;

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: the plain side needs root for chown and mknod\n");
		free(m);
		return;
	}
	umask(0);
	m->seed = seed ? strtoul(seed, NULL, 10) : 20261125;
	m->touched = touched_new(true);
	setup(m);
	s.jail = open(m->top, O_RDONLY | O_DIRECTORY);
	ck_assert_msg(!repo_create(s.jail, &e), "%s", e.text);
	s.big_fd = openat(m->plain, "big", O_CREAT | O_RDWR, 0644);
	ck_assert_int_eq(
	    layer_create(m->l, LAYER_ROOT, "big", 0644, O_RDWR, NULL, &s.big, &s.big_fh), 0);
	ck_assert_int_eq(save_from(&s, NULL, NULL, s.base), 0);
	for (m->step = 1; m->step <= n; m->step++)
		round_of(&s, !rnd(m, 4));
	fprintf(stderr, "%u renewed, %u walked, %u held\n", s.renewed, s.walked, s.held);
	ck_assert_uint_gt(s.renewed, n / 10);
	ck_assert_uint_gt(s.walked, n / 20);
	layer_close(m->l);
	touched_free(m->touched);
	close(s.big_fd);
	close(s.jail);
	for (int i = 0; i < HANDLES; i++)
		if (m->h[i].fd >= 0)
			close(m->h[i].fd);
	close(m->plain);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, m->top), 0);
	free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seal");
	TCase *t = tcase_create("seal");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 0);
	tcase_add_test(t, changes_meanwhile);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
