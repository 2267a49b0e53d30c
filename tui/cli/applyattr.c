/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modes, owners and attributes that apply brings out. Of attributes those named user.* come: all
 * others (capabilities, access lists, labels) give rights on the host.
 */
#include "core/buf.h"
#include "core/fd.h"
#include "tui/cli/apply.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define VALUE_MAX 65536 /* XATTR_SIZE_MAX */
#define ACL "system.posix_acl_access"

struct attr {
	char *name;
	void *value;
	size_t len;
};
struct attrs {
	struct attr *v;
	size_t n;
};

bool applyattr_comes(const char *name)
{
	return !strncmp(name, "user.", 5);
}

unsigned applyattr_wanted(const struct diff_entry *d)
{
	unsigned all = DIFF_XATTR | DIFF_MODE | (geteuid() ? 0 : DIFF_UID | DIFF_GID);

	return d->what & (S_ISLNK(d->b.mode) ? all & (DIFF_UID | DIFF_GID) : all);
}

mode_t applyattr_mode(mode_t mode)
{
	mode_t mask = umask(0);

	umask(mask);
	return mode & 0777 & ~mask;
}

static bool keep(void *user, const char *name, const void *value, size_t n)
{
	struct attrs *l = user;

	if (!applyattr_comes(name))
		return true;
	l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n] = (struct attr){.name = xstrdup(name), .value = xmalloc(n + 1), .len = n};
	memcpy(l->v[l->n++].value, value, n);
	return true;
}

static void attrs_free(struct attrs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].value);
	}
	free(l->v);
	*l = (struct attrs){0};
}

/* Those of a side's entry; none when it has no such entry. */
static int attrs_of(struct side *s, const char *path, struct attrs *out)
{
	char *guest = xasprintf("/%s", path);
	int ret = side_xattrs(s, guest, keep, out);

	free(guest);
	return ret == -ENOENT || ret == -ENOTDIR ? 0 : ret;
}

static const struct attr *attrs_find(const struct attrs *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

/* Whether the host's entry has the value that x has; NULL: that it has none. */
static bool host_has(int fd, const char *name, const struct attr *x)
{
	char *value = xmalloc(VALUE_MAX);
	ssize_t n = fgetxattr(fd, name, value, VALUE_MAX);
	bool same = x ? n == (ssize_t)x->len && !memcmp(value, x->value, x->len) : n < 0;

	free(value);
	return same;
}

/* What of the jail's changes of attributes the host has: all, and no third value. */
static bool host_agrees(int fd, const struct attrs *was, const struct attrs *now, bool *equal)
{
	const struct attrs *both[] = {now, was};
	bool fine = true;

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < both[k]->n && fine; i++) {
			const char *name = both[k]->v[i].name;
			bool has = host_has(fd, name, attrs_find(now, name));
			*equal = *equal && has;
			fine = has || host_has(fd, name, attrs_find(was, name));
		}
	return fine;
}

static const char *attrs_conflict(struct apply *a, const char *path, bool *equal)
{
	cleanup_fd int fd = applyout_open(a, path);
	struct attrs was = {0}, now = {0};
	int ret = fd < 0 ? fd : attrs_of(a->base, path, &was);

	if (!ret)
		ret = attrs_of(a->from, path, &now);
	bool fine = ret || host_agrees(fd, &was, &now, equal);
	attrs_free(&was);
	attrs_free(&now);
	if (ret)
		return "conflict: its attributes cannot be read";
	return fine ? NULL : "conflict: the host has given it other attributes";
}

const char *applyattr_conflict(struct apply *a, const char *path, const struct diff_entry *d,
			       unsigned what, const struct stat *host, bool *equal)
{
	mode_t mode = host->st_mode & 07777;

	*equal = true;
	if (what & DIFF_MODE && mode != applyattr_mode(d->b.mode)) {
		*equal = false;
		if (mode != (d->a.mode & 07777))
			return "conflict: the host has given it another mode";
	}
	if ((what & DIFF_UID && host->st_uid != d->b.uid) ||
	    (what & DIFF_GID && host->st_gid != d->b.gid)) {
		*equal = false;
		if (host->st_uid != d->a.uid || host->st_gid != d->a.gid)
			return "conflict: the host has given it another owner";
	}
	return what & DIFF_XATTR ? attrs_conflict(a, path, equal) : NULL;
}

int applyattr_bring(struct apply *a, const char *path, int fd)
{
	struct attrs was = {0}, now = {0};
	int ret = attrs_of(a->base, path, &was);

	if (!ret)
		ret = attrs_of(a->from, path, &now);
	for (size_t i = 0; i < was.n && !ret; i++)
		if (!attrs_find(&now, was.v[i].name) && fremovexattr(fd, was.v[i].name) &&
		    errno != ENODATA)
			ret = -errno;
	for (size_t i = 0; i < now.n && !ret; i++)
		if (fsetxattr(fd, now.v[i].name, now.v[i].value, now.v[i].len, 0))
			ret = -errno;
	attrs_free(&was);
	attrs_free(&now);
	return ret;
}

int applyattr_keep(int from, int to)
{
	char *names = xmalloc(VALUE_MAX), *value = xmalloc(VALUE_MAX);
	ssize_t len = flistxattr(from, names, VALUE_MAX);
	int ret = 0;

	for (char *s = names; len > 0 && s < names + len && !ret; s += strlen(s) + 1) {
		ssize_t n = applyattr_comes(s) || !strcmp(s, ACL)
				? fgetxattr(from, s, value, VALUE_MAX)
				: -1;
		if (n >= 0 && fsetxattr(to, s, value, (size_t)n, 0))
			ret = -errno;
	}
	free(names);
	free(value);
	return ret;
}

int applyattr_owner(int fd, const struct stat *old, const struct diff_entry *d)
{
	uid_t uid = d->b.uid;
	gid_t gid = d->b.gid;

	if (geteuid())
		return 0;
	if (old && !(d->what & DIFF_UID && old->st_uid == d->a.uid))
		uid = old->st_uid;
	if (old && !(d->what & DIFF_GID && old->st_gid == d->a.gid))
		gid = old->st_gid;
	return fchown(fd, uid, gid) ? -errno : 0;
}

int applyattr_set(struct apply *a, const char *path, const struct diff_entry *d)
{
	unsigned what = applyattr_wanted(d);
	uid_t uid = what & DIFF_UID ? d->b.uid : (uid_t)-1;
	gid_t gid = what & DIFF_GID ? d->b.gid : (gid_t)-1;
	const char *name;

	if (S_ISLNK(d->b.mode)) {
		cleanup_fd int dir = applyout_parent(a, path, &name);
		return dir < 0 || fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
	}
	cleanup_fd int fd = applyout_open(a, path);
	/* the owner first: a change of it drops set-id bits, never a mode that was just set */
	if (fd < 0)
		return fd;
	if (what & (DIFF_UID | DIFF_GID) && fchown(fd, uid, gid))
		return -errno;
	if (what & DIFF_MODE && fchmod(fd, applyattr_mode(d->b.mode)))
		return -errno;
	return what & DIFF_XATTR ? applyattr_bring(a, path, fd) : 0;
}

static void hex(FILE *f, const struct attr *x)
{
	fputs("0x", f);
	for (size_t i = 0; i < x->len; i++)
		fprintf(f, "%02x", ((const unsigned char *)x->value)[i]);
}

/* A name of an attribute that stands in a script as it is. */
static bool is_word(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
	       strlen(s);
}

static int script_attrs(struct apply *a, const char *path, const char *quoted)
{
	struct attrs was = {0}, now = {0};
	int ret = attrs_of(a->base, path, &was);

	if (!ret)
		ret = attrs_of(a->from, path, &now);
	for (size_t i = 0; i < was.n && !ret; i++)
		if (!attrs_find(&now, was.v[i].name) && is_word(was.v[i].name))
			fprintf(a->f, "setfattr -h -x %s -- %s\n", was.v[i].name, quoted);
	for (size_t i = 0; i < now.n && !ret; i++) {
		const struct attr *w = attrs_find(&was, now.v[i].name);
		if (!is_word(now.v[i].name) ||
		    (w && w->len == now.v[i].len && !memcmp(w->value, now.v[i].value, w->len)))
			continue;
		fprintf(a->f, "setfattr -h -n %s -v ", now.v[i].name);
		hex(a->f, &now.v[i]);
		fprintf(a->f, " -- %s\n", quoted);
	}
	attrs_free(&was);
	attrs_free(&now);
	return ret;
}

int applyattr_script(struct apply *a, const char *path, const struct diff_entry *d,
		     const char *quoted)
{
	unsigned what = applyattr_wanted(d);

	if (what & (DIFF_UID | DIFF_GID))
		fprintf(a->f, "chown -h %u:%u -- %s\n", d->b.uid, d->b.gid, quoted);
	if (what & DIFF_MODE)
		fprintf(a->f, "chmod %o -- %s\n", d->b.mode & 0777, quoted);
	return what & DIFF_XATTR ? script_attrs(a, path, quoted) : 0;
}
