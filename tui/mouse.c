/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mouse: select, open, scroll, sort by a head, drag the line between two panes. */
#include "tui/app_int.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WHEEL_ROWS 3
#define DOUBLE_MS 400 /* two presses on a row within that time open it */

static bool inside(const struct area *at, size_t y, size_t x)
{
	return y >= at->y && y < at->y + at->rows && x >= at->x && x < at->x + at->cols;
}

/* The pane at a place, NULL: none, or one that was left since it was painted. */
static struct pane_place *pane_at(struct app *a, size_t y, size_t x)
{
	struct view *top = app_top(a), *beside = top->ops->pane ? top->ops->pane(top) : NULL;

	for (size_t i = 0; i < a->layout.npanes; i++) {
		struct pane_place *p = &a->layout.panes[i];

		if (inside(&p->all, y, x))
			return p->view == top || p->view == beside ? p : NULL;
	}
	return NULL;
}

/* The word of a head that is meant by a press in column x: the one there, else the nearest. */
static bool head_word(const char *text, size_t x, char *out, size_t size)
{
	size_t best = SIZE_MAX, at = 0, n = 0;

	for (size_t i = 0; text[i];) {
		size_t start = i + strspn(text + i, " "), len = strcspn(text + start, " ");
		size_t far = x < start ? start - x : x >= start + len ? x - start - len + 1 : 0;

		if (len && far < best) {
			best = far;
			at = start;
			n = len;
		}
		i = start + len;
	}
	if (!n || n >= size)
		return false;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)text[at + i]);
	out[n] = '\0';
	return true;
}

/* "sort WORD", as `:` would do it; views that cannot be sorted say so. */
static void press_head(struct app *a, const struct pane_place *p, size_t x)
{
	struct look k = {.width = p->all.cols, .now = time(NULL)};
	struct row r = {.ascii = ROW_ASCII};
	enum command_id sort = command_find("sort", 4);
	char word[32];

	p->view->ops->head(p->view, &k, &r);
	if (sort != CMD_NONE && head_word(row_text(&r), x - p->all.x, word, sizeof(word)))
		act(a, sort, word);
	row_free(&r);
}

static void press_row(struct app *a, struct pane_place *p, size_t i)
{
	int64_t now = loop_now_ms();
	size_t at = view_index(p->view, p->view->top) + i;

	if (p->view->ops->caret || at >= view_count(p->view))
		return;
	if (at == view_cursor(p->view) && now - a->pressed < DOUBLE_MS && a->pressed_row == i) {
		a->pressed = 0;
		act(a, CMD_ENTER, "");
		return;
	}
	a->pressed = now;
	a->pressed_row = i;
	view_go(p->view, at);
	/* a row that is looked at stands still */
	p->view->follow = at + 1 == view_count(p->view) && p->view->follow;
}

static void press(struct app *a, size_t y, size_t x)
{
	struct pane_place *p;

	if (a->layout.split && inside(&a->layout.rule, y, x)) {
		a->dragging = true;
		return;
	}
	p = pane_at(a, y, x);
	if (!p)
		return;
	if (a->layout.npanes > 1)
		a->in_pane = p != a->layout.panes;
	if (p->head && y == p->all.y)
		press_head(a, p, x);
	else
		press_row(a, p, y - p->all.y - p->head);
}

/* The line between the panes goes where the mouse is; it is kept for this kind of view. */
static void drag(struct app *a, size_t y, size_t x)
{
	const struct area *body = &a->layout.body;
	unsigned short *split = a->split[app_top(a)->ops->keys];
	bool side = a->layout.rule.rows > 1;
	size_t whole = side ? body->cols : body->rows;
	size_t at = side ? (x > body->x ? x - body->x : 0) : (y > body->y ? y - body->y : 0);
	size_t share = whole ? (at * 1000 + whole - 1) / whole : 0;

	split[side] = (unsigned short)(share < 1 ? 1 : share > 999 ? 999 : share);
}

void mouse_event(struct app *a, const struct screen_mouse *m)
{
	struct pane_place *p = pane_at(a, m->y, m->x);

	/* a question is answered by a key, a text is typed */
	if (a->ask.open || prompt_is_open(a->prompt))
		return;
	switch (m->kind) {
	case MOUSE_PRESS:
		press(a, m->y, m->x);
		break;
	case MOUSE_DRAG:
	case MOUSE_RELEASE:
		if (a->dragging && a->layout.split)
			drag(a, m->y, m->x);
		a->dragging = a->dragging && m->kind == MOUSE_DRAG;
		break;
	case MOUSE_WHEEL_UP:
	case MOUSE_WHEEL_DOWN:
		if (p)
			view_wheel(p->view, m->kind == MOUSE_WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS);
		break;
	}
}
