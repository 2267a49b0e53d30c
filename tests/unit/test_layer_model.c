/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model check: random operations on a layer over a populated lower, and side by side on a plain
 * directory with the same content. Results, errno, attributes, contents, hard links and listings
 * must be equal; inode numbers must survive copy-up and reopening. GAOL_MODEL_OPS sets the count,
 * GAOL_MODEL_SEED the sequence (printed on failure).
 */
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
};

static const char *const names[] = {"a", "b", "c", "dir", "\xff\xfe", "new\nline"};
#define NNAMES (sizeof(names) / sizeof(*names))

static unsigned long rnd(struct model *m, unsigned long n)
{
	m->seed = m->seed * 6364136223846793005UL + 1442695040888963407UL;
	return (m->seed >> 33) % n;
}

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
	ck_assert_int_eq(linkat(d, "a", d, "\xff\xfe", 0), 0);
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
	struct layer_config c = {.nlower = 1};
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

/* A random relative path of one to three names. */
static void path_pick(struct model *m, char *out)
{
	unsigned long depth = 1 + rnd(m, 3);

	*out = '\0';
	for (unsigned long i = 0; i < depth; i++) {
		struct stat st;
		/* the layer follows no links: that is the guest kernel's business */
		if (i && !fstatat(m->plain, out, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode))
			return;
		if (i)
			strcat(out, "/");
		strcat(out, i + 1 < depth
				? (rnd(m, 5) ? (rnd(m, 2) ? "dir" : "c") : names[rnd(m, NNAMES)])
				: names[rnd(m, NNAMES)]);
	}
}

/* Walks to an entry of the layer: its node (one look-up) or -errno. */
static int walk(struct model *m, const char *path, struct layer_entry *e)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "/%s", path);
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

static void compare(struct model *m)
{
	struct stat p, s;

	fstat(m->plain, &p);
	layer_getattr(m->l, LAYER_ROOT, &s);
	same(m, "root's nlink", (long)p.st_nlink, (long)s.st_nlink);
	same_tree(m, m->plain, LAYER_ROOT, "");
}

static int err_of(int r)
{
	return r < 0 ? -errno : 0;
}

static void op_create(struct model *m, bool keep)
{
	mode_t mode = rnd(m, 2) ? 0644 : (mode_t)rnd(m, 010000);
	char path[PATH_MAX];
	const char *name;
	struct layer_entry d, e;
	uint64_t fh = 0;
	int fd, a, r, slot = -1;

	path_pick(m, path);
	snprintf(m->what, sizeof(m->what), "create %s %o", path, mode);
	fd = openat(m->plain, path, O_CREAT | O_EXCL | O_RDWR, 0600);
	a = err_of(fd);
	if (fd >= 0)
		fchmod(fd, mode);
	r = walk_parent(m, path, &d, &name);
	if (!r) {
		r = layer_create(m->l, d.node, name, mode, O_RDWR, NULL, &e, &fh);
		forget(m, &d);
	}
	same(m, "errno", a, r);
	if (r)
		return;
	for (int i = 0; keep && i < HANDLES; i++)
		if (m->h[i].fd < 0)
			slot = i;
	if (slot >= 0) {
		m->h[slot] =
		    (struct open_pair){.fh = fh, .node = e.node, .fd = fd, .flags = O_RDWR};
		return;
	}
	close(fd);
	layer_release(m->l, fh);
	forget(m, &e);
}

static void op_mkdir(struct model *m)
{
	char path[PATH_MAX];
	const char *name;
	struct layer_entry d, e;
	int a, r;

	path_pick(m, path);
	snprintf(m->what, sizeof(m->what), "mkdir %s", path);
	a = err_of(mkdirat(m->plain, path, 0755));
	r = walk_parent(m, path, &d, &name);
	if (!r) {
		r = layer_mkdir(m->l, d.node, name, 0755, NULL, &e);
		forget(m, &d);
	}
	same(m, "errno", a, r);
	if (!r)
		forget(m, &e);
}

static void op_mknod(struct model *m)
{
	static const mode_t kinds[] = {S_IFIFO | 0600, S_IFCHR | 0666, S_IFBLK | 0640,
				       S_IFSOCK | 0777, S_IFREG | 0644};
	mode_t mode = kinds[rnd(m, 5)];
	dev_t dev = makedev(rnd(m, 300), rnd(m, 70000));
	char path[PATH_MAX];
	const char *name;
	struct layer_entry d, e;
	int a, r;

	path_pick(m, path);
	snprintf(m->what, sizeof(m->what), "mknod %s %o", path, mode);
	a = err_of(mknodat(m->plain, path, mode, dev));
	r = walk_parent(m, path, &d, &name);
	if (!r) {
		r = layer_mknod(m->l, d.node, name, mode, dev, NULL, &e);
		forget(m, &d);
	}
	same(m, "errno", a, r);
	if (!r)
		forget(m, &e);
}

static void op_symlink(struct model *m)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *name;
	struct layer_entry d, e;
	int a, r;

	path_pick(m, path);
	path_pick(m, target);
	snprintf(m->what, sizeof(m->what), "symlink %s -> %s", path, target);
	a = err_of(symlinkat(target, m->plain, path));
	r = walk_parent(m, path, &d, &name);
	if (!r) {
		r = layer_symlink(m->l, target, d.node, name, NULL, &e);
		forget(m, &d);
	}
	same(m, "errno", a, r);
	if (!r)
		forget(m, &e);
}

static void op_remove(struct model *m, bool dir)
{
	char path[PATH_MAX];
	const char *name;
	struct layer_entry d;
	int a, r;

	path_pick(m, path);
	snprintf(m->what, sizeof(m->what), "%s %s", dir ? "rmdir" : "unlink", path);
	a = err_of(unlinkat(m->plain, path, dir ? AT_REMOVEDIR : 0));
	r = walk_parent(m, path, &d, &name);
	if (!r) {
		r = dir ? layer_rmdir(m->l, d.node, name, NULL)
			: layer_unlink(m->l, d.node, name, NULL);
		forget(m, &d);
	}
	same(m, "errno", a, r);
}

static void op_rename(struct model *m)
{
	static const unsigned kinds[] = {
	    0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE};
	unsigned flags = kinds[rnd(m, 6)];
	char from[PATH_MAX], to[PATH_MAX];
	const char *n1, *n2;
	struct layer_entry d1, d2;
	int a, r;

	path_pick(m, from);
	path_pick(m, to);
	snprintf(m->what, sizeof(m->what), "rename %s -> %s flags %u", from, to, flags);
	a = err_of(renameat2(m->plain, from, m->plain, to, flags));
	r = walk_parent(m, from, &d1, &n1);
	if (!r) {
		r = walk_parent(m, to, &d2, &n2);
		if (!r) {
			r = layer_rename(m->l, d1.node, n1, d2.node, n2, flags, NULL);
			forget(m, &d2);
		}
		forget(m, &d1);
	}
	same(m, "errno", a, r);
}

static void op_link(struct model *m)
{
	char from[PATH_MAX], to[PATH_MAX];
	const char *name;
	struct layer_entry e, d, made;
	struct stat st;
	int a, r;

	path_pick(m, from);
	path_pick(m, to);
	snprintf(m->what, sizeof(m->what), "link %s -> %s", from, to);
	/* the kernel's order of checks for a directory is the guest kernel's business */
	if (!fstatat(m->plain, from, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode))
		return;
	a = err_of(linkat(m->plain, from, m->plain, to, 0));
	r = walk(m, from, &e);
	if (!r) {
		r = walk_parent(m, to, &d, &name);
		if (!r) {
			r = layer_link(m->l, e.node, d.node, name, NULL, &made);
			forget(m, &d);
			if (!r)
				forget(m, &made);
		}
		forget(m, &e);
	}
	same(m, "errno", a, r);
}

static void op_setattr(struct model *m)
{
	char path[PATH_MAX], proc[PATH_MAX + 64];
	struct stat in = {0}, out, p;
	struct layer_entry e;
	int kind = (int)rnd(m, 5), r, a, what = 0;

	path_pick(m, path);
	snprintf(m->what, sizeof(m->what), "setattr %d %s", kind, path);
	r = walk(m, path, &e);
	a = err_of(fstatat(m->plain, path, &p, AT_SYMLINK_NOFOLLOW));
	same(m, "errno", a, r);
	if (r)
		return;
	if (kind == 0 && !S_ISLNK(p.st_mode)) {
		in.st_mode = (mode_t)rnd(m, 010000);
		what = LAYER_SET_MODE;
		a = err_of(fchmodat(m->plain, path, in.st_mode, 0));
	} else if (kind == 1 || kind == 2) {
		in.st_uid = (uid_t)rnd(m, 3) * 1000;
		in.st_gid = (gid_t)rnd(m, 3) * 1000;
		what = kind == 1 ? LAYER_SET_UID | LAYER_SET_GID : LAYER_SET_GID;
		a = err_of(fchownat(m->plain, path, kind == 1 ? in.st_uid : (uid_t)-1, in.st_gid,
				    AT_SYMLINK_NOFOLLOW));
	} else if (kind == 3) {
		struct timespec ts[2] = {{.tv_sec = 5}, {.tv_sec = 1000 + (time_t)rnd(m, 1000)}};
		in.st_atim = ts[0];
		in.st_mtim = ts[1];
		what = LAYER_SET_ATIME | LAYER_SET_MTIME;
		a = err_of(utimensat(m->plain, path, ts, AT_SYMLINK_NOFOLLOW));
	} else if (S_ISREG(p.st_mode)) {
		in.st_size = (off_t)rnd(m, 20000);
		what = LAYER_SET_SIZE;
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d/%s", m->plain, path);
		a = err_of(truncate(proc, in.st_size));
	}
	if (what) {
		r = layer_setattr(m->l, e.node, 0, what, &in, NULL, &out);
		same(m, "errno", a, r);
		fstatat(m->plain, path, &p, AT_SYMLINK_NOFOLLOW);
		same_stat(m, &p, &out);
	}
	forget(m, &e);
}

static void op_xattr(struct model *m)
{
	char path[PATH_MAX], proc[PATH_MAX + 64], value[32];
	const char *name = rnd(m, 3) ? "user.x" : "user.base";
	struct layer_entry e;
	struct stat p;
	int a, r, flags = rnd(m, 4) ? 0 : rnd(m, 2) ? XATTR_CREATE : XATTR_REPLACE;
	bool set = rnd(m, 3);

	path_pick(m, path);
	snprintf(m->what, sizeof(m->what), "%s %s %s", set ? "setxattr" : "removexattr", path,
		 name);
	if (fstatat(m->plain, path, &p, AT_SYMLINK_NOFOLLOW) || !S_ISREG(p.st_mode))
		return;
	same(m, "walk", 0, walk(m, path, &e));
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d/%s", m->plain, path);
	snprintf(value, sizeof(value), "v%lu", rnd(m, 100));
	if (set) {
		a = err_of(setxattr(proc, name, value, strlen(value), flags));
		r = layer_setxattr(m->l, e.node, name, value, strlen(value), flags, NULL);
	} else {
		a = err_of(removexattr(proc, name));
		r = layer_removexattr(m->l, e.node, name, NULL);
	}
	same(m, "errno", a, r);
	forget(m, &e);
}

static void op_open(struct model *m)
{
	static const int kinds[] = {O_RDONLY, O_RDWR, O_RDWR, O_RDWR | O_TRUNC};
	char path[PATH_MAX];
	struct layer_entry e;
	struct stat p;
	int slot = (int)rnd(m, HANDLES), flags = kinds[rnd(m, 4)];
	struct open_pair *h = &m->h[slot];

	if (h->fd >= 0) {
		snprintf(m->what, sizeof(m->what), "close handle %d", slot);
		close(h->fd);
		h->fd = -1;
		same(m, "release", 0, layer_release(m->l, h->fh));
		layer_forget(m->l, h->node, 1);
		return;
	}
	path_pick(m, path);
	snprintf(m->what, sizeof(m->what), "open %s %x", path, (unsigned)flags);
	if (fstatat(m->plain, path, &p, AT_SYMLINK_NOFOLLOW) || !S_ISREG(p.st_mode))
		return;
	same(m, "walk", 0, walk(m, path, &e));
	h->fd = openat(m->plain, path, flags);
	h->flags = flags;
	h->node = e.node;
	same(m, "open", 0, layer_open_file(m->l, e.node, flags, NULL, &h->fh));
}

static void op_handle(struct model *m)
{
	struct open_pair *h = &m->h[rnd(m, HANDLES)];
	char data[3000];
	struct iovec iov = {.iov_base = data};
	struct stat p, s, in = {0};
	off_t off = (off_t)rnd(m, 20000);
	int kind = (int)rnd(m, 5);

	if (h->fd < 0)
		return;
	snprintf(m->what, sizeof(m->what), "handle op %d at %ld", kind, (long)off);
	same_data(m, h->fd, h->fh);
	fstat(h->fd, &p);
	same(m, "fstat", 0, layer_getattr(m->l, h->node, &s));
	same_stat(m, &p, &s);
	if (kind == 0 && h->flags != O_RDONLY) {
		in.st_size = off;
		same(m, "ftruncate", err_of(ftruncate(h->fd, off)),
		     layer_setattr(m->l, h->node, h->fh, LAYER_SET_SIZE, &in, NULL, &s));
	} else if (kind == 1) {
		in.st_mode = (mode_t)rnd(m, 010000);
		same(m, "fchmod", err_of(fchmod(h->fd, in.st_mode)),
		     layer_setattr(m->l, h->node, h->fh, LAYER_SET_MODE, &in, NULL, &s));
	} else if (h->flags != O_RDONLY) {
		iov.iov_len = 1 + rnd(m, sizeof(data) - 1);
		memset(data, (int)rnd(m, 256), iov.iov_len);
		same(m, "pwrite", pwrite(h->fd, data, iov.iov_len, off),
		     layer_writev(m->l, h->fh, &iov, 1, off, NULL));
	}
	same_data(m, h->fd, h->fh);
	fstat(h->fd, &p);
	same(m, "fstat", 0, layer_getattr(m->l, h->node, &s));
	same_stat(m, &p, &s);
}

static void reopen(struct model *m)
{
	size_t nodes, handles, dirs;

	snprintf(m->what, sizeof(m->what), "reopen");
	for (int i = 0; i < HANDLES; i++) {
		if (m->h[i].fd < 0)
			continue;
		close(m->h[i].fd);
		layer_release(m->l, m->h[i].fh);
		layer_forget(m->l, m->h[i].node, 1);
		m->h[i].fd = -1;
	}
	layer_counts(m->l, &nodes, &handles, &dirs);
	same(m, "nodes left", 1, (long)nodes);
	same(m, "handles left", 0, (long)handles);
	layer_close(m->l);
	layer_start(m);
	/* inode numbers of what was removed may come again */
	m->nino = 0;
	compare(m);
}

static void step(struct model *m)
{
	switch (rnd(m, 20)) {
	case 0:
	case 1:
		op_create(m, rnd(m, 2));
		break;
	case 2:
		op_mkdir(m);
		break;
	case 3:
		op_mknod(m);
		break;
	case 4:
		op_symlink(m);
		break;
	case 5:
	case 6:
		op_remove(m, false);
		break;
	case 7:
		op_remove(m, true);
		break;
	case 8:
	case 9:
	case 10:
		op_rename(m);
		break;
	case 11:
	case 12:
		op_link(m);
		break;
	case 13:
	case 14:
		op_setattr(m);
		break;
	case 15:
		op_xattr(m);
		break;
	case 16:
	case 17:
		op_open(m);
		break;
	default:
		op_handle(m);
	}
}

START_TEST(model)
{
	const char *ops = getenv("GAOL_MODEL_OPS"), *seed = getenv("GAOL_MODEL_SEED");
	unsigned long n = ops ? strtoul(ops, NULL, 10) : 20000;
	struct model *m = calloc(1, sizeof(*m));

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: the plain side needs root for chown and mknod\n");
		free(m);
		return;
	}
	umask(0);
	m->seed = seed ? strtoul(seed, NULL, 10) : 20261124;
	setup(m);
	compare(m);
	for (m->step = 1; m->step <= n; m->step++) {
		step(m);
		if (m->step % 50 == 0) {
			m->nino = 0;
			compare(m);
		}
		if (m->step % 1000 == 0)
			reopen(m);
		/* a tree that lost everything tests nothing: start again over a fresh upper */
	}
	reopen(m);
	layer_close(m->l);
	close(m->plain);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, m->top), 0);
	free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layer model");
	TCase *t = tcase_create("random");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 0);
	tcase_add_test(t, model);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
