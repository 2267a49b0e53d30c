/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * meta: entries of a directory of the upper layer, and %meta, their text in git.
 *
 * %meta begins with the line "%gaol 1" ("%gaol 1 shards" in a split directory, see format.h). Then
 * one line per entry, sorted by the bytes of the true names, no name twice:
 *
 *   NAME TYPE[ KEY[=VALUE]]...
 *
 * NAME is the true name, percent-encoded (name.h: spaces, control bytes, '%'). TYPE is file, dir,
 * link, fifo, sock, char, block, or gone (a whiteout, which has no keys). Keys stand in this order,
 * each at most once (but x.), and are left out at their default, so a line has one spelling:
 *
 *   mode=OCTAL            permission bits; default 755 for dir, 777 for link, else 644
 *   uid=N gid=N           default 0
 *   rdev=MAJOR:MINOR      char and block only, always there
 *   mtime=SEC[.NNNNNNNNN] seconds (may be negative) and nanoseconds to be added to them; the
 *                         fraction is left out when it is 0; always there
 *   size=N                always there with chunks or meta, never without
 *   chunks                the content is a tree of chunks
 *   link=HEX16            the entry is one of several hard links: those with the same number (of
 *                         64 bits, not 0). The number is the inode's attribute user.gaol.g
 *   left=N                the attribute user.gaol.n of the layer (core/layer/index.c)
 *   opaque                dir: nothing of lower is merged in
 *   meta                  file: metadata-only copy-up, the content is lower's
 *   redirect=PATH         dir, or file with meta: where lower has it (attribute user.gaol.o)
 *   origin=TAG:INO:SIZE:MTIME:CTIME   of the lower entry it was copied up from, times in ns;
 *                         default all 0
 *   x.NAME=VALUE          an extended attribute of the guest, sorted by name; '=' in the name and
 *                         in the value all bytes above 0x7f are percent-encoded too
 *
 * A line is parsed strictly: whatever meta_print would not have written is refused, so a repository
 * that was tampered with can say nothing that a layer could not have said.
 */
#ifndef GAOL_CORE_REPO_META_H
#define GAOL_CORE_REPO_META_H

#include "core/layer/record.h"
#include <git2/oid.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define META_XATTR_GROUP RECORD_GROUP_XATTR
#define META_XATTR_LEFT "user.gaol.n"  /* 4 bytes, little-endian: the layer's */

struct buf;

struct xattr {
	char *name; /* as the guest names it */
	void *value;
	size_t len;
};

struct ent {
	char *name;	   /* true name, "." for the root itself */
	struct record rec; /* type, mode, flags, owner, rdev, origin */
	struct timespec mtime;
	uint64_t size; /* bytes of content; of a META entry its native size */
	bool chunked;
	uint64_t link; /* hard link group, 0 = none */
	uint32_t left;
	char *redirect; /* NULL unless rec.flags has RECORD_REDIRECT */
	struct xattr *xattrs;
	size_t nxattrs;
	/* content: of a file, link or special a blob, of a chunked file or directory a tree */
	bool has_oid;
	git_oid oid;
	struct stat st; /* native, when it was read from disk; else zero */
	bool plain;	/* read from disk: it has no attribute of gaol's */
};

/* Entries of one directory, sorted by name. All that they point to lives in mem. */
struct ents {
	struct ent *v;
	size_t n, cap;
	struct ents_block *mem;
};
void ents_free(struct ents *d);
/* Memory that lives as long as d. */
void *ents_alloc(struct ents *d, size_t n);
char *ents_dup(struct ents *d, const void *p, size_t n); /* NUL-terminated */
/* A new zeroed entry at the end; earlier pointers to entries become invalid. */
struct ent *ents_add(struct ents *d);
void ents_sort(struct ents *d);
struct ent *ents_find(const struct ents *d, const char *name);

/* True when the entry has an entry in its directory's git tree. */
bool ent_has_content(const struct ent *e);
bool ent_is_dir(const struct ent *e);
/* True when the lines of the two are equal (names too). */
bool ent_same_line(const struct ent *a, const struct ent *b);
/* True when the guest's attributes are equal. */
bool xattrs_same(const struct xattr *a, size_t na, const struct xattr *b, size_t nb);

/* Appends the header line. */
void meta_header(struct buf *out, bool shards);
/* Appends the line of e with its newline. */
void meta_print(struct buf *out, const struct ent *e);
/*
 * Parses a whole %meta, n bytes, which it overwrites, adding the entries to d (sorted, as they must
 * be). root: "." is allowed. *shards is set from the header. 0 or -EPROTO with *line set to the
 * number of the line that is wrong.
 */
int meta_parse(char *text, size_t n, bool root, struct ents *d, bool *shards, unsigned *line);

#endif
