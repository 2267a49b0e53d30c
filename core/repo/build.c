/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes entries of the layer from stored ones, complete with record, attributes and times. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LIST_LIMIT 65536
#define PATH_LEN (sizeof("/proc/self/fd/") + 12 + 256)
#define KEY_LEN (sizeof(RECORD_GUEST_PREFIX) + 256)

static int cannot(struct err *e, int err, const char *name, const char *what)
{
	return err_set(e, err, "rollback: cannot %s %s: %s%s", what, name, strerror(-err),
		       err == -ENOSPC || err == -EDQUOT ? ": free some space and try again" : "");
}

void groups_add(struct groups *g, uint64_t link)
{
	if (groups_has(g, link))
		return;
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 16;
		g->v = xrealloc(g->v, g->cap * sizeof(*g->v));
	}
	size_t at = g->n++;
	for (; at && g->v[at - 1] > link; at--)
		g->v[at] = g->v[at - 1];
	g->v[at] = link;
}

bool groups_has(const struct groups *g, uint64_t link)
{
	size_t lo = 0, hi = g->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (g->v[mid] == link)
			return true;
		if (g->v[mid] < link)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

void groups_free(struct groups *g)
{
	free(g->v);
	*g = (struct groups){0};
}

static int set(const char *path, const char *key, const void *v, size_t n)
{
	return lsetxattr(path, key, v, n, 0) ? -errno : 0;
}

static int drop(const char *path, const char *key)
{
	return lremovexattr(path, key) && errno != ENODATA ? -errno : 0;
}

static int set_le(const char *path, const char *key, uint64_t v, size_t n)
{
	unsigned char raw[8];

	if (!v)
		return drop(path, key);
	for (size_t i = 0; i < n; i++)
		raw[i] = (unsigned char)(v >> (8 * i));
	return set(path, key, raw, n);
}

static const struct xattr *guest_xattr(const struct ent *x, const char *name)
{
	for (size_t i = 0; i < x->nxattrs; i++)
		if (!strcmp(x->xattrs[i].name, name))
			return &x->xattrs[i];
	return NULL;
}

static int guest_xattrs(const char *path, const struct ent *x)
{
	char *list = xmalloc(LIST_LIMIT);
	ssize_t n = llistxattr(path, list, LIST_LIMIT);
	size_t k = strlen(RECORD_GUEST_PREFIX);
	int err = n < 0 ? -errno : 0;

	for (char *s = list; s < list + n && !err; s += strlen(s) + 1)
		if (!strncmp(s, RECORD_GUEST_PREFIX, k) && !guest_xattr(x, s + k))
			err = drop(path, s);
	for (size_t i = 0; i < x->nxattrs && !err; i++) {
		char key[KEY_LEN];
		snprintf(key, sizeof(key), "%s%s", RECORD_GUEST_PREFIX, x->xattrs[i].name);
		err = set(path, key, x->xattrs[i].value, x->xattrs[i].len);
	}
	free(list);
	return err;
}

static bool is_default(const struct record *r)
{
	struct record def;
	uint8_t a[RECORD_SIZE], b[RECORD_SIZE];

	record_default(&def, r->mode);
	record_encode(&def, a);
	record_encode(r, b);
	return !r->whiteout && !memcmp(a, b, sizeof(a));
}

int build_times(int dirfd, const char *name, const struct ent *x, struct err *e)
{
	/* atime is not kept: it becomes mtime, which every later read moves on from */
	struct timespec ts[2] = {x->mtime, x->mtime};

	if (utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW))
		return cannot(e, -errno, name, "set times of");
	return 0;
}

int build_attrs(int dirfd, const char *name, const struct ent *x, struct err *e)
{
	char path[PATH_LEN];
	uint8_t raw[RECORD_SIZE];
	int err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	err = guest_xattrs(path, x);
	if (!err)
		err = set_le(path, META_XATTR_GROUP, x->link, 8);
	if (!err)
		err = set_le(path, META_XATTR_LEFT, x->left, 4);
	/* the path before the flag that says it is there */
	if (!err && x->redirect)
		err = set(path, RECORD_ORIGIN_XATTR, x->redirect, strlen(x->redirect));
	record_encode(&x->rec, raw);
	if (!err)
		err = is_default(&x->rec) ? drop(path, RECORD_XATTR)
					  : set(path, RECORD_XATTR, raw, sizeof(raw));
	if (!err && !x->redirect)
		err = drop(path, RECORD_ORIGIN_XATTR);
	if (err)
		return cannot(e, err, name, "set attributes of");
	return build_times(dirfd, name, x, e);
}

struct writing {
	int fd;
	struct pace *pace;
};

static int write_run(void *user, uint64_t off, const void *p, size_t n)
{
	struct writing *w = user;

	while (n) {
		ssize_t put = pwrite(w->fd, p, n, (off_t)off);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		p = (const char *)p + put;
		off += (uint64_t)put;
		n -= (size_t)put;
	}
	return pace_step(w->pace, 0);
}

static int build_file(struct build *b, int dirfd, const char *name, const struct ent *x)
{
	cleanup_fd int fd =
	    openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct writing w = {.fd = fd, .pace = &b->pace};
	struct err why = {""};
	int err = 0;

	if (fd < 0)
		return cannot(b->e, -errno, name, "make");
	if ((x->chunked || (x->rec.flags & RECORD_META)) && ftruncate(fd, (off_t)x->size))
		err = -errno;
	if (!err && ent_has_content(x) && (S_ISREG(x->rec.mode) || S_ISLNK(x->rec.mode)))
		err = content_each(b->r, x, write_run, &w, &why);
	if (err && *why.text)
		return err_set(b->e, err, "%s", why.text);
	if (err)
		return cannot(b->e, err, name, "write");
	return build_attrs(dirfd, name, x, b->e);
}

static int build_whiteout(struct build *b, int dirfd, const char *name)
{
	struct record r = {.whiteout = true};
	char path[PATH_LEN];
	uint8_t raw[RECORD_SIZE];
	cleanup_fd int fd = -1;

	/* the layer's one inode for all of them, when it can take a further link */
	if (!linkat(b->work, "whiteout", dirfd, name, 0))
		return 0;
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cannot(b->e, -errno, name, "make");
	record_encode(&r, raw);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	if (set(path, RECORD_XATTR, raw, sizeof(raw)))
		return cannot(b->e, -errno, name, "mark");
	/* a fresh layer has none yet; failure costs an inode for each */
	if (linkat(dirfd, name, b->work, "whiteout", 0))
		errno = 0;
	return 0;
}

/* A member of a hard link group: one more link of the inode that lies in the stage. */
static int build_link(struct build *b, int dirfd, const char *name, const struct ent *x)
{
	char inode[32];
	int err;

	snprintf(inode, sizeof(inode), "g%016" PRIx64, x->link);
	if (!linkat(b->stage, inode, dirfd, name, 0))
		return 0;
	if (errno != ENOENT)
		return cannot(b->e, -errno, name, "link");
	err = build_file(b, b->stage, inode, x);
	if (!err && linkat(b->stage, inode, dirfd, name, 0))
		err = cannot(b->e, -errno, name, "link");
	return err;
}

static int build_dir(struct build *b, int dirfd, const char *name, const struct ent *x)
{
	struct ents d = {0};
	cleanup_fd int fd = -1;
	int err = 0;

	if (++b->depth > FORMAT_DEPTH_MAX)
		return err_set(b->e, -ELOOP, "rollback: directories are nested too deep");
	if (mkdirat(dirfd, name, 0700))
		return cannot(b->e, -errno, name, "make");
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		err = cannot(b->e, -errno, name, "open");
	if (!err)
		err = load_dir(b->r, &x->oid, false, &d, NULL, NULL, b->e);
	for (size_t i = 0; i < d.n && !err; i++)
		err = build_ent(b, fd, d.v[i].name, &d.v[i]);
	if (!err)
		err = build_attrs(dirfd, name, x, b->e);
	b->depth--;
	ents_free(&d);
	return err;
}

int build_ent(struct build *b, int dirfd, const char *name, const struct ent *x)
{
	int err = pace_step(&b->pace, 1);

	if (err)
		return err_set(b->e, err, "rollback: cancelled");
	if (x->rec.whiteout)
		return build_whiteout(b, dirfd, name);
	if (ent_is_dir(x))
		return build_dir(b, dirfd, name, x);
	if (x->link)
		return build_link(b, dirfd, name, x);
	return build_file(b, dirfd, name, x);
}
