/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words: sizes, ages, times and counts as people read them. All write into buf and return it.
 */
#ifndef GAOL_VIEWS_WORDS_H
#define GAOL_VIEWS_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* "0", "812", "1.2K", "34M", "5.6G": at most four columns. */
const char *words_size(uint64_t bytes, char *buf, size_t size);
/* "3s", "12m", "5h", "3d", "14w", "2y": at most three columns; below 0: "0s". */
const char *words_age(int64_t seconds, char *buf, size_t size);
/* "14:03:07" of a time in ns of CLOCK_REALTIME, local time. */
const char *words_clock(int64_t ns, char *buf, size_t size);
/* "-rwsr-xr-x" (10 characters) of a mode. */
const char *words_mode(mode_t mode, char *buf, size_t size);
/* "1 file", "3 files": n with the right form of a word. */
const char *words_count(uint64_t n, const char *one, const char *many, char *buf, size_t size);

/*
 * "00000010  61 62 00 ff ...  ab..": up to 16 bytes of n at p, which stand at offset off of a file,
 * into buf (96 bytes). Its length.
 */
size_t words_hex(const char *p, size_t n, size_t off, char *buf);

#endif
