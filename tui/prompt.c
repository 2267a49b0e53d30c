/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/prompt.h"
#include "core/buf.h"
#include "core/fd.h"
#include "keymaps/key.h"
#include <errno.h>
#include <limits.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_MAX 500
#define CHOICES_MAX 64

struct words {
	char **v;
	size_t n;
};

struct prompt {
	bool open;
	bool given_up;
	enum prompt_kind kind;
	char *label;
	struct prompt_ops ops;
	unsigned char keys[32]; /* bytes for readline, as a terminal would send them */
	size_t nkeys, at;
	char *line; /* what readline's handler got; NULL: still typing */
	bool entered;
	HISTORY_STATE *history[PROMPT_KINDS];
	struct words words; /* candidates of the present completion */
	size_t next_word;
	struct buf choices;
	char *file; /* of the history of commands; NULL: none can be kept */
};

/* Readline's hooks have no argument of ours, and there is one readline in a process. */
static struct prompt *the_prompt;

static int next_byte(FILE *unused)
{
	struct prompt *p = the_prompt;

	return p->at < p->nkeys ? p->keys[p->at++] : EOF;
}

static int byte_waits(void)
{
	return the_prompt->at < the_prompt->nkeys;
}

static void show_nothing(void)
{
}

static void leave_terminal(int meta)
{
}

static void leave_terminal_too(void)
{
}

static void on_line(char *line)
{
	the_prompt->line = line;
	the_prompt->entered = true;
}

static void add_word(void *to, const char *word)
{
	struct words *w = to;

	w->v = xrealloc(w->v, (w->n + 1) * sizeof(*w->v));
	w->v[w->n++] = xstrdup(word);
}

static void forget_words(struct words *w)
{
	while (w->n)
		free(w->v[--w->n]);
	free(w->v);
	w->v = NULL;
}

/* Readline's generator: one candidate a call, malloc'ed. */
static char *generate(const char *text, int state)
{
	struct prompt *p = the_prompt;

	if (!state)
		p->next_word = 0;
	while (p->next_word < p->words.n) {
		const char *word = p->words.v[p->next_word++];

		if (!strncmp(word, text, strlen(text)))
			return strdup(word);
	}
	return NULL;
}

static char **complete(const char *text, int start, int end)
{
	struct prompt *p = the_prompt;

	rl_attempted_completion_over = !p->ops.files;
	if (p->ops.files)
		return NULL;
	forget_words(&p->words);
	if (p->ops.complete)
		p->ops.complete(p->ops.user, rl_line_buffer, (size_t)start, add_word, &p->words);
	return rl_completion_matches(text, generate);
}

static void show_choices(char **matches, int n, int longest)
{
	struct prompt *p = the_prompt;

	buf_reset(&p->choices);
	for (int i = 1; i <= n && i <= CHOICES_MAX; i++)
		buf_fmt(&p->choices, "%s%s", i > 1 ? "  " : "", matches[i]);
}

static char *history_file(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct buf dir = {0};
	char *file = NULL;

	if (state && *state == '/')
		buf_fmt(&dir, "%s/gaol", state);
	else if (home && *home == '/')
		buf_fmt(&dir, "%s/.local/state/gaol", home);
	if (dir.len && !dir_make_path(buf_cstr(&dir), 0700))
		file = xasprintf("%s/history", buf_cstr(&dir));
	buf_free(&dir);
	return file;
}

static void use_history(struct prompt *p, enum prompt_kind kind)
{
	history_set_history_state(p->history[kind]);
	using_history();
}

static void keep_history(struct prompt *p, enum prompt_kind kind)
{
	free(p->history[kind]);
	p->history[kind] = history_get_history_state();
}

/* Readline frees a list's lines, never the list. */
static void forget_history(HISTORY_STATE *h)
{
	HISTORY_STATE *left;

	history_set_history_state(h);
	clear_history();
	free(h);
	left = history_get_history_state();
	free(left->entries);
	*left = (HISTORY_STATE){0};
	history_set_history_state(left);
	free(left);
}

struct prompt *prompt_new(void)
{
	struct prompt *p = xcalloc(1, sizeof(*p));

	the_prompt = p;
	rl_readline_name = "gaol";
	rl_getc_function = next_byte;
	rl_input_available_hook = byte_waits;
	rl_redisplay_function = show_nothing;
	rl_prep_term_function = leave_terminal;
	rl_deprep_term_function = leave_terminal_too;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = show_choices;
	rl_basic_word_break_characters = " \t";
	rl_completer_word_break_characters = " \t";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_change_environment = 0;
	rl_set_keyboard_input_timeout(0);
	rl_variable_bind("bell-style", "none");
	rl_variable_bind("show-all-if-ambiguous", "on");
	rl_variable_bind("page-completions", "off");
	rl_variable_bind("completion-query-items", "-1");
	rl_bind_key('\t', rl_complete);
	for (int k = 0; k < PROMPT_KINDS; k++)
		p->history[k] = xcalloc(1, sizeof(HISTORY_STATE));
	p->file = history_file();
	use_history(p, PROMPT_COMMAND);
	stifle_history(HISTORY_MAX);
	if (p->file)
		read_history(p->file);
	keep_history(p, PROMPT_COMMAND);
	return p;
}

void prompt_free(struct prompt *p)
{
	if (!p)
		return;
	if (p->open)
		rl_callback_handler_remove();
	use_history(p, PROMPT_COMMAND);
	if (p->file && history_length)
		write_history(p->file);
	keep_history(p, PROMPT_COMMAND);
	for (int k = 0; k < PROMPT_KINDS; k++)
		forget_history(p->history[k]);
	forget_words(&p->words);
	buf_free(&p->choices);
	free(p->label);
	free(p->file);
	the_prompt = NULL;
	free(p);
}

void prompt_open(struct prompt *p, enum prompt_kind kind, const char *label, const char *text,
		 const struct prompt_ops *ops)
{
	free(p->label);
	p->label = xstrdup(label);
	p->kind = kind;
	p->ops = *ops;
	p->open = true;
	p->given_up = p->entered = false;
	p->line = NULL;
	buf_reset(&p->choices);
	use_history(p, kind);
	rl_callback_handler_install("", on_line);
	if (text) {
		rl_insert_text(text);
		rl_point = rl_end;
	}
}

bool prompt_is_open(const struct prompt *p)
{
	return p->open;
}

/* The prompt closes before anybody hears of it: done may open it again. */
static void finish(struct prompt *p)
{
	struct prompt_ops ops = p->ops;
	char *line = p->given_up ? NULL : p->line;

	rl_callback_handler_remove();
	if (line && *line && p->kind != PROMPT_TEXT) {
		HIST_ENTRY *last =
		    history_length ? history_get(history_base + history_length - 1) : NULL;

		if (!last || strcmp(last->line, line))
			add_history(line);
	}
	keep_history(p, p->kind);
	p->open = false;
	buf_reset(&p->choices);
	ops.done(ops.user, line);
	free(line);
}

/* Bytes that a terminal would send for a key. */
static void encode(struct prompt *p, uint32_t key)
{
	static const struct {
		uint32_t key;
		const char *bytes;
	} named[] = {
	    {K_UP, "\033[A"},	{K_DOWN, "\033[B"}, {K_RIGHT, "\033[C"},   {K_LEFT, "\033[D"},
	    {K_HOME, "\033[H"}, {K_END, "\033[F"},  {K_DELETE, "\033[3~"}, {K_BACKSPACE, "\x7f"},
	};

	p->at = p->nkeys = 0;
	if (key & K_ALT) {
		p->keys[p->nkeys++] = 27;
		key &= ~K_ALT;
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (named[i].key == key) {
			memcpy(p->keys + p->nkeys, named[i].bytes, strlen(named[i].bytes));
			p->nkeys += strlen(named[i].bytes);
			return;
		}
	}
	if (key < K_BASE)
		p->nkeys += key_utf8(key, (char *)p->keys + p->nkeys);
	else
		p->nkeys = 0;
}

void prompt_key(struct prompt *p, uint32_t key)
{
	if (key == K_ESC || key == 3) {
		p->given_up = true;
		finish(p);
		return;
	}
	if (key != K_TAB)
		buf_reset(&p->choices);
	encode(p, key);
	while (p->at < p->nkeys && !p->entered)
		rl_callback_read_char();
	if (p->entered)
		finish(p);
	else if (p->ops.typing)
		p->ops.typing(p->ops.user, rl_line_buffer);
}

const char *prompt_label(const struct prompt *p)
{
	return p->label;
}

const char *prompt_text(const struct prompt *p, size_t *caret)
{
	*caret = (size_t)rl_point;
	return rl_line_buffer ? rl_line_buffer : "";
}

const char *prompt_choices(const struct prompt *p)
{
	return buf_cstr(&p->choices);
}
