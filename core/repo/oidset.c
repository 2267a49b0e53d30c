/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/oidset.h"
#include "core/buf.h"
#include <stdlib.h>
#include <string.h>

/* Hashes are evenly spread already, so their first bytes serve as they are. */
static size_t slot(const struct oidset *s, const git_oid *oid)
{
	size_t i;

	memcpy(&i, oid->id, sizeof(i));
	for (i &= s->cap - 1; s->used[i]; i = (i + 1) & (s->cap - 1))
		if (!memcmp(s->v[i].id, oid->id, GIT_OID_RAWSZ))
			break;
	return i;
}

static void grow(struct oidset *s)
{
	struct oidset to = {.cap = s->cap ? s->cap * 2 : 1024, .n = s->n};

	to.v = xcalloc(to.cap, sizeof(*to.v));
	to.used = xcalloc(to.cap, 1);
	for (size_t i = 0; i < s->cap; i++) {
		if (!s->used[i])
			continue;
		size_t k = slot(&to, &s->v[i]);
		to.v[k] = s->v[i];
		to.used[k] = 1;
	}
	oidset_free(s);
	*s = to;
}

bool oidset_add(struct oidset *s, const git_oid *oid)
{
	size_t i;

	if (s->n * 2 >= s->cap)
		grow(s);
	i = slot(s, oid);
	if (s->used[i])
		return false;
	s->used[i] = 1;
	s->v[i] = *oid;
	s->n++;
	return true;
}

bool oidset_has(const struct oidset *s, const git_oid *oid)
{
	return s->cap && s->used[slot(s, oid)];
}

void oidset_free(struct oidset *s)
{
	free(s->v);
	free(s->used);
	*s = (struct oidset){0};
}
