/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply: chosen changes of a jail brought out to a directory of the host: apply.c decides and asks,
 * applyout.c does one change.
 */
#ifndef GAOL_TUI_CLI_APPLY_H
#define GAOL_TUI_CLI_APPLY_H

#include "core/err.h"
#include "core/repo/diff.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum apply_mode { APPLY_SHOW, APPLY_DO, APPLY_SCRIPT };

struct apply {
	struct side *base, *from;
	int root;	   /* the directory, O_PATH */
	const char *to;	   /* its name, for messages and the script */
	const char *place; /* NAME or NAME@ID, for the script */
	enum apply_mode mode;
	int64_t since; /* seconds; a host file that changed later was not what the jail deleted */
	FILE *f;
	uint64_t done, equal, conflicts, skipped; /* result */
};

/*
 * Compares base with "from" and shows, does or prints each change below paths (NULL-terminated
 * absolute guest paths, NULL: all). /P of the jail is P below the directory.
 *
 * A change conflicts, is told and left out, when the host's entry is neither what the jail started
 * from (content, type) nor what it made of it, or the host changed it after the jail copied it.
 * Modes lose set-id bits and are cut by the umask; owners are the caller's, but root keeps the
 * guest's for new entries and the host's for changed ones. Devices, fifos, sockets and attributes
 * are left out. Nothing below the directory is followed as a link. 0 or -errno with e set.
 */
int apply_changes(struct apply *a, const char *const *paths, struct err *e);

/* applyout.c: makes the host's entry at path (relative) what "from" has at /path. 0 or -errno. */
int applyout_make(struct apply *a, const char *path, const struct diff_entry *d);
int applyout_remove(struct apply *a, const char *path, bool dir);
/* lstat below the root without following any link on the way; 0 or -errno. */
int applyout_stat(const struct apply *a, const char *path, struct stat *st);
/* 1 when the host's file or link at path has the content that s has at /path, 0 when not, -errno.
 */
int applyout_same(const struct apply *a, const char *path, struct side *s, const struct stat *host);

#endif
