/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/conf.h"
#include "core/fd.h"
#include "core/ini.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct conf parsed(const char *text)
{
	struct conf c;
	struct err e = {""};

	ck_assert_msg(conf_parse(text, strlen(text), "jail.conf", &c, &e) == 0, "%s", e.text);
	return c;
}

/* As from main's argv, whose strings are not const for no reason that matters here. */
static int set_command(struct conf *c, int argc, const char *const *argv, struct err *e)
{
	return conf_set_command(c, argc, (char *const *)argv, e);
}

START_TEST(defaults)
{
	struct conf c = parsed("");

	ck_assert_uint_eq(c.memory, 256 << 20);
	ck_assert_uint_eq(c.cpus, 1);
	ck_assert_int_eq(c.profile, CONF_BOX);
	ck_assert_int_eq(c.speed, CONF_SAFE);
	ck_assert_int_eq(c.net, CONF_NET_NONE);
	ck_assert_uint_eq(c.command.n, 0);
	ck_assert_ptr_null(c.command.v);
	ck_assert_str_eq(c.user, "root");
	ck_assert_str_eq(c.shell, "/bin/bash");
	ck_assert_ptr_null(c.hostname);
	ck_assert_uint_eq(c.npaths, 0);
	ck_assert_uint_eq(c.events_ring, 4 << 20);
	ck_assert(!c.events_reads);
	ck_assert_uint_eq(c.console_size, 1 << 20);
	ck_assert_uint_eq(c.detach[0], 0x1d);
	ck_assert_uint_eq(c.detach[1], 'd');
	conf_free(&c);
	conf_free(&c);
}
END_TEST

START_TEST(everything)
{
	struct conf c = parsed(
	    "# a jail\n"
	    "[Jail]\n"
	    "\tMemory = 1g ; comment\n"
	    "profile=app\r\n"
	    "speed = trusting\ncpus = 4\n"
	    "command = /bin/sh\narg = -c\n"
	    "arg = \"echo \\\"a; b\\\" # no comment\\n\"  \n"
	    "arg = \"\"\n"
	    "user = joe\nuid = 1000\ngid = 100\ngroup = 27\ngroup = 44\n"
	    "home = /home//joe/\nshell = /bin/zsh\nhostname = box-1\ncwd = /srv\n"
	    "env = A=1\nenv = B=two words \nenv = A=3\n"
	    "note = \"  kept blanks \"\n"
	    "[path \"/srv/\"] access = hide\n"
	    "[path \"/we\\\"ird \\\\ [name]\"]\n\taccess = read\n\town\n\tsecret = on\n"
	    "[net]\nmode = none\n[events]\nring = 1M\nreads\n"
	    "[console]\nsize = 128K\ndetach = ^_ x\n[checkpoint] every = 10m\nat-start = yes\n");
	char home[100];

	ck_assert_uint_eq(c.memory, UINT64_C(1) << 30);
	ck_assert_int_eq(c.profile, CONF_APP);
	ck_assert_int_eq(c.speed, CONF_TRUSTING);
	ck_assert_uint_eq(c.cpus, 4);
	ck_assert_uint_eq(c.command.n, 4);
	ck_assert_str_eq(c.command.v[0], "/bin/sh");
	ck_assert_str_eq(c.command.v[2], "echo \"a; b\" # no comment\n");
	ck_assert_str_eq(c.command.v[3], "");
	ck_assert_ptr_null(c.command.v[4]);
	ck_assert_str_eq(c.user, "joe");
	ck_assert_uint_eq(c.uid, 1000);
	ck_assert_uint_eq(c.groups.n, 2);
	ck_assert_uint_eq(c.groups.v[1], 44);
	ck_assert_str_eq(conf_home(&c, home, sizeof(home)), "/home/joe");
	ck_assert_uint_eq(c.env.n, 2);
	ck_assert_str_eq(c.env.v[0], "A=3");
	ck_assert_str_eq(c.env.v[1], "B=two words");
	ck_assert_str_eq(c.note, "  kept blanks ");
	ck_assert_uint_eq(c.npaths, 2);
	ck_assert_str_eq(c.paths[0].path, "/srv");
	ck_assert_int_eq(c.paths[0].word, AUTH_HIDE);
	ck_assert_str_eq(c.paths[1].path, "/we\"ird \\ [name]");
	ck_assert(c.paths[1].own && c.paths[1].secret);
	ck_assert_uint_eq(c.paths[1].line, 25);
	ck_assert(c.events_reads);
	ck_assert_uint_eq(c.detach[0], 0x1f);
	ck_assert_uint_eq(c.detach[1], 'x');
	conf_free(&c);
}
END_TEST

/* What is wrong, where, and what to do: all three are in the message. */
static const struct {
	const char *text;
	const char *says;
} wrong[] = {
    {"[jail]\nmemory = 3X\n", "jail.conf:2: memory = 3X: not a size: write for instance 256M"},
    {"[limits]\nsize = much\n", "jail.conf:2: size = much: not a size: write for instance 2G"},
    {"[limits]\n\npids = -1\n", "jail.conf:3: pids = -1: not a number from 8 to 8000"},
    {"[limits]\ncpu = 0\n", "jail.conf:2: cpu = 0: not a number from 1 to 10000"},
    {"[limits]\ninode = 5\n", "jail.conf:2: unknown key limits.inode: did you mean inodes?"},
    {"[limits]\nmemory = 1G\n", "jail.conf:2: unknown key limits.memory: it belongs into [jail]"},
    {"[jail]\nmemory = 1M\n", "jail.conf:2: memory = 1M: out of range: write 32M to 1T"},
    {"[jail]\nmemory = 33000000\n", "in whole M"},
    {"[jail]\nmemory = 99999999999999999999G\n", "not a size"},
    {"[jail]\nmemory = -1\n", "not a size"},
    {"[jail]\nmemory\n", "jail.conf:2: memory: not a size"},
    {"[jail]\n\nmemoy = 1G\n", "jail.conf:3: unknown key jail.memoy: did you mean memory?"},
    {"[jail]\nreads = yes\n", "unknown key jail.reads: it belongs into [events]"},
    {"[jail]\naccess = read\n", "it belongs into [path \"/DIR\"]"},
    {"[jail]\nxyzzy = 1\n", "unknown key jail.xyzzy: remove it, or see jail.conf(5)"},
    {"[jial]\n", "jail.conf:1: unknown section [jial]: see jail.conf(5)"},
    {"[jail]\ncpus = 2\n", "needs speed = trusting"},
    {"[jail]\ncpus = 0\nspeed=trusting\n", "not a number from 1 to 64"},
    {"[jail]\nuid = 4294967295\n", "not a number"},
    {"[jail]\nuid = 1000\n", "user and uid do not fit"},
    {"[jail]\nuser = joe\n", "user and uid do not fit"},
    {"[jail]\nuser = joe:x\n", "not a login name"},
    {"[jail]\nuser = \"joe\\nroot\"\n", "not a login name"},
    {"[jail]\nuser = 1000\n", "not a login name"},
    {"[jail]\nhostname = a/b\n", "not a host name"},
    {"[jail]\nhome = joe\n", "not an absolute path"},
    {"[jail]\nhome = /a:b\n", "a path with ':'"},
    {"[jail]\ncwd = /a/../b\n", "a path with .. in it"},
    {"[jail]\narg = x\n", "arg without command"},
    {"[jail]\ncommand =\n", "no program"},
    {"[jail]\nenv = 1A=x\n", "write env = NAME=VALUE"},
    {"[jail]\nenv = A\n", "write env = NAME=VALUE"},
    {"[jail]\nnote = \"a\\tb\"\n", "not one line of text"},
    {"[jail]\nprofile = bok\n", "write one of box app"},
    {"[net]\nallow = a b\n", "a b"},
    {"[net]\npublish = 80\n", "not a port"},
    {"[walls]\nallow-missing = seccomp\n", "not known: write landlock"},
    {"[walls]\nneed = uid\nneed = cgroup|uid\n", "not known: write cgroup|uid"},
    {"[walls]\nneed\n", "not known"},
    {"[walls]\nneed = \"\"\n", "not known"},
    {"[net]\nmode = asks\n", "not a word that this key knows"},
    {"[checkpoint]\nevery = 400d\n", "too long"},
    {"[checkpoint]\nat-start = perhaps\n", "at-start"},
    {"[checkpoint]\nevery = soon\n", "not a duration"},
    {"[events]\nreads = perhaps\n", "write yes or no"},
    {"[console]\ndetach = Ctrl-a d\n", "not two keys for detaching"},
    {"[console]\ndetach = Ctrl-] Ctrl-]\n", "not two keys for detaching"},
    {"[console]\ndetach = Ctrl-]\n", "not two keys for detaching"},
    {"[path]\naccess = read\n", "jail.conf:1: [path]: no path: write [path \"/DIR\"]"},
    {"[jail \"x\"]\n", "this section has no name"},
    {"[path \"srv\"]\naccess = read\n", "[path \"srv\"]: not an absolute path"},
    {"[path \"/a/../b\"]\naccess = read\n", "a path with .. in it"},
    {"\n[path \"/srv\"]\n", "jail.conf:2: [path \"/srv\"]: no access: add access"},
    {"[path \"/srv\"]\naccess = read\nsecret\n", "secret without own"},
    {"[path \"/srv\"]\naccess = hide\nown\n", "own has no effect"},
    /* syntax */
    {"memory = 1G\n", "jail.conf:1: a setting before the first section"},
    {"[jail\n", "jail.conf:1: not a section"},
    {"[]\n", "not a section"},
    {"[jail.x]\n", "[section.name] is not read"},
    {"[path \"/x]\n", "without its closing quote"},
    {"[path \"/x\\\n\"]\n", "without its closing quote"},
    {"[path \"/x\" y]\n", "not a section"},
    {"[jail]\nmemory 1G\n", "jail.conf:2: not a setting: write key = value"},
    {"[jail]\n= 1G\n", "not a setting"},
    {"[jail]\nnote = \"abc\n", "a value without its closing quote"},
    {"[jail]\nnote = a\\qb\n", "an unknown escape"},
    {"[jail]\nnote = a\\\nb\nmemory = 3X\n", "jail.conf:4: memory"},
};

START_TEST(errors_say_where_and_what_to_do)
{
	struct conf c;
	struct err e = {""};

	ck_assert_int_eq(conf_parse(wrong[_i].text, strlen(wrong[_i].text), "jail.conf", &c, &e),
			 -EINVAL);
	ck_assert_msg(strstr(e.text, wrong[_i].says) != NULL, "%s\nsays: %s\nnot: %s",
		      wrong[_i].text, e.text, wrong[_i].says);
	ck_assert_int_eq(strncmp(e.text, "jail.conf:", 10), 0);
	conf_free(&c);
}
END_TEST

START_TEST(bounds)
{
	struct buf b = {0};
	struct conf c;
	struct err e = {""};

	ck_assert_int_eq(conf_parse("[jail]\nnote = a\0b\n", 19, "x", &c, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "x:2: a NUL byte"));
	buf_str(&b, "[jail]\nnote = ");
	for (int i = 0; i < CONF_VALUE_MAX; i++)
		buf_ch(&b, 'x');
	ck_assert_int_eq(conf_parse(b.p, b.len, "x", &c, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "too long"));
	ck_assert_int_eq(conf_parse(b.p, b.len - 1, "x", &c, &e), 0);
	ck_assert_uint_eq(strlen(c.note), CONF_VALUE_MAX - 1);
	conf_free(&c);
	buf_reset(&b);
	buf_str(&b, "[jail]\n");
	for (int i = 0; i < 100; i++)
		buf_ch(&b, 'k');
	ck_assert_int_eq(conf_parse(b.p, b.len, "x", &c, &e), -EINVAL);
	buf_reset(&b);
	buf_str(&b, "[jail]\ncommand = x\n");
	for (int i = 0; i < CONF_LIST_MAX; i++)
		buf_str(&b, "arg = a\n");
	ck_assert_int_eq(conf_parse(b.p, b.len, "x", &c, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "too many arguments"));
	buf_reset(&b);
	while (b.len <= CONF_FILE_MAX)
		buf_str(&b, "# nothing but comment\n");
	ck_assert_int_eq(conf_parse(b.p, b.len, "x", &c, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "larger than 256 KiB"));
	buf_free(&b);
}
END_TEST

START_TEST(values_of_command_lines)
{
	struct conf c;
	struct err e;

	conf_init(&c);
	ck_assert_int_eq(conf_set(&c, "memory", "512M", &e), 0);
	ck_assert_uint_eq(c.memory, 512 << 20);
	ck_assert_int_eq(conf_set(&c, "events.reads", NULL, &e), 0);
	ck_assert(c.events_reads);
	ck_assert_int_eq(conf_set(&c, "path./srv/a.b.access", "hide", &e), 0);
	ck_assert_str_eq(c.paths[0].path, "/srv/a.b");
	ck_assert_int_eq(conf_set(&c, "path./other.access", "bad", &e), -EINVAL);
	ck_assert_uint_eq(c.npaths, 1);
	ck_assert_int_eq(conf_set(&c, "memory", "lots", &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "memory = lots: not a size"));
	ck_assert_int_eq(conf_set(&c, "jail.memroy", "1G", &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "did you mean jail.memory?"));
	ck_assert_int_eq(conf_set(&c, "access", "hide", &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "path./DIR.access"));
	ck_assert_int_eq(conf_set(&c, "", "hide", &e), -EINVAL);
	ck_assert_int_eq(conf_set(&c, ".", "hide", &e), -EINVAL);
	ck_assert_int_eq(conf_add_path(&c, "/a//b/./c/", AUTH_WRITE, true, false, &e), 0);
	ck_assert_str_eq(c.paths[1].path, "/a/b/c");
	ck_assert_int_eq(conf_add_path(&c, "/a/b/c", AUTH_READ, false, false, &e), 0);
	ck_assert_uint_eq(c.npaths, 2);
	ck_assert_int_eq(c.paths[1].word, AUTH_READ);
	ck_assert_int_eq(conf_add_path(&c, "a", AUTH_READ, false, false, &e), -EINVAL);
	ck_assert_int_eq(set_command(&c, 2, (const char *[]){"ls", "-l"}, &e), 0);
	ck_assert_str_eq(c.command.v[1], "-l");
	ck_assert_int_eq(set_command(&c, 1, (const char *[]){""}, &e), -EINVAL);
	ck_assert_uint_eq(c.command.n, 2);
	ck_assert_int_eq(conf_set_command(&c, 0, NULL, &e), 0);
	ck_assert_uint_eq(c.command.n, 0);
	ck_assert_int_eq(conf_check(&c, "demo", &e), 0);
	ck_assert_int_eq(conf_set(&c, "cpus", "2", &e), 0);
	ck_assert_int_eq(conf_check(&c, "demo", &e), -EINVAL);
	conf_free(&c);
}
END_TEST

static void same_list(const struct conf_list *a, const struct conf_list *b)
{
	ck_assert_uint_eq(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		ck_assert_str_eq(a->v[i], b->v[i]);
}

static void same(const struct conf *a, const struct conf *b)
{
	ck_assert_uint_eq(a->memory, b->memory);
	ck_assert_uint_eq(a->uid, b->uid);
	ck_assert_uint_eq(a->detach[0], b->detach[0]);
	ck_assert_uint_eq(a->console_size, b->console_size);
	ck_assert_pstr_eq(a->note, b->note);
	ck_assert_pstr_eq(a->cwd, b->cwd);
	same_list(&a->command, &b->command);
	same_list(&a->env, &b->env);
	same_list(&a->walls_missing, &b->walls_missing);
	same_list(&a->walls_need, &b->walls_need);
	ck_assert_uint_eq(a->groups.n, b->groups.n);
	ck_assert_uint_eq(a->npaths, b->npaths);
	for (size_t i = 0; i < a->npaths; i++) {
		ck_assert_str_eq(a->paths[i].path, b->paths[i].path);
		ck_assert_int_eq(a->paths[i].word, b->paths[i].word);
		ck_assert_int_eq(a->paths[i].own, b->paths[i].own);
		ck_assert_int_eq(a->paths[i].secret, b->paths[i].secret);
	}
}

static unsigned random_of(unsigned *s)
{
	*s = *s * 1664525 + 1013904223;
	return *s >> 8;
}

/* Any text but NUL, with what the syntax lives on. */
static char *any_text(unsigned *seed)
{
	static const char mean[] = "\"\\#;= \t\n\r\b[]ab\x01\xc3";
	char *s = calloc(1, 30);

	for (unsigned n = random_of(seed) % 25, i = 0; i < n; i++)
		s[i] = mean[random_of(seed) % (sizeof(mean) - 1)];
	return s;
}

START_TEST(written_and_read_again)
{
	unsigned seed = 3;

	for (int round = 0; round < 2000; round++) {
		struct buf text = {0};
		struct conf a, b;
		struct err e = {""};

		conf_init(&a);
		conf_set(&a, "memory", random_of(&seed) % 2 ? "256M" : "1025M", &e);
		if (random_of(&seed) % 2)
			set_command(&a, 1, (const char *[]){"/bin/sh"}, &e);
		for (unsigned n = random_of(&seed) % 4; a.command.n && n; n--) {
			char *t = any_text(&seed);

			ck_assert_int_eq(conf_set(&a, "jail.arg", t, &e), 0);
			free(t);
		}
		for (unsigned n = random_of(&seed) % 3; n; n--) {
			char *t = any_text(&seed), v[40], p[40];

			snprintf(v, sizeof(v), "N%u=%s", n, t);
			ck_assert_int_eq(conf_set(&a, "env", v, &e), 0);
			/* control characters and ".." are refused, the rest must come back */
			snprintf(p, sizeof(p), "/p/%s", t);
			conf_add_path(&a, p, AUTH_READ, n == 1, n == 1, &e);
			free(t);
		}
		if (random_of(&seed) % 2)
			conf_set(&a, "note", " # ; \"x\\", &e);
		conf_set(&a, "console.detach", random_of(&seed) % 2 ? "Ctrl-t Ctrl-]" : "^] \\",
			 &e);
		conf_write(&a, &text);
		ck_assert_msg(conf_parse(text.p, text.len, "again", &b, &e) == 0, "%s\n%s", e.text,
			      text.p);
		same(&a, &b);
		buf_free(&text);
		conf_free(&a);
		conf_free(&b);
	}
}
END_TEST

START_TEST(authority_of_a_jail)
{
	struct conf c = parsed("[path \"/srv\"]\naccess = hide\n"
			       "[path \"/srv/pub\"]\naccess = read\nown\n");
	struct authority *a = NULL;
	struct err e = {""};

	ck_assert_msg(conf_authority(&c, &a, &e) == 0, "%s", e.text);
	ck_assert_int_eq(authority_find(a, "/usr/bin/ls").word, AUTH_WRITE);
	ck_assert_int_eq(authority_find(a, "/root/x").word, AUTH_FRESH);
	ck_assert_int_eq(authority_find(a, "/srv/x").word, AUTH_HIDE);
	ck_assert_int_eq(authority_find(a, "/srv/pub/x").word, AUTH_READ);
	ck_assert(authority_find(a, "/srv/pub/x").own);
	authority_free(a);
	conf_set(&c, "profile", "app", &e);
	ck_assert_int_eq(conf_authority(&c, &a, &e), 0);
	ck_assert_int_eq(authority_find(a, "/usr/bin/ls").word, AUTH_READ);
	authority_free(a);
	conf_free(&c);
}
END_TEST

START_TEST(files)
{
	char dir[] = "/tmp/gaol-conf-XXXXXX";
	cleanup_fd int fd = -1;
	struct conf a, b;
	struct err e;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(conf_load(fd, CONF_FILE, &a, &e), -ENOENT);
	conf_init(&a);
	conf_set(&a, "hostname", "here", &e);
	ck_assert_int_eq(conf_save(&a, fd, CONF_FILE, &e), 0);
	ck_assert_int_eq(conf_load(fd, CONF_FILE, &b, &e), 0);
	ck_assert_str_eq(b.hostname, "here");
	conf_free(&a);
	conf_free(&b);
	unlinkat(fd, CONF_FILE, 0);
	rmdir(dir);
}
END_TEST

/* The schema documents itself wholly: the manual is printed from it. */
static bool each_key(void *user, const struct conf_key *k)
{
	int *n = user;

	ck_assert(k->section && *k->section && k->key && *k->key && k->type && k->deflt);
	ck_assert(k->help && strlen(k->help) > 10 && k->help[strlen(k->help) - 1] == '.');
	++*n;
	return true;
}

START_TEST(schema_is_complete)
{
	int n = 0;

	conf_each_key(each_key, &n);
	ck_assert_int_gt(n, 20);
}
END_TEST

START_TEST(values)
{
	uint64_t v;
	unsigned s;
	unsigned char k[2];

	ck_assert(conf_size_parse("0", &v) && v == 0);
	ck_assert(conf_size_parse("15", &v) && v == 15);
	ck_assert(conf_size_parse("2k", &v) && v == 2048);
	ck_assert(conf_size_parse("3T", &v) && v == UINT64_C(3) << 40);
	ck_assert(conf_size_parse("18446744073709551615", &v) && v == UINT64_MAX);
	ck_assert(!conf_size_parse("18446744073709551616", &v));
	ck_assert(!conf_size_parse("18014398509481984K", &v));
	ck_assert(!conf_size_parse("", &v) && !conf_size_parse("M", &v));
	ck_assert(!conf_size_parse("1MB", &v) && !conf_size_parse(" 1", &v));
	ck_assert(conf_duration_parse("90", &s) && s == 90);
	ck_assert(conf_duration_parse("2h", &s) && s == 7200);
	ck_assert(conf_duration_parse("1d", &s) && s == 86400);
	ck_assert(!conf_duration_parse("99999999999d", &s) && !conf_duration_parse("1w", &s));
	ck_assert(conf_detach_parse("C-t C-d", k) && k[0] == 20 && k[1] == 4);
	ck_assert(!conf_detach_parse("d d", k) && !conf_detach_parse("", k));
	ck_assert(!conf_detach_parse("Ctrl-p q", k) && !conf_detach_parse("^[ d", k));
}
END_TEST

/* What ini_parse reads, in the form of "git config --list -z". */
static int listed(void *user, const struct ini_item *it, struct err *e)
{
	struct buf *b = user;

	if (!it->key)
		return 0;
	buf_str(b, it->section);
	if (it->sub)
		buf_fmt(b, ".%s", it->sub);
	buf_fmt(b, ".%s", it->key);
	if (it->value)
		buf_fmt(b, "\n%s", it->value);
	buf_ch(b, '\0');
	return 0;
}

static bool git_reads(const char *path, struct buf *out)
{
	int p[2], status;
	pid_t pid;
	ssize_t n;

	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(p[1], 1);
		dup2(null, 2);
		execlp("git", "git", "config", "-f", path, "--list", "-z", (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	while ((n = read(p[0], buf_room(out, 4096), 4096)) > 0)
		out->len += (size_t)n;
	close(p[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Every text that we accept, git reads in the same way. */
START_TEST(git_agrees)
{
	static const char *const bits[] = {"[a]",     "[a \"b c\"]", "[A-1 \"\\\\x\\\"\"]",
					   "k",	      "key",	     "K-9",
					   "=",	      " = ",	     "\n",
					   "\n",      "\n",	     "\r\n",
					   "# c ",    ";",	     "\"",
					   "\"",      "\\n",	     "\\\\",
					   "\\\n",    "  ",	     "value",
					   "x y",     "\\t",	     "\\q",
					   "]",	      "[",	     "1",
					   "\xc3\xa4"};
	char path[] = "/tmp/gaol-ini-XXXXXX";
	cleanup_fd int fd = mkstemp(path);
	unsigned seed = 11, accepted = 0;

	for (int round = 0; round < 400; round++) {
		struct buf text = {0}, ours = {0}, gits = {0};
		struct err e;

		buf_str(&text, "[s]\n");
		for (unsigned n = random_of(&seed) % 14; n; n--) {
			if (random_of(&seed) % 3 == 0)
				buf_str(&text, "\nkey = ");
			buf_str(&text, bits[random_of(&seed) % (sizeof(bits) / sizeof(bits[0]))]);
		}
		if (ini_parse(text.p, text.len, "t", listed, &ours, &e) == 0) {
			accepted++;
			ck_assert_int_eq(ftruncate(fd, 0), 0);
			ck_assert_int_eq(pwrite(fd, text.p, text.len, 0), (ssize_t)text.len);
			ck_assert_msg(git_reads(path, &gits), "git refuses:\n%s", text.p);
			ck_assert_msg(ours.len == gits.len &&
					  (!ours.len || !memcmp(ours.p, gits.p, ours.len)),
				      "%s\nours: %s\ngit: %s", text.p, buf_cstr(&ours),
				      buf_cstr(&gits));
		}
		buf_free(&text);
		buf_free(&ours);
		buf_free(&gits);
	}
	unlink(path);
	ck_assert_uint_gt(accepted, 100);
}
END_TEST

static void edits(const char *from, const char *key, const char *value, const char *to)
{
	struct buf text = {0};
	struct err e;

	buf_str(&text, from);
	ck_assert_int_eq(conf_edit(&text, key, value, &e), 0);
	ck_assert_str_eq(buf_cstr(&text), to);
	buf_free(&text);
}

START_TEST(edit)
{
	struct buf text = {0};
	struct err e;

	edits("", "memory", "1G", "\n[jail]\n\tmemory = 1G\n");
	edits("; mine\n[jail]\nmemory=1G  # why\n# more\n", "memory", "2G",
	      "; mine\n[jail]\n\tmemory = 2G\t# why\n# more\n");
	/* the last of two is what counts; a value of several lines goes as a whole */
	edits("[jail]\nnote = a\\\nb\nuser = x\n[JAIL]\nNote = c\\\nd", "note", "e",
	      "[jail]\nnote = a\\\nb\nuser = x\n[JAIL]\n\tnote = e\n");
	/* where it stands as a comment, in its own section only */
	edits("[console]\n#\tsize = 1M\n[limits]\n#\tsize = 0\nfiles = 1\n", "size", "3G",
	      "[console]\n#\tsize = 1M\n[limits]\n\tsize = 3G\nfiles = 1\n");
	edits("[limits]\nfiles = 1\n# end\n[net]", "limits.pids", "9",
	      "[limits]\nfiles = 1\n\tpids = 9\n# end\n[net]");
	edits("[jail]\nenv = A=1 ; x\nuid = 0\n", "env", "B=2",
	      "[jail]\nenv = A=1 ; x\n\tenv = B=2\nuid = 0\n");
	edits("[path \"/a\"]\naccess = hide\n[path \"//srv/\"]\n\taccess = hide\n",
	      "path./srv.access", "read",
	      "[path \"/a\"]\naccess = hide\n[path \"//srv/\"]\n\taccess = read\n");
	edits("[path \"/a\"]\naccess = hide", "path./b.access", "read",
	      "[path \"/a\"]\naccess = hide\n\n[path \"/b\"]\n\taccess = read\n");
	buf_str(&text, "[jail\n");
	ck_assert_int_eq(conf_edit(&text, "memory", "1G", &e), -EINVAL);
	ck_assert_int_eq(conf_edit(&text, "memry", "1G", &e), -EINVAL);
	ck_assert_str_eq(buf_cstr(&text), "[jail\n");
	buf_free(&text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("conf");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, defaults);
	tcase_add_test(t, everything);
	tcase_add_loop_test(t, errors_say_where_and_what_to_do, 0,
			    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(t, bounds);
	tcase_add_test(t, values_of_command_lines);
	tcase_add_test(t, written_and_read_again);
	tcase_add_test(t, authority_of_a_jail);
	tcase_add_test(t, files);
	tcase_add_test(t, schema_is_complete);
	tcase_add_test(t, values);
	tcase_add_test(t, git_agrees);
	tcase_add_test(t, edit);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
