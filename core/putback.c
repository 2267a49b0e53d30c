/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/putback.h"
#include "core/bring.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/jail.h"
#include "core/repo/diff.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct change {
	char *path;
	enum diff_status status;
	unsigned what;
	bool was_file; /* a regular file is there now */
	bool to_dir;   /* it becomes, or stays, a directory */
	uint64_t link; /* number of its group of hard links, 0: none */
	bool done;
};

struct work {
	struct putback *p;
	const struct jail *jail;
	struct client *c;
	struct side *now, *from;
	struct change *v;
	size_t n, cap;
	struct err *e;
};

static void add(struct work *w, const struct change *c)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->v = xrealloc(w->v, w->cap * sizeof(*w->v));
	}
	w->v[w->n++] = *c;
}

static bool take(void *user, const struct diff_entry *d)
{
	struct work *w = user;
	struct change c = {.path = xstrdup(d->path),
			   .status = d->status,
			   .what = d->what,
			   .was_file = S_ISREG(d->a.mode),
			   .to_dir = S_ISDIR(d->b.mode)};

	add(w, &c);
	return true;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

struct linking {
	struct work *w;
	size_t known; /* of w->v, the sorted ones */
	bool again;   /* second pass: add members that do not differ themselves */
};

static bool wants_group(const struct work *w, size_t known, uint64_t number)
{
	for (size_t i = 0; i < known; i++)
		if (w->v[i].link == number)
			return true;
	return false;
}

/* A file that is made anew takes all its names along, also those that were right. */
static bool each_link(void *user, const char *path, uint64_t number)
{
	struct linking *l = user;
	struct change key = {.path = (char *)(uintptr_t)path};
	struct change *c = bsearch(&key, l->w->v, l->known, sizeof(key), by_path);
	bool anew = c && (c->status != DIFF_ATTR);

	if (!l->again && anew)
		c->link = number;
	if (l->again && !anew && wants_group(l->w, l->known, number)) {
		struct change more = {.path = xstrdup(path),
				      .status = DIFF_MODIFIED,
				      .was_file = true,
				      .link = number};
		if (c)
			c->status = DIFF_MODIFIED, c->link = number, free(more.path);
		else
			add(l->w, &more);
	}
	return true;
}

static int find_links(struct work *w)
{
	struct linking l = {.w = w, .known = w->n};
	int ret = 0;

	for (int pass = 0; pass < 2; pass++) {
		l.again = pass;
		for (const char *const *p = w->p->paths; *p && !ret; p++) {
			ret = side_links(w->from, *p, each_link, &l);
			if (ret == -ENOENT || ret == -ENOTDIR)
				ret = 0;
		}
	}
	qsort(w->v, w->n, sizeof(*w->v), by_path);
	return ret ? err_set(w->e, ret, "restore: %s", side_error(w->from)) : 0;
}

static int check_open(struct work *w)
{
	for (size_t i = 0; i < w->n && !w->p->force; i++) {
		const struct change *c = &w->v[i];
		bool open = false;

		if (!c->was_file || c->status == DIFF_ATTR)
			continue;
		int ret = bring_is_open(w->c, c->path, &open, w->e);
		if (ret)
			return ret;
		if (open && !w->p->nopen++)
			w->p->open = xstrdup(c->path);
	}
	if (!w->p->nopen)
		return 0;
	return err_set(
	    w->e, -EBUSY,
	    "%s: a program has it open%s: it would go on with the old one: end it, or use "
	    "--force",
	    w->p->open, w->p->nopen > 1 ? ", and others too" : "");
}

/* What bring needs to know of an entry of "from". */
struct whole {
	struct bring b;
	struct buf target;
	struct bring_xattr *xattrs;
	size_t n;
};

static bool take_xattr(void *user, const char *name, const void *value, size_t n)
{
	struct whole *h = user;
	char *copy = xmalloc(n + 1);

	memcpy(copy, value, n);
	h->xattrs = xrealloc(h->xattrs, (h->n + 1) * sizeof(*h->xattrs));
	h->xattrs[h->n++] = (struct bring_xattr){.name = xstrdup(name), .value = copy, .len = n};
	return true;
}

static void whole_free(struct whole *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free((char *)(uintptr_t)h->xattrs[i].name);
		free((void *)(uintptr_t)h->xattrs[i].value);
	}
	free(h->xattrs);
	buf_free(&h->target);
}

static int whole_read(struct work *w, const char *path, struct whole *h)
{
	*h = (struct whole){.b.path = path};
	int ret = side_stat(w->from, path, &h->b.st);
	if (!ret && S_ISLNK(h->b.st.st_mode))
		ret = side_readlink(w->from, path, &h->target);
	if (!ret)
		ret = side_xattrs(w->from, path, take_xattr, h);
	h->b.target = S_ISLNK(h->b.st.st_mode) ? buf_cstr(&h->target) : NULL;
	h->b.xattrs = h->xattrs;
	h->b.nxattrs = h->n;
	return ret ? err_set(w->e, ret, "%s: %s", path, side_error(w->from)) : 0;
}

static int make(struct work *w, const char *path)
{
	cleanup_fd int fd = -1;
	struct whole h;
	int ret = whole_read(w, path, &h);

	if (!ret && S_ISREG(h.b.st.st_mode)) {
		fd = bring_temp(w->jail, w->e);
		ret = fd < 0 ? fd : side_cat(w->from, path, fd, true, NULL);
		if (ret && fd >= 0)
			err_set(w->e, ret, "%s: %s", path, side_error(w->from));
	}
	if (!ret)
		ret = bring_make(w->c, &h.b, fd, w->e);
	whole_free(&h);
	return ret;
}

static int set_attr(struct work *w, const char *path)
{
	struct whole h;
	int ret = whole_read(w, path, &h);

	if (!ret)
		ret = bring_attr(w->c, &h.b, w->e);
	whole_free(&h);
	return ret;
}

/* The first of a group's names that is done, or NULL. */
static const struct change *first_of(const struct work *w, uint64_t link)
{
	for (size_t i = 0; link && i < w->n; i++)
		if (w->v[i].link == link && w->v[i].done)
			return &w->v[i];
	return NULL;
}

static int carry_out(struct work *w, struct change *c)
{
	const struct change *first = first_of(w, c->link);
	int ret;

	if (c->status == DIFF_DELETED)
		return 0;
	if (c->status == DIFF_ATTR)
		ret = set_attr(w, c->path);
	else if (first)
		ret = bring_link(w->c, c->path, first->path, w->e);
	else
		ret = make(w, c->path);
	c->done = !ret;
	w->p->made += !ret && c->status == DIFF_ADDED;
	w->p->changed += !ret && c->status != DIFF_ADDED;
	return ret;
}

/* Deepest first: a path sorts behind those that it lies in. */
static int removals(struct work *w)
{
	int ret = 0;

	for (size_t i = w->n; i-- && !ret;) {
		if (w->v[i].status != DIFF_DELETED)
			continue;
		ret = bring_remove(w->c, w->v[i].path, w->e);
		w->p->removed += !ret;
	}
	return ret;
}

/* Directories on the way to a path that the present lacks. */
static int make_way(struct work *w, const char *path)
{
	char *part = xstrdup(path);
	struct stat st;
	int ret = 0;

	for (char *s = strchr(part + 1, '/'); s && !ret; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (side_stat(w->now, part, &st) && !side_stat(w->from, part, &st))
			ret = make(w, part);
		*s = '/';
	}
	free(part);
	return ret;
}

static bool within(const char *path, const char *top)
{
	size_t n = strlen(top);

	n -= n == 1;
	return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

/* What was done in a directory has changed its times; set them last, deepest first. */
static int directory_times(struct work *w)
{
	int ret = 0;
	char *last = NULL;

	for (size_t i = w->n; i-- && !ret;) {
		char *dir = xstrdup(w->v[i].path);
		struct stat st;
		bool in = false;

		if (!w->v[i].to_dir)
			*(strrchr(dir, '/') + (strrchr(dir, '/') == dir)) = '\0';
		for (const char *const *p = w->p->paths; *p && !in; p++)
			in = within(dir, *p);
		if (in && (!last || strcmp(last, dir) != 0) && !side_stat(w->from, dir, &st) &&
		    S_ISDIR(st.st_mode))
			ret = set_attr(w, dir);
		free(last);
		last = dir;
	}
	free(last);
	return ret;
}

static int check_paths(struct work *w)
{
	struct stat st;

	for (const char *const *p = w->p->paths; *p; p++)
		if (side_stat(w->from, *p, &st) && side_stat(w->now, *p, &st))
			return err_set(w->e, -ENOENT,
				       "%s: is neither in the checkpoint nor in the jail", *p);
	return 0;
}

static int all(struct work *w)
{
	struct diff_options o = {.paths = w->p->paths, .times = true, .no_moves = true};
	int ret = check_paths(w);

	if (!ret)
		ret = diff_each(w->now, w->from, &o, take, w, w->e);
	if (w->n > 1)
		qsort(w->v, w->n, sizeof(*w->v), by_path);
	if (!ret)
		ret = find_links(w);
	if (!ret)
		ret = check_open(w);
	if (!ret)
		ret = removals(w);
	for (const char *const *p = w->p->paths; *p && !ret; p++)
		ret = make_way(w, *p);
	for (size_t i = 0; i < w->n && !ret; i++)
		ret = carry_out(w, &w->v[i]);
	return ret ? ret : directory_times(w);
}

int putback(struct putback *p, const struct jail *j, struct client *c, struct side *now,
	    struct side *from, struct err *e)
{
	struct work w = {.p = p, .jail = j, .c = c, .now = now, .from = from, .e = e};
	struct err ignored;
	int ret;

	p->made = p->changed = p->removed = p->nopen = 0;
	p->open = NULL;
	ret = all(&w);
	/* also after a failure: what was done is seen */
	if (w.n && ret != -EBUSY) {
		int done = bring_done(c, ret ? &ignored : e);
		ret = ret ? ret : done;
	}
	for (size_t i = 0; i < w.n; i++)
		free(w.v[i].path);
	free(w.v);
	return ret;
}
