/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and making repositories; small things that all rooms use. */
#include "core/repo/repo.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const kinds[CKPT_KINDS] = {
    [CKPT_INITIAL] = "initial",	  [CKPT_HAND] = "hand", [CKPT_AUTO] = "auto",
    [CKPT_ROLLBACK] = "rollback", [CKPT_EXIT] = "exit",
};

const char *ckpt_kind_name(enum ckpt_kind k)
{
	return (unsigned)k < CKPT_KINDS ? kinds[k] : "?";
}

int ckpt_kind_parse(const char *s)
{
	for (int i = 0; i < CKPT_KINDS; i++)
		if (!strcmp(kinds[i], s))
			return i;
	return -1;
}

void checkpoint_free(struct checkpoint *c)
{
	for (char **t = c->tags; t && *t; t++)
		free(*t);
	free(c->tags);
	free(c->message);
	*c = (struct checkpoint){0};
}

int repo_git_err(struct err *e, int ret, const char *fmt, ...)
{
	const git_error *ge = git_error_last();
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(e, ret, "%s: %s", text, ge ? ge->message : "unknown reason");
}

/*
 * libgit2 reads every certificate of the system when it starts (8 ms), for connections that nobody
 * here makes. What it calls for that is found in the program first, by the rules of dynamic linking,
 * and has none; libgit2 goes on without. Where it is built with another TLS, nobody calls these.
 */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);
int mbedtls_x509_crt_parse_path(void *chain, const char *path);

int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
	(void)chain;
	(void)path;
	return -1;
}

int mbedtls_x509_crt_parse_path(void *chain, const char *path)
{
	return mbedtls_x509_crt_parse_file(chain, path);
}

/*
 * libgit2's own state is global: it is set up once for the process, and configuration of the user
 * and the system is put out of its reach before anything is opened.
 */
static void library_setup(void)
{
	git_libgit2_init();
	for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
	git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	/* our readers check what they read; hashing each object again costs a third of a diff */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
}

void repo_warm(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, library_setup);
}

static int open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_git(struct repo *r, struct err *e)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->dir);
	if (git_repository_open_ext(&r->git, path,
				    GIT_REPOSITORY_OPEN_NO_SEARCH | GIT_REPOSITORY_OPEN_BARE |
					GIT_REPOSITORY_OPEN_NO_DOTGIT,
				    NULL))
		return repo_git_err(e, -EIO, "checkpoints: cannot open");
	if (git_repository_odb(&r->odb, r->git))
		return repo_git_err(e, -EIO, "checkpoints: cannot open objects");
	git_repository_set_ident(r->git, "gaol", "gaol@localhost");
	return 0;
}

int repo_open(struct repo **out, int jailfd, struct err *e)
{
	struct repo *r = xcalloc(1, sizeof(*r));
	int err = 0;

	repo_warm();
	r->jail = fcntl(jailfd, F_DUPFD_CLOEXEC, 3);
	r->dir = r->jail < 0 ? -errno : open_dir(r->jail, REPO_DIR);
	r->gaol = r->dir < 0 ? r->dir : open_dir(r->dir, REPO_GAOL);
	r->upper = r->jail < 0 ? -1 : open_dir(r->jail, "upper");
	r->work = r->jail < 0 ? -1 : open_dir(r->jail, "work");
	if (r->gaol < 0)
		err = err_set(e, r->gaol, "checkpoints: %s", strerror(-r->gaol));
	if (!err)
		err = open_git(r, e);
	if (err) {
		repo_close(r);
		return err;
	}
	*out = r;
	return 0;
}

static void close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

void repo_close(struct repo *r)
{
	if (!r)
		return;
	git_odb_free(r->odb);
	git_repository_free(r->git);
	close_if(r->work);
	close_if(r->upper);
	close_if(r->gaol);
	close_if(r->dir);
	close_if(r->jail);
	free(r);
}

int repo_write_begin(struct repo *r, struct err *e)
{
	if (!r->writing && flock(r->gaol, LOCK_EX | LOCK_NB))
		return err_set(e, -EBUSY,
			       "checkpoints: another gaol is writing them: wait and try again");
	r->writing++;
	return 0;
}

void repo_write_end(struct repo *r)
{
	if (!--r->writing)
		flock(r->gaol, LOCK_UN);
}

int repo_index_fd(struct repo *r)
{
	return r->work < 0 ? -ENOENT : open_dir(r->work, "index");
}

/* No hooks, no template, no automatic gc under a worker's feet; a reflog, as bare ones lack it. */
static const char config[] = "[core]\n"
			     "\trepositoryformatversion = 0\n"
			     "\tfilemode = false\n"
			     "\tbare = true\n"
			     "\tlogAllRefUpdates = true\n"
			     "\thooksPath = /dev/null\n"
			     "\tfsync = all\n"
			     "[gc]\n"
			     "\tauto = 0\n"
			     "[receive]\n"
			     "\tdenyDeletes = true\n"
			     "\tdenyNonFastForwards = true\n"
			     "[gaol]\n"
			     "\tformat = 1\n";
static const char head[] = "ref: " REPO_MAIN "\n";
static const char description[] = "checkpoints of a jail (gaol); see gaol-format(7)\n";

static int fill(int dir)
{
	static const char *const dirs[] = {"objects",	 "objects/info", "objects/pack", "refs",
					   "refs/heads", "refs/tags",	 REPO_GAOL};
	int err = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (mkdirat(dir, dirs[i], 0700))
			return -errno;
	err = file_replace_at(dir, "config", config, strlen(config), 0600, true);
	if (!err)
		err = file_replace_at(dir, "description", description, strlen(description), 0600,
				      false);
	if (!err)
		err = file_replace_at(dir, "HEAD", head, strlen(head), 0600, true);
	return !err && fsync(dir) ? -errno : err;
}

int repo_create(int jailfd, struct err *e)
{
	static const char temp[] = REPO_DIR ".new";
	cleanup_fd int jail = openat(jailfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int dir = -1;
	struct stat st;
	int err = 0;

	if (jail < 0)
		return err_sys(e, "checkpoints: cannot open the jail's directory");
	if (!fstatat(jail, REPO_DIR, &st, AT_SYMLINK_NOFOLLOW))
		return err_set(e, -EEXIST, "checkpoints: there already");
	dir_remove_tree(jail, temp);
	if (mkdirat(jail, temp, 0700))
		return err_sys(e, "checkpoints: cannot make");
	dir = openat(jail, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	err = dir < 0 ? -errno : fill(dir);
	if (!err && renameat2(jail, temp, jail, REPO_DIR, RENAME_NOREPLACE))
		err = -errno;
	if (!err && fsync(jail))
		err = -errno;
	if (err)
		dir_remove_tree(jail, temp);
	return err ? err_set(e, err, "checkpoints: cannot make: %s", strerror(-err)) : 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void pace_begin(struct pace *p, const struct repo_hooks *h, const char *phase, uint64_t total)
{
	*p = (struct pace){.h = h, .phase = phase, .total = total, .told = now_ms()};
}

int pace_step(struct pace *p, uint64_t n)
{
	int64_t now;

	p->done += n;
	if (!p->h || !p->h->progress)
		return 0;
	now = now_ms();
	if (now - p->told < 100)
		return 0;
	p->told = now;
	return p->h->progress(p->h->user, p->phase, p->done, p->total) ? 0 : -ECANCELED;
}

int object_read(struct repo *r, const git_oid *oid, git_object_t type, size_t max, void **data,
		size_t *n)
{
	git_odb_object *o = NULL;
	int err;

	if (r->pack) {
		err = pack_read(r->pack, oid, type, max, data, n);
		if (err != -ENOENT)
			return err;
	}
	err = git_odb_read(&o, r->odb, oid);
	if (err)
		return err == GIT_ENOTFOUND ? -ENOENT : -EIO;
	*n = git_odb_object_size(o);
	if (git_odb_object_type(o) != type) {
		err = -EPROTO;
	} else if (*n > max) {
		err = -EFBIG;
	} else {
		*data = xmalloc(*n + 1);
		memcpy(*data, git_odb_object_data(o), *n);
		((char *)*data)[*n] = '\0';
	}
	git_odb_object_free(o);
	return err;
}

int object_blob_size(struct repo *r, const git_oid *oid, uint64_t *size)
{
	git_object_t type;
	size_t n;
	int err = git_odb_read_header(&n, &type, r->odb, oid);

	if (err)
		return err == GIT_ENOTFOUND ? -ENOENT : -EIO;
	*size = n;
	return type == GIT_OBJECT_BLOB ? 0 : -EPROTO;
}
