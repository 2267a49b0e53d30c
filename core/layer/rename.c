/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rename(2) on the union. What makes it one system call in upper:
 *  - the source has an upper inode, and is bound to its origin (redirect) or to nothing (opaque);
 *  - no whiteout is needed at the old name: plain renameat;
 *  - a whiteout is needed and the new name is free: a whiteout is laid there first, which shows
 *    nothing that was not so before, and the two are exchanged;
 *  - a whiteout is needed and the new name is taken: a note in work/rename says what is to be laid
 *    at the old name; renameat replaces the target; the whiteout is moved in; the note goes. After
 *    a crash the next open looks: old name gone means renamed, so the whiteout is moved in then.
 *
 * work/rename: the mark's name in work/, the directory's path in upper, the old name, each ended
 * by a NUL.
 */
#include "core/layer/rename.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE "rename"

/* One end of a rename. */
struct end {
	uint32_t dir, node; /* node: 0 when nothing is visible */
	const char *name;
	struct dir *d; /* pinned */
	struct found f;
	bool low; /* lower shows something at the name */
};

static void end_done(struct end *e)
{
	dir_unpin(&e->d);
}
#define cleanup_end __attribute__((cleanup(end_done)))

static int end_find(struct layer *l, struct end *e, uint64_t dir, const char *name)
{
	int err = name_check(name);

	e->name = name;
	e->dir = node_index(l, dir);
	if (!e->dir)
		return -ESTALE;
	if (!err)
		err = dir_get(l, e->dir, &e->d);
	if (!err)
		err = union_find(l, e->d, name, true, &e->f);
	if (err)
		return err;
	e->low = e->f.kind == FOUND_LOWER || e->f.hit.kind != HIT_NONE;
	if (e->f.kind != FOUND_NONE)
		e->node = union_take(l, e->d, name, &e->f, NULL);
	return 0;
}

static bool end_is_dir(const struct end *e)
{
	return e->node && S_ISDIR(found_mode(&e->f));
}

/* True when dir is node or lies below it. */
static bool is_below(struct layer *l, uint32_t dir, uint32_t node)
{
	for (;; dir = node_at(l, dir)->names->parent) {
		if (dir == node)
			return true;
		if (dir == ROOT || !node_at(l, dir)->names)
			return false;
	}
}

static bool end_is_fixed(const struct end *e)
{
	return end_is_dir(e) && (auth_is_waypoint(e->f.at) ||
				 (e->f.kind == FOUND_LOWER && e->f.hit.kind == HIT_EMPTY));
}

static int check_kinds(struct layer *l, struct end *s, struct end *t, unsigned flags)
{
	if (end_is_fixed(s) || end_is_fixed(t))
		return -EBUSY;
	if (end_is_dir(s) && is_below(l, t->dir, s->node))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE)
		return end_is_dir(t) && is_below(l, s->dir, t->node) ? -EINVAL : 0;
	if (!t->node)
		return 0;
	if (end_is_dir(t) && is_below(l, s->dir, t->node))
		return -ENOTEMPTY;
	if (end_is_dir(s) != end_is_dir(t))
		return end_is_dir(s) ? -ENOTDIR : -EISDIR;
	return end_is_dir(t) ? dir_is_empty(l, t->node) : 0;
}

static int check_depth(struct layer *l, struct end *e, uint32_t to)
{
	if (!end_is_dir(e))
		return 0;
	return depth_move(l, e->dir, to, e->f.kind == FOUND_UPPER ? e->d->upper : -1, e->name);
}

/* 0, 1 when nothing is to be done (two names of one inode), or -errno. */
static int check(struct layer *l, struct end *s, struct end *t, unsigned flags,
		 const struct layer_cred *c)
{
	int err;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) ||
	    ((flags & RENAME_EXCHANGE) && (flags & ~(unsigned)RENAME_EXCHANGE)))
		return -EINVAL;
	if (!s->node || (!t->node && (flags & RENAME_EXCHANGE)))
		return -ENOENT;
	if (t->node && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (s->node == t->node)
		return 1;
	err = may_change(l, s->f.at, s->dir, s->name, c);
	if (!err)
		err = may_change(l, t->f.at, t->dir, t->name, c);
	if (!err)
		err = check_kinds(l, s, t, flags);
	if (!err)
		err = check_depth(l, s, t->dir);
	if (!err && (flags & RENAME_EXCHANGE))
		err = check_depth(l, t, s->dir);
	return err;
}

static int end_dir_up(struct layer *l, struct end *e)
{
	int err;

	dir_unpin(&e->d);
	err = copyup_dir(l, e->dir);
	return err ? err : dir_get(l, e->dir, &e->d);
}

/* Has the entry in upper under its name, independent of the place; there: where it goes. */
static int end_ready(struct layer *l, struct end *e, const struct end *there)
{
	cleanup_dir struct dir *own = NULL;
	struct node *n = node_at(l, e->node);
	int err;

	name_prefer(l, e->dir, e->name);
	err = copyup_meta(l, e->node);

	if (!err && (n->flags & NODE_INDEXED) && !e->f.here && e->f.kind == FOUND_UPPER)
		err = index_link(l, e->node, e->d, e->name);
	if (err || !node_is_dir(n))
		return err ? err : redirect_set(l, e->node);
	err = dir_get(l, e->node, &own);
	if (err)
		return err;
	if (own->sides.n || (e->f.kind == FOUND_LOWER && e->f.hit.kind == HIT_SHOWN))
		return redirect_set(l, e->node);
	if (there->d->sides.n && !(n->rflags & (RECORD_OPAQUE | RECORD_REDIRECT)))
		return dir_set_opaque(l, e->node);
	return 0;
}

/* An upper directory that shows nothing becomes one that holds nothing. */
static int target_clear(struct layer *l, struct end *t)
{
	cleanup_dir struct dir *own = NULL;
	char temp[24];
	int err = 0;

	if (!end_is_dir(t) || !t->f.here)
		return 0;
	err = dir_get(l, t->node, &own);
	if (!err && own->sides.n)
		err = dir_set_opaque(l, t->node);
	if (err)
		return err;
	seal_inside(l, t->d->upper, t->name);
	/* an empty twin takes its place: one step, whatever whiteouts lie in it */
	do
		temp_name(l, temp);
	while ((err = mkdirat(l->work, temp, 0700) < 0 ? -errno : 0) == -EEXIST);
	if (!err && renameat2(l->work, temp, t->d->upper, t->name, RENAME_EXCHANGE) < 0) {
		err = -errno;
		unlinkat(l->work, temp, AT_REMOVEDIR);
		return err;
	}
	return err ? err : seal_gone(l, temp);
}

/* Nothing lies in the upper directory, not even whiteouts: renameat may replace it. */
static bool target_is_bare(struct end *t)
{
	int fd = openat(t->d->upper, t->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int n = 0;

	if (!d) {
		fd_close(&fd);
		return true; /* renameat will tell what is wrong */
	}
	while (n <= 2 && readdir(d))
		n++;
	closedir(d);
	return n <= 2;
}

/* What is to stand at the old name: a whiteout of ours, or the guest's own (a 0:0 device). */
static int mark_make(struct layer *l, unsigned flags, char name[24])
{
	struct record r = {.mode = S_IFCHR};
	struct temp t;
	int err;

	if (!(flags & RENAME_WHITEOUT))
		return whiteout_temp(l, name);
	err = temp_make(l, &t);
	if (!err)
		err = record_write(t.fd, &r, false);
	temp_name(l, name);
	if (!err)
		err = temp_place(l, &t, l->work, name, true);
	if (!err)
		quota_add(l, quota_fd(t.fd), 1);
	temp_drop(l, &t);
	return err;
}

static int note_write(struct layer *l, const struct end *s, const char *mark)
{
	struct buf b = {0};
	char path[PATH_MAX];
	ssize_t n = path_of(l, s->dir, NULL, path, sizeof(path));
	int err;

	if (n < 0)
		return (int)n;
	buf_add(&b, mark, strlen(mark) + 1);
	buf_add(&b, path, (size_t)n + 1);
	buf_add(&b, s->name, strlen(s->name) + 1);
	err = file_replace_at(l->work, NOTE, b.p, b.len, 0600, false);
	buf_free(&b);
	return err;
}

static int rename_noted(struct layer *l, struct end *s, struct end *t, unsigned flags)
{
	char mark[24];
	int err = mark_make(l, flags, mark);

	if (err)
		return err;
	err = note_write(l, s, mark);
	if (!err && t->f.whiteout && end_is_dir(s)) {
		if (renameat2(s->d->upper, s->name, t->d->upper, t->name, RENAME_EXCHANGE) < 0)
			err = -errno;
	} else if (!err && renameat(s->d->upper, s->name, t->d->upper, t->name) < 0) {
		err = -errno;
	}
	if (err) {
		unlinkat(l->work, NOTE, 0);
		unlinkat(l->work, mark, 0);
		return err;
	}
	/* room is there, the old name has just left it: a failure is a broken disk, or passes */
	for (int try = 0; try < 3; try++) {
		if (renameat(l->work, mark, s->d->upper, s->name) == 0) {
			unlinkat(l->work, NOTE, 0);
			return 0;
		}
		err = -errno;
	}
	return err; /* the note stays, the next open does it */
}

static int rename_exchanged(struct layer *l, struct end *s, struct end *t)
{
	int err = t->f.whiteout ? 0 : whiteout_make(l, t->d->upper, t->name);

	if (err)
		return err;
	if (renameat2(s->d->upper, s->name, t->d->upper, t->name, RENAME_EXCHANGE) < 0) {
		err = -errno;
		if (!t->f.whiteout)
			unlinkat(t->d->upper, t->name, 0);
	}
	return err;
}

static int rename_plain(struct layer *l, struct end *s, struct end *t)
{
	if (t->f.whiteout && end_is_dir(s)) {
		if (renameat2(s->d->upper, s->name, t->d->upper, t->name, RENAME_EXCHANGE) < 0)
			return -errno;
		/* a whiteout where nothing is below hides nothing, should it stay */
		unlinkat(s->d->upper, s->name, 0);
		return 0;
	}
	return renameat(s->d->upper, s->name, t->d->upper, t->name) < 0 ? -errno : 0;
}

static void names_swap(struct layer *l, struct end *s, struct end *t)
{
	name_del(l, name_find(l, s->dir, s->name));
	name_del(l, name_find(l, t->dir, t->name));
	name_add(l, t->dir, t->name, s->node);
	name_add(l, s->dir, s->name, t->node);
}

static int exchange(struct layer *l, struct end *s, struct end *t, const struct layer_cred *c)
{
	int err = end_ready(l, t, s);

	if (!err && renameat2(s->d->upper, s->name, t->d->upper, t->name, RENAME_EXCHANGE) < 0)
		err = -errno;
	if (err)
		return err;
	names_swap(l, s, t);
	tell_two(l, EVENT_EXCHANGE, s->dir, s->name, t->dir, t->name, found_mode(&s->f), c);
	return 0;
}

static int replace(struct layer *l, struct end *s, struct end *t, unsigned flags,
		   const struct layer_cred *c)
{
	cleanup_fd int fd = -1;
	int err = t->node ? found_count_link(l, &t->d, t->dir, t->name, &t->f) : 0;

	if (!err && end_is_dir(t) && t->f.here && (seal_reads(l) || !target_is_bare(t)))
		err = target_clear(l, t);
	if (err)
		return err;
	if (t->node &&
	    (end_is_dir(t) ? node_at(l, t->node)->lookups > 0 : name_is_last(l, t->dir, t->name)))
		fd = found_keep(l, t->d, t->name, &t->f);
	if (!s->low && !(flags & RENAME_WHITEOUT))
		err = rename_plain(l, s, t);
	else if (!t->node && !(flags & RENAME_WHITEOUT))
		err = rename_exchanged(l, s, t);
	else
		err = rename_noted(l, s, t, flags);
	if (err)
		return err;
	if (t->node) {
		quota_unlinked(l, &t->f, fd >= 0);
		name_gone(l, t->dir, t->name, fd_steal(&fd));
	}
	name_del(l, name_find(l, s->dir, s->name));
	name_add(l, t->dir, t->name, s->node);
	tell_two(l, EVENT_RENAME, s->dir, s->name, t->dir, t->name, found_mode(&s->f), c);
	return 0;
}

int layer_rename(struct layer *l, uint64_t dir, const char *name, uint64_t newdir,
		 const char *newname, unsigned flags, const struct layer_cred *c)
{
	cleanup_end struct end s = {0}, t = {0};
	uint64_t target = 0;
	int err = end_find(l, &s, dir, name);

	if (!err && s.node)
		node_at(l, s.node)->lookups++; /* stays while it is worked on */
	if (!err)
		err = end_find(l, &t, newdir, newname);
	if (t.node)
		target = node_id(l, t.node);
	if (!err)
		err = check(l, &s, &t, flags, c);
	if (!err)
		err = end_dir_up(l, &s);
	if (!err)
		err = end_dir_up(l, &t);
	if (!err) {
		touch_moved(l, s.dir, name, end_is_dir(&s));
		touch_moved(l, t.dir, newname, end_is_dir(&t));
		if (t.f.here)
			touch_links(l, t.d->upper, newname, &t.f.st);
		err = end_ready(l, &s, &t);
	}
	if (!err && (flags & RENAME_EXCHANGE))
		err = exchange(l, &s, &t, c);
	else if (!err)
		err = replace(l, &s, &t, flags, c);
	if (!err) {
		l->epoch++;
		dir_changed(l, s.dir);
		dir_changed(l, t.dir);
	}
	if (s.node) {
		node_at(l, s.node)->lookups--;
		node_drop(l, s.node);
	}
	/* looked up for this call only, if it is still there */
	if (node_index(l, target))
		node_drop(l, t.node);
	return err > 0 ? 0 : err;
}

/* Walks a path of upper without following anything; an O_PATH descriptor or -errno. */
static int upper_walk(struct layer *l, const char *path)
{
	cleanup_fd int fd = fcntl(l->upper, F_DUPFD_CLOEXEC, 0);
	char name[NAME_MAX + 1];

	while (fd >= 0) {
		size_t n;
		int next;
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (!n)
			return fd_steal(&fd);
		if (n > NAME_MAX || (n <= 2 && !strncmp(path, "..", n)))
			return -EPROTO;
		memcpy(name, path, n);
		name[n] = '\0';
		path += n;
		next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		fd_close(&fd);
		fd = next;
	}
	return -errno;
}

int rename_recover(struct layer *l, struct err *e)
{
	struct buf b = {0};
	int err = file_read_at(l->work, NOTE, 2 * PATH_MAX, &b);
	const char *mark = b.p, *path, *name;
	struct stat st;

	if (err == -ENOENT) {
		buf_free(&b);
		return 0;
	}
	if (!err && b.len && !b.p[b.len - 1]) {
		cleanup_fd int fd = -1;
		path = mark + strlen(mark) + 1;
		name = path < b.p + b.len ? path + strlen(path) + 1 : path;
		if (name < b.p + b.len && !name_check(name) && !name_check(mark))
			fd = upper_walk(l, path);
		if (fd >= 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
		    renameat(l->work, mark, fd, name) < 0 && errno != ENOENT)
			err = -errno;
	}
	buf_free(&b);
	if (!err && unlinkat(l->work, NOTE, 0) < 0)
		err = -errno;
	return err ? err_set(e, err, "work/rename: cannot carry it out: %s", strerror(-err)) : 0;
}
