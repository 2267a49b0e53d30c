/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * err: one-line errors for people, "what: why: what to do".
 *
 * Functions that can fail for a reason an admin should read take a struct err as their last
 * argument and return a negative errno (or -1 where no errno fits). The text is complete without
 * the program's name in front. Nothing is allocated.
 */
#ifndef GAOL_CORE_ERR_H
#define GAOL_CORE_ERR_H

struct err {
	char text[512];
};

/*
 * Writes the formatted text into e (which may be NULL) and returns ret, so that a failing
 * function can end with "return err_set(e, -EINVAL, ...)". Over-long text is cut. Foreign bytes
 * in the arguments need no escaping here: err_print and the views escape the whole line.
 */
int err_set(struct err *e, int ret, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Like err_set with ret = -errno and ": strerror(errno)" appended to the text. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints "gaol: TEXT\n" to stderr, escaped by text_escape. */
void err_print(const struct err *e);

#endif
