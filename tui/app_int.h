/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * app_int: the console program's one struct, for the files that make it up: app.c (beginning, loop,
 * end), input.c (keys to commands), act.c (what commands do), op.c (operations on jails, beside the
 * loop), mouse.c, paint.c (rows to screen).
 */
#ifndef GAOL_TUI_APP_INT_H
#define GAOL_TUI_APP_INT_H

#include "core/client.h"
#include "core/loop.h"
#include "keymaps/keymap.h"
#include "tui/app.h"
#include "tui/prompt.h"
#include "tui/screen.h"
#include "views/jobs.h"
#include "views/journal.h"
#include "views/model.h"
#include "views/pulse.h"
#include "views/statewatch.h"
#include "views/view.h"

#define STACK_MAX 16 /* views one over another */

struct attach;
struct copy;
struct foreground;
struct op;

/* A question that waits for its key: anything else means no. */
struct ask {
	bool open;
	char text[512];
	uint32_t yes;
	enum command_id command;	  /* done when the answer is yes: */
	char (*names)[JAIL_NAME_MAX + 1]; /* to these jails, owned */
	size_t n;
	struct target *target; /* or to that, owned */
	char *draft;	       /* a file that is dropped with the question, owned */
};

struct area {
	size_t y, x, rows, cols;
};

/* Where things stand since the last painting, for the mouse. */
struct pane_place {
	struct view *view;
	struct area all;
	bool head; /* its first row has the heads of columns */
};
struct layout {
	struct area body, rule; /* rule: between two panes, when split */
	bool split;
	struct pane_place panes[2]; /* as shown: the second is the pane */
	size_t npanes;
};

struct app {
	const struct tui_options *opt;
	struct settings settings;
	bool complained; /* about a line of a file that was read */
	struct loop *loop;
	struct jobs *jobs;
	struct model *model;
	struct journal *journal;
	struct pulse *pulse;
	struct statewatch *statewatch; /* NULL: states are looked at each second */
	struct keymap *keymap;
	struct screen *screen;
	struct prompt *prompt;
	struct view_env env;

	struct view *stack[STACK_MAX];
	size_t depth;
	bool in_pane; /* the keys go to the pane beside the top view */
	bool zoomed;  /* and only that pane is shown */

	uint32_t keys[KEY_SEQ_MAX]; /* a sequence being typed */
	size_t nkeys;
	struct layout layout;
	/* thousandths of the body for the first pane, by kind of view; below or beside; 0: as usual
	 */
	unsigned short split[KEYMAP_VIEWS][2];
	bool dragging;	    /* the line between the panes */
	int64_t pressed;    /* ms of the monotonic clock */
	size_t pressed_row; /* of the screen */
	struct ask ask;
	char message[512]; /* unescaped */
	enum style message_style;
	enum command_id asked_for; /* what the prompt's text is for */
	char asked_jail[JAIL_NAME_MAX + 1];
	struct scan scan;
	bool scanning;

	struct op *ops;	   /* under way, oldest first */
	struct copy *copy; /* under way, NULL: none */
	struct foreground *foreground; /* a verb that has the terminal, NULL: none */
	struct attach *attach;
	struct client *attached; /* its connection */
	char attached_jail[JAIL_NAME_MAX + 1];

	struct loop_fd *in, *jobs_watch, *notify_watch;
	struct loop_timer *second, *frame, *more, *settle;
	int notify;
	bool dirty;
	bool urgent;	 /* because of a key */
	int64_t keyed;	 /* ms of the monotonic clock: the last key */
	int64_t painted; /* ms of the monotonic clock */
	int64_t refreshed; /* the same: states were read */
	bool rare;	   /* ticks are */
	unsigned spin;
	bool leaving;
};

/* app.c */
/* Puts a text on the message line and into the journal. */
void app_say(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void app_fail(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line for the command log. */
void app_log(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The view on top, and the one that has the keys. */
struct view *app_top(const struct app *a);
struct view *app_focus(const struct app *a);
/* Goes to a view: replaces the stack above an equal one, else lies on top. */
void app_open(struct app *a, const struct target *t);
/* One step back: clears a filter or a search, leaves the pane, else the top view; the last one
 * cannot be left. */
void app_back(struct app *a);
/* Leaves the top view whatever it shows. */
void app_leave(struct app *a);
void app_quit(struct app *a);
/* Leaves curses while something else has the terminal; paints again after app_return. */
void app_leave_screen(struct app *a);
void app_return_screen(struct app *a);

/* reload.c */
/* Reads gaol.conf. What is wrong is told; a->complained says that there was something. */
void app_load_settings(struct app *a);
/* Hands on what the screen and the views must know of the settings. */
void app_apply_settings(struct app *a);
/* Reads the maps of keys: the one that gaol.conf names, then the person's own. */
void app_load_keys(struct app *a);
/* All of that again. */
void app_reload(struct app *a);
/* Does so by itself when a file of the directory of settings changes. */
void app_watch_files(struct app *a);

/* input.c */
/* All keys that are waiting. */
void input_ready(struct app *a);
/* The answer of the prompt that was opened for command c. */
void input_prompt(struct app *a, enum command_id c, const char *label, const char *text);

/* mouse.c */
void mouse_event(struct app *a, const struct screen_mouse *m);

/* act.c */
/* Carries out a command. args may be "". */
void act(struct app *a, enum command_id c, const char *args);
/* The rest of a search that was not done in one go. */
void act_scan(struct app *a);

/* line.c */
/* A line of the `:` prompt. */
void act_line(struct app *a, const char *line);
/* The text that a prompt opened by input_prompt got. */
void act_prompted(struct app *a, enum command_id c, const char *text);
/* The completion of prompt_ops; user is the app. */
void line_complete(void *user, const char *line, size_t start,
		   void (*add)(void *to, const char *word), void *to);

/* op.c */
/*
 * Begins an operation on a jail: CMD_START, STOP, KILL, CHECKPOINT, ROLLBACK, REDO, ATTACH, WATCH,
 * NEW, REMOVE. text: message, ID or profile; may be "". Its end is told on the message line.
 */
void op_begin(struct app *a, enum command_id c, const char *jail, const char *text);
/* Counts what removing n jails would delete, then asks. */
void op_ask_remove(struct app *a, const char (*names)[JAIL_NAME_MAX + 1], size_t n);
/* What is under way, for the status line; false: nothing. */
bool op_progress(const struct app *a, struct row *out);
void op_end_all(struct app *a);

/* ask.c */
/* Ends a question. */
void ask_close(struct app *a);
/* The key that answers it. */
void ask_answer(struct app *a, uint32_t key);
/* Whether to kill n jails; names is taken over. */
void ask_kill(struct app *a, char (*names)[JAIL_NAME_MAX + 1], size_t n);
/* Whether to bring t's path out to the host. */
void ask_apply(struct app *a, const struct target *t);

/* edit.c */
/* A jail's jail.conf in the admin's editor; again: a draft that was not right (its file is dropped
 * when it is through with). */
void edit_settings(struct app *a, const char *name, const char *again);

/* foreground.c */
/* Runs a line of gaol's command line, without "gaol", on the terminal. */
void foreground_begin(struct app *a, const char *line);
/* Forgets the one that runs; it runs on. */
void foreground_end(struct app *a);

/* child.c */
/* Restores t's path, or only the hunk at its line, from its side A; brings it out to the host from
 * side B. */
void child_restore(struct app *a, const struct target *t, bool hunk);
void child_apply(struct app *a, const struct target *t);
/* Says what net view's row in t gets: word is "once", "run", "always", "" (once), a time, else a
 * host to keep a rule for. */
void child_verdict(struct app *a, enum command_id c, const struct target *t, const char *word);

/* copy.c */
/* Writes the rows of the view that has the keys into a new file; told when it is done. */
void copy_begin(struct app *a, const char *path);
/* The next slice of it. */
void copy_turn(struct app *a);
/* Gives it up when it copies v, which is going to be closed; NULL: whatever it copies. */
void copy_forget(struct app *a, const struct view *v);

/* paint.c */
void paint(struct app *a);

#endif
