/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cmd_layer.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/fd.h"
#include "core/layer/layer.h"
#include "core/loop.h"
#include "core/window.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: gaol layer -o lowerdir=DIR[:DIR...][,upperdir=DIR[,workdir=DIR]][,OPTION...]\n"
    "                  MOUNTPOINT [-f]\n"
    "\n"
    "Mounts a layer: the lower directories, topmost first, and over them the private upper one.\n"
    "Without upperdir it is read-only.\n"
    "\n"
    "  -f            stay in the foreground, unmount on Ctrl-C\n"
    "  -o OPTIONS    lowerdir=, upperdir=, workdir= (same file system as upperdir; by default\n"
    "                UPPERDIR.work), ro, allow_other, dev, suid, nocache (look each time),\n"
    "                fsname=, subtype=; a colon or comma in a path is written \\: or \\,\n"
    "\n"
    "mount -t fuse.gaol none MOUNTPOINT -o ... does the same where mount.fuse.gaol is installed.\n";

struct options {
	char *lowerdir, *upperdir, *workdir, *fsname, *subtype;
	bool ro, allow_other, dev, suid, nocache;
	bool foreground;
	const char *mountpoint;
};

struct mounted {
	struct loop *loop;
	struct layer *layer;
	struct window *window;
};

/* Options */

/* Cuts the text in front of the next unescaped sep off *rest, removing "\sep"'s backslashes. */
static char *cut(char **rest, char sep)
{
	char *start = *rest, *r = start, *w = start;

	if (!start)
		return NULL;
	for (; *r && *r != sep; r++) {
		if (*r == '\\' && r[1] == sep)
			r++;
		*w++ = *r;
	}
	*rest = *r ? r + 1 : NULL;
	*w = '\0';
	return start;
}

/* What mount(8) and fstab(5) add and what holds anyway. */
static bool is_ignored(const char *o)
{
	static const char *const words[] = {"rw",    "defaults", "nodev", "nosuid",    "noexec",
					    "exec",  "noatime",	 "auto",  "noauto",    "relatime",
					    "user",  "nouser",	 "users", "nofail",    "_netdev",
					    "async", "diratime", "atime", "nodiratime"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(o, words[i]))
			return true;
	return !strncmp(o, "x-", 2) || !strncmp(o, "comment=", 8);
}

static int take_option(struct options *o, char *word, struct err *e)
{
	const struct {
		const char *name;
		char **value;
		bool *flag;
	} known[] = {
	    {"lowerdir=", &o->lowerdir, NULL},
	    {"upperdir=", &o->upperdir, NULL},
	    {"workdir=", &o->workdir, NULL},
	    {"fsname=", &o->fsname, NULL},
	    {"subtype=", &o->subtype, NULL},
	    {"ro", NULL, &o->ro},
	    {"allow_other", NULL, &o->allow_other},
	    {"dev", NULL, &o->dev},
	    {"suid", NULL, &o->suid},
	    {"nocache", NULL, &o->nocache},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i].name);

		if (known[i].value && !strncmp(word, known[i].name, n)) {
			*known[i].value = word + n;
			return 0;
		}
		if (known[i].flag && !strcmp(word, known[i].name)) {
			*known[i].flag = true;
			return 0;
		}
	}
	return is_ignored(word) ? 0 : err_set(e, -EINVAL, "layer: unknown option: %s", word);
}

/* text is taken apart in place and stays in use. */
static int take_options(struct options *o, char *text, struct err *e)
{
	for (char *word; (word = cut(&text, ','));) {
		int r = *word ? take_option(o, word, e) : 0;

		if (r)
			return r;
	}
	return 0;
}

/* 0, or the exit status plus one. */
static int parse(struct options *o, int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	bool helper = !strncmp(name, "mount.", 6);
	struct err e;
	int c;

	optind = 1;
	while ((c = getopt(argc, argv, "fo:nsvh")) != -1) {
		if (c == 'f')
			o->foreground = true;
		else if (c == 'h')
			return fputs(usage, stdout), 1;
		else if (c == '?')
			return fputs(usage, stderr), 3;
		else if (c == 'o' && take_options(o, optarg, &e))
			return err_print(&e), 3;
	}
	if (argc - optind != 1 + helper || !o->lowerdir)
		return fputs(usage, stderr), 3;
	o->mountpoint = argv[optind + helper];
	return 0;
}

/* Mounting */

static int fill_lower(struct layer_config *c, char *list, struct err *e)
{
	for (char *dir; (dir = cut(&list, ':'));) {
		char full[PATH_MAX];

		if (c->nlower == LAYER_LOWER_MAX)
			return err_set(e, -EINVAL, "layer: more than %d lower directories",
				       LAYER_LOWER_MAX);
		if (!realpath(dir, full))
			return err_sys(e, "layer: lowerdir %s", dir);
		c->lower[c->nlower++].path = xstrdup(full);
	}
	return 0;
}

static int fill_upper(struct layer_config *c, const struct options *o, struct err *e)
{
	char full[PATH_MAX];
	char *work;

	if (!o->upperdir)
		return 0;
	if (!realpath(o->upperdir, full))
		return err_sys(e, "layer: upperdir %s", o->upperdir);
	c->upper = xstrdup(full);
	work = o->workdir ? xstrdup(o->workdir) : xasprintf("%s.work", full);
	if (mkdir(work, 0700) && errno != EEXIST)
		return err_sys(e, "layer: workdir %s", work);
	c->work = realpath(work, NULL);
	if (!c->work)
		return err_sys(e, "layer: workdir %s", work);
	free(work);
	return 0;
}

static void free_config(struct layer_config *c)
{
	for (size_t i = 0; i < c->nlower; i++)
		free((char *)(uintptr_t)c->lower[i].path);
	free((char *)(uintptr_t)c->upper);
	free((char *)(uintptr_t)c->work);
}

static void on_gone(void *user)
{
	struct mounted *m = user;

	loop_stop(m->loop, 0);
}

static void on_signal(void *user, int signo)
{
	struct mounted *m = user;

	if (signo != SIGPIPE)
		loop_stop(m->loop, 0);
}

static int mount_layer(struct mounted *m, struct options *o, const char *at, struct err *e)
{
	struct layer_config c = {0};
	bool ro = o->ro || !o->upperdir;
	const struct window_config wc = {
	    .ro = ro,
	    .allow_other = o->allow_other,
	    .default_permissions = true,
	    .caching = !o->nocache,
	    .poll = sysconf(_SC_NPROCESSORS_ONLN) > 1,
	    .devices = o->dev || o->suid,
	    .fsname = o->fsname,
	    .subtype = o->subtype,
	    .on_gone = on_gone,
	    .user = m,
	};
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, 0};

	int r = fill_lower(&c, o->lowerdir, e);
	if (!r)
		r = fill_upper(&c, o, e);
	c.readonly = ro;
	if (!r)
		r = layer_open(&m->layer, &c, e);
	free_config(&c);
	if (r)
		return r;
	m->loop = loop_new();
	if (!m->loop || loop_signals(m->loop, signals, on_signal, m))
		return err_sys(e, "layer");
	m->window = window_mount(m->loop, m->layer, at, &wc, e);
	return m->window ? 0 : -EIO;
}

static void unmount_layer(struct mounted *m)
{
	window_unmount(m->window);
	layer_close(m->layer);
	loop_free(m->loop);
}

static int serve(struct options *o, const char *at, int report)
{
	struct mounted m = {0};
	struct err e = {0};
	int r = mount_layer(&m, o, at, &e);

	if (report >= 0) {
		/* Not earlier: the options may hold relative paths. */
		if (chdir("/"))
			r = err_sys(&e, "layer: /");
		/* What the parent is told: nothing when all is well, else the reason. */
		if (r)
			fd_write_full(report, e.text, strlen(e.text));
		else
			fd_write_full(report, "", 1);
		close(report);
	} else if (r) {
		err_print(&e);
	}
	if (!r)
		loop_run(m.loop);
	unmount_layer(&m);
	return r ? 1 : 0;
}

static void become_daemon(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	fd_close(&null);
}

/* Waits for the child's word: one NUL byte means mounted, other text is the reason. */
static int hear(int fd)
{
	struct err e = {0};
	ssize_t n = fd_read_full(fd, e.text, sizeof(e.text) - 1);

	if (n == 1 && !e.text[0])
		return 0;
	if (n <= 0)
		err_set(&e, -EIO, "layer: the mounting process died");
	err_print(&e);
	return 1;
}

int cmd_layer(int argc, char **argv)
{
	struct options o = {0};
	char at[PATH_MAX];
	struct err e;
	int p[2];

	int r = parse(&o, argc, argv);
	if (r)
		return r - 1;
	if (!realpath(o.mountpoint, at)) {
		err_sys(&e, "layer: %s", o.mountpoint);
		err_print(&e);
		return 1;
	}
	if (o.foreground)
		return serve(&o, at, -1);
	if (pipe2(p, O_CLOEXEC)) {
		err_sys(&e, "layer");
		err_print(&e);
		return 1;
	}
	pid_t pid = fork();
	if (pid < 0) {
		err_sys(&e, "layer");
		err_print(&e);
		return 1;
	}
	if (pid == 0) {
		close(p[0]);
		become_daemon();
		_exit(serve(&o, at, p[1]));
	}
	close(p[1]);
	return hear(p[0]);
}
