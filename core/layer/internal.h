/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internal: what the rooms of the layer share. Nobody outside core/layer includes it.
 *
 * Words: a *node* is an inode that a door knows; a *name* ties a node to its parent; a *dir* is an
 * open directory in the bounded cache, with one upper descriptor and a *side* for each lower
 * directory that merges into it; a *hit* is what a lower shows at a name; *found* is the answer of
 * the whole union. A *tag* numbers a lower file system (stable over restarts: work/devices).
 *
 * work/ holds: index/ (copied-up inodes of lower hard links, by TAG-INO), devices (the tags),
 * whiteout (one inode that all whiteouts are links to), rename (the redo note of a rename in
 * flight, see rename.c) and temporaries t.N, removed at open.
 */
#ifndef GAOL_CORE_LAYER_INTERNAL_H
#define GAOL_CORE_LAYER_INTERNAL_H

#include "core/layer/layer.h"
#include "core/layer/record.h"
#include "core/layer/touched.h"
#include <fcntl.h>
#include <limits.h>

#define ROOT 1u		  /* index of the root's node */
#define TAG_UPPER 0u	  /* inode numbers born in upper */
#define TAG_SYNTH 0x7fffu /* directories without an inode: mounts, waypoints */
#define TAG_MAX 0x7000u
#define LAYER_DEV 0x6a6cu /* st_dev of everything */
#define NODE_CHUNK 1024u
#define ORPHANS_MAX 1024
#define REVALIDATE_NS 1000000000LL /* a lower directory held open is looked at again after this */

struct name {
	struct name *hash_next;
	struct name *node_next;
	uint32_t parent;
	uint32_t node;
	uint32_t hash;
	uint8_t len;
	char s[];
};

enum node_flags {
	NODE_UPPER = 1,	  /* it has an inode in upper */
	NODE_INDEXED = 2, /* that inode has a link in work/index */
	NODE_DEAD = 4,	  /* a removed directory */
	NODE_USED = 8,
	NODE_CAPFREE = 16, /* known to have no security.capability */
	NODE_BARE = 32,	   /* in upper, and known to have no attribute of the guest's at all */
	NODE_MARKED = 64,  /* the door's own mark */
};

struct node {
	struct name *names;
	char *origin; /* lower path of a redirected entry, else NULL */
	uint64_t lookups;
	uint64_t upper_ino;
	uint64_t lower_ino; /* identity while there is no upper */
	uint64_t origin_ino;
	uint32_t gen;
	uint32_t hash_next; /* chain of equal inodes' hash */
	uint32_t kids;	    /* names whose parent this is */
	uint32_t files;	    /* index of the first open handle, 0 = none */
	uint32_t dir;	    /* slot in the cache of open directories + 1 */
	uint32_t orphan;    /* slot in the table of nameless inodes + 1 */
	uint32_t mode;	    /* type always; the rest while in upper */
	uint32_t uid, gid;  /* cached record of an upper entry */
	uint32_t rflags;
	uint32_t rdev_major, rdev_minor;
	uint16_t origin_tag;
	uint16_t tag; /* of lower_ino */
	uint16_t flags;
	uint64_t touch_epoch; /* touch is valid while this is now's (touch.c) */
	struct touch *touch;  /* a directory's place in the set of what was touched */
} __attribute__((aligned(128)));

/* A word of the map stands for a page of nodes, so that a page nobody uses is given back. */
struct chunk {
	uint32_t used;
	uint32_t map[NODE_CHUNK / 32];
	struct node *node; /* mmap'ed */
};

struct side {
	int fd;
	uint8_t lower;
	bool way;  /* only names on the way to a deeper rule are shown */
	bool walk; /* names can be looked up */
	bool list; /* names can be listed */
	uint16_t tag;
	dev_t dev;
	ino_t ino;
	struct auth_at mnt; /* place in the lower's mount table */
};

struct sides {
	int n;
	struct side s[LAYER_LOWER_MAX];
};

struct dir {
	uint32_t node, slot;
	struct dir *prev, *next; /* LRU ring, newest first */
	unsigned pins;
	uint32_t epoch;
	int64_t checked;
	int upper;
	nlink_t nlink; /* of a merged directory, 0: not counted */
	bool gone;     /* out of the cache, freed with its last pin */
	struct auth_at at;
	struct sides sides;
};

enum hit_kind { HIT_NONE, HIT_SHOWN, HIT_EMPTY, HIT_STOP };

struct hit {
	enum hit_kind kind;
	int side; /* index in sides, -1 for a waypoint that no lower has */
	bool way;
	uint16_t tag;
	struct stat st; /* attributes as shown, but for st_ino and st_dev */
	uint32_t rflags;
	struct auth_at mnt;
};

enum found_kind { FOUND_NONE, FOUND_UPPER, FOUND_LOWER };

struct found {
	enum found_kind kind;
	bool whiteout; /* upper has a whiteout at the name */
	bool here;     /* upper has an entry at the name */
	bool indexed;  /* the upper inode was reached through work/index */
	struct auth_at at;
	struct stat st;	   /* native lstat (upper) */
	struct record rec; /* upper only */
	struct hit hit;	   /* lower only, or what lies below when asked for */
};

struct lower {
	char *path;
	int fd;
	bool virtual, guarded;
	struct authority *mounts;
};

struct handle {
	uint32_t gen, node;
	uint32_t next; /* of the node */
	int fd;
	int flags;
	bool is_dir, upper, wrote;
	int64_t told;	  /* time of the last write event */
	uint64_t pending; /* bytes written since */
	int64_t before;	  /* what the inode held before the write under way */
	struct layer_cred who;
	struct snapshot *snap;
};

struct orphan {
	uint32_t node;
	int fd;
};

struct tag {
	char *id;
	dev_t dev;
	bool known; /* dev is valid in this run */
};

/* What upper holds and may hold; see quota.c. Counts may be off below 0 until they are known. */
struct quota {
	int64_t bytes, inodes;
	uint64_t max_bytes, max_inodes; /* 0: no limit */
	uint32_t max_files;
	bool known; /* else only what happened since the layer was opened is counted */
	uint64_t changes;
	int64_t told[3]; /* when each limit was last told of */
};

struct seal;

struct layer {
	struct lower lower[LAYER_LOWER_MAX];
	int nlower;
	int upper, work, index, tags_fd;
	size_t indexed; /* entries in work/index */
	ino_t whiteout_ino;
	bool readonly, events_read, switch_ids, no_tmpfile;
	const struct authority *authority;
	struct quota quota;
	layer_event_fn *on_event;
	void *event_user;
	struct touched *touched; /* borrowed, may be NULL */
	uint64_t touch_era;
	struct seal *seal; /* NULL: no checkpoint is being stored */
	int64_t born;
	uint64_t seed[2];
	uint32_t temp;

	struct chunk **chunk;
	uint32_t nchunk, chunk_hint, gen;
	size_t nnodes, nnames, freed;
	struct name **names;
	size_t names_cap;
	uint32_t *inodes;
	size_t inodes_cap;

	struct dir **dir;
	uint32_t dir_cap, ndirs, epoch;
	struct dir lru;

	struct orphan *orphan;
	uint32_t orphan_cap, orphan_next, norphans;

	struct handle **handle;
	uint32_t handle_cap, nhandles, handle_free;

	struct tag *tag;
	uint32_t ntags;
	struct tag *mounted; /* device -> smallest mount point, from mountinfo */
	size_t nmounted;
	char path[2][PATH_MAX];
};

/* node.c */
struct node *node_at(struct layer *l, uint32_t i);
/* The index of a door's number, 0 when it is stale or invented. */
uint32_t node_index(struct layer *l, uint64_t id);
uint64_t node_id(struct layer *l, uint32_t i);
uint32_t node_new(struct layer *l);
/* Frees i, and parents that only it kept, when nothing refers to it any more. */
void node_drop(struct layer *l, uint32_t i);
/* Puts the node into the table of inodes (by upper_ino, else tag and lower_ino), takes it out. */
void node_hash(struct layer *l, uint32_t i);
void node_unhash(struct layer *l, uint32_t i);
uint32_t node_by_upper(struct layer *l, uint64_t ino);
uint32_t node_by_lower(struct layer *l, uint16_t tag, uint64_t ino);
void node_record_set(struct node *n, const struct record *r);
/* What the node knows of its record: all of it when it has no origin. */
void node_record_get(const struct node *n, struct record *r);
bool node_is_dir(const struct node *n);
bool node_is_upper(const struct node *n);
uint32_t name_hash(const struct layer *l, uint32_t parent, const char *s, size_t n);
struct name *name_find(struct layer *l, uint32_t parent, const char *s);
struct name *name_add(struct layer *l, uint32_t parent, const char *s, uint32_t node);
/* Takes the name off its node; neither node nor parent is dropped. */
void name_del(struct layer *l, struct name *nm);
/* Makes the name the one under which its node, while lower, will be copied up. */
void name_prefer(struct layer *l, uint32_t parent, const char *s);
void table_init(struct layer *l);
void table_free(struct layer *l);

/* mounts.c */
int mounts_open(struct layer *l, const char *const *empty, struct err *e);
void mounts_close(struct layer *l);
/* The tag of a device; fd (or -1) is an open directory of it, to name it by when it is new. */
uint16_t tag_of(struct layer *l, dev_t dev, int fd);
uint64_t ino_make(uint16_t tag, uint64_t ino);

/* lower.c */
/* Between the two, files are opened as nobody when the side is guarded and not own. */
bool guard_enter(struct layer *l, const struct side *s, struct auth_at at);
void guard_leave(bool entered);
bool side_guards(const struct layer *l, const struct side *s, struct auth_at at);
/* What the sides show at name: 0 with h->kind set, or -errno. */
int lower_find(struct layer *l, const struct sides *ss, uint64_t dir_ino, const char *name,
	       struct auth_at at, struct hit *h);
/* Opens the directories that merge at name (at holds there) into out. */
int sides_step(struct layer *l, const struct sides *ss, const char *name, struct auth_at at,
	       struct sides *out);
void sides_close(struct sides *ss);
int sides_root(struct layer *l, struct sides *out);
/* The sides of the directory that holds the lower path, and its last component. */
int sides_walk(struct layer *l, const char *path, struct sides *out, const char **last,
	       struct auth_at *at);
/* Opens the regular file a hit tells of, for reading. */
int lower_open(struct layer *l, const struct sides *ss, const char *name, struct auth_at at,
	       const struct hit *h, int flags);

/* dirs.c */
#define cleanup_dir __attribute__((cleanup(dir_unpin)))
int dir_get(struct layer *l, uint32_t i, struct dir **out);
void dir_unpin(struct dir **d);
void dir_drop(struct layer *l, uint32_t i);
void dirs_init(struct layer *l, uint32_t cap);
void dirs_free(struct layer *l);
int64_t now_ns(void);
/* What holds at a node. */
int node_auth(struct layer *l, uint32_t i, struct auth_at *at);

/* union.c */
int name_check(const char *name);
/* Node and attributes (st may be NULL) of what union_find found. */
uint32_t union_take(struct layer *l, struct dir *d, const char *name, const struct found *f,
		    struct stat *st);
int union_find(struct layer *l, struct dir *d, const char *name, bool below, struct found *f);
/* Looks name up and gives its node (no look-up counted), attributes to st when it is not NULL. */
int union_node(struct layer *l, uint32_t dir, const char *name, uint32_t *node, struct stat *st);
int union_stat(struct layer *l, uint32_t i, struct stat *st);
/* Makes or finds the node of what was found. */
uint32_t union_adopt(struct layer *l, struct dir *d, const char *name, const struct found *f);
void upper_shown(const struct record *r, const struct stat *native, struct stat *st);
void entry_give(struct layer *l, uint32_t i, const struct stat *st, struct layer_entry *out);

/* upper.c: how a node's upper inode is reached, and how new ones are made */
struct place {
	struct dir *dir; /* pinned, or NULL */
	int fd;		 /* directory descriptor, borrowed */
	const char *name;
	char buf[48];
};
#define cleanup_place __attribute__((cleanup(place_done)))
int place_of(struct layer *l, uint32_t i, struct place *p);
void place_done(struct place *p);
int upper_open(struct layer *l, uint32_t i, int flags);
/* fd: its upper inode, open; asked only when the node itself does not know the whole record. */
int upper_record(struct layer *l, uint32_t i, int fd, struct record *r);
int record_write(int fd, const struct record *r, bool had);
struct temp {
	int fd;
	char name[24];
};
int temp_make(struct layer *l, struct temp *t);
int temp_place(struct layer *l, struct temp *t, int dirfd, const char *name, bool replace);
void temp_drop(struct layer *l, struct temp *t);
void temp_name(struct layer *l, char out[24]);
int whiteout_make(struct layer *l, int dirfd, const char *name);
/* The same as a temporary in work/. */
int whiteout_temp(struct layer *l, char out[24]);
/* Keeps an inode that loses its last name reachable for its node. */
void orphan_keep(struct layer *l, uint32_t i, int fd);
int orphan_fd(struct layer *l, uint32_t i);
void orphan_drop(struct layer *l, uint32_t i);

/* copyup.c */
/* Gives the node an inode in upper: complete, or META for a regular file. */
int copyup_meta(struct layer *l, uint32_t i);
int copyup_dir(struct layer *l, uint32_t i);
/* A file that only lower has; keep as for copyup_data, or -1 for metadata alone. */
int copyup_file(struct layer *l, uint32_t i, off_t keep);
int64_t ts_ns(const struct timespec *t);
/* The record of a lower entry that is copied up. */
void record_from(struct record *r, const struct hit *h);
/* The node has an upper inode now. */
void node_uppered(struct layer *l, uint32_t i, const struct record *r, ino_t ino);
int times_get(int fd, struct timespec ts[2]);

/* data.c */
#define COPYUP_ALL INT64_MAX
/* Brings the data to upper: all of it, or, at a truncation, keep bytes, which is the size then. */
int copyup_data(struct layer *l, uint32_t i, off_t keep);
int data_fill(int from, int to, off_t keep, off_t size);
/* The lower file of a META or lower node for reading, or -errno. */
int data_open(struct layer *l, uint32_t i, int flags, struct stat *st);
/* Its attributes, as far as authority lets them be seen. */
int data_stat(struct layer *l, uint32_t i, struct stat *st);
/* Makes a META or merged entry independent of its place. */
int redirect_set(struct layer *l, uint32_t i);
int dir_set_opaque(struct layer *l, uint32_t i);
ssize_t lower_path(struct layer *l, uint32_t i, char *buf, size_t size);

/* index.c */
int index_name(uint16_t tag, uint64_t ino, char out[48]);
/* Looks for the copied-up inode of a lower file: 1 found, 0 not. */
int index_find(struct layer *l, uint16_t tag, const struct stat *low, struct stat *st,
	       struct record *r);
bool index_has(struct layer *l, const struct record *r, ino_t upper_ino);
int index_add(struct layer *l, int fd, uint16_t tag, uint64_t ino, uint32_t nlink);
/* After a link was made or a crash: the entry's count is relative again, or the entry goes. */
void index_settle(struct layer *l, const char *name);
void index_settle_node(struct layer *l, uint32_t i);
nlink_t index_nlink(struct layer *l, uint32_t i, nlink_t native);
/* Makes a real link at an indexed node's lower name. */
int index_link(struct layer *l, uint32_t i, struct dir *d, const char *name);

/* tell.c */
int refuse(struct layer *l, int err, uint32_t dir, const char *name, const struct layer_cred *c);
/* The same, with a reason that becomes the event's second text. */
int refuse_why(struct layer *l, int err, uint32_t dir, const char *name, const struct layer_cred *c,
	       const char *why);
/* 0, or the refusal that changing at "at" gives, told as an event. */
int may_change(struct layer *l, struct auth_at at, uint32_t dir, const char *name,
	       const struct layer_cred *c);
int may_change_node(struct layer *l, uint32_t i, const struct layer_cred *c);
void tell(struct layer *l, unsigned op, uint32_t dir, const char *name, mode_t mode, uint64_t bytes,
	  const struct layer_cred *c, const char *text);
void tell_node(struct layer *l, unsigned op, uint32_t i, mode_t mode, uint64_t bytes,
	       const struct layer_cred *c, const char *text);
void tell_two(struct layer *l, unsigned op, uint32_t dir, const char *name, uint32_t dir2,
	      const char *name2, mode_t mode, const struct layer_cred *c);
void tell_read(struct layer *l, uint32_t i, const struct layer_cred *c);
ssize_t path_of(struct layer *l, uint32_t i, const char *name, char *buf, size_t size);

/* sealed.c: keeps what is there for a checkpoint that is being stored (seal.h), before it changes;
 * nothing when there is none. touch_name, touch_node and touch_data call these. */
void seal_name(struct layer *l, uint32_t dir, const char *name, bool moves);
void seal_node(struct layer *l, uint32_t i);
void seal_data(struct layer *l, uint32_t i, uint64_t off, uint64_t end);
/* A directory has another place from now on. */
void seal_moves(struct layer *l);
/* The upper directory at a name goes with the whiteouts that are in it. */
void seal_inside(struct layer *l, int dirfd, const char *name);
/* Removes a directory that was taken out of upper to work/temp; while a seal is read it is kept, so
 * that its inode number does not come again as another's. 0 or -errno. */
int seal_gone(struct layer *l, const char *temp);
/* True while a checkpoint is being stored. */
bool seal_reads(const struct layer *l);
/* An inode of work/index (fd, or -1) and a name in it (or NULL) change. */
void seal_index(struct layer *l, int fd, const char *name);
/* True for an inode that has one link more in work/seal. */
bool seal_linked(const struct layer *l, uint64_t ino);
/* It cannot be kept. */
void seal_broken(struct layer *l);

/* touch.c: called before upper is changed */
/* Marks a name of a directory that comes, goes or (whole) becomes another thing. */
void touch_name(struct layer *l, uint32_t dir, const char *name, bool whole);
/* The same, of what stays, elsewhere. */
void touch_moved(struct layer *l, uint32_t dir, const char *name, bool is_dir);
/* Marks all data of a node that gets one more name: any of them may write it. */
void touch_shared(struct layer *l, uint32_t i);
/* Marks a node whose attributes change, or bytes off to end of its data too. */
void touch_node(struct layer *l, uint32_t i);
void touch_data(struct layer *l, uint32_t i, uint64_t off, uint64_t end);
/* An inode (its lstat in st) at a name below dirfd, or dirfd itself for NULL, gains or loses a name:
 * when it was a hard link at the last checkpoint, its other names are touched and not known. */
void touch_links(struct layer *l, int dirfd, const char *name, const struct stat *st);
/* Something changes that nobody wants to follow. */
void touch_all(struct layer *l);

/* file.c */
struct handle *handle_at(struct layer *l, uint64_t fh, bool is_dir);
uint64_t handle_new(struct layer *l, uint32_t node, bool is_dir, struct handle **out);
void handle_free(struct layer *l, uint32_t i);
/* A descriptor of a node that is open, or -1; borrowed. */
int node_fd(struct layer *l, uint32_t i);
/* The same of a handle that still reads the lower file. */
int node_lower_fd(struct layer *l, uint32_t i);
/* Points the open handles of a node that was copied up to its upper file. */
int handles_follow(struct layer *l, uint32_t i);
void snapshot_free(struct snapshot *s);

/* create.c */
/* The node of an inode that was just made at name, with its attributes. */
int made_entry(struct layer *l, struct dir *d, const char *name, const struct record *r, int fd,
	       struct layer_entry *out);

/* remove.c */
mode_t found_mode(const struct found *f);
/* Moves a lower file with more names to upper before one of them goes; finds it again. */
int found_count_link(struct layer *l, struct dir **d, uint32_t dir, const char *name,
		     struct found *f);
/* True when the name's node will be nameless and unreachable without it. */
bool name_is_last(struct layer *l, uint32_t dir, const char *name);
/* A descriptor that keeps the inode of a name about to vanish, or -1. */
int found_keep(struct layer *l, struct dir *d, const char *name, const struct found *f);
/* Takes the name off its node; fd (or -1), taken over, keeps the node reachable. */
void name_gone(struct layer *l, uint32_t dir, const char *name, int fd);

/* dir.c */
int dir_is_empty(struct layer *l, uint32_t i);
/* Subdirectories that a merged directory shows. */
nlink_t dir_nlink(struct layer *l, uint32_t i, nlink_t native);
/* A subdirectory of i came or went. */
void dir_changed(struct layer *l, uint32_t i);

/* depth.c */
/* 0, or -ENAMETOOLONG when no directory may be made in dir. */
int depth_make(struct layer *l, uint32_t dir);
/*
 * 0, or -ENAMETOOLONG when the directory that upper (-1: upper has none) holds under name would
 * lie too deep once it is moved from directory from to directory to.
 */
int depth_move(struct layer *l, uint32_t from, uint32_t to, int upper, const char *name);

/* quota.c */
/* Reads the count that the last layer left; 0 or -errno. */
int quota_open(struct layer *l, const struct layer_config *c);
/* Leaves the count for the next, when it is known. */
void quota_close(struct layer *l);
void quota_add(struct layer *l, int64_t bytes, int64_t inodes);
/* What an inode of upper counts in bytes. */
int64_t quota_of(const struct stat *st);
int64_t quota_fd(int fd);
/* The inode of fd counted before bytes, and was changed. */
void quota_grew(struct layer *l, int fd, int64_t before);
/* fd is the last descriptor of an inode of upper, about to be closed: nothing is left of one
 * without a name. */
void quota_closed(struct layer *l, int fd);
/* The name that f was found by is gone; kept: a descriptor keeps its inode. */
void quota_unlinked(struct layer *l, const struct found *f, bool kept);
/*
 * 0 when bytes and inodes more may come, -ENOSPC when not (told as an event); dir and name say
 * where, name may be NULL.
 */
int quota_room(struct layer *l, uint64_t bytes, uint64_t inodes, uint32_t dir, const char *name,
	       const struct layer_cred *c);
/* The same for n bytes at off of node i, open as fd: over blocks that it has more can be written.
 */
int quota_write(struct layer *l, uint32_t i, int fd, uint64_t off, uint64_t n,
		const struct layer_cred *c);
/* 0 when one more file may be opened, else -ENFILE. */
int quota_file(struct layer *l, uint32_t i, const struct layer_cred *c);
/* Makes the limits the size of the file system. */
void quota_statfs(struct layer *l, struct statvfs *st);

/* meta.c */
/* Clears set-id bits (when setid) and file capabilities of a file that is written. */
int kill_privs(struct layer *l, uint32_t i, int fd, bool setid);
int truncate_node(struct layer *l, uint32_t i, off_t size);
#define CAPS_XATTR RECORD_GUEST_PREFIX "security.capability"
#define ACL_ACCESS RECORD_GUEST_PREFIX "system.posix_acl_access"
#define ACL_DEFAULT RECORD_GUEST_PREFIX "system.posix_acl_default"

/* aclmode.c */
/* An ACL to be stored as access ACL: the mode that follows from it; 1 when the mode says it all. */
int acl_to_mode(const void *acl, size_t n, mode_t *mode);
int acl_check(const void *acl, size_t n);
/* After chmod: the access ACL of fd follows mode. */
int acl_chmod(int fd, mode_t mode);

#endif
