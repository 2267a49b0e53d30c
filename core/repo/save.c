/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks upper/ and makes a checkpoint of it. */
#include "core/repo/save.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct walk {
	struct repo *r;
	struct pack *p;
	const struct cache *old;
	struct cache *fresh; /* NULL in a dry walk */
	struct pace pace;
	int flags;
	unsigned depth;
	struct err *e;
};

static int store_dir(struct walk *w, int dirfd, const struct ent *self, const git_oid *index,
		     int flags, git_oid *oid);

static int store_subdir(struct walk *w, int dirfd, struct ent *x)
{
	cleanup_fd int fd = openat(dirfd, x->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			   ? -ENOENT
			   : err_sys(w->e, "upper layer: cannot open a directory");
	err = store_dir(w, fd, NULL, NULL, w->flags, &x->oid);
	x->has_oid = !err;
	return err;
}

/* Entries that vanished since they were listed are taken out. */
static int store_ents(struct walk *w, int dirfd, struct ents *d)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < d->n && !err; i++) {
		struct ent *x = &d->v[i];
		err = ent_is_dir(x)
			  ? store_subdir(w, dirfd, x)
			  : content_of(w->r, w->p, dirfd, x, w->old, w->fresh, &w->pace, w->e);
		if (!err)
			err = pace_step(&w->pace, 1);
		if (err == -ENOENT)
			err = 0;
		else
			d->v[kept++] = *x;
	}
	d->n = kept;
	return err;
}

static int store_dir(struct walk *w, int dirfd, const struct ent *self, const git_oid *index,
		     int flags, git_oid *oid)
{
	struct ents d = {0};
	int err = 0;

	if (++w->depth > FORMAT_DEPTH_MAX)
		err = err_set(w->e, -ELOOP,
			      "checkpoint: directories are nested deeper than %d: remove some in "
			      "the jail",
			      FORMAT_DEPTH_MAX);
	if (!err)
		err = scan_dir(dirfd, flags, &d, w->e);
	if (!err)
		err = store_ents(w, dirfd, &d);
	if (!err)
		err = tree_write(w->p, &d, self, index, oid, w->e);
	w->depth--;
	ents_free(&d);
	return err;
}

/* The tree of work/index; *there is false when it is empty. */
static int store_index(struct walk *w, git_oid *oid, bool *there)
{
	cleanup_fd int fd = repo_index_fd(w->r);
	struct ents d = {0};
	int err;

	*there = false;
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(w->e, fd, "upper layer: cannot open work/index: %s", strerror(-fd));
	err = scan_dir(fd, w->flags | SCAN_INDEX, &d, w->e);
	if (!err)
		err = store_ents(w, fd, &d);
	*there = d.n;
	if (!err && d.n)
		err = tree_write(w->p, &d, NULL, NULL, oid, w->e);
	ents_free(&d);
	return err;
}

static int store_root(struct walk *w, git_oid *oid)
{
	struct ents mem = {0};
	struct ent self;
	git_oid index;
	bool there = false;
	int err;

	if (w->r->upper < 0)
		return err_set(w->e, -ENOENT, "upper layer: not there");
	err = scan_self(w->r->upper, &mem, &self, w->e);
	if (!err)
		err = store_index(w, &index, &there);
	if (!err)
		err = store_dir(w, w->r->upper, &self, there ? &index : NULL, w->flags, oid);
	ents_free(&mem);
	return err == -ECANCELED ? err_set(w->e, err, "checkpoint: cancelled") : err;
}

/* The tree of the present; dry: nothing is written, p only hashes. */
static int walk_upper(struct repo *r, struct pack *p, bool dry, const struct repo_hooks *h,
		      git_oid *oid, struct cache **fresh, struct err *e)
{
	struct cache *old = cache_load(r->gaol);
	struct walk w = {.r = r, .p = p, .old = old, .flags = dry ? 0 : SCAN_NUMBER, .e = e};
	int err;

	*fresh = dry ? NULL : cache_load(-1);
	w.fresh = *fresh;
	pace_begin(&w.pace, h, "store", 0);
	err = store_root(&w, oid);
	cache_free(old);
	return err;
}

struct tip {
	bool there;
	git_oid commit, tree;
	struct trailer t;
};

static int tip_read(struct repo *r, struct tip *t, struct err *e)
{
	git_commit *c = NULL;
	int err = main_tip(r, &t->commit, e);

	t->there = !err;
	if (err)
		return err == -ENOENT ? 0 : err;
	if (git_commit_lookup(&c, r->git, &t->commit))
		return repo_git_err(e, -EIO, "checkpoints: cannot read the present one");
	t->tree = *git_commit_tree_id(c);
	trailer_parse(git_commit_message(c), &t->t);
	git_commit_free(c);
	return 0;
}

static void result(struct save_result *out, const struct trailer *t, const git_oid *commit)
{
	out->number = t->number;
	out->added = t->counts.added;
	out->modified = t->counts.modified;
	out->deleted = t->counts.deleted;
	out->bytes = t->bytes;
	git_oid_tostr(out->hash, sizeof(out->hash), commit);
}

/* Counts, numbers, commits, publishes. */
static int finish(struct repo *r, struct pack *p, const struct save_request *q,
		  const struct tip *tip, const git_oid *tree, struct save_result *out,
		  struct err *e)
{
	struct trailer t = {.kind = q->kind, .bytes = pack_bytes(p)};
	struct buf text = {0};
	git_oid commit;
	int err = 0;

	r->pack = p;
	/* against the empty layer the root itself is no change */
	err = compare_count(r, tip->there ? &tip->tree : NULL, tree, &t.counts, e);
	r->pack = NULL;
	if (!err)
		err = number_next(r, &t.number, e);
	if (err)
		return err;
	commit_text(r, tree, tip->there ? &tip->commit : NULL, q->message, &t, &text);
	err = pack_add(p, GIT_OBJECT_COMMIT, text.p, text.len, &commit, e);
	buf_free(&text);
	if (!err)
		err = pack_finish(p, e);
	if (!err)
		err = ref_set(r, REPO_MAIN, &commit, ckpt_kind_name(q->kind), e);
	if (!err)
		result(out, &t, &commit);
	return err;
}

int save(struct repo *r, const struct save_request *q, struct save_result *out,
	 const struct repo_hooks *h, struct err *e)
{
	cleanup_fd int packfd = openat(r->dir, "objects/pack", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cache *fresh = NULL;
	struct pack *p = NULL;
	struct tip tip;
	git_oid tree;
	int err;

	*out = (struct save_result){0};
	if (packfd < 0)
		return err_sys(e, "checkpoints: no objects/pack");
	pack_clean(r->gaol);
	git_odb_refresh(r->odb);
	err = tip_read(r, &tip, e);
	if (!err)
		err = pack_new(&p, r->odb, r->gaol, packfd, e);
	if (!err)
		err = walk_upper(r, p, false, h, &tree, &fresh, e);
	out->unchanged = !err && tip.there && git_oid_equal(&tree, &tip.tree);
	if (out->unchanged && !q->always)
		result(out, &tip.t, &tip.commit);
	else if (!err)
		err = finish(r, p, q, &tip, &tree, out, e);
	if (!err)
		cache_save(fresh, r->gaol);
	cache_free(fresh);
	pack_free(p);
	return err;
}

int save_needed(struct repo *r, const struct repo_hooks *h, struct err *e)
{
	struct cache *none;
	struct pack *p = NULL;
	struct tip tip;
	git_oid tree;
	int err = tip_read(r, &tip, e);

	if (!err)
		err = pack_new(&p, r->odb, -1, -1, e);
	if (!err)
		err = walk_upper(r, p, true, h, &tree, &none, e);
	pack_free(p);
	return err ? err : !tip.there || !git_oid_equal(&tree, &tip.tree);
}
