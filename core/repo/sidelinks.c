/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hard links of a side's upper layer. */
#include "core/buf.h"
#include "core/repo/format.h"
#include "core/repo/look.h"
#include <errno.h>
#include <string.h>

struct links {
	struct side *s;
	side_link_fn *fn;
	void *user;
	struct buf path;
	unsigned depth;
	bool over;
};

static int in_place(struct links *l, struct place *p);

static int one(struct links *l, struct place *p, const struct ent *x)
{
	struct thing t;
	struct place sub;
	int err;

	if (x->link && !l->fn(l->user, buf_cstr(&l->path), x->link))
		l->over = true;
	if (!ent_is_dir(x) || l->over)
		return 0;
	err = place_find(l->s, p, x->name, &t);
	if (!err)
		err = place_enter(l->s, p, &t, x->name, &sub);
	if (!err) {
		err = in_place(l, &sub);
		place_close(l->s, &sub);
	}
	thing_done(l->s, &t);
	return err;
}

static int in_place(struct links *l, struct place *p)
{
	int err = 0;

	if (++l->depth > FORMAT_DEPTH_MAX)
		err = err_set(&l->s->err, -ELOOP, "directories are nested too deep");
	for (size_t i = 0; i < p->ents.n && !err && !l->over; i++) {
		size_t len = l->path.len;
		buf_fmt(&l->path, "/%s", p->ents.v[i].name);
		err = one(l, p, &p->ents.v[i]);
		l->path.len = len;
		l->path.p[len] = '\0';
	}
	l->depth--;
	return err;
}

int side_links(struct side *s, const char *path, side_link_fn *fn, void *user)
{
	struct links l = {.s = s, .fn = fn, .user = user};
	struct found f;
	int err = found_path(s, path, &f);

	if (err)
		return err;
	buf_str(&l.path, f.root ? "" : path);
	if (f.root)
		err = in_place(&l, &f.p);
	else if (f.t.upper)
		err = one(&l, &f.p, &f.t.x);
	found_done(s, &f);
	buf_free(&l.path);
	return err;
}
