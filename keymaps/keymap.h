/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keymap: which key does what in which view, read from keys files.
 *
 * A keys file has one statement a line; "#" begins a comment at the beginning of a line or behind a
 * blank:
 *
 *   bind VIEW KEY COMMAND [ARGUMENTS]
 *   unbind VIEW KEY          VIEW or KEY may be "*"
 *   include FILE             relative to this file; a built-in map by its name ("default")
 *
 * VIEW is "generic" (all views) or the name of one, which wins over generic. KEY is written as in
 * key.h. A later file may bind anew what an earlier one bound; within one file that is a conflict,
 * and so is a sequence that begins with a key that is bound itself in the same view.
 *
 * The default map is such a file, keymaps/default.keys, compiled in. A bad line is told and left
 * out; the others count.
 */
#ifndef GAOL_KEYMAPS_KEYMAP_H
#define GAOL_KEYMAPS_KEYMAP_H

#include "core/err.h"
#include "keymaps/command.h"
#include "keymaps/key.h"
#include <stdbool.h>

enum keymap_view {
	KEYMAP_GENERIC,
	KEYMAP_JAILS,
	KEYMAP_JAIL,
	KEYMAP_PROCESSES,
	KEYMAP_NET,
	KEYMAP_TREE,
	KEYMAP_FEED,
	KEYMAP_LOG,
	KEYMAP_DIFF,
	KEYMAP_HUNKS,
	KEYMAP_CONSOLE,
	KEYMAP_HELP,
	KEYMAP_MESSAGES,
	KEYMAP_COMMANDS,
	KEYMAP_VIEWS
};
/* "generic", "jails", ... */
const char *keymap_view_name(enum keymap_view v);

struct keymap_binding {
	enum keymap_view view;
	uint32_t keys[KEY_SEQ_MAX];
	size_t nkeys;
	enum command_id command;
	const char *args; /* "" when there are none */
	const char *file; /* where it was bound, for messages */
	unsigned line;
};

struct keymap;

/* An empty map. */
struct keymap *keymap_new(void);
void keymap_free(struct keymap *km);

/* Told about every bad line: "keys:12: unknown command chekpoint: see `?` for the list". */
typedef void keymap_error_fn(void *user, const char *text);

/* A keys file that is compiled in (keymaps/embed.sh makes the table). */
struct keymap_builtin {
	const char *name; /* "default" for keymaps/default.keys */
	const char *text;
};
extern const struct keymap_builtin keymap_builtins[]; /* ends with a NULL name */

/* Reads a text as a file called name. Returns the number of bad lines. */
int keymap_load_text(struct keymap *km, const char *name, const char *text, keymap_error_fn *fn,
		     void *user);
/* Reads a built-in map. Returns the number of bad lines, -ENOENT when there is none of the name. */
int keymap_load_builtin(struct keymap *km, const char *name, keymap_error_fn *fn, void *user);
/* Reads a file of at most 1 MiB. Returns the number of bad lines or -errno (-ENOENT: no file). */
int keymap_load_file(struct keymap *km, const char *path, keymap_error_fn *fn, void *user);
/*
 * Carries out one statement, "bind jails x start", as the `:` line does; it may bind anew. 0, or
 * -EINVAL with e set.
 */
int keymap_statement(struct keymap *km, const char *line, struct err *e);

enum keymap_answer {
	KEYMAP_MISS,
	KEYMAP_PREFIX, /* more keys are wanted */
	KEYMAP_HIT
};
/*
 * Looks a sequence up in a view, then in generic. On KEYMAP_HIT *out (valid until the map is
 * changed) is set.
 */
enum keymap_answer keymap_lookup(const struct keymap *km, enum keymap_view v, const uint32_t *keys,
				 size_t n, const struct keymap_binding **out);
/*
 * The key to show for a command in a view: the first that leads to it there and is not taken by
 * another binding. NULL: no key does.
 */
const struct keymap_binding *keymap_key_of(const struct keymap *km, enum keymap_view v,
					   enum command_id command, const char *args);
/* Calls fn for each binding, in the order in which they were made, until it returns false. */
void keymap_each(const struct keymap *km, bool (*fn)(void *user, const struct keymap_binding *b),
		 void *user);

#endif
