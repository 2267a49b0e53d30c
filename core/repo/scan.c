/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading directories of the upper layer: names, records, attributes. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/inside.h"
#include "core/repo/name.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LIST_LIMIT 65536
#define VALUE_LIMIT 65536
#define PATH_LEN (sizeof("/proc/self/fd/") + 12 + 256)

struct scan {
	struct at at;
	int flags;
	const struct cache *cache;
	struct ents *d;
	struct err *e;
	char path[PATH_LEN]; /* of the entry, for the xattr calls, which take no directory */
	char list[LIST_LIMIT];
	char value[VALUE_LIMIT];
};

static int bad(struct scan *s, const char *name, int err, const char *what)
{
	return err_set(s->e, err, "upper layer: %s: %s: %s", name, what, strerror(-err));
}

static int take_guest_xattr(struct scan *s, struct ent *x, const char *name, ssize_t n)
{
	const char *own = name + strlen(RECORD_GUEST_PREFIX);

	x->xattrs[x->nxattrs++] = (struct xattr){
	    .name = ents_dup(s->d, own, strlen(own)),
	    .value = ents_dup(s->d, s->value, (size_t)n),
	    .len = (size_t)n,
	};
	return 0;
}

static uint64_t get_le(const char *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
}

/* One attribute whose n bytes of value are in s->value. */
static int take_xattr(struct scan *s, struct ent *x, const char *name, ssize_t n)
{
	if (!strncmp(name, RECORD_GUEST_PREFIX, strlen(RECORD_GUEST_PREFIX)))
		return take_guest_xattr(s, x, name, n);
	if (!strcmp(name, RECORD_XATTR))
		return record_decode(&x->rec, (const uint8_t *)s->value, (size_t)n);
	if (!strcmp(name, RECORD_ORIGIN_XATTR))
		x->redirect = ents_dup(s->d, s->value, (size_t)n);
	else if (!strcmp(name, META_XATTR_GROUP) && n == 8)
		x->link = get_le(s->value, 8);
	else if (!strcmp(name, META_XATTR_LEFT) && n == 4)
		x->left = (uint32_t)get_le(s->value, 4);
	return 0;
}

static int xattr_cmp(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

/* Room for the guest's attributes in a list of names, one behind the other. */
static void xattrs_room(struct scan *s, struct ent *x, size_t max)
{
	x->xattrs = max ? ents_alloc(s->d, max * sizeof(*x->xattrs)) : NULL;
}

static bool is_guests(const char *name)
{
	return !strncmp(name, RECORD_GUEST_PREFIX, strlen(RECORD_GUEST_PREFIX));
}

static int read_xattrs(struct scan *s, struct ent *x)
{
	ssize_t n;
	size_t max = 0;

	x->plain = true;
	/* a change of attributes would have changed ctime */
	if (cache_plain(s->cache, &x->st))
		return 0;
	n = llistxattr(s->path, s->list, sizeof(s->list));
	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (char *at = s->list; at < s->list + n; at += strlen(at) + 1)
		max += is_guests(at);
	xattrs_room(s, x, max);
	for (char *at = s->list; at < s->list + n; at += strlen(at) + 1) {
		ssize_t len;
		int err;
		if (strncmp(at, RECORD_XATTR, strlen(RECORD_XATTR)))
			continue; /* the host's own, for instance security.selinux */
		x->plain = false;
		len = lgetxattr(s->path, at, s->value, sizeof(s->value));
		if (len < 0 && errno == ENODATA)
			continue;
		err = len < 0 ? -errno : take_xattr(s, x, at, len);
		if (err)
			return err;
	}
	return 0;
}

/* The next of n bytes of attributes as a seal keeps them: its length of value, or -1. */
static ssize_t kept_next(const char **at, size_t *n, const char **name, const char **value)
{
	size_t head;
	uint32_t len;

	if (*n < sizeof(len))
		return -1;
	memcpy(&len, *at, sizeof(len));
	*name = *at + sizeof(len);
	head = sizeof(len) + strnlen(*name, *n - sizeof(len)) + 1;
	if (head == sizeof(len) + 1 || head > *n || len > *n - head || len > VALUE_LIMIT)
		return -1;
	*value = *at + head;
	*at += head + len;
	*n -= head + len;
	return len;
}

/* The same from what a seal has kept; padding ends the list. */
static int kept_xattrs(struct scan *s, struct ent *x, const char *list, size_t n)
{
	const char *at = list, *name, *value;
	size_t left = n, max = 0;
	ssize_t len;

	x->plain = true;
	while (kept_next(&at, &left, &name, &value) >= 0)
		max += is_guests(name);
	xattrs_room(s, x, max);
	while ((len = kept_next(&list, &n, &name, &value)) >= 0) {
		int err;
		x->plain = false;
		memcpy(s->value, value, (size_t)len);
		err = take_xattr(s, x, name, len);
		if (err)
			return err;
	}
	return 0;
}

/* What the layer would not have written is refused, as the layer itself does. */
static bool fits(const struct ent *x)
{
	if (!S_ISREG(x->st.st_mode) && !S_ISDIR(x->st.st_mode))
		return false;
	return S_ISDIR(x->st.st_mode) == ent_is_dir(x);
}

/* By descriptor: the name may be another inode's by now. */
static int give_number(struct scan *s, struct ent *x)
{
	cleanup_fd int fd = at_file(&s->at, x);
	unsigned char raw[8];

	do {
		if (getrandom(&x->link, sizeof(x->link), 0) != sizeof(x->link))
			return -errno;
	} while (!x->link);
	for (int i = 0; i < 8; i++)
		raw[i] = (unsigned char)(x->link >> (8 * i));
	if (fd < 0)
		return fd;
	if (fsetxattr(fd, META_XATTR_GROUP, raw, sizeof(raw), XATTR_CREATE)) {
		/* by another of its names, after it was kept */
		if (errno != EEXIST || fgetxattr(fd, META_XATTR_GROUP, raw, 8) != 8)
			return -errno;
		x->link = get_le((const char *)raw, 8);
	}
	/* the attribute has changed ctime */
	x->plain = false;
	return s->at.sealed || !fstat(fd, &x->st) ? 0 : -errno;
}

/* The rest of x, whose attributes were taken. */
static int finish_ent(struct scan *s, struct ent *x)
{
	if (x->nxattrs > 1)
		qsort(x->xattrs, x->nxattrs, sizeof(*x->xattrs), xattr_cmp);
	if (!fits(x))
		return -EPROTO;
	x->mtime = x->st.st_mtim;
	if (!S_ISDIR(x->st.st_mode))
		x->size = (uint64_t)x->st.st_size;
	if (!(x->rec.flags & RECORD_REDIRECT))
		x->redirect = NULL;
	else if (!x->redirect)
		x->redirect = ents_dup(s->d, "", 0);
	if (x->rec.whiteout || S_ISDIR(x->st.st_mode) || x->st.st_nlink < 2)
		x->link = 0;
	return 0;
}

/* Fills x, whose name and st are set and whose path is in s, from disk. */
static int read_ent(struct scan *s, struct ent *x)
{
	int err;

	record_default(&x->rec, x->st.st_mode);
	err = read_xattrs(s, x);
	return err ? err : finish_ent(s, x);
}

/* What was read (or err: what became of that) is right unless there is a record now. */
static int correct_ent(struct scan *s, struct ent *x, int err)
{
	struct stat st;
	const char *list;
	size_t n;
	uint64_t ino = x->st.st_ino;
	bool named;

	if (!sealed_sync(s->at.sealed))
		return -EPROTO;
	named = strcmp(x->name, ".") && sealed_name(s->at.sealed, s->at.ino, x->name, &ino);
	if (named && !ino)
		return -ENOENT;
	if (!named && err == -ENOENT)
		return err;
	if (!sealed_inode_was(s->at.sealed, named ? ino : x->st.st_ino, &st, &list, &n))
		return named ? -EPROTO : err;
	*x = (struct ent){.name = x->name, .st = st};
	record_default(&x->rec, st.st_mode);
	err = kept_xattrs(s, x, list, n);
	return err ? err : finish_ent(s, x);
}

static int read_name(struct scan *s, struct ent *x)
{
	int err = -ENOENT;

	if (s->at.fd >= 0) {
		snprintf(s->path, sizeof(s->path), "/proc/self/fd/%d/%s", s->at.fd, x->name);
		err = fstatat(s->at.fd, x->name, &x->st, AT_SYMLINK_NOFOLLOW) ? -errno
									      : read_ent(s, x);
	}
	if (s->at.sealed)
		err = correct_ent(s, x, err);
	if (!err && (s->flags & SCAN_NUMBER) && !x->link && !x->rec.whiteout &&
	    !S_ISDIR(x->st.st_mode) && x->st.st_nlink > 1)
		err = give_number(s, x);
	return err;
}

static int scan_one(struct scan *s, const char *name)
{
	struct ent *x = ents_add(s->d);
	int err;

	x->name = ents_dup(s->d, name, strlen(name));
	err = read_name(s, x);
	if (!err && x->rec.whiteout && (s->flags & SCAN_INDEX))
		err = -ENOENT;
	if (err == -ENOENT)
		s->d->n--;
	return err && err != -ENOENT ? bad(s, name, err, "cannot read its record") : err;
}

static int list(struct scan *s, DIR *dir)
{
	struct dirent *de;
	int err = 0;

	errno = 0;
	while (!err && (de = readdir(dir))) {
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			err = scan_one(s, de->d_name);
		if (err == -ENOENT)
			err = 0;
		errno = 0;
	}
	if (!err && errno)
		err = err_sys(s->e, "upper layer: cannot list a directory");
	return err;
}

/* Names that the directory had when it was sealed, and that were not met. */
static int list_gone(struct scan *s)
{
	size_t at = 0, n = s->d->n;
	const char *name;
	int err = 0;

	if (!sealed_sync(s->at.sealed))
		return err_set(s->e, -EPROTO, "upper layer: its seal is damaged");
	while (!err && (name = sealed_next_name(s->at.sealed, s->at.ino, &at))) {
		struct ents met = {.v = s->d->v, .n = n};
		if (!ents_find(&met, name))
			err = scan_one(s, name);
		if (err == -ENOENT)
			err = 0;
	}
	return err;
}

/* A listing of what changes meanwhile may have a name twice. */
static void drop_twins(struct ents *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->n; i++)
		if (!kept || strcmp(d->v[kept - 1].name, d->v[i].name))
			d->v[kept++] = d->v[i];
	d->n = kept;
}

struct scan *scan_begin(const struct at *at, int flags, struct ents *d, struct err *e)
{
	struct scan *s = xmalloc(sizeof(*s));

	s->at = *at;
	s->flags = flags;
	s->cache = NULL;
	s->d = d;
	s->e = e;
	return s;
}

int scan_name(struct scan *s, const char *name)
{
	return scan_one(s, name);
}

void scan_end(struct scan *s)
{
	free(s);
}

static int list_open(struct scan *s)
{
	int fd = openat(s->at.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		fd_close(&fd);
		return err_sys(s->e, "upper layer: cannot list a directory");
	}
	err = list(s, dir);
	closedir(dir);
	return err;
}

int scan_dir(const struct at *at, int flags, const struct cache *c, struct ents *d, struct err *e)
{
	struct scan *s = scan_begin(at, flags, d, e);
	int err;

	s->cache = c;
	err = at->fd < 0 ? 0 : list_open(s);
	ents_sort(d);
	if (!err && at->sealed) {
		drop_twins(d);
		err = list_gone(s);
		ents_sort(d);
	}
	scan_end(s);
	return err;
}

int scan_self(const struct at *at, struct ents *d, struct ent *out, struct err *e)
{
	struct scan *s = scan_begin(at, 0, d, e);
	int err;

	*out = (struct ent){.name = ents_dup(d, ".", 1)};
	err = read_name(s, out);
	if (err)
		err = bad(s, "the root", err, "cannot read its record");
	scan_end(s);
	return err;
}
