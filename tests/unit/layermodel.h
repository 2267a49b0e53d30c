/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layermodel: a layer over a populated lower and, side by side, a plain directory with the same
 * content, to be compared. Include in one program only; layerops.h operates on both.
 */
#ifndef GAOL_TESTS_LAYERMODEL_H
#define GAOL_TESTS_LAYERMODEL_H

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
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HANDLES 6
#define OLD 1500000000 /* times below are set by hand and must agree */
#define DATA_MAX 40000
#define ENTRIES_MAX 4096

struct open_pair {
	uint64_t fh, node;
	int fd; /* -1: free */
	int flags;
};

struct model {
	char top[64];
	int plain;
	struct layer *l;
	unsigned long seed;
	unsigned long step;
	char what[4 * PATH_MAX];
	struct open_pair h[HANDLES];
	/* inode numbers seen: plain's and the layer's must map one to one */
	struct {
		ino_t plain, layer;
	} ino[ENTRIES_MAX];
	size_t nino;
	bool reopened;
	struct touched *touched; /* what the layer is to tell changes to */
};

static const char *const names[] = {"a", "b", "c", "dir", "\xff\xfe", "new\nline"};
#define NNAMES (sizeof(names) / sizeof(*names))

static void differ(struct model *m, const char *why, long a, long b)
{
	ck_abort_msg("step %lu: %s: %s: plain %ld, layer %ld", m->step, m->what, why, a, b);
}

/* One tree, made the same way twice. */
static void fill_file(int d, const char *name, size_t size, mode_t mode, uid_t uid)
{
	char *p = malloc(size + 1);
	int fd = openat(d, name, O_CREAT | O_WRONLY | O_EXCL, 0600);
	struct timespec ts[2] = {{.tv_sec = 1000000000 + (time_t)size},
				 {.tv_sec = 1100000000 + (time_t)size}};

	for (size_t i = 0; i < size; i++)
		p[i] = (char)(i * 7 + size);
	ck_assert_int_eq(fd_write_full(fd, p, size), 0);
	ck_assert_int_eq(fchown(fd, uid, uid), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(fsetxattr(fd, "user.base", "x", 1, 0), 0);
	futimens(fd, ts);
	close(fd);
	free(p);
}

static void fill_dir(int d, int depth)
{
	struct timespec ts[2] = {{.tv_sec = 1200000000}, {.tv_sec = 1200000000 + depth}};

	fill_file(d, "a", 5000 + (size_t)depth, 0644, 0);
	fill_file(d, "b", (size_t)depth * 9000, 04755, 1000);
#ifndef MODEL_LOWER_UNLINKED
	ck_assert_int_eq(linkat(d, "a", d, "\xff\xfe", 0), 0);
#endif
	if (depth == 2)
		ck_assert_int_eq(symlinkat("b", d, "new\nline"), 0);
	if (depth == 1)
		ck_assert_int_eq(mknodat(d, "new\nline", S_IFIFO | 0644, 0), 0);
	for (int k = 0; depth && k < 2; k++) {
		const char *name = k ? "dir" : "c";
		int sub;
		ck_assert_int_eq(mkdirat(d, name, 0755), 0);
		sub = openat(d, name, O_RDONLY | O_DIRECTORY);
		fill_dir(sub, depth - 1);
		close(sub);
	}
	futimens(d, ts);
}

static void layer_start(struct model *m)
{
	struct layer_config c = {.nlower = 1, .touched = m->touched};
	char lower[96], upper[96], work[96];
	struct err e;
	size_t nodes, handles, dirs;

	snprintf(lower, sizeof(lower), "%s/lower", m->top);
	snprintf(upper, sizeof(upper), "%s/upper", m->top);
	snprintf(work, sizeof(work), "%s/work", m->top);
	c.lower[0].path = lower;
	c.upper = upper;
	c.work = work;
	if (layer_open(&m->l, &c, &e))
		ck_abort_msg("%s", e.text);
	layer_counts(m->l, &nodes, &handles, &dirs);
	ck_assert_uint_eq(nodes, 1);
}

static void setup(struct model *m)
{
	static const char *const sub[] = {"lower", "upper", "work", "plain"};

	strcpy(m->top, "/tmp/gaol-model-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(m->top));
	for (int i = 0; i < 4; i++) {
		char path[96];
		snprintf(path, sizeof(path), "%s/%s", m->top, sub[i]);
		ck_assert_int_eq(mkdir(path, i == 1 || i == 2 ? 0700 : 0755), 0);
		if (i == 0 || i == 3) {
			int d = open(path, O_RDONLY | O_DIRECTORY);
			fill_dir(d, 2);
			if (i == 3)
				m->plain = d;
			else
				close(d);
		}
	}
	for (int i = 0; i < HANDLES; i++)
		m->h[i].fd = -1;
	layer_start(m);
}

/* Walks to an entry of the layer: its node (one look-up) or -errno. */
static int walk(struct model *m, const char *path, struct layer_entry *e)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "/%.4000s", path);
	return layer_walk(m->l, full, e);
}

static void forget(struct model *m, const struct layer_entry *e)
{
	layer_forget(m->l, e->node, 1);
}

/* The directory of path and the last name; -errno, or 0 with one look-up of the directory. */
static int walk_parent(struct model *m, const char *path, struct layer_entry *e, const char **name)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int err;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 0, path);
	*name = slash ? slash + 1 : path;
	err = walk(m, dir, e);
	if (!err && !S_ISDIR(e->st.st_mode)) {
		forget(m, e);
		err = -ENOTDIR;
	}
	return err;
}

static void same(struct model *m, const char *why, long plain, long layer)
{
	if (plain != layer)
		differ(m, why, plain, layer);
}

/* Two inodes are one in plain if and only if they are one in the layer, for ever. */
static void same_ino(struct model *m, ino_t plain, ino_t layer)
{
	for (size_t i = 0; i < m->nino; i++) {
		if (m->ino[i].plain == plain || m->ino[i].layer == layer) {
			same(m, "st_ino's plain half", (long)m->ino[i].plain, (long)plain);
			same(m, "st_ino's layer half", (long)m->ino[i].layer, (long)layer);
			return;
		}
	}
	if (m->nino < ENTRIES_MAX) {
		m->ino[m->nino].plain = plain;
		m->ino[m->nino++].layer = layer;
	}
}

static void same_stat(struct model *m, const struct stat *p, const struct stat *s)
{
	same(m, "st_mode", p->st_mode, s->st_mode);
	same(m, "st_uid", p->st_uid, s->st_uid);
	same(m, "st_gid", p->st_gid, s->st_gid);
	same(m, "st_nlink", (long)p->st_nlink, (long)s->st_nlink);
	if (!S_ISDIR(p->st_mode))
		same(m, "st_size", p->st_size, s->st_size);
	if (S_ISCHR(p->st_mode) || S_ISBLK(p->st_mode))
		same(m, "st_rdev", (long)p->st_rdev, (long)s->st_rdev);
	if (p->st_mtim.tv_sec < OLD || s->st_mtim.tv_sec < OLD)
		same(m, "st_mtime", p->st_mtim.tv_sec, s->st_mtim.tv_sec);
}

static void same_data(struct model *m, int fd, uint64_t fh)
{
	char *a = malloc(DATA_MAX), *b = malloc(DATA_MAX);
	struct iovec iov = {.iov_base = b, .iov_len = DATA_MAX};
	ssize_t na = pread(fd, a, DATA_MAX, 0), nb = layer_readv(m->l, fh, &iov, 1, 0);

	same(m, "bytes read", na, nb);
	if (na > 0 && memcmp(a, b, (size_t)na))
		differ(m, "content", 0, 0);
	free(a);
	free(b);
}

struct listing {
	struct model *m;
	char path[PATH_MAX];
	size_t n;
	char name[64][NAME_MAX + 1];
	struct layer_entry e[64];
};

static bool list_one(void *user, const char *name, const struct layer_entry *e, off_t next)
{
	struct listing *s = user;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return true;
	ck_assert_uint_lt(s->n, 64);
	for (size_t i = 0; i < s->n; i++)
		ck_assert_str_ne(s->name[i], name);
	strcpy(s->name[s->n], name);
	s->e[s->n++] = *e;
	return true;
}

static void same_xattr(struct model *m, const char *proc, uint64_t node, const char *name)
{
	char a[64], b[64];
	ssize_t na = lgetxattr(proc, name, a, sizeof(a)), nb;

	na = na < 0 ? -errno : na;
	nb = layer_getxattr(m->l, node, name, b, sizeof(b));
	same(m, name, na, nb);
	if (na > 0 && memcmp(a, b, (size_t)na))
		differ(m, "value of attribute", 0, 0);
}

static void same_entry(struct model *m, int d, const char *name, const struct layer_entry *e)
{
	char proc[64 + NAME_MAX], ta[PATH_MAX], tb[PATH_MAX];
	struct stat p, s;

	ck_assert_int_eq(fstatat(d, name, &p, AT_SYMLINK_NOFOLLOW), 0);
	same(m, "getattr", 0, layer_getattr(m->l, e->node, &s));
	same_stat(m, &p, &s);
	same_stat(m, &p, &e->st);
	same_ino(m, p.st_ino, s.st_ino);
	same(m, "d_ino", (long)s.st_ino, (long)e->st.st_ino);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d/%s", d, name);
	if (S_ISREG(p.st_mode)) {
		cleanup_fd int fd = openat(d, name, O_RDONLY);
		uint64_t fh;
		same(m, "open", 0, layer_open_file(m->l, e->node, O_RDONLY, NULL, &fh));
		same_data(m, fd, fh);
		layer_release(m->l, fh);
		same_xattr(m, proc, e->node, "user.base");
		same_xattr(m, proc, e->node, "user.x");
	} else if (S_ISLNK(p.st_mode)) {
		ssize_t na = readlinkat(d, name, ta, sizeof(ta) - 1);
		same(m, "readlink", na, layer_readlink(m->l, e->node, tb, sizeof(tb)));
		if (memcmp(ta, tb, (size_t)na))
			differ(m, "link target", 0, 0);
	}
}

static void same_tree(struct model *m, int d, uint64_t node, const char *path)
{
	struct listing *s = calloc(1, sizeof(*s));
	int dup_fd = openat(d, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = fdopendir(dup_fd);
	struct dirent *de;
	uint64_t dh;
	size_t n = 0;

	same(m, "opendir", 0, layer_opendir(m->l, node, &dh));
	same(m, "readdir", 0, layer_readdir(m->l, dh, 0, true, list_one, s));
	layer_releasedir(m->l, dh);
	while ((de = readdir(dir))) {
		size_t i;
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		n++;
		for (i = 0; i < s->n && strcmp(s->name[i], de->d_name); i++)
			;
		snprintf(m->what + strcspn(m->what, "@"), 512, "@ tree %.200s/%s", path,
			 de->d_name);
		if (i == s->n)
			differ(m, "missing in the layer", 1, 0);
		same_entry(m, d, de->d_name, &s->e[i]);
		if (S_ISDIR(s->e[i].st.st_mode)) {
			char sub[PATH_MAX];
			int sd = openat(d, de->d_name, O_RDONLY | O_DIRECTORY);
			snprintf(sub, sizeof(sub), "%.2000s/%s", path, de->d_name);
			same_tree(m, sd, s->e[i].node, sub);
			close(sd);
		}
	}
	same(m, "number of entries", (long)n, (long)s->n);
	for (size_t i = 0; i < s->n; i++)
		forget(m, &s->e[i]);
	closedir(dir);
	free(s);
}

__attribute__((unused)) static void compare(struct model *m)
{
	struct stat p, s;

	fstat(m->plain, &p);
	layer_getattr(m->l, LAYER_ROOT, &s);
	same(m, "root's nlink", (long)p.st_nlink, (long)s.st_nlink);
	same_tree(m, m->plain, LAYER_ROOT, "");
}

#endif
