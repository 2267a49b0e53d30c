/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuseops: libfuse's table of operations: entries in fuse.c, files, directories and attributes in
 * fusefile.c.
 */
#ifndef GAOL_CORE_FUSEOPS_H
#define GAOL_CORE_FUSEOPS_H

#include "core/fuse_priv.h"
#include <fuse3/fuse_lowlevel.h>

/* The door that a request came by, and who asks. */
struct fuse_door *fuse_op_door(fuse_req_t req);
struct layer_cred fuse_op_cred(fuse_req_t req);
/* Replies with what the layer returned: 0 or -errno. */
void fuse_op_answer(fuse_req_t req, int r);
/* An entry as libfuse wants it, with its time-outs. */
void fuse_op_entry(const struct fuse_door *d, const struct layer_entry *e,
		   struct fuse_entry_param *out);

void fuse_op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void fuse_op_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
		    struct fuse_file_info *fi);
void fuse_op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void fuse_op_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi);
void fuse_op_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t off, off_t len,
		       struct fuse_file_info *fi);
void fuse_op_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence,
		   struct fuse_file_info *fi);
void fuse_op_copy_file_range(fuse_req_t req, fuse_ino_t node_in, off_t off_in,
			     struct fuse_file_info *fi_in, fuse_ino_t node_out, off_t off_out,
			     struct fuse_file_info *fi_out, size_t len, int flags);
void fuse_op_statfs(fuse_req_t req, fuse_ino_t node);
void fuse_op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void fuse_op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		     struct fuse_file_info *fi);
void fuse_op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
			 struct fuse_file_info *fi);
void fuse_op_releasedir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void fuse_op_fsyncdir(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi);
void fuse_op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size);
void fuse_op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size);
void fuse_op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name);

#endif
