/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer: the union of lower layers (read-only) and an upper layer (private) with ext4's answers.
 *
 * No FUSE in here: the doors (core/fuse.c) turn requests into these calls. Single-threaded; every
 * call completes before it returns. All calls return 0 (or a count) or -errno as Linux' VFS would
 * answer. Names are single components of 1..255 bytes, any but '/' and NUL, checked here.
 *
 * Nodes: a directory entry that a door has looked up is known by a 64-bit number, index +
 * generation, never a pointer: a stale or invented number gives -ESTALE. Each successful lookup,
 * create, mkdir, mknod, symlink, link and readdirplus entry adds one to the node's look-up count;
 * layer_forget subtracts. LAYER_ROOT is always there. Files: an open file is known by a handle
 * number of the same kind.
 *
 * Space and descriptors: nodes hold no descriptors but for a bounded cache of open directories
 * (512) and of nameless inodes (1024: unlinked, not open, still looked up; the oldest answer
 * ESTALE), both smaller where RLIMIT_NOFILE is: raise it first. A node costs at most 250 bytes.
 *
 * As root the process must have no supplementary groups (setgroups(0, NULL) at start): guarded
 * lowers are opened with nobody's file system ids, which are switched around each open. /proc must
 * be mounted: unnamed files get their names, and attributes are read, through /proc/self/fd.
 */
#ifndef GAOL_CORE_LAYER_LAYER_H
#define GAOL_CORE_LAYER_LAYER_H

#include "core/err.h"
#include "core/event.h"
#include "core/layer/authority.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

struct layer;
struct touched;

#define LAYER_ROOT UINT64_C(1)
#define LAYER_LOWER_MAX 16
/*
 * Directories inside each other; mkdir and rename of one beyond give -ENAMETOOLONG. ext4 knows no
 * such limit, but all that walks a tree does, stock git's trees (core.maxTreeDepth: 2048) above
 * all: a guest that nested deeper could not be saved, and so not be undone. PATH_MAX ends at 2047.
 */
#define LAYER_DEPTH_MAX 1900

/* Who asks, as the guest's kernel tells. */
struct layer_cred {
	uid_t uid;
	gid_t gid;
	uint32_t pid;
};

struct layer_lower {
	const char *path; /* absolute directory */
	bool virtual; /* its entries carry user.gaol records like an upper (files made for the jail)
		       */
	bool guarded; /* authority applies (the host's own tree); others are shown whole */
};

/* Called for every change, refusal and first read. ev's strings live during the call only. */
typedef void layer_event_fn(void *user, const struct event *ev);

struct layer_config {
	struct layer_lower lower[LAYER_LOWER_MAX]; /* topmost first */
	size_t nlower;
	const char *upper; /* NULL: a read-only view of the lowers (base) */
	const char *work;  /* same file system as upper; NULL when upper is */
	const struct authority
	    *authority; /* NULL: everything write, own. Not taken over; outlives the layer */
	bool readonly;	/* every change gives EROFS */
	uint64_t max_bytes, max_inodes; /* what upper may hold: beyond it ENOSPC; 0: no limit */
	unsigned max_files;	  /* open files and directories: beyond it ENFILE; 0: no limit */
	bool events_read;	  /* also tell first reads of base files */
	const char *const *empty; /* NULL-terminated absolute host paths shown as empty directories
				     (gaol's own state) */
	layer_event_fn *on_event; /* may be NULL */
	void *event_user;
	struct touched *touched; /* told of every change of upper (touched.h); borrowed; may be NULL */
};

struct layer_entry {
	uint64_t node;
	struct stat st; /* st_ino and st_dev are stable over copy-up and restart */
};

/* Opens the layer, removes left-overs in work/. 0 or -errno with e set. Strings of c are copied. */
int layer_open(struct layer **out, const struct layer_config *c, struct err *e);
/* Closes all handles, releases all nodes. */
void layer_close(struct layer *l);
/* Tells changes to another set from now on (NULL: to none). */
void layer_set_touched(struct layer *l, struct touched *t);
/* Number of known nodes, open handles and cached directories (for status and tests). */
void layer_counts(const struct layer *l, size_t *nodes, size_t *handles, size_t *dirs);

/* Entries */
int layer_lookup(struct layer *l, uint64_t dir, const char *name, const struct layer_cred *c,
		 struct layer_entry *out);
void layer_forget(struct layer *l, uint64_t node, uint64_t n);
int layer_getattr(struct layer *l, uint64_t node, struct stat *st);

enum layer_set {
	LAYER_SET_MODE = 1,
	LAYER_SET_UID = 2,
	LAYER_SET_GID = 4,
	LAYER_SET_SIZE = 8,
	LAYER_SET_ATIME = 16,
	LAYER_SET_MTIME = 32,
	LAYER_SET_ATIME_NOW = 64,
	LAYER_SET_MTIME_NOW = 128,
	LAYER_SET_CTIME = 256,
	LAYER_KILL_SUIDGID =
	    512, /* the request asks to clear set-id bits (FUSE_HANDLE_KILLPRIV_V2) */
};
/* Changes what "what" names, from in; fh is the open handle a truncate came by, or 0. New
 * attributes in *out. */
int layer_setattr(struct layer *l, uint64_t node, uint64_t fh, int what, const struct stat *in,
		  const struct layer_cred *c, struct stat *out);
/* Target into buf (size > 0, NUL-terminated); returns its length. */
ssize_t layer_readlink(struct layer *l, uint64_t node, char *buf, size_t size);
/* mode carries type and permission bits after umask or default ACL (the door's business). */
int layer_mknod(struct layer *l, uint64_t dir, const char *name, mode_t mode, dev_t rdev,
		const struct layer_cred *c, struct layer_entry *out);
int layer_mkdir(struct layer *l, uint64_t dir, const char *name, mode_t mode,
		const struct layer_cred *c, struct layer_entry *out);
int layer_symlink(struct layer *l, const char *target, uint64_t dir, const char *name,
		  const struct layer_cred *c, struct layer_entry *out);
int layer_link(struct layer *l, uint64_t node, uint64_t dir, const char *name,
	       const struct layer_cred *c, struct layer_entry *out);
int layer_unlink(struct layer *l, uint64_t dir, const char *name, const struct layer_cred *c);
int layer_rmdir(struct layer *l, uint64_t dir, const char *name, const struct layer_cred *c);
/* flags: RENAME_NOREPLACE, RENAME_EXCHANGE or RENAME_WHITEOUT as in renameat2(2). */
int layer_rename(struct layer *l, uint64_t dir, const char *name, uint64_t newdir,
		 const char *newname, unsigned flags, const struct layer_cred *c);

/* Files. flags as open(2); O_CREAT is layer_create's. *fh is the handle. */
int layer_create(struct layer *l, uint64_t dir, const char *name, mode_t mode, int flags,
		 const struct layer_cred *c, struct layer_entry *out, uint64_t *fh);
/* An unnamed file (O_TMPFILE); layer_link gives it a name. */
int layer_tmpfile(struct layer *l, uint64_t dir, mode_t mode, int flags, const struct layer_cred *c,
		  struct layer_entry *out, uint64_t *fh);
int layer_open_file(struct layer *l, uint64_t node, int flags, const struct layer_cred *c,
		    uint64_t *fh);
int layer_release(struct layer *l, uint64_t fh);
/*
 * The descriptor to read data of an open file from, now (it changes when the file is copied up);
 * borrowed until the next call into the layer. Returns it or -errno.
 */
int layer_read_fd(struct layer *l, uint64_t fh);
/* The same for writing n bytes at off: copies data up first, clears set-id bits when kill is set;
 * -ENOSPC where the limits do not let them come. */
int layer_write_fd(struct layer *l, uint64_t fh, off_t off, size_t n, bool kill,
		   const struct layer_cred *c);
/* Tells the layer that n bytes were written at off through layer_write_fd's descriptor. */
void layer_wrote(struct layer *l, uint64_t fh, off_t off, size_t n, const struct layer_cred *c);
/* Convenience for tests and cp: preadv/pwritev through the calls above. */
ssize_t layer_readv(struct layer *l, uint64_t fh, const struct iovec *iov, int n, off_t off);
ssize_t layer_writev(struct layer *l, uint64_t fh, const struct iovec *iov, int n, off_t off,
		     const struct layer_cred *c);
int layer_fsync(struct layer *l, uint64_t fh, bool datasync);
int layer_fallocate(struct layer *l, uint64_t fh, int mode, off_t off, off_t len,
		    const struct layer_cred *c);
off_t layer_lseek(struct layer *l, uint64_t fh, off_t off, int whence); /* SEEK_DATA, SEEK_HOLE */
ssize_t layer_copy_range(struct layer *l, uint64_t fh_in, off_t off_in, uint64_t fh_out,
			 off_t off_out, size_t n, const struct layer_cred *c);

/* Directories: a handle is a snapshot of the merged names, taken at its first read from offset 0.
 */
int layer_opendir(struct layer *l, uint64_t dir, uint64_t *dh);
/* True when lower fills the directory at least in part: its names may change from outside. */
bool layer_dir_has_lower(struct layer *l, uint64_t dir);
int layer_releasedir(struct layer *l, uint64_t dh);
/*
 * Calls fn for entries behind cookie off ("." and ".." first), until it returns false. For plus, fn
 * gets a full entry and, when it returns true, owns one look-up count of it (none for "." and
 * ".."); else only st_ino and the type bits of st_mode are filled and node is 0. next: the cookie
 * to go on from.
 */
typedef bool layer_dir_fn(void *user, const char *name, const struct layer_entry *e, off_t next);
int layer_readdir(struct layer *l, uint64_t dh, off_t off, bool plus, layer_dir_fn *fn, void *user);
int layer_fsyncdir(struct layer *l, uint64_t dh, bool datasync);

/* Extended attributes as the guest names them (user., trusted., security., system.posix_acl_*). */
ssize_t layer_getxattr(struct layer *l, uint64_t node, const char *name, void *value, size_t size);
ssize_t layer_listxattr(struct layer *l, uint64_t node, char *list, size_t size);
/*
 * flags: XATTR_CREATE or XATTR_REPLACE. Mode follows an access ACL, and an ACL that mode can say
 * whole is not stored. Clearing set-gid for FUSE_SETXATTR_ACL_KILL_SGID is the door's.
 */
int layer_setxattr(struct layer *l, uint64_t node, const char *name, const void *value, size_t size,
		   int flags, const struct layer_cred *c);
int layer_removexattr(struct layer *l, uint64_t node, const char *name, const struct layer_cred *c);

/* What upper holds: blocks and inodes, whiteouts not counted. */
struct layer_usage {
	int64_t bytes, inodes;
	bool known; /* else the last layer was not closed: what has changed since it was opened */
	uint64_t
	    changes; /* counts every change: equal ones mean that nothing happened in between */
};
void layer_usage(const struct layer *l, struct layer_usage *out);
/* What upper holds, by a walk (core/usage.h), for a layer that does not know. */
void layer_usage_set(struct layer *l, int64_t bytes, int64_t inodes);
/* The limits, where there are some, are the size that the guest sees. */
int layer_statfs(struct layer *l, struct statvfs *st);
int layer_syncfs(struct layer *l);

/* The absolute guest path of a node into buf ("/" for the root; a node without a name: its last
 * one). Length or -errno. */
ssize_t layer_path(struct layer *l, uint64_t node, char *buf, size_t size);
/* Resolves an absolute guest path without following links, for cp, cat, diff; adds one look-up
 * count. */
int layer_walk(struct layer *l, const char *path, struct layer_entry *out);

/* True when a file (or directory) is open through any handle. */
bool layer_is_open(struct layer *l, uint64_t node);
/* A mark of the door's own on a node, for as long as the node is known. */
void layer_mark(struct layer *l, uint64_t node);
bool layer_is_marked(struct layer *l, uint64_t node);

enum layer_source {
	LAYER_FROM_LOWER,
	LAYER_FROM_UPPER,
	LAYER_FROM_META /* metadata upper, data lower */
};
/* Where a node's data comes from; *drift (may be NULL) is set when base changed since a
 * metadata-only copy-up. */
enum layer_source layer_source_of(struct layer *l, uint64_t node, bool *drift);

#endif
