/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seal: while a checkpoint is being stored, the layer goes on changing, and keeps what was there.
 *
 * layer_seal names a moment. Before upper is changed then for the first time at some place that the
 * checkpoint wants, a record of what was there is written, so that another process that reads first
 * from upper and then looks for records sees the layer as it was at that moment: without a record,
 * what it read had not changed yet. Records only ever are added; each place has one, the first.
 *
 * The log is a memory file: u64 length of what is valid, then records, each a struct seal_record
 * with what follows it, a multiple of 8 bytes; both sides are the same program on the same host. The
 * data file holds contents. Inodes that lose a name stay reachable as work/seal/INO (hexadecimal),
 * one more link, which the guest does not see in st_nlink; directories that are moved come as a
 * descriptor over a socket, with their inode number (8 bytes) as message.
 *
 * What cannot be kept (a full disk, a truncation by more than SEAL_DATA_MAX, too much of all)
 * breaks the seal: the layer says so and keeps nothing more; the checkpoint must begin anew.
 */
#ifndef GAOL_CORE_LAYER_SEAL_H
#define GAOL_CORE_LAYER_SEAL_H

#include "core/err.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

#define SEAL_DIR "seal"
#define SEAL_NAME_FMT "%" PRIx64 /* of an inode in it */
#define SEAL_NAME_SIZE 20
#define SEAL_GONE_FMT "gone.%u" /* a directory that was removed, there for its inode number */
#define SEAL_DATA_MAX (16u << 20) /* bytes that are copied for one request */
#define SEAL_CHUNK (1u << 20)
#define SEAL_LOG_MAX (64u << 20)

enum seal_kind {
	SEAL_NAME = 1, /* ino: the directory's; arg: inode that had the name, 0 none; the name */
	SEAL_INODE,    /* ino; a struct stat; attributes: each u32 length of value, name, value */
	SEAL_RUNS,     /* ino; arg: count; pairs of offset and length that held data */
	SEAL_CHUNKED,  /* ino; arg: number of the chunk; u64 offset in the data file, u64 length */
};

struct seal_record {
	uint32_t len; /* with this head and padding */
	uint32_t kind;
	uint64_t ino;
	uint64_t arg;
};

struct layer;
struct touched;

struct seal_config {
	struct touched *was; /* what the checkpoint looks at, NULL: all; borrowed until unsealed */
	void (*on_broken)(void *user); /* called in the midst of a call of the layer */
	void *user;
};

/* The other process's ends; the caller closes them. */
struct seal_ends {
	int log, data, sock;
};

/* Seals the layer, which must not be. 0 or -errno with e set. */
int layer_seal(struct layer *l, const struct seal_config *c, struct seal_ends *out, struct err *e);
/* Nobody reads any more: nothing more is kept. Nothing when it is not sealed. */
void layer_unseal(struct layer *l);
/* Behind layer_unseal: removes up to n of what was kept; false when all of it is gone. */
bool layer_seal_sweep(struct layer *l, unsigned n);
/* The longest time that keeping took within one request since the layer was sealed, in us. */
uint64_t layer_seal_held(const struct layer *l);

#endif
