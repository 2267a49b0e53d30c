/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tarout: the upper layer of a side as an OCI image layer (image-spec, layer.md): a tar in the pax
 * format of POSIX.1-2001.
 *
 * A deleted entry of base is an empty file ".wh.NAME"; a directory that hides what base has there
 * begins with an empty ".wh..wh..opq". A directory of base that was moved is at its new place
 * whole, opaque. Names of 100 and more bytes, numbers that are too large, times with a fraction and
 * attributes (SCHILY.xattr.NAME) are in pax headers. Hard links in the layer are links; holes are
 * zeros. What a tar cannot say is left out and told: sockets, and names that begin with ".wh.".
 */
#ifndef GAOL_CORE_REPO_TAROUT_H
#define GAOL_CORE_REPO_TAROUT_H

#include "core/repo/side.h"

struct tarout_result {
	uint64_t entries, bytes; /* of the tar */
	uint64_t skipped;
};
/* Called with the path of each entry that is left out. */
typedef void tarout_skip_fn(void *user, const char *path, const char *why);
/* Writes the tar to fd from its present offset on, streaming. 0, -ECANCELED or -errno with e set.
 */
int tarout(struct side *s, int fd, tarout_skip_fn *skip, void *user, const struct repo_hooks *h,
	   struct tarout_result *out, struct err *e);

#endif
