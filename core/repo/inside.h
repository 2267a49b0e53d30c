/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inside: what the rooms of core/repo share. Nobody outside includes it. */
#ifndef GAOL_CORE_REPO_INSIDE_H
#define GAOL_CORE_REPO_INSIDE_H

#include "core/layer/touched.h"
#include "core/repo/format.h"
#include "core/repo/meta.h"
#include "core/repo/pack.h"
#include "core/repo/repo.h"
#include "core/repo/sealed.h"
#include <git2.h>

#define REPO_GAOL "gaol"
#define FILE_NUMBER "number"
#define FILE_CACHE "cache"
#define FILE_REDO "redo"
#define FILE_JOURNAL "journal"
#define DIR_STAGE "stage"

struct repo {
	int jail, dir, gaol; /* the jail's directory, checkpoints.git, checkpoints.git/gaol */
	int upper, work;     /* -1 when they are not there */
	git_repository *git;
	git_odb *odb;
	unsigned writing;  /* nested writers (repo_write_begin) */
	struct pack *pack; /* being written: objects are looked for there too; borrowed */
	struct sealed *sealed; /* upper changes while we read it; NULL: it does not */
};

/* err_set with libgit2's last message behind the text. */
int repo_git_err(struct err *e, int ret, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * Holds an flock on gaol/ between the two, against a second writer, which would take our
 * temporaries for left-overs; may be nested. 0 or -EBUSY with e set.
 */
int repo_write_begin(struct repo *r, struct err *e);
void repo_write_end(struct repo *r);
/* Opens work/index for listing: a descriptor, -ENOENT when there is none, or -errno. */
int repo_index_fd(struct repo *r);

/*
 * Reads an object of a type into a new block (free it), from the pack being written or the
 * repository; more than max bytes are refused. 0, -ENOENT, -EFBIG, -EPROTO (another type) or -EIO.
 */
int object_read(struct repo *r, const git_oid *oid, git_object_t type, size_t max, void **data,
		size_t *n);
/* The size of a blob; 0 or -ENOENT, -EPROTO. */
int object_blob_size(struct repo *r, const git_oid *oid, uint64_t *size);

/* Progress with a clock: calls the hook at most every 100 ms. */
struct pace {
	const struct repo_hooks *h; /* may be NULL */
	const char *phase;
	uint64_t done, total;
	int64_t told; /* ms */
};
void pace_begin(struct pace *p, const struct repo_hooks *h, const char *phase, uint64_t total);
/* Adds n to done; 0 or -ECANCELED. */
int pace_step(struct pace *p, uint64_t n);

/* tree.c: building git trees */
struct treebuf {
	struct tree_item *v;
	size_t n, cap;
};
void treebuf_add(struct treebuf *t, const char *name, bool is_tree, const git_oid *oid);
/* Writes the tree, its hash to *oid, and empties t. */
int treebuf_write(struct treebuf *t, struct pack *p, git_oid *oid, struct err *e);
void treebuf_free(struct treebuf *t);
/*
 * Writes the tree of a directory whose entries have their content stored: %meta, entries, shards.
 * In the root, index (may be NULL) is the tree of %index and self the line of ".".
 */
int tree_write(struct pack *p, const struct ents *d, const struct ent *self, const git_oid *index,
	       git_oid *oid, struct err *e);

struct shards;
/*
 * The same of a split directory that stays one: d has the entries of the shards in anew, the other
 * shards are as in s.
 */
int tree_write_shards(struct pack *p, const struct ents *d, const bool *anew,
		      const struct shards *s, const struct ent *self, const git_oid *index,
		      git_oid *oid, struct err *e);

/* load.c: a directory from its git tree */
/*
 * Entries of a directory's tree. Every line must have its tree entry and the other way round. In
 * the root (root is set) "." goes to *self (its memory in d), %index's tree to *index (zero: none);
 * both may be NULL. 0, -EPROTO for a damaged or forged tree, or -errno, with e set.
 */
int load_dir(struct repo *r, const git_oid *tree, bool root, struct ents *d, struct ent *self,
	     git_oid *index, struct err *e);
/* Shards of a split directory (format.h). */
struct shards {
	bool split; /* false: it is not split */
	bool has[FORMAT_SHARDS];
	git_oid oid[FORMAT_SHARDS];
};
/* As load_dir, but of a split directory only the shards in want (NULL: all); s (may be NULL) tells
 * which there are. */
int load_part(struct repo *r, const git_oid *tree, bool root, const bool *want, struct shards *s,
	      struct ents *d, struct ent *self, git_oid *index, struct err *e);
/* Appends the entries of one shard, in its order. */
int load_shard(struct repo *r, const git_oid *oid, unsigned shard, struct ents *d, struct err *e);
/* load_dir of two directories, without those shards that are the same. */
int load_differing(struct repo *r, const git_oid *a, const git_oid *b, bool root, struct ents *da,
		   struct ents *db, struct ent *sa, struct ent *sb, struct err *e);
/* The tree of a commit. */
int load_commit_tree(struct repo *r, const char *hash, git_oid *tree, struct err *e);

/* at.c: a directory of upper or work/index, and what is in it */
struct at {
	int fd; /* -1: it was removed since it was sealed */
	uint64_t ino;
	struct sealed *sealed; /* NULL: nothing changes meanwhile */
};
/* One whose descriptor is fd (borrowed). 0 or -errno. */
int at_begin(struct at *a, int fd, struct sealed *s);
/* The subdirectory x of up: close its fd. -ENOENT when it vanished, or -errno with e set. */
int at_subdir(struct at *a, const struct at *up, const struct ent *x, struct err *e);
/* The file x for reading, the inode that was scanned: a descriptor or -errno. */
int at_file(const struct at *a, const struct ent *x);

struct cache;
/* scan.c: a directory from the upper layer */
enum scan_flags {
	SCAN_NUMBER = 1, /* give hard links without a group number one (writes an attribute) */
	SCAN_INDEX = 2	 /* this is work/index: whiteouts are left out */
};
/* Entries of an open directory; those that vanish meanwhile are left out. c (may be NULL) knows
 * files that have no attributes. */
int scan_dir(const struct at *at, int flags, const struct cache *c, struct ents *d, struct err *e);
/* Scans single names of a directory: between the two, scan_name appends the entry to d; -ENOENT when
 * it is not there. */
struct scan *scan_begin(const struct at *at, int flags, struct ents *d, struct err *e);
int scan_name(struct scan *s, const char *name);
void scan_end(struct scan *s);
/* The entry of the directory itself, name ".". */
int scan_self(const struct at *at, struct ents *d, struct ent *out, struct err *e);

/* cache.c: what files hashed to */
struct cache;
struct cache *cache_load(int gaolfd);
void cache_free(struct cache *c);
/* True when an inode is known with just these times and size: *oid and *chunked are set. */
bool cache_get(const struct cache *c, const struct stat *st, git_oid *oid, bool *chunked);
/* True when it is known so and then had no attribute of gaol's: nothing need be asked. */
bool cache_plain(const struct cache *c, const struct stat *st);
void cache_put(struct cache *c, const struct stat *st, const git_oid *oid, bool chunked,
	       bool plain);
/* Replaces the file; failure is no error, the cache can be lost. */
void cache_save(const struct cache *c, int gaolfd);

/* content.c: files in objects */
/* Chunks that were stored before and may be taken over. */
struct content_was {
	struct repo *r;
	const struct ent *ent; /* chunked */
	const struct touch *touch;
};
/* Stores n bytes st tells of from fd: sets e's chunked, size, oid. s and was may be NULL. */
int content_store(struct pack *p, int fd, const struct stat *st, struct sealed *s,
		  const struct content_was *was,
		  struct ent *e, struct pace *pace, struct err *err);
/* Sets the content of an entry of a directory: from the cache, or by reading the file. fresh (may
 * be NULL) learns what may be remembered. */
int content_of(struct repo *r, struct pack *p, const struct at *at, struct ent *e, const struct cache *old,
	       struct cache *fresh, struct pace *pace, struct err *err);
/*
 * The same for an entry that was stored as was (NULL: it was not there) and of which t tells what
 * has changed since: what has not is not read.
 */
int content_renew(struct repo *r, struct pack *p, const struct at *at, struct ent *e, const struct ent *was,
		  const struct touch *t, struct pace *pace, struct err *err);
/*
 * Calls put for the runs of data of a stored regular file or link, ascending; what lies between is
 * a hole. Stops at a non-zero return, which it returns; -EPROTO for a damaged file.
 */
typedef int content_fn(void *user, uint64_t off, const void *p, size_t n);
int content_each(struct repo *r, const struct ent *e, content_fn *put, void *user, struct err *err);
/* The size of what content_each gives; for plain blobs it is looked up. */
int content_size(struct repo *r, const struct ent *e, uint64_t *size);

/* The same by offset; the names that x points to must outlive the reader. */
struct content_reader;
int content_open(struct repo *r, const struct ent *x, struct content_reader **out, struct err *e);
void content_close(struct content_reader *c);
uint64_t content_reader_size(const struct content_reader *c);
/* Reads at off, zeros for holes; the count (less than n only at the end) or -EPROTO. */
ssize_t content_read(struct content_reader *c, uint64_t off, void *p, size_t n);

/* compare.c: two stored states, entry by entry */
struct pair {
	const struct ent *a, *b; /* NULL: not on that side */
	bool line, content;	 /* the lines differ, the content does */
};
/* Calls fn for each name of two directories whose entries differ (all: also equal ones), merged by
 * name. */
int pairs_each(const struct ents *a, const struct ents *b, bool all,
	       int (*fn)(void *user, const struct pair *p), void *user);
struct counts {
	uint64_t added, modified, deleted;
};
/* Counts the differing entries of two root trees (a NULL: an empty layer). */
int compare_count(struct repo *r, const git_oid *a, const git_oid *b, struct counts *c,
		  struct err *e);

/* store.c: the files that objects lie in */
/* Bytes of packs, their indexes and loose objects. */
int store_size(struct repo *r, uint64_t *bytes, struct err *e);
/* Removes all of them but the pack "keep" (pack-HASH); those with a .keep file stay. */
int store_clean(struct repo *r, const char *keep, struct err *e);

/* commit.c: commits, numbers, refs */
struct trailer {
	unsigned number;
	enum ckpt_kind kind;
	struct counts counts;
	uint64_t bytes;
};
/* Parses a commit's message; false when it is none of ours. */
bool trailer_parse(const char *message, struct trailer *t);
/* The tip of main: 0, -ENOENT for a new repository, or -errno. */
int main_tip(struct repo *r, git_oid *oid, struct err *e);
/* A number that no checkpoint has had. gaol/number has it; after a loss of power an older one may
 * stand there, and the branches' tips tell. */
int number_next(struct repo *r, unsigned *n, struct err *e);
/* Makes gaol/number durable, before checkpoints go that nothing else tells the number of. */
int number_settle(struct repo *r, struct err *e);
/* The highest number in use, 0 for none. */
int number_newest(struct repo *r, unsigned *n, struct err *e);
/* A message as a commit has it before its trailers. */
void commit_words(const char *message, struct buf *out);
/* Builds the commit's text. */
void commit_text(struct repo *r, const git_oid *tree, const git_oid *parent, const char *message,
		 const struct trailer *t, struct buf *out);
/* refs.c */
/* Points a ref (full name) at a commit, durable, with a reflog entry. */
int ref_set(struct repo *r, const char *name, const git_oid *oid, const char *why, struct err *e);
/* Removes a ref; none there is no error. */
int ref_remove(struct repo *r, const char *name, struct err *e);

/* walk.c: the tree of what is on disk */
struct walker {
	struct repo *r;
	struct pack *p;
	struct cache *old;   /* what is known, NULL: not loaded */
	struct cache *fresh; /* what is learnt; may be old; NULL in a dry walk */
	bool dry;
	bool linked; /* a hard link was met */
	struct pace pace;
	int flags;
	unsigned depth;
	struct err *e;
};
/* True for one of several hard links, as it is stored or on disk. */
bool ent_is_linked(const struct ent *x);
/* Stores a subdirectory with all below it: sets x's oid; -ENOENT when it vanished. */
int walk_subdir(struct walker *w, const struct at *up, struct ent *x);
/* The tree of all of upper and work/index. */
int walk_all(struct walker *w, git_oid *oid);
/* renew.c */
/*
 * The tree of upper when it was the root tree "old" and since then only t's names were touched. 0,
 * 1 when it takes a walk to tell (hard links are concerned), or -errno.
 */
int renew(struct walker *w, const git_oid *old, struct touched *t, git_oid *oid);

/* save.c: a save in two steps, so that a rollback can look at the present first */
struct saving {
	struct repo *r;
	struct pack *p;
	struct cache *fresh;
	const char *whole; /* why all of upper was looked at, NULL: it was not */
	git_oid tree;	   /* of the present */
	bool has_tip;
	git_oid tip, tip_tree; /* the present checkpoint */
	struct trailer tip_trailer;
	bool unchanged; /* tree is tip_tree */
};
struct save_from;
struct save_request;
struct save_result;
/* Stores the present; nothing is visible yet. from may be NULL. Always saving_end it. */
int saving_begin(struct repo *r, struct saving *s, const struct save_from *from,
		 const struct repo_hooks *h, struct err *e);
/* Makes the checkpoint; tip and tip_tree become the new one's. */
int saving_commit(struct saving *s, const struct save_request *q, struct save_result *out,
		  struct err *e);
void saving_end(struct saving *s);

/* build.c: entries of the layer from stored ones */
struct build {
	struct repo *r;
	int stage; /* gaol/stage: inodes of hard link groups lie there as gHEX16 */
	int work;  /* the layer's work/: its one inode for whiteouts lies there */
	const struct groups *groups;
	unsigned depth;
	struct pace pace;
	struct err *e;
};
/* Makes the entry, with all below it, at a name that is free. */
int build_ent(struct build *b, int dirfd, const char *name, const struct ent *x);
/* Gives an entry on disk x's record, attributes and times; safe to repeat. */
int build_attrs(int dirfd, const char *name, const struct ent *x, struct err *e);
/* Sets the times alone. */
int build_times(int dirfd, const char *name, const struct ent *x, struct err *e);

/* Numbers of hard link groups, a set. */
struct groups {
	uint64_t *v;
	size_t n, cap;
};
void groups_add(struct groups *g, uint64_t link);
bool groups_has(const struct groups *g, uint64_t link);
void groups_free(struct groups *g);

/* apply.c: from one stored state to another */
/*
 * Stages what upper lacks to become the root tree "to" when it is "from", in gaol/stage; then
 * apply_run changes upper. apply_run may be repeated from the start after a crash in it.
 */
int apply_stage(struct repo *r, const git_oid *from, const git_oid *to, const struct repo_hooks *h,
		struct err *e);
int apply_run(struct repo *r, const git_oid *from, const git_oid *to, const struct repo_hooks *h,
	      uint64_t *entries, struct err *e);
/* Removes gaol/stage. */
int apply_clean(struct repo *r, struct err *e);

/* journal.c: the note of a restore that must be completed, and its refs */
struct journal {
	git_oid from;	     /* root tree that upper was */
	git_oid to;	     /* commit that it is to be */
	git_oid old;	     /* main before */
	unsigned old_number; /* of old */
	char *redo;	     /* text of gaol/redo after it */
};
int journal_write(struct repo *r, const struct journal *j, struct err *e);
/* 0, -ENOENT or -errno; free redo. */
int journal_read(struct repo *r, struct journal *j, struct err *e);
int journal_remove(struct repo *r, struct err *e);
/* Moves the refs and writes gaol/redo; may be repeated. */
int journal_refs(struct repo *r, const struct journal *j, struct err *e);

#endif
