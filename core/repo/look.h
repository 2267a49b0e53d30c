/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * look: looking into a side, directory by directory; what side.c and diff.c are made of. Nobody
 * outside core/repo includes it.
 *
 * A place is a directory of the union: its upper half (a tree of a checkpoint, a directory on disk,
 * or nothing) and its base half (a node of the base view, or nothing). A thing is what the guest
 * sees at a name of a place.
 */
#ifndef GAOL_CORE_REPO_LOOK_H
#define GAOL_CORE_REPO_LOOK_H

#include "core/layer/layer.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include "core/repo/side.h"

/* Whatever a guest nests can be saved; the rest is for a base that is deep itself, and for the
 * subtrees of large directories and files. */
_Static_assert(LAYER_DEPTH_MAX + 64 <= FORMAT_DEPTH_MAX, "a layer that no checkpoint can hold");

struct side {
	enum side_kind kind;
	struct repo *r;
	struct layer *base;  /* may be NULL */
	struct cache *cache; /* SIDE_NOW */
	git_oid root;	     /* SIDE_CHECKPOINT: its tree */
	struct ents index;   /* work/index, by name */
	int index_fd;	     /* SIDE_NOW, -1: none */
	struct err err;
};

struct place {
	bool upper;   /* there is an upper half: */
	git_oid tree; /* SIDE_CHECKPOINT */
	int fd;	      /* SIDE_NOW, else -1 */
	bool root;
	struct ents ents; /* of the upper half */
	uint64_t node;	  /* base half, 0: none; a look-up count is held but for LAYER_ROOT */
	uint64_t ino;	  /* of node */
};

struct thing {
	bool there;
	bool upper;	 /* x says what it is */
	struct ent x;	 /* points into the place's ents, or the side's index */
	int dirfd;	 /* SIDE_NOW: directory that x is in, borrowed */
	uint64_t node;	 /* base entry that it is, or whose data a META entry shows; 0: none */
	struct stat bst; /* of node */
};

/* The root; 0 or -errno with s->err set. place_close it. */
int place_root(struct side *s, struct place *p);
void place_close(struct side *s, struct place *p);
/* Looks a name up; a name that is not there gives there = false. thing_done it, before p. */
int place_find(struct side *s, struct place *p, const char *name, struct thing *t);
void thing_done(struct side *s, struct thing *t);
/* The base entry at a name: *node (forget by base_forget) is 0 when there is none. */
int place_base(struct side *s, const struct place *p, const char *name, uint64_t *node,
	       struct stat *st);
void base_forget(struct side *s, uint64_t *node);
/* The directory that t is. */
int place_enter(struct side *s, struct place *p, const struct thing *t, const char *name,
		struct place *out);
/*
 * Names of a place, sorted, each once: of its upper half, and of its base half when base is set;
 * whiteouts are among them. Appended to names; memory in mem.
 */
struct names {
	const char **v;
	size_t n, cap;
	struct ents mem;
};
int place_names(struct side *s, const struct place *p, bool base, struct names *names);
void names_sort(struct names *n);
void look_names_free(struct names *n);

/* A path walked: the place of its last component, and the thing there. The root is a place alone.
 */
struct found {
	struct place p;
	struct thing t;
	char name[256];
	bool root;
};
/* 0 or -errno (-ENOENT, -ENOTDIR, ...) with s->err set; found_done when 0. */
int found_path(struct side *s, const char *path, struct found *f);
void found_done(struct side *s, struct found *f);
/* The root directory's own attributes; memory in mem. */
int root_thing(struct side *s, struct thing *t, struct ents *mem);

/* The mode (with type) that is seen. */
mode_t thing_mode(const struct thing *t);
/* lstat of it; size is looked up when asked for. */
int thing_stat(struct side *s, const struct thing *t, struct stat *st);
/* Guest's attributes, sorted; memory in mem. */
int thing_xattrs(struct side *s, const struct thing *t, struct ents *mem, struct xattr **v,
		 size_t *n);
/* The base file that an upper entry came from is another one now; base: what covers it, or NULL. */
bool thing_drifted(const struct thing *t, const struct stat *base);

/* Content by offset. */
struct reader {
	int fd;			      /* a file, or -1 */
	struct content_reader *store; /* stored content, or NULL */
	char *text;		      /* a link's target, or NULL */
	uint64_t size;
};
/* Opens a regular file or link. 0 or -errno with s->err set. */
int reader_open(struct side *s, const struct thing *t, const char *name, struct reader *rd);
void reader_close(struct reader *rd);
/* Reads n bytes at off (less only at the end); holes are zeros. Count or -errno. */
ssize_t reader_read(struct reader *rd, uint64_t off, void *p, size_t n);
/* 1 when both have the same bytes, 0 when not, -ECANCELED, or -errno. */
int reader_same(struct reader *a, struct reader *b, const volatile bool *cancel);

#endif
