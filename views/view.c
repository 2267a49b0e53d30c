/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/view.h"
#include "core/loop.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE_MS 5	 /* of work between two looks at the keys */
#define LOOK_EVERY 256	 /* rows between two looks at the clock */
#define SEARCH_COLS 4096 /* columns of a row that search and filter see */

void env_dirty(const struct view_env *env)
{
	if (env->dirty)
		env->dirty(env->user);
}

void env_hurry(const struct view_env *env)
{
	if (env->hurry)
		env->hurry(env->user);
	else
		env_dirty(env);
}

struct view *view_open(const struct view_env *env, const struct target *t, struct err *e)
{
	struct view *v = xcalloc(1, sizeof(*v));

	v->ops = t->view;
	v->env = env;
	v->state = xcalloc(1, t->view->size ? t->view->size : 1);
	v->shown.all = !v->ops->hidden;
	v->scratch.ascii = env->ascii;
	if (!v->ops->open(v, t, e))
		return v;
	view_close(v);
	return NULL;
}

void view_close(struct view *v)
{
	if (!v)
		return;
	v->ops->close(v);
	free(v->state);
	free(v->search);
	free(v->filter);
	free(v->shown.pos);
	row_free(&v->scratch);
	free(v);
}

void view_stale(struct view *v)
{
	struct shown *s = &v->shown;

	s->all = !v->ops->hidden && !v->filter;
	s->start = s->end = 0;
	s->scanned = v->first;
	env_dirty(v->env);
}

static const char *plain_text(struct view *v, uint64_t pos)
{
	struct look k = {.width = SEARCH_COLS, .now = time(NULL)};

	v->scratch.limit = SEARCH_COLS;
	row_reset(&v->scratch);
	v->ops->row(v, pos, &k, &v->scratch);
	return row_text(&v->scratch);
}

static bool is_shown(struct view *v, uint64_t pos)
{
	bool inverse = v->filter && v->filter[0] == '!';

	if (v->ops->hidden && v->ops->hidden(v, pos))
		return false;
	if (v->filter && v->ops->matches)
		return v->ops->matches(v, pos, v->filter);
	return !v->filter ||
	       text_matches(plain_text(v, pos), v->filter + inverse, NULL, NULL) != inverse;
}

/* Forgets positions that exist no more. */
static void drop_front(struct view *v)
{
	struct shown *s = &v->shown;

	while (s->start < s->end && s->pos[s->start] < v->first)
		s->start++;
	if (s->start > 65536 && s->start > s->end / 2) {
		memmove(s->pos, s->pos + s->start, (s->end - s->start) * sizeof(*s->pos));
		s->end -= s->start;
		s->start = 0;
	}
}

bool view_sync(struct view *v)
{
	struct shown *s = &v->shown;
	int64_t until = loop_now_ms() + SLICE_MS;
	unsigned n = 0;

	if (s->all)
		return true;
	if (s->scanned < v->first)
		s->scanned = v->first;
	drop_front(v);
	while (s->scanned < v->end) {
		if (++n % LOOK_EVERY == 0 && loop_now_ms() >= until)
			return false;
		if (is_shown(v, s->scanned)) {
			if (s->end == s->cap) {
				s->cap = s->cap ? s->cap * 2 : 1024;
				s->pos = xrealloc(s->pos, s->cap * sizeof(*s->pos));
			}
			s->pos[s->end++] = s->scanned;
		}
		s->scanned++;
	}
	return true;
}

size_t view_count(const struct view *v)
{
	const struct shown *s = &v->shown;

	return s->all ? (size_t)(v->end - v->first) : s->end - s->start;
}

uint64_t view_pos(const struct view *v, size_t i)
{
	return v->shown.all ? v->first + i : v->shown.pos[v->shown.start + i];
}

size_t view_index(const struct view *v, uint64_t pos)
{
	const struct shown *s = &v->shown;
	size_t lo = s->start, hi = s->end;

	if (s->all) {
		if (pos < v->first)
			return 0;
		return pos < v->end ? (size_t)(pos - v->first) : view_count(v);
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->pos[mid] < pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - s->start;
}

size_t view_cursor(const struct view *v)
{
	size_t n = view_count(v), i = view_index(v, v->cursor);

	return n && i >= n ? n - 1 : i;
}

bool view_on_row(const struct view *v)
{
	return view_count(v) > 0;
}

void view_go(struct view *v, size_t i)
{
	size_t n = view_count(v);
	uint64_t before = v->cursor;

	if (!n)
		return;
	v->cursor = view_pos(v, i < n ? i : n - 1);
	if (v->cursor != before && v->ops->moved)
		v->ops->moved(v);
	env_dirty(v->env);
}

static void go_by(struct view *v, size_t by, int dir)
{
	size_t at = view_cursor(v);

	if (dir > 0)
		view_go(v, at + by);
	else
		view_go(v, at > by ? at - by : 0);
}

void view_wheel(struct view *v, int rows)
{
	size_t n = view_count(v), page = v->page ? v->page : 1, cursor = view_cursor(v);
	size_t last = n > page ? n - page : 0, top = view_index(v, v->top);
	size_t by = (size_t)(rows < 0 ? -rows : rows);

	if (!n)
		return;
	if (rows < 0)
		top = top > by ? top - by : 0;
	else
		top = top + by < last ? top + by : last;
	v->top = view_pos(v, top);
	v->follow = v->follow && cursor + 1 == n && top == last;
	view_go(v, cursor < top ? top : cursor >= top + page ? top + page - 1 : cursor);
	env_dirty(v->env);
}

bool view_move(struct view *v, enum command_id c)
{
	size_t page = v->page > 1 ? v->page - 1 : 1, half = v->page > 1 ? v->page / 2 : 1;

	switch (c) {
	case CMD_DOWN:
		go_by(v, 1, 1);
		break;
	case CMD_UP:
		go_by(v, 1, -1);
		break;
	case CMD_PAGE_DOWN:
		go_by(v, page, 1);
		break;
	case CMD_PAGE_UP:
		go_by(v, page, -1);
		break;
	case CMD_HALF_DOWN:
		go_by(v, half, 1);
		break;
	case CMD_HALF_UP:
		go_by(v, half, -1);
		break;
	case CMD_FIRST:
		view_go(v, 0);
		break;
	case CMD_LAST:
		v->follow = true;
		view_go(v, SIZE_MAX);
		break;
	case CMD_LEFT:
		v->left = v->left > 8 ? v->left - 8 : 0;
		break;
	case CMD_RIGHT:
		v->left += v->left < SEARCH_COLS ? 8 : 0;
		break;
	default:
		return false;
	}
	if (c != CMD_LAST && c != CMD_LEFT && c != CMD_RIGHT)
		v->follow = false;
	env_dirty(v->env);
	return true;
}

void view_scroll(struct view *v, size_t rows)
{
	size_t n = view_count(v), top = view_index(v, v->top), at;

	v->page = rows;
	if (!n || !rows) {
		v->top = v->first;
		return;
	}
	if (v->follow)
		v->cursor = view_pos(v, n - 1);
	at = view_cursor(v);
	v->cursor = view_pos(v, at);
	if (top > at)
		top = at;
	if (at >= top + rows)
		top = at - rows + 1;
	/* no empty lines at the end while there are rows above */
	if (top + rows > n)
		top = n > rows ? n - rows : 0;
	v->top = view_pos(v, top);
}

void view_row(struct view *v, uint64_t pos, const struct look *k, struct row *out)
{
	row_reset(out);
	v->ops->row(v, pos, k, out);
}

static void set_text(char **to, const char *text)
{
	char *copy = text && *text ? xstrdup(text) : NULL;

	free(*to);
	*to = copy;
}

void view_set_search(struct view *v, const char *text)
{
	set_text(&v->search, text);
	env_dirty(v->env);
}

void view_set_filter(struct view *v, const char *text)
{
	set_text(&v->filter, text && strcmp(text, "!") ? text : NULL);
	view_stale(v);
}

void view_scan_begin(const struct view *v, struct scan *s, int dir, bool here)
{
	size_t n = view_count(v), at = view_cursor(v);

	*s = (struct scan){.dir = dir, .left = n, .at = at};
	if (n && !here)
		s->at = dir > 0 ? (at + 1) % n : (at + n - 1) % n;
}

int view_scan(struct view *v, struct scan *s)
{
	int64_t until = loop_now_ms() + SLICE_MS;
	size_t n = view_count(v);

	for (unsigned i = 1; s->left && n && v->search; i++) {
		if (i % LOOK_EVERY == 0 && loop_now_ms() >= until)
			return -1;
		if (s->at >= n)
			s->at = s->dir > 0 ? 0 : n - 1;
		if (text_matches(plain_text(v, view_pos(v, s->at)), v->search, NULL, NULL)) {
			v->follow = false;
			view_go(v, s->at);
			return 1;
		}
		s->left--;
		s->at = s->dir > 0 ? s->at + 1 : (s->at ? s->at - 1 : n - 1);
	}
	return 0;
}

bool text_matches(const char *text, const char *what, size_t *start, size_t *len)
{
	bool capital = false;
	const char *hit;

	for (const char *p = what; *p; p++)
		capital |= isupper((unsigned char)*p) != 0;
	hit = capital ? strstr(text, what) : strcasestr(text, what);
	if (!hit || !*what)
		return false;
	if (start)
		*start = (size_t)(hit - text);
	if (len)
		*len = strlen(what);
	return true;
}

void view_key(const struct view *v, enum command_id c, struct row *out)
{
	const struct keymap_binding *b = keymap_key_of(v->env->keymap, v->ops->keys, c, NULL);
	char text[64];

	if (b)
		row_str(out, STYLE_KEY, key_seq_text(b->keys, b->nkeys, text, sizeof(text)));
	else
		row_fmt(out, STYLE_KEY, ":%s", command_get(c)->name);
}
