/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a view into a file: a slice of its rows at a time, so that no key waits for it. */
#include "tui/app_int.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLICE_MS 5
#define COLS 4096 /* of a row at most */

struct copy {
	struct view *view; /* on the stack, or the pane of one */
	FILE *file;
	char *path;
	uint64_t from, end;
	size_t lines;
};

static void finish(struct app *a, int error)
{
	struct copy *c = a->copy;

	if (fclose(c->file) && !error)
		error = errno;
	if (error) {
		unlink(c->path);
		app_fail(a, "copy: %s: %s: it is not kept", c->path, strerror(error));
	} else {
		app_say(a, "%zu line%s written to %s", c->lines, c->lines == 1 ? "" : "s", c->path);
	}
	free(c->path);
	free(c);
	a->copy = NULL;
}

void copy_turn(struct app *a)
{
	struct copy *c = a->copy;
	struct look k = {.width = COLS, .now = time(NULL)};
	struct row r = {.ascii = a->env.ascii, .limit = COLS};
	int64_t until = loop_now_ms() + SLICE_MS;
	size_t n = view_count(c->view), i;

	/* by positions: rows come and go meanwhile */
	for (i = view_index(c->view, c->from); i < n && loop_now_ms() < until; i++) {
		uint64_t pos = view_pos(c->view, i);

		if (pos >= c->end)
			break;
		view_row(c->view, pos, &k, &r);
		if (fprintf(c->file, "%s\n", row_text(&r)) < 0)
			break;
		c->lines++;
		c->from = pos + 1;
	}
	row_free(&r);
	if (ferror(c->file))
		finish(a, errno);
	else if (i >= n || view_pos(c->view, i) >= c->end)
		finish(a, 0);
	a->dirty = true;
}

void copy_begin(struct app *a, const char *path)
{
	struct copy *c;
	int fd;

	if (a->copy) {
		app_fail(a, "copy: %s is being written: wait for it", a->copy->path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0) {
		app_fail(a, "copy: %s: %s: name %s", path, strerror(errno),
			 errno == EEXIST ? "a file that is not there yet" : "another file");
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->file = fdopen(fd, "w");
	if (!c->file)
		abort(); /* as every allocation that fails */
	c->path = xstrdup(path);
	c->view = app_focus(a);
	c->from = c->view->first;
	c->end = c->view->end;
	a->copy = c;
	copy_turn(a);
}

void copy_forget(struct app *a, const struct view *v)
{
	if (a->copy && (!v || a->copy->view == v))
		finish(a, ECANCELED);
}
