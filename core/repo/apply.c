/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From one stored state to another, in three passes over what differs, all in the same order:
 *   COLLECT  which hard link groups get a new member: their inodes are made anew, and so all their
 *            members are linked again, also those that did not change
 *   STAGE    makes every entry that must be new as gaol/stage/N, N counting them
 *   RUN      renames stage/N into place, what is in the way or goes to stage/xN; gives entries
 * whose content stays their attributes RUN repeated after a crash: a missing stage/N is in place
 * already, a missing old entry is away already, attributes are set again.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum pass { COLLECT, STAGE, RUN };

struct apply {
	struct repo *r;
	enum pass pass;
	struct groups groups;
	struct build build;
	int stage;
	int dirfd; /* RUN: of the directory that pairs are from */
	uint64_t next, entries;
	unsigned depth;
	struct err *e;
};

static int dirs(struct apply *w, const git_oid *a, const git_oid *b, int dirfd);

static int cannot(struct apply *w, const char *name, const char *what)
{
	return err_set(w->e, -errno, "rollback: cannot %s %s: %s: start the jail to complete it",
		       what, name, strerror(errno));
}

/* Moves what is at name out of the way; nothing there is fine. */
static int take_away(struct apply *w, const char *name)
{
	char old[32];

	snprintf(old, sizeof(old), "x%" PRIu64, w->next);
	if (!renameat(w->dirfd, name, w->stage, old) || errno == ENOENT)
		return 0;
	/* an earlier run got as far: something is at that place */
	dir_remove_tree(w->stage, old);
	return renameat(w->dirfd, name, w->stage, old) && errno != ENOENT
		   ? cannot(w, name, "remove")
		   : 0;
}

static int put(struct apply *w, const char *name)
{
	char from[32];
	struct stat st;
	int err;

	snprintf(from, sizeof(from), "%" PRIu64, w->next);
	if (!renameat(w->stage, from, w->dirfd, name))
		return 0;
	if (fstatat(w->stage, from, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : cannot(w, name, "replace");
	err = take_away(w, name);
	if (!err && renameat(w->stage, from, w->dirfd, name))
		err = cannot(w, name, "replace");
	return err;
}

static int make_new(struct apply *w, const struct ent *x)
{
	char name[32];
	int err = 0;

	w->next++;
	if (w->pass == RUN)
		return put(w, x->name);
	if (w->pass == STAGE) {
		snprintf(name, sizeof(name), "%" PRIu64, w->next);
		return build_ent(&w->build, w->stage, name, x);
	}
	if (x->link)
		groups_add(&w->groups, x->link);
	if (ent_is_dir(x))
		err = dirs(w, NULL, &x->oid, -1);
	return err;
}

/* The content stays: only the line has changed. */
static bool in_place(const struct pair *p)
{
	const struct ent *a = p->a, *b = p->b;

	if (!a || a->rec.whiteout || b->rec.whiteout || p->content || a->link != b->link)
		return false;
	if ((a->rec.mode & S_IFMT) != (b->rec.mode & S_IFMT) || a->chunked != b->chunked)
		return false;
	return (a->rec.flags & RECORD_META) == (b->rec.flags & RECORD_META) &&
	       (!(a->rec.flags & RECORD_META) || a->size == b->size);
}

static int both_dirs(struct apply *w, const struct pair *p)
{
	cleanup_fd int fd = -1;
	int err = 0;

	if (w->pass == RUN) {
		fd = openat(w->dirfd, p->b->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return cannot(w, p->b->name, "open");
	}
	if (p->content || w->groups.n)
		err = dirs(w, &p->a->oid, &p->b->oid, fd);
	if (err || w->pass != RUN)
		return err;
	w->entries += p->line;
	return p->line ? build_attrs(w->dirfd, p->b->name, p->b, w->e)
		       : build_times(w->dirfd, p->b->name, p->b, w->e);
}

static int change(void *user, const struct pair *p)
{
	struct apply *w = user;
	bool relink = p->b && p->b->link && groups_has(&w->groups, p->b->link);
	bool differ = p->line || p->content;

	if (p->a && p->b && ent_is_dir(p->a) && ent_is_dir(p->b))
		return differ || w->groups.n ? both_dirs(w, p) : 0;
	if (!differ && !relink)
		return 0;
	w->entries += differ;
	if (!p->b) {
		w->next++;
		return w->pass == RUN ? take_away(w, p->a->name) : 0;
	}
	if (relink || !in_place(p))
		return make_new(w, p->b);
	return w->pass == RUN ? build_attrs(w->dirfd, p->b->name, p->b, w->e) : 0;
}

/* With groups to link again, equal directories are looked into as well. */
static int dirs_loaded(struct apply *w, const struct ents *a, const struct ents *b, int dirfd)
{
	int err, up = w->dirfd;

	w->dirfd = dirfd;
	err = pairs_each(a, b, w->groups.n > 0, change, w);
	w->dirfd = up;
	return err;
}

static int dirs(struct apply *w, const git_oid *a, const git_oid *b, int dirfd)
{
	struct ents da = {0}, db = {0};
	int err = 0;

	if (++w->depth > FORMAT_DEPTH_MAX)
		err = err_set(w->e, -ELOOP, "rollback: directories are nested too deep");
	if (!err && a)
		err = load_dir(w->r, a, false, &da, NULL, NULL, w->e);
	if (!err && b)
		err = load_dir(w->r, b, false, &db, NULL, NULL, w->e);
	if (!err)
		err = dirs_loaded(w, &da, &db, dirfd);
	w->depth--;
	ents_free(&da);
	ents_free(&db);
	return err;
}

struct root {
	struct ents d;
	struct ent self;
	git_oid index;
};

static int index_pass(struct apply *w, const git_oid *a, const git_oid *b)
{
	cleanup_fd int fd = -1;
	const git_oid *pa = git_oid_is_zero(a) ? NULL : a, *pb = git_oid_is_zero(b) ? NULL : b;

	if ((!pa && !pb) || (pa && pb && git_oid_equal(a, b) && !w->groups.n))
		return 0;
	if (w->pass == RUN) {
		if (mkdirat(w->r->work, "index", 0700) && errno != EEXIST)
			return cannot(w, "work/index", "make");
		fd = repo_index_fd(w->r);
		if (fd < 0)
			return cannot(w, "work/index", "open");
	}
	return dirs(w, pa, pb, fd);
}

static int one_pass(struct apply *w, enum pass pass, const struct root *a, const struct root *b)
{
	int err;

	w->pass = pass;
	w->next = w->entries = 0;
	err = index_pass(w, &a->index, &b->index);
	if (!err)
		err = dirs_loaded(w, &a->d, &b->d, w->r->upper);
	if (err || pass != RUN)
		return err;
	return build_attrs(w->r->upper, ".", &b->self, w->e);
}

static int passes(struct repo *r, const git_oid *from, const git_oid *to, enum pass last,
		  const struct repo_hooks *h, uint64_t *entries, struct err *e)
{
	struct apply w = {.r = r, .stage = -1, .dirfd = -1, .e = e};
	struct root a = {0}, b = {0};
	int err = load_dir(r, from, true, &a.d, &a.self, &a.index, e);

	if (!err)
		err = load_dir(r, to, true, &b.d, &b.self, &b.index, e);
	if (!err)
		err = one_pass(&w, COLLECT, &a, &b);
	if (!err) {
		w.stage =
		    openat(r->gaol, DIR_STAGE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (w.stage < 0)
			err = err_sys(e, "rollback: cannot open gaol/stage");
	}
	w.build = (struct build){.r = r, .stage = w.stage, .work = r->work, .e = e};
	pace_begin(&w.build.pace, h, last == STAGE ? "stage" : "apply", 0);
	if (!err)
		err = one_pass(&w, last, &a, &b);
	if (entries)
		*entries = w.entries;
	groups_free(&w.groups);
	ents_free(&a.d);
	ents_free(&b.d);
	fd_close(&w.stage);
	return err;
}

int apply_stage(struct repo *r, const git_oid *from, const git_oid *to, const struct repo_hooks *h,
		struct err *e)
{
	int err = apply_clean(r, e);

	if (!err && mkdirat(r->gaol, DIR_STAGE, 0700))
		err = err_sys(e, "rollback: cannot make gaol/stage");
	if (!err)
		err = passes(r, from, to, STAGE, h, NULL, e);
	/* what is staged must outlive a power cut as surely as the journal that relies on it */
	if (!err && syncfs(r->gaol))
		err = err_sys(e, "rollback: cannot sync");
	if (err)
		apply_clean(r, NULL);
	return err;
}

int apply_run(struct repo *r, const git_oid *from, const git_oid *to, const struct repo_hooks *h,
	      uint64_t *entries, struct err *e)
{
	int err = passes(r, from, to, RUN, h, entries, e);

	if (!err && syncfs(r->gaol))
		err = err_sys(e, "rollback: cannot sync");
	return err;
}

int apply_clean(struct repo *r, struct err *e)
{
	int err = dir_remove_tree(r->gaol, DIR_STAGE);

	if (err && err != -ENOENT)
		return err_set(e, err, "rollback: cannot remove gaol/stage: %s", strerror(-err));
	return 0;
}
