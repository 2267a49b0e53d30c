/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ini: the syntax of git-config(1) files, and nothing of their meaning.
 *
 * What this accepts, git reads in the same way. Refused here and not by git: [section.sub], a NUL
 * byte, names beyond INI_NAME_MAX and values beyond INI_VALUE_MAX bytes.
 */
#ifndef GAOL_CORE_INI_H
#define GAOL_CORE_INI_H

#include "core/err.h"
#include <stddef.h>

struct buf;

#define INI_NAME_MAX 64	   /* bytes of a section's or key's name */
#define INI_VALUE_MAX 4096 /* bytes of a value or a subsection, the final NUL included */

struct ini_item {
	const char *section; /* in lower case */
	const char *sub;     /* the quoted part of the header, NULL without one */
	const char *key;     /* in lower case; NULL: this is a section header */
	const char *value;   /* NULL: the key stood alone (boolean true) */
	unsigned line;	     /* from 1, where the item begins */
	unsigned last;	     /* where it ends */
	const char *comment; /* what follows it on that line, from '#' or ';' on: in the text, not
				NUL-terminated; NULL without one */
};

/* Handles one item, whose strings live during the call: 0, or a negative number with e set. */
typedef int ini_fn(void *user, const struct ini_item *it, struct err *e);

/*
 * Calls fn for every section header and every key, in order. 0; -EINVAL with e set as
 * "NAME:LINE: why: what to do" when the text is malformed; or what fn returned.
 */
int ini_parse(const char *text, size_t n, const char *name, ini_fn *fn, void *user, struct err *e);

/* Appends "[section]" or "[section "sub"]" and a newline; sub may hold anything but a newline. */
void ini_write_section(struct buf *out, const char *section, const char *sub);
/* Appends a tab, "key = value" and a newline, quoted where it must be. */
void ini_write_value(struct buf *out, const char *key, const char *value);

#endif
