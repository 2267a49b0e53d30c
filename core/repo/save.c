/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a checkpoint of upper/. */
#include "core/repo/save.h"
#include "core/buf.h"
#include "core/repo/inside.h"
#include "core/repo/restore.h"
#include <errno.h>
#include <string.h>

static void walk_begin(struct walker *w, struct repo *r, struct pack *p, bool dry,
		       const struct repo_hooks *h, struct err *e)
{
	*w = (struct walker){
	    .r = r,
	    .p = p,
	    .dry = dry,
	    .flags = dry ? 0 : SCAN_NUMBER,
	    .e = e,
	};
	pace_begin(&w->pace, h, "store", 0);
}

static int walk_told(struct walker *w, int err)
{
	return err == -ECANCELED ? err_set(w->e, err, "checkpoint: cancelled") : err;
}

/* The tree of the present, from all that is on disk; dry: nothing is written, p only hashes. */
static int walk_upper(struct repo *r, struct pack *p, bool dry, const struct repo_hooks *h,
		      git_oid *oid, struct cache **fresh, struct err *e)
{
	struct walker w;
	int err;

	walk_begin(&w, r, p, dry, h, e);
	w.old = cache_load(r->gaol);
	w.fresh = *fresh = dry ? NULL : cache_load(-1);
	err = walk_told(&w, walk_all(&w, oid));
	cache_free(w.old);
	return err;
}

/* The same from the present checkpoint and what was touched since; 1: it takes a walk. */
static int renew_upper(struct saving *s, struct touched *t, const struct repo_hooks *h,
		       struct err *e)
{
	struct walker w;
	int err;

	if (touched_is_empty(t)) {
		s->tree = s->tip_tree;
		return 0;
	}
	walk_begin(&w, s->r, s->p, false, h, e);
	w.flags = 0;
	err = walk_told(&w, renew(&w, &s->tip_tree, t, &s->tree));
	s->fresh = w.fresh;
	return err;
}

/* Why from cannot be believed, NULL when it can. */
static const char *unknown(const struct saving *s, const struct save_from *from)
{
	char hash[GIT_OID_HEXSZ + 1];

	if (!from || !from->touched || !from->base || touched_is_all(from->touched))
		return "what has changed is not known";
	if (!s->has_tip ||
	    strcmp(git_oid_tostr(hash, sizeof(hash), &s->tip_tree), from->base) != 0)
		return "the layer began from another checkpoint";
	return NULL;
}

static int store_unsealed(struct saving *s, const struct save_from *from,
			  const struct repo_hooks *h, struct err *e)
{
	bool part = s->r->sealed && from->touched;
	int err;

	s->whole = unknown(s, from);
	if (!s->whole) {
		err = renew_upper(s, from->touched, h, e);
		if (err <= 0)
			return err;
		s->whole = "hard links have changed";
		cache_free(s->fresh);
		s->fresh = NULL;
	}
	/* what is not in the set is not kept for us */
	if (part)
		return err_set(e, -EAGAIN, "checkpoint: %s", s->whole);
	return walk_upper(s->r, s->p, false, h, &s->tree, &s->fresh, e);
}

static int store_present(struct saving *s, const struct save_from *from, const struct repo_hooks *h,
			 struct err *e)
{
	struct repo *r = s->r;
	int err;

	if (from && from->seal) {
		r->sealed = sealed_open(from->seal, r->work);
		if (!r->sealed)
			return err_set(e, -EAGAIN, "checkpoint: cannot read the layer's seal");
	}
	err = store_unsealed(s, from, h, e);
	sealed_close(r->sealed);
	r->sealed = NULL;
	if (!err && from && from->seal && h && h->stored)
		h->stored(h->user);
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
	out->whole = s->whole;
	git_oid_tostr(out->hash, sizeof(out->hash), &s->tip);
	git_oid_tostr(out->tree, sizeof(out->tree), &s->tip_tree);
}

int saving_begin(struct repo *r, struct saving *s, const struct save_from *from,
		 const struct repo_hooks *h, struct err *e)
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
		err = store_present(s, from, h, e);
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
	if (s->fresh)
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
	int err = saving_begin(r, &s, q->from, h, e);

	*out = (struct save_result){0};
	if (!err && s.unchanged && !q->always) {
		result(out, &s);
		if (s.fresh)
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
