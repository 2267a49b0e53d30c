/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * name: file names of guests as names of git tree entries, and the percent code of texts.
 *
 * An ordinary name stands for itself. A name is escaped when it
 *   - begins with '%',
 *   - holds a control byte (below 0x20, 0x7f) or a backslash,
 *   - without the code points that HFS+ ignores (U+200C..U+200F, U+202A..U+202E, U+206A..U+206F,
 *     U+FEFF) begins, in any case, with ".git", ".lfsconfig" or ".mailmap",
 *   - could be the 8.3 form of one of these: nothing, or up to six bytes of which the first is g or
 *     m in any case, then '~' and a digit.
 * That is more than git 2.39 treats specially (fsck.c, path.c is_ntfs_dot_generic, utf8.c
 * is_hfs_dot_generic), so that a later git may grow. The escaped form is '%', then the name with
 * '%', control bytes and backslashes as %XX (upper-case digits). If that has more than 255 bytes,
 * the form is "%~" and the 40 digits of the name's git blob hash; the true name is in %meta, as it
 * is for every entry. No escaped name is "%meta", "%index" or "%" with two digits.
 */
#ifndef GAOL_CORE_REPO_NAME_H
#define GAOL_CORE_REPO_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_GIT_MAX 255

struct buf;

/* True when a name may be an entry of a directory: 1..255 bytes, no '/', not "." and "..". */
bool name_ok(const char *name);
/* Writes the git name of a true name (name_ok) to out[NAME_GIT_MAX + 1]. */
void name_to_git(const char *name, char *out);
/*
 * Finds the true name of a git name, to out[NAME_GIT_MAX + 1]. 0; -ENOENT for a hashed one; -EINVAL
 * for what name_to_git never gives.
 */
int name_from_git(const char *git, char *out);

/* Appends n bytes, those below 0x21, 0x7f and '%' as %XX; high: those above 0x7f too. */
void percent_add(struct buf *out, const void *p, size_t n, bool high);
/* Decodes n bytes in place; returns the new length or -EINVAL for a broken code. */
long percent_decode(char *s, size_t n);

#endif
