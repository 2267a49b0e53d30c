/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _XOPEN_SOURCE_EXTENDED 1
#include "tui/screen.h"
#include "core/text.h"
#include "keymaps/key.h"
#include "tui/frame.h"
#include "tui/theme.h"
#include "tui/tty.h"
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

#define INK_PAIRS_MAX 16384
#define MICE_MAX 8   /* as many as curses keeps */
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
	struct frame *frame;
	enum row_ascii ascii;
	bool mouse;
	bool moused;			    /* the mouse is to be on again after screen_return */
	struct screen_mouse mice[MICE_MAX]; /* not handed on yet, the oldest last */
	size_t nmice;
	/* by style and by what lies over it, without OVER_HIT */
	attr_t attrs[STYLE_COUNT][GROUND_COUNT];
	short pairs[STYLE_COUNT][GROUND_COUNT];
	char farewell[128];
	struct inks inks;
	bool typing; /* the caret is shown there: */
	int caret_y, caret_x;
};

static attr_t attributes(unsigned set)
{
	return (set & THEME_BOLD ? A_BOLD : 0) | (set & THEME_DIM ? A_DIM : 0) |
	       (set & THEME_UNDERLINE ? A_UNDERLINE : 0) | (set & THEME_REVERSE ? A_REVERSE : 0);
}

/* One pair for a style and what lies over it. */
static short make_pair(short *next, int fg, int bg)
{
	short pair = (*next)++;

	return init_extended_pair(pair, fg, bg) == ERR ? 0 : pair;
}

/* A colour of the 256 for this terminal: those of direct colour have no numbers beyond 7. */
static int colour_of_256(int colour)
{
	return COLORS > 256 && colour >= 16 ? theme_rgb_of(colour) : colour;
}

/* What COLORFGBG ("15;0", "0;default;15") says of the terminal's ground. */
static enum theme_name guess_theme(void)
{
	const char *env = getenv("COLORFGBG"), *last = env ? strrchr(env, ';') : NULL;

	return last && (!strcmp(last, ";15") || !strcmp(last, ";7")) ? THEME_LIGHT : THEME_DARK;
}

static enum theme_name choose_theme(const struct settings *set)
{
	const char *none = getenv("NO_COLOR");

	if ((none && *none) || set->theme == SETTINGS_MONO || set->colours == SETTINGS_NONE)
		return THEME_MONO;
	return set->theme == SETTINGS_DARK    ? THEME_DARK
	       : set->theme == SETTINGS_LIGHT ? THEME_LIGHT
					      : guess_theme();
}

/* The number of colours to paint with: what the terminal has, and what is wished for. */
static int32_t choose_colours(const struct settings *set)
{
	int32_t has = has_colors() ? COLORS : 0;

	if (set->colours == SETTINGS_256 && has > 256)
		return 256;
	return set->colours == SETTINGS_8 && has > 8 ? 8 : has;
}

static void set_looks(struct screen *s, const struct settings *set)
{
	enum theme_name theme = choose_theme(set);
	int32_t colours = choose_colours(set);
	short next = 1;

	for (int i = 0; i < STYLE_COUNT; i++) {
		for (int g = 0; g < GROUND_COUNT; g++) {
			struct theme_paint p =
			    theme_paint(theme, colours, (enum style)i, (enum theme_ground)g);
			int fg = colours == 256 ? colour_of_256(p.fg) : p.fg;
			int bg = colours == 256 ? colour_of_256(p.bg) : p.bg;

			s->attrs[i][g] = attributes(p.attr);
			s->pairs[i][g] =
			    fg == THEME_OWN && bg == THEME_OWN ? 0 : make_pair(&next, fg, bg);
		}
	}
	s->inks.first = s->inks.next = next;
	s->inks.end = theme == THEME_MONO || colours < 8 ? 0
		      : COLOR_PAIRS < INK_PAIRS_MAX	 ? (short)COLOR_PAIRS
							 : INK_PAIRS_MAX;
	s->inks.full = true;
}

/* True for terminals whose fonts have no lines beyond ASCII that one can be sure of. */
static bool plain_font(void)
{
	const char *term = getenv("TERM");

	return term && (!strncmp(term, "linux", 5) || !strncmp(term, "vt", 2) ||
			!strcmp(term, "screen.linux"));
}

static void set_lines(struct screen *s, const struct settings *set)
{
	if (!tty_utf8())
		s->ascii = ROW_ASCII;
	else if (set->drawing == SETTINGS_ASCII ||
		 (set->drawing == SETTINGS_LINES_AUTO && plain_font()))
		s->ascii = ROW_ASCII_LINES;
	else
		s->ascii = ROW_UTF8;
}

/* Movement while a button is held: curses asks only for presses and releases. */
#define MOTION_ON "\033[?1002h"
#define MOUSE_EVENTS                                                                               \
	(BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON4_PRESSED | BUTTON5_PRESSED |                  \
	 REPORT_MOUSE_POSITION)
#define MOTION_OFF "\033[?1002l"

static void send_text(const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
}

static void set_mouse(struct screen *s, bool on)
{
	const char *kmous = tigetstr((char *)(uintptr_t) "kmous");

	if (!kmous || kmous == (const char *)-1 || on == s->mouse)
		return;
	s->mouse = on;
	mouseinterval(0); /* else each click waits whether it becomes two */
	/* without clicks in the mask: else a press and a release that are read at once become one
	 */
	mousemask(on ? MOUSE_EVENTS : 0, NULL);
	send_text(on ? MOTION_ON : MOTION_OFF);
}

void screen_settings(struct screen *s, const struct settings *set)
{
	set_looks(s, set);
	set_lines(s, set);
	set_mouse(s, set->mouse);
	screen_spoiled(s);
}

/* What a fatal signal writes: curses cannot be called then. */
static void prepare_farewell(struct screen *s)
{
	static const char *const capabilities[] = {"sgr0", "rmkx", "rmcup", "cnorm"};

	/* those who know no mouse pass over it */
	strcpy(s->farewell, MOTION_OFF "\033[?1000l\033[?1006l");
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
	typeahead(-1);
	if (has_colors() && start_color() != ERR)
		use_default_colors();
	prepare_farewell(s);
}

/* The name of TERM's entry for direct colour, where true colour is wished for and there is one. */
static char *direct_term(const struct settings *set)
{
	const char *term = getenv("TERM");
	size_t n = term ? strlen(term) : 0;
	char name[80];
	int found;

	if (set->colours != SETTINGS_TRUE || n > 60)
		return NULL;
	if (n > 9 && !strcmp(term + n - 9, "-256color"))
		n -= 9;
	snprintf(name, sizeof(name), "%.*s-direct", (int)n, term ? term : "");
	if (setupterm(name, STDOUT_FILENO, &found) == ERR)
		return NULL;
	del_curterm(cur_term);
	return strdup(name);
}

struct screen *screen_new(const struct settings *set, struct err *e)
{
	struct screen *s;
	const char *term = getenv("TERM");
	char *direct;
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
	direct = direct_term(set);
	s->frame = frame_new(STDOUT_FILENO);
	s->curses = newterm(direct	    ? direct
			    : term && *term ? NULL
					    : "dumb",
			    s->frame ? frame_file(s->frame) : stdout, stdin);
	free(direct);
	if (!s->curses || !tigetstr("cup") || tigetstr("cup") == (char *)-1) {
		if (s->curses) {
			endwin();
			delscreen(s->curses);
		}
		frame_free(s->frame);
		free(s);
		err_set(e, -ENOTTY,
			"TERM=%s cannot move its cursor: set TERM to what your terminal is",
			term ? term : "");
		return NULL;
	}
	configure(s);
	screen_settings(s, set);
	return s;
}

void screen_free(struct screen *s)
{
	if (!s)
		return;
	set_mouse(s, false);
	endwin();
	tty_farewell(NULL);
	delscreen(s->curses);
	frame_free(s->frame);
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

enum row_ascii screen_ascii(const struct screen *s)
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
		if (s->inks.pairs)
			memset(s->inks.pairs, 0,
			       INK_COLOURS * INK_COLOURS * sizeof(*s->inks.pairs));
		s->inks.next = s->inks.first;
		s->inks.full = false;
	}
}

static void set_style(const struct screen *s, enum style style, int over)
{
	int ground = over & 3; /* OVER_CURSOR and OVER_BLURRED are those of the theme */
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
static int ink_colour(int colour, bool *bright)
{
	if (colour < 0 || COLORS == 256 || (COLORS > 256 && (colour < 8 || colour >= 16)))
		return colour_of_256(colour);
	*bright |= colour >= 8 && colour < 16;
	return colour < 16 ? colour % 8 : -1;
}

static short ink_pair(struct inks *k, int fg_of_256, int bg_of_256, int fg, int bg)
{
	size_t at = (size_t)(fg_of_256 + 1) * INK_COLOURS + (size_t)(bg_of_256 + 1);

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
	int fg = ink_colour(INK_FG_OF(ink), &bright), bg = ink_colour(INK_BG_OF(ink), &dark);
	attr_t attr = (bright ? A_BOLD : 0) | (ink & INK_UNDERLINE ? A_UNDERLINE : 0) |
		      (ink & INK_ITALIC ? A_ITALIC : 0) | (ink & INK_REVERSE ? A_REVERSE : 0);

	if (over & 3) { /* the row under the cursor is to be seen as one */
		screen_put(s, y, x, STYLE_TEXT, over, text, n);
		return;
	}
	if (over & OVER_HIT)
		attr ^= A_REVERSE;
	attr_set(attr, ink_pair(&s->inks, INK_FG_OF(ink), INK_BG_OF(ink), fg, bg), NULL);
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
	if (s->frame)
		frame_begin(s->frame);
	if (s->typing)
		move(s->caret_y, s->caret_x);
	curs_set(s->typing);
	refresh();
	if (s->frame)
		frame_end(s->frame);
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

/* What an event of curses means; false: nothing here. */
static bool mouse_of(const MEVENT *m, struct screen_mouse *out)
{
	static const struct {
		mmask_t bits;
		enum screen_mouse_kind kind;
	} kinds[] = {
	    {BUTTON4_PRESSED, MOUSE_WHEEL_UP},	 {BUTTON5_PRESSED, MOUSE_WHEEL_DOWN},
	    {BUTTON1_PRESSED, MOUSE_PRESS},	 {BUTTON1_RELEASED, MOUSE_RELEASE},
	    {REPORT_MOUSE_POSITION, MOUSE_DRAG},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!(m->bstate & kinds[i].bits) || m->y < 0 || m->x < 0)
			continue;
		*out = (struct screen_mouse){
		    .kind = kinds[i].kind, .y = (size_t)m->y, .x = (size_t)m->x};
		return true;
	}
	return false;
}

/* Several events may have been read at once; curses hands them out the newest first. */
static void take_mouse(struct screen *s)
{
	MEVENT m;

	s->nmice = 0;
	while (s->nmice < MICE_MAX && getmouse(&m) != ERR)
		s->nmice += mouse_of(&m, &s->mice[s->nmice]);
}

struct screen_mouse screen_mouse(struct screen *s)
{
	return s->mice[--s->nmice];
}

uint32_t screen_key(struct screen *s)
{
	wint_t c;
	uint32_t key;
	int kind;

	if (s->nmice)
		return SCREEN_MOUSE;
	/* a key that means nothing here is passed over, not taken for the end of input */
	while ((kind = get_wch(&c)) == KEY_CODE_YES) {
		if (c == KEY_MOUSE)
			take_mouse(s);
		if (s->nmice)
			return SCREEN_MOUSE;
		if ((key = named_key(c)) != K_NONE)
			return key;
	}
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
	s->moused = s->mouse;
	set_mouse(s, false);
	endwin();
	tty_farewell(NULL);
}

void screen_return(struct screen *s)
{
	tty_farewell(s->farewell);
	reset_prog_mode();
	set_mouse(s, s->moused);
	screen_resized(s);
	refresh();
}
