/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host file into the layer, in slices, so that a large one holds up nobody; or a directory. */
#include "core/fd.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLICE (1u << 20)
#define PUTS_MAX 16

struct put {
	struct put *next;
	struct warden *warden;
	struct call call;
	int fd;
	uint64_t node, fh;
	off_t off;
	struct loop_timer *turn;
	struct stat want; /* mode, owner and times to set at the end */
	unsigned char *slice;
};

static const struct layer_cred root_cred = {0};

static void put_free(struct put *t)
{
	struct warden *w = t->warden;

	for (struct put **at = &w->puts; *at; at = &(*at)->next) {
		if (*at != t)
			continue;
		*at = t->next;
		break;
	}
	loop_timer_del(t->turn);
	if (t->fh)
		layer_release(w->layer, t->fh);
	if (t->node)
		layer_forget(w->layer, t->node, 1);
	fd_close(&t->fd);
	free(t->slice);
	free(t);
}

void put_abort_all(struct warden *w)
{
	/* Freed before it is told: a client that cannot be told may end the jail, and all puts. */
	while (w->puts) {
		struct call c = w->puts->call;
		put_free(w->puts);
		answer_error(w, c, ECANCELED, "cp: the jail ended: try again");
	}
}

static void put_done(struct put *t, int ret)
{
	struct warden *w = t->warden;
	struct stat st;

	if (!ret)
		ret = layer_setattr(w->layer, t->node, t->fh,
				    LAYER_SET_MODE | LAYER_SET_UID | LAYER_SET_GID |
					LAYER_SET_MTIME | LAYER_SET_ATIME,
				    &t->want, &root_cred, &st);
	if (!ret)
		ret = layer_fsync(w->layer, t->fh, false);
	/* The guest caches names and data; it is the only other writer. */
	if (w->chan && chan_is_ready(w->chan))
		chan_drop_caches(w->chan);
	struct call c = t->call;
	json_int_t bytes = (json_int_t)t->off;
	put_free(t);
	if (ret)
		answer_error(w, c, -ret, "cp: %s: the file in the jail is not whole",
			     strerror(-ret));
	else
		answer(w, c, json_pack("{s:I}", "bytes", bytes));
}

static void put_turn(void *user)
{
	struct put *t = user;
	ssize_t n = pread(t->fd, t->slice, SLICE, t->off);
	struct iovec iov = {t->slice, n > 0 ? (size_t)n : 0};

	if (n <= 0) {
		put_done(t, n < 0 ? -errno : 0);
		return;
	}
	ssize_t done = layer_writev(t->warden->layer, t->fh, &iov, 1, t->off, &root_cred);
	if (done <= 0) {
		put_done(t, done < 0 ? (int)done : -EIO);
		return;
	}
	t->off += done;
	loop_timer_arm(t->turn, 0);
}

/* Looks up the directory that path lies in; *name is what remains. */
static int walk_parent(struct layer *l, const char *path, struct layer_entry *dir,
		       const char **name)
{
	const char *slash = strrchr(path, '/');

	if (path[0] != '/' || strlen(path) >= PATH_MAX || !slash[1])
		return -EINVAL;
	char *parent = slash == path ? xstrdup("/") : xasprintf("%.*s", (int)(slash - path), path);
	int ret = layer_walk(l, parent, dir);
	free(parent);
	*name = slash + 1;
	return ret;
}

/* The directory at path; one that is there already stays as it is. */
static int put_dir(struct warden *w, const char *path, const struct stat *want)
{
	struct layer *l = w->layer;
	struct layer_entry dir, entry;
	struct stat st;
	const char *name;

	int ret = walk_parent(l, path, &dir, &name);
	if (ret)
		return ret;
	ret = layer_mkdir(l, dir.node, name, want->st_mode & 07777, &root_cred, &entry);
	if (!ret)
		ret = layer_setattr(l, entry.node, 0, LAYER_SET_UID | LAYER_SET_GID, want,
				    &root_cred, &st);
	else if (ret == -EEXIST && !layer_lookup(l, dir.node, name, &root_cred, &entry))
		ret = S_ISDIR(entry.st.st_mode) ? 0 : -ENOTDIR;
	else
		entry.node = 0;
	if (entry.node)
		layer_forget(l, entry.node, 1);
	layer_forget(l, dir.node, 1);
	return ret;
}

/* The file at path, made or emptied; its parent must be there. */
static int put_open(struct put *t, const char *path, mode_t mode)
{
	struct layer *l = t->warden->layer;
	struct layer_entry dir, entry;
	const char *name;

	int ret = walk_parent(l, path, &dir, &name);
	if (ret)
		return ret;
	ret = layer_lookup(l, dir.node, name, &root_cred, &entry);
	if (!ret && !S_ISREG(entry.st.st_mode)) {
		layer_forget(l, entry.node, 1);
		ret = S_ISDIR(entry.st.st_mode) ? -EISDIR : -EEXIST;
	} else if (!ret) {
		ret = layer_open_file(l, entry.node, O_WRONLY | O_TRUNC, &root_cred, &t->fh);
		if (ret)
			layer_forget(l, entry.node, 1);
	} else if (ret == -ENOENT) {
		ret = layer_create(l, dir.node, name, S_IFREG | mode, O_WRONLY, &root_cred, &entry,
				   &t->fh);
	}
	layer_forget(l, dir.node, 1);
	if (!ret)
		t->node = entry.node;
	return ret;
}

static mode_t wanted(const json_t *args, struct stat *st)
{
	mode_t mode = (mode_t)json_integer_value(json_object_get(args, "mode")) & 07777;

	st->st_mode = (st->st_mode & S_IFMT) | mode;
	st->st_uid = (uid_t)json_integer_value(json_object_get(args, "uid"));
	st->st_gid = (gid_t)json_integer_value(json_object_get(args, "gid"));
	return mode;
}

static void start_dir(struct warden *w, struct call c, const char *path, const json_t *args)
{
	struct stat st = {.st_mode = S_IFDIR};
	struct err e;

	wanted(args, &st);
	int ret = path ? layers_open(w, &e) : -EINVAL;
	if (!ret)
		ret = put_dir(w, path, &st);
	if (!ret && w->chan && chan_is_ready(w->chan))
		chan_drop_caches(w->chan);
	if (ret)
		answer_error(w, c, -ret, "cp: %s: %s", path ? path : "", strerror(-ret));
	else
		answer(w, c, json_object());
}

void put_start(struct warden *w, struct call c, const json_t *args, int fd)
{
	const char *path = json_string_value(json_object_get(args, "path"));
	struct err e;
	struct stat st;
	int count = 0;

	if (json_is_true(json_object_get(args, "dir"))) {
		start_dir(w, c, path, args);
		fd_close(&fd);
		return;
	}
	for (struct put *t = w->puts; t; t = t->next)
		count++;
	if (!path || fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || count >= PUTS_MAX) {
		answer_error(w, c, EINVAL, "cp: not a regular file, no path, or too many at once");
		if (fd >= 0)
			close(fd);
		return;
	}
	struct put *t = xcalloc(1, sizeof(*t));
	*t = (struct put){.warden = w, .call = c, .fd = fd, .want = st, .next = w->puts};
	mode_t mode = wanted(args, &t->want);
	w->puts = t;
	int ret = layers_open(w, &e);
	if (!ret)
		ret = put_open(t, path, mode);
	if (ret) {
		put_free(t);
		answer_error(w, c, -ret, "cp: %s: %s", path, strerror(-ret));
		return;
	}
	t->slice = xmalloc(SLICE);
	t->turn = loop_timer_add(w->loop, 0, put_turn, t);
}
