/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A checkpoint made from what the layer says was touched is the one that a walk of all of it makes:
 * random changes through the layer, saves in between, each compared by tree hash. GAOL_RENEW_OPS
 * sets the count of operations, GAOL_MODEL_SEED the sequence.
 */
#define MODEL_LOWER_UNLINKED
#include "core/layer/touched.h"
#include "core/repo/inside.h"
#include "core/repo/save.h"
#include "tests/unit/layerops.h"

struct saver {
	struct model *m;
	int jail;
	char base[REPO_HASH_LEN + 1];
	unsigned renewed, walked;
};

static void saver_open(struct saver *s)
{
	struct err e;

	s->jail = open(s->m->top, O_RDONLY | O_DIRECTORY);
	ck_assert_msg(!repo_create(s->jail, &e), "%s", e.text);
}

/* The set as another process gets it. */
static struct touched *sent(struct touched *t)
{
	struct buf b = {0};
	struct touched *got;

	touched_write(t, &b);
	got = touched_read(b.p, b.len);
	ck_assert_ptr_nonnull(got);
	ck_assert_uint_eq(touched_count(got), touched_count(t));
	/* cut short it is refused */
	if (touched_count(t))
		ck_assert_ptr_null(touched_read(b.p, b.len - 1));
	buf_free(&b);
	touched_free(t);
	return got;
}

static void save_now(struct saver *s)
{
	struct touched *t = sent(s->m->touched);
	struct save_from from = {.touched = t, .base = s->base};
	struct save_request q = {.kind = CKPT_HAND, .from = &from};
	struct save_result got;
	struct repo *r;
	struct err e;
	int needed;

	s->m->touched = touched_new(false);
	layer_set_touched(s->m->l, s->m->touched);
	ck_assert_msg(!repo_open(&r, s->jail, &e), "%s", e.text);
	ck_assert_msg(!save(r, &q, &got, NULL, &e), "step %lu: %s", s->m->step, e.text);
	if (got.whole)
		s->walked++;
	else
		s->renewed++;
	strcpy(s->base, got.tree);
	needed = save_needed(r, NULL, &e);
	ck_assert_msg(!needed, "step %lu: %s: a walk finds another tree (%s)", s->m->step,
		      s->m->what, got.whole ? got.whole : "renewed");
	repo_close(r);
	touched_free(t);
}

/* Fewer links than elsewhere, as each makes the next save a walk. */
static void step_few_links(struct model *m)
{
	if (!rnd(m, 40))
		op_link(m);
	switch (rnd(m, 18)) {
	case 0:
	case 1:
		op_create(m, rnd(m, 2));
		break;
	case 2:
		op_mkdir(m);
		break;
	case 3:
		op_mknod(m);
		break;
	case 4:
		op_symlink(m);
		break;
	case 5:
	case 6:
		op_remove(m, rnd(m, 2));
		break;
	case 7:
	case 8:
	case 9:
		op_rename(m);
		break;
	case 10:
	case 11:
		op_setattr(m);
		break;
	case 12:
		op_xattr(m);
		break;
	case 13:
	case 14:
		op_open(m);
		break;
	default:
		op_handle(m);
	}
}

static void begin(struct saver *s)
{
	const char *seed = getenv("GAOL_MODEL_SEED");

	s->m = calloc(1, sizeof(*s->m));
	umask(0);
	s->m->seed = seed ? strtoul(seed, NULL, 10) : 20261125;
	s->m->touched = touched_new(true);
	setup(s->m);
	saver_open(s);
	save_now(s);
}

static void end(struct saver *s)
{
	struct model *m = s->m;

	layer_close(m->l);
	touched_free(m->touched);
	close(s->jail);
	for (int i = 0; i < HANDLES; i++)
		if (m->h[i].fd >= 0)
			close(m->h[i].fd);
	close(m->plain);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, m->top), 0);
	free(m);
}

/* GAOL_RENEW_OPS per cent of n. */
static unsigned long ops(unsigned long n)
{
	const char *s = getenv("GAOL_RENEW_OPS");

	return s ? strtoul(s, NULL, 10) * n / 100 : n;
}

START_TEST(random_changes)
{
	unsigned long n = ops(2000);
	struct saver s = {0};
	struct model *m;

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: the plain side needs root for chown and mknod\n");
		return;
	}
	begin(&s);
	m = s.m;
	for (m->step = 1; m->step <= n; m->step++) {
		step_few_links(m);
		if (!rnd(m, 12))
			save_now(&s);
	}
	save_now(&s);
	/* links make walks, the rest must not */
	ck_assert_uint_gt(s.renewed, n / 40);
	ck_assert_uint_gt(s.walked, 1);
	end(&s);
}
END_TEST

#define BIG (14u << 20)

/* One change of a file of chunks: data, holes, length, attributes. */
static void big_change(struct model *m, uint64_t node, uint64_t fh)
{
	static const int kinds[] = {
	    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE, 0,
	    FALLOC_FL_KEEP_SIZE,
	};
	char data[5000];
	struct iovec iov = {.iov_base = data, .iov_len = 1 + rnd(m, sizeof(data))};
	off_t off = (off_t)rnd(m, BIG);
	struct stat in = {0}, out;

	memset(data, (int)rnd(m, 256), sizeof(data));
	switch (rnd(m, 8)) {
	case 0:
		in.st_size = rnd(m, 2) ? (off_t)rnd(m, BIG) : BIG - (off_t)rnd(m, 9000);
		ck_assert_int_eq(layer_setattr(m->l, node, fh, LAYER_SET_SIZE, &in, NULL, &out), 0);
		break;
	case 1:
	case 2:
		layer_fallocate(m->l, fh, kinds[rnd(m, 4)], off, 1 + (off_t)rnd(m, 3u << 20), NULL);
		break;
	case 3:
		in.st_mode = 0600 + rnd(m, 8);
		ck_assert_int_eq(layer_setattr(m->l, node, 0, LAYER_SET_MODE, &in, NULL, &out), 0);
		break;
	case 4: /* page by page over the end of a chunk */
		off = (off_t)rnd(m, 13) << 20;
		ck_assert_int_gt(layer_writev(m->l, fh, &iov, 1, off ? off - 100 : 0, NULL), 0);
		break;
	default:
		ck_assert_int_gt(layer_writev(m->l, fh, &iov, 1, off, NULL), 0);
	}
}

START_TEST(chunks)
{
	struct saver s = {0};
	struct layer_entry e;
	uint64_t fh;

	begin(&s);
	ck_assert_int_eq(
	    layer_create(s.m->l, LAYER_ROOT, "big", 0600, O_RDWR, NULL, &e, &fh), 0);
	for (unsigned long i = 0; i < ops(30); i++) {
		for (unsigned long k = rnd(s.m, 4); k; k--)
			big_change(s.m, e.node, fh);
		save_now(&s);
	}
	ck_assert_uint_eq(s.walked, 1);
	layer_release(s.m->l, fh);
	end(&s);
}
END_TEST

/* Files 0 to n - 1 of a directory, made or removed. */
static void flat(struct model *m, uint64_t dir, unsigned from, unsigned to)
{
	struct layer_entry e;
	char name[16];
	uint64_t fh;

	for (; from < to; from++) {
		snprintf(name, sizeof(name), "f%u", from);
		ck_assert_int_eq(layer_create(m->l, dir, name, 0644, O_RDWR, NULL, &e, &fh), 0);
		layer_release(m->l, fh);
		forget(m, &e);
	}
	for (; from > to; from--) {
		snprintf(name, sizeof(name), "f%u", from - 1);
		ck_assert_int_eq(layer_unlink(m->l, dir, name, NULL), 0);
	}
}

/* A directory is split and whole again where a walk would have it so. */
START_TEST(split)
{
	static const unsigned to[] = {4090, 4096, 4097, 4100, 4095, 4097, 6000, 5990, 4097, 4096, 9};
	struct saver s = {0};
	struct layer_entry e;
	unsigned n = 0;

	begin(&s);
	ck_assert_int_eq(layer_mkdir(s.m->l, LAYER_ROOT, "flat", 0755, NULL, &e), 0);
	for (size_t i = 0; i < sizeof(to) / sizeof(*to); n = to[i++]) {
		flat(s.m, e.node, n, to[i]);
		s.m->step = i;
		save_now(&s);
	}
	ck_assert_uint_eq(s.walked, 1);
	end(&s);
}
END_TEST

static void put(struct model *m, uint64_t dir, const char *name, const char *text)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
	struct layer_entry e;
	uint64_t fh;

	ck_assert_int_eq(layer_create(m->l, dir, name, 0644, O_RDWR, NULL, &e, &fh), 0);
	ck_assert_int_gt(layer_writev(m->l, fh, &iov, 1, 0, NULL), 0);
	layer_release(m->l, fh);
	forget(m, &e);
}

static void write_by(struct model *m, const char *path, const char *text)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
	struct layer_entry e;
	uint64_t fh;

	ck_assert_int_eq(walk(m, path, &e), 0);
	ck_assert_int_eq(layer_open_file(m->l, e.node, O_RDWR, NULL, &fh), 0);
	ck_assert_int_gt(layer_writev(m->l, fh, &iov, 1, 0, NULL), 0);
	layer_release(m->l, fh);
	forget(m, &e);
}

static void link_to(struct model *m, const char *path, uint64_t dir, const char *name)
{
	struct layer_entry e, made;

	ck_assert_int_eq(walk(m, path, &e), 0);
	ck_assert_int_eq(layer_link(m->l, e.node, dir, name, NULL, &made), 0);
	forget(m, &e);
	forget(m, &made);
}

/* The other names of what was touched are found, although nobody looked them up. */
START_TEST(links)
{
	struct saver s = {0};
	struct layer_entry d;
	struct model *m;

	begin(&s);
	m = s.m;
	ck_assert_int_eq(layer_mkdir(m->l, LAYER_ROOT, "made", 0755, NULL, &d), 0);
	put(m, LAYER_ROOT, "one", "data");
	save_now(&s);
	/* written by the new name, which goes again with its directory */
	link_to(m, "one", d.node, "two");
	write_by(m, "made/two", "DATA");
	ck_assert_int_eq(layer_unlink(m->l, d.node, "two", NULL), 0);
	save_now(&s);
	ck_assert_uint_eq(s.walked, 1);
	/* a stored link's last but one name goes with its directory */
	link_to(m, "one", d.node, "two");
	save_now(&s);
	ck_assert_uint_eq(s.walked, 2);
	ck_assert_int_eq(layer_unlink(m->l, d.node, "two", NULL), 0);
	ck_assert_int_eq(layer_rmdir(m->l, LAYER_ROOT, "made", NULL), 0);
	save_now(&s);
	/* is replaced */
	put(m, LAYER_ROOT, "three", "3");
	link_to(m, "three", LAYER_ROOT, "four");
	save_now(&s);
	put(m, LAYER_ROOT, "five", "5");
	ck_assert_int_eq(layer_rename(m->l, LAYER_ROOT, "five", LAYER_ROOT, "four", 0, NULL), 0);
	ck_assert_int_eq(layer_rename(m->l, LAYER_ROOT, "four", LAYER_ROOT, "six", 0, NULL), 0);
	save_now(&s);
	forget(m, &d);
	end(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("renew");
	TCase *t = tcase_create("renew");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 0);
	tcase_add_test(t, random_changes);
	tcase_add_test(t, chunks);
	tcase_add_test(t, split);
	tcase_add_test(t, links);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
