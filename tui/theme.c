/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/theme.h"

/* A style: its colour, the one of eight that comes closest in meaning, attributes without any. */
struct look {
	int32_t fg, bg;
	short fg8;
	unsigned attr, mono;
};

enum eight { BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE };

static const struct look dark[STYLE_COUNT] = {
    [STYLE_TEXT] = {.fg = THEME_OWN, .bg = THEME_OWN, .fg8 = THEME_OWN},
    [STYLE_DIM] = {.fg = 0x8a8a8a, .bg = THEME_OWN, .fg8 = THEME_OWN, .mono = THEME_DIM},
    [STYLE_STRONG] = {.fg = THEME_OWN,
		      .bg = THEME_OWN,
		      .fg8 = THEME_OWN,
		      .attr = THEME_BOLD,
		      .mono = THEME_BOLD},
    [STYLE_HEAD] = {.fg = 0x6487af, .bg = THEME_OWN, .fg8 = CYAN, .mono = THEME_UNDERLINE},
    [STYLE_KEY] = {.fg = 0x00afaf, .bg = THEME_OWN, .fg8 = CYAN, .mono = THEME_BOLD},
    [STYLE_ID] = {.fg = 0xaf8710, .bg = THEME_OWN, .fg8 = YELLOW},
    [STYLE_GOOD] = {.fg = 0x5faf5f, .bg = THEME_OWN, .fg8 = GREEN},
    [STYLE_BUSY] = {.fg = 0xd78710, .bg = THEME_OWN, .fg8 = YELLOW, .mono = THEME_BOLD},
    [STYLE_BAD] = {.fg = 0xd75f5f, .bg = THEME_OWN, .fg8 = RED, .mono = THEME_BOLD},
    [STYLE_ADD] = {.fg = 0x5faf5f, .bg = THEME_OWN, .fg8 = GREEN},
    [STYLE_DEL] = {.fg = 0xd75f5f, .bg = THEME_OWN, .fg8 = RED},
    [STYLE_ADD_WORD] = {.fg = 0xafffaf, .bg = 0x1c4b1c, .fg8 = GREEN, .mono = THEME_REVERSE},
    [STYLE_DEL_WORD] = {.fg = 0xffafaf, .bg = 0x641c1c, .fg8 = RED, .mono = THEME_REVERSE},
    [STYLE_CHANGE] = {.fg = 0xaf8710, .bg = THEME_OWN, .fg8 = YELLOW},
    [STYLE_META] = {.fg = 0xb86cb8, .bg = THEME_OWN, .fg8 = MAGENTA},
    [STYLE_HUNK] = {.fg = 0x00afaf, .bg = THEME_OWN, .fg8 = CYAN, .mono = THEME_BOLD},
    [STYLE_BAR] = {.fg = 0xbcbcbc, .bg = 0x303030, .fg8 = THEME_OWN, .mono = THEME_REVERSE},
    [STYLE_BARKEY] = {.fg = 0x5fd7d7,
		      .bg = 0x303030,
		      .fg8 = THEME_OWN,
		      .mono = THEME_REVERSE | THEME_BOLD},
};

static const struct look light[STYLE_COUNT] = {
    [STYLE_TEXT] = {.fg = THEME_OWN, .bg = THEME_OWN, .fg8 = THEME_OWN},
    [STYLE_DIM] = {.fg = 0x6c6c6c, .bg = THEME_OWN, .fg8 = THEME_OWN, .mono = THEME_DIM},
    [STYLE_STRONG] = {.fg = THEME_OWN,
		      .bg = THEME_OWN,
		      .fg8 = THEME_OWN,
		      .attr = THEME_BOLD,
		      .mono = THEME_BOLD},
    [STYLE_HEAD] = {.fg = 0x005f87, .bg = THEME_OWN, .fg8 = BLUE, .mono = THEME_UNDERLINE},
    [STYLE_KEY] = {.fg = 0x006464, .bg = THEME_OWN, .fg8 = BLUE, .mono = THEME_BOLD},
    [STYLE_ID] = {.fg = 0x875f00, .bg = THEME_OWN, .fg8 = MAGENTA},
    [STYLE_GOOD] = {.fg = 0x00640a, .bg = THEME_OWN, .fg8 = GREEN},
    [STYLE_BUSY] = {.fg = 0xa04b00, .bg = THEME_OWN, .fg8 = MAGENTA, .mono = THEME_BOLD},
    [STYLE_BAD] = {.fg = 0xaf0000, .bg = THEME_OWN, .fg8 = RED, .mono = THEME_BOLD},
    [STYLE_ADD] = {.fg = 0x00640a, .bg = THEME_OWN, .fg8 = GREEN},
    [STYLE_DEL] = {.fg = 0xaf0000, .bg = THEME_OWN, .fg8 = RED},
    [STYLE_ADD_WORD] = {.fg = 0x003c00, .bg = 0xafe0af, .fg8 = GREEN, .mono = THEME_REVERSE},
    [STYLE_DEL_WORD] = {.fg = 0x5f0000, .bg = 0xf5bcbc, .fg8 = RED, .mono = THEME_REVERSE},
    [STYLE_CHANGE] = {.fg = 0x875f00, .bg = THEME_OWN, .fg8 = BLUE},
    [STYLE_META] = {.fg = 0x870087, .bg = THEME_OWN, .fg8 = MAGENTA},
    [STYLE_HUNK] = {.fg = 0x006464, .bg = THEME_OWN, .fg8 = BLUE, .mono = THEME_BOLD},
    [STYLE_BAR] = {.fg = 0x303030, .bg = 0xd0d0d0, .fg8 = THEME_OWN, .mono = THEME_REVERSE},
    [STYLE_BARKEY] = {.fg = 0x004b73,
		      .bg = 0xd0d0d0,
		      .fg8 = THEME_OWN,
		      .mono = THEME_REVERSE | THEME_BOLD},
};

/* The row under the cursor: a quiet ground that all of the above can be read on. */
static const struct ground {
	int32_t bg[GROUND_COUNT], fg, dim;
} grounds[] = {
    [THEME_DARK] = {.bg = {[GROUND_CURSOR] = 0x3a3a3a, [GROUND_BLURRED] = 0x303030},
		    .fg = 0xeeeeee,
		    .dim = 0xbcbcbc},
    [THEME_LIGHT] = {.bg = {[GROUND_CURSOR] = 0xdadada, [GROUND_BLURRED] = 0xeeeeee},
		     .fg = 0x000000,
		     .dim = 0x4e4e4e},
};

#define CUBE 16	  /* first colour of the cube of 6 * 6 * 6 */
#define GREYS 232 /* first of 24 greys */

static int32_t level(int32_t i)
{
	return i ? 55 + 40 * i : 0;
}

int32_t theme_rgb_of(int32_t colour)
{
	int32_t c = colour - CUBE;

	if (colour >= GREYS)
		return (8 + 10 * (colour - GREYS)) * 0x10101;
	return level(c / 36) << 16 | level(c / 6 % 6) << 8 | level(c % 6);
}

static int32_t distance(int32_t a, int32_t b)
{
	int32_t r = (a >> 16) - (b >> 16), g = (a >> 8 & 255) - (b >> 8 & 255),
		bl = (a & 255) - (b & 255);

	return r * r * 2 + g * g * 4 + bl * bl * 3; /* the eye's weights, roughly */
}

int32_t theme_near256(int32_t rgb)
{
	int32_t best = CUBE;

	for (int32_t c = CUBE + 1; c < 256; c++)
		if (distance(theme_rgb_of(c), rgb) < distance(theme_rgb_of(best), rgb))
			best = c;
	return best;
}

static struct theme_paint mono(const struct look *l, enum theme_ground g)
{
	struct theme_paint p = {.fg = THEME_OWN, .bg = THEME_OWN, .attr = l->mono};

	if (g == GROUND_CURSOR)
		p.attr = (l->mono & THEME_BOLD) | THEME_REVERSE;
	else if (g == GROUND_BLURRED)
		p.attr |= THEME_UNDERLINE;
	return p;
}

/* Too few colours for a ground of its own: the row is reversed. */
static struct theme_paint eight(const struct look *l, enum theme_ground g)
{
	struct theme_paint p = {.fg = l->fg8, .bg = THEME_OWN, .attr = l->attr};

	if (g == GROUND_CURSOR)
		return (struct theme_paint){
		    .fg = THEME_OWN, .bg = THEME_OWN, .attr = l->attr | THEME_REVERSE};
	if (g == GROUND_BLURRED)
		p.attr |= THEME_UNDERLINE;
	else if (l->bg != THEME_OWN)
		p.attr |= l->mono;
	else
		p.attr |= l->mono & THEME_DIM;
	return p;
}

struct theme_paint theme_paint(enum theme_name t, int32_t colours, enum style s,
			       enum theme_ground g)
{
	const struct look *l = t == THEME_LIGHT ? &light[s] : &dark[s];
	struct theme_paint p = {.fg = l->fg, .bg = l->bg, .attr = l->attr};

	if (t == THEME_MONO || colours < 8)
		return mono(l, g);
	if (colours < 256)
		return eight(l, g);
	if (g != GROUND_NONE) {
		p.bg = grounds[t].bg[g];
		if (p.fg == THEME_OWN)
			p.fg = grounds[t].fg;
		else if (s == STYLE_DIM)
			p.fg = grounds[t].dim;
	}
	if (colours > 256)
		return p;
	p.fg = p.fg == THEME_OWN ? THEME_OWN : theme_near256(p.fg);
	p.bg = p.bg == THEME_OWN ? THEME_OWN : theme_near256(p.bg);
	return p;
}
