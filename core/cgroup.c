/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/cgroup.h"
#include "core/buf.h"
#include "core/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "gaol."
#define TRIES 3 /* another warden's sweep may take our new, still empty group away */

enum { CPU, PIDS, KINDS };
static const char *const kind_names[KINDS] = {[CPU] = "cpu", [PIDS] = "pids"};

/* A group that can be made: above is where, home where this process is now. */
struct place {
	char *above, *home; /* NULL: none */
};

struct cgroup {
	int version;
	struct place at[KINDS]; /* v2: the same for all */
	char *dir[KINDS];
};

static void place_free(struct place *p)
{
	free(p->above);
	free(p->home);
	*p = (struct place){0};
}

/* The path of our group in /proc/self/cgroup ("ID:CONTROLLERS:PATH"); word "" is v2's line. */
static char *path_of(const char *text, const char *word)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		const char *names = memchr(text, ':', (size_t)(end - text));
		const char *path = names ? memchr(names + 1, ':', (size_t)(end - names - 1)) : NULL;
		size_t n = strlen(word);

		for (const char *at = names ? names + 1 : end; path && at <= path;) {
			size_t k = strcspn(at, ",:");
			if (k == n && !memcmp(at, word, n))
				return xasprintf("%.*s", (int)(end - path - 1), path + 1);
			at += k + 1;
		}
		text = *end ? end + 1 : end;
	}
	return NULL;
}

static int put(const char *dir, const char *file, const char *text)
{
	char *path = xasprintf("%s/%s", dir, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = fd < 0 ? -errno : 0;

	free(path);
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		ret = -errno;
	fd_close(&fd);
	return ret;
}

static bool has_word(const char *dir, const char *file, const char *word)
{
	char *path = xasprintf("%s/%s", dir, file), *save = NULL;
	struct buf b = {0};
	bool found = false;

	if (!file_read_at(AT_FDCWD, path, 4096, &b))
		for (char *w = strtok_r(b.p ? b.p : path, " \n", &save); w && !found;
		     w = strtok_r(NULL, " \n", &save))
			found = !strcmp(w, word);
	buf_free(&b);
	free(path);
	return found;
}

/*
 * True when a group may begin to pass something on: only the one above all, which alone has no
 * type, may have processes of its own and do so ("No Internal Process Constraint").
 */
static bool may_pass_on(const char *dir)
{
	char *control = xasprintf("%s/cgroup.subtree_control", dir);
	char *type = xasprintf("%s/cgroup.type", dir), *procs = xasprintf("%s/cgroup.procs", dir);
	struct buf b = {0};
	bool can = !access(control, W_OK) &&
		   (access(type, F_OK) || (!file_read_at(AT_FDCWD, procs, 65536, &b) && !b.len));

	buf_free(&b);
	free(procs);
	free(type);
	free(control);
	return can;
}

/* True when groups below dir have the controller, or can be given it. */
static bool passes_on(const char *dir, const char *word, bool ask)
{
	char plus[16];

	if (has_word(dir, "cgroup.subtree_control", word))
		return true;
	if (!has_word(dir, "cgroup.controllers", word))
		return false;
	if (!ask)
		return may_pass_on(dir);
	snprintf(plus, sizeof(plus), "+%s", word);
	return !put(dir, "cgroup.subtree_control", plus);
}

/*
 * The nearest group from ours upwards below which one can be made that has the controller. ask:
 * change what a group passes on, where that is needed.
 */
static struct place place_v2(struct cgroup_host h, const char *path, const char *word, bool ask)
{
	char *dir = xasprintf("%s%s", h.root, strcmp(path, "/") ? path : "");
	struct place p = {.home = xstrdup(dir)};
	size_t least = strlen(h.root);

	for (;;) {
		if (!access(dir, W_OK) && passes_on(dir, word, ask)) {
			p.above = dir;
			return p;
		}
		char *slash = strrchr(dir, '/');
		if (!slash || (size_t)(slash - dir) < least)
			break;
		*slash = '\0';
	}
	free(dir);
	place_free(&p);
	return p;
}

static struct place place_v1(struct cgroup_host h, const char *path, const char *word)
{
	char *dir = xasprintf("%s/%s%s", h.root, word, strcmp(path, "/") ? path : "");
	char *procs = xasprintf("%s/cgroup.procs", dir);
	struct place p = {0};

	if (!access(dir, W_OK) && !access(procs, W_OK))
		p = (struct place){.above = xstrdup(dir), .home = xstrdup(dir)};
	free(procs);
	free(dir);
	return p;
}

/* Finds where a group for a controller can be made; the version, 0: nowhere. */
static int find(struct cgroup_host h, int kind, bool ask, struct place *p)
{
	char *v1 = NULL, *v2 = NULL;
	struct buf text = {0};
	int version = 0;

	*p = (struct place){0};
	if (!file_read_at(AT_FDCWD, h.self, 65536, &text)) {
		v1 = path_of(buf_cstr(&text), kind_names[kind]);
		v2 = path_of(buf_cstr(&text), "");
	}
	if (v1) {
		*p = place_v1(h, v1, kind_names[kind]);
		version = p->above ? 1 : 0;
	} else if (v2) {
		*p = place_v2(h, v2, kind_names[kind], ask);
		version = p->above ? 2 : 0;
	}
	free(v1);
	free(v2);
	buf_free(&text);
	return version;
}

struct cgroup_can cgroup_look(struct cgroup_host h)
{
	struct cgroup_can can = {0};

	for (int k = 0; k < KINDS; k++) {
		struct place p;
		int v = find(h, k, false, &p);

		if (v)
			can.version = v;
		*(k == CPU ? &can.cpu : &can.pids) = v;
		place_free(&p);
	}
	return can;
}

/* Groups that killed wardens left are empty, and only those can be removed. */
static void sweep(const char *above)
{
	DIR *d = opendir(above);

	for (struct dirent *de; d && (de = readdir(d));)
		if (!strncmp(de->d_name, PREFIX, strlen(PREFIX)))
			unlinkat(dirfd(d), de->d_name, AT_REMOVEDIR);
	if (d)
		closedir(d);
}

static int enter(const char *dir, bool make)
{
	int ret = 0;

	for (int i = 0; i < TRIES; i++) {
		if (make && mkdir(dir, 0755) && errno != EEXIST)
			return -errno;
		ret = put(dir, "cgroup.procs", "0");
		if (ret != -ENOENT)
			break;
	}
	return ret;
}

static int set_cpu(const struct cgroup *g, unsigned cpu)
{
	char text[16];

	/* 1024 and 100 are what a group has by default */
	snprintf(text, sizeof(text), "%u",
		 g->version == 1 ? cpu * 1024 / 100 > 2 ? cpu * 1024 / 100 : 2 : cpu);
	return put(g->dir[CPU], g->version == 1 ? "cpu.shares" : "cpu.weight", text);
}

static int set_pids(const struct cgroup *g, unsigned pids)
{
	char text[16] = "max";

	if (pids)
		snprintf(text, sizeof(text), "%u", pids);
	return put(g->dir[PIDS], "pids.max", text);
}

int cgroup_set(struct cgroup *g, const struct cgroup_limits *l)
{
	int ret = 0;

	if (g->dir[CPU])
		ret = set_cpu(g, l->cpu);
	else if (l->cpu != 100)
		return -EOPNOTSUPP;
	if (!ret && g->dir[PIDS])
		ret = set_pids(g, l->pids);
	else if (!ret && l->pids)
		ret = -EOPNOTSUPP;
	return ret;
}

struct cgroup *cgroup_enter(struct cgroup_host h, const char *name, const struct cgroup_limits *l,
			    struct err *e)
{
	const bool wanted[KINDS] = {[CPU] = l->cpu != 100, [PIDS] = l->pids != 0};
	struct cgroup *g = xcalloc(1, sizeof(*g));
	int ret = 0;

	for (int k = 0; k < KINDS && !ret; k++) {
		int v = wanted[k] ? find(h, k, true, &g->at[k]) : 0;

		if (!v) {
			ret = wanted[k] ? -EOPNOTSUPP : 0;
			continue;
		}
		g->version = v;
		sweep(g->at[k].above);
		g->dir[k] = xasprintf("%s/" PREFIX "%s", g->at[k].above, name);
		ret = enter(g->dir[k], true);
	}
	if (!ret)
		ret = cgroup_set(g, l);
	if (!ret)
		return g;
	err_set(e, ret, "control group: %s: `gaol doctor` tells what this host can hold",
		strerror(-ret));
	cgroup_leave(g);
	return NULL;
}

void cgroup_leave(struct cgroup *g)
{
	if (!g)
		return;
	for (int k = 0; k < KINDS; k++) {
		if (g->dir[k]) {
			enter(g->at[k].home, false);
			rmdir(g->dir[k]);
		}
		free(g->dir[k]);
		place_free(&g->at[k]);
	}
	free(g);
}
