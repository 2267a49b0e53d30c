/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing refs. Not by libgit2: it takes a NAME.lock, which a kill leaves behind for good. We are
 * the only writer (repo.h), so a loose ref is replaced by one rename, from gaol/, where a left-over
 * temporary is no ref. Reading packed ones is libgit2's business.
 */
#include "core/fd.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REF_TEMP "tmp.ref"
#define REF_NAME_MAX 200

/* Makes the directories on the way to path (relative to dir). */
static int make_way(int dir, const char *path)
{
	char part[REF_NAME_MAX + 8];

	for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(s - path), path);
		if (mkdirat(dir, part, 0700) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int sync_parent(int dir, const char *path)
{
	char part[REF_NAME_MAX + 8];
	cleanup_fd int fd = -1;

	snprintf(part, sizeof(part), "%.*s", (int)(strrchr(path, '/') - path), path);
	fd = openat(dir, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) ? -errno : 0;
}

/* A reflog helps people, nothing depends on it: failure is passed over. */
static void log_append(struct repo *r, const char *name, const git_oid *old, const git_oid *oid,
		       const char *why)
{
	char path[REF_NAME_MAX + 8], from[GIT_OID_HEXSZ + 1], to[GIT_OID_HEXSZ + 1];
	cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), "logs/%s", name);
	if (make_way(r->dir, path))
		return;
	fd = openat(r->dir, path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		dprintf(fd, "%s %s gaol <gaol@localhost> %" PRId64 " +0000\t%s\n",
			git_oid_tostr(from, sizeof(from), old), git_oid_tostr(to, sizeof(to), oid),
			(int64_t)time(NULL), why);
}

static int replace(struct repo *r, const char *name, const git_oid *oid)
{
	char text[GIT_OID_HEXSZ + 2];
	int err = make_way(r->dir, name);

	git_oid_tostr(text, sizeof(text), oid);
	text[GIT_OID_HEXSZ] = '\n';
	if (!err)
		err = file_replace_at(r->gaol, REF_TEMP, text, GIT_OID_HEXSZ + 1, 0600, true);
	if (!err && renameat(r->gaol, REF_TEMP, r->dir, name))
		err = -errno;
	return err ? err : sync_parent(r->dir, name);
}

int ref_set(struct repo *r, const char *name, const git_oid *oid, const char *why, struct err *e)
{
	git_oid old = {{0}};
	int err;

	if (strlen(name) > REF_NAME_MAX)
		return err_set(e, -ENAMETOOLONG, "checkpoints: %s: too long a name", name);
	if (!git_reference_name_to_id(&old, r->git, name) && git_oid_equal(&old, oid))
		return 0;
	err = replace(r, name, oid);
	if (err)
		return err_set(e, err, "checkpoints: cannot set %s: %s", name, strerror(-err));
	log_append(r, name, &old, oid, why);
	return 0;
}

int ref_remove(struct repo *r, const char *name, struct err *e)
{
	char path[REF_NAME_MAX + 8];
	git_reference *packed = NULL;
	int err = 0;

	if (unlinkat(r->dir, name, 0) && errno != ENOENT)
		return err_sys(e, "checkpoints: cannot remove %s", name);
	snprintf(path, sizeof(path), "logs/%s", name);
	unlinkat(r->dir, path, 0);
	/* somebody's `git pack-refs` may have put it into packed-refs */
	if (!git_reference_lookup(&packed, r->git, name)) {
		git_reference_free(packed);
		err = git_reference_remove(r->git, name);
	}
	return err ? repo_git_err(e, -EIO, "checkpoints: cannot remove %s", name) : 0;
}
