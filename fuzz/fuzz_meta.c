/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes %meta, the text that a checkpoint keeps of a directory, from a repository that somebody
 * changed: what is accepted is printed as the same bytes, and no name in it leads anywhere. */
#include "core/buf.h"
#include "core/repo/meta.h"
#include "core/repo/name.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_ent(const struct ent *x, bool root)
{
	bool own = root && !strcmp(x->name, ".");

	if (!own && (!*x->name || strchr(x->name, '/') || !strcmp(x->name, ".") ||
		     !strcmp(x->name, "..")))
		abort();
	if (x->rec.whiteout != !(x->rec.mode & S_IFMT) || (x->rec.flags & ~RECORD_FLAGS_ALL) ||
	    x->mtime.tv_nsec < 0 || x->mtime.tv_nsec > 999999999)
		abort();
	for (size_t i = 0; i < x->nxattrs; i++)
		if (!*x->xattrs[i].name || (i && strcmp(x->xattrs[i - 1].name, x->xattrs[i].name) >= 0))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	bool root = n && data[0] & 1, shards = false;
	struct buf again = {0};
	struct ents d = {0};
	unsigned line = 0;
	char *text = malloc(n + 1);

	if (!n || !text) {
		free(text);
		return 0;
	}
	memcpy(text, data + 1, n - 1);
	if (meta_parse(text, n - 1, root, &d, &shards, &line)) {
		if (!line)
			abort(); /* a refusal says where */
	} else {
		meta_header(&again, shards);
		for (size_t i = 0; i < d.n; i++) {
			check_ent(&d.v[i], root);
			if (i && strcmp(d.v[i - 1].name, d.v[i].name) >= 0)
				abort();
			meta_print(&again, &d.v[i]);
		}
		if (again.len != n - 1 || (again.len && memcmp(again.p, data + 1, n - 1)))
			abort();
	}
	buf_free(&again);
	ents_free(&d);
	free(text);
	return 0;
}
