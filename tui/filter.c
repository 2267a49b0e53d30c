/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/filter.h"
#include "core/buf.h"
#include "core/text.h"
#include <string.h>

#define ESC "\033"
#define REPLACEMENT "\xef\xbf\xbd"

/* Soft reset, clear, home: what is left of a full reset, which would drop scrollback too. */
#define SOFT_RESET ESC "[!p" ESC "[?1049l" ESC "[m" ESC "[H" ESC "[2J"

/* Modes that a guest may set and reset. None makes the terminal send anything but what its user
 * types or does with the mouse; filter_reset switches off what would outlive the guest. */
static const unsigned ansi_modes[] = {4 /* insert */, 20 /* newline */};
static const unsigned private_modes[] = {1 /* cursor keys */,
					 5 /* reverse video */,
					 6 /* origin */,
					 7 /* wrap */,
					 12 /* blink */,
					 25 /* cursor */,
					 45 /* reverse wrap */,
					 47,
					 1047,
					 1048,
					 1049 /* alternate screen */,
					 1000,
					 1002,
					 1003 /* mouse */,
					 1004 /* focus */,
					 1006,
					 1007 /* mouse */,
					 2004 /* paste */};

/* Final bytes of sequences without a private mark or an intermediate byte. Not among them: c (DA),
 * n (DSR), t (window), x (DECREQTPARM), i (print), q (LEDs), g (tab stops, which nothing brings
 * back), p, y, z, | and what is not defined. */
static const char plain_finals[] = "@ABCDEFGHIJKLMPSTXZ`abdefhlmrsu";

void filter_init(struct filter *f, bool utf8)
{
	*f = (struct filter){.utf8 = utf8};
}

static bool listed(const unsigned *list, size_t n, unsigned mode)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == mode)
			return true;
	return false;
}

/* Parses parameters "1;2:3" into at most max numbers; -1 when one is beyond 9999 (REP and scrolling
 * by millions only burn the terminal's time) or a byte is none. */
static int parameters(const unsigned char *p, size_t n, unsigned *out, int max)
{
	int count = 0;
	unsigned value = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && p[i] >= '0' && p[i] <= '9') {
			value = value * 10 + (p[i] - '0');
			if (value > 9999)
				return -1;
		} else if (i == n || p[i] == ';' || p[i] == ':') {
			if (count < max)
				out[count] = value;
			count++;
			value = 0;
		} else {
			return -1;
		}
	}
	return count;
}

/* h and l: puts out those of the modes that are listed, one sequence each. */
static void put_modes(struct filter *f, struct buf *out, bool private, const unsigned *v, int count,
		      char final)
{
	for (int i = 0; i < count && i < 16; i++) {
		bool ok =
		    private ? listed(private_modes, sizeof(private_modes) / sizeof(unsigned), v[i])
			    : listed(ansi_modes, sizeof(ansi_modes) / sizeof(unsigned), v[i]);

		if (!ok)
			continue;
		if (private && (v[i] == 47 || v[i] == 1047 || v[i] == 1049))
			f->alt = final == 'h';
		if (private && v[i] == 6)
			f->origin = true;
		buf_fmt(out, ESC "[%s%u%c", private ? "?" : "", v[i], final);
	}
}

/* A whole CSI sequence is in seq, its final byte last. */
static void put_csi(struct filter *f, struct buf *out)
{
	unsigned v[16] = {0};
	char final = (char)f->seq[f->n - 1];
	bool private = f->seq[0] == '?';
	const unsigned char *p = f->seq + private;
	size_t n = f->n - 1 - private;
	int count = parameters(p, n, v, 16);

	if (f->n >= 2 && f->seq[f->n - 2] == ' ' && final == 'q') {
		/* cursor's shape */
		if (f->n == 2 || (f->n == 3 && f->seq[0] >= '0' && f->seq[0] <= '6'))
			buf_fmt(out, ESC "[%.*s", (int)f->n, f->seq);
		return;
	}
	if (f->n == 2 && f->seq[0] == '!' && final == 'p') {
		buf_str(out, ESC "[!p");
		return;
	}
	if (count < 0)
		return;
	if (final == 'h' || final == 'l') {
		put_modes(f, out, private, v, count, final);
		return;
	}
	if (private ? final != 'J' && final != 'K' : !strchr(plain_finals, final))
		return;
	/* with five parameters T tracks the mouse; with any, s sets margins and u steers keys */
	if ((final == 'T' && count > 1) || ((final == 's' || final == 'u') && n))
		return;
	buf_str(out, ESC "[");
	buf_add(out, f->seq, f->n);
}

static void in_csi(struct filter *f, unsigned char c, struct buf *out)
{
	if (c >= 0x80) {
		f->state = FILTER_GROUND;
		f->n = 0;
		return;
	}
	if (f->n < sizeof(f->seq))
		f->seq[f->n++] = c;
	else
		f->bad = true;
	if (c < 0x40)
		return;
	if (!f->bad)
		put_csi(f, out);
	f->state = FILTER_GROUND;
	f->n = 0;
}

static void in_esc(struct filter *f, unsigned char c, struct buf *out)
{
	f->state = FILTER_GROUND;
	f->n = 0;
	switch (c) {
	case '[':
		f->state = FILTER_CSI;
		f->bad = false;
		break;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		f->state = FILTER_STRING;
		f->skipped = 0;
		break;
	case '7':
	case '8':
	case 'D':
	case 'E':
	case 'M':
	case '=':
	case '>':
		buf_fmt(out, ESC "%c", c);
		break;
	case 'c':
		f->alt = false;
		buf_str(out, SOFT_RESET);
		break;
	default:
		if (c >= 0x20 && c < 0x30) {
			f->seq[f->n++] = c;
			f->state = FILTER_ESC_MORE;
		}
	}
}

/* Behind ESC and an intermediate byte: only the choice of a character set passes. */
static void in_esc_more(struct filter *f, unsigned char c, struct buf *out)
{
	if (c >= 0x20 && c < 0x30) {
		f->n = 2; /* more of them: nothing that is known */
		return;
	}
	if (f->n == 1 && (f->seq[0] == '(' || f->seq[0] == ')') &&
	    (c == '0' || c == 'A' || c == 'B'))
		buf_fmt(out, ESC "%c%c", f->seq[0], c);
	f->state = FILTER_GROUND;
	f->n = 0;
}

/* Control bytes, which act inside sequences too. */
static void control(struct filter *f, unsigned char c, struct buf *out)
{
	if (f->state == FILTER_STRING) {
		if (c == 0x07 || c == 0x18 || c == 0x1a)
			f->state = FILTER_GROUND;
		else if (c == 0x1b)
			f->state = FILTER_ESC; /* ESC \ ends it, anything else begins anew */
		return;
	}
	switch (c) {
	case 0x1b:
		f->state = FILTER_ESC;
		f->n = 0;
		break;
	case 0x18:
	case 0x1a:
		f->state = FILTER_GROUND;
		f->n = 0;
		break;
	case 0x07:
	case 0x08:
	case 0x09:
	case 0x0a:
	case 0x0b:
	case 0x0c:
	case 0x0d:
	case 0x0e:
	case 0x0f:
		buf_ch(out, (char)c);
		break;
	default:
		break;
	}
}

/* Direction controls turn around what stands beside them; C1 controls steer some terminals. */
static bool turns(uint32_t cp)
{
	return (cp >= 0x80 && cp < 0xa0) || cp == 0x61c || cp == 0x200e || cp == 0x200f ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

/* The whole number of bytes that a lead byte announces, 0 for one that leads nothing. */
static size_t announced(unsigned char c)
{
	return c >= 0xc2 && c <= 0xdf	? 2
	       : c >= 0xe0 && c <= 0xef ? 3
	       : c >= 0xf0 && c <= 0xf4 ? 4
					: 0;
}

static void put_bad(struct filter *f, struct buf *out)
{
	buf_str(out, f->utf8 ? REPLACEMENT : "?");
}

/* A byte of text in ground state; f->seq holds the beginning of a character. */
static void text(struct filter *f, unsigned char c, struct buf *out)
{
	uint32_t cp;

	if (f->n && (c & 0xc0) != 0x80) {
		put_bad(f, out); /* cut short */
		f->n = 0;
	}
	if (c < 0x80) {
		if (c != 0x7f)
			buf_ch(out, (char)c);
		return;
	}
	if (!f->n && !announced(c)) {
		put_bad(f, out);
		return;
	}
	f->seq[f->n++] = c;
	if (f->n < announced(f->seq[0]))
		return;
	if (!f->utf8 || !text_decode((const char *)f->seq, f->n, &cp) || turns(cp))
		put_bad(f, out);
	else
		buf_add(out, f->seq, f->n);
	f->n = 0;
}

void filter_run(struct filter *f, const void *p, size_t n, struct buf *out)
{
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = s[i];

		if (c < 0x20) {
			if (f->state == FILTER_GROUND && f->n) {
				put_bad(f, out);
				f->n = 0;
			}
			control(f, c, out);
			continue;
		}
		switch (f->state) {
		case FILTER_GROUND:
			text(f, c, out);
			break;
		case FILTER_ESC:
			in_esc(f, c, out);
			break;
		case FILTER_ESC_MORE:
			in_esc_more(f, c, out);
			break;
		case FILTER_CSI:
			in_csi(f, c, out);
			break;
		case FILTER_STRING:
			if (++f->skipped >= FILTER_STRING_MAX)
				f->state = FILTER_GROUND;
			break;
		}
	}
}

void filter_reset(struct filter *f, struct buf *out)
{
	bool utf8 = f->utf8;

	if (f->alt)
		buf_str(out, ESC "[?1049l");
	/* It moves the cursor home, so that what follows would overwrite what is there. */
	if (f->origin)
		buf_str(out, ESC "[?6l");
	buf_str(out, ESC "[?1000l" ESC "[?1002l" ESC "[?1003l" ESC "[?1004l" ESC "[?1006l" ESC
			 "[?1007l" ESC "[?2004l" ESC "[?45l" ESC "[?5l" ESC "[?1l" ESC "[?12l" ESC
			 "[4l" ESC "[20l" ESC "7" ESC "[r" ESC "8" ESC "[?7h" ESC "[?25h" ESC
			 ">" ESC "(B" ESC ")B"
			 "\x0f" ESC "[0 q" ESC "[m");
	filter_init(f, utf8);
}
