/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture, from top to bottom: where one is, heads of columns, rows (two panes where a view has
 * them), keys, message or prompt.
 */
#include "core/text.h"
#include "tui/app_int.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SIDE_BY_SIDE 100 /* columns from which panes stand beside each other */
#define SHARED_COLS 110	 /* the same for a view that wants a share */
#define SHARED_ROWS 12	 /* and rows below which it has all */

/* Where a search hits in a row's text, in bytes; len 0: nowhere. */
struct hit {
	size_t start, len;
};

static struct hit next_hit(const struct row *r, const char *search, size_t from)
{
	struct hit h = {0};

	if (search && from <= r->text.len &&
	    text_matches(row_text(r) + from, search, &h.start, &h.len))
		h.start += from;
	else
		h.len = 0;
	return h;
}

/* What a piece of text is painted with: its span, where it stands. */
struct piece {
	enum style style;
	uint32_t ink;
	int over;
	const char *p;
	size_t n;
	size_t col;
};

/* A piece of a row onto the screen, without what is left of `left` or beyond the area. */
static void put_piece(struct screen *s, const struct area *at, size_t left, const struct piece *pc)
{
	size_t skip = 0, col = pc->col, n = pc->n;

	if (col < left) {
		skip = text_fit(pc->p, n, left - col);
		col += text_width(pc->p, skip);
		if (skip < n && col < left) { /* half a wide character */
			skip += text_fit(pc->p + skip, n - skip, 2);
			col += 2;
		}
		if (skip >= n)
			return;
	}
	if (col - left >= at->cols)
		return;
	n = text_fit(pc->p + skip, n - skip, at->cols - (col - left));
	if (pc->ink)
		screen_put_ink(s, at->y, at->x + col - left, pc->ink, pc->over, pc->p + skip, n);
	else
		screen_put(s, at->y, at->x + col - left, pc->style, pc->over, pc->p + skip, n);
}

/* A span, split where a search hits. */
static void put_span(struct screen *s, const struct area *at, size_t left, const struct row *r,
		     const struct row_span *sp, int over, const char *search)
{
	size_t from = sp->start, end = sp->start + sp->len, col = sp->col;
	struct hit h = next_hit(r, search, 0);

	while (h.len && h.start + h.len <= from)
		h = next_hit(r, search, h.start + h.len);
	while (from < end) {
		bool in = h.len && h.start <= from;
		size_t to = in ? h.start + h.len : (h.len ? h.start : end);
		struct piece pc = {.style = sp->style,
				   .ink = sp->ink,
				   .over = in ? over | OVER_HIT : over,
				   .p = r->text.p + from,
				   .col = col};

		pc.n = (to < end ? to : end) - from;
		put_piece(s, at, left, &pc);
		col += text_width(pc.p, pc.n);
		from += pc.n;
		if (in && to <= end)
			h = next_hit(r, search, to);
	}
}

static void put_row(struct screen *s, const struct area *at, size_t left, const struct row *r,
		    int over, const char *search)
{
	struct area line = *at;

	line.rows = 1;
	if (over)
		screen_blank(s, at->y, at->x, at->cols, STYLE_TEXT, over);
	for (size_t i = 0; i < r->nspans; i++)
		put_span(s, &line, left, r, &r->spans[i], over, search);
}

static void paint_rows(struct app *a, struct view *v, struct area at, bool focus)
{
	struct look k = {.width = at.cols, .focus = focus, .now = time(NULL)};
	struct row r = {.ascii = a->env.ascii, .limit = at.cols + v->left};
	size_t first, cursor, n, col = SIZE_MAX;
	uint64_t caret;
	bool typed;
	struct pane_place *place = &a->layout.panes[a->layout.npanes++];

	*place = (struct pane_place){.view = v, .all = at, .head = v->ops->head && at.rows > 2};
	if (place->head) {
		v->ops->head(v, &k, &r);
		put_row(a->screen, &at, 0, &r, 0, NULL);
		at.y++;
		at.rows--;
	}
	if (v->ops->sized)
		v->ops->sized(v, at.rows, at.cols);
	view_scroll(v, at.rows);
	typed = v->ops->caret && v->ops->caret(v, &caret, &col);
	n = view_count(v);
	first = view_index(v, v->top);
	cursor = view_cursor(v);
	for (size_t i = 0; i < at.rows; i++, at.y++) {
		bool here = !typed && first + i == cursor;
		int over = here ? (focus ? OVER_CURSOR : OVER_BLURRED) : 0;

		row_reset(&r);
		if (first + i < n) {
			view_row(v, view_pos(v, first + i), &k, &r);
			put_row(a->screen, &at, v->left, &r, over, v->search);
			if (typed && focus && view_pos(v, first + i) == caret && col < at.cols)
				screen_caret(a->screen, at.y, at.x + col);
		} else if (!n && v->ops->empty && v->ops->empty(v, i, &k, &r)) {
			put_row(a->screen, &at, 0, &r, 0, NULL);
		}
	}
	row_free(&r);
}

/* The line between two panes, or a heading over the lower one. */
static void paint_rule(struct app *a, struct area at)
{
	struct row r = {.ascii = a->env.ascii};

	if (at.rows > 1) {
		row_glyph(&r, STYLE_DIM, GLYPH_LINE);
		for (size_t i = 0; i < at.rows; i++, at.y++)
			put_row(a->screen, &at, 0, &r, 0, NULL);
	} else {
		for (size_t i = 0; i < at.cols; i++)
			row_glyph(&r, STYLE_DIM, GLYPH_DASH);
		put_row(a->screen, &at, 0, &r, 0, NULL);
	}
	row_free(&r);
}

#define PANE_COLS 16 /* that both panes keep when the line between them is dragged */
#define PANE_ROWS 2

static size_t within(size_t n, size_t least, size_t whole)
{
	if (n + least + 1 > whole)
		n = whole > least + 1 ? whole - least - 1 : 0;
	return n < least ? least : n;
}

/* Columns of the pane on the left. */
static size_t side_cols(const struct app *a, const struct view *v, size_t cols)
{
	unsigned share = a->split[v->ops->keys][1] ? a->split[v->ops->keys][1] : v->ops->share * 10;

	if (share)
		return within(cols * share / 1000, PANE_COLS, cols);
	return cols * 2 / 5 < 60 ? cols * 2 / 5 : 60;
}

/* Rows of the upper pane: few entries need few, the pane below gets the rest. */
static size_t upper_rows(const struct app *a, const struct view *v, size_t rows)
{
	unsigned share = a->split[v->ops->keys][0] ? a->split[v->ops->keys][0] : v->ops->share * 10;
	size_t most = rows / 3 > 2 ? rows / 3 : 2;

	if (share)
		return within(rows * share / 1000, PANE_ROWS, rows);
	if (view_count(v) < most)
		return view_count(v) > 2 ? view_count(v) : 2;
	return most;
}

static void paint_body(struct app *a, struct area at)
{
	struct view *v = app_top(a), *pane = v->ops->pane ? v->ops->pane(v) : NULL;
	struct area first = at, rule = at, second = at;

	a->layout = (struct layout){.body = at};
	if (!pane || at.rows < (v->ops->share ? SHARED_ROWS : 5) || a->zoomed) {
		paint_rows(a, a->in_pane && pane ? pane : v, at, true);
		return;
	}
	if (at.cols >= (v->ops->share ? SHARED_COLS : SIDE_BY_SIDE)) {
		first.cols = side_cols(a, v, at.cols);
		rule.x = at.x + first.cols;
		rule.cols = 1;
		second.x = rule.x + 1;
		second.cols = at.cols - first.cols - 1;
	} else {
		first.rows = upper_rows(a, v, at.rows);
		rule.y = at.y + first.rows;
		rule.rows = 1;
		second.y = rule.y + 1;
		second.rows = at.rows - first.rows - 1;
	}
	a->layout.rule = rule;
	a->layout.split = true;
	paint_rows(a, v, first, !a->in_pane);
	paint_rule(a, rule);
	paint_rows(a, pane, second, a->in_pane);
}

/* What asks for the network in all jails: in every view, whatever else there is no room for. */
static void add_waiting(const struct app *a, struct row *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < model_count(a->model); i++)
		n += model_at(a->model, i)->net_waiting;
	if (n)
		row_fmt(r, STYLE_BUSY, "  net: %" PRIu64 " wait%s", n, n == 1 ? "s" : "");
}

/* "gaol > demo > feed" on the left, counts and states on the right. */
static void paint_title(struct app *a, struct area at)
{
	struct view *v = app_top(a);
	struct row left = {.ascii = a->env.ascii}, right = left;

	row_str(&left, STYLE_KEY, " gaol ");
	row_glyph(&left, STYLE_DIM, GLYPH_CRUMB);
	row_str(&left, STYLE_TEXT, " ");
	v->ops->title(v, &left);
	if (v->filter) {
		row_str(&left, STYLE_DIM, "  & ");
		row_str(&left, STYLE_BUSY, v->filter);
	}
	if (v->ops->info)
		v->ops->info(v, &right);
	if (a->env.read_only)
		row_str(&right, STYLE_BUSY, "  read-only");
	add_waiting(a, &right);
	put_row(a->screen, &at, 0, &left, 0, NULL);
	if (left.cols + right.cols + 3 > at.cols) {
		row_reset(&right);
		add_waiting(a, &right);
		left.cols = 0;
	}
	if (right.cols && left.cols + right.cols + 3 <= at.cols) {
		at.x += at.cols - right.cols - 1;
		at.cols = right.cols;
		put_row(a->screen, &at, 0, &right, 0, NULL);
	}
	row_free(&left);
	row_free(&right);
}

/* Appends " key word" if it fits into cols. */
static bool add_hint(struct row *r, const char *key, const char *word, size_t cols)
{
	if (r->cols + strlen(key) + strlen(word) + 3 > cols)
		return false;
	row_str(r, STYLE_BAR, " ");
	row_str(r, STYLE_BARKEY, key);
	row_str(r, STYLE_BAR, " ");
	row_str(r, STYLE_BAR, word);
	row_str(r, STYLE_BAR, " ");
	return true;
}

/* A command with its key in this view; false: no key leads to it, or there is no room. */
static bool add_command(struct app *a, struct row *r, enum command_id id, size_t cols)
{
	struct view *v = app_focus(a);
	const struct keymap_binding *b = keymap_key_of(a->keymap, v->ops->keys, id, NULL);
	const struct command *c = command_get(id);
	/* a command of many uses is named by what this binding does with it */
	const char *word = b && *b->args ? b->args : c->hint;
	struct target t = {0};
	char text[64], both[64];

	if (b && (id == CMD_ALLOW || id == CMD_DENY)) {
		snprintf(both, sizeof(both), "%s %s", c->hint, b->args);
		word = both;
	}
	if (!b || !word || (a->env.read_only && (c->flags & CMD_STEERS)))
		return true;
	/* nothing is offered for a jail where there is none */
	if ((id == CMD_ENTER || (c->flags & CMD_WANTS_JAIL)) && v->ops->target &&
	    !v->ops->target(v, id, &t, NULL))
		return true;
	return add_hint(r, key_seq_text(b->keys, b->nkeys, text, sizeof(text)), word, cols);
}

/* What can be pressed, as far as there is room; on the right help, which leads to all the rest, and
 * the cursor's place. */
static void paint_keys(struct app *a, struct area at)
{
	struct view *v = app_focus(a);
	struct row r = {.ascii = a->env.ascii}, place = r;

	screen_blank(a->screen, at.y, at.x, at.cols, STYLE_BAR, 0);
	r.limit = at.cols;
	if (v->ops->status && v->ops->status(v, &r)) {
		put_row(a->screen, &at, 0, &r, 0, NULL);
		row_free(&r);
		return;
	}
	if (v->ops != &help_view)
		add_command(a, &place, CMD_HELP, at.cols);
	if (view_count(v))
		row_fmt(&place, STYLE_BAR, "  %zu/%zu ", view_cursor(v) + 1, view_count(v));
	if (a->in_pane)
		add_command(a, &r, CMD_NEXT_PANE, at.cols - place.cols);
	for (const enum command_id *h = v->ops->hints; *h != CMD_NONE; h++)
		if (!(a->in_pane && *h == CMD_NEXT_PANE) &&
		    !add_command(a, &r, *h, at.cols - place.cols))
			break;
	put_row(a->screen, &at, 0, &r, 0, NULL);
	if (place.cols < at.cols) {
		at.x += at.cols - place.cols;
		put_row(a->screen, &at, 0, &place, 0, NULL);
	}
	row_free(&r);
	row_free(&place);
}

/* The text being typed; scrolls when it is longer than the line. */
static void paint_prompt(struct app *a, struct area at)
{
	struct row r = {.ascii = a->env.ascii}, before = r;
	size_t caret, left;
	const char *text = prompt_text(a->prompt, &caret);

	row_str(&r, STYLE_KEY, prompt_label(a->prompt));
	row_str(&before, STYLE_KEY, prompt_label(a->prompt));
	row_content(&before, STYLE_TEXT, text, caret);
	row_content(&r, STYLE_TEXT, text, strlen(text));
	left = before.cols >= at.cols ? before.cols - at.cols + 1 : 0;
	put_row(a->screen, &at, left, &r, 0, NULL);
	screen_caret(a->screen, at.y, at.x + before.cols - left);
	row_free(&r);
	row_free(&before);
}

static void paint_message(struct app *a, struct area at)
{
	struct row r = {.ascii = a->env.ascii}, busy = r;
	size_t want;

	if (prompt_is_open(a->prompt)) {
		paint_prompt(a, at);
		return;
	}
	if (a->ask.open)
		row_str(&r, STYLE_BUSY, a->ask.text);
	else if (a->nkeys) {
		char keys[64];

		row_fmt(&r, STYLE_KEY, " %s-", key_seq_text(a->keys, a->nkeys, keys, sizeof(keys)));
	} else {
		row_str(&r, STYLE_TEXT, " ");
		row_add(&r, a->message_style, a->message, strlen(a->message));
	}
	put_row(a->screen, &at, 0, &r, 0, NULL);
	/* what is under way has the right end, over a long message */
	if (!a->ask.open && op_progress(a, &busy)) {
		want = busy.cols + 1 < at.cols ? busy.cols + 1 : at.cols;
		at.x += at.cols - want;
		at.cols = want;
		screen_blank(a->screen, at.y, at.x, at.cols, STYLE_TEXT, 0);
		put_row(a->screen, &at, 0, &busy, 0, NULL);
	}
	row_free(&r);
	row_free(&busy);
}

/* Completions over the line of keys. */
static void paint_choices(struct app *a, struct area at)
{
	struct row r = {.ascii = a->env.ascii};

	screen_blank(a->screen, at.y, at.x, at.cols, STYLE_BAR, 0);
	row_str(&r, STYLE_BAR, " ");
	row_str(&r, STYLE_BAR, prompt_choices(a->prompt));
	put_row(a->screen, &at, 0, &r, 0, NULL);
	row_free(&r);
}

void paint(struct app *a)
{
	size_t rows = screen_rows(a->screen), cols = screen_cols(a->screen);
	struct area line = {.rows = 1, .cols = cols};
	struct area body = {.y = 1, .rows = rows > 3 ? rows - 3 : 0, .cols = cols};

	screen_clear(a->screen);
	if (rows >= 4)
		paint_title(a, line);
	if (body.rows)
		paint_body(a, body);
	if (rows >= 2) {
		line.y = rows - 2;
		if (prompt_is_open(a->prompt) && *prompt_choices(a->prompt))
			paint_choices(a, line);
		else
			paint_keys(a, line);
	}
	line.y = rows - 1;
	paint_message(a, line);
	screen_show(a->screen);
}
