/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saving layers: what stock git says of the result, what it costs, what it leaves. */
#include "core/repo/log.h"
#include "tests/unit/repo_jail.h"
#include <time.h>

static void do_save(struct tjail *j, enum ckpt_kind kind, const char *message,
		    struct save_result *out)
{
	struct save_request q = {.kind = kind, .message = message, .always = kind != CKPT_AUTO};
	struct repo *r;
	struct err e = {""};

	ck_assert_msg(!repo_open(&r, j->fd, &e), "%s", e.text);
	ck_assert_msg(!save(r, &q, out, NULL, &e), "%s", e.text);
	repo_close(r);
}

START_TEST(empty_layer)
{
	struct tjail j;
	struct save_result s;
	struct buf out = {0};

	tjail_make(&j);
	do_save(&j, CKPT_INITIAL, NULL, &s);
	ck_assert_uint_eq(s.number, 1);
	ck_assert_uint_eq(s.added + s.modified + s.deleted, 0);
	fsck_is_clean(&j);
	ck_assert_int_eq(git(&j, &out, "log", "-p", "--format=%an <%ae>%n%B", "main"), 0);
	ck_assert_msg(strstr(out.p, "the empty layer") && strstr(out.p, "Gaol-Number: 1\n"), "%s",
		      out.p);
	buf_free(&out);
	tjail_free(&j);
}
END_TEST

START_TEST(random_layers_are_clean)
{
	struct save_result s;
	struct buf out = {0};

	for (unsigned seed = 1; seed < 9; seed++) {
		struct tjail j;
		char clone[128], url[128];
		const char *argv[] = {"git",
				      "clone",
				      "-q",
				      "-c",
				      "core.protectNTFS=true",
				      "-c",
				      "core.protectHFS=true",
				      url,
				      clone,
				      NULL};
		const char *find[] = {"find",  clone, "-path", NULL,	"-prune", "-o",	    "!",
				      "-type", "f",   "!",     "-type", "d",	  "-print", NULL};
		char dotgit[160];
		srand(seed);
		tjail_make(&j);
		do_save(&j, CKPT_INITIAL, NULL, &s);
		random_layer(&j, 4);
		do_save(&j, CKPT_HAND, "all\nkinds", &s);
		ck_assert_uint_eq(s.number, 2);
		ck_assert_uint_gt(s.added, 0);
		fsck_is_clean(&j);
		buf_reset(&out);
		ck_assert_int_eq(git(&j, &out, "log", "-p", "main", "--"), 0);
		/* a clone checks out, and nothing but files and directories */
		snprintf(url, sizeof(url), "file://%s/checkpoints.git", j.path);
		snprintf(clone, sizeof(clone), "%s/clone", j.path);
		snprintf(dotgit, sizeof(dotgit), "%s/.git", clone);
		find[3] = dotgit;
		buf_reset(&out);
		ck_assert_msg(run(argv, &out) == 0, "clone: %s", buf_cstr(&out));
		buf_reset(&out);
		ck_assert_int_eq(run(find, &out), 0);
		ck_assert_str_eq(buf_cstr(&out), "");
		tjail_free(&j);
	}
	buf_free(&out);
}
END_TEST

START_TEST(unchanged_is_said)
{
	struct tjail j;
	struct save_result s;
	struct repo *r;
	struct err e = {""};

	srand(3);
	tjail_make(&j);
	random_layer(&j, 3);
	do_save(&j, CKPT_HAND, "one", &s);
	do_save(&j, CKPT_AUTO, NULL, &s);
	ck_assert(s.unchanged);
	ck_assert_uint_eq(s.number, 1);
	do_save(&j, CKPT_HAND, "two", &s);
	ck_assert(s.unchanged);
	ck_assert_uint_eq(s.number, 2);
	ck_assert_int_eq(repo_open(&r, j.fd, &e), 0);
	ck_assert_int_eq(save_needed(r, NULL, &e), 0);
	set_times(j.upper, ".", 5, 5);
	ck_assert_int_eq(save_needed(r, NULL, &e), 1);
	repo_close(r);
	do_save(&j, CKPT_AUTO, NULL, &s);
	ck_assert(!s.unchanged);
	ck_assert_uint_eq(s.number, 3);
	tjail_free(&j);
}
END_TEST

/* The cache is not fooled by a file of the same size whose mtime was set back. */
START_TEST(cache_looks_at_ctime)
{
	struct tjail j;
	struct save_result s;
	struct timespec tick = {.tv_nsec = 30000000};

	tjail_make(&j);
	put_str(j.upper, "f", "one");
	set_times(j.upper, "f", 5, 5);
	/* past the tick in which it was written, so that it is remembered */
	nanosleep(&tick, NULL);
	do_save(&j, CKPT_HAND, "x", &s);
	do_save(&j, CKPT_AUTO, "x", &s);
	ck_assert(s.unchanged);
	put_str(j.upper, "f", "two");
	set_times(j.upper, "f", 5, 5);
	do_save(&j, CKPT_AUTO, "x", &s);
	ck_assert(!s.unchanged);
	ck_assert_uint_eq(s.modified, 1);
	tjail_free(&j);
}
END_TEST

START_TEST(counts)
{
	struct tjail j;
	struct save_result s;
	struct record r = {.mode = S_IFREG | 0600};

	tjail_make(&j);
	do_save(&j, CKPT_INITIAL, NULL, &s);
	close(put_dir(j.upper, "d"));
	put_str(j.upper, "a", "1");
	put_str(j.upper, "b", "1");
	put_str(j.upper, "d/x", "1");
	put_whiteout(j.upper, "gone");
	do_save(&j, CKPT_HAND, "x", &s);
	ck_assert_uint_eq(s.added, 4);
	ck_assert_uint_eq(s.modified, 0);
	ck_assert_uint_eq(s.deleted, 1);
	put_str(j.upper, "a", "2");
	set_record(j.upper, "b", &r);
	unlinkat(j.upper, "d/x", 0);
	do_save(&j, CKPT_HAND, "x", &s);
	ck_assert_uint_eq(s.added, 0);
	ck_assert_uint_eq(s.modified, 2);
	ck_assert_uint_eq(s.deleted, 1);
	tjail_free(&j);
}
END_TEST

static uint64_t objects_size(struct tjail *j)
{
	cleanup_fd int fd = openat(j->fd, "checkpoints.git/objects/pack", O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(dup(fd));
	uint64_t sum = 0;

	for (struct dirent *de; (de = readdir(d));) {
		struct stat st;
		if (!fstatat(fd, de->d_name, &st, 0) && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	}
	closedir(d);
	return sum;
}

/* A changed megabyte of a large file costs about a megabyte. */
START_TEST(large_file)
{
	struct tjail j;
	struct save_result s;
	char *p = xmalloc(20 << 20);
	uint64_t before;
	cleanup_fd int fd = -1;

	ck_assert_int_eq(getrandom(p, 20 << 20, 0), 20 << 20);
	tjail_make(&j);
	put_file(j.upper, "big", p, 20 << 20);
	do_save(&j, CKPT_HAND, "x", &s);
	before = objects_size(&j);
	ck_assert_uint_gt(before, 20 << 20);
	ck_assert_uint_gt(s.bytes, 20 << 20);
	fd = openat(j.upper, "big", O_RDWR);
	ck_assert_int_eq(pwrite(fd, "xyz", 3, 7 << 20), 3);
	do_save(&j, CKPT_HAND, "x", &s);
	ck_assert_uint_lt(objects_size(&j) - before, (1 << 20) + 20000);
	/* a hole costs nothing */
	before = objects_size(&j);
	ck_assert_int_eq(ftruncate(fd, (off_t)5 << 40), 0);
	do_save(&j, CKPT_HAND, "x", &s);
	ck_assert_uint_lt(objects_size(&j) - before, 200000);
	fsck_is_clean(&j);
	free(p);
	tjail_free(&j);
}
END_TEST

START_TEST(flat_directory)
{
	struct tjail j;
	struct save_result s;
	uint64_t before;
	char name[32];
	int d;

	tjail_make(&j);
	d = put_dir(j.upper, "flat");
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		put_str(d, name, "");
	}
	do_save(&j, CKPT_HAND, "x", &s);
	ck_assert_uint_eq(s.added, 10001);
	before = objects_size(&j);
	put_str(d, "file77", "x");
	do_save(&j, CKPT_HAND, "x", &s);
	ck_assert_uint_eq(s.modified, 1);
	ck_assert_uint_lt(objects_size(&j) - before, 20000);
	fsck_is_clean(&j);
	close(d);
	tjail_free(&j);
}
END_TEST

/* Numbers never come back, also when the counter's file is lost. */
START_TEST(numbers)
{
	struct tjail j;
	struct save_result s;

	tjail_make(&j);
	do_save(&j, CKPT_INITIAL, NULL, &s);
	do_save(&j, CKPT_HAND, "x\n\nGaol-Number: 99", &s);
	do_save(&j, CKPT_HAND, "x", &s);
	ck_assert_uint_eq(s.number, 3);
	ck_assert_int_eq(unlinkat(j.fd, "checkpoints.git/gaol/number", 0), 0);
	do_save(&j, CKPT_HAND, "x", &s);
	ck_assert_uint_eq(s.number, 4);
	/* a loss of power may bring an older one back: branches know better */
	ck_assert_int_eq(file_replace_at(j.fd, "checkpoints.git/gaol/number", "2\n", 2, 0600, false),
			 0);
	do_save(&j, CKPT_HAND, "x", &s);
	ck_assert_uint_eq(s.number, 5);
	tjail_free(&j);
}
END_TEST

static bool stop(void *user, const char *phase, uint64_t done, uint64_t total)
{
	return false;
}

START_TEST(cancel_leaves_nothing)
{
	struct tjail j;
	struct save_request q = {.kind = CKPT_HAND};
	struct save_result s;
	struct repo_hooks h = {.progress = stop};
	struct repo *r;
	struct err e = {""};
	char *p = xmalloc(64 << 20);
	uint64_t before;

	memset(p, 'x', 64 << 20);
	tjail_make(&j);
	do_save(&j, CKPT_INITIAL, NULL, &s);
	before = objects_size(&j);
	for (int i = 0; i < 8; i++) {
		char name[8];
		snprintf(name, sizeof(name), "f%d", i);
		put_file(j.upper, name, p, 64 << 20);
	}
	ck_assert_int_eq(repo_open(&r, j.fd, &e), 0);
	ck_assert_int_eq(save(r, &q, &s, &h, &e), -ECANCELED);
	repo_close(r);
	ck_assert_uint_eq(objects_size(&j), before);
	fsck_is_clean(&j);
	free(p);
	tjail_free(&j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("repo_save");
	TCase *t = tcase_create("save");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, empty_layer);
	tcase_add_test(t, random_layers_are_clean);
	tcase_add_test(t, unchanged_is_said);
	tcase_add_test(t, cache_looks_at_ctime);
	tcase_add_test(t, counts);
	tcase_add_test(t, large_file);
	tcase_add_test(t, flat_directory);
	tcase_add_test(t, numbers);
	tcase_add_test(t, cancel_leaves_nothing);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
