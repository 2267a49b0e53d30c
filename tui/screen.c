/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _XOPEN_SOURCE_EXTENDED 1
#include "tui/screen.h"
#include "core/text.h"
#include "keymaps/key.h"
#include "tui/tty.h"
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

#define INK_PAIRS_MAX 16384
#define ESCAPE_MS 25 /* an escape sequence arrives within that time */

#define INK_COLOURS 257 /* the 256, and the terminal's own as 0 */

/* Pairs of colours that guests asked for, made as they come; all forgotten when there are no more.
 */
struct inks {
	short first, next, end; /* pairs that are theirs; end 0: no colours */
	bool full;
	short *pairs; /* by foreground * INK_COLOURS + background, 0: none yet */
};

struct screen {
	SCREEN *curses;
	FILE *out;
	bool ascii;
	attr_t attrs[STYLE_COUNT][3]; /* by style and by what lies over it, without OVER_HIT */
	short pairs[STYLE_COUNT][3];
	char farewell[128];
	struct inks inks;
	bool typing; /* the caret is shown there: */
	int caret_y, caret_x;
};

/* Colours of a style: number of a colour, -1 for the terminal's own. */
struct paint {
	short fg256, bg256, fg8, bg8;
	attr_t attr;	  /* with colours */
	attr_t mono_attr; /* without */
};

static const struct paint palette[STYLE_COUNT] = {
    [STYLE_TEXT] = {-1, -1, -1, -1, A_NORMAL, A_NORMAL},
    [STYLE_DIM] = {245, -1, -1, -1, A_NORMAL, A_DIM},
    [STYLE_STRONG] = {-1, -1, -1, -1, A_BOLD, A_BOLD},
    [STYLE_HEAD] = {67, -1, COLOR_CYAN, -1, A_NORMAL, A_UNDERLINE},
    [STYLE_KEY] = {37, -1, COLOR_CYAN, -1, A_NORMAL, A_BOLD},
    [STYLE_ID] = {136, -1, COLOR_YELLOW, -1, A_NORMAL, A_NORMAL},
    [STYLE_GOOD] = {71, -1, COLOR_GREEN, -1, A_NORMAL, A_NORMAL},
    [STYLE_BUSY] = {172, -1, COLOR_YELLOW, -1, A_NORMAL, A_BOLD},
    [STYLE_BAD] = {167, -1, COLOR_RED, -1, A_NORMAL, A_BOLD},
    [STYLE_ADD] = {71, -1, COLOR_GREEN, -1, A_NORMAL, A_NORMAL},
    [STYLE_DEL] = {167, -1, COLOR_RED, -1, A_NORMAL, A_NORMAL},
    [STYLE_CHANGE] = {136, -1, COLOR_YELLOW, -1, A_NORMAL, A_NORMAL},
    [STYLE_META] = {133, -1, COLOR_MAGENTA, -1, A_NORMAL, A_NORMAL},
    [STYLE_HUNK] = {37, -1, COLOR_CYAN, -1, A_NORMAL, A_BOLD},
    [STYLE_BAR] = {250, 236, -1, -1, A_NORMAL, A_REVERSE},
    [STYLE_BARKEY] = {80, 236, -1, -1, A_NORMAL, A_REVERSE | A_BOLD},
};

/* The row under the cursor: a quiet ground that all of the above can be read on. */
#define CURSOR_BG 238
#define BLURRED_BG 236
#define CURSOR_FG 255
#define CURSOR_DIM 250

/* One pair for a style and what lies over it. */
static short make_pair(short *next, short fg, short bg)
{
	short pair = (*next)++;

	return init_pair(pair, fg, bg) == ERR ? 0 : pair;
}

static void set_colours(struct screen *s)
{
	bool rich = COLORS >= 256;
	short next = 1;

	for (int i = 0; i < STYLE_COUNT; i++) {
		const struct paint *p = &palette[i];
		short fg = rich ? p->fg256 : p->fg8, bg = rich ? p->bg256 : p->bg8;

		s->pairs[i][OVER_NOTHING] = make_pair(&next, fg, bg);
		s->attrs[i][OVER_NOTHING] = p->attr | (!rich && i == STYLE_DIM ? A_DIM : 0) |
					    (!rich && p->bg256 >= 0 ? p->mono_attr : 0);
		if (!rich) {
			s->pairs[i][OVER_CURSOR] = s->pairs[i][OVER_BLURRED] = 0;
			s->attrs[i][OVER_CURSOR] = p->attr | A_REVERSE;
			s->attrs[i][OVER_BLURRED] = p->attr | A_UNDERLINE;
			continue;
		}
		fg = fg < 0 ? CURSOR_FG : i == STYLE_DIM ? CURSOR_DIM : fg;
		s->pairs[i][OVER_CURSOR] = make_pair(&next, fg, CURSOR_BG);
		s->pairs[i][OVER_BLURRED] = make_pair(&next, fg, BLURRED_BG);
		s->attrs[i][OVER_CURSOR] = s->attrs[i][OVER_BLURRED] = p->attr;
	}
	s->inks.first = s->inks.next = next;
	s->inks.end = COLOR_PAIRS < INK_PAIRS_MAX ? (short)COLOR_PAIRS : INK_PAIRS_MAX;
}

static void set_mono(struct screen *s)
{
	for (int i = 0; i < STYLE_COUNT; i++) {
		s->attrs[i][OVER_NOTHING] = palette[i].mono_attr;
		s->attrs[i][OVER_CURSOR] = (palette[i].mono_attr & A_BOLD) | A_REVERSE;
		s->attrs[i][OVER_BLURRED] = palette[i].mono_attr | A_UNDERLINE;
	}
}

/* What a fatal signal writes: curses cannot be called then. */
static void prepare_farewell(struct screen *s)
{
	static const char *const capabilities[] = {"sgr0", "rmkx", "rmcup", "cnorm"};

	s->farewell[0] = '\0';
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		const char *text = tigetstr((char *)(uintptr_t)capabilities[i]);

		if (text && text != (const char *)-1 &&
		    strlen(s->farewell) + strlen(text) + 3 < sizeof(s->farewell))
			strcat(s->farewell, text);
	}
	strcat(s->farewell, "\r\n");
	tty_farewell(s->farewell);
}

static void configure(struct screen *s)
{
	raw();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	meta(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	leaveok(stdscr, FALSE);
	if (!getenv("NO_COLOR") && has_colors() && start_color() != ERR &&
	    use_default_colors() != ERR)
		set_colours(s);
	else
		set_mono(s);
	prepare_farewell(s);
}

struct screen *screen_new(struct err *e)
{
	struct screen *s;
	const char *term = getenv("TERM");
	int ret;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		err_set(e, -ENOTTY,
			"standard input or output is no terminal: run gaol in one, or give a verb "
			"(gaol help)");
		return NULL;
	}
	setlocale(LC_CTYPE, "");
	ret = tty_guard(STDIN_FILENO);
	if (ret) {
		err_set(e, ret, "terminal: %s", strerror(-ret));
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->ascii = !tty_utf8();
	s->curses = newterm(term && *term ? NULL : "dumb", stdout, stdin);
	if (!s->curses || !tigetstr("cup") || tigetstr("cup") == (char *)-1) {
		if (s->curses) {
			endwin();
			delscreen(s->curses);
		}
		free(s);
		err_set(e, -ENOTTY,
			"TERM=%s cannot move its cursor: set TERM to what your terminal is",
			term ? term : "");
		return NULL;
	}
	configure(s);
	return s;
}

void screen_free(struct screen *s)
{
	if (!s)
		return;
	endwin();
	tty_farewell(NULL);
	delscreen(s->curses);
	free(s->inks.pairs);
	free(s);
}

size_t screen_rows(const struct screen *s)
{
	return LINES > 0 ? (size_t)LINES : 1;
}

size_t screen_cols(const struct screen *s)
{
	return COLS > 0 ? (size_t)COLS : 1;
}

bool screen_ascii(const struct screen *s)
{
	return s->ascii;
}

void screen_resized(struct screen *s)
{
	uint16_t rows, cols;

	if (tty_size(STDOUT_FILENO, &rows, &cols))
		resizeterm(rows, cols);
	screen_spoiled(s);
}

void screen_spoiled(struct screen *s)
{
	clearok(curscr, TRUE);
}

void screen_clear(struct screen *s)
{
	erase();
	s->typing = false;
	if (s->inks.full) {
		memset(s->inks.pairs, 0, INK_COLOURS * INK_COLOURS * sizeof(*s->inks.pairs));
		s->inks.next = s->inks.first;
		s->inks.full = false;
	}
}

static void set_style(const struct screen *s, enum style style, int over)
{
	int ground = over & 3;
	attr_t attr = s->attrs[style][ground];

	if (over & OVER_HIT)
		attr = ground == OVER_CURSOR ? attr | A_UNDERLINE | A_BOLD : attr ^ A_REVERSE;
	attr_set(attr, s->pairs[style][ground], NULL);
}

/* Bytes at s that are printable ASCII. */
static size_t plain(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (unsigned char)s[i] < 0x80)
		i++;
	return i;
}

/* Bytes of the character beyond ASCII at s, with the marks that stand over it; 0: none. */
static size_t cluster(const char *s, size_t n)
{
	uint32_t cp;
	size_t len = text_decode(s, n, &cp), more;

	while (len && len < n && (unsigned char)s[len] >= 0x80) {
		more = text_decode(s + len, n - len, &cp);
		if (!more || text_width(s + len, more))
			break;
		len += more;
	}
	return len;
}

/* Each character beyond ASCII gets its place from our own idea of widths: where curses thinks
 * otherwise, only that one is off. */
static void put_text(size_t y, size_t x, const char *text, size_t n)
{
	while (n) {
		size_t len = plain(text, n);

		if (!len && !(len = cluster(text, n)))
			return;
		mvaddnstr((int)y, (int)x, text, (int)len);
		x += text_width(text, len);
		text += len;
		n -= len;
	}
}

void screen_put(struct screen *s, size_t y, size_t x, enum style style, int over, const char *text,
		size_t n)
{
	set_style(s, style, over);
	put_text(y, x, text, n);
}

/* A colour of the 256 as this terminal has it: *bright where only bold can show it. */
static short ink_colour(int colour, bool *bright)
{
	if (colour < 0 || COLORS >= 256)
		return (short)colour;
	*bright |= colour >= 8 && colour < 16;
	return colour < 16 ? (short)(colour % 8) : -1;
}

static short ink_pair(struct inks *k, short fg, short bg)
{
	size_t at = (size_t)(fg + 1) * INK_COLOURS + (size_t)(bg + 1);

	if ((fg < 0 && bg < 0) || !k->end)
		return 0;
	if (!k->pairs && !(k->pairs = calloc(INK_COLOURS * INK_COLOURS, sizeof(*k->pairs))))
		abort();
	if (!k->pairs[at]) {
		k->full = k->next >= k->end;
		if (!k->full)
			k->pairs[at] = make_pair(&k->next, fg, bg);
	}
	return k->pairs[at];
}

void screen_put_ink(struct screen *s, size_t y, size_t x, uint32_t ink, int over, const char *text,
		    size_t n)
{
	bool bright = ink & INK_BOLD, dark = false;
	short fg = ink_colour(INK_FG_OF(ink), &bright), bg = ink_colour(INK_BG_OF(ink), &dark);
	attr_t attr = (bright ? A_BOLD : 0) | (ink & INK_UNDERLINE ? A_UNDERLINE : 0) |
		      (ink & INK_ITALIC ? A_ITALIC : 0) | (ink & INK_REVERSE ? A_REVERSE : 0);

	if (over & 3) { /* the row under the cursor is to be seen as one */
		screen_put(s, y, x, STYLE_TEXT, over, text, n);
		return;
	}
	if (over & OVER_HIT)
		attr ^= A_REVERSE;
	attr_set(attr, ink_pair(&s->inks, fg, bg), NULL);
	put_text(y, x, text, n);
}

void screen_blank(struct screen *s, size_t y, size_t x, size_t cols, enum style style, int over)
{
	set_style(s, style, over);
	move((int)y, (int)x);
	while (cols--)
		addch(' ');
}

void screen_caret(struct screen *s, size_t y, size_t x)
{
	s->typing = true;
	s->caret_y = (int)y;
	s->caret_x = (int)x;
}

void screen_show(struct screen *s)
{
	if (s->typing)
		move(s->caret_y, s->caret_x);
	curs_set(s->typing);
	refresh();
}

/* A key of curses as one of ours. */
static uint32_t named_key(wint_t c)
{
	static const struct {
		int curses;
		uint32_t key;
	} names[] = {
	    {KEY_UP, K_UP},	  {KEY_DOWN, K_DOWN},	 {KEY_LEFT, K_LEFT},
	    {KEY_RIGHT, K_RIGHT}, {KEY_HOME, K_HOME},	 {KEY_END, K_END},
	    {KEY_PPAGE, K_PGUP},  {KEY_NPAGE, K_PGDN},	 {KEY_IC, K_INSERT},
	    {KEY_DC, K_DELETE},	  {KEY_BTAB, K_BACKTAB}, {KEY_BACKSPACE, K_BACKSPACE},
	    {KEY_ENTER, K_ENTER}, {KEY_A1, K_HOME},	 {KEY_C1, K_END},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((wint_t)names[i].curses == c)
			return names[i].key;
	if (c >= (wint_t)KEY_F(1) && c <= (wint_t)KEY_F(12))
		return K_F1 + (uint32_t)(c - (wint_t)KEY_F(1));
	return K_NONE;
}

uint32_t screen_key(struct screen *s)
{
	wint_t c;
	uint32_t key;
	int kind;

	/* a key that means nothing here is passed over, not taken for the end of input */
	while ((kind = get_wch(&c)) == KEY_CODE_YES)
		if ((key = named_key(c)) != K_NONE)
			return key;
	if (kind == ERR)
		return K_NONE;
	if (c == '\n')
		return K_ENTER;
	if (c == 8)
		return K_BACKSPACE;
	if (c != K_ESC)
		return (uint32_t)c;
	kind = get_wch(&c);
	if (kind == ERR)
		return K_ESC;
	if (kind == OK && c == K_ESC) { /* pressed twice, not Alt with it */
		unget_wch((wchar_t)c);
		return K_ESC;
	}
	key = kind == KEY_CODE_YES ? named_key(c) : (uint32_t)c;
	return key == K_NONE ? K_ESC : key | K_ALT;
}

void screen_leave(struct screen *s)
{
	endwin();
	tty_farewell(NULL);
}

void screen_return(struct screen *s)
{
	tty_farewell(s->farewell);
	reset_prog_mode();
	screen_resized(s);
	refresh();
}
