/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings: gaol.conf, how a person wants the console program, in the syntax of git-config(1)
 * (core/ini.h). It lies in $XDG_CONFIG_HOME/gaol, else ~/.config/gaol, beside the keys file.
 *
 *	[console]
 *		theme = light
 *	[keys]
 *		map = vi
 *
 * One table (settings.c) is the truth about the keys: parsing, messages and gaol.conf(5) come from
 * it. A bad line is told and left out; the others count.
 */
#ifndef GAOL_TUI_SETTINGS_H
#define GAOL_TUI_SETTINGS_H

#include "core/err.h"
#include <stdbool.h>
#include <stddef.h>

#define SETTINGS_FILE "gaol.conf"

enum settings_theme { SETTINGS_THEME_AUTO, SETTINGS_DARK, SETTINGS_LIGHT, SETTINGS_MONO };
enum settings_colours {
	SETTINGS_COLOURS_AUTO,
	SETTINGS_TRUE,
	SETTINGS_256,
	SETTINGS_8,
	SETTINGS_NONE
};
enum settings_lines { SETTINGS_LINES_AUTO, SETTINGS_UTF8, SETTINGS_ASCII };

struct settings {
	unsigned theme, colours, drawing; /* of the enums above */
	bool mouse;
	bool read_only;
	char keymap[64];	 /* name of a built-in map */
	unsigned char detach[2]; /* keys that leave a jail's console; 0, 0: as its jail.conf says */
};

/* A key of the file, for the manual. */
struct settings_key {
	const char *section, *key;
	const char *words; /* "auto|dark", NULL: see help */
	const char *deflt;
	const char *help;
};

/* What holds without a file. */
void settings_init(struct settings *s);
/* Told about every bad line: "gaol.conf:3: no such setting: colour; did you mean colours?" */
typedef void settings_error_fn(void *user, const char *text);
/*
 * Reads a text, or a file of at most 64 KiB, over what s has. Returns the number of bad lines or
 * -errno (-ENOENT: no file).
 */
int settings_load_text(struct settings *s, const char *name, const char *text, size_t n,
		       settings_error_fn *fn, void *user);
int settings_load_file(struct settings *s, const char *path, settings_error_fn *fn, void *user);
/* The directory of gaol.conf and keys, the caller's to free; NULL when there is no home. */
char *settings_dir(void);
/* Reads the person's own gaol.conf, without a word about what is wrong with it: for verbs. */
void settings_mine(struct settings *s);
/* Calls fn for each key, in the order of the manual, until it returns false. */
void settings_each(bool (*fn)(void *user, const struct settings_key *k), void *user);

#endif
