/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Views as text: real jails on disk, real repositories, a warden that is played (fakewarden.h). */
#include "core/conf.h"
#include "core/loop.h"
#include "core/repo/restore.h"
#include "core/repo/save.h"
#include "core/text.h"
#include "tests/unit/fakewarden.h"
#include "views/jobs.h"
#include "views/journal.h"
#include "views/model.h"
#include "views/view.h"
#include <fcntl.h>
#include <time.h>

#define HOSTILE "a\033[31mb\n\xe2\x80\xae\xff\xc2\x9b"
#define HOSTILE_SHOWN "a\\e[31mb\\n\\u{202E}\\xff\\u{9B}"

static char root[64];
static struct jail_places places;
static struct view_env env;
static struct buf shot;

static void on_model(void *user)
{
}

static void on_jobs(void *user, int events)
{
	jobs_turn(env.jobs);
}

static void setup(void)
{
	char path[96];
	struct err e;

	strcpy(root, "/tmp/gaol-views-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/home", root);
	setenv("GAOL_HOME", path, 1);
	snprintf(path, sizeof(path), "%s/run", root);
	setenv("GAOL_RUN", path, 1);
	ck_assert_int_eq(jail_places_init(&places, &e), 0);
	env = (struct view_env){.places = &places, .loop = loop_new(), .jobs = jobs_new(2)};
	env.model = model_new(&places, env.jobs, on_model, NULL);
	env.journal = journal_new();
	env.keymap = keymap_new();
	ck_assert_int_eq(keymap_load_builtin(env.keymap, "default", NULL, NULL), 0);
	ck_assert_ptr_nonnull(loop_fd_add(env.loop, jobs_fd(env.jobs), LOOP_IN, on_jobs, NULL));
}

static void teardown(void)
{
	jobs_free(env.jobs);
	model_free(env.model);
	journal_free(env.journal);
	keymap_free(env.keymap);
	loop_free(env.loop);
	jail_places_free(&places);
	buf_free(&shot);
	ck_assert_int_eq(dir_remove_tree(-100, root), 0);
}

static void make_jail(const char *name, const char *note)
{
	struct conf c;
	struct buf text = {0};
	struct err e;

	conf_init(&c);
	if (note)
		c.note = strdup(note);
	conf_write(&c, &text);
	ck_assert_msg(!jail_create(&places, name, buf_cstr(&text), text.len, false, &e), "%s", e.text);
	buf_free(&text);
	conf_free(&c);
}

/* As if its warden had said that last: a reason comes from guests and their kernels. */
static void write_reason(const char *name, const char *reason)
{
	struct jail_status st;
	struct jail j;
	struct err e;

	ck_assert_int_eq(jail_open(&j, &places, name, &e), 0);
	ck_assert_int_eq(jail_status_read(&j, &st), 0);
	st.state = JAIL_CRASHED;
	snprintf(st.reason, sizeof(st.reason), "%s", reason);
	ck_assert_int_eq(jail_status_write(&j, &st), 0);
	jail_close(&j);
}

/* Runs the loop until ok says so. */
static void wait_until(bool (*ok)(void *user), void *user)
{
	int64_t until = loop_now_ms() + 20000;

	while (!ok(user)) {
		ck_assert_msg(loop_now_ms() < until, "nothing came");
		loop_once(env.loop, 50);
	}
}

static bool model_is_read(void *user)
{
	const char *name = user;

	return model_loaded(env.model) && (!name || model_find(env.model, name));
}

static void read_model(const char *name)
{
	model_refresh(env.model);
	wait_until(model_is_read, (void *)(uintptr_t)name);
}

static struct view *open_view(const struct view_ops *ops, const char *jail, const char *a,
			      const char *b)
{
	struct target t = {.view = ops};
	struct err e = {0};
	struct view *v;

	snprintf(t.jail, sizeof(t.jail), "%s", jail);
	snprintf(t.a, sizeof(t.a), "%s", a);
	snprintf(t.b, sizeof(t.b), "%s", b);
	v = view_open(&env, &t, &e);
	ck_assert_msg(v != NULL, "%s", e.text);
	return v;
}

/* What a pane of that size would show, a line each, without blanks at their ends. */
static const char *look_at(struct view *v, size_t width, size_t rows, int64_t now)
{
	struct look k = {.width = width, .focus = true, .now = now};
	struct row r = {.ascii = env.ascii};

	buf_reset(&shot);
	while (!view_sync(v))
		;
	view_scroll(v, rows);
	if (v->ops->head) {
		v->ops->head(v, &k, &r);
		buf_fmt(&shot, "%s\n", row_text(&r));
	}
	for (size_t i = view_index(v, v->top), n = 0; n < rows; i++, n++) {
		row_reset(&r);
		if (i < view_count(v))
			view_row(v, view_pos(v, i), &k, &r);
		else if (view_count(v) || !v->ops->empty || !v->ops->empty(v, n, &k, &r))
			break;
		/* nothing may pass that would steer a terminal */
		for (size_t at = 0, len; at < r.text.len; at += len) {
			uint32_t cp;

			len = text_decode(r.text.p + at, r.text.len - at, &cp);
			ck_assert_uint_gt(len, 0);
			ck_assert_msg(!text_is_unsafe(cp), "U+%04X in a row", cp);
		}
		size_t end = r.text.len;
		while (end && r.text.p[end - 1] == ' ')
			end--;
		buf_add(&shot, row_text(&r), end);
		buf_ch(&shot, '\n');
	}
	row_free(&r);
	return buf_cstr(&shot);
}

static void has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "%s\nis not in\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "%s\nis in\n%s", part, text);
}

static bool is_counted(void *user)
{
	const char *text = look_at(user, 80, 20, 1000000 + 61), *plus = strchr(text, '+');

	return plus && strchr(plus + 1, '+');
}

START_TEST(jails_as_text)
{
	struct fakewarden w;
	struct view *v;

	make_jail("alpha", NULL);
	make_jail("beta", NULL);
	write_reason("beta", "a\033[31mb\n\xe2\x80\xae\xc2\x9b");
	fw_start(&w, &places, "alpha");
	w.status.booted = 1000000;
	w.status.checkpoint_time = 1000000 - 7200;
	w.status.memory = 256 << 20;
	w.status.trusting = true;
	ck_assert_int_eq(jail_status_write(&w.jail, &w.status), 0);
	read_model("beta");
	v = open_view(&jails_view, "beta", "", "");
	ck_assert_uint_eq(view_cursor(v), 1);
	wait_until(is_counted, v);
	look_at(v, 80, 20, 1000000 + 61);
	has(buf_cstr(&shot),
	    "  NAME      STATE       UP    MEM  SAVED   AGO  CHANGED       NOTE\n");
	/* Between them what it was given, or what it holds, as soon as that is measured. */
	has(buf_cstr(&shot), "  alpha     running    61s   ");
	has(buf_cstr(&shot), "M  #1       2h  +0 ~0 -0      trusting\n");
	has(buf_cstr(&shot), "  beta      crashed");
	has(buf_cstr(&shot), "a\\e[31mb\\n\\u{202E}\\u{9B}\n");
	look_at(v, 40, 20, 1000000 + 61);
	has(buf_cstr(&shot), "  NAME      STATE       UP  SAVED  AGO\n");
	has(buf_cstr(&shot), "  alpha     running    61s  #1      2h");
	look_at(v, 200, 1, 1000000 + 61);
	has_not(buf_cstr(&shot), "alpha"); /* one row: the one under the cursor */
	/* marks, and the cursor that stays on its jail when another comes */
	ck_assert(v->ops->command(v, CMD_MARK, ""));
	ck_assert_str_eq(v->ops->marked(v, 0), "beta");
	make_jail("aardvark", NULL);
	read_model("aardvark");
	v->ops->tick(v);
	ck_assert_uint_eq(view_cursor(v), 2);
	view_set_filter(v, "run");
	has(look_at(v, 80, 20, 1000061), "alpha");
	has_not(buf_cstr(&shot), "beta");
	view_set_filter(v, "!run");
	has_not(look_at(v, 80, 20, 1000061), "alpha");
	view_close(v);
	fw_stop(&w);
}
END_TEST

START_TEST(no_jails)
{
	struct view *v;

	read_model(NULL);
	v = open_view(&jails_view, "", "", "");
	has(look_at(v, 80, 20, 0), "No jails yet.");
	has(buf_cstr(&shot), ":new demo");
	view_close(v);
}
END_TEST

static bool has_events(void *user)
{
	struct view *v = user;

	return v->end >= 4;
}

START_TEST(feed_as_text)
{
	struct fakewarden w;
	struct event ev = {.op = EVENT_WRITE,
			   .class = EVENT_CHANGE,
			   .bytes = 4096,
			   .uid = 1000,
			   .pid = 42,
			   .mode = 0100644,
			   .path = "/tmp/" HOSTILE,
			   .path_len = strlen("/tmp/" HOSTILE)};
	struct view *v;

	make_jail("alpha", NULL);
	fw_start(&w, &places, "alpha");
	read_model("alpha");
	ring_push(w.ring, &ev);
	v = open_view(&feed_view, "alpha", "", "");
	ev.op = EVENT_RENAME;
	ev.path2 = HOSTILE;
	ev.path2_len = strlen(HOSTILE);
	ring_push(w.ring, &ev);
	ev.path2_len = 0;
	ev.op = EVENT_OPENREAD;
	ev.class = EVENT_READ;
	ring_push(w.ring, &ev);
	ev.op = EVENT_REFUSE;
	ev.class = EVENT_DENIED;
	ev.err = EACCES;
	ring_push(w.ring, &ev);
	wait_until(has_events, v);
	look_at(v, 80, 20, 0);
	has(buf_cstr(&shot), "write         4.0K   1000     42  /tmp/" HOSTILE_SHOWN "\n");
	has(buf_cstr(&shot), "/tmp/" HOSTILE_SHOWN " \xe2\x86\x92 " HOSTILE_SHOWN "\n");
	has(buf_cstr(&shot), "refuse               1000     42  /tmp/" HOSTILE_SHOWN "  EACCES\n");
	has_not(buf_cstr(&shot), "read");
	has_not(look_at(v, 40, 20, 0), "1000");
	v->ops->command(v, CMD_TOGGLE, "reads");
	has(look_at(v, 80, 20, 0), "read ");
	v->ops->command(v, CMD_TOGGLE, "denials");
	has_not(look_at(v, 80, 20, 0), "refuse");
	view_close(v);
	fw_stop(&w);
}
END_TEST

static bool has_lost(void *user)
{
	struct view *v = user;
	struct look k = {.width = 80};
	struct row r = {0};
	bool found = false;

	for (uint64_t p = v->first; p < v->end && !found; p++) {
		view_row(v, p, &k, &r);
		found = strstr(row_text(&r), "events lost") != NULL;
	}
	row_free(&r);
	return found;
}

/* More than the ring holds before the feed reads: told, not hidden. */
START_TEST(feed_tells_what_it_lost)
{
	struct fakewarden w;
	struct event ev = {.op = EVENT_CREATE, .class = EVENT_CHANGE, .path = "/x", .path_len = 2};
	struct view *v;

	make_jail("alpha", NULL);
	fw_start(&w, &places, "alpha");
	read_model("alpha");
	v = open_view(&feed_view, "alpha", "", "");
	ring_push(w.ring, &ev);
	ev.op = EVENT_UNLINK;
	for (int i = 0; i < 20; i++)
		loop_once(env.loop, 5);
	for (int i = 0; i < 20000; i++)
		ring_push(w.ring, &ev);
	wait_until(has_lost, v);
	view_close(v);
	fw_stop(&w);
}
END_TEST

/* A checkpoint of a jail's upper layer with one more file in it. */
static void save_file(const char *jail, const char *name, const char *text, const char *message)
{
	struct save_request q = {.kind = CKPT_HAND, .message = message};
	struct save_result got;
	struct repo *r;
	struct jail j;
	struct err e;
	int upper;

	ck_assert_int_eq(jail_open(&j, &places, jail, &e), 0);
	upper = openat(j.dirfd, "upper", O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(upper, 0);
	ck_assert_int_eq(file_replace_at(upper, name, text, strlen(text), 0600, false), 0);
	close(upper);
	ck_assert_msg(!repo_open(&r, j.dirfd, &e), "%s", e.text);
	if (message)
		ck_assert_msg(!save(r, &q, &got, NULL, &e), "%s", e.text);
	repo_close(r);
	jail_close(&j);
}

static void roll_back(const char *jail, const char *to)
{
	struct restore_request q = {.to = to, .name = jail};
	struct restore_result got;
	struct repo *r;
	struct jail j;
	struct err e;

	ck_assert_int_eq(jail_open(&j, &places, jail, &e), 0);
	ck_assert_msg(!repo_open(&r, j.dirfd, &e), "%s", e.text);
	ck_assert_msg(!restore(r, &q, &got, NULL, &e), "%s", e.text);
	repo_close(r);
	jail_close(&j);
}

static bool log_is_read(void *user)
{
	struct view *v = user;
	struct row r = {0};
	bool ready;

	v->ops->info(v, &r);
	ready = strstr(row_text(&r), "checkpoint") && !strstr(row_text(&r), "reading");
	row_free(&r);
	return ready;
}

START_TEST(log_as_text)
{
	struct view *v;
	struct target t = {0};
	struct err e;

	make_jail("alpha", NULL);
	save_file("alpha", "one", "1\n", "the first");
	save_file("alpha", "two", "2\n", HOSTILE);
	roll_back("alpha", "2");
	save_file("alpha", "three", "3\n", "after all");
	read_model("alpha");
	v = open_view(&log_view, "alpha", "", "");
	wait_until(log_is_read, v);
	look_at(v, 80, 20, time(NULL) + 5 * 3600);
	ck_assert_str_eq(
	    buf_cstr(&shot),
	    "        ID  KIND      AGO     +     ~     -  MESSAGE\n"
	    " \xe2\x97\x8f      #4  hand       5h     1     0     0  after all  here\n"
	    " \xe2\x94\x82 \xe2\x97\x8b    #3  hand       5h     1     0     0  a\\e[31mb\n"
	    " \xe2\x97\x8b\xe2\x94\x80\xe2\x95\xaf    #2  hand       5h     1     0     0  the "
	    "first\n"
	    " \xe2\x97\x8b      #1  initial    5h     0     0     0  the empty layer\n");
	env.ascii = v->scratch.ascii = ROW_ASCII;
	has(look_at(v, 80, 20, time(NULL) + 5 * 3600), " | o    #3");
	has(buf_cstr(&shot), " o-'    #2");
	env.ascii = ROW_UTF8;
	/* what commands mean for the row under the cursor */
	view_go(v, 2);
	ck_assert(v->ops->target(v, CMD_ROLLBACK, &t, &e));
	ck_assert_str_eq(t.a, "2");
	ck_assert(v->ops->target(v, CMD_ENTER, &t, &e));
	ck_assert_str_eq(t.a, "1");
	ck_assert_str_eq(t.b, "2");
	view_go(v, 0);
	v->ops->command(v, CMD_MARK, "");
	v->ops->command(v, CMD_MARK, "");
	ck_assert(v->ops->target(v, CMD_DIFF, &t, &e));
	ck_assert_str_eq(t.a, "3");
	ck_assert_str_eq(t.b, "4");
	view_close(v);
}
END_TEST

static bool diff_is_read(void *user)
{
	struct view *v = user;
	struct row r = {0};
	bool ready;

	v->ops->info(v, &r);
	ready = !strstr(row_text(&r), "reading");
	row_free(&r);
	return ready;
}

static bool pane_is_read(void *user)
{
	struct view *v = user, *pane = v->ops->pane(v);

	return view_sync(pane) && view_count(pane) > 0;
}

START_TEST(diff_as_text)
{
	struct view *v;
	struct row title = {0};

	make_jail("alpha", NULL);
	save_file("alpha", "text", "one\ntwo\nthree\n", "base");
	save_file("alpha", "text", "one\n2\t" HOSTILE "\nthree\n", NULL);
	save_file("alpha",
		  "x"
		  "\033[31m",
		  "new\n", NULL);
	read_model("alpha");
	v = open_view(&diff_view, "alpha", "", "");
	wait_until(diff_is_read, v);
	ck_assert_str_eq(look_at(v, 80, 20, 0), " M       /text\n A       /x\\e[31m\n");
	v->ops->title(v, &title);
	ck_assert_str_eq(row_text(&title), "alpha \xe2\x80\xba diff #2 \xe2\x86\x92 now");
	row_reset(&title);
	v->ops->info(v, &title);
	ck_assert_str_eq(row_text(&title), "+1 ~1 -0");
	row_free(&title);
	wait_until(pane_is_read, v);
	look_at(v->ops->pane(v), 80, 20, 0);
	has(buf_cstr(&shot), "    2       -two\n");
	has(buf_cstr(&shot), "          2 +2       a\\e[31mb\n");
	has(look_at(v->ops->pane(v), 40, 20, 0), "\n-two\n");
	view_close(v);
	/* nothing differs */
	v = open_view(&diff_view, "alpha", "2", "2");
	wait_until(diff_is_read, v);
	has(look_at(v, 80, 20, 0), "No difference.");
	view_close(v);
	v = open_view(&diff_view, "alpha", "99", "");
	wait_until(diff_is_read, v);
	has(look_at(v, 200, 20, 0), "no checkpoint 99");
	view_close(v);
	/* closed while it reads */
	view_close(open_view(&diff_view, "alpha", "base", "now"));
}
END_TEST

/* What a rollback without an ID would undo: what was done since the last hand-made checkpoint, or,
 * when that is nothing, since the one before. */
START_TEST(preview)
{
	struct view *v;

	make_jail("alpha", NULL);
	save_file("alpha", "one", "1\n", "first");
	save_file("alpha", "two", "2\n", "second");
	read_model("alpha");
	v = open_view(&diff_view, "alpha", TARGET_ROLLBACK, "");
	wait_until(diff_is_read, v);
	ck_assert_str_eq(look_at(v, 80, 20, 0), " A       /two\n");
	view_close(v);
	save_file("alpha", "three", "3\n", NULL);
	v = open_view(&diff_view, "alpha", TARGET_ROLLBACK, "");
	wait_until(diff_is_read, v);
	ck_assert_str_eq(look_at(v, 80, 20, 0), " A       /three\n");
	view_close(v);
}
END_TEST

/* Every command is in the help, with its key; what only one view binds, too. */
START_TEST(help_is_whole)
{
	struct view *v = open_view(&help_view, "", "", "");

	look_at(v, 200, 1000, 0);
	for (int id = CMD_NONE + 1; id < CMD_COUNT; id++) {
		const struct command *c = command_get((enum command_id)id);

		has(buf_cstr(&shot), c->help);
		if (c->cli)
			has(buf_cstr(&shot), c->cli);
	}
	has(buf_cstr(&shot), " z                  rollback [ID]");
	has(buf_cstr(&shot), " feed view only");
	has(buf_cstr(&shot), " R                  toggle reads");
	ck_assert_int_eq(keymap_statement(env.keymap, "unbind * z", NULL), 0);
	has_not(look_at(v, 200, 1000, 0), " z                  rollback");
	view_close(v);
}
END_TEST

START_TEST(search_goes_around)
{
	struct view *v = open_view(&messages_view, "", "", "");
	struct scan s;
	char text[32];

	has(look_at(v, 80, 5, 0), "Nothing was said yet.");
	for (int i = 0; i < 900; i++) {
		snprintf(text, sizeof(text), i % 300 ? "line %d" : "Hit %d", i);
		journal_add(env.journal, JOURNAL_SAID, text);
	}
	journal_add(env.journal, JOURNAL_FAILED, HOSTILE);
	v->ops->tick(v);
	has(look_at(v, 80, 5, 0), HOSTILE_SHOWN); /* follows the end */
	view_go(v, 10);
	v->follow = false;
	view_set_search(v, "hit");
	for (int want = 300; want <= 900; want += 300) {
		view_scan_begin(v, &s, 1, false);
		while (view_scan(v, &s) < 0)
			;
		ck_assert_uint_eq(view_cursor(v), (size_t)want % 900);
	}
	view_scan_begin(v, &s, -1, false);
	while (view_scan(v, &s) < 0)
		;
	ck_assert_uint_eq(view_cursor(v), 600);
	view_set_search(v, "HIT"); /* capitals are meant */
	view_scan_begin(v, &s, 1, false);
	while (view_scan(v, &s) < 0)
		;
	ck_assert_uint_eq(view_cursor(v), 600);
	view_set_filter(v, "hit");
	ck_assert_str_eq(strchr(look_at(v, 80, 5, 0), 'H'), strchr(buf_cstr(&shot), 'H'));
	ck_assert_uint_eq(view_count(v), 3);
	view_close(v);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("views");
	TCase *tc = tcase_create("views");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, jails_as_text);
	tcase_add_test(tc, no_jails);
	tcase_add_test(tc, feed_as_text);
	tcase_add_test(tc, feed_tells_what_it_lost);
	tcase_add_test(tc, log_as_text);
	tcase_add_test(tc, diff_as_text);
	tcase_add_test(tc, preview);
	tcase_add_test(tc, help_is_whole);
	tcase_add_test(tc, search_goes_around);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
