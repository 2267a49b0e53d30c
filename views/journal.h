/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal: what the program said, and the command line for each key that was pressed.
 */
#ifndef GAOL_VIEWS_JOURNAL_H
#define GAOL_VIEWS_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_MAX 1000 /* entries of each kind that are kept */

enum journal_kind {
	JOURNAL_SAID,	 /* a message */
	JOURNAL_FAILED,	 /* an error */
	JOURNAL_COMMAND, /* a command line */
};

struct journal_entry {
	int64_t time; /* seconds of CLOCK_REALTIME */
	enum journal_kind kind;
	char *text; /* unescaped */
};

struct journal;
struct journal *journal_new(void);
void journal_free(struct journal *j);
void journal_add(struct journal *j, enum journal_kind kind, const char *text);

/* Two lists: messages of both kinds, and command lines. Positions count from 0 and stay. */
enum journal_list { JOURNAL_MESSAGES, JOURNAL_COMMANDS };
uint64_t journal_first(const struct journal *j, enum journal_list l);
uint64_t journal_end(const struct journal *j, enum journal_list l);
const struct journal_entry *journal_at(const struct journal *j, enum journal_list l, uint64_t pos);

#endif
