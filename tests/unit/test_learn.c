/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What learn makes of events; tests/e2e/test_learn.sh has a real jail. */
#include "core/learn.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const base[] = {"usr", "srv", "opt", "proc"};
static const char present[] = "[net]\nmode = ask\nallow = old.example.org\ndeny = bad.example.org\n";

static struct learn *begin(struct conf *c)
{
	struct err e;

	ck_assert_int_eq(conf_parse(present, sizeof(present) - 1, "t", c, &e), 0);
	struct learn *l = learn_new(c, base, 4, &e);
	ck_assert_ptr_nonnull(l);
	return l;
}

static void tell(struct learn *l, unsigned class, unsigned op, const char *path, const char *path2)
{
	learn_event(l, &(struct event){.class = (uint16_t)class,
				       .op = (uint16_t)op,
				       .path = path,
				       .path_len = strlen(path),
				       .path2 = path2,
				       .path2_len = path2 ? strlen(path2) : 0});
}

static void propose(struct learn *l, struct conf *out)
{
	struct err e;

	ck_assert_int_eq(conf_parse(present, sizeof(present) - 1, "t", out, &e), 0);
	ck_assert_int_eq(learn_propose(l, out, &e), 0);
}

/* The word that c has for a path of its own, or NULL. */
static const char *word(const struct conf *c, const char *path)
{
	for (size_t i = 0; i < c->npaths; i++)
		if (!strcmp(c->paths[i].path, path))
			return auth_word_name(c->paths[i].word);
	return NULL;
}

START_TEST(places)
{
	struct conf c, out;
	struct learn *l = begin(&c);

	tell(l, EVENT_READ, EVENT_OPENREAD, "/usr/bin/x", NULL);
	tell(l, EVENT_CHANGE, EVENT_RENAME, "/usrlocal/a", "/srv/b");
	propose(l, &out);
	ck_assert_str_eq(word(&out, "/usr"), "read");
	ck_assert_ptr_null(word(&out, "/srv")); /* changed: as it was */
	ck_assert_str_eq(word(&out, "/opt"), "hide");
	ck_assert_ptr_null(word(&out, "/proc"));
	conf_free(&out);
	conf_free(&c);
	learn_free(l);
}
END_TEST

START_TEST(network)
{
	struct conf c, out;
	struct learn *l = begin(&c);

	tell(l, EVENT_NET, EVENT_CONNECT, "tcp/www.example.org:80 (192.0.2.1)", NULL);
	tell(l, EVENT_NET, EVENT_CONNECT, "tcp/www.example.org:80 (192.0.2.2)", NULL);
	tell(l, EVENT_NET, EVENT_CONNECT, "tcp/\x1b[2J (192.0.2.2)", NULL);
	tell(l, EVENT_NET, EVENT_BLOCK, "tcp/bad.example.org:80 (192.0.2.3)", "rule");
	propose(l, &out);
	ck_assert_int_eq(out.net, CONF_NET_LIST);
	ck_assert_uint_eq(out.net_allow.n, 1);
	ck_assert_str_eq(out.net_allow.v[0], "tcp/www.example.org:80");
	ck_assert_uint_eq(out.net_deny.n, 1);
	conf_free(&out);
	conf_free(&c);
	learn_free(l);
}
END_TEST

START_TEST(nothing_reached)
{
	struct conf c, out;
	struct learn *l = begin(&c);

	propose(l, &out);
	ck_assert_int_eq(out.net, CONF_NET_NONE);
	ck_assert_str_eq(word(&out, "/opt"), "read"); /* no reads were recorded */
	conf_free(&out);
	conf_free(&c);
	learn_free(l);
}
END_TEST

/* A guest decides how many there are, and what they are called. */
START_TEST(bounded)
{
	struct conf c;
	struct learn *l = begin(&c);
	struct learn_facts f;
	char path[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/d%d", i % 500);
		tell(l, EVENT_DENIED, EVENT_REFUSE, path, NULL);
	}
	learn_facts(l, &f);
	ck_assert_uint_eq(f.ndenied, LEARN_TOLD_MAX);
	ck_assert_uint_eq(f.denied[0].times, 2);
	ck_assert_uint_eq(f.more, 600);
	conf_free(&c);
	learn_free(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("learn");
	TCase *t = tcase_create("learn");

	tcase_add_test(t, places);
	tcase_add_test(t, network);
	tcase_add_test(t, nothing_reached);
	tcase_add_test(t, bounded);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
