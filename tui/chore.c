/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making and removing jails: no warden does it, a thread does. */
#include "core/conf.h"
#include "core/fd.h"
#include "core/repo/log.h"
#include "core/wall/need.h"
#include "tui/op_int.h"
#include "views/words.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNLOCK_MS 10000	 /* a warden that was stopped lets go of the lock within that time */
#define COUNT_MAX 100000 /* entries counted before a question; more are "more than" */

struct chore {
	struct op *op;
	struct app *app;
	const struct jail_places *places;
	char jail[JAIL_NAME_MAX + 1];
	char *text;
	char (*names)[JAIL_NAME_MAX + 1]; /* that are counted */
	size_t n;
	uint64_t checkpoints, entries, bytes;
	int ret;
	struct err err;
};

static void drop(void *data)
{
	struct chore *c = data;

	free(c->text);
	free(c->names);
	free(c);
}

static void make_work(struct job *j, void *data)
{
	struct chore *c = data;
	struct conf conf;
	struct buf text = {0};

	conf_init(&conf);
	c->ret = *c->text ? conf_set(&conf, "profile", c->text, &c->err) : 0;
	if (!c->ret) {
		need_admit(&conf);
		conf_write(&conf, &text);
		c->ret = jail_create(c->places, c->jail, buf_cstr(&text), text.len, false, &c->err);
	}
	buf_free(&text);
	conf_free(&conf);
}

/* Stops the jail if it runs, and takes its lock. A descriptor or -errno. */
static int stop_and_lock(struct chore *c, struct jail *j)
{
	struct client *client = NULL;
	int lock = jail_lock(j);

	if (lock != -EWOULDBLOCK)
		return lock;
	if (!client_connect(&client, j, &c->err)) {
		c->ret = client_call(client, "kill", NULL, -1, NULL, NULL, NULL, &c->err);
		client_free(client);
	}
	for (int64_t until = loop_now_ms() + UNLOCK_MS; lock == -EWOULDBLOCK;) {
		poll(NULL, 0, 20);
		lock = jail_lock(j);
		if (loop_now_ms() > until)
			break;
	}
	return lock;
}

static void remove_work(struct job *job, void *data)
{
	struct chore *c = data;
	struct jail j;

	c->ret = jail_open(&j, c->places, c->jail, &c->err);
	if (c->ret)
		return;
	cleanup_fd int lock = stop_and_lock(c, &j);
	if (lock < 0)
		c->ret = err_set(&c->err, lock,
				 "%s: its warden does not let go of it: %s: stop it first", c->jail,
				 strerror(-lock));
	else
		c->ret = jail_remove(&j, &c->err);
	jail_close(&j);
}

static void finished(void *data)
{
	struct chore *c = data;
	struct app *a = c->app;

	c->op->job = NULL;
	if (c->ret)
		app_fail(a, "%s", c->err.text);
	else if (c->op->command == CMD_NEW)
		app_say(a, "%s is made", c->jail);
	else
		app_say(a, "%s is deleted", c->jail);
	op_end(c->op);
}

static const struct job_ops make_ops = {.work = make_work, .done = finished, .drop = drop};
static const struct job_ops remove_ops = {.work = remove_work, .done = finished, .drop = drop};

static struct chore *chore_new(struct app *a, struct op *op, const char *jail, const char *text)
{
	struct chore *c = xcalloc(1, sizeof(*c));

	c->app = a;
	c->op = op;
	c->places = a->opt->places;
	snprintf(c->jail, sizeof(c->jail), "%s", jail);
	c->text = xstrdup(text);
	return c;
}

void chore_begin(struct op *op)
{
	op->job = jobs_start(op->app->jobs, op->command == CMD_NEW ? &make_ops : &remove_ops,
			     chore_new(op->app, op, op->jail, op->text));
}

/* Entries and bytes below a directory, without following anything. */
static void count_tree(struct chore *c, int dir, const char *name, const volatile bool *cancel)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct stat st;

	if (!d) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *de; !*cancel && c->entries < COUNT_MAX && (de = readdir(d));) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		c->entries++;
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (S_ISDIR(st.st_mode))
			count_tree(c, dirfd(d), de->d_name, cancel);
		else
			c->bytes += (uint64_t)st.st_blocks * 512;
	}
	closedir(d);
}

static bool count_one(void *user, const struct checkpoint *c)
{
	uint64_t *n = user;

	(*n)++;
	return true;
}

static void count_jail(struct chore *c, const char *name, const volatile bool *cancel)
{
	struct repo *r = NULL;
	struct jail j;

	c->ret = jail_open(&j, c->places, name, &c->err);
	if (c->ret)
		return;
	count_tree(c, j.dirfd, "upper", cancel);
	if (!repo_open(&r, j.dirfd, NULL)) {
		log_each(r, count_one, &c->checkpoints, NULL);
		repo_close(r);
	}
	jail_close(&j);
}

static void count_work(struct job *job, void *data)
{
	struct chore *c = data;

	for (size_t i = 0; i < c->n && !c->ret; i++)
		count_jail(c, c->names[i], job_cancelled(job));
}

static void count_done(void *data)
{
	struct chore *c = data;
	struct app *a = c->app;
	char size[16], many[32];

	if (c->ret) {
		app_fail(a, "%s", c->err.text);
		return;
	}
	snprintf(many, sizeof(many), "%zu marked jails", c->n);
	ask_close(a);
	a->ask = (struct ask){
	    .open = true, .yes = 'x', .command = CMD_REMOVE, .names = c->names, .n = c->n};
	snprintf(a->ask.text, sizeof(a->ask.text),
		 " x deletes %s for good: %s%" PRIu64 " files (%s), %" PRIu64
		 " checkpoint%s. Any other key keeps %s",
		 c->n > 1 ? many : c->names[0], c->entries >= COUNT_MAX ? "over " : "", c->entries,
		 words_size(c->bytes, size, sizeof(size)), c->checkpoints,
		 c->checkpoints == 1 ? "" : "s", c->n > 1 ? "them" : "it");
	c->names = NULL;
	a->dirty = true;
}

static const struct job_ops count_ops = {.work = count_work, .done = count_done, .drop = drop};

void op_ask_remove(struct app *a, const char (*names)[JAIL_NAME_MAX + 1], size_t n)
{
	struct chore *c = chore_new(a, NULL, names[0], "");

	c->names = xmalloc(n * sizeof(*names));
	memcpy(c->names, names, n * sizeof(*names));
	c->n = n;
	app_say(a, n > 1 ? "counting" : "%s: counting", names[0]);
	jobs_start(a->jobs, &count_ops, c);
}
