/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layertest: a layer over fresh directories, spoken to by paths. Include in one test program only.
 */
#ifndef GAOL_TESTS_LAYERTEST_H
#define GAOL_TESTS_LAYERTEST_H

#include "core/fd.h"
#include "core/layer/layer.h"
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
	char top[64];
	struct layer *l;
	struct layer_config c;
	char lower[2][96], upper[96], work[96];
	struct event last; /* the newest event, without its strings */
	char path[PATH_MAX], path2[PATH_MAX];
	unsigned events, refused;
};

__attribute__((unused)) static const struct layer_cred lt_root = {.uid = 0, .gid = 0, .pid = 7};
__attribute__((unused)) static const struct layer_cred lt_user = {
    .uid = 1000, .gid = 100, .pid = 8};

static void lt_event(void *user, const struct event *e)
{
	struct bench *b = user;

	b->last = *e;
	b->events++;
	b->refused += e->op == EVENT_REFUSE;
	snprintf(b->path, sizeof(b->path), "%.*s", (int)e->path_len, e->path);
	snprintf(b->path2, sizeof(b->path2), "%.*s", (int)e->path2_len, e->path2 ? e->path2 : "");
}

/* Directories lower0, lower1, upper, work below a fresh top; the layer is opened by lt_open. */
__attribute__((unused)) static void lt_setup(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	umask(022);
	strcpy(b->top, "/tmp/gaol-layer-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b->top));
	ck_assert_int_eq(chmod(b->top, 0755), 0);
	for (int i = 0; i < 2; i++) {
		snprintf(b->lower[i], sizeof(b->lower[i]), "%s/lower%d", b->top, i);
		ck_assert_int_eq(mkdir(b->lower[i], 0755), 0);
		b->c.lower[i].path = b->lower[i];
	}
	snprintf(b->upper, sizeof(b->upper), "%s/upper", b->top);
	snprintf(b->work, sizeof(b->work), "%s/work", b->top);
	ck_assert_int_eq(mkdir(b->upper, 0700), 0);
	ck_assert_int_eq(mkdir(b->work, 0700), 0);
	b->c.upper = b->upper;
	b->c.work = b->work;
	b->c.nlower = 1;
	b->c.on_event = lt_event;
	b->c.event_user = b;
}

__attribute__((unused)) static void lt_open(struct bench *b)
{
	struct err e;

	if (layer_open(&b->l, &b->c, &e))
		ck_abort_msg("%s", e.text);
}

__attribute__((unused)) static void lt_reopen(struct bench *b)
{
	layer_close(b->l);
	lt_open(b);
}

__attribute__((unused)) static void lt_done(struct bench *b)
{
	layer_close(b->l);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, b->top), 0);
}

/* On the host: a file below a lower ("0/etc/x"), its directories made as needed. */
__attribute__((unused)) static void lt_host(struct bench *b, const char *path, const char *data,
					    mode_t mode)
{
	char full[PATH_MAX], dir[PATH_MAX];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", b->top, path);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(full, '/') - full), full);
	ck_assert_int_eq(dir_make_path(dir, 0755), 0);
	if (!data) {
		ck_assert(mkdir(full, 0700) == 0 || errno == EEXIST);
		ck_assert_int_eq(chmod(full, mode), 0);
		return;
	}
	fd = open(full, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_full(fd, data, strlen(data)), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

__attribute__((unused)) static bool lt_host_has(struct bench *b, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	snprintf(full, sizeof(full), "%s/%s", b->top, path);
	return lstat(full, &st) == 0;
}

/* The node at a path (its look-up count is forgotten at once, names keep nothing): for stat. */
__attribute__((unused)) static int lt_stat(struct bench *b, const char *path, struct stat *st)
{
	struct layer_entry e;
	int err = layer_walk(b->l, path, &e);

	if (!err) {
		*st = e.st;
		layer_forget(b->l, e.node, 1);
	}
	return err;
}

__attribute__((unused)) static int lt_exists(struct bench *b, const char *path)
{
	struct stat st;

	return lt_stat(b, path, &st);
}

/* The node of a path with one look-up; the test fails when there is none. */
__attribute__((unused)) static uint64_t lt_node(struct bench *b, const char *path)
{
	struct layer_entry e;
	int err = layer_walk(b->l, path, &e);

	ck_assert_msg(!err, "%s: %s", path, strerror(-err));
	return e.node;
}

__attribute__((unused)) static uint64_t lt_parent(struct bench *b, const char *path,
						  const char **name)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	*name = strrchr(path, '/') + 1;
	return lt_node(b, *dir ? dir : "/");
}

__attribute__((unused)) static int lt_write(struct bench *b, const char *path, const char *data)
{
	const char *name;
	uint64_t dir = lt_parent(b, path, &name), fh;
	struct layer_entry e;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = strlen(data)};
	int err = layer_lookup(b->l, dir, name, &lt_root, &e);

	if (err == -ENOENT)
		err = layer_create(b->l, dir, name, 0644, O_WRONLY, &lt_root, &e, &fh);
	else if (!err)
		err = layer_open_file(b->l, e.node, O_WRONLY | O_TRUNC, &lt_root, &fh);
	layer_forget(b->l, dir, 1);
	if (err)
		return err;
	ck_assert_int_eq(layer_writev(b->l, fh, &iov, 1, 0, &lt_root), (ssize_t)strlen(data));
	ck_assert_int_eq(layer_release(b->l, fh), 0);
	layer_forget(b->l, e.node, 1);
	return 0;
}

/* The content of a file into a static buffer; NULL with errno. */
__attribute__((unused)) static const char *lt_read(struct bench *b, const char *path, char buf[512])
{
	struct layer_entry e;
	struct iovec iov = {.iov_base = buf, .iov_len = 511};
	uint64_t fh;
	ssize_t n;
	int err = layer_walk(b->l, path, &e);

	if (!err)
		err = layer_open_file(b->l, e.node, O_RDONLY, &lt_root, &fh);
	if (err) {
		snprintf(buf, 512, "<%s>", strerrorname_np(-err));
		return buf;
	}
	n = layer_readv(b->l, fh, &iov, 1, 0);
	ck_assert_int_ge(n, 0);
	buf[n] = '\0';
	layer_release(b->l, fh);
	layer_forget(b->l, e.node, 1);
	return buf;
}

__attribute__((unused)) static int lt_mkdir(struct bench *b, const char *path)
{
	const char *name;
	uint64_t dir = lt_parent(b, path, &name);
	struct layer_entry e;
	int err = layer_mkdir(b->l, dir, name, 0755, &lt_root, &e);

	layer_forget(b->l, dir, 1);
	if (!err)
		layer_forget(b->l, e.node, 1);
	return err;
}

__attribute__((unused)) static int lt_remove(struct bench *b, const char *path, bool is_dir)
{
	const char *name;
	uint64_t dir = lt_parent(b, path, &name);
	int err = is_dir ? layer_rmdir(b->l, dir, name, &lt_root)
			 : layer_unlink(b->l, dir, name, &lt_root);

	layer_forget(b->l, dir, 1);
	return err;
}

__attribute__((unused)) static int lt_rename(struct bench *b, const char *from, const char *to,
					     unsigned flags)
{
	const char *n1, *n2;
	uint64_t d1 = lt_parent(b, from, &n1), d2 = lt_parent(b, to, &n2);
	int err = layer_rename(b->l, d1, n1, d2, n2, flags, &lt_root);

	layer_forget(b->l, d1, 1);
	layer_forget(b->l, d2, 1);
	return err;
}

__attribute__((unused)) static int lt_chmod(struct bench *b, const char *path, mode_t mode)
{
	uint64_t n = lt_node(b, path);
	struct stat in = {.st_mode = mode}, out;
	int err = layer_setattr(b->l, n, 0, LAYER_SET_MODE, &in, &lt_root, &out);

	layer_forget(b->l, n, 1);
	return err;
}

struct lt_names {
	char text[4096];
	size_t n;
};

static bool lt_name(void *user, const char *name, const struct layer_entry *e, off_t next)
{
	struct lt_names *s = user;

	if (strcmp(name, ".") && strcmp(name, "..")) {
		size_t at = strlen(s->text);
		snprintf(s->text + at, sizeof(s->text) - at, "%s%s", at ? " " : "", name);
		s->n++;
	}
	return true;
}

/* Names of a directory, space-separated, sorted only when the caller compares sets of one. */
__attribute__((unused)) static size_t lt_list(struct bench *b, const char *path, struct lt_names *s)
{
	uint64_t n = lt_node(b, path), dh;

	memset(s, 0, sizeof(*s));
	ck_assert_int_eq(layer_opendir(b->l, n, &dh), 0);
	ck_assert_int_eq(layer_readdir(b->l, dh, 0, false, lt_name, s), 0);
	ck_assert_int_eq(layer_releasedir(b->l, dh), 0);
	layer_forget(b->l, n, 1);
	return s->n;
}

/* Runs the test functions as one suite; the number of failures is the exit status. */
__attribute__((unused)) static int lt_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}

#endif
