/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and closing a layer. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include "core/layer/rename.h"
#include "core/layer/seal.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DIRS_MAX 512

static int open_lowers(struct layer *l, const struct layer_config *c, struct err *e)
{
	if (c->nlower > LAYER_LOWER_MAX)
		return err_set(e, -EINVAL, "layer: more than %d lower layers", LAYER_LOWER_MAX);
	for (size_t i = 0; i < c->nlower; i++) {
		struct lower *lw = &l->lower[i];
		lw->path = realpath(c->lower[i].path, NULL);
		lw->fd = lw->path ? open(lw->path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		l->nlower++;
		if (lw->fd < 0)
			return err_sys(e, "lower layer %s: cannot open", c->lower[i].path);
		lw->virtual = c->lower[i].virtual;
		lw->guarded = c->lower[i].guarded && c->authority;
	}
	return 0;
}

static bool kept_in_work(const char *name)
{
	return !strcmp(name, "index") || !strcmp(name, "devices") || !strcmp(name, "whiteout") ||
	       !strcmp(name, "usage");
}

/* Removes what a crash left in work/, after the note of a rename in flight was carried out. */
static int work_clean(struct layer *l, struct err *e)
{
	int fd = openat(l->work, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int err = 0;

	if (!d) {
		fd_close(&fd);
		return err_sys(e, "work directory: cannot list");
	}
	while (!err && (de = readdir(d)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, "..") &&
		    !kept_in_work(de->d_name))
			err = dir_remove_tree(l->work, de->d_name);
	closedir(d);
	return err ? err_set(e, err, "work directory: cannot clean: %s", strerror(-err)) : 0;
}

static int index_open(struct layer *l, struct err *e)
{
	DIR *d;
	struct dirent *de;
	int fd;

	if (!l->readonly && mkdirat(l->work, "index", 0700) < 0 && errno != EEXIST)
		return err_sys(e, "work/index: cannot make");
	l->index = openat(l->work, "index", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->index < 0)
		return l->readonly && errno == ENOENT ? 0 : err_sys(e, "work/index: cannot open");
	fd = openat(l->index, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		fd_close(&fd);
		return err_sys(e, "work/index: cannot list");
	}
	while ((de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		l->indexed++;
		if (!l->readonly)
			index_settle(l, de->d_name);
	}
	closedir(d);
	return 0;
}

/* A new upper's root looks as the topmost lower's. */
static int root_adopt(struct layer *l, struct err *e)
{
	struct node *n = node_at(l, ROOT);
	struct record r = {0};
	struct stat st, low;
	int err;

	if (fstat(l->upper, &st) < 0)
		return err_sys(e, "upper layer: cannot stat");
	err = record_read(l->upper, st.st_mode, &r);
	if (err)
		return err_set(e, err, "upper layer: its root carries no valid user.gaol: %s",
			       strerror(-err));
	if (record_is_default(&r) && l->nlower && !l->readonly && !l->lower[0].virtual &&
	    fstat(l->lower[0].fd, &low) == 0) {
		r.mode = low.st_mode;
		r.uid = low.st_uid;
		r.gid = low.st_gid;
		err = record_write(l->upper, &r, false);
		if (err)
			return err_set(e, err,
				       "upper layer: cannot write attributes: %s: use a file "
				       "system with user extended attributes (ext4, xfs, btrfs)",
				       strerror(-err));
	}
	n->flags |= NODE_UPPER;
	n->upper_ino = st.st_ino;
	node_record_set(n, &r);
	return 0;
}

static int open_upper(struct layer *l, const struct layer_config *c, struct err *e)
{
	int err = 0;

	if (!c->upper)
		return 0;
	l->upper = open(c->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->upper < 0)
		return err_sys(e, "upper layer %s: cannot open", c->upper);
	if (c->work) {
		l->work = open(c->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (l->work < 0)
			return err_sys(e, "work directory %s: cannot open", c->work);
	} else if (!l->readonly) {
		return err_set(e, -EINVAL, "upper layer %s: no work directory given", c->upper);
	}
	if (!l->readonly && flock(l->work, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, -EBUSY, "work directory %s: used by another gaol: stop it first",
			       c->work);
	err = quota_open(l, c);
	if (err)
		return err_set(e, err, "work/usage: cannot be removed: %s", strerror(-err));
	if (!l->readonly)
		err = rename_recover(l, e);
	if (!err && !l->readonly)
		err = work_clean(l, e);
	if (!err && l->work >= 0)
		err = index_open(l, e);
	return err ? err : root_adopt(l, e);
}

int layer_open(struct layer **out, const struct layer_config *c, struct err *e)
{
	struct layer *l = xcalloc(1, sizeof(*l));
	struct rlimit rl = {.rlim_cur = 1024};
	struct timespec ts;
	rlim_t cap;
	int err;

	l->upper = l->work = l->index = l->tags_fd = -1;
	for (int i = 0; i < LAYER_LOWER_MAX; i++)
		l->lower[i].fd = -1;
	l->readonly = c->readonly || !c->upper;
	l->events_read = c->events_read;
	l->authority = c->authority;
	l->on_event = c->on_event;
	l->event_user = c->event_user;
	l->switch_ids = geteuid() == 0;
	layer_set_touched(l, c->touched);
	clock_gettime(CLOCK_REALTIME, &ts);
	l->born = (int64_t)ts.tv_sec * 1000000000;
	/* a third of the descriptors for directories, a ninth for nameless inodes, the rest free */
	getrlimit(RLIMIT_NOFILE, &rl);
	cap = rl.rlim_cur / 3 / (2 + c->nlower);
	dirs_init(l, cap > DIRS_MAX ? DIRS_MAX : cap < 16 ? 16 : (uint32_t)cap);
	cap = rl.rlim_cur / 9;
	l->orphan_cap = cap > ORPHANS_MAX ? ORPHANS_MAX : cap < 16 ? 16 : (uint32_t)cap;
	l->orphan = xcalloc(l->orphan_cap, sizeof(*l->orphan));
	table_init(l);
	node_at(l, ROOT)->mode = S_IFDIR | 0755;
	err = open_lowers(l, c, e);
	if (!err)
		err = open_upper(l, c, e);
	if (!err)
		err = mounts_open(l, c->empty, e);
	if (err) {
		layer_close(l);
		return err;
	}
	*out = l;
	return 0;
}

void layer_close(struct layer *l)
{
	if (!l)
		return;
	layer_unseal(l);
	while (layer_seal_sweep(l, UINT_MAX))
		;
	for (uint32_t i = 1; i < l->handle_cap; i++)
		if (l->handle[i] && l->handle[i]->node)
			handle_free(l, i);
	dirs_free(l);
	for (uint32_t i = 0; i < l->orphan_cap; i++)
		if (l->orphan[i].node) {
			quota_closed(l, l->orphan[i].fd);
			close(l->orphan[i].fd);
		}
	quota_close(l);
	table_free(l);
	for (uint32_t i = 0; i < l->handle_cap; i++)
		free(l->handle[i]);
	free(l->handle);
	free(l->orphan);
	mounts_close(l);
	for (int i = 0; i < l->nlower; i++) {
		fd_close(&l->lower[i].fd);
		free(l->lower[i].path);
	}
	fd_close(&l->index);
	fd_close(&l->work);
	fd_close(&l->upper);
	free(l);
}

void layer_counts(const struct layer *l, size_t *nodes, size_t *handles, size_t *dirs)
{
	*nodes = l->nnodes - 1; /* without the slot that means "none" */
	*handles = l->nhandles;
	*dirs = l->ndirs;
}

int layer_statfs(struct layer *l, struct statvfs *st)
{
	int fd = l->upper >= 0 ? l->upper : l->nlower ? l->lower[0].fd : -1;

	if (fd < 0)
		return -ENOSYS;
	if (fstatvfs(fd, st) < 0)
		return -errno;
	st->f_namemax = NAME_MAX;
	quota_statfs(l, st);
	return 0;
}

int layer_syncfs(struct layer *l)
{
	return l->upper >= 0 && syncfs(l->upper) < 0 ? -errno : 0;
}
