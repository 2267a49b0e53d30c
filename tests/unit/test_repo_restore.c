/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rollback and redo: the layer comes back in everything a checkpoint keeps, also through kills. */
#include "core/repo/log.h"
#include "core/repo/restore.h"
#include "tests/unit/repo_jail.h"
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>

static struct repo *open_repo(struct tjail *j)
{
	struct repo *r;
	struct err e = {""};

	ck_assert_msg(!repo_open(&r, j->fd, &e), "%s", e.text);
	return r;
}

static unsigned do_save(struct tjail *j, enum ckpt_kind kind)
{
	struct save_request q = {.kind = kind, .always = true};
	struct save_result out;
	struct repo *r = open_repo(j);
	struct err e = {""};

	ck_assert_msg(!save(r, &q, &out, NULL, &e), "%s", e.text);
	repo_close(r);
	return out.number;
}

static struct restore_result roll(struct tjail *j, const char *to, bool redo)
{
	struct restore_request q = {.to = to, .redo = redo, .name = "t"};
	struct restore_result out;
	struct repo *r = open_repo(j);
	struct err e = {""};

	ck_assert_msg(!restore(r, &q, &out, NULL, &e), "%s", e.text);
	repo_close(r);
	return out;
}

static void is_saved(struct tjail *j)
{
	struct repo *r = open_repo(j);
	struct err e = {""};

	ck_assert_int_eq(save_needed(r, NULL, &e), 0);
	repo_close(r);
}

static void has_state(struct tjail *j, const char *want)
{
	char *got = describe(j);

	same_text(want, got);
	free(got);
}

/* Changes a random layer at random: removes, renames, links, rewrites, chmods. */
static void mutate_dir(struct tjail *j, int dirfd, int depth)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	char names[512][256];
	size_t n = 0;

	for (struct dirent *de; n < 512 && (de = readdir(dir));)
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			strcpy(names[n++], de->d_name);
	closedir(dir);
	for (size_t i = 0; i < n; i++) {
		struct record r;
		struct stat st;
		cleanup_fd int sub = -1;
		if (record_read_at(dirfd, names[i], &st, &r))
			continue;
		if (S_ISDIR(st.st_mode) && rnd(3)) {
			sub = openat(dirfd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
			mutate_dir(j, sub, depth + 1);
		}
		switch (rnd(9)) {
		case 0:
			dir_remove_tree(dirfd, names[i]);
			break;
		case 1:
			renameat(dirfd, names[i], dirfd, hostile[rnd(NHOSTILE)]);
			break;
		case 2:
			/* The name may be taken: then nothing changes. */
			if (!S_ISDIR(st.st_mode) && !r.whiteout &&
			    linkat(dirfd, names[i], j->upper, hostile[rnd(NHOSTILE)], 0))
				ck_assert_int_eq(errno, EEXIST);
			break;
		case 3:
			if (!r.whiteout) {
				r.mode ^= 0111;
				r.uid = rnd(100);
				set_record(dirfd, names[i], &r);
			}
			break;
		case 4:
			if (!S_ISDIR(st.st_mode) && !r.whiteout && S_ISREG(r.mode) && !r.flags)
				put_str(dirfd, names[i], "changed");
			break;
		case 5:
			renameat(dirfd, names[i], j->upper, hostile[rnd(NHOSTILE)]);
			break;
		case 6:
			dir_remove_tree(dirfd, names[i]);
			random_entry(j, dirfd, names[i], 2);
			break;
		default:
			break;
		}
	}
}

static void mutate(struct tjail *j)
{
	cleanup_fd int index = openat(j->fd, "work/index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	mutate_dir(j, j->upper, 0);
	if (!rnd(3)) {
		dir_remove_tree(j->fd, "work/index");
		mkdirat(j->fd, "work/index", 0700);
	}
	random_dir(j, j->upper, 2);
	random_dir_times(j->upper);
}

/*
 * Inodes whose links were removed by hand may have one link but a group's name, and links counted
 * by the index: no matter, as long as the same comes back.
 */
START_TEST(random_round_trips)
{
	for (unsigned seed = 0; seed < 10; seed++) {
		struct tjail j;
		char *a, *b, *c;
		struct restore_result out;
		srand(100 + seed);
		tjail_make(&j);
		ck_assert_uint_eq(do_save(&j, CKPT_INITIAL), 1);
		random_layer(&j, 3);
		a = describe(&j);
		ck_assert_uint_eq(do_save(&j, CKPT_HAND), 2);
		mutate(&j);
		b = describe(&j);
		/* into an empty layer, and back */
		out = roll(&j, "1", false);
		ck_assert_uint_eq(out.saved, 3);
		is_saved(&j);
		out = roll(&j, NULL, true);
		ck_assert_uint_eq(out.number, 3);
		ck_assert_uint_eq(out.saved, 0);
		has_state(&j, b);
		is_saved(&j);
		out = roll(&j, "2", false);
		has_state(&j, a);
		is_saved(&j);
		mutate(&j);
		c = describe(&j);
		out = roll(&j, "3", false);
		ck_assert_uint_eq(out.saved, 4);
		has_state(&j, b);
		out = roll(&j, NULL, true);
		has_state(&j, c);
		is_saved(&j);
		fsck_is_clean(&j);
		free(a);
		free(b);
		free(c);
		tjail_free(&j);
	}
}
END_TEST

/* What the brief of a person is: z, z again, Z. */
START_TEST(default_target_and_redo)
{
	struct tjail j;
	struct restore_result out;
	struct restore_request q = {.redo = true};
	struct checkpoint c;
	struct repo *r;
	struct err e = {""};
	struct buf refs = {0};

	tjail_make(&j);
	do_save(&j, CKPT_INITIAL); /* 1 */
	put_str(j.upper, "f", "two");
	do_save(&j, CKPT_HAND); /* 2 */
	put_str(j.upper, "f", "three");
	do_save(&j, CKPT_HAND); /* 3 */
	put_str(j.upper, "f", "four");
	do_save(&j, CKPT_AUTO); /* 4 */
	put_str(j.upper, "f", "now");
	out = roll(&j, NULL, false);
	ck_assert_uint_eq(out.number, 3);
	ck_assert_uint_eq(out.saved, 5);
	ck_assert_uint_eq(out.from, 5);
	out = roll(&j, "", false);
	ck_assert_uint_eq(out.number, 2);
	ck_assert_uint_eq(out.saved, 0);
	out = roll(&j, NULL, false);
	ck_assert_uint_eq(out.number, 1);
	out = roll(&j, NULL, false);
	ck_assert(out.unchanged);
	ck_assert_uint_eq(out.number, 1);
	/* back, one by one */
	ck_assert_uint_eq(roll(&j, NULL, true).number, 2);
	ck_assert_uint_eq(roll(&j, NULL, true).number, 3);
	git(&j, &refs, "for-each-ref", "--format=%(refname)", "refs/heads", NULL);
	ck_assert_str_eq(refs.p, "refs/heads/main\nrefs/heads/undone/5\n");
	ck_assert_uint_eq(roll(&j, NULL, true).number, 5);
	buf_reset(&refs);
	git(&j, &refs, "for-each-ref", "--format=%(refname)", "refs/heads", NULL);
	ck_assert_str_eq(refs.p, "refs/heads/main\n");
	buf_free(&refs);
	r = open_repo(&j);
	ck_assert_int_eq(restore(r, &q, &out, NULL, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "nothing was rolled back"));
	/* the line that a rollback leaves, with work after it */
	repo_close(r);
	roll(&j, "2", false);
	put_str(j.upper, "f", "other");
	ck_assert_uint_eq(do_save(&j, CKPT_HAND), 6);
	r = open_repo(&j);
	ck_assert_int_eq(log_resolve(r, "6", "t", &c, &e), 0);
	ck_assert(c.present && !c.abandoned);
	checkpoint_free(&c);
	ck_assert_int_eq(log_resolve(r, "5", "t", &c, &e), 0);
	ck_assert(!c.present && c.abandoned);
	checkpoint_free(&c);
	repo_close(r);
	/* rolling back to what is there does nothing */
	out = roll(&j, "6", false);
	ck_assert(out.unchanged);
	ck_assert_uint_eq(out.saved, 0);
	fsck_is_clean(&j);
	tjail_free(&j);
}
END_TEST

START_TEST(ids)
{
	static const struct {
		const char *id;
		unsigned number;
	} good[] = {{"", 4},	{"4", 4},  {"~", 3},   {"~1", 3},   {"~3", 1},
		    {"3~1", 2}, {"3~", 2}, {"old", 2}, {"old~1", 1}};
	static const struct {
		const char *id, *says;
	} bad[] = {{"9", "no checkpoint 9: the newest is 4: see `gaol log demo`"},
		   {"~4", "does not go back that far"},
		   {"nix", "no checkpoint nix: the newest is 4"},
		   {"3~x", "no ID"},
		   {"0", "no checkpoint 0"}};
	struct tjail j;
	struct repo *r;
	struct checkpoint c;
	struct err e = {""};
	char hash[64];

	tjail_make(&j);
	r = open_repo(&j);
	ck_assert_int_eq(log_resolve(r, "1", "demo", &c, &e), -ENOENT);
	for (int i = 0; i < 4; i++)
		do_save(&j, i ? CKPT_HAND : CKPT_INITIAL);
	ck_assert_int_eq(log_resolve(r, "2", "demo", &c, &e), 0);
	ck_assert_int_eq(log_tag(r, &c, "old", &e), 0);
	ck_assert_int_eq(log_tag(r, &c, "old", &e), -EEXIST);
	ck_assert_int_eq(log_tag(r, &c, "12", &e), -EINVAL);
	ck_assert_int_eq(log_tag(r, &c, "a b", &e), -EINVAL);
	ck_assert_int_eq(log_tag(r, &c, "deadbeef", &e), -EINVAL);
	ck_assert_int_eq(log_tag(r, &c, "a/b", &e), -EINVAL);
	strcpy(hash, c.hash);
	checkpoint_free(&c);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ck_assert_msg(!log_resolve(r, good[i].id, "demo", &c, &e), "%s: %s", good[i].id,
			      e.text);
		ck_assert_uint_eq(c.number, good[i].number);
		checkpoint_free(&c);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_int_lt(log_resolve(r, bad[i].id, "demo", &c, &e), 0);
		ck_assert_msg(strstr(e.text, bad[i].says), "%s: %s", bad[i].id, e.text);
	}
	hash[7] = '\0';
	ck_assert_int_eq(log_resolve(r, hash, "demo", &c, &e), 0);
	ck_assert_str_eq(c.tags[0], "old");
	ck_assert_uint_eq(c.number, 2);
	checkpoint_free(&c);
	ck_assert_int_eq(log_untag(r, "old", &e), 0);
	ck_assert_int_eq(log_untag(r, "old", &e), -ENOENT);
	repo_close(r);
	tjail_free(&j);
}
END_TEST

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* A child that rolls back, killed after us microseconds. */
static void roll_and_kill(struct tjail *j, const char *to, int64_t us)
{
	struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	pid_t pid = fork();

	if (!pid) {
		struct restore_request q = {.to = to};
		struct restore_result out;
		struct repo *r;
		if (repo_open(&r, j->fd, NULL))
			_exit(2);
		_exit(restore(r, &q, &out, NULL, NULL) ? 1 : 0);
	}
	ck_assert_int_gt(pid, 0);
	nanosleep(&ts, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The present is one of the two, whole; and what the refs say fits. */
static int which_state(struct tjail *j, const char *a, const char *b)
{
	char *got;
	struct repo *r = open_repo(j);
	struct err e = {""};
	int is_a, is_b;

	ck_assert_msg(!restore_recover(r, NULL, &e), "%s", e.text);
	repo_close(r);
	got = describe(j);
	is_a = !strcmp(got, a);
	is_b = !strcmp(got, b);
	if (!is_a && !is_b)
		same_text(a, got);
	free(got);
	is_saved(j);
	return is_b;
}

static void fill_many(struct tjail *j, const char *text)
{
	for (int i = 0; i < 20; i++) {
		char name[32];
		cleanup_fd int d = -1;
		snprintf(name, sizeof(name), "d%d", i);
		dir_remove_tree(j->upper, name);
		d = put_dir(j->upper, name);
		for (int k = 0; k < 25; k++) {
			snprintf(name, sizeof(name), "f%d", k);
			put_str(d, name, text);
		}
	}
}

START_TEST(kills_in_rollback)
{
	struct tjail j;
	char *a, *b;
	int64_t whole;
	int now, seen[2] = {0};

	srand(42);
	tjail_make(&j);
	do_save(&j, CKPT_INITIAL);
	random_layer(&j, 3);
	fill_many(&j, "before");
	a = describe(&j);
	do_save(&j, CKPT_HAND); /* 2 */
	mutate(&j);
	fill_many(&j, "after");
	b = describe(&j);
	do_save(&j, CKPT_HAND); /* 3 */
	whole = now_us();
	roll(&j, "2", false);
	whole = now_us() - whole;
	has_state(&j, a);
	now = 0;
	for (int i = 0; i < 20; i++) {
		int64_t at = whole * (int64_t)rnd(1200) / 1000;
		roll_and_kill(&j, now ? "2" : "3", at);
		now = which_state(&j, a, b);
		seen[now]++;
		fsck_is_clean(&j);
	}
	ck_assert(seen[0] + seen[1] == 20);
	free(a);
	free(b);
	tjail_free(&j);
}
END_TEST

/* A kill right behind the journal leaves everything to recovery; a second one in recovery too. */
START_TEST(recovery_is_repeatable)
{
	struct tjail j;
	char *a, *b;
	int rounds = 0;

	srand(43);
	tjail_make(&j);
	do_save(&j, CKPT_INITIAL);
	random_layer(&j, 3);
	fill_many(&j, "before");
	a = describe(&j);
	do_save(&j, CKPT_HAND);
	mutate(&j);
	fill_many(&j, "after");
	b = describe(&j);
	do_save(&j, CKPT_HAND);
	for (int64_t at = 1000; rounds < 6 && at < 3000000; at += at / 4) {
		struct repo *r;
		bool pending;
		roll_and_kill(&j, "2", at);
		r = open_repo(&j);
		pending = restore_pending(r);
		repo_close(r);
		for (int i = 0; pending && i < 3; i++) {
			struct timespec ts = {.tv_nsec = (long)rnd(20000000)};
			pid_t pid = fork();
			if (!pid) {
				if (!repo_open(&r, j.fd, NULL))
					restore_recover(r, NULL, NULL);
				_exit(0);
			}
			nanosleep(&ts, NULL);
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		rounds += pending;
		if (which_state(&j, b, a))
			roll(&j, "3", false);
		has_state(&j, b);
	}
	free(a);
	free(b);
	tjail_free(&j);
}
END_TEST

START_TEST(kills_in_save)
{
	struct tjail j;
	struct buf out = {0};

	srand(44);
	tjail_make(&j);
	do_save(&j, CKPT_INITIAL);
	for (int i = 0; i < 20; i++) {
		struct timespec ts = {.tv_nsec = (long)rnd(60000000)};
		char text[16];
		unsigned before, after;
		struct repo *r;
		struct err e = {""};
		struct checkpoint c;
		pid_t pid;
		snprintf(text, sizeof(text), "%d", i);
		fill_many(&j, text);
		r = open_repo(&j);
		ck_assert_int_eq(log_resolve(r, "", "t", &c, &e), 0);
		before = c.number;
		checkpoint_free(&c);
		repo_close(r);
		pid = fork();
		if (!pid) {
			struct save_request q = {.kind = CKPT_HAND};
			struct save_result got;
			if (!repo_open(&r, j.fd, NULL))
				save(r, &q, &got, NULL, NULL);
			_exit(0);
		}
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		fsck_is_clean(&j);
		after = do_save(&j, CKPT_HAND);
		ck_assert_uint_gt(after, before);
		is_saved(&j);
		fsck_is_clean(&j);
	}
	buf_free(&out);
	tjail_free(&j);
}
END_TEST

START_TEST(rename_in_flight_is_refused)
{
	struct tjail j;
	struct restore_request q = {.to = "1"};
	struct restore_result out;
	struct repo *r;
	struct err e = {""};

	tjail_make(&j);
	do_save(&j, CKPT_INITIAL);
	put_str(j.upper, "f", "x");
	put_str(j.fd, "work/rename", "x");
	r = open_repo(&j);
	ck_assert_int_eq(restore(r, &q, &out, NULL, &e), -EBUSY);
	repo_close(r);
	tjail_free(&j);
}
END_TEST

/* A directory whose own line is the same keeps its times, whatever is renamed into it. */
START_TEST(times_of_unchanged_directories)
{
	struct tjail j;
	char *a;

	tjail_make(&j);
	do_save(&j, CKPT_INITIAL);
	close(put_dir(j.upper, "d"));
	close(put_dir(j.upper, "d/e"));
	put_str(j.upper, "d/e/f", "one");
	for (const char *const *n = (const char *const[]){"d/e", "d", ".", NULL}; *n; n++)
		set_times(j.upper, *n, 1000, 7);
	a = describe(&j);
	do_save(&j, CKPT_HAND);
	/* writing into a file changes no directory's times */
	put_str(j.upper, "d/e/f", "two");
	roll(&j, "2", false);
	has_state(&j, a);
	free(a);
	tjail_free(&j);
}
END_TEST

/* Two writers at once: the second is told. */
START_TEST(one_writer)
{
	struct tjail j;
	struct save_request q = {.kind = CKPT_HAND};
	struct save_result out;
	cleanup_fd int gaol = -1;
	struct repo *r;
	struct err e = {""};

	tjail_make(&j);
	do_save(&j, CKPT_INITIAL);
	gaol = openat(j.fd, "checkpoints.git/gaol", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(flock(gaol, LOCK_EX), 0);
	r = open_repo(&j);
	ck_assert_int_eq(save(r, &q, &out, NULL, &e), -EBUSY);
	ck_assert_int_eq(restore_recover(r, NULL, &e), -EBUSY);
	flock(gaol, LOCK_UN);
	ck_assert_int_eq(save(r, &q, &out, NULL, &e), 0);
	ck_assert_int_eq(restore_recover(r, NULL, &e), 0);
	repo_close(r);
	tjail_free(&j);
}
END_TEST

/* Files cannot grow beyond a limit, as on a full disk: save or rollback fails, all stays as it was.
 */
START_TEST(no_space)
{
	struct tjail j;
	char *a, *b, *big = xmalloc(4 << 20);

	srand(45);
	for (int i = 0; i < 4 << 20; i++)
		big[i] = (char)rnd(256);
	tjail_make(&j);
	do_save(&j, CKPT_INITIAL);
	random_layer(&j, 3);
	put_file(j.upper, "big", big, 4 << 20);
	a = describe(&j);
	do_save(&j, CKPT_HAND); /* 2 */
	mutate(&j);
	put_file(j.upper, "big", big, 3 << 20);
	put_file(j.upper, "big2", big + 1000, 2 << 20);
	b = describe(&j);
	for (int round = 0; round < 2; round++) {
		pid_t pid = fork();
		int status;
		if (!pid) {
			struct rlimit rl = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
			struct save_request q = {.kind = CKPT_HAND};
			struct restore_request rq = {.to = "2"};
			struct save_result so;
			struct restore_result ro;
			struct repo *r;
			struct err e = {""};
			int ret;
			signal(SIGXFSZ, SIG_IGN);
			if (repo_open(&r, j.fd, NULL) || setrlimit(RLIMIT_FSIZE, &rl))
				_exit(9);
			ret = round ? restore(r, &rq, &ro, NULL, &e) : save(r, &q, &so, NULL, &e);
			_exit(ret == -EFBIG && *e.text ? 0 : 1);
		}
		waitpid(pid, &status, 0);
		ck_assert_int_eq(status, 0);
		fsck_is_clean(&j);
		ck_assert(faccessat(j.fd, "checkpoints.git/gaol/stage", F_OK, 0));
		has_state(&j, b);
		do_save(&j, CKPT_HAND);
	}
	roll(&j, "2", false);
	has_state(&j, a);
	free(a);
	free(b);
	free(big);
	tjail_free(&j);
}
END_TEST

START_TEST(deep_directories)
{
	struct tjail j;
	char *a;
	int fd, up;

	tjail_make(&j);
	do_save(&j, CKPT_INITIAL);
	up = dup(j.upper);
	for (int i = 0; i < 200; i++) {
		fd = put_dir(up, "a directory with a name of some length");
		put_str(fd, "f", "x");
		close(up);
		up = fd;
	}
	close(up);
	a = describe(&j);
	do_save(&j, CKPT_HAND);
	roll(&j, "1", false);
	roll(&j, NULL, true);
	has_state(&j, a);
	fsck_is_clean(&j);
	free(a);
	tjail_free(&j);
}
END_TEST

/* A repository that was tampered with is refused, and the layer stays. */
START_TEST(forged_trees)
{
	static const char *const metas[] = {
	    "%gaol 1\n. dir mtime=1\n../x file mtime=1\n",
	    "%gaol 1\n. dir mtime=1\na file mtime=1\n",
	    "%gaol 1\n. dir mtime=1\n%2E%2E dir mtime=1\n",
	    "%gaol 1\na gone\n",
	    "%gaol 2\n. dir mtime=1\n",
	    "%gaol 1 shards\n. dir mtime=1\na gone\n",
	    "%gaol 1\n. dir mtime=1\nb gone\na gone\n",
	    "%gaol 1\n. dir mtime=1\na gone\na gone\n",
	    "%gaol 1\n. dir mtime=1\na gone mode=644\n",
	    "%gaol 1\n. dir mtime=1\na file mtime=1 size=5 meta redirect=../../etc/shadow\n",
	    "%gaol 1\n. dir mtime=1\na file mode=644 mtime=1 size=1 meta\n",
	    "%gaol 1\n. file mtime=1 size=1 meta\n",
	    "%gaol 1\n. dir mtime=1\nx/y gone\n",
	};
	struct tjail j;
	char *before;

	tjail_make(&j);
	do_save(&j, CKPT_INITIAL);
	put_str(j.upper, "keep", "x");
	do_save(&j, CKPT_HAND);
	before = describe(&j);
	for (size_t i = 0; i < sizeof(metas) / sizeof(*metas); i++) {
		struct buf blob = {0}, tree = {0}, commit = {0}, spec = {0};
		struct restore_request q = {.to = "forged"};
		struct restore_result out;
		struct repo *r;
		struct err e = {""};
		char msg[] = "x\n\nGaol-Number: 77\nGaol-Kind: hand\n", file[128];
		put_str(j.fd, "meta", metas[i]);
		snprintf(file, sizeof(file), "%s/meta", j.path);
		ck_assert_int_eq(git(&j, &blob, "hash-object", "-w", file, NULL), 0);
		blob.p[40] = '\0';
		/* mktree and commit-tree read their input from files of their own */
		buf_fmt(&spec,
			"printf '100644 blob %s\\t%%%%meta\\n' | git --git-dir=%s/"
			"checkpoints.git mktree",
			blob.p, j.path);
		const char *sh[] = {"sh", "-c", spec.p, NULL};
		ck_assert_int_eq(run(sh, &tree), 0);
		tree.p[40] = '\0';
		const char *env[] = {"env",
				     "GIT_AUTHOR_NAME=x",
				     "GIT_AUTHOR_EMAIL=x",
				     "GIT_COMMITTER_NAME=x",
				     "GIT_COMMITTER_EMAIL=x",
				     "git",
				     "-C",
				     NULL,
				     "commit-tree",
				     "-m",
				     msg,
				     tree.p,
				     NULL};
		char dir[128];
		snprintf(dir, sizeof(dir), "%s/checkpoints.git", j.path);
		env[7] = dir;
		ck_assert_msg(run(env, &commit) == 0, "%s", buf_cstr(&commit));
		commit.p[40] = '\0';
		buf_reset(&spec);
		ck_assert_int_eq(git(&j, &spec, "update-ref", "refs/tags/forged", commit.p, NULL),
				 0);
		r = open_repo(&j);
		ck_assert_msg(restore(r, &q, &out, NULL, &e) == -EPROTO, "%zu: %s", i, e.text);
		repo_close(r);
		has_state(&j, before);
		buf_free(&blob);
		buf_free(&tree);
		buf_free(&commit);
		buf_free(&spec);
	}
	free(before);
	tjail_free(&j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("repo_restore");
	TCase *t = tcase_create("restore");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, random_round_trips);
	tcase_add_test(t, default_target_and_redo);
	tcase_add_test(t, ids);
	tcase_add_test(t, kills_in_rollback);
	tcase_add_test(t, recovery_is_repeatable);
	tcase_add_test(t, kills_in_save);
	tcase_add_test(t, rename_in_flight_is_refused);
	tcase_add_test(t, times_of_unchanged_directories);
	tcase_add_test(t, one_writer);
	tcase_add_test(t, no_space);
	tcase_add_test(t, deep_directories);
	tcase_add_test(t, forged_trees);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
