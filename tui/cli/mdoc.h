/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mdoc: parts of the manual pages, printed as mdoc(7) from the program's tables; man/build.sh puts
 * them into the pages.
 */
#ifndef GAOL_TUI_CLI_MDOC_H
#define GAOL_TUI_CLI_MDOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Text in which what could be taken for a macro or an escape is none; mdoc_text ends the line. */
void mdoc_bytes(const char *s, size_t n, FILE *f);
void mdoc_text(const char *s, FILE *f);
/*
 * Prints text in lines of at most width columns; an empty line in it is a break, told by para. As
 * mdoc every sentence begins a line.
 */
void mdoc_fill(const char *s, size_t width, bool mdoc, const char *para, FILE *f);

/* Commands, with the keys that the built-in maps give them: gaol-keys(5). */
void mdoc_keys(FILE *f);
/* The keys of gaol.conf(5), of jail.conf(5). */
void mdoc_settings(FILE *f);
void mdoc_jail(FILE *f);
/* What --json prints: gaol-json(7). */
void mdoc_json(FILE *f);

#endif
