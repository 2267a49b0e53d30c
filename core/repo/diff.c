/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/diff.h"
#include "core/buf.h"
#include "core/repo/format.h"
#include "core/repo/look.h"
#include "core/repo/moves.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct diff {
	struct side *a, *b;
	const struct diff_options *o;
	diff_fn *fn;
	void *user;
	struct moves moves;
	struct buf pa, pb; /* the path on either side */
	unsigned depth;
	bool wanted; /* the present path is one that was asked for, or below one */
};

/* The two things at a name, of these places. */
struct both {
	struct place *pa, *pb;
	struct thing a, b;
	const char *name;
};

static int places(struct diff *d, struct place *a, struct place *b);

static bool cancelled(const struct diff *d)
{
	return d->o && d->o->cancel && *d->o->cancel;
}

static void trim(struct buf *b, size_t len)
{
	b->len = len;
	b->p[len] = '\0';
}

enum reach { OUT, WAY, IN };

/* How a path stands to what was asked for. */
static enum reach reach_of(const struct diff *d, const char *path)
{
	size_t n = strlen(path);
	enum reach r = OUT;

	if (!d->o || !d->o->paths)
		return IN;
	for (const char *const *p = d->o->paths; *p; p++) {
		size_t k = strlen(*p);
		while (k && (*p)[k - 1] == '/')
			k--;
		if (n >= k && !memcmp(path, *p, k) && (!path[k] || path[k] == '/'))
			return IN;
		if (k > n && !memcmp(path, *p, n) && (*p)[n] == '/')
			r = WAY;
	}
	return r;
}

/* xattrs that differ, merged by name; memory in mem. */
static size_t xattr_changes(const struct xattr *a, size_t na, const struct xattr *b, size_t nb,
			    struct ents *mem, struct diff_xattr **out)
{
	size_t i = 0, k = 0, n = 0;
	struct diff_xattr *v = na + nb ? ents_alloc(mem, (na + nb) * sizeof(*v)) : NULL;

	while (i < na || k < nb) {
		int c = i == na ? 1 : k == nb ? -1 : strcmp(a[i].name, b[k].name);
		const struct xattr *xa = c <= 0 ? &a[i++] : NULL, *xb = c >= 0 ? &b[k++] : NULL;
		if (xa && xb && xa->len == xb->len && !memcmp(xa->value, xb->value, xa->len))
			continue;
		v[n++] = (struct diff_xattr){
		    .name = xa ? xa->name : xb->name,
		    .a = xa ? xa->value : NULL,
		    .b = xb ? xb->value : NULL,
		    .alen = xa ? xa->len : 0,
		    .blen = xb ? xb->len : 0,
		};
	}
	*out = v;
	return n;
}

static int attr_of(struct side *s, const struct thing *t, struct diff_attr *out)
{
	struct stat st;
	int err;

	*out = (struct diff_attr){0};
	if (!t->there)
		return 0;
	err = thing_stat(s, t, &st);
	if (err)
		return err;
	*out = (struct diff_attr){
	    .mode = st.st_mode,
	    .uid = st.st_uid,
	    .gid = st.st_gid,
	    .mtime = st.st_mtim,
	};
	if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		out->size = (uint64_t)st.st_size;
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		out->rdev = st.st_rdev;
	return 0;
}

/* Whether the host has changed what b's entry covers. */
static bool drift_of(struct diff *d, const struct both *w)
{
	struct stat st;
	uint64_t node = 0;
	bool drift;

	if (!w->b.there || !w->b.upper || !w->b.x.rec.origin_ino)
		return false;
	if (w->b.node)
		return thing_drifted(&w->b, &w->b.bst);
	if (w->b.x.redirect || !w->pb || place_base(d->b, w->pb, w->name, &node, &st) || !node)
		return false;
	drift = thing_drifted(&w->b, &st);
	base_forget(d->b, &node);
	return drift;
}

/* Fills attributes and what differs in them. */
static int entry_fill(struct diff *d, const struct both *w, struct ents *mem, struct diff_entry *e)
{
	struct xattr *xa, *xb;
	size_t na, nb;
	int err = attr_of(d->a, &w->a, &e->a);

	if (!err)
		err = attr_of(d->b, &w->b, &e->b);
	if (err || !w->a.there || !w->b.there)
		return err;
	/* the same base entry on both sides */
	if (!w->a.upper && !w->b.upper && w->a.bst.st_ino == w->b.bst.st_ino)
		return 0;
	err = thing_xattrs(d->a, &w->a, mem, &xa, &na);
	if (!err)
		err = thing_xattrs(d->b, &w->b, mem, &xb, &nb);
	if (err)
		return err;
	e->nxattrs = xattr_changes(xa, na, xb, nb, mem, (struct diff_xattr **)(void *)&e->xattrs);
	e->what = ((e->a.mode & 07777) != (e->b.mode & 07777) ? DIFF_MODE : 0) |
		  (e->a.uid != e->b.uid ? DIFF_UID : 0) | (e->a.gid != e->b.gid ? DIFF_GID : 0) |
		  (e->nxattrs ? DIFF_XATTR : 0);
	if ((e->a.mode & S_IFMT) == (e->b.mode & S_IFMT) && e->a.rdev != e->b.rdev)
		e->what |= DIFF_RDEV;
	return 0;
}

static int emit(struct diff *d, struct diff_entry *e)
{
	bool apart = strcmp(buf_cstr(&d->pa), buf_cstr(&d->pb)) != 0;

	if (!d->wanted)
		return 0;
	e->path = buf_cstr(e->status == DIFF_DELETED ? &d->pa : &d->pb);
	/* the path of a deleted entry in a renamed directory is the one it would have now */
	if (e->status == DIFF_DELETED && apart)
		e->path = buf_cstr(&d->pb);
	if (apart && e->status != DIFF_ADDED)
		e->from = buf_cstr(&d->pa);
	if (!*e->path)
		e->path = "/";
	return d->fn(d->user, e) && !cancelled(d) ? 0 : -ECANCELED;
}

/* Content of both: 1 equal, 0 not, or -errno. */
static int same_content(struct diff *d, const struct both *w)
{
	const struct thing *a = &w->a, *b = &w->b;
	bool meta_a = a->node, meta_b = b->node; /* content is base's */
	struct reader ra, rb;
	struct stat sa, sb;
	git_oid oa = a->x.oid, ob = b->x.oid;
	bool ca = a->x.chunked, cb = b->x.chunked;
	int err;

	if (meta_a && meta_b && a->bst.st_ino == b->bst.st_ino)
		return 1;
	err = thing_stat(d->a, a, &sa);
	if (!err)
		err = thing_stat(d->b, b, &sb);
	if (err || sa.st_size != sb.st_size)
		return err;
	if (!meta_a && !meta_b && a->upper && b->upper &&
	    (a->x.has_oid || (d->a->cache && cache_get(d->a->cache, &a->x.st, &oa, &ca))) &&
	    (b->x.has_oid || (d->b->cache && cache_get(d->b->cache, &b->x.st, &ob, &cb)))) {
		if (git_oid_equal(&oa, &ob))
			return 1;
		if (!ca && !cb)
			return 0;
		/* chunked or not, or other holes: the bytes may still be the same */
	}
	err = reader_open(d->a, a, w->name, &ra);
	if (err)
		return err;
	err = reader_open(d->b, b, w->name, &rb);
	if (!err) {
		err = reader_same(&ra, &rb, d->o ? d->o->cancel : NULL);
		reader_close(&rb);
	}
	reader_close(&ra);
	return err;
}

/* Both are there and of one type. */
static int changed(struct diff *d, const struct both *w)
{
	mode_t fmt = thing_mode(&w->b) & S_IFMT;
	struct diff_entry e = {.status = DIFF_ATTR};
	struct ents mem = {0};
	int err = entry_fill(d, w, &mem, &e), same = 1;

	if (!err && (fmt == S_IFREG || fmt == S_IFLNK) && d->wanted)
		same = same_content(d, w);
	if (!err && same < 0)
		err = same;
	if (!err && !same) {
		e.status = DIFF_MODIFIED;
		e.what |= DIFF_CONTENT;
	}
	if (!err && d->o && d->o->times &&
	    (e.a.mtime.tv_sec != e.b.mtime.tv_sec || e.a.mtime.tv_nsec != e.b.mtime.tv_nsec))
		e.what |= DIFF_TIMES;
	if (!err && e.what) {
		e.drift = drift_of(d, w);
		err = emit(d, &e);
	}
	ents_free(&mem);
	return err;
}

static int expand(struct diff *d, struct both *w, bool on_b);

/* All that a directory shows, as added (on_b) or deleted. */
static int expand_place(struct diff *d, struct place *p, bool on_b)
{
	struct side *s = on_b ? d->b : d->a;
	struct names names = {0};
	int err = place_names(s, p, true, &names);

	names_sort(&names);
	for (size_t i = 0; i < names.n && !err; i++) {
		struct both w = {.name = names.v[i]};
		struct thing *t = on_b ? &w.b : &w.a;
		size_t la = d->pa.len, lb = d->pb.len;
		bool was = d->wanted;
		enum reach r;
		buf_fmt(&d->pa, "/%s", w.name);
		buf_fmt(&d->pb, "/%s", w.name);
		*(on_b ? &w.pb : &w.pa) = p;
		r = reach_of(d, buf_cstr(on_b ? &d->pb : &d->pa));
		d->wanted = r == IN;
		err = r == OUT ? 0 : place_find(s, p, w.name, t);
		if (!err && t->there)
			err = expand(d, &w, on_b);
		thing_done(s, t);
		d->wanted = was;
		trim(&d->pa, la);
		trim(&d->pb, lb);
		if (!err && cancelled(d))
			err = -ECANCELED;
	}
	look_names_free(&names);
	return err;
}

/* A directory of base at its new place: R, and what changed in it. */
static int moved(struct diff *d, struct both *w, const struct move *m)
{
	struct diff_entry e = {.status = DIFF_RENAMED};
	struct place a = {.fd = -1}, b = {.fd = -1};
	struct both pair = {.pb = w->pb, .b = w->b, .name = w->name};
	struct ents mem = {0};
	struct buf keep = d->pa;
	struct found f;
	int err = found_path(d->a, m->from, &f);

	if (err)
		return err;
	d->pa = (struct buf){0};
	buf_str(&d->pa, m->from);
	pair.a = f.t;
	err = entry_fill(d, &pair, &mem, &e);
	if (!err)
		err = emit(d, &e);
	if (!err)
		err = place_enter(d->a, &f.p, &f.t, f.name, &a);
	if (!err)
		err = place_enter(d->b, w->pb, &w->b, w->name, &b);
	if (!err)
		err = places(d, &a, &b);
	place_close(d->a, &a);
	place_close(d->b, &b);
	found_done(d->a, &f);
	ents_free(&mem);
	buf_free(&d->pa);
	d->pa = keep;
	return err;
}

static int expand_below(struct diff *d, struct both *w, bool on_b)
{
	struct side *s = on_b ? d->b : d->a;
	struct place sub;
	int err;

	if (++d->depth > FORMAT_DEPTH_MAX)
		err = err_set(&s->err, -ELOOP, "diff: directories are nested too deep");
	else
		err = place_enter(s, on_b ? w->pb : w->pa, on_b ? &w->b : &w->a, w->name, &sub);
	if (!err) {
		err = expand_place(d, &sub, on_b);
		place_close(s, &sub);
	}
	d->depth--;
	return err;
}

static int expand(struct diff *d, struct both *w, bool on_b)
{
	struct diff_entry e = {.status = on_b ? DIFF_ADDED : DIFF_DELETED};
	const struct thing *t = on_b ? &w->b : &w->a;
	bool dir = S_ISDIR(thing_mode(t));
	const struct move *m = NULL;
	int err;

	if (dir && on_b)
		m = moves_to(&d->moves, buf_cstr(&d->pb));
	if (m)
		return moved(d, w, m);
	if (dir && !on_b && moves_from(&d->moves, buf_cstr(&d->pa)))
		return 0;
	err = entry_fill(d, w, NULL, &e);
	if (!err)
		err = emit(d, &e);
	return err || !dir ? err : expand_below(d, w, on_b);
}

static int both_dirs(struct diff *d, struct both *w)
{
	struct place a = {.fd = -1}, b = {.fd = -1};
	int err = changed(d, w);

	if (!err)
		err = place_enter(d->a, w->pa, &w->a, w->name, &a);
	if (!err)
		err = place_enter(d->b, w->pb, &w->b, w->name, &b);
	if (!err)
		err = places(d, &a, &b);
	place_close(d->a, &a);
	place_close(d->b, &b);
	return err;
}

/* Another type: T, and what a directory takes along or brings. */
static int retyped(struct diff *d, struct both *w)
{
	struct diff_entry e = {.status = DIFF_TYPE};
	struct ents mem = {0};
	int err = entry_fill(d, w, &mem, &e);

	e.what |= DIFF_CONTENT;
	if (!err)
		err = emit(d, &e);
	ents_free(&mem);
	if (!err && S_ISDIR(thing_mode(&w->a)))
		err = expand_below(d, w, false);
	if (!err && S_ISDIR(thing_mode(&w->b)))
		err = expand_below(d, w, true);
	return err;
}

static int compare(struct diff *d, struct both *w)
{
	mode_t a = thing_mode(&w->a) & S_IFMT, b = thing_mode(&w->b) & S_IFMT;

	if (a == S_IFDIR && b && moves_from(&d->moves, buf_cstr(&d->pa))) {
		/* it is told of where it is now */
		thing_done(d->a, &w->a);
		w->a = (struct thing){0};
		a = 0;
	}
	if (!a && !b)
		return 0;
	if (!a)
		return expand(d, w, true);
	if (!b)
		return expand(d, w, false);
	if (a != b)
		return retyped(d, w);
	return a == S_IFDIR ? both_dirs(d, w) : changed(d, w);
}

/* Known equal without a look at what is in them. */
static bool surely_same(const struct diff *d, const struct thing *a, const struct thing *b)
{
	if (d->a->kind != SIDE_CHECKPOINT || d->b->kind != SIDE_CHECKPOINT || !a->upper ||
	    !b->upper)
		return false;
	return ent_same_line(&a->x, &b->x) && a->x.has_oid == b->x.has_oid &&
	       (!a->x.has_oid || git_oid_equal(&a->x.oid, &b->x.oid));
}

static int one_name(struct diff *d, struct both *w, bool same_base)
{
	size_t la = d->pa.len, lb = d->pb.len;
	bool was = d->wanted;
	enum reach r;
	int err;

	buf_fmt(&d->pa, "/%s", w->name);
	buf_fmt(&d->pb, "/%s", w->name);
	r = reach_of(d, buf_cstr(&d->pb));
	d->wanted = r == IN;
	err = r == OUT ? 0 : place_find(d->a, w->pa, w->name, &w->a);
	if (!err && r != OUT)
		err = place_find(d->b, w->pb, w->name, &w->b);
	if (!err && r != OUT && !(same_base && surely_same(d, &w->a, &w->b)))
		err = compare(d, w);
	thing_done(d->a, &w->a);
	thing_done(d->b, &w->b);
	d->wanted = was;
	trim(&d->pa, la);
	trim(&d->pb, lb);
	return !err && cancelled(d) ? -ECANCELED : err;
}

static int places(struct diff *d, struct place *a, struct place *b)
{
	bool same_base = !a->node == !b->node && a->ino == b->ino;
	struct names names = {0};
	int err = 0;

	if (same_base && a->upper == b->upper &&
	    (!a->upper || (d->a->kind == SIDE_CHECKPOINT && d->b->kind == SIDE_CHECKPOINT &&
			   git_oid_equal(&a->tree, &b->tree))))
		return 0;
	if (++d->depth > FORMAT_DEPTH_MAX)
		err = err_set(&d->a->err, -ELOOP, "diff: directories are nested too deep");
	/* what neither upper half has looks the same on both sides, unless their bases differ */
	if (!err)
		err = place_names(d->a, a, !same_base, &names);
	if (!err)
		err = place_names(d->b, b, !same_base, &names);
	names_sort(&names);
	for (size_t i = 0; i < names.n && !err; i++) {
		struct both w = {.pa = a, .pb = b, .name = names.v[i]};
		err = one_name(d, &w, same_base);
	}
	d->depth--;
	look_names_free(&names);
	return err;
}

static int roots(struct diff *d)
{
	struct place a = {.fd = -1}, b = {.fd = -1};
	struct both w = {.name = "/"};
	struct ents ma = {0}, mb = {0};
	int err = root_thing(d->a, &w.a, &ma);

	if (!err)
		err = root_thing(d->b, &w.b, &mb);
	d->wanted = reach_of(d, "") == IN;
	if (!err)
		err = changed(d, &w);
	if (!err)
		err = place_root(d->a, &a);
	if (!err)
		err = place_root(d->b, &b);
	if (!err)
		err = places(d, &a, &b);
	place_close(d->a, &a);
	place_close(d->b, &b);
	ents_free(&ma);
	ents_free(&mb);
	return err;
}

int diff_each(struct side *a, struct side *b, const struct diff_options *o, diff_fn *fn, void *user,
	      struct err *e)
{
	struct diff d = {.a = a, .b = b, .o = o, .fn = fn, .user = user};
	int err;

	*a->err.text = *b->err.text = '\0';
	buf_str(&d.pa, "");
	buf_str(&d.pb, "");
	err = o && o->no_moves ? 0 : moves_find(a, b, &d.moves);
	if (!err)
		err = roots(&d);
	moves_free(&d.moves);
	buf_free(&d.pa);
	buf_free(&d.pb);
	if (!err || err == -ECANCELED)
		return err;
	if (*a->err.text || *b->err.text)
		return err_set(e, err, "%s", *a->err.text ? a->err.text : b->err.text);
	return err_set(e, err, "diff: %s", strerror(-err));
}
