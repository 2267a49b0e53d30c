/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/preview.h"
#include "views/jobs.h"
#include "views/page.h"
#include "views/words.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHOWN_MAX (256 * 1024) /* bytes of a file */
#define HEX_MAX 4096	       /* of one that is no text */

struct preview {
	struct page page;
	struct job *job;
	bool reading;
	char *said; /* of preview_say, for the page that is coming */
};

struct reading {
	struct view *view;
	struct lookin *in;
	char *path;
	struct stat st;
	enum side_origin from;
	bool drift;
	struct page page;
};

const char *preview_origin(enum side_origin from)
{
	static const char *const words[] = {
	    [SIDE_FROM_BASE] = "base", [SIDE_FROM_LAYER] = "new", [SIDE_FROM_OVER] = "layer",
	    [SIDE_FROM_ATTR] = "attr", [SIDE_GONE] = "deleted",
	};

	return words[from];
}

static void add_head(struct reading *r)
{
	static const char *const sentences[] = {
	    [SIDE_FROM_BASE] = "as the host has it",
	    [SIDE_FROM_LAYER] = "made in the jail",
	    [SIDE_FROM_OVER] = "changed in the jail",
	    [SIDE_FROM_ATTR] = "its attributes were changed in the jail",
	    [SIDE_GONE] = "deleted in the jail; this is what the host has",
	};
	char mode[16], size[16], when[32];
	struct tm tm;
	time_t t = r->st.st_mtim.tv_sec;

	page_add(&r->page, 0, STYLE_STRONG, r->path, strlen(r->path));
	strftime(when, sizeof(when), "%F %T", localtime_r(&t, &tm));
	page_fmt(&r->page, 0, STYLE_META, "%s  %u:%u  %s  %s",
		 words_mode(r->st.st_mode, mode, sizeof(mode)), r->st.st_uid, r->st.st_gid,
		 words_size((uint64_t)r->st.st_size, size, sizeof(size)), when);
	page_add(&r->page, 0, r->from == SIDE_FROM_BASE ? STYLE_DIM : STYLE_CHANGE,
		 sentences[r->from], strlen(sentences[r->from]));
	if (r->drift)
		page_fmt(&r->page, 0, STYLE_BAD, "the host has changed this file too");
	page_add(&r->page, 0, STYLE_TEXT, "", 0);
}

static void add_hex(struct page *p, const struct buf *b)
{
	size_t n = b->len < HEX_MAX ? b->len : HEX_MAX;

	for (size_t at = 0; at < n; at += 16) {
		char text[96];

		page_add(p, 0, STYLE_TEXT, text, words_hex(b->p + at, n - at, at, text));
	}
	if (n < b->len)
		page_fmt(p, 0, STYLE_DIM, "binary: the first %d bytes", HEX_MAX);
}

static void add_content(struct page *p, const struct buf *b)
{
	if (memchr(buf_cstr(b), 0, b->len < 8000 ? b->len : 8000)) {
		add_hex(p, b);
		return;
	}
	for (const char *at = buf_cstr(b), *end = at + b->len; at < end;) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((nl ? nl : end) - at);

		page_add(p, 0, STYLE_TEXT, at, n);
		at += n + 1;
	}
}

static bool add_name(void *user, const char *name, const struct stat *st)
{
	struct page *p = user;

	page_fmt(p, 0, S_ISDIR(st->st_mode) ? STYLE_ID : STYLE_TEXT, "%s%s", name,
		 S_ISDIR(st->st_mode) ? "/" : "");
	return p->n < 2000;
}

static bool add_xattr(void *user, const char *name, const void *value, size_t n)
{
	page_fmt(user, 0, STYLE_META, "%s  (%zu bytes)", name, n);
	return true;
}

static void add_body(struct reading *r, struct side *s)
{
	struct buf b = {0};
	int ret = 0;

	if (S_ISREG(r->st.st_mode))
		ret = side_read(s, r->path, SHOWN_MAX, &b);
	else if (S_ISLNK(r->st.st_mode))
		ret = side_readlink(s, r->path, &b);
	else if (S_ISDIR(r->st.st_mode))
		ret = side_list(s, r->path, add_name, &r->page);
	if (ret == -EFBIG)
		page_fmt(&r->page, 0, STYLE_DIM, "larger than %d KiB: not shown", SHOWN_MAX / 1024);
	else if (ret)
		page_fmt(&r->page, 0, STYLE_BAD, "%s", side_error(s));
	add_content(&r->page, &b);
	buf_free(&b);
}

static void work(struct job *j, void *data)
{
	struct reading *r = data;
	struct err e = {0};
	struct side *s;

	add_head(r);
	if (r->from == SIDE_GONE)
		return;
	s = lookin_lock(r->in, &e);
	if (!s) {
		page_fmt(&r->page, 0, STYLE_BAD, "%s", e.text);
		return;
	}
	side_xattrs(s, r->path, add_xattr, &r->page);
	if (!*job_cancelled(j))
		add_body(r, s);
	lookin_unlock(r->in);
}

/* Behind the line that says where the entry comes from. */
static void insert(struct page *p, const char *text)
{
	page_add(p, 0, STYLE_BUSY, text, strlen(text));
	page_lift(p, 3);
}

static void done(void *data)
{
	struct reading *r = data;
	struct view *v = r->view;
	struct preview *p = v->state;

	page_free(&p->page);
	p->page = r->page;
	r->page = (struct page){0};
	p->job = NULL;
	p->reading = false;
	if (p->said)
		insert(&p->page, p->said);
	v->first = 0;
	v->end = p->page.n;
	v->cursor = v->top = 0;
	v->left = 0;
	view_stale(v);
}

static void drop(void *data)
{
	struct reading *r = data;

	lookin_leave(r->in);
	free(r->path);
	page_free(&r->page);
	free(r);
}

static const struct job_ops reading_ops = {.work = work, .done = done, .drop = drop};

void preview_show(struct view *v, struct lookin *in, const char *path, const struct stat *st,
		  enum side_origin from, bool drift)
{
	struct preview *p = v->state;
	struct reading *r;

	job_cancel(p->job);
	p->job = NULL;
	free(p->said);
	p->said = NULL;
	p->reading = path != NULL;
	if (!path) {
		page_free(&p->page);
		v->first = v->end = 0;
		view_stale(v);
		return;
	}
	r = xcalloc(1, sizeof(*r));
	r->view = v;
	r->in = lookin_share(in);
	r->path = xstrdup(path);
	r->st = *st;
	r->from = from;
	r->drift = drift;
	p->job = jobs_start(v->env->jobs, &reading_ops, r);
}

void preview_say(struct view *v, const char *text)
{
	struct preview *p = v->state;

	if (p->reading) {
		free(p->said);
		p->said = xstrdup(text);
		return;
	}
	insert(&p->page, text);
	v->end = p->page.n;
	view_stale(v);
}

static int open_preview(struct view *v, const struct target *t, struct err *e)
{
	return 0;
}

static void close_preview(struct view *v)
{
	struct preview *p = v->state;

	job_cancel(p->job);
	free(p->said);
	page_free(&p->page);
}

static void no_title(struct view *v, struct row *out)
{
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct preview *p = v->state;
	row_str(out, STYLE_TEXT, " ");
	page_row(&p->page, &p->page.lines[pos], STYLE_TEXT, out);
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct preview *p = v->state;

	if (i == 0 && p->reading)
		row_str(out, STYLE_DIM, " reading");
	return i == 0;
}

static const enum command_id hints[] = {CMD_NEXT_PANE, CMD_SEARCH, CMD_ZOOM,
					CMD_COPY,      CMD_BACK,   CMD_NONE};

const struct view_ops preview_view = {
    .name = "preview",
    .keys = KEYMAP_TREE,
    .size = sizeof(struct preview),
    .open = open_preview,
    .close = close_preview,
    .title = no_title,
    .row = row,
    .empty = empty,
    .hints = hints,
};
