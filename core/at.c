/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/at.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/jailview.h"
#include "core/loop.h"
#include "core/repo/fork.h"
#include "core/repo/log.h"
#include "core/window.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define AT_DIR "at"
#define POINT "mountpoint"
#define PID "pid"
#define POINT_MAX 8192
#define END_TRIES 250
#define END_NS 20000000

struct window_at {
	const struct jail_places *places;
	const struct jail *jail;
	unsigned number;
	char *dir; /* jails/NAME/at/NUMBER.XXXXXX */
	char *point;
	bool own_point; /* the directory was made for it */
	int lock;	/* of dir */
	struct loop *loop;
	struct layer *layer;
	struct window *window;
};

static void free_all(struct window_at *a)
{
	free(a->dir);
	free(a->point);
	fd_close(&a->lock);
}

/* The directory to mount on, absolute. */
static int find_point(struct window_at *a, const char *dir, struct err *e)
{
	struct stat st;

	if (dir) {
		a->point = realpath(dir, NULL);
		if (!a->point || stat(a->point, &st))
			return err_sys(e, "%s", dir);
		if (!S_ISDIR(st.st_mode))
			return err_set(e, -ENOTDIR, "%s: not a directory", dir);
		return 0;
	}
	a->point = xasprintf("%s/%s@%u", a->places->run, a->jail->name, a->number);
	a->own_point = true;
	if (mkdir(a->point, 0700))
		return errno == EEXIST
			   ? err_set(e, -EEXIST,
				     "%s: there already: `gaol umount %s@%u`, or name a directory",
				     a->point, a->jail->name, a->number)
			   : err_sys(e, "%s", a->point);
	return 0;
}

static int make_dir(struct window_at *a, struct err *e)
{
	char *parent = xasprintf("%s/" AT_DIR, a->jail->dir);

	mkdir(parent, 0700);
	a->dir = xasprintf("%s/%u.XXXXXX", parent, a->number);
	free(parent);
	if (!mkdtemp(a->dir))
		return err_sys(e, "%s", a->dir);
	a->lock = open(a->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->lock < 0 || flock(a->lock, LOCK_EX | LOCK_NB))
		return err_sys(e, "%s", a->dir);
	int ret = file_replace_at(a->lock, POINT, a->point, strlen(a->point), 0600, false);
	return ret ? err_set(e, ret, "%s: %s", a->dir, strerror(-ret)) : 0;
}

static void on_gone(void *user)
{
	loop_stop(((struct window_at *)user)->loop, 0);
}

static void on_signal(void *user, int signo)
{
	loop_stop(((struct window_at *)user)->loop, 0);
}

/* The jail's union, with the checkpoint's upper layer in place of its own. */
static int open_layer(struct window_at *a, struct jail_union *u, struct err *e)
{
	struct conf conf;
	int ret = conf_load(a->jail->dirfd, CONF_FILE, &conf, e);

	if (ret)
		return ret;
	ret = jail_union_init(u, a->places, a->jail, &conf, e);
	conf_free(&conf);
	if (ret)
		return ret;
	free(u->upper);
	free(u->work);
	u->upper = xasprintf("%s/upper", a->dir);
	u->work = xasprintf("%s/work", a->dir);
	u->config.upper = u->upper;
	u->config.work = u->work;
	u->config.readonly = true;
	u->config.events_read = false;
	return layer_open(&a->layer, &u->config, e);
}

static int begin(struct window_at *a, struct jail_union *u, struct err *e)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, 0};
	const struct window_config wc = {.ro = true, .on_gone = on_gone, .user = a};
	int ret = open_layer(a, u, e);

	if (ret)
		return ret;
	a->loop = loop_new();
	if (!a->loop || loop_signals(a->loop, signals, on_signal, a))
		return err_sys(e, "window");
	a->window = window_mount(a->loop, a->layer, a->point, &wc, e);
	return a->window ? 0 : -EIO;
}

static void clean(struct window_at *a)
{
	window_unmount(a->window);
	if (a->layer)
		layer_close(a->layer);
	dir_remove_tree(AT_FDCWD, a->dir);
	if (a->own_point)
		rmdir(a->point);
}

/* The process that serves a window; tells its parent how it began: a NUL, or the reason. */
static _Noreturn void serve(struct window_at *a, int report)
{
	struct jail_union u = {0};
	struct err e = {""};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ret = chdir("/") ? -errno : 0;

	char pid[16];

	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (!ret)
		ret = file_replace_at(a->lock, PID, pid, strlen(pid), 0600, false);
	ret = ret ? ret : begin(a, &u, &e);
	fd_write_full(report, e.text, ret ? strlen(e.text) : 1);
	close(report);
	if (!ret)
		loop_run(a->loop);
	clean(a);
	_exit(ret != 0);
}

static int start(struct window_at *a, struct err *e)
{
	int p[2];
	ssize_t n;

	if (pipe2(p, O_CLOEXEC))
		return err_sys(e, "window: pipe");
	pid_t pid = fork();
	if (!pid) {
		close(p[0]);
		e->text[0] = '\0';
		serve(a, p[1]);
	}
	close(p[1]);
	n = pid < 0 ? -errno : fd_read_full(p[0], e->text, sizeof(e->text) - 1);
	close(p[0]);
	if (n == 1 && !e->text[0])
		return 0;
	if (n > 0) {
		e->text[n] = '\0';
		return -EIO;
	}
	return err_set(e, -EIO, "window: the process that was to serve it died");
}

static int build(struct window_at *a, struct repo *r, const char *hash, const char *dir,
		 struct err *e)
{
	int ret = jail_union_privileges(e);

	if (!ret)
		ret = find_point(a, dir, e);
	if (!ret)
		ret = make_dir(a, e);
	if (!ret)
		ret = fork_layer(r, hash, a->lock, NULL, NULL, e);
	if (!ret)
		ret = start(a, e);
	if (ret && a->dir)
		dir_remove_tree(AT_FDCWD, a->dir);
	if (ret && ret != -EEXIST && a->own_point)
		rmdir(a->point);
	return ret;
}

int at_mount(const struct jail_places *p, const struct jail *j, const char *id, const char *dir,
	     char **where, struct err *e)
{
	struct window_at a = {.places = p, .jail = j, .lock = -1};
	struct checkpoint c = {0};
	struct repo *r;
	unsigned swept;

	int ret = repo_open(&r, j->dirfd, e);
	if (ret)
		return ret;
	/* Left-overs only: nothing is mounted at "". */
	at_unmount(j, 0, "", &swept, e);
	ret = log_resolve(r, id, j->name, &c, e);
	a.number = c.number;
	if (!ret)
		ret = build(&a, r, c.hash, dir, e);
	if (!ret)
		*where = xstrdup(a.point);
	checkpoint_free(&c);
	repo_close(r);
	free_all(&a);
	return ret;
}

/*
 * Asks the serving process to end. Taking the mount away is not enough: another mount namespace,
 * for instance that of a guest that was started meanwhile, may have a copy of it. While the lock is
 * held the number is that of its holder.
 */
static void ask_to_end(int fd)
{
	struct buf b = {0};

	if (!file_read_at(fd, PID, 16, &b) && atoi(buf_cstr(&b)) > 1)
		kill(atoi(buf_cstr(&b)), SIGTERM);
	buf_free(&b);
}

/* Waits for the serving process to clean up; does it itself when there is none. */
static int end_one(int at, const char *name, const char *point, struct err *e)
{
	static const struct timespec wait = {.tv_nsec = END_NS};
	int ret = point ? window_cleanup(point, e) : 0;

	for (int i = 0; !ret && i < END_TRIES; i++) {
		cleanup_fd int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return 0;
		if (!flock(fd, LOCK_EX | LOCK_NB)) {
			dir_remove_tree(at, name);
			if (point && strstr(point, "@"))
				rmdir(point);
			return 0;
		}
		if (!i)
			ask_to_end(fd);
		nanosleep(&wait, NULL);
	}
	return ret ? ret : err_set(e, -EBUSY, "%s: its window does not end: try again", point);
}

static bool is_left_over(int at, const char *name)
{
	cleanup_fd int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);
}

int at_unmount(const struct jail *j, unsigned number, const char *where, unsigned *count,
	       struct err *e)
{
	int at = openat(j->dirfd, AT_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = at < 0 ? NULL : fdopendir(at);
	int ret = 0;

	*count = 0;
	if (!d) {
		fd_close(&at);
		return 0;
	}
	for (struct dirent *de; !ret && (de = readdir(d));) {
		if (de->d_name[0] == '.')
			continue;
		char *path = xasprintf("%s/" POINT, de->d_name);
		struct buf point = {0};
		int none = file_read_at(at, path, POINT_MAX, &point);
		bool old = is_left_over(at, de->d_name);
		bool meant = (!number || strtoul(de->d_name, NULL, 10) == number) &&
			     (!where || (!none && !strcmp(buf_cstr(&point), where)));
		if (old || meant)
			ret = end_one(at, de->d_name, none ? NULL : buf_cstr(&point), e);
		*count += meant && !ret;
		free(path);
		buf_free(&point);
	}
	closedir(d);
	return ret;
}
