/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oidset: a set of hashes. Inside core/repo only. */
#ifndef GAOL_CORE_REPO_OIDSET_H
#define GAOL_CORE_REPO_OIDSET_H

#include <git2/oid.h>
#include <stdbool.h>
#include <stddef.h>

/* Zeroed is empty. 21 bytes an entry, at most half full. */
struct oidset {
	git_oid *v;
	unsigned char *used;
	size_t n, cap;
};
/* Adds a hash; false when it was there already. */
bool oidset_add(struct oidset *s, const git_oid *oid);
bool oidset_has(const struct oidset *s, const git_oid *oid);
void oidset_free(struct oidset *s);

#endif
