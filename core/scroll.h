/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scroll: what a console wrote, the newest bytes in a ring that lies in a file of the jail's
 * directory, so that it outlives whoever fills it.
 *
 * Console N has "console.N" (console 1: "console"), plain bytes from the oldest to the newest, which
 * an orderly end writes; and "console.N.live", the mapped ring, which takes its place while somebody
 * fills it, and stays when that one is killed. The ring is of our own making and for this machine
 * only: no format to be kept. Where the disk has no room for it, it is memory, and what a killed
 * process had is lost. The bytes are a guest's.
 */
#ifndef GAOL_CORE_SCROLL_H
#define GAOL_CORE_SCROLL_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct scroll;

/* Opens the ring of a console for its one writer, with what is kept of it; size: how many bytes it
 * holds. Never NULL. */
struct scroll *scroll_open(int dirfd, unsigned console, size_t size);
/* Frees it; its files stay as they are. */
void scroll_free(struct scroll *s);
/* Writes the plain file. The error of a full disk is nobody's: the ring is still there. */
void scroll_save(const struct scroll *s, int dirfd, unsigned console);
/* An orderly end: writes the plain file and removes the ring's. */
void scroll_settle(const struct scroll *s, int dirfd, unsigned console);

void scroll_add(struct scroll *s, const char *p, size_t n);
/* Positions are counted from the first byte ever written: the end, and the oldest that is held. */
uint64_t scroll_end(const struct scroll *s);
uint64_t scroll_oldest(const struct scroll *s);
/* Copies up to n bytes from position pos on, which must not be older than the oldest; how many. */
size_t scroll_read(const struct scroll *s, uint64_t pos, char *out, size_t n);
/* Where a replay of at most max bytes begins: behind a line's end, so that it does not start inside
 * an escape sequence, unless there is none. */
uint64_t scroll_replay(const struct scroll *s, size_t max);

/*
 * Appends at most max bytes of what is kept of a console, the newest, whether somebody fills it now
 * or not. 0, -ENOENT (nothing is kept), or -errno.
 */
int scroll_peek(int dirfd, unsigned console, size_t max, struct buf *out);

#endif
