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
	int dirfd, flags;
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
		max += !strncmp(at, RECORD_GUEST_PREFIX, strlen(RECORD_GUEST_PREFIX));
	x->xattrs = max ? ents_alloc(s->d, max * sizeof(*x->xattrs)) : NULL;
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
	if (x->nxattrs > 1)
		qsort(x->xattrs, x->nxattrs, sizeof(*x->xattrs), xattr_cmp);
	return 0;
}

/* What the layer would not have written is refused, as the layer itself does. */
static bool fits(const struct ent *x)
{
	if (!S_ISREG(x->st.st_mode) && !S_ISDIR(x->st.st_mode))
		return false;
	return S_ISDIR(x->st.st_mode) == ent_is_dir(x);
}

static int give_number(struct scan *s, struct ent *x)
{
	unsigned char raw[8];

	do {
		if (getrandom(&x->link, sizeof(x->link), 0) != sizeof(x->link))
			return -errno;
	} while (!x->link);
	for (int i = 0; i < 8; i++)
		raw[i] = (unsigned char)(x->link >> (8 * i));
	if (lsetxattr(s->path, META_XATTR_GROUP, raw, sizeof(raw), XATTR_CREATE))
		return -errno;
	/* the attribute has changed ctime */
	x->plain = false;
	return fstatat(s->dirfd, x->name, &x->st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

/* Fills x, whose name and st are set and whose path is in s. */
static int read_ent(struct scan *s, struct ent *x)
{
	int err;

	record_default(&x->rec, x->st.st_mode);
	err = read_xattrs(s, x);
	if (!err && !fits(x))
		err = -EPROTO;
	if (err)
		return err;
	x->mtime = x->st.st_mtim;
	if (!S_ISDIR(x->st.st_mode))
		x->size = (uint64_t)x->st.st_size;
	if (!(x->rec.flags & RECORD_REDIRECT))
		x->redirect = NULL;
	else if (!x->redirect)
		x->redirect = ents_dup(s->d, "", 0);
	if (x->rec.whiteout || S_ISDIR(x->st.st_mode) || x->st.st_nlink < 2)
		x->link = 0;
	else if (!x->link && (s->flags & SCAN_NUMBER))
		err = give_number(s, x);
	return err;
}

static int scan_one(struct scan *s, const char *name)
{
	struct ent *x = ents_add(s->d);
	int err;

	x->name = ents_dup(s->d, name, strlen(name));
	snprintf(s->path, sizeof(s->path), "/proc/self/fd/%d/%s", s->dirfd, name);
	err = fstatat(s->dirfd, name, &x->st, AT_SYMLINK_NOFOLLOW) ? -errno : read_ent(s, x);
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

struct scan *scan_begin(int dirfd, int flags, struct ents *d, struct err *e)
{
	struct scan *s = xmalloc(sizeof(*s));

	s->dirfd = dirfd;
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

int scan_dir(int dirfd, int flags, const struct cache *c, struct ents *d, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct scan *s;
	int err;

	if (!dir) {
		fd_close(&fd);
		return err_sys(e, "upper layer: cannot list a directory");
	}
	s = scan_begin(dirfd, flags, d, e);
	s->cache = c;
	err = list(s, dir);
	closedir(dir);
	scan_end(s);
	if (!err)
		ents_sort(d);
	return err;
}

int scan_self(int dirfd, struct ents *d, struct ent *out, struct err *e)
{
	struct scan *s = scan_begin(dirfd, 0, d, e);
	int err;

	*out = (struct ent){.name = ents_dup(d, ".", 1)};
	snprintf(s->path, sizeof(s->path), "/proc/self/fd/%d/.", dirfd);
	err = fstat(dirfd, &out->st) ? -errno : read_ent(s, out);
	if (err)
		err = bad(s, "the root", err, "cannot read its record");
	scan_end(s);
	return err;
}
