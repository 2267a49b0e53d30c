/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listing: a snapshot of the merged names. An upper name of any kind hides the same name below,
 * so types and whiteouts need be known only when an entry is given out. A cookie is the entry's
 * place in the snapshot, 1 and 2 being "." and "..".
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct snapshot {
	struct buf names; /* NUL-terminated, one behind the other */
	uint32_t *at;	  /* where each begins */
	size_t n, cap;
	uint32_t *hash; /* of entry numbers + 1; NULL while there is one source */
	size_t hash_cap;
};

struct filling {
	struct layer *l;
	struct snapshot *s;
	bool merge;
};

struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	buf_free(&s->names);
	free(s->at);
	free(s->hash);
	free(s);
}

static const char *entry_name(const struct snapshot *s, size_t i)
{
	return s->names.p + s->at[i];
}

static void hash_put(struct filling *f, uint32_t i)
{
	struct snapshot *s = f->s;
	const char *name = entry_name(s, i);
	size_t k = name_hash(f->l, 0, name, strlen(name)) & (s->hash_cap - 1);

	while (s->hash[k])
		k = (k + 1) & (s->hash_cap - 1);
	s->hash[k] = i + 1;
}

static bool hash_has(struct filling *f, const char *name, size_t n)
{
	struct snapshot *s = f->s;
	size_t k;

	if (!s->hash_cap)
		return false;
	k = name_hash(f->l, 0, name, n) & (s->hash_cap - 1);
	for (; s->hash[k]; k = (k + 1) & (s->hash_cap - 1))
		if (!strcmp(entry_name(s, s->hash[k] - 1), name))
			return true;
	return false;
}

static void hash_grow(struct filling *f)
{
	struct snapshot *s = f->s;

	s->hash_cap = s->hash_cap ? s->hash_cap * 2 : 256;
	free(s->hash);
	s->hash = xcalloc(s->hash_cap, sizeof(*s->hash));
	for (size_t i = 0; i < s->n; i++)
		hash_put(f, (uint32_t)i);
}

static int entry_add(struct filling *f, const char *name)
{
	struct snapshot *s = f->s;
	size_t n = strlen(name);

	if (f->merge && hash_has(f, name, n))
		return 0;
	if (s->names.len + n + 1 > UINT32_MAX)
		return -EOVERFLOW;
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->at = xrealloc(s->at, s->cap * sizeof(*s->at));
	}
	s->at[s->n++] = (uint32_t)s->names.len;
	buf_add(&s->names, name, n + 1);
	if (f->merge) {
		if (s->n * 2 > s->hash_cap)
			hash_grow(f);
		else
			hash_put(f, (uint32_t)s->n - 1);
	}
	return 0;
}

/* Adds the names of an open directory. */
static int fill_from(struct filling *f, int fd)
{
	_Alignas(struct linux_dirent64) char block[32768];
	long got;

	while ((got = syscall(SYS_getdents64, fd, block, sizeof(block))) > 0) {
		for (long at = 0; at < got;) {
			struct linux_dirent64 *e = (struct linux_dirent64 *)(void *)(block + at);
			int err = 0;
			at += e->reclen;
			if (strcmp(e->name, ".") && strcmp(e->name, ".."))
				err = entry_add(f, e->name);
			if (err)
				return err;
		}
	}
	return got < 0 && errno != ENOENT ? -errno : 0;
}

static void fill_child(void *user, const char *name, size_t n)
{
	struct filling *f = user;
	char s[NAME_MAX + 1];

	if (n > NAME_MAX)
		return;
	memcpy(s, name, n);
	s[n] = '\0';
	entry_add(f, s);
}

static int fill_side(struct filling *f, const struct side *s, struct auth_at at)
{
	bool in = guard_enter(f->l, s, at);
	cleanup_fd int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	guard_leave(in);
	/* not to be listed, or gone: nothing */
	return fd < 0 ? 0 : fill_from(f, fd);
}

static int snapshot_take(struct layer *l, struct dir *d, struct snapshot **out)
{
	struct filling f = {.l = l, .s = xcalloc(1, sizeof(*f.s))};
	int err = 0;

	f.merge = d->sides.n > 1 || (d->sides.n && d->upper >= 0) || d->at.node;
	if (d->upper >= 0) {
		cleanup_fd int fd = openat(d->upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		err = fd < 0 ? -errno : fill_from(&f, fd);
	}
	for (int i = 0; !err && i < d->sides.n; i++)
		if (d->sides.s[i].list)
			err = fill_side(&f, &d->sides.s[i], d->at);
	if (!err)
		auth_each_child(d->at, fill_child, &f);
	free(f.s->hash);
	f.s->hash = NULL;
	f.s->hash_cap = 0;
	if (err)
		snapshot_free(f.s);
	else
		*out = f.s;
	return err;
}

int layer_opendir(struct layer *l, uint64_t dir, uint64_t *dh)
{
	uint32_t i = node_index(l, dir);
	cleanup_dir struct dir *d = NULL;
	struct handle *h;
	int err;

	if (!i)
		return -ESTALE;
	err = dir_get(l, i, &d);
	if (err && !(node_at(l, i)->flags & NODE_DEAD))
		return err;
	err = quota_file(l, i, NULL);
	if (err)
		return err;
	*dh = handle_new(l, i, true, &h);
	return 0;
}

int layer_releasedir(struct layer *l, uint64_t dh)
{
	struct handle *h = handle_at(l, dh, true);

	if (!h)
		return -EBADF;
	handle_free(l, (uint32_t)dh);
	return 0;
}

/* "." and "..": no look-up count, but true numbers. Returns false when fn has enough. */
static bool give_dots(struct layer *l, struct handle *h, off_t *off, layer_dir_fn *fn, void *user)
{
	for (; *off < 2; ++*off) {
		struct node *n = node_at(l, h->node);
		uint32_t i = *off && n->names ? n->names->parent : h->node;
		struct layer_entry e = {0};
		if (union_stat(l, i, &e.st))
			e.st = (struct stat){.st_mode = S_IFDIR | 0755, .st_ino = 1};
		if (!fn(user, *off ? ".." : ".", &e, *off + 1))
			return false;
	}
	return true;
}

int layer_readdir(struct layer *l, uint64_t dh, off_t off, bool plus, layer_dir_fn *fn, void *user)
{
	struct handle *h = handle_at(l, dh, true);
	cleanup_dir struct dir *d = NULL;
	int err;

	if (!h)
		return -EBADF;
	if (off < 0)
		return -EINVAL;
	err = dir_get(l, h->node, &d);
	if (err)
		return err;
	if (!off || !h->snap) {
		snapshot_free(h->snap);
		h->snap = NULL;
		err = snapshot_take(l, d, &h->snap);
		if (err)
			return err;
	}
	if (!give_dots(l, h, &off, fn, user))
		return 0;
	for (size_t k = (size_t)off - 2; k < h->snap->n; k++) {
		const char *name = entry_name(h->snap, k);
		struct layer_entry e = {0};
		struct found f;
		uint32_t i = 0;
		bool more;
		err = union_find(l, d, name, false, &f);
		if (err || f.kind == FOUND_NONE)
			continue; /* gone meanwhile, a whiteout, or not for these eyes */
		if (plus) {
			i = union_take(l, d, name, &f, &e.st);
			e.node = node_id(l, i);
			node_at(l, i)->lookups++;
		} else if (f.kind == FOUND_UPPER) {
			upper_shown(&f.rec, &f.st, &e.st);
		} else {
			e.st = (struct stat){.st_mode = f.hit.st.st_mode,
					     .st_ino = ino_make(f.hit.tag, f.hit.st.st_ino)};
		}
		more = fn(user, name, &e, (off_t)k + 3);
		if (!more && plus) {
			node_at(l, i)->lookups--;
			node_drop(l, i);
		}
		if (!more)
			break;
	}
	return 0;
}

int layer_fsyncdir(struct layer *l, uint64_t dh, bool datasync)
{
	struct handle *h = handle_at(l, dh, true);
	cleanup_dir struct dir *d = NULL;
	cleanup_fd int fd = -1;
	int err;

	if (!h)
		return -EBADF;
	err = dir_get(l, h->node, &d);
	if (err || d->upper < 0)
		return err == -ENOENT ? 0 : err;
	fd = openat(d->upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return (datasync ? fdatasync(fd) : fsync(fd)) < 0 ? -errno : 0;
}

/* Calls fn for what a directory shows until it returns true; 1 then, 0 at the end, or -errno. */
static int each_shown(struct layer *l, uint32_t i, bool (*fn)(void *user, const struct found *f),
		      void *user)
{
	cleanup_dir struct dir *d = NULL;
	struct snapshot *s = NULL;
	int err = dir_get(l, i, &d);

	if (!err)
		err = snapshot_take(l, d, &s);
	for (size_t k = 0; !err && k < s->n; k++) {
		struct found f;
		if (!union_find(l, d, entry_name(s, k), false, &f) && f.kind != FOUND_NONE)
			err = fn(user, &f);
	}
	snapshot_free(s);
	return err;
}

static bool any(void *user, const struct found *f)
{
	return true;
}

int dir_is_empty(struct layer *l, uint32_t i)
{
	int err = each_shown(l, i, any, NULL);

	return err > 0 ? -ENOTEMPTY : err;
}

static bool count_dir(void *user, const struct found *f)
{
	nlink_t *n = user;

	*n += S_ISDIR(f->kind == FOUND_UPPER ? f->rec.mode : f->hit.st.st_mode);
	return false;
}

nlink_t dir_nlink(struct layer *l, uint32_t i, nlink_t native)
{
	cleanup_dir struct dir *d = NULL;
	struct node *n = node_at(l, i);
	uint32_t up = n->names ? node_at(l, n->names->parent)->dir : 0;
	nlink_t count = 2;

	if (!(n->rflags & RECORD_REDIRECT) && up && !l->dir[up - 1]->sides.n)
		return native;
	if (dir_get(l, i, &d) || !d->sides.n)
		return native;
	if (!d->nlink) {
		if (each_shown(l, i, count_dir, &count) < 0)
			return native;
		d->nlink = count;
	}
	return d->nlink;
}

bool layer_dir_has_lower(struct layer *l, uint64_t dir)
{
	cleanup_dir struct dir *d = NULL;
	uint32_t i = node_index(l, dir);

	return !i || dir_get(l, i, &d) || d->sides.n;
}

void dir_changed(struct layer *l, uint32_t i)
{
	uint32_t slot = node_at(l, i)->dir;

	if (slot)
		l->dir[slot - 1]->nlink = 0;
}
