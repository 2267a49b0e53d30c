/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker's words, in this process and as a program of its own. */
#include "core/repo/worker.h"
#include "tests/unit/repo_jail.h"

static bool keep_last(void *user, const json_t *o)
{
	json_t **last = user;

	json_decref(*last);
	*last = json_deep_copy(o);
	return true;
}

/* Runs a request, gives its "ok" (borrowed from *last), or NULL. */
static json_t *ask(struct tjail *j, json_t **last, const char *text)
{
	json_t *q = json_loads(text, 0, NULL);
	int err;

	ck_assert_ptr_nonnull(q);
	err = worker_run(j->fd, -1, q, keep_last, last);
	json_decref(q);
	ck_assert(!err == !!json_object_get(*last, "ok"));
	ck_assert_int_eq(json_integer_value(json_object_get(*last, "code")), -err);
	return json_object_get(*last, "ok");
}

static long num(const json_t *o, const char *key)
{
	return (long)json_integer_value(json_object_get(o, key));
}

START_TEST(words)
{
	struct tjail j;
	json_t *last = NULL, *o;

	tjail_make(&j);
	dir_remove_tree(j.fd, "checkpoints.git");
	ck_assert_ptr_null(ask(&j, &last, "{\"op\":\"status\"}"));
	o = ask(&j, &last, "{\"op\":\"create\"}");
	ck_assert_int_eq(num(o, "number"), 1);
	ck_assert_str_eq(json_string_value(json_object_get(o, "kind")), "initial");
	ck_assert_ptr_null(ask(&j, &last, "{\"op\":\"create\"}"));
	ck_assert(json_is_false(json_object_get(ask(&j, &last, "{\"op\":\"needed\"}"), "needed")));
	put_str(j.upper, "a", "x");
	ck_assert(json_is_true(json_object_get(ask(&j, &last, "{\"op\":\"needed\"}"), "needed")));
	o = ask(&j, &last, "{\"op\":\"save\",\"kind\":\"auto\"}");
	ck_assert_int_eq(num(o, "number"), 2);
	ck_assert_int_eq(num(o, "added"), 1);
	o = ask(&j, &last, "{\"op\":\"save\",\"kind\":\"auto\"}");
	ck_assert(json_is_true(json_object_get(o, "unchanged")));
	o = ask(&j, &last, "{\"op\":\"rollback\",\"to\":\"1\"}");
	ck_assert_int_eq(num(o, "number"), 1);
	ck_assert_int_eq(num(o, "saved"), 0);
	ck_assert_int_eq(num(o, "entries"), 1);
	ck_assert_int_ne(faccessat(j.upper, "a", F_OK, 0), 0);
	o = ask(&j, &last, "{\"op\":\"redo\"}");
	ck_assert_int_eq(num(o, "number"), 2);
	ck_assert_int_eq(faccessat(j.upper, "a", F_OK, 0), 0);
	ck_assert_ptr_null(ask(&j, &last, "{\"op\":\"redo\"}"));
	ck_assert_ptr_null(ask(&j, &last, "{\"op\":\"rollback\",\"to\":\"9\",\"name\":\"d\"}"));
	ck_assert_str_eq(json_string_value(json_object_get(last, "error")),
			 "no checkpoint 9: the newest is 2: see `gaol log d`");
	o = ask(&j, &last, "{\"op\":\"recover\"}");
	ck_assert(json_is_false(json_object_get(o, "recovered")));
	ck_assert_ptr_null(ask(&j, &last, "{\"op\":\"dance\"}"));
	ck_assert_ptr_null(ask(&j, &last, "{}"));
	ck_assert_ptr_null(ask(&j, &last, "{\"op\":\"save\",\"kind\":\"odd\"}"));
	json_decref(last);
	tjail_free(&j);
}
END_TEST

/* As exec'ed: descriptor 3, one object in, lines out. */
START_TEST(program)
{
	static const char request[] = "{\"op\":\"save\",\"kind\":\"hand\",\"message\":\"hi\"}";
	struct tjail j;
	int in[2], out[2], status;
	char line[4096];
	ssize_t n;
	json_t *o;
	pid_t pid;

	tjail_make(&j);
	put_str(j.upper, "a", "x");
	ck_assert(!pipe(in) && !pipe(out));
	pid = fork();
	if (!pid) {
		char name[] = "gaol", verb[] = "worker", *argv[] = {name, verb, NULL};
		int a = fcntl(in[0], F_DUPFD, 20), b = fcntl(out[1], F_DUPFD, 20),
		    c = fcntl(j.fd, F_DUPFD, 20);
		dup2(a, 0);
		dup2(b, 1);
		dup2(c, 3);
		close_range(4, ~0u, 0);
		_exit(worker_main(2, argv));
	}
	close(in[0]);
	close(out[1]);
	ck_assert_int_eq(fd_write_full(in[1], request, strlen(request)), 0);
	close(in[1]);
	n = fd_read_full(out[0], line, sizeof(line) - 1);
	close(out[0]);
	ck_assert_int_gt(n, 0);
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
	ck_assert_int_eq(line[n - 1], '\n');
	o = json_loadb(line, (size_t)n, JSON_DISABLE_EOF_CHECK, NULL);
	ck_assert_int_eq(num(json_object_get(o, "ok"), "number"), 1);
	json_decref(o);
	tjail_free(&j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("repo_worker");
	TCase *t = tcase_create("worker");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, words);
	tcase_add_test(t, program);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
