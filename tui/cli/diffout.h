/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diffout: two sides of a jail compared, printed. */
#ifndef GAOL_TUI_CLI_DIFFOUT_H
#define GAOL_TUI_CLI_DIFFOUT_H

#include "core/err.h"
#include "core/repo/diff.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum diffout_form {
	DIFFOUT_PATCH,	     /* unified, with git's headers */
	DIFFOUT_NAME_STATUS, /* "M<tab>/etc/passwd" */
	DIFFOUT_LIST,	     /* "M /etc/passwd": what `run` prints */
	DIFFOUT_STAT,	     /* lines added and removed in each file */
	DIFFOUT_JSON	     /* one array */
};

struct diffout {
	enum diffout_form form;
	FILE *f; /* JSON always goes to stdout */
	bool colour;
	bool raw;  /* content is not escaped */
	bool zero; /* NAME_STATUS: raw names, a NUL behind each field */
	unsigned context;
	const char *const *paths; /* as in struct diff_options */
	uint64_t count;		  /* out: entries printed */
};

/* Compares a with b and prints. 0 or -errno with e set. */
int diffout(struct diffout *o, struct side *a, struct side *b, struct err *e);

#endif
