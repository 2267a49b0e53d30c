/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams of objects: what goes in comes out, and what is compressed already is left as it is. */
#include "core/repo/squeeze.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/fd.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define N ((size_t)1 << 20)

struct sink {
	int fd;
	size_t n;
};

static int put(void *user, const void *p, size_t n)
{
	struct sink *s = user;

	s->n += n;
	return fd_write_full(s->fd, p, n);
}

/* The stream's length; what comes out again must be what went in. */
static size_t through(struct squeeze *s, const uint8_t *data, size_t n)
{
	struct sink to = {.fd = memfd_create("stream", MFD_CLOEXEC)};
	uint8_t *out = xmalloc(n + 1);

	ck_assert_int_ge(to.fd, 0);
	ck_assert_int_eq(squeeze(s, data, n, put, &to), 0);
	ck_assert_int_eq(unsqueeze_at(to.fd, 0, out, n), 0);
	ck_assert(!memcmp(out, data, n));
	ck_assert_int_ne(unsqueeze_at(to.fd, to.n, out, n), 0);
	close(to.fd);
	free(out);
	return to.n;
}

static void fill_random(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 256)
		ck_assert_int_eq(getrandom(p + i, 256, 0), 256);
}

START_TEST(streams)
{
	uint8_t *noise = xmalloc(N), *text = xcalloc(1, N), *half = xmalloc(N);
	struct squeeze s;

	fill_random(noise, N);
	for (size_t i = 0; i < N; i++)
		text[i] = (uint8_t)"gaol "[i % 5];
	memcpy(half, noise, N);
	memcpy(half + N / 2 - 8192, text, 16384);
	ck_assert(squeeze_begin(&s));
	/* each after each other one: the level is what the object needs, not what the last one did */
	for (int k = 0; k < 3; k++) {
		size_t n = through(&s, noise, N);
		ck_assert_uint_gt(n, N);
		ck_assert_uint_lt(n, N + N / 1000);
		ck_assert_uint_lt(through(&s, text, N), N / 50);
		ck_assert_uint_lt(through(&s, half, N), N);
		ck_assert_uint_gt(through(&s, noise, 4096), 4096);
		ck_assert_uint_lt(through(&s, text, 4096), 400);
	}
	squeeze_end(&s);
	free(noise);
	free(text);
	free(half);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("squeeze");
	TCase *t = tcase_create("all");

	tcase_add_test(t, streams);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
