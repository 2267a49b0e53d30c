/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * str: bounded text and small files without stdio, which would double init's size.
 */
#ifndef GAOL_GUEST_STR_H
#define GAOL_GUEST_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Joins the strings up to a NULL into out (size bytes, always NUL-terminated, cut when long). */
void str_join(char *out, size_t size, ...);
/* Writes v in decimal into out (at least 21 bytes) and returns out. */
char *str_number(char *out, uint64_t v);
/* Reads a decimal number at *p and moves *p behind it; false when there is none or it is > max. */
bool str_parse(const char **p, uint64_t max, uint64_t *v);

/* Reads a file of at most size - 1 bytes (the rest is cut), NUL-terminated; length or -errno. */
long file_slurp(const char *path, char *out, size_t size);
/* Reads a whole file of at most max bytes into new memory, NUL-terminated. NULL with errno. */
char *file_load(const char *path, size_t max);
/* Writes text into an existing file (a sysctl); 0 or -errno. */
int file_put(const char *path, const char *text);

/* A line for the kernel's log, where the admin finds it when init has trouble. */
void log_line(const char *text, const char *more);

#endif
