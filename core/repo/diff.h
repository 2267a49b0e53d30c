/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff: what a guest would see changed between two sides.
 *
 * An upper entry over a base file is M (or an attribute change), a new one A, a whiteout D; what
 * goes or comes with a directory is listed entry by entry; a renamed base directory is R with the
 * changes inside it. Not listed: an upper entry equal to what it covers (content and mode, uid,
 * gid, rdev, attributes), changed times alone, a directory for changes in it.
 *
 * Not seen: that a base file which has several names was changed through another of them (the
 * change is listed at the name it was made by).
 *
 * No globals: any number of diffs may run in threads, each with its own struct repo and base.
 */
#ifndef GAOL_CORE_REPO_DIFF_H
#define GAOL_CORE_REPO_DIFF_H

#include "core/repo/side.h"

enum diff_status {
	DIFF_ADDED = 'A',
	DIFF_DELETED = 'D',
	DIFF_MODIFIED = 'M', /* content (attributes may have changed too) */
	DIFF_ATTR = 'm',     /* attributes alone */
	DIFF_TYPE = 'T',     /* another type of file */
	DIFF_RENAMED = 'R'   /* a directory of base, moved; what changed in it follows */
};

enum diff_what { /* bits of diff_entry.what, for M, m, T and R */
		 DIFF_CONTENT = 1,
		 DIFF_MODE = 2,
		 DIFF_UID = 4,
		 DIFF_GID = 8,
		 DIFF_RDEV = 16,
		 DIFF_XATTR = 32,
		 DIFF_TIMES = 64 /* with options.times only: mtime */
};

struct diff_attr {
	mode_t mode; /* with type; 0: does not exist on this side */
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	uint64_t size; /* of files and link targets */
	struct timespec mtime;
};

struct diff_xattr {
	const char *name;
	const void *a, *b; /* values, NULL: not there */
	size_t alen, blen;
};

struct diff_entry {
	enum diff_status status;
	unsigned what; /* enum diff_what */
	/* The host has changed the base file since the guest changed its attributes or copied it:
	 * not the guest's doing alone. */
	bool drift;
	const char *path; /* absolute, on side b (D: on side a); raw bytes */
	const char
	    *from; /* R, and what lies in a renamed directory: the path on side a; else NULL */
	struct diff_attr a, b;
	const struct diff_xattr *xattrs; /* what differs, sorted by name */
	size_t nxattrs;
};

/* Called for each entry in the order of their paths (directory by directory, names by bytes);
 * lives during the call only. Return false to stop: diff_each then returns -ECANCELED. */
typedef bool diff_fn(void *user, const struct diff_entry *d);

struct diff_options {
	const char *const *paths;    /* NULL-terminated: only these and what is below; NULL: all */
	const volatile bool *cancel; /* looked at between entries and while reading; may be NULL */
	bool times;		     /* also list what differs in its mtime alone, as m */
	bool
	    no_moves; /* a renamed directory is listed as what went and what came, entry by entry */
};

/*
 * Compares a with b; both opened over the same base. o may be NULL. 0, -ECANCELED or -errno with e
 * set. Entries stream: the first ones are there before the last are looked for.
 */
int diff_each(struct side *a, struct side *b, const struct diff_options *o, diff_fn *fn, void *user,
	      struct err *e);

struct diff_text_options {
	unsigned context;	     /* lines around a change, 3 is usual */
	bool no_space;		     /* changes in white space alone are none */
	size_t max_bytes;	     /* a side with more is "too large"; 0: 4 MiB */
	const volatile bool *cancel; /* may be NULL */
};
enum diff_text_kind {
	DIFF_TEXT,
	DIFF_BINARY,	/* a NUL among the first 8000 bytes of a side, as git has it */
	DIFF_TOO_LARGE, /* a side has more than max_bytes */
	DIFF_NO_TEXT	/* neither side is a file or a link */
};
struct diff_line {
	char origin; /* ' ' '+' '-'; '@': text is a whole hunk header, "@@ -1,3 +1,4 @@ ...";
			'\\': text is " No newline at end of file" */
	int old_line, new_line; /* from 1, -1: not on that side */
	const char *text;	/* raw bytes without the newline */
	size_t len;
};
typedef bool diff_line_fn(void *user, const struct diff_line *l);
/*
 * The changed lines of one entry that diff_each gave (its paths and modes are used; it need not be
 * the same struct, a copy will do). *kind says whether there are lines; symlinks count as their
 * target's text. 0, -ECANCELED when fn returned false, or -errno with e set.
 */
int diff_text(struct side *a, struct side *b, const struct diff_entry *d,
	      const struct diff_text_options *o, diff_line_fn *fn, void *user,
	      enum diff_text_kind *kind, struct err *e);

#endif
