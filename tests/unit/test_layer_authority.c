/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guest may see and change of the host's tree. */
#include "tests/unit/layertest.h"
#include <sys/mount.h>
#include <sys/xattr.h>

static void guard(struct bench *b, struct authority *a)
{
	b->c.authority = a;
	b->c.lower[b->c.nlower - 1].guarded = true;
}

static void rule(struct authority *a, const char *path, enum auth_word w, bool own, bool secret)
{
	struct err e;

	ck_assert_int_eq(authority_add(a, path, w, own, secret, &e), 0);
}

START_TEST(nobody_sees_it)
{
	struct authority *a = authority_new(AUTH_WRITE);
	struct bench b;
	struct lt_names s;
	struct stat st;
	struct layer_entry e;
	char buf[512], path[160];
	uint64_t d, fh;

	lt_setup(&b);
	lt_host(&b, "lower0/etc/passwd", "root", 0644);
	lt_host(&b, "lower0/etc/shadow", "hash", 0640);
	lt_host(&b, "lower0/etc/private/key", "key", 0644);
	lt_host(&b, "lower0/etc/private", NULL, 0700);
	lt_host(&b, "lower0/etc/walk/known", "known", 0644);
	lt_host(&b, "lower0/etc/walk", NULL, 0711);
	lt_host(&b, "lower0/etc/names/f", "f", 0644);
	lt_host(&b, "lower0/etc/names", NULL, 0744);
	snprintf(path, sizeof(path), "%s/etc/link", b.lower[0]);
	ck_assert_int_eq(symlink("private/key", path), 0);
	guard(&b, a);
	lt_open(&b);
	ck_assert_str_eq(lt_read(&b, "/etc/passwd", buf), "root");
	ck_assert_int_eq(lt_exists(&b, "/etc/shadow"), -ENOENT);
	ck_assert_int_eq(lt_exists(&b, "/etc/private"), -ENOENT);
	ck_assert_str_eq(lt_read(&b, "/etc/walk/known", buf), "known");
	ck_assert_uint_eq(lt_list(&b, "/etc/walk", &s), 0);
	ck_assert_int_eq(lt_exists(&b, "/etc/names"), 0);
	ck_assert_int_eq(lt_exists(&b, "/etc/names/f"), -ENOENT);
	ck_assert_uint_eq(lt_list(&b, "/etc/names", &s), 0);
	ck_assert_int_eq(lt_stat(&b, "/etc/link", &st), 0);
	ck_assert_uint_eq(lt_list(&b, "/etc", &s), 4);
	/* the guest may have its own of what it does not see, and nothing of ours shows through */
	d = lt_node(&b, "/etc");
	ck_assert_int_eq(layer_create(b.l, d, "shadow", 0600, O_RDWR, &lt_root, &e, &fh), 0);
	layer_release(b.l, fh);
	ck_assert_str_eq(lt_read(&b, "/etc/shadow", buf), "");
	ck_assert_int_eq(lt_mkdir(&b, "/etc/private"), 0);
	ck_assert_uint_eq(lt_list(&b, "/etc/private", &s), 0);
	ck_assert_int_eq(lt_exists(&b, "/etc/private/key"), -ENOENT);
	/* even when the host opens it up later */
	lt_host(&b, "lower0/etc/private", NULL, 0755);
	lt_reopen(&b);
	ck_assert_int_eq(lt_exists(&b, "/etc/private/key"), -ENOENT);
	/* a whiteout is left only where something was to be seen */
	ck_assert_int_eq(lt_remove(&b, "/etc/shadow", false), 0);
	ck_assert(!lt_host_has(&b, "upper/etc/shadow"));
	/* moving the directory does not open what is below */
	ck_assert_int_eq(lt_rename(&b, "/etc", "/etc2", 0), 0);
	ck_assert_int_eq(lt_exists(&b, "/etc2/shadow"), -ENOENT);
	ck_assert_str_eq(lt_read(&b, "/etc2/passwd", buf), "root");
	lt_done(&b);
	authority_free(a);
}
END_TEST

START_TEST(nobodys_eyes_are_the_kernels_too)
{
	struct authority *a = authority_new(AUTH_WRITE);
	struct bench b;
	struct layer_entry e;
	uint64_t fh;
	char path[160];

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: only root can take nobody's ids\n");
		authority_free(a);
		return;
	}
	lt_setup(&b);
	lt_host(&b, "lower0/f", "x", 0604);
	snprintf(path, sizeof(path), "%s/f", b.lower[0]);
	/* the mode shows it to others; nobody's group may not read it */
	ck_assert_int_eq(chown(path, 0, 65534), 0);
	guard(&b, a);
	lt_open(&b);
	ck_assert_int_eq(layer_lookup(b.l, LAYER_ROOT, "f", &lt_root, &e), 0);
	ck_assert_int_lt(layer_open_file(b.l, e.node, O_RDONLY, &lt_root, &fh), 0);
	/* and we are ourselves again */
	ck_assert_int_eq(chown(path, 0, 0), 0);
	ck_assert_int_eq(layer_open_file(b.l, e.node, O_RDONLY, &lt_root, &fh), 0);
	lt_done(&b);
	authority_free(a);
}
END_TEST

START_TEST(four_words)
{
	struct authority *a = authority_new(AUTH_WRITE);
	struct bench b;
	struct lt_names s;
	char buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/ro/f", "f", 0644);
	lt_host(&b, "lower0/fresh/f", "f", 0644);
	lt_host(&b, "lower0/fresh", NULL, 01777);
	lt_host(&b, "lower0/hide/f", "f", 0644);
	lt_host(&b, "lower0/w/f", "f", 0644);
	rule(a, "/ro", AUTH_READ, false, false);
	rule(a, "/fresh", AUTH_FRESH, false, false);
	rule(a, "/hide", AUTH_HIDE, false, false);
	guard(&b, a);
	lt_open(&b);
	ck_assert_str_eq(lt_read(&b, "/ro/f", buf), "f");
	b.refused = 0;
	ck_assert_int_eq(lt_write(&b, "/ro/f", "x"), -EROFS);
	ck_assert_uint_eq(b.last.op, EVENT_REFUSE);
	ck_assert_int_eq(b.last.err, EROFS);
	ck_assert_str_eq(b.path, "/ro/f");
	ck_assert_int_eq(lt_chmod(&b, "/ro/f", 0600), -EROFS);
	ck_assert_int_eq(lt_write(&b, "/ro/new", "x"), -EROFS);
	ck_assert_int_eq(lt_mkdir(&b, "/ro/d"), -EROFS);
	ck_assert_int_eq(lt_remove(&b, "/ro/f", false), -EROFS);
	ck_assert_int_eq(lt_rename(&b, "/ro/f", "/w/f2", 0), -EROFS);
	ck_assert_int_eq(lt_rename(&b, "/w/f", "/ro/f2", 0), -EROFS);
	ck_assert_int_eq(lt_rename(&b, "/ro", "/ro2", 0), -EROFS);
	ck_assert_uint_eq(b.refused, 8);
	/* fresh: the directory itself, with its mode, and nothing in it */
	struct stat st;
	ck_assert_int_eq(lt_stat(&b, "/fresh", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 01777);
	ck_assert_uint_eq(lt_list(&b, "/fresh", &s), 0);
	ck_assert_int_eq(lt_exists(&b, "/fresh/f"), -ENOENT);
	ck_assert_int_eq(lt_write(&b, "/fresh/f", "mine"), 0);
	ck_assert_str_eq(lt_read(&b, "/fresh/f", buf), "mine");
	ck_assert_int_eq(lt_remove(&b, "/fresh/f", false), 0);
	ck_assert(!lt_host_has(&b, "upper/fresh/f"));
	/* hide */
	ck_assert_int_eq(lt_exists(&b, "/hide"), -ENOENT);
	ck_assert_int_eq(lt_mkdir(&b, "/hide"), -EACCES);
	ck_assert_int_eq(lt_write(&b, "/hide", "x"), -EACCES);
	ck_assert_int_eq(lt_rename(&b, "/w", "/hide", 0), -EACCES);
	ck_assert_uint_eq(lt_list(&b, "/", &s), 3);
	lt_done(&b);
	authority_free(a);
}
END_TEST

START_TEST(hidden_below_a_moved_directory)
{
	struct authority *a = authority_new(AUTH_WRITE);
	struct bench b;
	char buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/var/hidden/f", "secret", 0644);
	lt_host(&b, "lower0/var/lib/f", "f", 0644);
	lt_host(&b, "lower0/opt/keep/f", "f", 0644);
	rule(a, "/var/hidden", AUTH_HIDE, false, false);
	rule(a, "/opt/keep", AUTH_READ, false, false);
	guard(&b, a);
	lt_open(&b);
	ck_assert_int_eq(lt_rename(&b, "/var", "/v2", 0), 0);
	ck_assert_int_eq(lt_exists(&b, "/v2/hidden"), -ENOENT);
	ck_assert_int_eq(lt_mkdir(&b, "/v2/hidden"), -EACCES);
	ck_assert_str_eq(lt_read(&b, "/v2/lib/f", buf), "f");
	lt_reopen(&b);
	ck_assert_int_eq(lt_exists(&b, "/v2/hidden"), -ENOENT);
	/* the way to a rule stays where it is */
	ck_assert_int_eq(lt_rename(&b, "/opt", "/opt2", 0), -EBUSY);
	ck_assert_int_eq(lt_remove(&b, "/opt", true), -EBUSY);
	lt_done(&b);
	authority_free(a);
}
END_TEST

START_TEST(own_paths)
{
	struct authority *a = authority_new(AUTH_WRITE);
	struct bench b;
	struct lt_names s;
	char buf[512];
	struct stat st;

	lt_setup(&b);
	lt_host(&b, "lower0/home/me/proj/.ssh/id", "key", 0644);
	lt_host(&b, "lower0/home/me/proj/private", "p", 0600);
	lt_host(&b, "lower0/home/me/proj/.netrc", "n", 0644);
	lt_host(&b, "lower0/home/me/other", "o", 0644);
	lt_host(&b, "lower0/home/me", NULL, 0700);
	lt_host(&b, "lower0/home/you/f", "f", 0644);
	rule(a, "/home", AUTH_FRESH, false, false);
	rule(a, "/home/me/proj", AUTH_WRITE, true, false);
	rule(a, "/home/gone/deep", AUTH_WRITE, true, false);
	guard(&b, a);
	lt_open(&b);
	/* ways exist, whatever lower has; nothing but the way is shown */
	ck_assert_uint_eq(lt_list(&b, "/home", &s), 2);
	ck_assert_uint_eq(lt_list(&b, "/home/me", &s), 1);
	ck_assert_str_eq(s.text, "proj");
	ck_assert_int_eq(lt_stat(&b, "/home/gone", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0755);
	ck_assert_int_eq(lt_exists(&b, "/home/gone/deep"), -ENOENT);
	ck_assert_int_eq(lt_exists(&b, "/home/you"), -ENOENT);
	ck_assert_int_eq(lt_exists(&b, "/home/me/other"), -ENOENT);
	/* our own eyes, but for credentials */
	ck_assert_str_eq(lt_read(&b, "/home/me/proj/private", buf), "p");
	ck_assert_int_eq(lt_exists(&b, "/home/me/proj/.ssh"), -ENOENT);
	ck_assert_int_eq(lt_exists(&b, "/home/me/proj/.netrc"), -ENOENT);
	ck_assert_uint_eq(lt_list(&b, "/home/me/proj", &s), 1);
	/* new things beside the way, kept over a restart */
	ck_assert_int_eq(lt_write(&b, "/home/me/note", "n"), 0);
	ck_assert_int_eq(lt_write(&b, "/home/me/proj/private", "q"), 0);
	ck_assert_int_eq(lt_write(&b, "/home/gone/x", "x"), 0);
	lt_reopen(&b);
	ck_assert_str_eq(lt_read(&b, "/home/me/note", buf), "n");
	ck_assert_str_eq(lt_read(&b, "/home/me/proj/private", buf), "q");
	ck_assert_str_eq(lt_read(&b, "/home/gone/x", buf), "x");
	ck_assert_int_eq(lt_exists(&b, "/home/me/other"), -ENOENT);
	layer_close(b.l);
	rule(a, "/home/me/proj", AUTH_WRITE, true, true);
	lt_open(&b);
	ck_assert_str_eq(lt_read(&b, "/home/me/proj/.ssh/id", buf), "key");
	lt_done(&b);
	authority_free(a);
}
END_TEST

START_TEST(made_files_over_the_host)
{
	struct authority *a = authority_new(AUTH_WRITE);
	struct bench b;
	struct lt_names s;
	char buf[512];

	lt_setup(&b);
	/* lower0: made for the jail, lower1: the host */
	lt_host(&b, "lower0/etc/hostname", "jail", 0600);
	lt_host(&b, "lower0/run/made", "m", 0600);
	lt_host(&b, "lower1/etc/hostname", "host", 0644);
	lt_host(&b, "lower1/etc/fstab", "tab", 0644);
	lt_host(&b, "lower1/run/pid", "1", 0644);
	b.c.lower[0].virtual = true;
	b.c.nlower = 2;
	rule(a, "/run", AUTH_FRESH, false, false);
	guard(&b, a);
	lt_open(&b);
	ck_assert_str_eq(lt_read(&b, "/etc/hostname", buf), "jail");
	ck_assert_str_eq(lt_read(&b, "/etc/fstab", buf), "tab");
	ck_assert_uint_eq(lt_list(&b, "/etc", &s), 2);
	ck_assert_uint_eq(lt_list(&b, "/run", &s), 1);
	ck_assert_str_eq(s.text, "made");
	struct stat st;
	ck_assert_int_eq(lt_stat(&b, "/etc/hostname", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
	ck_assert_int_eq(lt_write(&b, "/etc/hostname", "renamed"), 0);
	ck_assert_str_eq(lt_read(&b, "/etc/hostname", buf), "renamed");
	ck_assert_int_eq(lt_remove(&b, "/etc/hostname", false), 0);
	ck_assert_int_eq(lt_exists(&b, "/etc/hostname"), -ENOENT);
	lt_done(&b);
	authority_free(a);
}
END_TEST

START_TEST(mounts_are_empty)
{
	struct authority *a = authority_new(AUTH_WRITE);
	const char *empty[2] = {NULL, NULL};
	struct bench b;
	struct lt_names s;
	char state[160];
	struct stat st;

	lt_setup(&b);
	snprintf(state, sizeof(state), "%s/var/gaol", b.lower[0]);
	lt_host(&b, "lower0/var/gaol/jails/x", "x", 0644);
	empty[0] = state;
	b.c.empty = empty;
	guard(&b, a);
	lt_open(&b);
	ck_assert_uint_eq(lt_list(&b, "/var/gaol", &s), 0);
	ck_assert_int_eq(lt_exists(&b, "/var/gaol/jails"), -ENOENT);
	ck_assert_int_eq(lt_remove(&b, "/var/gaol", true), -EBUSY);
	/* the guest may mount there, or put its own */
	ck_assert_int_eq(lt_stat(&b, "/var/gaol", &st), 0);
	uint64_t ino = st.st_ino;
	ck_assert_int_eq(lt_mkdir(&b, "/var/gaol/own"), 0);
	ck_assert_int_eq(lt_stat(&b, "/var/gaol", &st), 0);
	ck_assert_uint_eq(st.st_ino, ino);
	lt_reopen(&b);
	ck_assert_uint_eq(lt_list(&b, "/var/gaol", &s), 1);
	ck_assert_int_eq(lt_stat(&b, "/var/gaol", &st), 0);
	ck_assert_uint_eq(st.st_ino, ino);
	layer_close(b.l);
	/* the host's root: what the kernel makes up is empty */
	b.c.lower[0].path = "/";
	b.c.empty = NULL;
	lt_open(&b);
	ck_assert_uint_eq(lt_list(&b, "/proc", &s), 0);
	ck_assert_uint_eq(lt_list(&b, "/sys", &s), 0);
	ck_assert_uint_eq(lt_list(&b, "/dev", &s), 0);
	ck_assert_int_eq(lt_exists(&b, "/proc/self"), -ENOENT);
	lt_done(&b);
	authority_free(a);
}
END_TEST

START_TEST(a_local_mount_is_crossed)
{
	struct bench b;
	struct lt_names s;
	struct stat st, root;
	char path[160], buf[512];

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: mounting needs root\n");
		return;
	}
	lt_setup(&b);
	lt_host(&b, "lower0/mnt", NULL, 0755);
	lt_host(&b, "lower0/late", NULL, 0755);
	snprintf(path, sizeof(path), "%s/mnt", b.lower[0]);
	if (mount("none", path, "tmpfs", 0, "size=1m") < 0) {
		fprintf(stderr, "skipped: cannot mount a tmpfs\n");
		lt_open(&b);
		lt_done(&b);
		return;
	}
	lt_host(&b, "lower0/mnt/f", "on tmpfs", 0644);
	lt_open(&b);
	ck_assert_str_eq(lt_read(&b, "/mnt/f", buf), "on tmpfs");
	ck_assert_int_eq(lt_stat(&b, "/mnt/f", &st), 0);
	ck_assert_int_eq(lt_stat(&b, "/late", &root), 0);
	ck_assert_uint_ne(st.st_ino >> 48, root.st_ino >> 48);
	ck_assert_uint_eq(st.st_dev, root.st_dev);
	/* copy-up over devices, data and all */
	ck_assert_int_eq(lt_chmod(&b, "/mnt/f", 0600), 0);
	ck_assert_str_eq(lt_read(&b, "/mnt/f", buf), "on tmpfs");
	ck_assert_int_eq(lt_rename(&b, "/mnt/f", "/g", 0), 0);
	ck_assert_int_eq(lt_write(&b, "/g", "copied"), 0);
	ck_assert_str_eq(lt_read(&b, "/g", buf), "copied");
	/* a mount that comes later is not entered */
	char late[160];
	snprintf(late, sizeof(late), "%s/late", b.lower[0]);
	ck_assert_int_eq(mount("none", late, "tmpfs", 0, "size=1m"), 0);
	lt_host(&b, "lower0/late/f", "late", 0644);
	ck_assert_int_eq(lt_exists(&b, "/late/f"), -ENOENT);
	ck_assert_uint_eq(lt_list(&b, "/late", &s), 0);
	layer_close(b.l);
	lt_open(&b);
	ck_assert_uint_eq(lt_list(&b, "/late", &s), 1);
	/* taken away while open: gone, not a crash */
	ck_assert_int_eq(umount2(late, MNT_DETACH), 0);
	ck_assert_int_ne(lt_exists(&b, "/late/none"), 0);
	ck_assert_int_eq(umount2(path, MNT_DETACH), 0);
	lt_done(&b);
}
END_TEST

START_TEST(read_only_view)
{
	struct bench b;
	struct layer_entry e;
	uint64_t fh;
	char buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/f", "f", 0644);
	b.c.upper = b.c.work = NULL;
	lt_open(&b);
	ck_assert_str_eq(lt_read(&b, "/f", buf), "f");
	ck_assert_int_eq(lt_write(&b, "/f", "x"), -EROFS);
	ck_assert_int_eq(lt_mkdir(&b, "/d"), -EROFS);
	ck_assert_int_eq(lt_remove(&b, "/f", false), -EROFS);
	ck_assert_int_eq(lt_rename(&b, "/f", "/g", 0), -EROFS);
	ck_assert_int_eq(lt_chmod(&b, "/", 0700), -EROFS);
	ck_assert_int_eq(layer_tmpfile(b.l, LAYER_ROOT, 0600, O_RDWR, &lt_root, &e, &fh), -EROFS);
	ck_assert_uint_eq(b.refused, 0);
	lt_done(&b);
}
END_TEST

START_TEST(reads_are_told_on_request)
{
	struct authority *a = authority_new(AUTH_WRITE);
	struct bench b;
	struct layer_entry e;
	char buf[512];

	lt_setup(&b);
	lt_host(&b, "lower0/f", "f", 0644);
	lt_host(&b, "lower0/hide/f", "f", 0644);
	rule(a, "/hide", AUTH_HIDE, false, false);
	guard(&b, a);
	lt_open(&b);
	lt_read(&b, "/f", buf);
	ck_assert_int_eq(layer_lookup(b.l, LAYER_ROOT, "hide", &lt_root, &e), -ENOENT);
	ck_assert_uint_eq(b.events, 0);
	layer_close(b.l);
	b.c.events_read = true;
	lt_open(&b);
	lt_read(&b, "/f", buf);
	ck_assert_uint_eq(b.last.op, EVENT_OPENREAD);
	ck_assert_uint_eq(b.last.class, EVENT_READ);
	ck_assert_int_eq(layer_lookup(b.l, LAYER_ROOT, "hide", &lt_root, &e), -ENOENT);
	ck_assert_uint_eq(b.last.op, EVENT_REFUSE);
	lt_done(&b);
	authority_free(a);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    nobody_sees_it,   nobodys_eyes_are_the_kernels_too,
	    four_words,	      hidden_below_a_moved_directory,
	    own_paths,	      made_files_over_the_host,
	    mounts_are_empty, a_local_mount_is_crossed,
	    read_only_view,   reads_are_told_on_request,
	};

	return lt_run("layer authority", tests, sizeof(tests) / sizeof(*tests));
}
