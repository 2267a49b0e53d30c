/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format: how one state of the upper layer becomes one git tree. Version 1.
 *
 * Every tree entry is a tree (40000) or an ordinary blob (100644), whatever the guest's type is,
 * so a checkout by stock git makes plain files and directories. Names are escaped by name.h.
 *
 * A directory is a tree with
 *   NAME     one per entry that has content of its own: a regular file's or a symlink's blob, the
 *            empty blob for a device, fifo or socket, a chunked file's tree, a directory's tree;
 *            a whiteout and a metadata-only copy-up (META) have none
 *   %meta    a blob of lines, what git cannot say (meta.h); it is there in an empty directory too
 * A directory of more than FORMAT_FLAT_MAX entries is split: its %meta has the header with "shards"
 * (and in the root the line of "."), and the entries are in subtrees %00 to %ff, each of the form
 * above; an entry's shard is format_shard(true name). Shards without entries are left out. So one
 * change in a directory of 100,000 entries costs a 256th of it.
 *
 * The root's %meta has the root directory's own line, by the name ".". The root also has %index, a
 * directory of the same form, when the layer's work/index holds anything: the inodes of lower hard
 * links (core/layer/index.c). Whiteouts in it do not exist.
 *
 * A regular file of more than FORMAT_BLOB_MAX bytes, or one with holes, is chunked: a tree with
 *   XXXXX/XXX  blobs: the chunk's number in 8 hexadecimal digits, the last 3 in the inner tree; a
 *              chunk is FORMAT_CHUNK bytes, the last one may be shorter; a chunk that lies in a
 *              hole whole is left out; holes inside a chunk are zeros
 *   map        a blob, only when the file has holes: a line "OFFSET LENGTH" in decimal for each
 *              run of data, ascending, as lseek(SEEK_DATA) tells
 * The size stands in %meta. So a changed megabyte costs about a megabyte, two small trees.
 *
 * A commit's message is the subject, perhaps more text, and as last paragraph these trailers:
 *   Gaol-Number: N
 *   Gaol-Kind: initial | hand | auto | rollback | exit
 *   Gaol-Changes: +ADDED ~MODIFIED -DELETED
 *   Gaol-Bytes: N
 *   Gaol-Device: TAG NAME      one per line of work/devices (origin= tags), percent-encoded
 */
#ifndef GAOL_CORE_REPO_FORMAT_H
#define GAOL_CORE_REPO_FORMAT_H

#define FORMAT_VERSION 1
#define FORMAT_FLAT_MAX 4096
#define FORMAT_SHARDS 256
#define FORMAT_BLOB_MAX (8u << 20)
#define FORMAT_CHUNK (1u << 20)
#define FORMAT_META "%meta"
#define FORMAT_INDEX "%index"
#define FORMAT_MAP "map"
/* Directories inside each other; git's own limit (core.maxTreeDepth) is 2048. */
#define FORMAT_DEPTH_MAX 2000

/* The shard (0..255) of a true name: FNV-1a, 32 bits (offset 2166136261, prime 16777619), its four
 * bytes xor'ed together. */
unsigned format_shard(const char *name);

#endif
