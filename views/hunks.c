/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/hunks.h"
#include "views/jobs.h"
#include "views/page.h"
#include "views/words.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CONTEXT 3
#define TEXT_MAX (64u << 20) /* bytes of a side that are compared line by line */
#define HEX_MAX (4 << 20)    /* the same byte by byte */
#define HEX_ROW 16
#define LINES_MAX 200000     /* of one entry */
#define LINE_MAX_BYTES 16384 /* of one line; no screen shows more */

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
	bool no_space;
	bool *folded; /* by number of the hunk */
	unsigned parts;
	/* what is shown, to be read again */
	struct compare_words words;
	struct compare_entry entry;
	bool shown;
};

struct reading {
	struct view *view;
	struct sides *sides;
	const struct jail_places *places;
	struct compare_words words;
	struct compare_entry entry;
	bool no_space;
	struct page page;
};

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
		page_fmt(p, 'i', STYLE_META, "%s  %s -> %s", x->name, buf_cstr(&a), buf_cstr(&b));
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
		page_fmt(p, 'i', STYLE_META, "%s  %s  %u:%u  %s", word, mode, at->uid, at->gid,
			 words_size(at->size, size, sizeof(size)));
	else if (S_ISCHR(at->mode) || S_ISBLK(at->mode))
		page_fmt(p, 'i', STYLE_META, "%s  %s  %u:%u  %u,%u", word, mode, at->uid, at->gid,
			 major(at->rdev), minor(at->rdev));
	else
		page_fmt(p, 'i', STYLE_META, "%s  %s  %u:%u", word, mode, at->uid, at->gid);
}

static void add_changes(struct page *p, const struct diff_entry *d)
{
	const struct diff_attr *a = &d->a, *b = &d->b;
	char one[16], two[16];

	if (a->mode != b->mode)
		page_fmt(p, 'i', STYLE_META, "mode   %s -> %s",
			 words_mode(a->mode, one, sizeof(one)),
			 words_mode(b->mode, two, sizeof(two)));
	if (a->uid != b->uid || a->gid != b->gid)
		page_fmt(p, 'i', STYLE_META, "owner  %u:%u -> %u:%u", a->uid, a->gid, b->uid,
			 b->gid);
	if (a->rdev != b->rdev)
		page_fmt(p, 'i', STYLE_META, "device %u,%u -> %u,%u", major(a->rdev),
			 minor(a->rdev), major(b->rdev), minor(b->rdev));
	if (a->size != b->size && S_ISREG(b->mode))
		page_fmt(p, 'i', STYLE_META, "size   %s -> %s",
			 words_size(a->size, one, sizeof(one)),
			 words_size(b->size, two, sizeof(two)));
}

static void add_attributes(struct page *p, const struct diff_entry *d)
{
	page_add(p, 'h', STYLE_STRONG, d->path, strlen(d->path));
	if (d->from)
		page_fmt(p, 'i', STYLE_META, "moved from %s", d->from);
	if (!d->a.mode)
		add_one(p, "new", &d->b);
	else if (!d->b.mode)
		add_one(p, "deleted", &d->a);
	else
		add_changes(p, d);
	add_xattrs(p, d);
	if (d->drift)
		page_fmt(p, 'w', STYLE_BAD, "the host has changed this file too");
}

static enum style style_of(char kind)
{
	switch (kind) {
	case '+':
		return STYLE_ADD;
	case '-':
		return STYLE_DEL;
	case '@':
		return STYLE_HUNK;
	case '\\':
		return STYLE_DIM;
	default:
		return STYLE_TEXT;
	}
}

static bool add_line(void *user, const struct diff_line *l)
{
	struct page *p = user;
	size_t n = l->len < LINE_MAX_BYTES ? l->len : LINE_MAX_BYTES;
	struct page_line *to;
	unsigned part;

	if (p->n >= LINES_MAX)
		return false;
	part = p->n ? p->lines[p->n - 1].part : 0;
	if (l->origin == '@')
		page_add(p, 'n', STYLE_DIM, "", 0)->part = ++part;
	to = page_add(p, l->origin, style_of(l->origin), l->text, n);
	to->old_line = l->old_line;
	to->new_line = l->new_line;
	to->part = part;
	return true;
}

/* Lines that went, and those that came in their place: what differs within them. */
static void pair_lines(struct page *p)
{
	for (size_t i = 0; i < p->n;) {
		size_t n = 0, m = 0;

		while (i + n < p->n && p->lines[i + n].kind == '-')
			n++;
		while (n && i + n + m < p->n && p->lines[i + n + m].kind == '+')
			m++;
		if (n && m)
			page_pair(p, i, n, m);
		i += n + m ? n + m : 1;
	}
}

static void hex_row(struct page *p, char kind, const struct buf *b, size_t at)
{
	char text[96];
	size_t n = at < b->len ? words_hex(b->p + at, b->len - at, at, text) : 0;

	if (n)
		page_add(p, kind, style_of(kind), text, n)->part = 1;
}

/* Bytes that differ, sixteen a row, with a row around them. */
static void add_hex(struct page *p, const struct buf *a, const struct buf *b)
{
	size_t end = a->len > b->len ? a->len : b->len;
	bool before = false, gap = true; /* the row before differed; rows were left out */

	page_add(p, '@', STYLE_HUNK, "bytes", 5)->part = 1;
	for (size_t at = 0; at < end && p->n < LINES_MAX; at += HEX_ROW) {
		size_t na = at < a->len ? a->len - at : 0, nb = at < b->len ? b->len - at : 0;

		na = na < HEX_ROW ? na : HEX_ROW;
		nb = nb < HEX_ROW ? nb : HEX_ROW;
		if (na != nb || memcmp(a->p + at, b->p + at, na)) {
			if (gap && at)
				hex_row(p, ' ', a, at - HEX_ROW);
			hex_row(p, '-', a, at);
			hex_row(p, '+', b, at);
			before = true;
			gap = false;
		} else if (before) {
			hex_row(p, ' ', a, at);
			before = false;
		} else if (!gap) {
			page_add(p, 'n', STYLE_DIM, "...", 3)->part = 1;
			gap = true;
		}
	}
}

/* Both sides as bytes; a side that is no file has none. */
static void add_binary(struct reading *r)
{
	struct compare *c = &r->sides->compare;
	const struct diff_entry *d = &r->entry.d;
	struct buf a = {0}, b = {0};
	int ret = 0;

	if (S_ISREG(d->a.mode))
		ret = side_read(c->a, d->from ? d->from : d->path, HEX_MAX, &a);
	if (!ret && S_ISREG(d->b.mode))
		ret = side_read(c->b, d->path, HEX_MAX, &b);
	if (ret)
		page_fmt(&r->page, 'n', STYLE_DIM,
			 "binary, larger than %d MiB: not compared byte by byte", HEX_MAX >> 20);
	else
		add_hex(&r->page, &a, &b);
	buf_free(&a);
	buf_free(&b);
}

static bool wants_text(const struct diff_entry *d)
{
	mode_t m = d->b.mode ? d->b.mode : d->a.mode;

	if (!d->a.size && !d->b.size)
		return false; /* an empty file came or went */
	return (S_ISREG(m) || S_ISLNK(m)) && d->status != DIFF_ATTR;
}

static void add_text(struct reading *r, const volatile bool *cancel)
{
	struct diff_text_options o = {
	    .context = CONTEXT, .no_space = r->no_space, .max_bytes = TEXT_MAX, .cancel = cancel};
	enum diff_text_kind kind = DIFF_NO_TEXT;
	struct compare *c = &r->sides->compare;
	struct err e = {0};
	int ret = diff_text(c->a, c->b, &r->entry.d, &o, add_line, &r->page, &kind, &e);

	if (r->page.n >= LINES_MAX)
		page_fmt(&r->page, 'w', STYLE_BAD, "more than %d lines: the rest is not shown",
			 LINES_MAX);
	else if (ret)
		page_fmt(&r->page, 'w', STYLE_BAD, "%s", e.text);
	else if (kind == DIFF_BINARY)
		add_binary(r);
	else if (kind == DIFF_TOO_LARGE)
		page_fmt(&r->page, 'n', STYLE_DIM, "too large to be compared line by line");
	else if (kind == DIFF_TEXT && r->no_space && r->page.n &&
		 !r->page.lines[r->page.n - 1].part)
		page_fmt(&r->page, 'n', STYLE_DIM, "white space alone has changed");
	pair_lines(&r->page);
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
	/* who moves on quickly leaves a row of these behind */
	if (*cancel)
		;
	else if (s->err.text[0])
		page_fmt(&r->page, 'w', STYLE_BAD, "%s", s->err.text);
	else
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
	h->parts = h->page.n ? h->page.lines[h->page.n - 1].part + 1 : 1;
	h->folded = xrealloc(h->folded, h->parts * sizeof(*h->folded));
	memset(h->folded, 0, h->parts * sizeof(*h->folded));
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

static void read_entry(struct view *v)
{
	struct hunks *h = v->state;
	struct reading *r = xcalloc(1, sizeof(*r));

	job_cancel(h->job);
	h->reading = true;
	if (!h->sides) {
		h->sides = xcalloc(1, sizeof(*h->sides));
		pthread_mutex_init(&h->sides->lock, NULL);
		h->sides->users = 1;
	}
	r->view = v;
	r->sides = h->sides;
	r->sides->users++;
	r->places = v->env->places;
	r->words = h->words;
	r->no_space = h->no_space;
	compare_copy(&r->entry, &h->entry.d);
	h->job = jobs_start(v->env->jobs, &reading_ops, r);
}

static void forget_entry(struct hunks *h)
{
	if (h->shown)
		compare_free(&h->entry);
	h->shown = false;
}

void hunks_show(struct view *v, const struct compare_words *w, const struct compare_entry *e)
{
	struct hunks *h = v->state;

	job_cancel(h->job);
	h->job = NULL;
	h->reading = false;
	forget_entry(h);
	if (!e) {
		page_free(&h->page);
		v->first = v->end = 0;
		view_stale(v);
		return;
	}
	h->words = *w;
	compare_copy(&h->entry, &e->d);
	h->shown = true;
	read_entry(v);
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
	forget_entry(h);
	free(h->folded);
	page_free(&h->page);
}

static void no_title(struct view *v, struct row *out)
{
}

#define NUMBERS 50 /* columns from which line numbers are shown */

static void numbers(const struct page_line *l, struct row *out)
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

static bool is_folded(const struct hunks *h, const struct page_line *l)
{
	return l->part < h->parts && h->folded[l->part];
}

static bool hidden(struct view *v, uint64_t pos)
{
	const struct hunks *h = v->state;
	const struct page_line *l = &h->page.lines[pos];

	return l->kind != '@' && is_folded(h, l);
}

static void row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	const struct hunks *h = v->state;
	const struct page_line *l = &h->page.lines[pos];
	const char *text = buf_cstr(&h->page.text) + l->start;
	char before[2] = {l->kind == '+' || l->kind == '-' ? l->kind : ' ', '\0'};

	if (k->width >= NUMBERS && strchr("+- ", l->kind))
		numbers(l, out);
	row_str(out, l->style, before);
	if (l->kind == 'h')
		row_add(out, l->style, text, l->len);
	else
		page_row(&h->page, l, l->kind == '+' ? STYLE_ADD_WORD : STYLE_DEL_WORD, out);
	if (l->kind == '@' && is_folded(h, l)) {
		row_str(out, STYLE_TEXT, " ");
		row_glyph(out, STYLE_DIM, GLYPH_ELLIPSIS);
	}
}

static bool empty(struct view *v, size_t i, const struct look *k, struct row *out)
{
	const struct hunks *h = v->state;

	if (i == 0 && h->reading)
		row_str(out, STYLE_DIM, " reading");
	return i == 0;
}

static void go_to_part(struct view *v, size_t dir)
{
	const struct hunks *h = v->state;

	for (size_t i = view_cursor(v) + dir; i < view_count(v); i += dir) {
		if (h->page.lines[view_pos(v, i)].kind == '@') {
			view_go(v, i);
			break;
		}
	}
}

/* The hunk under the cursor; all of them: shut when one is open. */
static void fold(struct view *v, bool all)
{
	struct hunks *h = v->state;
	uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;
	unsigned part = pos < h->page.n ? h->page.lines[pos].part : 0;
	bool open = false;

	for (unsigned i = 1; i < h->parts; i++)
		open |= !h->folded[i];
	for (unsigned i = 1; all && i < h->parts; i++)
		h->folded[i] = open;
	if (!all && part) {
		h->folded[part] = !h->folded[part];
		while (pos && h->page.lines[pos].kind != '@')
			pos--;
		v->cursor = pos;
	}
	view_stale(v);
}

static bool command(struct view *v, enum command_id c, const char *args)
{
	struct hunks *h = v->state;

	switch (c) {
	case CMD_NEXT_PART:
	case CMD_PREV_PART:
		go_to_part(v, c == CMD_NEXT_PART ? 1 : (size_t)-1);
		return true;
	case CMD_FOLD:
		fold(v, !strcmp(args, "all"));
		return true;
	case CMD_TOGGLE:
		if (strcmp(args, "space"))
			return false;
		h->no_space = !h->no_space;
		if (h->shown)
			read_entry(v);
		return true;
	default:
		return false;
	}
}

/* The first line of the hunk under the cursor that side B has, 0: none. */
static unsigned hunk_line(struct view *v)
{
	const struct hunks *h = v->state;
	uint64_t pos = view_on_row(v) ? view_pos(v, view_cursor(v)) : UINT64_MAX;
	unsigned part = pos < h->page.n ? h->page.lines[pos].part : 0;

	for (size_t i = 0; part && i < h->page.n; i++)
		if (h->page.lines[i].part == part && h->page.lines[i].new_line > 0)
			return (unsigned)h->page.lines[i].new_line;
	return 0;
}

static bool target(struct view *v, enum command_id c, struct target *t, struct err *e)
{
	const struct hunks *h = v->state;

	if (!h->shown)
		return false; /* the view beside it knows */
	memcpy(t->jail, h->words.jail, sizeof(t->jail));
	if (c == CMD_PREVIEW)
		strcpy(t->a, TARGET_ROLLBACK);
	if (c != CMD_RESTORE && c != CMD_APPLY)
		return true;
	memcpy(t->a, h->words.a, sizeof(t->a));
	memcpy(t->b, h->words.b, sizeof(t->b));
	snprintf(t->path, sizeof(t->path), "%s", h->entry.d.path);
	t->line = hunk_line(v);
	return true;
}

static const enum command_id hints[] = {CMD_NEXT_PART, CMD_NEXT_FILE, CMD_ROLLBACK,
					CMD_RESTORE,   CMD_FOLD,      CMD_NEXT_PANE,
					CMD_SEARCH,    CMD_BACK,      CMD_NONE};

const struct view_ops hunks_view = {
    .name = "hunks",
    .keys = KEYMAP_HUNKS,
    .size = sizeof(struct hunks),
    .open = open_hunks,
    .close = close_hunks,
    .title = no_title,
    .row = row,
    .empty = empty,
    .hidden = hidden,
    .command = command,
    .target = target,
    .hints = hints,
};
