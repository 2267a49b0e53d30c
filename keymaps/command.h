/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command: the one table of what the console program can do.
 *
 * Names for the `:` line and for keys files, arguments, help, the CLI line that does the same:
 * key binding, completion, help view and command log all come from here, so they cannot disagree.
 */
#ifndef GAOL_KEYMAPS_COMMAND_H
#define GAOL_KEYMAPS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum command_id {
	CMD_NONE,
	/* moving */
	CMD_DOWN,
	CMD_UP,
	CMD_PAGE_DOWN,
	CMD_PAGE_UP,
	CMD_HALF_DOWN,
	CMD_HALF_UP,
	CMD_FIRST,
	CMD_LAST,
	CMD_LEFT,
	CMD_RIGHT,
	CMD_NEXT_PART,
	CMD_PREV_PART,
	CMD_NEXT_PANE,
	CMD_NEXT_FILE,
	CMD_PREV_FILE,
	/* going */
	CMD_ENTER,
	CMD_BACK,
	CMD_JAILS,
	CMD_JAIL,
	CMD_FEED,
	CMD_LOG,
	CMD_DIFF,
	CMD_PREVIEW,
	CMD_TREE,
	CMD_CONSOLE,
	CMD_PROCESSES,
	CMD_NET,
	CMD_HELP,
	CMD_MESSAGES,
	CMD_COMMANDS,
	/* looking */
	CMD_SEARCH,
	CMD_SEARCH_NEXT,
	CMD_SEARCH_PREV,
	CMD_FILTER,
	CMD_MARK,
	CMD_UNMARK,
	CMD_TOGGLE,
	CMD_REFRESH,
	CMD_ZOOM,
	CMD_COPY,
	CMD_BLAME,
	CMD_SORT,
	CMD_FOLD,
	/* steering */
	CMD_NEW,
	CMD_START,
	CMD_STOP,
	CMD_KILL,
	CMD_PAUSE,
	CMD_RESUME,
	CMD_ATTACH,
	CMD_WATCH,
	CMD_CHECKPOINT,
	CMD_ROLLBACK,
	CMD_REDO,
	CMD_RESTORE,
	CMD_APPLY,
	CMD_ALLOW,
	CMD_DENY,
	CMD_SETTINGS,
	CMD_REMOVE,
	/* the program */
	CMD_PROMPT,
	CMD_VERB,
	CMD_BIND,
	CMD_UNBIND,
	CMD_RELOAD,
	CMD_REDRAW,
	CMD_SUSPEND,
	CMD_QUIT,
	CMD_COUNT
};

enum command_flags {
	CMD_STEERS = 1,	    /* changes a jail: refused under --read-only */
	CMD_DESTROYS = 2,   /* loses something for good: asks first */
	CMD_WANTS_JAIL = 4, /* acts on the jail under the cursor, or the one named */
	CMD_MOVES = 8,	    /* moves the cursor: not worth a line in the command log */
};

enum command_group { GROUP_MOVE, GROUP_GO, GROUP_LOOK, GROUP_STEER, GROUP_PROGRAM, GROUP_COUNT };

struct command {
	const char *name;
	const char *args; /* "[JAIL]", "" when it takes none */
	const char *help; /* one line, no full stop */
	const char *hint; /* one word for the line of keys */
	const char *cli;  /* the verb's line, "gaol checkpoint NAME [-m TEXT]"; NULL: none */
	enum command_group group;
	unsigned flags;
};

/* The entry of id (CMD_NONE < id < CMD_COUNT). */
const struct command *command_get(enum command_id id);
/* The id of a name (n bytes), CMD_NONE when there is none. */
enum command_id command_find(const char *name, size_t n);
/*
 * The same, but the beginning of a name will do when only one has it. *matches (may be NULL) gets
 * the number of names that begin so.
 */
enum command_id command_find_prefix(const char *name, size_t n, size_t *matches);
/* "Moving", "Going somewhere", ...: the heading of a group in help. */
const char *command_group_name(enum command_group g);

#endif
