/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two stored states, entry by entry; what is equal by hash is not looked into. */
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <string.h>

int pairs_each(const struct ents *a, const struct ents *b, bool all,
	       int (*fn)(void *user, const struct pair *p), void *user)
{
	size_t i = 0, k = 0;
	int err = 0;

	while (!err && (i < a->n || k < b->n)) {
		int c = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->v[i].name, b->v[k].name);
		struct pair p = {
		    .a = c <= 0 ? &a->v[i++] : NULL,
		    .b = c >= 0 ? &b->v[k++] : NULL,
		    .line = true,
		    .content = true,
		};
		if (p.a && p.b) {
			p.line = !ent_same_line(p.a, p.b);
			p.content = p.a->has_oid != p.b->has_oid ||
				    (p.a->has_oid && !git_oid_equal(&p.a->oid, &p.b->oid));
		}
		if (all || p.line || p.content)
			err = fn(user, &p);
	}
	return err;
}

struct count {
	struct repo *r;
	struct counts *c;
	unsigned depth;
	struct err *e;
};

static int count_dirs(struct count *k, const git_oid *a, const git_oid *b, bool root);

/* A directory's mtime and where it was copied from are no change of it. */
static bool same_dir(const struct ent *a, const struct ent *b)
{
	return a->rec.mode == b->rec.mode && a->rec.uid == b->rec.uid && a->rec.gid == b->rec.gid &&
	       a->rec.flags == b->rec.flags && !a->redirect == !b->redirect &&
	       (!a->redirect || !strcmp(a->redirect, b->redirect)) &&
	       xattrs_same(a->xattrs, a->nxattrs, b->xattrs, b->nxattrs);
}

static int count_pair(void *user, const struct pair *p)
{
	struct count *k = user;
	const git_oid *a = p->a && ent_is_dir(p->a) ? &p->a->oid : NULL;
	const git_oid *b = p->b && ent_is_dir(p->b) ? &p->b->oid : NULL;

	if (p->a && p->b && !p->a->rec.whiteout && !p->b->rec.whiteout)
		k->c->modified += !(a && b && same_dir(p->a, p->b));
	else if (p->b ? !p->b->rec.whiteout : p->a->rec.whiteout)
		k->c->added++;
	else
		k->c->deleted++;
	return (a || b) && p->content ? count_dirs(k, a, b, false) : 0;
}

static int count_dirs(struct count *k, const git_oid *a, const git_oid *b, bool root)
{
	struct ents da = {0}, db = {0};
	struct ent sa, sb;
	int err = 0;

	if (a && b && git_oid_equal(a, b))
		return 0;
	if (++k->depth > FORMAT_DEPTH_MAX)
		err = err_set(k->e, -ELOOP, "checkpoints: directories are nested too deep");
	if (!err && a && b)
		err = load_differing(k->r, a, b, root, &da, &db, &sa, &sb, k->e);
	else if (!err)
		err = load_dir(k->r, a ? a : b, root, a ? &da : &db, a ? &sa : &sb, NULL, k->e);
	if (!err && root && a && b)
		k->c->modified += !same_dir(&sa, &sb);
	if (!err)
		err = pairs_each(&da, &db, false, count_pair, k);
	k->depth--;
	ents_free(&da);
	ents_free(&db);
	return err;
}

int compare_count(struct repo *r, const git_oid *a, const git_oid *b, struct counts *c,
		  struct err *e)
{
	struct count k = {.r = r, .c = c, .e = e};

	*c = (struct counts){0};
	return count_dirs(&k, a, b, true);
}
