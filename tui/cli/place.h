/* SPDX-License-Identifier: GPL-2.0-or-later */
/* place: NAME[@ID]:PATH, a file of a jail as cp and cat write it. */
#ifndef GAOL_TUI_CLI_PLACE_H
#define GAOL_TUI_CLI_PLACE_H

#include "core/jailview.h"
#include "tui/cli/cli.h"

struct place {
	char name[JAIL_NAME_MAX + 1];
	char *id;	  /* owned; NULL: now */
	const char *path; /* into the argument, absolute */
};

/* True when word is such a place; a word with a slash before its first colon is a file's name. */
bool place_parse(const char *word, struct place *p);
/* The same for NAME or NAME@ID; path is NULL. */
bool place_parse_jail(const char *word, struct place *p);
void place_free(struct place *p);

/* A place opened for reading. */
struct place_view {
	struct jail jail;
	struct jailview *view;
	struct side *side;
};
/*
 * Opens the side that p means; a running guest syncs first when that is now. 0 or -errno with e
 * set.
 */
int place_open(struct place_view *v, struct cli *c, const struct place *p, struct err *e);
void place_view_close(struct place_view *v);

#endif
