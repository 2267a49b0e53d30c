/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks upper/ and work/index and stores all of them. */
#include "core/fd.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool ent_is_linked(const struct ent *x)
{
	return x->link || (!x->rec.whiteout && !S_ISDIR(x->st.st_mode) && x->st.st_nlink > 1);
}

static int store_dir(struct walker *w, const struct at *at, const struct ent *self, const git_oid *index,
		     int flags, git_oid *oid);

int walk_subdir(struct walker *w, const struct at *up, struct ent *x)
{
	struct at at;
	int err = at_subdir(&at, up, x, w->e);

	if (err)
		return err;
	err = store_dir(w, &at, NULL, NULL, w->flags, &x->oid);
	fd_close(&at.fd);
	x->has_oid = !err;
	return err;
}

/* Entries that vanished since they were listed are taken out. */
static int store_ents(struct walker *w, const struct at *at, struct ents *d)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < d->n && !err; i++) {
		struct ent *x = &d->v[i];
		w->linked |= ent_is_linked(x);
		err = ent_is_dir(x)
			  ? walk_subdir(w, at, x)
			  : content_of(w->r, w->p, at, x, w->old, w->fresh, &w->pace, w->e);
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

static int store_dir(struct walker *w, const struct at *at, const struct ent *self, const git_oid *index,
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
		err = scan_dir(at, flags, w->old, &d, w->e);
	if (!err)
		err = store_ents(w, at, &d);
	if (!err)
		err = tree_write(w->p, &d, self, index, oid, w->e);
	w->depth--;
	ents_free(&d);
	return err;
}

/* The tree of work/index; *there is false when it is empty. */
static int store_index(struct walker *w, git_oid *oid, bool *there)
{
	cleanup_fd int fd = repo_index_fd(w->r);
	struct ents d = {0};
	struct at at;
	int err;

	*there = false;
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(w->e, fd, "upper layer: cannot open work/index: %s", strerror(-fd));
	err = at_begin(&at, fd, w->r->sealed);
	if (!err)
		err = scan_dir(&at, w->flags | SCAN_INDEX, w->old, &d, w->e);
	if (!err)
		err = store_ents(w, &at, &d);
	*there = d.n;
	if (!err && d.n)
		err = tree_write(w->p, &d, NULL, NULL, oid, w->e);
	ents_free(&d);
	return err;
}

int walk_all(struct walker *w, git_oid *oid)
{
	struct ents mem = {0};
	struct ent self;
	struct at at;
	git_oid index;
	bool there = false;
	int err;

	if (w->r->upper < 0)
		return err_set(w->e, -ENOENT, "upper layer: not there");
	err = at_begin(&at, w->r->upper, w->r->sealed);
	if (!err)
		err = scan_self(&at, &mem, &self, w->e);
	if (!err)
		err = store_index(w, &index, &there);
	if (!err)
		err = store_dir(w, &at, &self, there ? &index : NULL, w->flags, oid);
	ents_free(&mem);
	return err;
}
