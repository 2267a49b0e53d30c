/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuse_priv: what fuse.c (libfuse's table), fuseraw.c (requests answered before libfuse) and
 * fuselink.c (link targets) share.
 */
#ifndef GAOL_CORE_FUSE_PRIV_H
#define GAOL_CORE_FUSE_PRIV_H

#include "core/backing.h"
#include "core/fuse.h"

/*
 * The flags of open(2) that the layer hears. O_APPEND: the guest's kernel gives each write its
 * offset. O_DIRECT and O_SYNC: it does the first itself and asks for an FSYNC behind a write for
 * the second; passed on, they would only bring alignment rules and a second flush.
 */
#define FUSE_DOOR_OPEN_FLAGS (O_ACCMODE | O_TRUNC | O_EXCL | O_NOATIME)

/*
 * INIT's bit between gaol and its guest kernel alone (kernel/patches/0004): we answer a CREATE of a
 * name that is there with EEXIST, whatever its flags, so that no LOOKUP has to come first; a new
 * file has no security attributes, so that its first write asks for none; and requests are answered
 * in order, so that nobody has to wait for a RELEASE.
 */
#define FUSE_DOOR_GUEST_FLAG (UINT64_C(1) << 62)

#define FUSE_DOOR_SEEN 4096 /* base files whose last opened version is remembered */

/* What a base file looked like when the guest opened it last: if it still does, cached pages may
 * stay. A collision only costs a re-read. */
struct fuse_seen {
	uint64_t node;
	int64_t mtime_ns;
	int64_t ctime_ns;
	int64_t size;
};

struct fuse_door {
	struct layer *layer;
	struct fuse_door_config config;
	struct fuse_session *session;
	uint8_t *scratch; /* FUSE_DOOR_MAX_WRITE bytes for replies */
	struct fuse_seen *seen;
	bool mounted;
	bool setxattr_ext; /* SETXATTR comes with its longer header */
	struct fuse_door_counts counts;
	int dev;		 /* the session's descriptor, borrowed */
	struct backing *backing; /* NULL: every read and write is a request */
	/* The request in hand */
	const struct fuse_sink *sink;
	uint64_t unique;
	uint32_t opcode;
	uint32_t open_flags; /* FUSE_OPEN_KILL_SUIDGID; libfuse 3.14 drops it */
	uint64_t init_flags; /* what INIT offers */
	int backing_id; /* what OPEN or CREATE is answered with, 0: through the cache */
	bool replied;
};

/* Sends a reply of up to 7 segments with this error (0 or negative) through the sink; 0 or -errno.
 */
int fuse_door_send(struct fuse_door *d, int error, const struct iovec *body, int n);
/* Seconds that names of node may be cached, and its attributes. */
double fuse_door_valid(const struct fuse_door *d, uint64_t node);
double fuse_door_attr_valid(const struct fuse_door *d, uint64_t node);
/*
 * node was opened as fh; made: by the request that also made it. Sets backing_id; 0, or -errno when
 * it cannot be open that way. fuse_door_closed undoes it.
 */
int fuse_door_opened(struct fuse_door *d, uint64_t node, uint64_t fh, int flags, bool made);
void fuse_door_closed(struct fuse_door *d, uint64_t node);
/* The same for a name that is not there, in directory dir; 0: do not cache it. */
double fuse_door_negative(const struct fuse_door *d, uint64_t dir);
/* Lets libfuse answer a request that was checked. */
void fuse_door_pass_on(struct fuse_door *d, const struct fuse_request *rq);
/* What INIT may amend: patches struct fuse_init_out (n bytes at out) before it leaves. */
void fuse_door_amend_init(struct fuse_door *d, void *out, size_t n);
/* The same for an OPEN's or CREATE's answer, which ends with struct fuse_open_out: backing_id. */
void fuse_door_amend_open(struct fuse_door *d, void *out, size_t n);
/* True when cached pages of a file that is being opened may stay. */
bool fuse_door_keep_cache(struct fuse_door *d, uint64_t node);

/*
 * True when the kernel may keep a directory's listing: nobody else changes it. Not where base has a
 * part in it: names found again by READDIRPLUS are cheaper than looking each up.
 */
bool fuse_door_keep_listing(struct fuse_door *d, uint64_t dir);

/* Default ACL and umask applied to the mode of what is about to be made in dir. */
struct fuse_inherit {
	bool access; /* access[0..access_len) has to be stored on the new entry */
	size_t access_len;
	size_t default_len; /* of the directory's default ACL, for new directories */
	uint8_t *access_acl;
	uint8_t *default_acl;
};
/* Fills *in from dir and cuts *mode; 0 or -errno. fuse_inherit_free releases. */
int fuse_inherit_get(struct fuse_door *d, uint64_t dir, mode_t umask, mode_t *mode,
		     struct fuse_inherit *in);
/* Stores the ACLs on a new entry, whose attributes are read again; 0 or -errno. */
int fuse_inherit_put(struct fuse_door *d, const struct fuse_inherit *in, struct layer_entry *made,
		     const struct layer_cred *c);
void fuse_inherit_free(struct fuse_inherit *in);

/*
 * Rewrites a link's target (in buf, size bytes of room) so that a host tool that follows it stays
 * below the window: depth is the number of directories between the window's root and the link.
 * Returns the new length, or -ENAMETOOLONG.
 */
ssize_t fuse_link_rewrite(char *buf, size_t size, unsigned depth);

/*
 * Checks a request against the protocol: sizes of arguments, NUL-terminated names. 0, -EPROTO when
 * it is malformed, -ENOSYS when gaol has no such operation, -EROFS when a read-only door is asked
 * to change.
 */
int fuse_check(const struct fuse_door *d, const struct fuse_request *rq);

#endif
