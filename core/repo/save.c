/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks upper/ and makes a checkpoint of it. */
#include "core/repo/save.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include "core/repo/restore.h"
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
		err = scan_dir(dirfd, flags, w->old, &d, w->e);
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
	err = scan_dir(fd, w->flags | SCAN_INDEX, w->old, &d, w->e);
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

static int tip_read(struct saving *s, struct err *e)
{
	git_commit *c = NULL;
	int err = main_tip(s->r, &s->tip, e);

	s->has_tip = !err;
	if (err)
		return err == -ENOENT ? 0 : err;
	if (git_commit_lookup(&c, s->r->git, &s->tip))
		return repo_git_err(e, -EIO, "checkpoints: cannot read the present one");
	s->tip_tree = *git_commit_tree_id(c);
	trailer_parse(git_commit_message(c), &s->tip_trailer);
	git_commit_free(c);
	return 0;
}

static void result(struct save_result *out, const struct saving *s)
{
	const struct trailer *t = &s->tip_trailer;

	out->unchanged = s->unchanged;
	out->number = t->number;
	out->added = t->counts.added;
	out->modified = t->counts.modified;
	out->deleted = t->counts.deleted;
	out->bytes = t->bytes;
	git_oid_tostr(out->hash, sizeof(out->hash), &s->tip);
}

int saving_begin(struct repo *r, struct saving *s, const struct repo_hooks *h, struct err *e)
{
	int err;

	*s = (struct saving){0};
	err = repo_write_begin(r, e);
	if (err)
		return err;
	s->r = r;
	if (restore_pending(r))
		return err_set(e, -EBUSY,
			       "checkpoint: a rollback was interrupted: start the jail to "
			       "complete it");
	pack_clean(r->gaol);
	apply_clean(r, NULL);
	git_odb_refresh(r->odb);
	err = tip_read(s, e);
	if (!err)
		err = pack_new(&s->p, r->odb, r->gaol, e);
	if (!err)
		err = walk_upper(r, s->p, false, h, &s->tree, &s->fresh, e);
	s->unchanged = !err && s->has_tip && git_oid_equal(&s->tree, &s->tip_tree);
	return err;
}

/* Counts, numbers, commits, publishes. */
int saving_commit(struct saving *s, const struct save_request *q, struct save_result *out,
		  struct err *e)
{
	struct trailer t = {.kind = q->kind, .bytes = pack_bytes(s->p)};
	struct repo *r = s->r;
	struct buf text = {0};
	git_oid commit;
	int err;

	r->pack = s->p;
	err = compare_count(r, s->has_tip ? &s->tip_tree : NULL, &s->tree, &t.counts, e);
	r->pack = NULL;
	if (!err)
		err = number_next(r, &t.number, e);
	if (err)
		return err;
	commit_text(r, &s->tree, s->has_tip ? &s->tip : NULL, q->message, &t, &text);
	err = pack_add(s->p, GIT_OBJECT_COMMIT, text.p, text.len, &commit, e);
	buf_free(&text);
	if (!err)
		err = pack_finish(s->p, e);
	if (!err)
		err = ref_set(r, REPO_MAIN, &commit, ckpt_kind_name(q->kind), e);
	if (err)
		return err;
	s->has_tip = true;
	s->tip = commit;
	s->tip_tree = s->tree;
	s->tip_trailer = t;
	result(out, s);
	cache_save(s->fresh, r->gaol);
	return 0;
}

void saving_end(struct saving *s)
{
	cache_free(s->fresh);
	pack_free(s->p);
	if (s->r)
		repo_write_end(s->r);
	*s = (struct saving){0};
}

int save(struct repo *r, const struct save_request *q, struct save_result *out,
	 const struct repo_hooks *h, struct err *e)
{
	struct saving s;
	int err = saving_begin(r, &s, h, e);

	*out = (struct save_result){0};
	if (!err && s.unchanged && !q->always) {
		result(out, &s);
		cache_save(s.fresh, r->gaol);
	} else if (!err) {
		err = saving_commit(&s, q, out, e);
	}
	saving_end(&s);
	return err;
}

int save_needed(struct repo *r, const struct repo_hooks *h, struct err *e)
{
	struct saving s = {.r = r};
	struct pack *p = NULL;
	git_oid tree;
	int err = tip_read(&s, e);

	if (!err)
		err = pack_new(&p, r->odb, -1, e);
	if (!err)
		err = walk_upper(r, p, true, h, &tree, &s.fresh, e);
	pack_free(p);
	return err ? err : !s.has_tip || !git_oid_equal(&tree, &s.tip_tree);
}
