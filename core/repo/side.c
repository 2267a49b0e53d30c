/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/side.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/look.h"
#include "core/repo/name.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (256u << 10)

static int open_index(struct side *s, const git_oid *tree)
{
	if (s->kind == SIDE_CHECKPOINT)
		return git_oid_is_zero(tree)
			   ? 0
			   : load_dir(s->r, tree, false, &s->index, NULL, NULL, &s->err);
	s->index_fd = repo_index_fd(s->r);
	if (s->index_fd == -ENOENT)
		return 0;
	if (s->index_fd < 0)
		return err_set(&s->err, s->index_fd, "upper layer: cannot open work/index");
	return scan_dir(&(struct at){.fd = s->index_fd}, SCAN_INDEX, NULL, &s->index, &s->err);
}

static int side_setup(struct side *s, const struct side_id *id)
{
	struct ents root = {0};
	git_oid index = {{0}};
	int err = 0;

	if (s->kind == SIDE_BASE)
		return 0;
	if (s->kind == SIDE_CHECKPOINT) {
		git_odb_refresh(s->r->odb);
		err = load_commit_tree(s->r, id->hash, &s->root, &s->err);
		if (!err)
			err = load_dir(s->r, &s->root, true, &root, NULL, &index, &s->err);
		ents_free(&root);
	} else {
		s->cache = cache_load(s->r->gaol);
		if (s->r->upper < 0)
			err = err_set(&s->err, -ENOENT, "upper layer: not there");
	}
	return err ? err : open_index(s, &index);
}

int side_open(struct side **out, struct repo *r, struct side_id id, struct layer *base,
	      struct err *e)
{
	struct side *s = xcalloc(1, sizeof(*s));
	int err;

	s->kind = id.kind;
	s->r = r;
	s->base = base;
	s->index_fd = -1;
	err = side_setup(s, &id);
	if (err) {
		err_set(e, err, "%s", s->err.text);
		side_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void side_close(struct side *s)
{
	if (!s)
		return;
	if (s->index_fd >= 0)
		close(s->index_fd);
	ents_free(&s->index);
	cache_free(s->cache);
	free(s);
}

const char *side_error(const struct side *s)
{
	return s->err.text;
}

void found_done(struct side *s, struct found *f)
{
	thing_done(s, &f->t);
	place_close(s, &f->p);
}

static int no_entry(struct side *s, const char *path, int err)
{
	return err_set(&s->err, err, "%s: %s", path, strerror(-err));
}

/* Goes into f's thing; f is then where it was found. */
static int descend(struct side *s, struct found *f, const char *path)
{
	struct place next;
	int err;

	if (!f->t.there)
		return no_entry(s, path, -ENOENT);
	if (!S_ISDIR(thing_mode(&f->t)))
		return no_entry(s, path, -ENOTDIR);
	err = place_enter(s, &f->p, &f->t, f->name, &next);
	if (err)
		return err;
	found_done(s, f);
	f->p = next;
	f->t = (struct thing){0};
	return 0;
}

int found_path(struct side *s, const char *path, struct found *f)
{
	const char *at = path;
	int err;

	*f = (struct found){.root = true};
	err = place_root(s, &f->p);
	if (err)
		return err;
	if (*path != '/')
		err = no_entry(s, path, -EINVAL);
	while (!err) {
		size_t n;
		at += strspn(at, "/");
		n = strcspn(at, "/");
		if (!n)
			break;
		if (!f->root)
			err = descend(s, f, path);
		if (!err && n >= sizeof(f->name))
			err = no_entry(s, path, -ENAMETOOLONG);
		if (err)
			break;
		memcpy(f->name, at, n);
		f->name[n] = '\0';
		at += n;
		f->root = false;
		err = name_ok(f->name) ? place_find(s, &f->p, f->name, &f->t)
				       : no_entry(s, path, -EINVAL);
	}
	if (!err && !f->root && !f->t.there)
		err = no_entry(s, path, -ENOENT);
	if (err)
		found_done(s, f);
	return err;
}

int root_thing(struct side *s, struct thing *t, struct ents *mem)
{
	int err = 0;

	*t = (struct thing){.there = true, .dirfd = -1};
	if (s->base) {
		t->node = LAYER_ROOT;
		err = layer_getattr(s->base, LAYER_ROOT, &t->bst);
	} else {
		t->bst.st_mode = S_IFDIR | 0755;
	}
	if (err || s->kind == SIDE_BASE)
		return err;
	t->upper = true;
	if (s->kind == SIDE_NOW)
		return scan_self(&(struct at){.fd = s->r->upper}, mem, &t->x, &s->err);
	return load_dir(s->r, &s->root, true, mem, &t->x, NULL, &s->err);
}

int side_stat(struct side *s, const char *path, struct stat *st)
{
	struct found f;
	struct ents mem = {0};
	int err = found_path(s, path, &f);

	if (err)
		return err;
	if (f.root)
		err = root_thing(s, &f.t, &mem);
	if (!err)
		err = thing_stat(s, &f.t, st);
	found_done(s, &f);
	ents_free(&mem);
	return err;
}

static int list_place(struct side *s, struct place *p, side_list_fn *fn, void *user)
{
	struct names names = {0};
	int err = place_names(s, p, true, &names);
	bool more = true;

	names_sort(&names);
	for (size_t i = 0; !err && more && i < names.n; i++) {
		struct thing t;
		struct stat st;
		err = place_find(s, p, names.v[i], &t);
		if (!err && t.there)
			err = thing_stat(s, &t, &st);
		if (!err && t.there)
			more = fn(user, names.v[i], &st);
		thing_done(s, &t);
	}
	look_names_free(&names);
	return err;
}

int side_list(struct side *s, const char *path, side_list_fn *fn, void *user)
{
	struct found f;
	int err = found_path(s, path, &f);

	if (err)
		return err;
	if (!f.root)
		err = descend(s, &f, path);
	if (!err)
		err = list_place(s, &f.p, fn, user);
	found_done(s, &f);
	return err;
}

/* One entry with its origin; *more: whether to go on. */
static int tell_origin(struct side *s, struct place *p, const char *name, side_origin_fn *fn,
		       void *user, bool *more)
{
	enum side_origin from = SIDE_FROM_BASE;
	struct stat st, base = {0};
	uint64_t node = 0;
	struct thing t;
	int err = place_find(s, p, name, &t);

	if (!err && t.upper)
		err = place_base(s, p, name, &node, &base);
	if (!err && t.there)
		err = thing_stat(s, &t, &st);
	if (!err && !t.there)
		st = base;
	if (!t.there)
		from = SIDE_GONE;
	else if (t.upper)
		from = t.node ? SIDE_FROM_ATTR : node ? SIDE_FROM_OVER : SIDE_FROM_LAYER;
	/* a whiteout over nothing hides nothing */
	if (!err && (t.there || node))
		*more = fn(user, name, &st, from, thing_drifted(&t, node ? &base : NULL));
	base_forget(s, &node);
	thing_done(s, &t);
	return err;
}

int side_origins(struct side *s, const char *path, side_origin_fn *fn, void *user)
{
	struct names names = {0};
	struct found f;
	bool more = true;
	int err = found_path(s, path, &f);

	if (err)
		return err;
	if (!f.root)
		err = descend(s, &f, path);
	if (!err)
		err = place_names(s, &f.p, true, &names);
	names_sort(&names);
	for (size_t i = 0; !err && more && i < names.n; i++)
		err = tell_origin(s, &f.p, names.v[i], fn, user, &more);
	look_names_free(&names);
	found_done(s, &f);
	return err;
}

/* Opens the content of a path whose type is fmt. */
static int open_path(struct side *s, const char *path, mode_t fmt, struct found *f,
		     struct reader *rd)
{
	int err = found_path(s, path, f);
	mode_t mode;

	if (err)
		return err;
	mode = f->root ? S_IFDIR : thing_mode(&f->t) & S_IFMT;
	if (mode != fmt)
		err = no_entry(s, path, mode == S_IFDIR ? -EISDIR : -EINVAL);
	if (!err)
		err = reader_open(s, &f->t, path, rd);
	if (err)
		found_done(s, f);
	return err;
}

static int read_all(struct side *s, struct reader *rd, size_t max, struct buf *out)
{
	uint64_t off = 0;
	ssize_t n;

	if (rd->size > max)
		return -EFBIG;
	while ((n = reader_read(rd, off, buf_room(out, BLOCK), BLOCK)) > 0) {
		if (off + (uint64_t)n > max)
			return -EFBIG;
		out->len += (size_t)n;
		out->p[out->len] = '\0';
		off += (uint64_t)n;
	}
	return (int)n;
}

static int read_path(struct side *s, const char *path, mode_t fmt, size_t max, struct buf *out)
{
	struct reader rd;
	struct found f;
	int err = open_path(s, path, fmt, &f, &rd);

	if (err)
		return err;
	err = read_all(s, &rd, max, out);
	reader_close(&rd);
	found_done(s, &f);
	return err ? no_entry(s, path, err) : 0;
}

int side_readlink(struct side *s, const char *path, struct buf *out)
{
	return read_path(s, path, S_IFLNK, 65536, out);
}

int side_read(struct side *s, const char *path, size_t max, struct buf *out)
{
	return read_path(s, path, S_IFREG, max, out);
}

static bool all_zero(const char *p, size_t n)
{
	return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

/* Writes n bytes at off; a run of zeros in a sparse target is left a hole, block by block. */
static int write_sparse(int fd, const char *p, size_t n, uint64_t off)
{
	while (n) {
		size_t k = n < 4096 ? n : 4096;
		if (!all_zero(p, k)) {
			ssize_t put = pwrite(fd, p, k, (off_t)off);
			if (put < 0)
				return -errno;
			k = (size_t)put;
		}
		p += k;
		off += k;
		n -= k;
	}
	return 0;
}

static int copy_out(struct reader *rd, int fd, bool sparse, struct pace *pace)
{
	char *mem = xmalloc(BLOCK);
	uint64_t off = 0;
	ssize_t n;
	int err = 0;

	while (!err && (n = reader_read(rd, off, mem, BLOCK)) != 0) {
		if (n < 0)
			err = (int)n;
		else if (sparse)
			err = write_sparse(fd, mem, (size_t)n, off);
		else
			err = fd_write_full(fd, mem, (size_t)n);
		if (!err)
			err = pace_step(pace, (uint64_t)n);
		off += n > 0 ? (uint64_t)n : 0;
	}
	if (!err && sparse && ftruncate(fd, (off_t)off))
		err = -errno;
	free(mem);
	return err;
}

int side_cat(struct side *s, const char *path, int fd, bool sparse, const struct repo_hooks *h)
{
	struct reader rd;
	struct found f;
	struct pace pace;
	int err = open_path(s, path, S_IFREG, &f, &rd);

	if (err)
		return err;
	pace_begin(&pace, h, "copy", rd.size);
	err = copy_out(&rd, fd, sparse, &pace);
	reader_close(&rd);
	found_done(s, &f);
	return err ? no_entry(s, path, err) : 0;
}

int side_xattrs(struct side *s, const char *path, side_xattr_fn *fn, void *user)
{
	struct ents mem = {0};
	struct found f;
	struct xattr *v;
	size_t n = 0;
	int err = found_path(s, path, &f);

	if (err)
		return err;
	if (f.root)
		err = root_thing(s, &f.t, &mem);
	if (!err)
		err = thing_xattrs(s, &f.t, &mem, &v, &n);
	for (size_t i = 0; !err && i < n; i++)
		if (!fn(user, v[i].name, v[i].value, v[i].len))
			break;
	found_done(s, &f);
	ents_free(&mem);
	return err;
}
