/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tarin: a tar of an image layer, read strictly: ustar and old formats, pax headers (path,
 * linkpath, size, uid, gid, mtime, SCHILY.xattr.NAME; global ones too), GNU long names and base-256
 * numbers.
 *
 * Nothing in it is trusted: lengths are bounded, checksums checked, and a path is given as an
 * absolute one of plain names ("./" and leading slashes dropped); one with ".." is refused. Reading
 * opens no file and follows nothing.
 */
#ifndef GAOL_CORE_TARIN_H
#define GAOL_CORE_TARIN_H

#include "core/bring.h"
#include "core/err.h"
#include <stdint.h>

enum tarin_kind {
	TARIN_ENTRY, /* b is what it is; a regular file's content is read by tarin_copy */
	TARIN_LINK,  /* b.path is one more name of b.target (an absolute path) */
	TARIN_GONE,  /* whiteout: b.path goes, with all below it */
	TARIN_OPAQUE /* all that is in the directory b.path goes */
};

struct tarin;
struct tarin_entry {
	enum tarin_kind kind;
	struct bring b; /* strings live until the next call */
	uint64_t size;	/* of a regular file */
};

struct tarin *tarin_new(int fd); /* borrowed, need not seek */
void tarin_free(struct tarin *t);
/* The next entry: 1, 0 at the end, -EPROTO (damaged, hostile or a kind that is not known) or -errno
 * with e set. */
int tarin_next(struct tarin *t, struct tarin_entry *out, struct err *e);
/* Writes the content of the present entry to fd. 0 or -errno with e set. */
int tarin_copy(struct tarin *t, int fd, struct err *e);

#endif
