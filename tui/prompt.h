/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prompt: a line being typed at the bottom of the screen, with readline's editing, history and
 * completion, one key at a time: everything else goes on meanwhile. The only module that speaks
 * readline, which is one of a kind, so there is one prompt.
 */
#ifndef GAOL_TUI_PROMPT_H
#define GAOL_TUI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct prompt;

enum prompt_kind {
	PROMPT_COMMAND, /* ":" history, completion */
	PROMPT_SEARCH,	/* "/" and "&": a history of their own */
	PROMPT_TEXT,	/* a name, a message: neither */
	PROMPT_KINDS
};

struct prompt_ops {
	/* The line was entered (NULL: given up). The prompt is closed by then. */
	void (*done)(void *user, const char *line);
	/* The line changed while it is typed; may be NULL. */
	void (*typing)(void *user, const char *line);
	/* Calls add for each word that could stand at the end of line (its first start bytes are
	 * words before it); may be NULL. */
	void (*complete)(void *user, const char *line, size_t start,
			 void (*add)(void *to, const char *word), void *to);
	bool files; /* names of files complete it, when complete is NULL */
	void *user;
};

/* Reads the history of $XDG_STATE_HOME/gaol/history. */
struct prompt *prompt_new(void);
/* Writes it. */
void prompt_free(struct prompt *p);

/* Opens with a label ("checkpoint message: ", ":") and a text to begin with (may be NULL). */
void prompt_open(struct prompt *p, enum prompt_kind kind, const char *label, const char *text,
		 const struct prompt_ops *ops);
bool prompt_is_open(const struct prompt *p);
/* One key; Esc and Ctrl-C give up. */
void prompt_key(struct prompt *p, uint32_t key);
/* Takes a label, a text and the caret's place in it (bytes), unescaped; owned by the prompt. */
const char *prompt_label(const struct prompt *p);
const char *prompt_text(const struct prompt *p, size_t *caret);
/* The completions that the last Tab found, separated by blanks; "" when there is nothing to choose.
 */
const char *prompt_choices(const struct prompt *p);

#endif
