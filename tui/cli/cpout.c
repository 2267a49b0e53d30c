/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/fd.h"
#include "core/text.h"
#include "tui/cli/cp.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 1000

struct names {
	char **v;
	struct stat *st;
	size_t n;
};

static bool take_name(void *user, const char *name, const struct stat *st)
{
	struct names *l = user;

	l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->st = xrealloc(l->st, (l->n + 1) * sizeof(*l->st));
	l->v[l->n] = xstrdup(name);
	l->st[l->n++] = *st;
	return true;
}

static void names_free(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	free(l->st);
}

static void skip(struct cp *cp, const char *path, const char *why)
{
	char *t = text_escaped(path), *w = text_escaped(why);

	fprintf(stderr, "gaol: cp: %s: %s: skipped\n", t, w);
	free(t);
	free(w);
	cp->skipped++;
}

static int side_failed(struct side *s, const char *path, int ret, struct err *e)
{
	return err_set(e, ret, "%s: %s", path, ret == -EPROTO ? side_error(s) : strerror(-ret));
}

static void set_times(int dirfd, const char *name, const struct stat *st)
{
	struct timespec t[2] = {st->st_mtim, st->st_mtim};

	/* A file system may not have it; the copy is right without. */
	if (utimensat(dirfd, name, t, AT_SYMLINK_NOFOLLOW))
		errno = 0;
}

/* Into a temporary name and renamed, so that a name is the old file or the whole new one. */
static int copy_file(struct side *s, const char *path, const struct stat *st, int dirfd,
		     const char *name, struct err *e)
{
	char *tmp = xasprintf(".gaol-cp.%d", (int)getpid());
	cleanup_fd int fd =
	    openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat old;
	mode_t mask = umask(0);
	int ret;

	umask(mask);
	if (fd < 0)
		ret = err_sys(e, "%s: cannot be written", name);
	else if (!fstatat(dirfd, name, &old, AT_SYMLINK_NOFOLLOW) && !S_ISREG(old.st_mode))
		ret =
		    err_set(e, -EEXIST, "%s: is there and no regular file: remove it first", name);
	else
		ret = side_cat(s, path, fd, true, NULL);
	if (ret && ret != -EEXIST && fd >= 0)
		side_failed(s, path, ret, e);
	/* Set-id bits stay in the jail: here they would mean another user. */
	if (!ret && fchmod(fd, st->st_mode & 0777 & ~mask))
		ret = err_sys(e, "%s", name);
	if (!ret)
		set_times(dirfd, tmp, st);
	if (!ret && renameat(dirfd, tmp, dirfd, name))
		ret = err_sys(e, "%s", name);
	if (ret && fd >= 0)
		unlinkat(dirfd, tmp, 0);
	free(tmp);
	return ret;
}

bool cp_link_stays(const char *target, unsigned depth)
{
	bool named = false;

	if (target[0] == '/' || !target[0])
		return false;
	for (const char *p = target; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !strncmp(p, "..", 2)) {
			/* Behind a name, "..", is the parent of what that name leads to. */
			if (named || !depth)
				return false;
			depth--;
		} else if (n && !(n == 1 && *p == '.')) {
			named = true;
		}
		p += n + (p[n] == '/');
	}
	return true;
}

static int copy_link(struct cp *cp, struct side *s, const char *path, int dirfd, const char *name,
		     unsigned depth, struct err *e)
{
	struct buf target = {0};

	int ret = side_readlink(s, path, &target);
	if (ret) {
		side_failed(s, path, ret, e);
	} else if (!cp_link_stays(buf_cstr(&target), depth)) {
		struct buf why = {0};
		buf_fmt(&why, "a link to %s, outside of the copy", buf_cstr(&target));
		skip(cp, path, buf_cstr(&why));
		buf_free(&why);
	} else if (symlinkat(buf_cstr(&target), dirfd, name)) {
		ret = err_sys(e, "%s: cannot be made", name);
	}
	buf_free(&target);
	return ret;
}

static int copy_entry(struct cp *cp, struct side *s, const char *path, const struct stat *st,
		      int dirfd, const char *name, unsigned depth, struct err *e);

static int copy_children(struct cp *cp, struct side *s, const char *path, int fd, unsigned depth,
			 struct err *e)
{
	struct names l = {0};

	int ret = side_list(s, path, take_name, &l);
	if (ret)
		side_failed(s, path, ret, e);
	for (size_t i = 0; !ret && i < l.n; i++) {
		char *child = xasprintf("%s/%s", path[1] ? path : "", l.v[i]);

		ret = copy_entry(cp, s, child, &l.st[i], fd, l.v[i], depth + 1, e);
		free(child);
	}
	names_free(&l);
	return ret;
}

static int copy_dir(struct cp *cp, struct side *s, const char *path, const struct stat *st,
		    int dirfd, const char *name, unsigned depth, struct err *e)
{
	mode_t mask = umask(0);

	umask(mask);
	if (depth > DEPTH_MAX)
		return err_set(e, -ELOOP, "%s: deeper than %d directories", path, DEPTH_MAX);
	if (mkdirat(dirfd, name, 0700) && errno != EEXIST)
		return err_sys(e, "%s: cannot be made", name);
	cleanup_fd int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s: is there and no directory", name);
	int ret = copy_children(cp, s, path, fd, depth, e);
	if (!ret && fchmod(fd, st->st_mode & 0777 & ~mask))
		ret = err_sys(e, "%s", name);
	if (!ret)
		set_times(dirfd, name, st);
	return ret;
}

static int copy_entry(struct cp *cp, struct side *s, const char *path, const struct stat *st,
		      int dirfd, const char *name, unsigned depth, struct err *e)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(s, path, st, dirfd, name, e);
	case S_IFDIR:
		return copy_dir(cp, s, path, st, dirfd, name, depth, e);
	case S_IFLNK:
		/* depth counts from the entry named; what lies in it may climb to it, no higher. */
		return copy_link(cp, s, path, dirfd, name, depth ? depth - 1 : 0, e);
	default:
		skip(cp, path, "a device, fifo or socket");
		return 0;
	}
}

/* The last name of what was asked for, not of where a link of the guest's leads: it must not choose
 * what the copy is called on the host. */
static char *asked_name(const char *asked)
{
	size_t n = strlen(asked), from;

	while (n && asked[n - 1] == '/')
		n--;
	for (from = n; from && asked[from - 1] != '/';)
		from--;
	return n ? xasprintf("%.*s", (int)(n - from), asked + from) : xstrdup("root");
}

int cp_out(struct cp *cp, struct side *s, const char *path, const char *asked, const char *to,
	   struct err *e)
{
	struct stat st, host;
	char *dir = xstrdup(to), *name;

	int ret = side_stat(s, path, &st);
	if (ret) {
		free(dir);
		return side_failed(s, path, ret, e);
	}
	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	if (!stat(to, &host) && S_ISDIR(host.st_mode)) {
		name = asked_name(asked);
	} else {
		char *slash = strrchr(dir, '/');
		name = xstrdup(slash ? slash + 1 : dir);
		if (slash)
			slash[slash == dir] = '\0';
		else
			strcpy(dir, *dir ? "." : "");
	}
	cleanup_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		ret = err_sys(e, "%s", dir);
	else if (S_ISDIR(st.st_mode) && !cp->recursive)
		ret = err_set(e, -EISDIR, "%s: is a directory: gaol cp -r copies it", path);
	else if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		ret = err_set(e, -EINVAL, "%s: no name for the copy", to);
	else
		ret = copy_entry(cp, s, path, &st, fd, name, 0, e);
	free(name);
	free(dir);
	return ret;
}
