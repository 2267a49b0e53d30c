/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kill -9 at any moment: a child runs random operations on a layer and a plain directory, plain
 * first. After the kill, the reopened layer must be what the plain directory was before the last
 * operation or what it is now, and nothing is left in work/. GAOL_CRASH_KILLS sets the count.
 */
#include "tests/unit/layerdigest.h"
#include "tests/unit/layerops.h"
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct shared {
	volatile unsigned long steps;
	volatile uint64_t digest; /* of plain, after that many steps */
};

static void run_child(struct model *m, struct shared *s)
{
	layer_start(m);
	for (;;) {
		m->step++;
		step(m);
		s->digest = digest_plain(m->plain, "");
		s->steps++;
	}
}

/* The layer is a step behind: both start again. */
static void start_again(struct model *m)
{
	close(m->plain);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, m->top), 0);
	setup(m);
	layer_close(m->l);
}

START_TEST(killed)
{
	const char *env = getenv("GAOL_CRASH_KILLS");
	unsigned long kills = env ? strtoul(env, NULL, 10) : 30, before = 0, after = 0;
	struct model *m = calloc(1, sizeof(*m));
	struct shared *s =
	    mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: the plain side needs root for chown and mknod\n");
		free(m);
		return;
	}
	umask(0);
	m->seed = 11;
	setup(m);
	layer_close(m->l);
	for (unsigned long k = 0; k < kills; k++) {
		unsigned long goal, spin;
		uint64_t now, was;
		int status;
		pid_t pid;
		s->steps = 0;
		s->digest = digest_plain(m->plain, "");
		m->seed += k;
		goal = rnd(m, 200);
		spin = rnd(m, 600000); /* up to some ms: plain, layer, digest */
		pid = fork();
		if (!pid)
			run_child(m, s);
		while (s->steps < goal && waitpid(pid, &status, WNOHANG) == 0)
			sched_yield();
		for (volatile unsigned long i = 0; i < spin; i++)
			;
		ck_assert_msg(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid,
			      "the child failed by itself");
		ck_assert(WIFSIGNALED(status));
		snprintf(m->what, sizeof(m->what), "kill %lu after %lu steps", k, s->steps);
		layer_start(m);
		work_is_clean(m);
		now = digest_layer(m, LAYER_ROOT, "");
		was = digest_plain(m->plain, "");
		if (now != s->digest && now != was)
			differ(m, "a state that never was", (long)s->steps, (long)k);
		before += now == s->digest && now != was;
		after += now == was;
		layer_close(m->l);
		if (now != was)
			start_again(m);
	}
	ck_assert_uint_eq(before + after, kills);
	printf("%lu kills: %lu before the last operation, %lu after it\n", kills, before, after);
	close(m->plain);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, m->top), 0);
	munmap(s, sizeof(*s));
	free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layer crash");
	TCase *t = tcase_create("kill");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 0);
	tcase_add_test(t, killed);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
