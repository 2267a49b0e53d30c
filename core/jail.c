/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/jail.h"
#include "core/at.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/window.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_STEP_MS 5

/* A directory that jails are kept in must be ours alone: what lies in it is trusted. */
static int check_private(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st))
		return err_sys(e, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR,
			       "%s: not a directory: remove it or choose another place", path);
	if (st.st_uid != geteuid())
		return err_set(e, -EPERM,
			       "%s: belongs to uid %u: remove it or choose another place", path,
			       st.st_uid);
	if (st.st_mode & 022)
		return err_set(e, -EPERM, "%s: others may write to it: chmod 700 it", path);
	return 0;
}

static int make_private(const char *path, struct err *e)
{
	int ret = dir_make_path(path, 0700);

	if (ret) {
		errno = -ret;
		return err_sys(e, "%s: cannot make it", path);
	}
	return check_private(path, e);
}

static char *absolute(const char *path)
{
	if (path[0] == '/')
		return xstrdup(path);
	char *cwd = getcwd(NULL, 0);
	char *abs = xasprintf("%s/%s", cwd ? cwd : "", path);
	free(cwd);
	return abs;
}

static char *home_place(void)
{
	const char *set = getenv("GAOL_HOME");
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");

	if (set && *set)
		return absolute(set);
	if (geteuid() == 0)
		return xstrdup("/var/lib/gaol");
	if (data && *data == '/')
		return xasprintf("%s/gaol", data);
	return xasprintf("%s/.local/share/gaol", home && *home == '/' ? home : "/nonexistent");
}

static char *run_place(void)
{
	const char *set = getenv("GAOL_RUN");
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (set && *set)
		return absolute(set);
	if (geteuid() == 0)
		return xstrdup("/run/gaol");
	if (run && *run == '/' && !access(run, W_OK | X_OK))
		return xasprintf("%s/gaol", run);
	return xasprintf("/tmp/gaol-%u", geteuid());
}

int jail_places_init(struct jail_places *p, struct err *e)
{
	*p = (struct jail_places){.home = home_place(), .run = run_place()};
	/* RUN/NAME/sock must fit sockaddr_un.sun_path (unix(7): 108 bytes with the NUL). */
	int ret = 0;
	if (strlen(p->run) + 1 + JAIL_NAME_MAX + sizeof("/sock") > 108)
		ret = err_set(e, -ENAMETOOLONG,
			      "%s: too long for a socket's path: set GAOL_RUN to a shorter place",
			      p->run);
	char *jails = xasprintf("%s/jails", p->home);
	if (!ret)
		ret = make_private(p->home, e);
	if (!ret)
		ret = make_private(jails, e);
	if (!ret)
		ret = make_private(p->run, e);
	free(jails);
	if (ret)
		jail_places_free(p);
	return ret;
}

void jail_places_free(struct jail_places *p)
{
	free(p->home);
	free(p->run);
	*p = (struct jail_places){0};
}

bool jail_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > JAIL_NAME_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n)
		return false;
	return name[0] != '.' && name[0] != '_' && name[0] != '-';
}

/* Its folders are folders, and ours: one that was swapped would be filled, or read, elsewhere. */
static int check_folders(const struct jail *j, struct err *e)
{
	static const char *const names[] = {"upper", "work", "made", "checkpoints.git"};
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (fstatat(j->dirfd, names[i], &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
			return err_set(e, -EPERM,
				       "%s/%s: not a directory of ours: somebody changed it; put "
				       "back what was there",
				       j->dir, names[i]);
	}
	return 0;
}

int jail_open(struct jail *j, const struct jail_places *p, const char *name, struct err *e)
{
	struct stat st;

	*j = (struct jail){.dirfd = -1};
	if (!jail_name_ok(name))
		return err_set(
		    e, -EINVAL,
		    "%s: not a jail's name: use 1 to 32 of a-z 0-9 . _ -, a letter or digit first",
		    name);
	snprintf(j->name, sizeof(j->name), "%s", name);
	j->dir = xasprintf("%s/jails/%s", p->home, name);
	j->run = xasprintf("%s/%s", p->run, name);
	j->dirfd = open(j->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int ret = 0;
	if (j->dirfd < 0 && errno == ENOENT)
		ret = err_set(e, -ENOENT, "%s: no such jail: see `gaol ls`", name);
	else if (j->dirfd < 0 || fstat(j->dirfd, &st))
		ret = err_sys(e, "%s", j->dir);
	else if (st.st_uid != geteuid() || st.st_mode & 077)
		ret = err_set(e, -EPERM,
			      "%s: not ours alone (owner or mode): somebody changed it; chown and "
			      "chmod 700 it",
			      j->dir);
	else
		ret = check_folders(j, e);
	if (ret)
		jail_close(j);
	return ret;
}

void jail_close(struct jail *j)
{
	free(j->dir);
	free(j->run);
	if (j->dirfd >= 0)
		close(j->dirfd);
	*j = (struct jail){.dirfd = -1};
}

void jail_random_name(char *name)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char r[8];

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		memset(r, getpid() & 0xff, sizeof(r));
	memcpy(name, "run-", 4);
	for (size_t i = 0; i < sizeof(r); i++)
		name[4 + i] = set[r[i] & 31];
	name[4 + sizeof(r)] = '\0';
}

int jail_lock(const struct jail *j)
{
	int fd = openat(j->dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int jail_lock_patient(const struct jail *j, int ms)
{
	const struct timespec pause = {.tv_nsec = PATIENCE_STEP_MS * 1000000L};
	int fd;

	while ((fd = jail_lock(j)) == -EWOULDBLOCK && (ms -= PATIENCE_STEP_MS) >= 0)
		nanosleep(&pause, NULL);
	return fd;
}

bool jail_locked(const struct jail *j)
{
	/* for reading: whoever watches for the closing of one that was written must not see this */
	cleanup_fd int fd = openat(j->dirfd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

/* What a killed warden left on the host: its window's mount and its sockets. */
static void sweep_run(const struct jail *j)
{
	char *root = xasprintf("%s/root", j->run);

	window_cleanup(root, NULL);
	free(root);
	dir_remove_tree(AT_FDCWD, j->run);
}

int jail_remove(struct jail *j, struct err *e)
{
	unsigned windows;
	int ret = at_unmount(j, 0, NULL, &windows, e);

	if (ret)
		return ret;
	sweep_run(j);
	return jail_trash(j->dir, e);
}

int jail_rename(const struct jail_places *p, const char *name, const char *newname, struct err *e)
{
	if (!jail_name_ok(newname))
		return err_set(
		    e, -EINVAL,
		    "%s: not a jail's name: use 1 to 32 of a-z 0-9 . _ -, a letter or digit first",
		    newname);
	char *from = xasprintf("%s/jails/%s", p->home, name);
	char *to = xasprintf("%s/jails/%s", p->home, newname);
	int ret = 0;
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		ret = errno == EEXIST
			  ? err_set(e, -EEXIST, "%s: there is such a jail: choose another name",
				    newname)
			  : err_sys(e, "%s: cannot rename it to %s", from, to);
	free(from);
	free(to);
	return ret;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in jails/, sorted; temporary directories begin with a dot and are no names. */
static size_t list_names(const char *dir, char ***out)
{
	char **v = NULL;
	size_t n = 0;
	DIR *d = opendir(dir);

	for (struct dirent *de; d && (de = readdir(d));) {
		if (!jail_name_ok(de->d_name))
			continue;
		v = xrealloc(v, (n + 1) * sizeof(*v));
		v[n++] = xstrdup(de->d_name);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(v, n, sizeof(*v), compare_names);
	*out = v;
	return n;
}

int jail_each(const struct jail_places *p, bool (*fn)(void *user, const struct jail_status *st),
	      void *user)
{
	char *dir = xasprintf("%s/jails", p->home);
	char **names;
	size_t n = list_names(dir, &names);
	bool go = true;

	for (size_t i = 0; i < n; i++) {
		struct jail j;
		struct jail_status st;
		if (go && !jail_open(&j, p, names[i], NULL)) {
			/* Only where there is something: whoever starts the jail wants the lock
			 * too. */
			cleanup_fd int lock = access(j.run, F_OK) ? -1 : jail_lock(&j);
			if (lock >= 0)
				sweep_run(&j);
			fd_close(&lock);
			if (!jail_status_read(&j, &st))
				go = fn(user, &st);
			jail_close(&j);
		}
		free(names[i]);
	}
	free(names);
	free(dir);
	return 0;
}
