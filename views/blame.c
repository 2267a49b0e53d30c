/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/blame.h"
#include "core/jailview.h"
#include "core/repo/diff.h"
#include "core/repo/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asking {
	struct job *job;
	const struct jail_places *places;
	char jail[JAIL_NAME_MAX + 1];
	char from[64];
	char *path;
	struct blame found;
	blame_fn *fn;
	void *user;
	/* of the thread */
	struct jailview *view;
};

static bool stop_at_once(void *user, const struct diff_entry *d)
{
	return false;
}

/* 1: the path, or something below it, differs; 0: not; or -errno with the error set. */
static int differs(struct asking *a, const char *before, const char *after)
{
	const char *const paths[] = {a->path, NULL};
	struct diff_options o = {.paths = paths, .cancel = job_cancelled(a->job)};
	struct side *one = NULL, *two = NULL;
	int ret = jailview_side(a->view, before, &one, &a->found.err);

	if (!ret)
		ret = jailview_side(a->view, after, &two, &a->found.err);
	if (!ret)
		ret = diff_each(one, two, &o, stop_at_once, NULL, &a->found.err);
	side_close(one);
	side_close(two);
	if (ret != -ECANCELED)
		return ret;
	return *o.cancel ? ret : 1;
}

/* Back along the line, one checkpoint after another. */
static int search(struct asking *a)
{
	struct checkpoint c = {0};
	int ret = log_resolve(jailview_repo(a->view), a->from, a->jail, &c, &a->found.err);

	if (!ret && !*a->from) {
		a->found.present = c.number;
		ret = differs(a, c.hash, "now");
		a->found.since = ret == 1;
	}
	while (ret >= 0) {
		char parent[REPO_HASH_LEN + 1];

		ret = differs(a, c.parent[0] ? c.parent : "base", c.hash);
		if (ret == 1) {
			a->found.number = c.number;
			a->found.time = c.time;
			a->found.message = xstrdup(c.message ? c.message : "");
		}
		if (ret || !c.parent[0])
			break;
		memcpy(parent, c.parent, sizeof(parent));
		checkpoint_free(&c);
		c = (struct checkpoint){0};
		ret = log_resolve(jailview_repo(a->view), parent, a->jail, &c, &a->found.err);
	}
	checkpoint_free(&c);
	return ret < 0 ? ret : 0;
}

static void work(struct job *j, void *data)
{
	struct asking *a = data;
	struct jail jail;
	int ret;

	a->job = j;
	if (jail_open(&jail, a->places, a->jail, &a->found.err))
		return;
	ret = jailview_open(&a->view, a->places, &jail, &a->found.err);
	if (!ret) {
		ret = search(a);
		jailview_close(a->view);
	}
	if (!ret)
		a->found.err.text[0] = '\0';
	jail_close(&jail);
}

static void done(void *data)
{
	struct asking *a = data;

	a->fn(a->user, &a->found);
}

static void drop(void *data)
{
	struct asking *a = data;

	free(a->found.message);
	free(a->path);
	free(a);
}

static const struct job_ops asking_ops = {.work = work, .done = done, .drop = drop};

struct job *blame_start(const struct view_env *env, const char *jail, const char *from,
			const char *path, blame_fn *fn, void *user)
{
	struct asking *a = xcalloc(1, sizeof(*a));

	a->places = env->places;
	a->path = xstrdup(path);
	a->fn = fn;
	a->user = user;
	snprintf(a->jail, sizeof(a->jail), "%s", jail);
	snprintf(a->from, sizeof(a->from), "%s", from);
	return jobs_start(env->jobs, &asking_ops, a);
}
