/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare: two sides of a jail opened for comparing, and copies of what a comparison found.
 */
#ifndef GAOL_VIEWS_COMPARE_H
#define GAOL_VIEWS_COMPARE_H

#include "core/jailview.h"
#include "core/repo/diff.h"
#include "views/view.h"

/* A comparison's two sides by their words, as target has them. Resolved: TARGET_ROLLBACK became a
 * number, "" the number of the present checkpoint. */
struct compare_words {
	char jail[JAIL_NAME_MAX + 1];
	char a[64], b[64];
};

struct compare {
	struct jail jail;
	struct jailview *view;
	struct side *a, *b;
	char label_a[64], label_b[64]; /* "#3", "now", "base" */
	bool opened;		       /* jail is open */
};

/*
 * Opens both sides; in a thread: git and disk are read. w is resolved in place. 0 or -errno with e
 * set; compare_close in either case. cancel as in diff_options.
 */
int compare_open(struct compare *c, const struct jail_places *places, struct compare_words *w,
		 const volatile bool *cancel, struct err *e);
void compare_close(struct compare *c);

/* An entry as diff_each gave it, owned: values of attributes are cut to COMPARE_XATTR_MAX bytes. */
#define COMPARE_XATTR_MAX 256
struct compare_entry {
	struct diff_entry d; /* its pointers point into the below */
	char *strings;
	struct diff_xattr *xattrs;
};
void compare_copy(struct compare_entry *to, const struct diff_entry *from);
void compare_free(struct compare_entry *e);

#endif
