/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/fork.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/inside.h"
#include "core/repo/log.h"
#include "core/repo/name.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGE "stage"
#define LINK_TRIES 20

static int make_dir(int at, const char *name, struct err *e)
{
	int fd = mkdirat(at, name, 0700)
		     ? -1
		     : openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "layer: cannot make %s", name) : fd;
}

static int build_all(struct build *b, int dirfd, const struct ents *d)
{
	int err = 0;

	for (size_t i = 0; i < d->n && !err; i++)
		err = build_ent(b, dirfd, d->v[i].name, &d->v[i]);
	return err;
}

static int build_index(struct build *b, const git_oid *tree)
{
	cleanup_fd int fd = make_dir(b->work, "index", b->e);
	struct ents d = {0};
	int err;

	if (fd < 0 || git_oid_is_zero(tree))
		return fd < 0 ? fd : 0;
	err = load_dir(b->r, tree, false, &d, NULL, NULL, b->e);
	if (!err)
		err = build_all(b, fd, &d);
	ents_free(&d);
	return err;
}

static int build_root(struct build *b, int upper, const git_oid *tree)
{
	struct ents d = {0};
	struct ent self;
	git_oid index;
	int err = load_dir(b->r, tree, true, &d, &self, &index, b->e);

	if (!err)
		err = build_index(b, &index);
	if (!err)
		err = build_all(b, upper, &d);
	if (!err)
		err = build_attrs(upper, ".", &self, b->e);
	ents_free(&d);
	return err;
}

/* work/devices from the trailers "Gaol-Device: TAG NAME", which commit.c wrote in their order. */
static int build_devices(struct repo *r, const git_oid *commit, int work, struct err *e)
{
	static const char key[] = "\nGaol-Device: ";
	git_commit *c = NULL;
	struct buf out = {0};
	int err = 0;

	if (git_commit_lookup(&c, r->git, commit))
		return repo_git_err(e, -ENOENT, "checkpoints: cannot read one");
	for (const char *s = git_commit_message(c); (s = strstr(s, key));) {
		s += strlen(key);
		s += strspn(s, "0123456789");
		s += *s == ' ';
		size_t n = strcspn(s, "\n");
		char *name = xasprintf("%.*s", (int)n, s);
		long len = percent_decode(name, n);
		if (len > 0 && !memchr(name, '\0', (size_t)len))
			buf_add(&out, name, (size_t)len + 1);
		else
			err = -EPROTO;
		free(name);
	}
	git_commit_free(c);
	if (!err && out.len)
		err = file_replace_at(work, "devices", out.p, out.len, 0600, false);
	buf_free(&out);
	return err ? err_set(e, err, "layer: cannot make work/devices: %s", strerror(-err)) : 0;
}

int fork_layer(struct repo *r, const char *hash, int dirfd, const struct repo_hooks *h,
	       uint64_t *entries, struct err *e)
{
	cleanup_fd int upper = -1, work = -1, stage = -1;
	struct build b = {.r = r, .stage = -1, .work = -1, .e = e};
	git_oid commit, tree;
	int err;

	git_odb_refresh(r->odb);
	err = git_oid_fromstr(&commit, hash) ? err_set(e, -EINVAL, "checkpoint %s: no hash", hash)
					     : load_commit_tree(r, hash, &tree, e);
	if (err)
		return err;
	upper = make_dir(dirfd, "upper", e);
	work = upper < 0 ? upper : make_dir(dirfd, "work", e);
	stage = work < 0 ? work : make_dir(dirfd, STAGE, e);
	if (stage < 0)
		return stage;
	b.stage = stage;
	b.work = work;
	pace_begin(&b.pace, h, "store", 0);
	err = build_root(&b, upper, &tree);
	if (!err)
		err = build_devices(r, &commit, work, e);
	if (entries)
		*entries = b.pace.done;
	if (dir_remove_tree(dirfd, STAGE) && !err)
		err = err_set(e, -EIO, "layer: cannot remove a temporary directory");
	return err;
}

static int copy_object(int from, int to, const char *name)
{
	cleanup_fd int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_fd int out =
	    in < 0 ? -1
		   : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	ssize_t n;

	if (out < 0)
		return -errno;
	while ((n = copy_file_range(in, NULL, out, NULL, 1u << 30, 0)) > 0)
		;
	return n < 0 || fsync(out) ? -errno : 0;
}

static int link_object(int from, int to, const char *name)
{
	if (!linkat(from, name, to, name, 0) || errno == EEXIST)
		return 0;
	return errno == EXDEV || errno == EMLINK || errno == EPERM ? copy_object(from, to, name)
								   : -errno;
}

static bool has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n > k && !strcmp(s + n - k, suffix);
}

/* Links what a directory of objects holds; a pack before its index, as readers look for those. */
static int link_files(int from, int to, const char *suffix)
{
	int own = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	int err = 0;

	if (!d) {
		fd_close(&own);
		return -errno;
	}
	for (struct dirent *de; !err && (de = readdir(d));)
		if (de->d_name[0] != '.' && (!suffix || has_suffix(de->d_name, suffix)))
			err = link_object(from, to, de->d_name);
	closedir(d);
	return err;
}

static int link_packs(int from, int to)
{
	cleanup_fd int a = openat(from, "pack", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_fd int b = openat(to, "pack", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = a < 0 || b < 0 ? -errno : link_files(a, b, ".pack");

	if (!err)
		err = link_files(a, b, ".idx");
	return !err && fsync(b) ? -errno : err;
}

/* Loose objects: gaol writes none, but somebody may have pushed to the repository. */
static int link_loose(int from, int to)
{
	char name[4];
	int err = 0;

	for (unsigned i = 0; i < 256 && !err; i++) {
		snprintf(name, sizeof(name), "%02x", i);
		cleanup_fd int a =
		    openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (a < 0)
			continue;
		if (mkdirat(to, name, 0700) && errno != EEXIST)
			return -errno;
		cleanup_fd int b =
		    openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		err = b < 0 ? -errno : link_files(a, b, NULL);
	}
	return err;
}

/* A prune may take packs away while they are linked, but only behind new ones: look again. */
static int link_objects(struct repo *r, struct repo *to, struct err *e)
{
	cleanup_fd int a =
	    openat(r->dir, "objects", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_fd int b =
	    openat(to->dir, "objects", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = a < 0 || b < 0 ? -errno : -ENOENT;

	for (int i = 0; err == -ENOENT && i < LINK_TRIES; i++) {
		err = link_packs(a, b);
		if (!err)
			err = link_loose(a, b);
	}
	if (!err && git_odb_refresh(to->odb))
		err = -EIO;
	return err ? err_set(e, err, "fork: cannot link the objects: %s", strerror(-err)) : 0;
}

struct tags {
	struct repo *to;
	const struct repo *from;
	git_oid tip;
	int err;
	struct err *e;
};

/* Tags of the line go with it: those on checkpoints that the tip comes from. */
static bool copy_tags(void *user, const struct checkpoint *c)
{
	struct tags *t = user;
	git_oid oid;
	int on_line;

	if (!c->tags[0] || git_oid_fromstr(&oid, c->hash))
		return true;
	on_line =
	    git_oid_equal(&oid, &t->tip) || git_graph_descendant_of(t->to->git, &t->tip, &oid) == 1;
	for (char **tag = c->tags; on_line && *tag && !t->err; tag++)
		t->err = log_tag(t->to, c, *tag, t->e);
	return !t->err;
}

int fork_repo(struct repo *r, const char *hash, int tojail, const struct repo_hooks *h,
	      struct err *e)
{
	struct repo *to = NULL;
	struct tags t = {.from = r, .e = e};
	int err = repo_create(tojail, e);

	if (!err)
		err = repo_open(&to, tojail, e);
	if (err)
		return err;
	t.to = to;
	err = link_objects(r, to, e);
	if (!err && git_oid_fromstr(&t.tip, hash))
		err = err_set(e, -EINVAL, "checkpoint %s: no hash", hash);
	if (!err)
		err = fork_layer(to, hash, tojail, h, NULL, e);
	if (!err)
		err = ref_set(to, REPO_MAIN, &t.tip, "fork", e);
	if (!err)
		err = log_each(r, copy_tags, &t, e);
	if (!err)
		err = t.err;
	if (!err && syncfs(to->gaol))
		err = err_sys(e, "fork: cannot sync");
	repo_close(to);
	return err;
}
