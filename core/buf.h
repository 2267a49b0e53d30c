/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buf: a growable run of bytes, always NUL-terminated behind its length.
 *
 * Zero-initialise (struct buf b = {0}); buf_free releases. An allocation that fails ends the
 * program with a message: gaol's own small strings are not worth a recovery path, and sizes that
 * come from a guest are bounded before they get here.
 */
#ifndef GAOL_CORE_BUF_H
#define GAOL_CORE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *p;    /* NULL until the first byte */
	size_t len; /* bytes in use, without the final NUL */
	size_t cap;
};

/* Appends n bytes from p. */
void buf_add(struct buf *b, const void *p, size_t n);
/* Appends a C string. */
void buf_str(struct buf *b, const char *s);
/* Appends one byte. */
void buf_ch(struct buf *b, char c);
/* Appends formatted text. */
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vfmt(struct buf *b, const char *fmt, va_list ap);
/* Makes room for n more bytes and returns where they go; the caller adds to len what it used. */
char *buf_room(struct buf *b, size_t n);
/* Drops n bytes from the front (n <= len). */
void buf_eat(struct buf *b, size_t n);
/* The text as a C string; "" when empty. Owned by the buf. */
const char *buf_cstr(const struct buf *b);
/* Hands the memory to the caller (free it), leaves the buf empty. Never NULL. */
char *buf_take(struct buf *b);
/* Forgets the content, keeps the memory. */
void buf_reset(struct buf *b);
/* Releases the memory; the buf can be used again. */
void buf_free(struct buf *b);

/* malloc, calloc, strdup that end the program with a message instead of returning NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
