/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load: work on a file system that may be killed or may fill up, with a record of what was
 * promised.
 *
 * Each of LOAD_WORKERS has a directory wN with slots: rK is replaced as a whole (write, fsync,
 * rename, fsync of the directory), aK grows by records that are fsync'ed one by one. What is done
 * is noted in LOG.N, outside of the file system: lines "r SLOT GEN", "u SLOT GEN" (unlinked; "i"
 * before that), "a SLOT COUNT". Beside that everybody shuffles a kit, unnoted.
 */
#ifndef GAOL_TESTS_CONFORM_LOAD_H
#define GAOL_TESTS_CONFORM_LOAD_H

enum { LOAD_WORKERS = 3, LOAD_SLOTS = 6 };

/* Works in DIR until it is gone (ENOTCONN and the like: 0) or an answer is wrong (1). */
int load_run(const char *dir, const char *log, unsigned seed);
/* What LOG promises is there, and the whole tree below DIR is a legal one: 0 or 1. */
int load_verify(const char *dir, const char *log);
/* Fills the file system below DIR to the last byte, and empties it again: 0 or 1. */
int fill_run(const char *dir);

#endif
