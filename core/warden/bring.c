/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries from outside into the layer, as core/bring.h has them; content goes in slices. */
#include "core/fd.h"
#include "core/repo/name.h"
#include "core/warden/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SLICE (1u << 20)
#define BRINGS_MAX 16
#define XATTRS_MAX 1024
#define TEMP_NAME ".gaol-bring"

struct bringing {
	struct bringing *next;
	struct warden *warden;
	struct call call;
	json_t *args;
	struct layer_entry dir; /* where the entry is to be */
	char *name;		/* its name there */
	struct stat want;
	/* of a regular file, while its content comes: */
	int fd;
	uint64_t node, fh;
	off_t off;
	struct loop_timer *turn;
	unsigned char *slice;
};

static const struct layer_cred root_cred = {0};

static char *text_of(const json_t *args, const char *key)
{
	const char *s = json_string_value(json_object_get(args, key));
	char *copy = s ? xstrdup(s) : NULL;
	long n = copy ? percent_decode(copy, strlen(copy)) : -1;

	if (n < 0 || memchr(copy, '\0', (size_t)n)) {
		free(copy);
		return NULL;
	}
	copy[n] = '\0';
	return copy;
}

static json_int_t number(const json_t *args, const char *key)
{
	return json_integer_value(json_object_get(args, key));
}

static void bringing_free(struct bringing *b)
{
	struct warden *w = b->warden;

	for (struct bringing **at = &w->brings; *at; at = &(*at)->next)
		if (*at == b) {
			*at = b->next;
			break;
		}
	loop_timer_del(b->turn);
	if (b->fh)
		layer_release(w->layer, b->fh);
	if (b->node)
		layer_forget(w->layer, b->node, 1);
	if (b->dir.node)
		layer_forget(w->layer, b->dir.node, 1);
	fd_close(&b->fd);
	json_decref(b->args);
	free(b->name);
	free(b->slice);
	free(b);
}

static void bringing_end(struct bringing *b, int ret)
{
	const char *path = json_string_value(json_object_get(b->args, "path"));

	if (ret)
		answer_error(b->warden, b->call, -ret, "%s: %s", path ? path : "", strerror(-ret));
	else
		answer(b->warden, b->call, json_object());
	bringing_free(b);
}

void bring_abort_all(struct warden *w)
{
	while (w->brings)
		bringing_end(w->brings, -ECANCELED);
}

/* The directory that path lies in, and the last name. */
static int walk_parent(struct layer *l, const char *path, struct layer_entry *dir, char **name)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!slash || path[0] != '/' || strlen(path) >= PATH_MAX || !slash[1])
		return -EINVAL;
	if (!strcmp(slash + 1, ".") || !strcmp(slash + 1, ".."))
		return -EINVAL;
	char *parent = slash == path ? xstrdup("/") : xasprintf("%.*s", (int)(slash - path), path);
	int ret = layer_walk(l, parent, dir);
	free(parent);
	if (!ret)
		*name = xstrdup(slash + 1);
	return ret;
}

static int drop_xattrs(struct layer *l, uint64_t node, const json_t *keep)
{
	ssize_t n = layer_listxattr(l, node, NULL, 0);
	char *list = n > 0 ? xmalloc((size_t)n) : NULL;
	int ret = 0;

	n = n > 0 ? layer_listxattr(l, node, list, (size_t)n) : 0;
	for (char *s = list; n > 0 && !ret && s < list + n; s += strlen(s) + 1) {
		struct buf b = {0};
		percent_add(&b, s, strlen(s), true);
		if (!json_object_get(keep, buf_cstr(&b)))
			ret = layer_removexattr(l, node, s, &root_cred);
		buf_free(&b);
	}
	free(list);
	return ret == -ENODATA ? 0 : ret;
}

static int set_xattrs(struct layer *l, uint64_t node, json_t *args)
{
	json_t *all = json_object_get(args, "xattrs"), *v;
	const char *key;
	int ret = drop_xattrs(l, node, all);

	if (json_object_size(all) > XATTRS_MAX)
		return -E2BIG;
	json_object_foreach(all, key, v)
	{
		char *name = xstrdup(key);
		char *value = json_is_string(v) ? xstrdup(json_string_value(v)) : NULL;
		long k = percent_decode(name, strlen(name));
		long n = value ? percent_decode(value, strlen(value)) : -1;
		if (k <= 0 || k > XATTR_NAME_MAX || memchr(name, '\0', (size_t)k) || n < 0)
			ret = -EINVAL;
		if (!ret) {
			name[k] = '\0';
			ret = layer_setxattr(l, node, name, value, (size_t)n, 0, &root_cred);
		}
		free(name);
		free(value);
	}
	return ret;
}

/* Owner first: a change of it would clear set-id bits and capabilities. */
static int set_all(struct bringing *b, uint64_t node, uint64_t fh)
{
	struct layer *l = b->warden->layer;
	bool link = S_ISLNK(b->want.st_mode);
	struct stat st;
	int ret =
	    layer_setattr(l, node, fh, LAYER_SET_UID | LAYER_SET_GID, &b->want, &root_cred, &st);

	if (!ret)
		ret = set_xattrs(l, node, b->args);
	if (!ret)
		ret = layer_setattr(l, node, fh,
				    (link ? 0 : LAYER_SET_MODE) | LAYER_SET_MTIME | LAYER_SET_ATIME,
				    &b->want, &root_cred, &st);
	return ret;
}

/* What has the temporary name takes the place of whatever has the right one. */
static int put_in_place(struct bringing *b)
{
	struct layer *l = b->warden->layer;
	int ret = layer_rename(l, b->dir.node, TEMP_NAME, b->dir.node, b->name, 0, &root_cred);

	if (ret == -EISDIR)
		ret = layer_rmdir(l, b->dir.node, b->name, &root_cred);
	else
		return ret;
	return ret ? ret
		   : layer_rename(l, b->dir.node, TEMP_NAME, b->dir.node, b->name, 0, &root_cred);
}

/* Away with what an interrupted call left. */
static void clear_temp(struct bringing *b)
{
	layer_unlink(b->warden->layer, b->dir.node, TEMP_NAME, &root_cred);
}

static int make_dir(struct bringing *b)
{
	struct layer *l = b->warden->layer;
	struct layer_entry entry;
	int ret = layer_lookup(l, b->dir.node, b->name, &root_cred, &entry);

	if (!ret && !S_ISDIR(entry.st.st_mode)) {
		layer_forget(l, entry.node, 1);
		ret = layer_unlink(l, b->dir.node, b->name, &root_cred);
		ret = ret ? ret : -ENOENT;
	}
	if (ret == -ENOENT)
		ret = layer_mkdir(l, b->dir.node, b->name, b->want.st_mode & 07777, &root_cred,
				  &entry);
	if (ret)
		return ret;
	b->node = entry.node;
	return set_all(b, b->node, 0);
}

static int make_special(struct bringing *b)
{
	struct layer *l = b->warden->layer;
	struct layer_entry entry;
	char *target = S_ISLNK(b->want.st_mode) ? text_of(b->args, "target") : NULL;
	int ret;

	clear_temp(b);
	if (S_ISLNK(b->want.st_mode))
		ret = target && *target
			  ? layer_symlink(l, target, b->dir.node, TEMP_NAME, &root_cred, &entry)
			  : -EINVAL;
	else
		ret = layer_mknod(l, b->dir.node, TEMP_NAME, b->want.st_mode, b->want.st_rdev,
				  &root_cred, &entry);
	free(target);
	if (ret)
		return ret;
	b->node = entry.node;
	ret = set_all(b, b->node, 0);
	if (!ret)
		ret = put_in_place(b);
	if (ret)
		clear_temp(b);
	return ret;
}

static int finish_file(struct bringing *b)
{
	struct layer *l = b->warden->layer;
	struct layer_entry entry;
	struct stat st = {.st_size = lseek(b->fd, 0, SEEK_END)};
	int ret = layer_setattr(l, b->node, b->fh, LAYER_SET_SIZE, &st, &root_cred, &st);

	if (!ret)
		ret = set_all(b, b->node, b->fh);
	if (!ret)
		ret = layer_fsync(l, b->fh, false);
	if (ret)
		return ret;
	clear_temp(b);
	ret = layer_link(l, b->node, b->dir.node, TEMP_NAME, &root_cred, &entry);
	if (ret)
		return ret;
	layer_forget(l, entry.node, 1);
	ret = put_in_place(b);
	if (ret)
		clear_temp(b);
	return ret;
}

static void file_turn(void *user)
{
	struct bringing *b = user;
	off_t data = lseek(b->fd, b->off, SEEK_DATA);

	if (data < 0 && errno == ENXIO) {
		bringing_end(b, finish_file(b));
		return;
	}
	if (data < 0)
		data = b->off;
	off_t hole = lseek(b->fd, data, SEEK_HOLE);
	size_t want = hole > data && hole - data < SLICE ? (size_t)(hole - data) : SLICE;
	ssize_t n = pread(b->fd, b->slice, want, data);
	if (n <= 0) {
		bringing_end(b, n < 0 ? -errno : finish_file(b));
		return;
	}
	struct iovec iov = {b->slice, (size_t)n};
	n = layer_writev(b->warden->layer, b->fh, &iov, 1, data, &root_cred);
	if (n <= 0) {
		bringing_end(b, n < 0 ? (int)n : -EIO);
		return;
	}
	b->off = data + n;
	loop_timer_arm(b->turn, 0);
}

/* Begins a file; file_turn goes on. */
static int make_file(struct bringing *b)
{
	struct layer_entry entry;
	struct stat st;

	if (b->fd < 0 || fstat(b->fd, &st) || !S_ISREG(st.st_mode))
		return -EBADF;
	int ret = layer_tmpfile(b->warden->layer, b->dir.node, S_IFREG | 0600, O_RDWR, &root_cred,
				&entry, &b->fh);
	if (ret)
		return ret;
	b->node = entry.node;
	b->slice = xmalloc(SLICE);
	b->turn = loop_timer_add(b->warden->loop, 0, file_turn, b);
	return 0;
}

static bool do_make(struct bringing *b, int *ret)
{
	if (S_ISREG(b->want.st_mode))
		*ret = make_file(b);
	else if (S_ISDIR(b->want.st_mode))
		*ret = make_dir(b);
	else
		*ret = make_special(b);
	return !*ret && b->turn;
}

static int lookup(struct bringing *b)
{
	struct layer_entry entry;
	int ret = layer_lookup(b->warden->layer, b->dir.node, b->name, &root_cred, &entry);

	if (!ret)
		b->node = entry.node;
	return ret;
}

static int do_attr(struct bringing *b)
{
	int ret = lookup(b);

	return ret ? ret : set_all(b, b->node, 0);
}

static int do_link(struct bringing *b)
{
	struct layer *l = b->warden->layer;
	char *to = text_of(b->args, "to");
	struct layer_entry from, entry;
	int ret = to ? layer_walk(l, to, &from) : -EINVAL;

	free(to);
	if (ret)
		return ret;
	b->node = from.node;
	clear_temp(b);
	ret = layer_link(l, from.node, b->dir.node, TEMP_NAME, &root_cred, &entry);
	if (ret)
		return ret;
	layer_forget(l, entry.node, 1);
	ret = put_in_place(b);
	/* rename(2): two names of one file both stay */
	clear_temp(b);
	return ret;
}

static int do_remove(struct bringing *b)
{
	struct layer *l = b->warden->layer;
	int ret = layer_unlink(l, b->dir.node, b->name, &root_cred);

	if (ret == -EISDIR || ret == -EPERM)
		ret = layer_rmdir(l, b->dir.node, b->name, &root_cred);
	return ret == -ENOENT ? 0 : ret;
}

static void wanted(const json_t *args, struct stat *st)
{
	st->st_mode = (mode_t)number(args, "mode") & (S_IFMT | 07777);
	st->st_uid = (uid_t)number(args, "uid");
	st->st_gid = (gid_t)number(args, "gid");
	st->st_rdev = (dev_t)number(args, "rdev");
	st->st_mtim.tv_sec = number(args, "sec");
	json_int_t nsec = number(args, "nsec");
	st->st_mtim.tv_nsec = nsec >= 0 && nsec < 1000000000 ? (long)nsec : 0;
	st->st_atim = st->st_mtim;
}

/* True: the call goes on in turns of the loop. */
static bool carry_out(struct bringing *b, const char *word, int *ret)
{
	if (!strcmp(word, "make"))
		return do_make(b, ret);
	if (!strcmp(word, "attr"))
		*ret = do_attr(b);
	else if (!strcmp(word, "link"))
		*ret = do_link(b);
	else if (!strcmp(word, "remove"))
		*ret = do_remove(b);
	else
		*ret = -ENOSYS;
	return false;
}

/* The root itself has attributes alone. */
static int bring_root(struct bringing *b, const char *word)
{
	if (strcmp(word, "attr") && (strcmp(word, "make") || !S_ISDIR(b->want.st_mode)))
		return -EINVAL;
	return set_all(b, LAYER_ROOT, 0);
}

static void answer_open(struct warden *w, struct call c, const char *path)
{
	struct layer_entry entry;
	bool open = false;

	if (path && !layer_walk(w->layer, path, &entry)) {
		open = layer_is_open(w->layer, entry.node);
		layer_forget(w->layer, entry.node, 1);
	}
	answer(w, c, json_pack("{s:b}", "open", open));
}

void bring_start(struct warden *w, struct call c, const json_t *args, int fd)
{
	const char *word = json_string_value(json_object_get(args, "do"));
	char *path = text_of(args, "path");
	struct bringing *b = NULL;
	struct err e;
	int count = 0, ret;

	for (b = w->brings; b; b = b->next)
		count++;
	ret = !word || count >= BRINGS_MAX ? -EINVAL : layers_open(w, &e);
	if (ret || !strcmp(word, "done") || !strcmp(word, "open")) {
		fd_close(&fd);
		if (ret)
			answer_error(w, c, -ret, "the layer: %s", strerror(-ret));
		else if (!strcmp(word, "open"))
			answer_open(w, c, path);
		else
			answer(w, c, json_object());
		if (!ret && word[0] == 'd') {
			w->st.moves++;
			warden_announce(w);
		}
		/* The guest caches names and data; it is the only other writer. */
		if (!ret && word[0] == 'd' && w->chan && chan_is_ready(w->chan))
			chan_drop_caches(w->chan);
		free(path);
		return;
	}
	b = xcalloc(1, sizeof(*b));
	*b = (struct bringing){.warden = w,
			       .call = c,
			       .args = json_incref((json_t *)(uintptr_t)args),
			       .fd = fd,
			       .next = w->brings};
	w->brings = b;
	wanted(args, &b->want);
	bool goes_on = false;
	if (path && !strcmp(path, "/"))
		ret = bring_root(b, word);
	else
		ret = walk_parent(w->layer, path, &b->dir, &b->name);
	if (!ret && b->name)
		goes_on = carry_out(b, word, &ret);
	free(path);
	if (!goes_on)
		bringing_end(b, ret);
}
