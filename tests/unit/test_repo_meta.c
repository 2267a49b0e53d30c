/* SPDX-License-Identifier: GPL-2.0-or-later */
/* %meta: what is written is read back; what was not written by us is refused. */
#include "core/buf.h"
#include "core/repo/meta.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

static const char good[] = "%gaol 1\n"
			   ".bashrc file uid=1000 gid=1000 mtime=1700000000.123456789\n"
			   "a%20b%0A file mode=4755 mtime=-1.5 size=9 chunks\n"
			   "a%25 gone\n";

static const char whole[] =
    "%gaol 1\n"
    ".bashrc file uid=1000 gid=1000 mtime=1700000000.123456789\n"
    "a%20b%0A file mode=4755 mtime=-1.500000000 size=9000000 chunks link=00000000000000ff\n"
    "a%25 gone\n"
    "dev char mode=666 rdev=1:3 mtime=0\n"
    "dir dir mode=700 mtime=5 opaque x.user.a%3D%20=v%00%FF x.user.b=\n"
    "high\xff file mtime=1 size=77 left=2 meta redirect=usr/bin/%25x origin=1:2:77:-4:5\n"
    "link link mtime=1\n"
    "moved dir mtime=5 redirect=opt/a\n"
    "s sock mode=777 mtime=5\n"
    "x fifo mtime=5\n";

static int parse(const char *text, size_t n, bool root, struct ents *d, unsigned *line)
{
	char *copy = malloc(n + 1);
	bool shards;
	int err;

	memcpy(copy, text, n);
	copy[n] = '\0';
	err = meta_parse(copy, n, root, d, &shards, line);
	free(copy);
	return err;
}

static void print_all(const struct ents *d, struct buf *out)
{
	meta_header(out, false);
	for (size_t i = 0; i < d->n; i++)
		meta_print(out, &d->v[i]);
}

START_TEST(round_trip)
{
	struct ents d = {0};
	struct buf out = {0};
	const struct ent *x;
	unsigned line;

	ck_assert_msg(!parse(whole, strlen(whole), false, &d, &line), "line %u", line);
	ck_assert_uint_eq(d.n, 10);
	print_all(&d, &out);
	ck_assert_str_eq(out.p, whole);
	x = ents_find(&d, "a b\n");
	ck_assert(x && x->chunked && x->size == 9000000 && x->link == 255);
	ck_assert_uint_eq(x->rec.mode, S_IFREG | 04755);
	ck_assert_int_eq(x->mtime.tv_sec, -1);
	ck_assert_int_eq(x->mtime.tv_nsec, 500000000);
	x = ents_find(&d, "dir");
	ck_assert(x && x->nxattrs == 2 && x->rec.flags == RECORD_OPAQUE);
	ck_assert_str_eq(x->xattrs[0].name, "user.a= ");
	ck_assert(x->xattrs[0].len == 3 && !memcmp(x->xattrs[0].value, "v\0\xff", 3));
	x = ents_find(&d, "high\xff");
	ck_assert(x && x->rec.flags == (RECORD_META | RECORD_REDIRECT) && x->left == 2);
	ck_assert_str_eq(x->redirect, "usr/bin/%x");
	ck_assert_int_eq(x->rec.lower_mtime, -4);
	x = ents_find(&d, "dev");
	ck_assert(x && x->rec.rdev == makedev(1, 3));
	ck_assert(ents_find(&d, "a%")->rec.whiteout);
	ck_assert_ptr_null(ents_find(&d, "nix"));
	buf_free(&out);
	ents_free(&d);
}
END_TEST

START_TEST(forged)
{
	static const char *const lines[] = {
	    /* other spellings of what a line can say */
	    "a file mtime=01",
	    "a file mode=644 mtime=1",
	    "a file uid=0 mtime=1",
	    "a file uid=+5 mtime=1",
	    "a file uid=4294967296 mtime=1",
	    "a file uid=-1 mtime=1",
	    "a file mtime=1 uid=5",
	    "a file mtime=1 mtime=1",
	    "a file mtime=1.5",
	    "a file mtime=1.000000000",
	    "a file mtime=1.-00000001",
	    "a file  mtime=1",
	    "a file mtime=1 ",
	    "a file",
	    "a",
	    "",
	    " file mtime=1",
	    "%61 file mtime=1",
	    "%0a file mtime=1",
	    "a file mtime=1 x.b=1 x.a=1",
	    "a file mtime=1 x.a=1 x.a=1",
	    "a file mtime=1 x.a",
	    "a file mtime=1 x.=1",
	    "a file mtime=1 x.a%00=1",
	    "a file mtime=1 size=5",
	    "a file mtime=1 chunks",
	    "a file mtime=1 size=-1 chunks",
	    "a file mtime=1 size=5 chunks meta",
	    "a file mtime=1 meta",
	    "a file mtime=1 link=0",
	    "a file mtime=1 link=0000000000000000",
	    "a file mtime=1 link=FF",
	    "a file mtime=1 origin=0:0:0:0:0",
	    "a file mtime=1 origin=1:2:3:4",
	    "a file mtime=1 new=1",
	    /* what no layer could hold */
	    "a dir mtime=1 meta size=1",
	    "a dir mtime=1 size=1 chunks",
	    "a dir mtime=1 link=00000000000000ff",
	    "a file mtime=1 opaque",
	    "a link mtime=1 opaque",
	    "a file mtime=1 redirect=x",
	    "a dir mtime=1 redirect=/x",
	    "a dir mtime=1 redirect=../x",
	    "a dir mtime=1 redirect=x/../y",
	    "a dir mtime=1 redirect=x//y",
	    "a dir mtime=1 redirect=x/",
	    "a dir mtime=1 redirect=x%00",
	    "a file mode=10644 mtime=1",
	    "a char mtime=1",
	    "a file rdev=1:3 mtime=1",
	    "a char rdev=4096:0 mtime=1",
	    "a char rdev=1:1048576 mtime=1",
	    "a thing mtime=1",
	    "a gone mtime=1",
	    "/ file mtime=1",
	    "a/b file mtime=1",
	    ". dir mtime=1",
	    ".. dir mtime=1",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct buf b = {0};
		struct ents d = {0};
		unsigned line;
		meta_header(&b, false);
		buf_fmt(&b, "%s\n", lines[i]);
		ck_assert_msg(parse(b.p, b.len, false, &d, &line) == -EPROTO, "%s", lines[i]);
		ck_assert_uint_eq(line, 2);
		buf_free(&b);
		ents_free(&d);
	}
}
END_TEST

START_TEST(whole_texts)
{
	static const struct {
		const char *text;
		bool root;
		int ret;
	} t[] = {
	    {"%gaol 1\n", false, 0},
	    {"%gaol 1\n. dir mtime=1\n", true, 0},
	    {"%gaol 1\n. dir mtime=1\n", false, -EPROTO},
	    {"%gaol 1\n. file mtime=1\n", true, -EPROTO},
	    {"%gaol 1\n. gone\n", true, -EPROTO},
	    {"%gaol 1\na gone\nb gone\n", false, 0},
	    {"%gaol 1\nb gone\na gone\n", false, -EPROTO},
	    {"%gaol 1\na gone\na gone\n", false, -EPROTO},
	    {"%gaol 1\na gone", false, -EPROTO},
	    {"%gaol 1", false, -EPROTO},
	    {"%gaol 2\n", false, -EPROTO},
	    {"%gaol 1\na file x.user.a=1\n", false, -EPROTO},
	    {"%gaol 1\na file x.user.a=1 x.user.b=2 mtime=1\n", false, -EPROTO},
	    {"", false, -EPROTO},
	    {"a gone\n", false, -EPROTO},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct ents d = {0};
		unsigned line;
		ck_assert_msg(parse(t[i].text, strlen(t[i].text), t[i].root, &d, &line) == t[i].ret,
			      "%s", t[i].text);
		ents_free(&d);
	}
	/* a NUL inside */
	struct ents d = {0};
	unsigned line;
	ck_assert_int_eq(parse("%gaol 1\na\0b gone\n", 17, false, &d, &line), -EPROTO);
	ents_free(&d);
	ck_assert_int_eq(parse(good, strlen(good), false, &d, &line), -EPROTO);
	ck_assert_uint_eq(line, 3);
	ents_free(&d);
}
END_TEST

/* Whatever bytes change: it is refused, or it is a text that we would have written. */
START_TEST(random_damage)
{
	char text[sizeof(whole)];
	unsigned accepted = 0;

	srand(5);
	for (int i = 0; i < 100000; i++) {
		struct ents d = {0};
		struct buf out = {0};
		unsigned line;
		size_t n = strlen(whole);
		memcpy(text, whole, sizeof(whole));
		for (int k = rand() % 3; k >= 0; k--) {
			if (rand() % 4)
				text[8 + (size_t)rand() % (n - 8)] =
				    (char)(rand() % 4 ? 32 + rand() % 95 : rand());
			else
				n = 8 + (size_t)rand() % (n - 8);
			if (n < 12)
				break;
		}
		if (!parse(text, n, true, &d, &line)) {
			print_all(&d, &out);
			ck_assert(out.len == n && !memcmp(out.p, text, n));
			accepted++;
		}
		buf_free(&out);
		ents_free(&d);
	}
	ck_assert_uint_gt(accepted, 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("repo_meta");
	TCase *t = tcase_create("meta");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, round_trip);
	tcase_add_test(t, forged);
	tcase_add_test(t, whole_texts);
	tcase_add_test(t, random_damage);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
