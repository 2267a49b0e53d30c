/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new jail's directory, made whole and renamed into place. */
#include "core/buf.h"
#include "core/conf.h"
#include "core/fd.h"
#include "core/jail.h"
#include "core/repo/fork.h"
#include "core/repo/log.h"
#include "core/repo/save.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NEW_PREFIX ".new-"
#define GONE_PREFIX ".gone-"
#define NEW_AGE 5 /* seconds */

static int first_checkpoint(int jailfd, struct err *e)
{
	const struct save_request q = {.kind = CKPT_INITIAL, .message = "the empty layer"};
	struct save_result done;
	struct repo *r;
	int ret = repo_create(jailfd, e);

	if (!ret)
		ret = repo_open(&r, jailfd, e);
	if (ret)
		return ret;
	ret = save(r, &q, &done, NULL, e);
	repo_close(r);
	return ret;
}

/* What goes into the temporary directory of a jail that is being made. */
struct making {
	struct jail_status st;
	const char *conf;
	size_t n;
	struct repo *from; /* a fork: the repository that "hash" is in; else NULL */
	const char *hash;
};

/* upper/ is the guest's root directory; its record is the default, root:root 0755. */
static int make_empty(int fd, const char *dir, struct err *e)
{
	static const char *const subdirs[] = {"upper", "work"};

	for (size_t i = 0; i < sizeof(subdirs) / sizeof(subdirs[0]); i++)
		if (mkdirat(fd, subdirs[i], 0700))
			return err_sys(e, "%s/%s: cannot make it", dir, subdirs[i]);
	return first_checkpoint(fd, e);
}

static int fill(int fd, const char *dir, const struct making *m, struct err *e)
{
	struct jail j = {.dirfd = fd};

	if (fd < 0 || flock(fd, LOCK_EX))
		return err_sys(e, "%s", dir);
	int ret = file_replace_at(fd, CONF_FILE, m->conf, m->n, 0600, false);
	if (!ret)
		ret = jail_status_write(&j, &m->st);
	if (ret) {
		errno = -ret;
		return err_sys(e, "%s: cannot write it", dir);
	}
	return m->from ? fork_repo(m->from, m->hash, fd, NULL, e) : make_empty(fd, dir, e);
}

int jail_trash(const char *dir, struct err *e)
{
	const char *slash = strrchr(dir, '/');
	char *gone = xasprintf("%.*s/" GONE_PREFIX "XXXXXX", (int)(slash - dir), dir);
	cleanup_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int ret = 0;

	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB);
	/* an empty directory may be renamed over */
	if (!mkdtemp(gone) || rename(dir, gone)) {
		ret = err_sys(e, "%s: cannot be removed", dir);
		rmdir(gone);
	} else {
		ret = dir_remove_tree(AT_FDCWD, gone);
		if (ret)
			err_set(e, ret, "%s: cannot remove all of it: %s", gone, strerror(-ret));
	}
	free(gone);
	return ret;
}

static void first_status(struct jail_status *st, const char *name, const struct conf *c)
{
	*st =
	    (struct jail_status){.state = JAIL_STOPPED, .created = time(NULL), .memory = c->memory};
	st->since = st->created;
	st->checkpoint = 1;
	st->checkpoint_time = st->created;
	st->trusting = c->speed == CONF_TRUSTING;
	snprintf(st->name, sizeof(st->name), "%s", name);
	snprintf(st->profile, sizeof(st->profile), "%s", conf_profile_name(c->profile));
	snprintf(st->note, sizeof(st->note), "%s", c->note ? c->note : "");
}

static bool is_temporary(const char *name)
{
	return !strncmp(name, NEW_PREFIX, strlen(NEW_PREFIX)) ||
	       !strncmp(name, GONE_PREFIX, strlen(GONE_PREFIX));
}

/* Who makes or removes a jail holds its temporary directory; one that nobody holds was left by a
 * killed one. Young ones may just be about to be held. */
static void sweep_new(const char *home)
{
	char *jails = xasprintf("%s/jails", home);
	DIR *d = opendir(jails);

	for (struct dirent *de; d && (de = readdir(d)) != NULL;) {
		if (!is_temporary(de->d_name))
			continue;
		cleanup_fd int fd =
		    openat(dirfd(d), de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;
		if (fd >= 0 && !fstat(fd, &st) && time(NULL) - st.st_ctime >= NEW_AGE &&
		    !flock(fd, LOCK_EX | LOCK_NB))
			dir_remove_tree(dirfd(d), de->d_name);
	}
	if (d)
		closedir(d);
	free(jails);
}

/* Fills a temporary directory and renames it into place. */
static int make(const struct jail_places *p, const char *name, const struct making *m,
		struct err *e)
{
	char *tmp = xasprintf("%s/jails/" NEW_PREFIX "XXXXXX", p->home);
	char *to = xasprintf("%s/jails/%s", p->home, name);
	cleanup_fd int fd = -1;
	int ret;

	sweep_new(p->home);
	if (!access(to, F_OK))
		ret = err_set(e, -EEXIST,
			      "%s: there is such a jail: choose another name or `gaol rm %s`", name,
			      name);
	else if (!mkdtemp(tmp))
		ret = err_sys(e, "%s", tmp);
	else
		ret = fill(fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC), tmp, m, e);
	if (!ret && renameat2(AT_FDCWD, tmp, AT_FDCWD, to, RENAME_NOREPLACE))
		ret =
		    errno == EEXIST
			? err_set(e, -EEXIST, "%s: there is such a jail: choose another name", name)
			: err_sys(e, "%s", to);
	if (ret)
		dir_remove_tree(AT_FDCWD, tmp);
	free(tmp);
	free(to);
	return ret;
}

static int check_name(const char *name, struct err *e)
{
	if (jail_name_ok(name))
		return 0;
	return err_set(
	    e, -EINVAL,
	    "%s: not a jail's name: use 1 to 32 of a-z 0-9 . _ -, a letter or digit first", name);
}

int jail_create(const struct jail_places *p, const char *name, const char *text, size_t n,
		bool throwaway, struct err *e)
{
	struct making m = {.conf = text, .n = n};
	struct conf c;

	int ret = check_name(name, e);
	if (!ret)
		ret = conf_parse(text, n, CONF_FILE, &c, e);
	if (ret)
		return ret;
	first_status(&m.st, name, &c);
	m.st.throwaway = throwaway;
	conf_free(&c);
	return make(p, name, &m, e);
}

/* The fork's own copy of the text, so that comments and order stay. */
static int fork_conf(const struct jail *from, const char *name, struct making *m, struct buf *text,
		     struct err *e)
{
	struct conf c;
	int ret = file_read_at(from->dirfd, CONF_FILE, CONF_FILE_MAX, text);

	if (ret)
		return err_set(e, ret, "%s/" CONF_FILE ": %s", from->dir, strerror(-ret));
	ret = conf_parse(buf_cstr(text), text->len, CONF_FILE, &c, e);
	if (ret)
		return ret;
	m->conf = buf_cstr(text);
	m->n = text->len;
	first_status(&m->st, name, &c);
	conf_free(&c);
	return 0;
}

int jail_fork(const struct jail_places *p, const struct jail *from, const char *id,
	      const char *name, unsigned *number, struct err *e)
{
	struct checkpoint c = {0};
	struct making m = {0};
	struct buf text = {0};

	int ret = check_name(name, e);
	if (!ret)
		ret = repo_open(&m.from, from->dirfd, e);
	if (!ret)
		ret = log_resolve(m.from, id, from->name, &c, e);
	if (!ret)
		ret = fork_conf(from, name, &m, &text, e);
	if (!ret) {
		m.hash = c.hash;
		m.st.checkpoint = *number = c.number;
		m.st.checkpoint_time = c.time;
		ret = make(p, name, &m, e);
	}
	checkpoint_free(&c);
	repo_close(m.from);
	buf_free(&text);
	return ret;
}
