/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter: what a guest writes to its console, made safe for the admin's terminal.
 *
 * Passed: valid UTF-8 text, the usual controls (bell, backspace, tab, line ends, shift in/out),
 * cursor keys' and numeric modes, line-drawing character sets, and of the CSI sequences those that
 * move the cursor, erase, insert, scroll, colour, and the modes in a list.
 * Dropped: OSC, DCS, APC, PM, SOS (titles, clipboard, colours, sixel, key definitions), every
 * request that makes a terminal answer (DA, DSR, DECRQM, DECRQSS, XTVERSION, window reports, ENQ,
 * kitty's and xterm's key protocols), printing, locked keyboards, 8-bit controls, and direction
 * overrides; invalid UTF-8 becomes U+FFFD. A full reset (ESC c) becomes a soft one.
 *
 * Sequences after ECMA-48 and xterm's ctlseqs. The state is of fixed size; input may be cut
 * anywhere; whatever is put out is whole sequences and whole characters.
 */
#ifndef GAOL_TUI_FILTER_H
#define GAOL_TUI_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define FILTER_SEQ_MAX 64 /* bytes of a CSI sequence; a longer one is dropped */
#define FILTER_STRING_MAX                                                                          \
	65536 /* bytes of an OSC (DCS, ...) that are skipped before its end is                     \
		 given up: else a guest silences its own console for good */

enum filter_state { FILTER_GROUND, FILTER_ESC, FILTER_ESC_MORE, FILTER_CSI, FILTER_STRING };

struct filter {
	enum filter_state state;
	bool utf8;   /* of the terminal; else everything beyond ASCII becomes "?" */
	bool alt;    /* the guest switched to the alternate screen */
	bool origin; /* the guest has used origin mode (ESC 8 may bring it back at any time) */
	bool bad;    /* the CSI sequence being read will be dropped */
	unsigned char seq[FILTER_SEQ_MAX];
	size_t n;	/* bytes in seq: of a CSI sequence behind "ESC [", or of a character */
	size_t skipped; /* bytes of a string */
};

void filter_init(struct filter *f, bool utf8);
/* Appends what may pass of n bytes of p to out: at most three bytes for one. */
void filter_run(struct filter *f, const void *p, size_t n, struct buf *out);
/* Appends what brings a terminal back to sense, wherever the guest left it, and forgets the state.
 */
void filter_reset(struct filter *f, struct buf *out);

#endif
