/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cast: a terminal session as asciicast, one JSON text a line: version 3, or 2 for older players
 * (https://docs.asciinema.org/manual/asciicast/v3/ and v2/).
 *
 *   header  v3
 *{"version":3,"term":{"cols":80,"rows":24,"type":"..."},"timestamp":...,"title":"..."} v2
 *{"version":2,"width":80,"height":24,"timestamp":...,"title":"..."} events  [time, code, data]:
 *time in seconds, since the event before (v3) or the start (v2); codes o output, i input, m marker,
 *r size "80x24", x exit status (v3 only)
 *
 * Whatever the guest writes, every line is valid JSON in valid UTF-8: bytes that are none become
 * U+FFFD, a character that is cut by the end of a read waits for its rest, controls are escaped.
 * Nothing is filtered: a player shows what the guest wrote; gaol's own replays through
 *tui/filter.h.
 */
#ifndef GAOL_CORE_CAST_H
#define GAOL_CORE_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* A character that is not whole yet. */
struct cast_cut {
	char p[4];
	size_t n;
};

struct cast {
	bool v2;
	int64_t start, last; /* ms of CLOCK_MONOTONIC */
	struct cast_cut out, in;
};

enum cast_code {
	CAST_OUTPUT = 'o',
	CAST_INPUT = 'i',
	CAST_MARKER = 'm',
	CAST_SIZE = 'r',
	CAST_EXIT = 'x'
};

/* Begins a recording now (now_ms of loop_now_ms): appends its header to out. */
void cast_begin(struct cast *c, bool v2, unsigned rows, unsigned cols, const char *title,
		int64_t now_ms, struct buf *out);
/* Appends an event of n bytes, or nothing when all of them wait for the rest of a character. */
void cast_event(struct cast *c, enum cast_code code, const void *p, size_t n, int64_t now_ms,
		struct buf *out);
/* The same for a size, and for a C string. */
void cast_size(struct cast *c, unsigned rows, unsigned cols, int64_t now_ms, struct buf *out);
void cast_text(struct cast *c, enum cast_code code, const char *s, int64_t now_ms, struct buf *out);
/* Appends what still waits. */
void cast_end(struct cast *c, int64_t now_ms, struct buf *out);

#endif
