/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/buf.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/text.h"
#include "tui/cli/cp.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 1000

static int put(struct cp *cp, struct client *c, int fd, const char *from, const char *path,
	       struct err *e)
{
	struct stat st;
	json_t *p = json_string(path);

	if (!p)
		return err_set(e, -EILSEQ, "%s: not UTF-8, which is all that can be passed on",
			       path);
	if (fstat(fd, &st)) {
		json_decref(p);
		return err_sys(e, "%s", from);
	}
	bool dir = S_ISDIR(st.st_mode);
	json_t *args =
	    json_pack("{s:o, s:i, s:I, s:I, s:b}", "path", p, "mode", (int)(st.st_mode & 0777),
		      "uid", (json_int_t)cp->uid, "gid", (json_int_t)cp->gid, "dir", dir);
	return client_call(c, "put", args, dir ? -1 : fd, NULL, NULL, NULL, e);
}

static int put_tree(struct cp *cp, struct client *c, int fd, const char *from, const char *path,
		    unsigned depth, struct err *e);

/* One entry of a directory; links are followed, as the caller may read what they lead to. */
static int put_entry(struct cp *cp, struct client *c, int dirfd, const char *name, const char *from,
		     const char *path, unsigned depth, struct err *e)
{
	char *source = xasprintf("%s/%s", from, name), *target = xasprintf("%s/%s", path, name);
	cleanup_fd int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int ret = 0;

	if (fd < 0 || fstat(fd, &st)) {
		ret = err_sys(e, "%s", source);
	} else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		ret = put_tree(cp, c, fd, source, target, depth + 1, e);
	} else {
		char *t = text_escaped(source);
		fprintf(stderr, "gaol: cp: %s: no file or directory: skipped\n", t);
		free(t);
		cp->skipped++;
	}
	free(source);
	free(target);
	return ret;
}

static int put_tree(struct cp *cp, struct client *c, int fd, const char *from, const char *path,
		    unsigned depth, struct err *e)
{
	struct stat st;

	if (depth > DEPTH_MAX)
		return err_set(e, -ELOOP, "%s: deeper than %d directories: does a link lead back?",
			       from, DEPTH_MAX);
	int ret = put(cp, c, fd, from, path, e);
	if (ret || fstat(fd, &st) || !S_ISDIR(st.st_mode))
		return ret;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	if (!d) {
		fd_close(&own);
		return err_sys(e, "%s", from);
	}
	for (struct dirent *de; !ret && (de = readdir(d)) != NULL;)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			ret = put_entry(cp, c, fd, de->d_name, from, path, depth, e);
	closedir(d);
	return ret;
}

int cp_in(struct cp *cp, struct client *c, const char *from, const char *path, struct err *e)
{
	cleanup_fd int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(e, "%s", from);
	if (S_ISDIR(st.st_mode) && !cp->recursive)
		return err_set(e, -EISDIR, "%s: is a directory: gaol cp -r copies it", from);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s: no regular file", from);
	return put_tree(cp, c, fd, from, path, 0, e);
}
