/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/hunks.h"
#include "views/jobs.h"
#include "views/words.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CONTEXT 3
#define LINES_MAX 200000     /* of one entry */
#define LINE_MAX_BYTES 16384 /* of one line; no screen shows more */

struct line {
	char origin; /* of diff_line; 'h' the name, 'i' an attribute, 'n' a note, 'w' a warning */
	int old_line, new_line;
	size_t start, len; /* in the text */
};

struct page {
	struct line *lines;
	size_t n, cap;
	struct buf text;
	bool cut;
};

/* Both sides, opened by the first job and used by one at a time. Owned by the view and its jobs. */
struct sides {
	pthread_mutex_t lock; /* over compare */
	struct compare compare;
	bool tried;
	struct err err;
	int users; /* only the loop's thread counts */
};

struct hunks {
	struct page page;
	struct sides *sides;
	struct job *job;
	bool reading;
};

struct reading {
	struct view *view;
	struct sides *sides;
	const struct jail_places *places;
	struct compare_words words;
	struct compare_entry entry;
	struct page page;
};

static struct line *page_add(struct page *p, char origin, const char *text, size_t n)
{
	struct line *l;

	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->lines = xrealloc(p->lines, p->cap * sizeof(*p->lines));
	}
	l = &p->lines[p->n++];
	*l = (struct line){
	    .origin = origin, .old_line = -1, .new_line = -1, .start = p->text.len, .len = n};
	buf_add(&p->text, text, n);
	return l;
}

static void page_fmt(struct page *p, char origin, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void page_fmt(struct page *p, char origin, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	page_add(p, origin, buf_cstr(&b), b.len);
	buf_free(&b);
}

static void page_free(struct page *p)
{
	free(p->lines);
	buf_free(&p->text);
	*p = (struct page){0};
}

/* A value of an attribute as text: printable as it is, else in hexadecimal digits. */
static void value_text(const void *p, size_t n, struct buf *out)
{
	const unsigned char *u = p;
	bool printable = n > 0;

	if (!p) {
		buf_str(out, "none");
		return;
	}
	if (n > COMPARE_XATTR_MAX)
		n = COMPARE_XATTR_MAX;
	for (size_t i = 0; i < n; i++)
		printable &= u[i] >= 0x20 && u[i] < 0x7f;
	if (printable) {
		buf_ch(out, '"');
		buf_add(out, p, n);
		buf_ch(out, '"');
		return;
	}
	buf_str(out, n ? "0x" : "empty");
	for (size_t i = 0; i < n && i < 32; i++)
		buf_fmt(out, "%02x", u[i]);
	if (n > 32)
		buf_str(out, "...");
}

static void add_xattrs(struct page *p, const struct diff_entry *d)
{
	for (size_t i = 0; i < d->nxattrs; i++) {
		const struct diff_xattr *x = &d->xattrs[i];
		struct buf a = {0}, b = {0};

		value_text(x->a, x->alen, &a);
		value_text(x->b, x->blen, &b);
		page_fmt(p, 'i', "%s  %s -> %s", x->name, buf_cstr(&a), buf_cstr(&b));
		buf_free(&a);
		buf_free(&b);
	}
}

/* One side alone, for what came or went: "-rw-r--r--  0:0  1.2K". */
static void add_one(struct page *p, const char *word, const struct diff_attr *at)
{
	char mode[16], size[16];

	words_mode(at->mode, mode, sizeof(mode));
	if (S_ISREG(at->mode))
		page_fmt(p, 'i', "%s  %s  %u:%u  %s", word, mode, at->uid, at->gid,
			 words_size(at->size, size, sizeof(size)));
	else if (S_ISCHR(at->mode) || S_ISBLK(at->mode))
		page_fmt(p, 'i', "%s  %s  %u:%u  %u,%u", word, mode, at->uid, at->gid,
			 major(at->rdev), minor(at->rdev));
	else
		page_fmt(p, 'i', "%s  %s  %u:%u", word, mode, at->uid, at->gid);
}

static void add_changes(struct page *p, const struct diff_entry *d)
{
	const struct diff_attr *a = &d->a, *b = &d->b;
	char one[16], two[16];

	if (a->mode != b->mode)
		page_fmt(p, 'i', "mode   %s -> %s", words_mode(a->mode, one, sizeof(one)),
			 words_mode(b->mode, two, sizeof(two)));
	if (a->uid != b->uid || a->gid != b->gid)
		page_fmt(p, 'i', "owner  %u:%u -> %u:%u", a->uid, a->gid, b->uid, b->gid);
	if (a->rdev != b->rdev)
		page_fmt(p, 'i', "device %u,%u -> %u,%u", major(a->rdev), minor(a->rdev),
			 major(b->rdev), minor(b->rdev));
	if (a->size != b->size && S_ISREG(b->mode))
		page_fmt(p, 'i', "size   %s -> %s", words_size(a->size, one, sizeof(one)),
			 words_size(b->size, two, sizeof(two)));
}

static void add_attributes(struct page *p, const struct diff_entry *d)
{
	page_add(p, 'h', d->path, strlen(d->path));
	if (d->from)
		page_fmt(p, 'i', "moved from %s", d->from);
	if (!d->a.mode)
		add_one(p, "new", &d->b);
	else if (!d->b.mode)
		add_one(p, "deleted", &d->a);
	else
		add_changes(p, d);
	add_xattrs(p, d);
	if (d->drift)
		page_fmt(p, 'w', "the host has changed this file too");
}

static bool add_line(void *user, const struct diff_line *l)
{
	struct page *p = user;
	size_t n = l->len < LINE_MAX_BYTES ? l->len : LINE_MAX_BYTES;
	struct line *to;

	if (p->n >= LINES_MAX) {
		p->cut = true;
		return false;
	}
	if (l->origin == '@')
		page_add(p, 'n', "", 0);
	to = page_add(p, l->origin, l->text, n);
	to->old_line = l->old_line;
	to->new_line = l->new_line;
	return true;
}

static bool wants_text(const struct diff_entry *d)
{
	mode_t m = d->b.mode ? d->b.mode : d->a.mode;

	return (S_ISREG(m) || S_ISLNK(m)) && d->status != DIFF_ATTR;
}

static void add_text(struct reading *r, const volatile bool *cancel)
{
	struct diff_text_options o = {.context = CONTEXT, .cancel = cancel};
	enum diff_text_kind kind = DIFF_NO_TEXT;
	struct compare *c = &r->sides->compare;
	struct err e = {0};
	int ret = diff_text(c->a, c->b, &r->entry.d, &o, add_line, &r->page, &kind, &e);

	if (r->page.cut)
		page_fmt(&r->page, 'w', "more than %d lines: the rest is not shown", LINES_MAX);
	else if (ret)
		page_fmt(&r->page, 'w', "%s", e.text);
	else if (kind == DIFF_BINARY)
		page_fmt(&r->page, 'n', "binary");
	else if (kind == DIFF_TOO_LARGE)
		page_fmt(&r->page, 'n', "too large to be compared line by line");
}

static void work(struct job *j, void *data)
{
	struct reading *r = data;
	struct sides *s = r->sides;
	const volatile bool *cancel = job_cancelled(j);

	add_attributes(&r->page, &r->entry.d);
	if (!wants_text(&r->entry.d))
		return;
	pthread_mutex_lock(&s->lock);
	if (!s->tried && !*cancel) {
		s->tried = true;
		if (!compare_open(&s->compare, r->places, &r->words, cancel, &s->err))
			s->err.text[0] = '\0';
	}
	if (s->tried && s->err.text[0])
		page_fmt(&r->page, 'w', "%s", s->err.text);
	else if (s->tried)
		add_text(r, cancel);
	pthread_mutex_unlock(&s->lock);
}

static void done(void *data)
{
	struct reading *r = data;
	struct view *v = r->view;
	struct hunks *h = v->state;

	page_free(&h->page);
	h->page = r->page;
	r->page = (struct page){0};
	h->job = NULL;
	h->reading = false;
	v->first = 0;
	v->end = h->page.n;
	v->cursor = v->top = 0;
	v->left = 0;
	view_stale(v);
}

static void sides_leave(struct sides *s)
{
	if (!s || --s->users)
		return;
	compare_close(&s->compare);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void drop(void *data)
{
	struct reading *r = data;

	sides_leave(r->sides);
	compare_free(&r->entry);
	page_free(&r->page);
	free(r);
}

static const struct job_ops reading_ops = {.work = work, .done = done, .drop = drop};

void hunks_show(struct view *v, const struct compare_words *w, const struct compare_entry *e)
{
	struct hunks *h = v->state;
	struct reading *r;

	job_cancel(h->job);
	h->job = NULL;
	h->reading = e != NULL;
	if (!e) {
		page_free(&h->page);
		v->first = v->end = 0;
		view_stale(v);
		return;
	}
	if (!h->sides) {
		h->sides = xcalloc(1, sizeof(*h->sides));
		pthread_mutex_init(&h->sides->lock, NULL);
		h->sides->users = 1;
	}
	r = xcalloc(1, sizeof(*r));
	r->view = v;
	r->sides = h->sides;
	r->sides->users++;
	r->places = v->env->places;
	r->words = *w;
	compare_copy(&r->entry, &e->d);
	h->job = jobs_start(v->env->jobs, &reading_ops, r);
}

void hunks_forget(struct view *v)
{
	struct hunks *h = v->state;

	sides_leave(h->sides);
	h->sides = NULL;
}

static int open_hunks(struct view *v, const struct target *t, struct err *e)
{
	return 0;
}

static void close_hunks(struct view *v)
{
	struct hunks *h = v->state;

	job_cancel(h->job);
	hunks_forget(v);
	page_free(&h->page);
}

static void no_title(struct view *v, struct row *out)
{
}

#define NUMBERS 50 /* columns from which line numbers are shown */

static void numbers(const struct line *l, struct row *out)
{
	if (l->old_line > 0)
		row_right(out, STYLE_DIM, 5, "%d", l->old_line);
	else
		row_to(out, out->cols + 5);
	if (l->new_line > 0)
		row_right(out, STYLE_DIM, 6, "%d", l->new_line);
	else
		row_to(out, out->cols + 6);
	row_str(out, STYLE_DIM, " ");
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	static const struct {
		char origin;
		enum style style;
		const char *before;
	} looks[] = {
	    {'h', STYLE_STRONG, " "}, {'i', STYLE_META, " "}, {'n', STYLE_DIM, " "},
	    {'w', STYLE_BAD, " "},    {'@', STYLE_HUNK, " "}, {'+', STYLE_ADD, "+"},
	    {'-', STYLE_DEL, "-"},    {' ', STYLE_TEXT, " "}, {'\\', STYLE_DIM, " "},
	};
	const struct hunks *h = v->state;
	const struct line *l = &h->page.lines[pos];
	const char *text = buf_cstr(&h->page.text) + l->start;

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		if (looks[i].origin != l->origin)
			continue;
		if (k->width >= NUMBERS && strchr("+- ", l->origin))
			numbers(l, out);
		row_str(out, looks[i].style, looks[i].before);
		if (l->origin == 'h')
			row_add(out, looks[i].style, text, l->len);
		else
			row_content(out, looks[i].style, text, l->len);
		return;
	}
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct hunks *h = v->state;

	if (i == 0 && h->reading)
		row_str(out, STYLE_DIM, " reading");
	return i == 0;
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	const struct hunks *h = v->state;
	size_t dir = c == CMD_NEXT_PART ? 1 : (size_t)-1;

	if (c != CMD_NEXT_PART && c != CMD_PREV_PART)
		return false;
	for (size_t i = view_cursor(v) + dir; i < view_count(v); i += dir) {
		if (h->page.lines[view_pos(v, i)].origin == '@') {
			view_go(v, i);
			break;
		}
	}
	return true;
}

static const enum command_id hints[] = {CMD_NEXT_PART, CMD_NEXT_PANE, CMD_SEARCH,
					CMD_ROLLBACK,  CMD_BACK,      CMD_NONE};

const struct view_ops hunks_view = {
    .name = "hunks",
    .keys = KEYMAP_HUNKS,
    .size = sizeof(struct hunks),
    .open = open_hunks,
    .close = close_hunks,
    .title = no_title,
    .row = row,
    .empty = empty,
    .command = command,
    .hints = hints,
};
