/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/term.h"
#include "core/buf.h"
#include "core/text.h"
#include "keymaps/key.h"
#include "tui/filter.h"
#include "views/row.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vterm.h>

/* A question without an answer (on_answer): libvterm looks where its cursor is after each CSI. */
#define RIGHT_CURSOR "\033[5n"
#define DIGITS_MAX 4 /* of a number in a sequence: no screen has more rows */

/* Text of one ink. */
struct run {
	uint32_t ink;
	uint32_t len;
};

/* A line above the screen: its runs, then their text. */
struct kept {
	uint32_t runs, bytes;
	struct run run[];
};

/* A line being made of cells. */
struct making {
	struct buf text;
	struct run *runs;
	size_t n, cap;
};

struct term {
	VTerm *vt;
	VTermScreen *screen;
	struct filter filter;
	struct buf safe, sane; /* bytes behind the filter, and with small numbers */
	struct buf *keys;      /* where libvterm's answers go, NULL: nowhere */
	size_t rows, cols;
	bool cursor;
	struct kept **lines; /* a ring of TERM_LINES_MAX */
	uint64_t dropped;    /* lines that are gone */
	uint64_t pushed;     /* lines that ever scrolled off */
	size_t bytes;
	struct making making;
};

/* A wide character on a screen of one column is libvterm's end. */
#define LEAST 2

static size_t bound(size_t n, size_t most)
{
	return n < LEAST ? LEAST : n > most ? most : n;
}

/* The nearest of the 256 colours: the cube of 216, or a grey. */
static int near_colour(uint8_t r, uint8_t g, uint8_t b)
{
	int most = r > g ? r : g, least = r < g ? r : g;

	most = most > b ? most : b;
	least = least < b ? least : b;
	if (most - least < 12) {
		if (most < 8)
			return 16;
		return most > 247 ? 231 : 232 + (most - 8) / 10;
	}
	/* levels 0, 95, 135, 175, 215, 255 */
	int part[3] = {r, g, b}, at[3];
	for (int i = 0; i < 3; i++)
		at[i] = part[i] < 48 ? 0 : part[i] < 115 ? 1 : (part[i] - 35) / 40;
	return 16 + 36 * at[0] + 6 * at[1] + at[2];
}

static int colour_of(const VTermColor *c)
{
	if (VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c))
		return -1;
	if (VTERM_COLOR_IS_INDEXED(c))
		return c->indexed.idx;
	return near_colour(c->rgb.red, c->rgb.green, c->rgb.blue);
}

static uint32_t ink_of(const VTermScreenCell *c)
{
	int fg = colour_of(&c->fg), bg = colour_of(&c->bg);

	return INK_FG(fg) | INK_BG(bg) | (c->attrs.bold ? (uint32_t)INK_BOLD : 0) |
	       (c->attrs.underline ? (uint32_t)INK_UNDERLINE : 0) |
	       (c->attrs.italic ? (uint32_t)INK_ITALIC : 0) |
	       (c->attrs.reverse ? (uint32_t)INK_REVERSE : 0);
}

static struct run *run_of(struct making *m, uint32_t ink)
{
	if (m->n && m->runs[m->n - 1].ink == ink)
		return &m->runs[m->n - 1];
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 32;
		m->runs = xrealloc(m->runs, m->cap * sizeof(*m->runs));
	}
	m->runs[m->n] = (struct run){.ink = ink};
	return &m->runs[m->n++];
}

/* A cell's character and its marks, exactly as wide as the cell. */
static void add_cell(struct making *m, const VTermScreenCell *c)
{
	struct run *r = run_of(m, ink_of(c));
	size_t start = m->text.len, width = c->width == 2 ? 2 : 1, cols;
	char one[4];

	for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && c->chars[i]; i++) {
		uint32_t cp = c->chars[i];

		if (cp > 0x10ffff || text_is_unsafe(cp)) {
			if (i)
				continue;
			cp = '?';
		}
		size_t n = key_utf8(cp, one);
		/* a mark belongs on a character, and few of them */
		if (i && (i > 4 || m->text.p[start] == ' ' || text_width(one, n)))
			continue;
		buf_add(&m->text, one, n);
	}
	cols = text_width(buf_cstr(&m->text) + start, m->text.len - start);
	if (cols > width) {
		m->text.len = start;
		buf_ch(&m->text, '?');
		cols = 1;
	}
	for (; cols < width; cols++)
		buf_ch(&m->text, ' ');
	r->len += (uint32_t)(m->text.len - start);
}

/* Blank cells at the end are left out. */
static void make_line(struct making *m, const VTermScreenCell *cells, size_t cols)
{
	buf_reset(&m->text);
	m->n = 0;
	while (cols && !cells[cols - 1].chars[0] && !ink_of(&cells[cols - 1]))
		cols--;
	for (size_t i = 0; i < cols; i++)
		if (cells[i].chars[0] != (uint32_t)-1) /* the right half of a wide one */
			add_cell(m, &cells[i]);
}

static void drop_oldest(struct term *t)
{
	struct kept **at = &t->lines[t->dropped % TERM_LINES_MAX];

	t->bytes -= (*at)->bytes;
	free(*at);
	*at = NULL;
	t->dropped++;
}

static int on_push(int cols, const VTermScreenCell *cells, void *user)
{
	struct term *t = user;
	struct making *m = &t->making;
	struct kept *k;
	size_t runs;

	make_line(m, cells, (size_t)cols);
	runs = m->n * sizeof(*m->runs);
	k = xmalloc(sizeof(*k) + runs + m->text.len);
	k->runs = (uint32_t)m->n;
	k->bytes = (uint32_t)(sizeof(*k) + runs + m->text.len);
	if (m->n)
		memcpy(k->run, m->runs, runs);
	if (m->text.len)
		memcpy((char *)k->run + runs, m->text.p, m->text.len);
	if (t->pushed - t->dropped == TERM_LINES_MAX)
		drop_oldest(t);
	t->lines[t->pushed++ % TERM_LINES_MAX] = k;
	t->bytes += k->bytes;
	while (t->bytes > TERM_BYTES_MAX)
		drop_oldest(t);
	return 1;
}

static int on_property(VTermProp prop, VTermValue *val, void *user)
{
	struct term *t = user;

	if (prop == VTERM_PROP_CURSORVISIBLE)
		t->cursor = val->boolean;
	return 1;
}

static void on_answer(const char *s, size_t len, void *user)
{
	struct term *t = user;

	if (t->keys)
		buf_add(t->keys, s, len);
}

static const VTermScreenCallbacks callbacks = {.settermprop = on_property, .sb_pushline = on_push};

struct term *term_new(size_t rows, size_t cols)
{
	struct term *t = xcalloc(1, sizeof(*t));

	t->rows = bound(rows, TERM_ROWS_MAX);
	t->cols = bound(cols, TERM_COLS_MAX);
	t->cursor = true;
	t->lines = xcalloc(TERM_LINES_MAX, sizeof(*t->lines));
	filter_init(&t->filter, true);
	t->vt = vterm_new((int)t->rows, (int)t->cols);
	if (!t->vt)
		abort(); /* as every allocation that fails */
	vterm_set_utf8(t->vt, 1);
	vterm_output_set_callback(t->vt, on_answer, t);
	t->screen = vterm_obtain_screen(t->vt);
	vterm_screen_set_callbacks(t->screen, &callbacks, t);
	vterm_screen_enable_altscreen(t->screen, 1);
	vterm_screen_reset(t->screen, 1);
	return t;
}

void term_free(struct term *t)
{
	if (!t)
		return;
	vterm_free(t->vt);
	while (t->dropped < t->pushed)
		drop_oldest(t);
	free(t->lines);
	free(t->making.runs);
	buf_free(&t->making.text);
	buf_free(&t->safe);
	buf_free(&t->sane);
	free(t);
}

void term_resize(struct term *t, size_t rows, size_t cols)
{
	uint64_t before, up;
	VTermPos at;
	char text[48];

	rows = bound(rows, TERM_ROWS_MAX);
	cols = bound(cols, TERM_COLS_MAX);
	if (rows == t->rows && cols == t->cols)
		return;
	t->rows = rows;
	t->cols = cols;
	vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &at);
	before = t->pushed;
	vterm_set_size(t->vt, (int)rows, (int)cols);
	/* The cursor stays on its line, of which libvterm 0.1 loses sight when lines scroll off;
	 * and a scrolling region may reach beyond the screen now. */
	up = t->pushed - before;
	at.row = (uint64_t)at.row > up ? at.row - (int)up : 0;
	snprintf(text, sizeof(text), "\033[r\033[%d;%dH", at.row + 1, at.col + 1);
	vterm_input_write(t->vt, text, strlen(text));
	vterm_screen_flush_damage(t->screen);
}

/* What libvterm 0.1 needs: numbers with too many digits lose some, since it adds to them without
 * looking, and a cursor that is restored may have been saved on a larger screen. The filter puts
 * out whole sequences. */
static void tame(const struct buf *in, struct buf *out)
{
	enum { TEXT, ESCAPE, CSI } state = TEXT;
	size_t digits = 0;

	buf_reset(out);
	for (size_t i = 0; i < in->len; i++) {
		char c = in->p[i];
		bool digit = c >= '0' && c <= '9';

		digits = digit ? digits + 1 : 0;
		if (state != CSI || digits <= DIGITS_MAX)
			buf_ch(out, c);
		if (c == '\033')
			state = ESCAPE;
		else if (state == ESCAPE) {
			state = c == '[' ? CSI : TEXT;
			if (c == '8')
				buf_str(out, RIGHT_CURSOR);
		} else if (state == CSI && c >= '@' && c <= '~')
			state = TEXT;
	}
}

void term_write(struct term *t, const void *p, size_t n)
{
	buf_reset(&t->safe);
	filter_run(&t->filter, p, n, &t->safe);
	tame(&t->safe, &t->sane);
	if (t->sane.len)
		vterm_input_write(t->vt, t->sane.p, t->sane.len);
	vterm_screen_flush_damage(t->screen);
}

uint64_t term_first(const struct term *t)
{
	return t->dropped;
}

uint64_t term_end(const struct term *t)
{
	return t->pushed + t->rows;
}

/* What stands for a character where nothing beyond ASCII may be shown. */
static char plain_of(uint32_t cp)
{
	if (cp == 0x2500 || cp == 0x2501 || cp == 0x2550)
		return '-';
	if (cp == 0x2502 || cp == 0x2503 || cp == 0x2551)
		return '|';
	return cp > 0x2500 && cp < 0x2580 ? '+' : '?';
}

static void put_run(const struct run *r, const char *text, struct row *out)
{
	struct buf b = {0};

	if (!out->ascii) {
		row_ink(out, r->ink, text, r->len);
		return;
	}
	for (size_t i = 0; i < r->len;) {
		uint32_t cp = 0;
		size_t n = text_decode(text + i, r->len - i, &cp);

		if (!n)
			break;
		for (size_t cols = text_width(text + i, n); cols; cols--)
			buf_ch(&b, cp < 0x80 ? (char)cp : plain_of(cp));
		i += n;
	}
	row_ink(out, r->ink, buf_cstr(&b), b.len);
	buf_free(&b);
}

static void put_runs(const struct run *runs, size_t n, const char *text, struct row *out)
{
	for (size_t i = 0; i < n; i++) {
		put_run(&runs[i], text, out);
		text += runs[i].len;
	}
}

static void screen_line(const struct term *t, int at, struct row *out)
{
	VTermScreenCell *cells = xcalloc(t->cols, sizeof(*cells));
	struct making m = {0};

	for (size_t i = 0; i < t->cols; i++)
		vterm_screen_get_cell(t->screen, (VTermPos){.row = at, .col = (int)i}, &cells[i]);
	make_line(&m, cells, t->cols);
	put_runs(m.runs, m.n, buf_cstr(&m.text), out);
	free(cells);
	free(m.runs);
	buf_free(&m.text);
}

void term_line(const struct term *t, uint64_t pos, struct row *out)
{
	if (pos >= t->pushed) {
		if (pos < term_end(t))
			screen_line(t, (int)(pos - t->pushed), out);
	} else if (pos >= t->dropped) {
		const struct kept *k = t->lines[pos % TERM_LINES_MAX];

		put_runs(k->run, k->runs, (const char *)&k->run[k->runs], out);
	}
}

bool term_cursor(const struct term *t, uint64_t *pos, size_t *col)
{
	VTermPos at;

	vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &at);
	*pos = t->pushed + (uint64_t)at.row;
	*col = (size_t)at.col;
	return t->cursor;
}

static VTermKey key_of(uint32_t key)
{
	static const struct {
		uint32_t key;
		VTermKey vterm;
	} keys[] = {
	    {K_UP, VTERM_KEY_UP},	{K_DOWN, VTERM_KEY_DOWN},     {K_LEFT, VTERM_KEY_LEFT},
	    {K_RIGHT, VTERM_KEY_RIGHT}, {K_HOME, VTERM_KEY_HOME},     {K_END, VTERM_KEY_END},
	    {K_PGUP, VTERM_KEY_PAGEUP}, {K_PGDN, VTERM_KEY_PAGEDOWN}, {K_INSERT, VTERM_KEY_INS},
	    {K_DELETE, VTERM_KEY_DEL},	{K_BACKTAB, VTERM_KEY_TAB},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].key == key)
			return keys[i].vterm;
	if (key >= K_F1 && key <= K_F12)
		return (VTermKey)VTERM_KEY_FUNCTION(key - K_F1 + 1);
	return VTERM_KEY_NONE;
}

void term_key(struct term *t, uint32_t key, struct buf *out)
{
	VTermModifier mod = key & K_ALT ? VTERM_MOD_ALT : VTERM_MOD_NONE;
	char utf8[4];

	key &= ~K_ALT;
	if (key >= K_BASE) {
		t->keys = out;
		if (key == K_BACKTAB)
			mod |= VTERM_MOD_SHIFT;
		if (key_of(key) != VTERM_KEY_NONE)
			vterm_keyboard_key(t->vt, key_of(key), mod);
		t->keys = NULL;
		return;
	}
	if (mod & VTERM_MOD_ALT)
		buf_ch(out, '\033');
	buf_add(out, utf8, key_utf8(key, utf8));
}
