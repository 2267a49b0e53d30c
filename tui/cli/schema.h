/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema: what --json prints, verb by verb: the truth for --help, for gaol-json(7) and for the test
 * that compares it with what is printed.
 */
#ifndef GAOL_TUI_CLI_SCHEMA_H
#define GAOL_TUI_CLI_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

struct schema_key {
	const char *name; /* "a.mode" is mode in the object a */
	const char *type; /* "string", "number|null", ... */
	const char *help; /* one sentence */
	bool sometimes;	  /* it is not in every object */
};

enum schema_shape { SCHEMA_OBJECT, SCHEMA_ARRAY, SCHEMA_LINES };

struct schema_verb {
	const char *verbs[4]; /* that print it, NULL at the end */
	enum schema_shape shape;
	const struct schema_key *keys; /* ends with a NULL name */
};

/* In the order of the manual; ends with a NULL verbs[0]. */
extern const struct schema_verb schema_verbs[];
/* The one of a verb, NULL: it has no --json. */
const struct schema_verb *schema_of(const char *verb);
/* "an array of objects", ... */
const char *schema_shape_text(enum schema_shape s);

#endif
