/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/moves.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/format.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

struct walk {
	struct side *s;
	struct moves *m;
	struct buf path;
	unsigned depth;
	bool counts; /* on disk a directory's links tell how many directories are in it */
};

static void add(struct walk *w, const char *redirect)
{
	struct moves *m = w->m;

	if (!*redirect)
		return;
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		m->v = xrealloc(m->v, m->cap * sizeof(*m->v));
	}
	m->v[m->n++] = (struct move){
	    .from = xasprintf("/%s", redirect),
	    .to = xstrdup(buf_cstr(&w->path)),
	};
}

static size_t push(struct walk *w, const char *name)
{
	size_t len = w->path.len;

	buf_fmt(&w->path, "/%s", name);
	return len;
}

static void pop(struct walk *w, size_t len)
{
	w->path.len = len;
	w->path.p[len] = '\0';
}

/* Apart from the recursion, whose frames must be small: a guest chooses its depth. */
static void add_redirect(struct walk *w, int fd)
{
	char to[PATH_MAX];
	ssize_t n = fgetxattr(fd, RECORD_ORIGIN_XATTR, to, sizeof(to) - 1);

	to[n > 0 ? n : 0] = '\0';
	add(w, to);
}

static int walk_disk(struct walk *w, int dirfd);

/* Of the file systems that gaol is kept on, those whose link counts of directories can be trusted;
 * others say 1, or 2, of all. */
static bool counts_links(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
				     fs.f_type == TMPFS_MAGIC);
}

/* Most directories have none in them, and listing those is most of the walk. */
static bool is_leaf(const struct walk *w, int fd)
{
	struct stat st;

	return w->counts && !fstat(fd, &st) && st.st_nlink == 2;
}

static int disk_entry(struct walk *w, int dirfd, const char *name)
{
	cleanup_fd int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	size_t len = push(w, name);
	struct record r;
	int err = 0;

	if (fd >= 0 && !record_read(fd, S_IFDIR, &r)) {
		if (r.flags & RECORD_REDIRECT)
			add_redirect(w, fd);
		err = is_leaf(w, fd) ? 0 : walk_disk(w, fd);
	}
	pop(w, len);
	return err;
}

/* Only directories are looked at: records of files are read by the comparison itself. */
static int walk_disk(struct walk *w, int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		fd_close(&fd);
		return err_sys(&w->s->err, "upper layer: cannot list a directory");
	}
	if (++w->depth > FORMAT_DEPTH_MAX)
		err = err_set(&w->s->err, -ELOOP, "diff: directories are nested too deep");
	while (!err && (de = readdir(d)))
		if ((de->d_type == DT_DIR || de->d_type == DT_UNKNOWN) && strcmp(de->d_name, ".") &&
		    strcmp(de->d_name, ".."))
			err = disk_entry(w, dirfd, de->d_name);
	w->depth--;
	closedir(d);
	return err;
}

/* a: the same directory on the other side when it is stored, or NULL: equal ones are passed over.
 */
static int walk_tree(struct walk *w, const git_oid *tree, const git_oid *a, bool root)
{
	struct ents d = {0}, da = {0};
	int err = 0;

	if (a && git_oid_equal(a, tree))
		return 0;
	if (++w->depth > FORMAT_DEPTH_MAX)
		err = err_set(&w->s->err, -ELOOP, "diff: directories are nested too deep");
	if (!err)
		err = load_dir(w->s->r, tree, root, &d, NULL, NULL, &w->s->err);
	if (!err && a)
		err = load_dir(w->s->r, a, root, &da, NULL, NULL, &w->s->err);
	for (size_t i = 0; i < d.n && !err; i++) {
		const struct ent *x = &d.v[i], *xa = a ? ents_find(&da, x->name) : NULL;
		size_t len;
		if (!ent_is_dir(x))
			continue;
		len = push(w, x->name);
		if (x->redirect)
			add(w, x->redirect);
		err = walk_tree(w, &x->oid, xa && ent_is_dir(xa) ? &xa->oid : NULL, false);
		pop(w, len);
	}
	w->depth--;
	ents_free(&d);
	ents_free(&da);
	return err;
}

/* What a side shows at a path: 1 a directory, 0 none, or -errno. */
static int shows_dir(struct side *s, const char *path, bool *anything)
{
	struct found f;
	int err = found_path(s, path, &f);

	*anything = !err;
	if (err)
		return err == -ENOENT || err == -ENOTDIR ? 0 : err;
	err = f.root || S_ISDIR(thing_mode(&f.t));
	found_done(s, &f);
	return err;
}

static int is_simple(struct side *a, struct side *b, const struct move *m)
{
	bool any;
	int old = shows_dir(a, m->from, &any), now, new;

	if (old <= 0)
		return old;
	now = shows_dir(b, m->from, &any);
	if (now)
		return now < 0 ? now : 0;
	new = shows_dir(a, m->to, &any);
	return new < 0 ? new : !any;
}

int moves_find(struct side *a, struct side *b, struct moves *m)
{
	struct walk w = {.s = b, .m = m};
	size_t kept = 0;
	int err = 0;

	*m = (struct moves){0};
	if (!b->base || b->kind == SIDE_BASE)
		return 0;
	buf_str(&w.path, "");
	w.counts = b->kind == SIDE_NOW && counts_links(b->r->upper);
	if (b->kind == SIDE_NOW)
		err = walk_disk(&w, b->r->upper);
	else
		err = walk_tree(&w, &b->root, a->kind == SIDE_CHECKPOINT ? &a->root : NULL, true);
	buf_free(&w.path);
	for (size_t i = 0; i < m->n; i++) {
		int ok = err ? 0 : is_simple(a, b, &m->v[i]);
		/* the same directory shown at two places is no move */
		for (size_t k = 0; k < kept && ok > 0; k++)
			ok = strcmp(m->v[k].from, m->v[i].from) != 0;
		err = ok < 0 ? ok : err;
		if (ok > 0) {
			m->v[kept++] = m->v[i];
			continue;
		}
		free(m->v[i].from);
		free(m->v[i].to);
	}
	m->n = kept;
	return err;
}

void moves_free(struct moves *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].from);
		free(m->v[i].to);
	}
	free(m->v);
	*m = (struct moves){0};
}

const struct move *moves_from(const struct moves *m, const char *path)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].from, path))
			return &m->v[i];
	return NULL;
}

const struct move *moves_to(const struct moves *m, const char *path)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].to, path))
			return &m->v[i];
	return NULL;
}
