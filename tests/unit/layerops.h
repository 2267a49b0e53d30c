/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layerops: random operations on both sides of a model (layermodel.h). Results, errno, attributes,
 * contents and hard links must be equal at once.
 */
#ifndef GAOL_TESTS_LAYEROPS_H
#define GAOL_TESTS_LAYEROPS_H

#include "tests/unit/layermodel.h"

static unsigned long rnd(struct model *m, unsigned long n)
{
	m->seed = m->seed * 6364136223846793005UL + 1442695040888963407UL;
	return (m->seed >> 33) % n;
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
	long a; /* plain is always first: who kills in between counts on it */

	if (h->fd < 0)
		return;
	snprintf(m->what, sizeof(m->what), "handle op %d at %ld", kind, (long)off);
	same_data(m, h->fd, h->fh);
	fstat(h->fd, &p);
	same(m, "fstat", 0, layer_getattr(m->l, h->node, &s));
	same_stat(m, &p, &s);
	if (kind == 0 && h->flags != O_RDONLY) {
		in.st_size = off;
		a = err_of(ftruncate(h->fd, off));
		same(m, "ftruncate", a,
		     layer_setattr(m->l, h->node, h->fh, LAYER_SET_SIZE, &in, NULL, &s));
	} else if (kind == 1) {
		in.st_mode = (mode_t)rnd(m, 010000);
		a = err_of(fchmod(h->fd, in.st_mode));
		same(m, "fchmod", a,
		     layer_setattr(m->l, h->node, h->fh, LAYER_SET_MODE, &in, NULL, &s));
	} else if (h->flags != O_RDONLY) {
		iov.iov_len = 1 + rnd(m, sizeof(data) - 1);
		memset(data, (int)rnd(m, 256), iov.iov_len);
		a = pwrite(h->fd, data, iov.iov_len, off);
		same(m, "pwrite", a, layer_writev(m->l, h->fh, &iov, 1, off, NULL));
	}
	same_data(m, h->fd, h->fh);
	fstat(h->fd, &p);
	same(m, "fstat", 0, layer_getattr(m->l, h->node, &s));
	same_stat(m, &p, &s);
}

/* One random operation on both sides; differences end the test. */
__attribute__((unused)) static void step(struct model *m)
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

#endif
