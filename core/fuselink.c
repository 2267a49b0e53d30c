/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Link targets, as a window shows them, and ACLs that new entries inherit. */
#include "core/acl.h"
#include "core/buf.h"
#include "core/fuse_priv.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/*
 * All ".." stand in front, no more of them than the link is deep, and none behind a name: a name
 * may be another link, and ".." behind it could climb out of the window from wherever that leads.
 * So "a/.." is cancelled by its spelling.
 */
ssize_t fuse_link_rewrite(char *buf, size_t size, unsigned depth)
{
	bool absolute = buf[0] == '/';
	unsigned ups = absolute ? depth : 0;
	char out[PATH_MAX], *names = out;
	size_t len = 0;

	for (char *p = buf; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (len) {
				while (len && out[--len] != '/')
					;
			} else if (!absolute && ups < depth) {
				ups++;
			}
		} else if (n && !(n == 1 && p[0] == '.')) {
			if (len + n + 2 > sizeof(out))
				return -ENAMETOOLONG;
			if (len)
				names[len++] = '/';
			memcpy(names + len, p, n);
			len += n;
		}
		p += n;
		p += *p == '/';
	}
	size_t need = 3 * (size_t)ups + len + 2;
	if (need > size || need > PATH_MAX)
		return -ENAMETOOLONG;
	char *w = buf;
	for (unsigned i = 0; i < ups; i++) {
		memcpy(w, "../", 3);
		w += 3;
	}
	memcpy(w, out, len);
	w += len;
	if (w == buf)
		*w++ = '.';
	else if (!len)
		w--;
	*w = '\0';
	return w - buf;
}

int fuse_inherit_get(struct fuse_door *d, uint64_t dir, mode_t umask, mode_t *mode,
		     struct fuse_inherit *in)
{
	ssize_t n = -ENODATA;

	*in = (struct fuse_inherit){0};
	if (d->config.acl)
		n = layer_getxattr(d->layer, dir, ACL_DEFAULT, d->scratch, ACL_SIZE);
	if (n <= 0) {
		*mode &= ~umask;
		return n == 0 || n == -ENODATA || n == -EOPNOTSUPP ? 0 : (int)n;
	}
	in->default_len = in->access_len = (size_t)n;
	in->default_acl = xmalloc((size_t)n);
	in->access_acl = xmalloc((size_t)n);
	memcpy(in->default_acl, d->scratch, (size_t)n);
	memcpy(in->access_acl, d->scratch, (size_t)n);
	int r = acl_inherit(in->access_acl, (size_t)n, mode);
	if (r < 0) {
		fuse_inherit_free(in);
		return -EIO;
	}
	in->access = r == 1;
	return 0;
}

int fuse_inherit_put(struct fuse_door *d, const struct fuse_inherit *in, struct layer_entry *made,
		     const struct layer_cred *c)
{
	int r = 0;

	if (in->access)
		r = layer_setxattr(d->layer, made->node, ACL_ACCESS, in->access_acl, in->access_len,
				   0, c);
	if (!r && in->default_len && S_ISDIR(made->st.st_mode))
		r = layer_setxattr(d->layer, made->node, ACL_DEFAULT, in->default_acl,
				   in->default_len, 0, c);
	if (!r && in->default_len)
		r = layer_getattr(d->layer, made->node, &made->st);
	return r;
}

void fuse_inherit_free(struct fuse_inherit *in)
{
	free(in->access_acl);
	free(in->default_acl);
	*in = (struct fuse_inherit){0};
}
