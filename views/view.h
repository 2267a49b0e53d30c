/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view: a screen as rows: a table of functions, private state, and the machinery that is the same
 * for all: cursor, scrolling, search, filter.
 *
 * A view says what row i contains, what it is called, and what a command means for it; it knows no
 * terminal, and no call of it waits for disk, git or a warden (that is what jobs are for).
 *
 * Rows have positions that do not change while they exist: first <= pos < end. A feed that drops
 * its oldest rows raises first. Adding a view means one file and one line in view_kinds.
 */
#ifndef GAOL_VIEWS_VIEW_H
#define GAOL_VIEWS_VIEW_H

#include "core/err.h"
#include "core/jail.h"
#include "keymaps/keymap.h"
#include "views/row.h"
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jobs;
struct loop;
struct model;
struct journal;
struct pulse;
struct view;

/* What all views of a program share; made by its owner, outlives them. */
struct view_env {
	const struct jail_places *places;
	struct loop *loop;
	struct jobs *jobs;
	struct model *model;	 /* the jails and their states */
	struct pulse *pulse;	 /* which wardens answer; NULL: not asked */
	struct journal *journal; /* messages and command lines */
	struct keymap *keymap;
	enum row_ascii ascii; /* of the terminal */
	bool read_only;
	unsigned char detach[2]; /* keys that leave a console; 0, 0: as the jail says */
	/* Something is to be painted anew; cheap. */
	void (*dirty)(void *user);
	/* The same, and somebody waits for it. */
	void (*hurry)(void *user);
	void *user;
};
void env_dirty(const struct view_env *env);
void env_hurry(const struct view_env *env);

/* How a row will be looked at. */
struct look {
	size_t width; /* columns of the pane */
	bool focus;   /* its pane has the keys */
	int64_t now;  /* seconds of CLOCK_REALTIME */
};

/* Side A of a diff: the checkpoint that a rollback without ID would go to. */
#define TARGET_ROLLBACK ":rollback"

/* Something to look at or to act on. Strings are words of an admin, or of gaol. */
struct target {
	const struct view_ops *view; /* NULL: not a view to open */
	char jail[JAIL_NAME_MAX + 1];
	char a[64];	     /* side A, or the ID of a rollback; "" = the present checkpoint */
	char b[64];	     /* side B; "" = now */
	char path[PATH_MAX]; /* of the entry that is meant, "" = none */
	unsigned line;	     /* of it on side B, in the hunk that is meant; 0 = none */
};

enum view_key_use {
	VIEW_KEY_MAP,	/* the map of keys says what it does */
	VIEW_KEY_TAKEN, /* the view has used it */
	VIEW_KEY_LEAVE	/* the view is to be left */
};

/* What of a view's text changes. */
struct view_ops {
	const char *name; /* as in `:` and in keys files */
	enum keymap_view keys;
	size_t size; /* of the private state, zeroed at v->state */
	/* Begins; t says what is looked at. 0 or -errno with e set. */
	int (*open)(struct view *v, const struct target *t, struct err *e);
	void (*close)(struct view *v);
	/* Where one is: behind the program's name on the top line. */
	void (*title)(struct view *v, struct row *out);
	/* The right end of the top line: counts, states; may be NULL. */
	void (*info)(struct view *v, struct row *out);
	/* Heads of columns; NULL: none. A press on a word of it does "sort WORD", in lower case. */
	void (*head)(struct view *v, const struct look *k, struct row *out);
	void (*row)(struct view *v, uint64_t pos, const struct look *k, struct row *out);
	/* Line i of what an empty list says instead; false: no more lines. May be NULL. */
	bool (*empty)(struct view *v, size_t i, const struct look *k, struct row *out);
	/* True for rows that are not shown now; NULL: all are. view_stale after a change of mind.
	 */
	bool (*hidden)(struct view *v, uint64_t pos);
	/* What a filter means here; NULL: a text of the row. */
	bool (*matches)(struct view *v, uint64_t pos, const char *filter);
	/* A command that is the view's own business. False: not mine. */
	bool (*command)(struct view *v, enum command_id c, const char *args);
	/* What a command acts on here: fills what it knows of t. False with e set: nothing. */
	bool (*target)(struct view *v, enum command_id c, struct target *t, struct err *e);
	/* The i-th marked jail, NULL behind the last; such views only. */
	const char *(*marked)(struct view *v, size_t i);
	/* The cursor moved. May be NULL. */
	void (*moved)(struct view *v);
	/* About once a second, and when a jail's state changes. May be NULL. */
	void (*tick)(struct view *v);
	/* True while nothing in the view grows old by itself: ticks may then be rare. NULL: as long
	 * as there is no tick. */
	bool (*still)(struct view *v);
	/* The pane beside this one, NULL: none. Owned by the view. */
	struct view *(*pane)(struct view *v);
	/* Percent of the screen that the view gets beside its pane; 0: what a list needs. */
	unsigned share;
	/* The place that the rows get, before each painting. May be NULL. */
	void (*sized)(struct view *v, size_t rows, size_t cols);
	/* A key before the map of keys sees it. May be NULL. */
	enum view_key_use (*key)(struct view *v, uint32_t key);
	/* A view that is typed into: no row is marked as the cursor's; the caret stands in column
	 * *col of the row at *pos (SIZE_MAX: there is none to be seen). May be NULL. */
	bool (*caret)(struct view *v, uint64_t *pos, size_t *col);
	/* What stands on the line of keys instead of hints; false: the hints. May be NULL. */
	bool (*status)(struct view *v, struct row *out);
	const enum command_id *hints; /* what the line of keys offers, CMD_NONE at the end */
};

/* Which rows are shown: all of them, or those in a list. */
struct shown {
	bool all;
	uint64_t *pos; /* sorted */
	size_t start, end, cap;
	uint64_t scanned; /* positions below are in the list if they are shown */
};

struct view {
	const struct view_ops *ops;
	void *state;
	const struct view_env *env;
	uint64_t first, end; /* positions that exist; kept by the view */
	/* the machinery's */
	uint64_t cursor, top;  /* positions */
	size_t left;	       /* columns scrolled to the right */
	size_t page;	       /* rows on the screen when it was last painted */
	bool follow;	       /* the cursor stays on the last row */
	char *search, *filter; /* NULL: none */
	struct shown shown;
	struct row scratch;
};

/* Opens a view on t->view. NULL with e set. */
struct view *view_open(const struct view_env *env, const struct target *t, struct err *e);
void view_close(struct view *v);

/* Brings the list of shown rows up to date; false: there is more to do, call again soon. */
bool view_sync(struct view *v);
/* What hidden answers, or a row's text, changed: the list of shown rows is made anew. */
void view_stale(struct view *v);

/* Number of shown rows, position of the i-th, index of a position (or of the next one shown). */
size_t view_count(const struct view *v);
uint64_t view_pos(const struct view *v, size_t i);
size_t view_index(const struct view *v, uint64_t pos);
/* Index of the cursor; view_count when nothing is shown. */
size_t view_cursor(const struct view *v);
/* True when the cursor is on a row that exists. */
bool view_on_row(const struct view *v);

/* Sets the cursor to the i-th shown row, or the last. */
void view_go(struct view *v, size_t i);
/* Moves by a command of GROUP_MOVE; false when it is none that the machinery knows. */
bool view_move(struct view *v, enum command_id c);
/* Scrolls by so many rows (less than 0: up); the cursor stays on the screen. */
void view_wheel(struct view *v, int rows);
/* Keeps top so that the cursor is on the screen of rows lines, and first..end in mind. */
void view_scroll(struct view *v, size_t rows);

/* Renders the row at pos into out. */
void view_row(struct view *v, uint64_t pos, const struct look *k, struct row *out);
/* Sets the text to search for or to filter by; NULL or "": none. */
void view_set_search(struct view *v, const char *text);
void view_set_filter(struct view *v, const char *text);
/*
 * Looks on from the i-th shown row for the search text: dir 1 or -1, around the end once. Works a
 * bounded time. 1: found, the cursor is there. 0: nowhere. -1: not done, call again with the
 * same scan.
 */
struct scan {
	size_t at, left;
	int dir;
};
void view_scan_begin(const struct view *v, struct scan *s, int dir, bool here);
int view_scan(struct view *v, struct scan *s);

/* True when text contains what (either case where what has no capital letter); the hit's place in
 * *start and *len (may be NULL). */
bool text_matches(const char *text, const char *what, size_t *start, size_t *len);

/* Appends the key of a command in this view, ":name" where no key leads to it. */
void view_key(const struct view *v, enum command_id c, struct row *out);

/* The kinds there are. */
extern const struct view_ops jails_view, jail_view, procs_view, tree_view, feed_view, log_view,
    diff_view, net_view, help_view, messages_view, commands_view;

#endif
