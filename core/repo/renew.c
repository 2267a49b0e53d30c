/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of the present, from that of the last checkpoint and what was touched since. */
#include "core/fd.h"
#include "core/repo/inside.h"
#include <errno.h>

#define LINKED 1 /* a hard link: its other names are not known */

struct renewal {
	struct walker *w;
	struct touched *t;
};

/* A directory being renewed. */
struct renewed {
	struct touch *touch;
	struct at at;
	bool want[FORMAT_SHARDS]; /* shards that touched names lie in */
	struct shards shards;
	struct ents old; /* of those shards */
	struct ents now; /* the touched names, as they are now */
	struct ents all; /* both; memory is theirs */
	struct ent self;
	git_oid index;
};

static int renew_dir(struct renewal *n, struct renewed *d, const git_oid *old, bool root,
		     git_oid *oid);

static void renewed_free(struct renewed *d)
{
	ents_free(&d->old);
	ents_free(&d->now);
	free(d->all.v);
}

/* What lies below a subdirectory is as it was, renewed, or another thing altogether. */
static int renew_subdir(struct renewal *n, const struct at *up, struct ent *x,
			const struct ent *was, struct touch *t)
{
	struct renewed d = {.touch = t};
	struct walker *w = n->w;
	int err;

	if (!was || !ent_is_dir(was) || t->flags & TOUCH_WHOLE) {
		if (!w->old)
			w->old = w->fresh = cache_load(w->r->gaol);
		err = walk_subdir(w, up, x);
		return !err && w->linked ? LINKED : err;
	}
	x->oid = was->oid;
	x->has_oid = true;
	if (!t->kids)
		return 0;
	err = at_subdir(&d.at, up, x, w->e);
	if (err)
		return err;
	err = renew_dir(n, &d, &was->oid, false, &x->oid);
	fd_close(&d.at.fd);
	renewed_free(&d);
	return err;
}

/* One touched name: its entry as it is now goes to d->now, if there is one. */
static int renew_name(struct renewal *n, struct renewed *d, struct scan *scan, struct touch *t)
{
	const struct ent *was = ents_find(&d->old, t->name);
	struct walker *w = n->w;
	struct ent *x;
	int err = scan_name(scan, t->name);

	if (was && was->link)
		return LINKED;
	if (err)
		return err == -ENOENT ? 0 : err;
	x = &d->now.v[d->now.n - 1];
	if (ent_is_linked(x))
		return LINKED;
	err = ent_is_dir(x) ? renew_subdir(n, &d->at, x, was, t)
			    : content_renew(w->r, w->p, &d->at, x, was, t, &w->pace, w->e);
	if (err == -ENOENT) {
		d->now.n--;
		err = 0;
	}
	return err ? err : pace_step(&w->pace, 1);
}

static int renew_names(struct renewal *n, struct renewed *d)
{
	struct scan *scan = scan_begin(&d->at, 0, &d->now, n->w->e);
	int err = 0;

	for (struct touch *k = d->touch->kids; k && !err; k = k->next)
		err = renew_name(n, d, scan, k);
	scan_end(scan);
	return err;
}

static void gather(struct renewal *n, struct renewed *d)
{
	for (size_t i = 0; i < d->old.n; i++)
		if (!touched_find(n->t, d->touch, d->old.v[i].name))
			*ents_add(&d->all) = d->old.v[i];
	for (size_t i = 0; i < d->now.n; i++)
		*ents_add(&d->all) = d->now.v[i];
	ents_sort(&d->all);
}

/*
 * A split directory stays one while it has enough entries: loads shards that were not touched until
 * that is certain. *split is false when all are loaded and are too few: they are in d->all then.
 */
static int stays_split(struct renewal *n, struct renewed *d, bool *split)
{
	size_t from = d->old.n;
	int err = 0;

	for (unsigned i = 0; i < FORMAT_SHARDS && !err; i++) {
		if (d->all.n + (d->old.n - from) > FORMAT_FLAT_MAX)
			break;
		if (d->shards.has[i] && !d->want[i])
			err = load_shard(n->w->r, &d->shards.oid[i], i, &d->old, n->w->e);
	}
	*split = d->all.n + (d->old.n - from) > FORMAT_FLAT_MAX;
	for (size_t i = from; i < d->old.n && !*split; i++)
		*ents_add(&d->all) = d->old.v[i];
	if (!*split)
		ents_sort(&d->all);
	return err;
}

static int renew_dir(struct renewal *n, struct renewed *d, const git_oid *old, bool root,
		     git_oid *oid)
{
	static const git_oid none;
	struct walker *w = n->w;
	bool split = false;
	int err = 0;

	if (++w->depth > FORMAT_DEPTH_MAX)
		err = err_set(w->e, -ELOOP, "checkpoint: directories are nested too deep");
	for (struct touch *k = d->touch->kids; k; k = k->next)
		d->want[format_shard(k->name)] = true;
	if (!err)
		err = load_part(w->r, old, root, d->want, &d->shards, &d->old, NULL, &d->index,
				w->e);
	if (!err && root)
		err = scan_self(&d->at, &d->now, &d->self, w->e);
	if (!err)
		err = renew_names(n, d);
	if (!err)
		gather(n, d);
	if (!err && d->shards.split)
		err = stays_split(n, d, &split);
	const git_oid *index = root && git_oid_cmp(&d->index, &none) ? &d->index : NULL;
	const struct ent *self = root ? &d->self : NULL;
	if (!err)
		err = split ? tree_write_shards(w->p, &d->all, d->want, &d->shards, self, index,
						oid, w->e)
			    : tree_write(w->p, &d->all, self, index, oid, w->e);
	w->depth--;
	return err;
}

int renew(struct walker *w, const git_oid *old, struct touched *t, git_oid *oid)
{
	struct renewal n = {.w = w, .t = t};
	struct renewed d = {.touch = touched_root(t)};
	int err;

	if (w->r->upper < 0)
		return err_set(w->e, -ENOENT, "upper layer: not there");
	err = at_begin(&d.at, w->r->upper, w->r->sealed);
	if (!err)
		err = renew_dir(&n, &d, old, true, oid);
	renewed_free(&d);
	return err;
}
