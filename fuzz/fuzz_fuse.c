/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the guest's door: requests of the FUSE protocol on a real layer with authority. Each gets
 * at most one reply, of the length it says; afterwards the upper layer has plain files only and the
 * lower one is what it was.
 *
 * Input: requests of a byte for the opcode, one for the node, one for the handle, a length, and
 * that many bytes of arguments. Bit 7 of the node's byte: header and arguments as they are; else
 * the handle's field is filled in and names are taken from a list where the arguments end.
 */
#include "core/fd.h"
#include "core/fuse.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KNOWN = 16, REQUESTS = 48 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct world {
	struct fuse_door *door;
	uint64_t node[KNOWN], fh[KNOWN];
	unsigned nnode, nfh;
	uint64_t unique;
	uint32_t opcode;
	unsigned replies;
};

static void learn(struct world *w, const struct iovec *iov, int n)
{
	uint8_t all[512];
	size_t len = 0;
	struct fuse_entry_out entry;
	struct fuse_open_out file;

	for (int i = 1; i < n; i++) {
		size_t part =
		    iov[i].iov_len < sizeof(all) - len ? iov[i].iov_len : sizeof(all) - len;
		memcpy(all + len, iov[i].iov_base, part);
		len += part;
	}
	bool has_entry = w->opcode == FUSE_LOOKUP || w->opcode == FUSE_MKDIR ||
			 w->opcode == FUSE_MKNOD || w->opcode == FUSE_SYMLINK ||
			 w->opcode == FUSE_LINK || w->opcode == FUSE_CREATE ||
			 w->opcode == FUSE_TMPFILE;
	bool has_file = w->opcode == FUSE_OPEN || w->opcode == FUSE_OPENDIR ||
			w->opcode == FUSE_CREATE || w->opcode == FUSE_TMPFILE;
	size_t at = 0;
	if (has_entry && len >= sizeof(entry)) {
		memcpy(&entry, all, sizeof(entry));
		at = sizeof(entry);
		if (entry.nodeid)
			w->node[w->nnode++ % KNOWN] = entry.nodeid;
	}
	if (has_file && len >= at + sizeof(file)) {
		memcpy(&file, all + at, sizeof(file));
		w->fh[w->nfh++ % KNOWN] = file.fh;
	}
}

static int on_reply(void *user, const struct iovec *iov, int n)
{
	struct world *w = user;
	struct fuse_out_header h;
	size_t len = 0;
	unsigned sum = 0;

	for (int i = 0; i < n; i++) {
		for (size_t k = 0; k < iov[i].iov_len; k++)
			sum += ((const uint8_t *)iov[i].iov_base)[k];
		len += iov[i].iov_len;
	}
	memcpy(&h, iov[0].iov_base, sizeof(h));
	if (w->replies++ || h.len != len || h.unique != w->unique || h.error > 0 ||
	    h.error <= -1000 || sum == ~0u)
		abort();
	if (!h.error)
		learn(w, iov, n);
	return 0;
}

static void ask(struct world *w, const uint8_t *head, size_t len, uint32_t opcode)
{
	const struct fuse_sink sink = {.reply = on_reply, .user = w};
	uint8_t *copy = malloc(len + FUSE_DOOR_SLACK); /* to the byte, for the sanitizer */
	struct fuse_request rq = {.head = copy, .head_len = len};

	memcpy(copy, head, len);
	memset(copy + len, 0xa5, FUSE_DOOR_SLACK);
	w->opcode = opcode;
	w->replies = 0;
	fuse_door_request(w->door, &rq, &sink);
	free(copy);
}

static void start(struct world *w)
{
	struct {
		struct fuse_in_header h;
		struct fuse_init_in in;
	} m = {.h = {.len = sizeof(m), .opcode = FUSE_INIT, .unique = ++w->unique, .nodeid = 0},
	       .in = {.major = 7, .minor = 38, .max_readahead = 65536, .flags = ~0u}};

	ask(w, (const uint8_t *)&m, sizeof(m), FUSE_INIT);
	if (w->replies != 1 || !fuse_door_is_mounted(w->door))
		abort();
}

/* Names behind the arguments, so that requests hit something. */
static size_t add_names(uint8_t *p, unsigned pick, int count)
{
	static const char *const names[] = {"base",   "dir",
					    "dir2",   "new",
					    "x",      "link",
					    "h1",     "h2",
					    "made",   "sub",
					    "secret", "ro",
					    "user.a", "system.posix_acl_access",
					    "..",     "security.capability"};
	size_t n = 0;

	for (int i = 0; i < count; i++, pick /= 16) {
		const char *s = names[pick % 16];
		memcpy(p + n, s, strlen(s) + 1);
		n += strlen(s) + 1;
	}
	return n;
}

/* Which opcodes carry a handle first in their arguments, and how many names. */
static bool has_handle(uint32_t op)
{
	return op == FUSE_READ || op == FUSE_WRITE || op == FUSE_RELEASE || op == FUSE_FSYNC ||
	       op == FUSE_READDIR || op == FUSE_READDIRPLUS || op == FUSE_RELEASEDIR ||
	       op == FUSE_FSYNCDIR || op == FUSE_FALLOCATE || op == FUSE_LSEEK ||
	       op == FUSE_COPY_FILE_RANGE;
}

static int name_count(uint32_t op)
{
	switch (op) {
	case FUSE_SYMLINK:
	case FUSE_RENAME:
	case FUSE_RENAME2:
		return 2;
	case FUSE_LOOKUP:
	case FUSE_MKDIR:
	case FUSE_MKNOD:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_LINK:
	case FUSE_CREATE:
	case FUSE_GETXATTR:
	case FUSE_SETXATTR:
	case FUSE_REMOVEXATTR:
		return 1;
	default:
		return 0;
	}
}

static size_t fixed_size(uint32_t op)
{
	static const uint8_t size[64] = {
	    [FUSE_SETATTR] = 88,    [FUSE_MKNOD] = 16,	   [FUSE_MKDIR] = 8,
	    [FUSE_RENAME] = 8,	    [FUSE_LINK] = 8,	   [FUSE_OPEN] = 8,
	    [FUSE_READ] = 40,	    [FUSE_WRITE] = 40,	   [FUSE_RELEASE] = 24,
	    [FUSE_FSYNC] = 16,	    [FUSE_SETXATTR] = 16,  [FUSE_GETXATTR] = 8,
	    [FUSE_LISTXATTR] = 8,   [FUSE_OPENDIR] = 8,	   [FUSE_READDIR] = 40,
	    [FUSE_CREATE] = 16,	    [FUSE_FALLOCATE] = 32, [FUSE_READDIRPLUS] = 40,
	    [FUSE_RENAME2] = 16,    [FUSE_LSEEK] = 24,	   [FUSE_COPY_FILE_RANGE] = 56,
	    [FUSE_TMPFILE] = 16,    [FUSE_GETATTR] = 16,   [FUSE_FORGET] = 8,
	    [FUSE_RELEASEDIR] = 24, [FUSE_FSYNCDIR] = 16,  [FUSE_SYNCFS] = 8};

	return op < 64 ? size[op] : 0;
}

static void one(struct world *w, const uint8_t *p, size_t n)
{
	uint8_t m[1024] = {0};
	struct fuse_in_header h = {
	    .opcode = p[0] % 64, .unique = ++w->unique, .uid = p[2] & 64 ? 1000 : 0, .pid = 3};
	size_t at = sizeof(h), fixed = fixed_size(h.opcode);

	h.nodeid = w->node[p[1] % KNOWN];
	if (!h.nodeid || !(p[1] & 63))
		h.nodeid = FUSE_ROOT_ID;
	memcpy(m + at, p + 4, n);
	if (p[1] & 128) {
		at += n;
	} else {
		if (has_handle(h.opcode))
			memcpy(m + at, &w->fh[p[2] % KNOWN], 8);
		if (h.opcode == FUSE_COPY_FILE_RANGE) {
			memcpy(m + at + 24, &w->fh[(p[2] >> 3) % KNOWN], 8);
			memcpy(m + at + 16, &h.nodeid, 8);
		}
		if (h.opcode == FUSE_LINK || h.opcode == FUSE_RENAME || h.opcode == FUSE_RENAME2)
			memcpy(m + at, p[2] & 1 ? &w->node[p[2] % KNOWN] : &(uint64_t){1}, 8);
		at += fixed;
		at += add_names(m + at, p[3] | (unsigned)p[2] << 8, name_count(h.opcode));
		if (h.opcode == FUSE_WRITE || h.opcode == FUSE_SETXATTR) {
			uint32_t size = p[3] % 64;
			memcpy(m + sizeof(h) + (h.opcode == FUSE_WRITE ? 16 : 0), &size, 4);
			at += size;
		}
	}
	h.len = (uint32_t)at;
	memcpy(m, &h, sizeof(h));
	ask(w, m, at, h.opcode);
}

/* Every entry below upper and work: a plain file or a directory, closed to others. */
static int check_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		abort();
	if (st->st_mode & (S_ISREG(st->st_mode) ? 07177 : 07077))
		abort();
	return 0;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static void furnish(void)
{
	static const char *const dirs[] = {"lower",    "lower/dir",  "lower/dir/sub",
					   "lower/ro", "lower/dir2", "lower/closed"};

	umask(022);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		mkdir(dirs[i], 0755);
	mkdir("upper", 0700);
	mkdir("work", 0700);
	put("lower/base", "0123456789");
	put("lower/dir/x", "x");
	put("lower/ro/x", "read");
	put("lower/secret", "secret");
	put("lower/h1", "linked");
	if (link("lower/h1", "lower/h2") || symlink("base", "lower/link") ||
	    chmod("lower/closed", 0700) || symlink("/etc/passwd", "lower/dir/link"))
		abort();
}

static void check_lower(void)
{
	struct stat st;

	if (stat("lower/base", &st) || st.st_size != 10 || st.st_mode != (S_IFREG | 0644) ||
	    stat("lower/dir/x", &st) || st.st_size != 1 || stat("lower/h1", &st) ||
	    st.st_nlink != 2 || stat("lower/ro/x", &st) || st.st_size != 4)
		abort();
}

static void limit(void)
{
	const struct rlimit most = {8 << 20, 8 << 20};

	/* A file system in memory below; a guest's fallocate must not take it all. */
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &most);
}

static struct authority *rules(void)
{
	struct authority *a = authority_new(AUTH_WRITE);
	struct err e;

	authority_add(a, "/ro", AUTH_READ, false, false, &e);
	authority_add(a, "/secret", AUTH_HIDE, false, false, &e);
	authority_add(a, "/dir2", AUTH_FRESH, false, false, &e);
	return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_fd int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char top[] = "/dev/shm/gaol-fuzz-XXXXXX", lower[64], upper[64], work[64];
	const struct fuse_door_config door = fuse_door_guest();
	struct world w = {0};
	struct authority *a;
	struct layer *l;
	struct err e;

	limit();
	if (!mkdtemp(top) || chmod(top, 0755) || chdir(top))
		abort();
	furnish();
	snprintf(lower, sizeof(lower), "%s/lower", top);
	snprintf(upper, sizeof(upper), "%s/upper", top);
	snprintf(work, sizeof(work), "%s/work", top);
	a = rules();
	struct layer_config c = {.lower = {{.path = lower, .guarded = true}},
				 .nlower = 1,
				 .upper = upper,
				 .work = work,
				 .authority = a};
	if (layer_open(&l, &c, &e))
		abort();
	w.door = fuse_door_new(l, &door, NULL, &e);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!w.door || fuse_door_attach(w.door, null))
		abort();
	start(&w);
	for (size_t at = 0, i = 0; at + 4 <= n && i < REQUESTS; i++) {
		size_t len = data[at + 3];
		if (len > n - at - 4)
			len = n - at - 4;
		one(&w, data + at, len);
		at += 4 + len;
	}
	fuse_door_free(w.door);
	layer_close(l);
	authority_free(a);
	check_lower();
	nftw("upper", check_one, 16, FTW_PHYS);
	nftw("work", check_one, 16, FTW_PHYS);
	if (fchdir(back) || dir_remove_tree(AT_FDCWD, top))
		abort();
	return 0;
}
