/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuse: requests of the FUSE protocol (linux/fuse.h, version 7) turned into calls of a layer.
 *
 * One table serves both doors: fsdev (the guest's virtqueue) and window (/dev/fuse on the host).
 * A door hands in raw requests and gets raw replies. Each request is checked first: libfuse trusts
 * its kernel and would read past the end of a message that lacks a NUL. Then READ, WRITE and what
 * libfuse 3.14 does not know (TMPFILE, SYNCFS, STATX, SETXATTR with flags) are answered here
 * (core/fuseraw.c); all else goes through fuse_session_process_buf to the table of
 * fuse_lowlevel_ops (core/fuse.c). The INIT reply is amended on its way out (FUSE_HANDLE_
 * KILLPRIV_V2, FUSE_SETXATTR_EXT). Every request is answered before fuse_door_request returns.
 *
 * Node ids are the layer's (FUSE_ROOT_ID is LAYER_ROOT), fi->fh its handles. umask and default ACLs
 * are the door's business (FUSE_DONT_MASK and FUSE_POSIX_ACL: core/acl.h); permission checks are
 * the mounting kernel's (default_permissions).
 */
#ifndef GAOL_CORE_FUSE_H
#define GAOL_CORE_FUSE_H

#include "core/err.h"
#include "core/layer/layer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define FUSE_DOOR_MAX_WRITE (1024 * 1024) /* data of one READ or WRITE at most */
#define FUSE_DOOR_HEAD_MAX (128 * 1024)	  /* a request without WRITE's data: an attribute's value */
#define FUSE_DOOR_WRITE_HEAD 80		  /* header and arguments of WRITE: behind it is data */
#define FUSE_DOOR_IS_WRITE(opcode) ((opcode) == 16)

struct fuse_door;
struct fuse_session;

struct fuse_door_config {
	double upper;  /* seconds that names and attributes of upper's entries may be cached */
	double base;   /* the same for entries that come from the base, and for names in directories
			  that it fills */
	bool negative; /* "there is no such name" may be cached as well */
	bool keep_cache; /* cached data survives close (a changed base file is noticed at open) */
	bool readonly;	 /* every change is EROFS */
	bool rewrite_links; /* absolute and escaping link targets are shown so that they stay inside
			     */
	/* Directories that git would take for a repository's belong to nobody. A guest's
	 * configuration of one names programs, and git runs them for whoever looks at it as its
	 * owner. */
	bool no_repos;
	bool acl;	    /* POSIX ACLs (implies default_permissions in the mounting kernel) */
	bool passthrough;   /* where the kernel can, it reads and writes files of upper itself: no
			       event tells of it, so only where nobody listens (core/backing.h) */
};

/* How a guest is served: upper an hour, base one second, negative entries, ACLs. */
struct fuse_door_config fuse_door_guest(void);
/* How a read-only window is served: nothing is cached, links stay inside, no repository is its
 * viewer's. */
struct fuse_door_config fuse_door_window(void);

/* Where a reply goes. */
struct fuse_sink {
	/*
	 * Delivers a whole reply: n segments, the first starting with struct fuse_out_header. 0 or
	 * -errno. Called exactly once per request, or not at all for requests without a reply.
	 */
	int (*reply)(void *user, const struct iovec *iov, int n);
	/* Room for READ's data behind the header, in the asker's own memory: up to max segments
	 * into iov, total in *len; returns their number. NULL: none, the data is copied. */
	int (*data_room)(void *user, struct iovec *iov, int max, size_t *len);
	/* Delivers a READ's reply whose len bytes already lie in data_room. */
	int (*reply_in_place)(void *user, uint64_t unique, size_t len);
	/* Delivers a READ's reply straight from a file: want bytes of fd at off. The number of
	 * bytes sent, or -EAGAIN when nothing was sent and the data has to be copied. NULL: always.
	 */
	ssize_t (*reply_file)(void *user, uint64_t unique, int fd, off_t off, size_t want);
	void *user;
};

/* A request: head is contiguous memory of ours (not the asker's), data what follows it. */
struct fuse_request {
	void *head; /* struct fuse_in_header and arguments; writable, with FUSE_DOOR_SLACK
		       bytes of room behind head_len */
	size_t head_len;
	const struct iovec *data; /* WRITE only: the data, may be the asker's memory */
	int ndata;
	size_t data_len;
};
#define FUSE_DOOR_SLACK 128

/* A door on l, which outlives it. NULL with e set on failure. */
struct fuse_door *fuse_door_new(struct layer *l, const struct fuse_door_config *c,
				const char *const *mount_options, struct err *e);
void fuse_door_free(struct fuse_door *d);
/* The libfuse session (for window: mounting). */
struct fuse_session *fuse_door_session(struct fuse_door *d);
/* Sends libfuse's replies through the sink of the current request; fd is any open descriptor that
 * becomes the session's and is closed with it. Once, after mounting if at all. 0 or -errno. */
int fuse_door_attach(struct fuse_door *d, int fd);
/*
 * Handles one request completely. 0; -EPROTO when it was malformed (an error was replied where the
 * header allows it).
 */
int fuse_door_request(struct fuse_door *d, struct fuse_request *rq, const struct fuse_sink *sink);
/* Answers a request that cannot be read whole with an error (a negative errno). */
void fuse_door_refuse(const void *head, size_t head_len, int error, const struct fuse_sink *sink);
/* True once INIT was answered. */
bool fuse_door_is_mounted(const struct fuse_door *d);

struct fuse_door_counts {
	uint64_t bytes_read;
	uint64_t bytes_written;
	uint64_t errors; /* replies with an error other than ENOENT */
};
void fuse_door_get_counts(const struct fuse_door *d, struct fuse_door_counts *out);

#endif
