/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/patch.h"
#include "core/buf.h"
#include <errno.h>
#include <git2.h>

int patch_texts(const struct buf *a, const struct buf *b, const char *name, struct buf *out,
		struct err *e)
{
	git_diff_options o;
	git_patch *p = NULL;
	git_buf text = {0};
	int ret;

	git_libgit2_init();
	git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);
	o.flags = GIT_DIFF_FORCE_TEXT;
	ret = git_patch_from_buffers(&p, a->p, a->len, name, b->p, b->len, name, &o);
	if (!ret)
		ret = git_patch_to_buf(&text, p);
	if (!ret)
		buf_add(out, text.ptr, text.size);
	git_buf_dispose(&text);
	git_patch_free(p);
	git_libgit2_shutdown();
	return ret ? err_set(e, -EIO, "%s: cannot be compared", name) : 0;
}
