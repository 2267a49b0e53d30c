/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * repo_jail: for tests of core/repo: a jail's directory with a layer on disk, made by hand or at
 * random, a complete description of it as text, and stock git.
 */
#ifndef GAOL_TESTS_REPO_JAIL_H
#define GAOL_TESTS_REPO_JAIL_H

#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/record.h"
#include "core/repo/repo.h"
#include "core/repo/save.h"
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

struct tjail {
	char path[64];
	int fd, upper;
};

static inline void tjail_make(struct tjail *j)
{
	struct err e;

	snprintf(j->path, sizeof(j->path), "/var/tmp/gaol-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(j->path));
	j->fd = open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert(!mkdirat(j->fd, "upper", 0700) && !mkdirat(j->fd, "work", 0700) &&
		  !mkdirat(j->fd, "work/index", 0700));
	j->upper = openat(j->fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_msg(repo_create(j->fd, &e) == 0, "%s", e.text);
}

static inline void tjail_free(struct tjail *j)
{
	close(j->upper);
	close(j->fd);
	ck_assert_int_eq(dir_remove_tree(AT_FDCWD, j->path), 0);
}

/* Runs a program, its output (both) in out; returns its exit status. */
static inline int run(const char *const *argv, struct buf *out)
{
	const char *const env[] = {"PATH=/usr/bin:/bin",    "HOME=/nonexistent", "LC_ALL=C",
				   "GIT_CONFIG_NOSYSTEM=1", "GIT_PAGER=cat",	 NULL};
	posix_spawn_file_actions_t fa;
	int p[2], status = -1;
	ssize_t n;
	pid_t pid;
	char mem[65536];

	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, p[1], 1);
	posix_spawn_file_actions_adddup2(&fa, p[1], 2);
	ck_assert_int_eq(posix_spawnp(&pid, argv[0], &fa, NULL, (char *const *)(uintptr_t)argv,
				      (char *const *)(uintptr_t)env),
			 0);
	close(p[1]);
	while ((n = read(p[0], mem, sizeof(mem))) > 0)
		buf_add(out, mem, (size_t)n);
	close(p[0]);
	posix_spawn_file_actions_destroy(&fa);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* git in the jail's repository; up to 6 arguments. */
static inline int git(struct tjail *j, struct buf *out, const char *a, const char *b, const char *c,
		      const char *d)
{
	char dir[128];
	const char *argv[] = {"git", dir, a, b, c, d, NULL};

	snprintf(dir, sizeof(dir), "--git-dir=%s/checkpoints.git", j->path);
	return run(argv, out);
}

static inline void fsck_is_clean(struct tjail *j)
{
	struct buf out = {0};
	int ret = git(j, &out, "fsck", "--strict", "--no-progress", "--no-dangling");

	ck_assert_msg(ret == 0 && !out.len, "fsck: %d: %s", ret, buf_cstr(&out));
	buf_free(&out);
}

static inline void set_xattr(int dirfd, const char *name, const char *key, const void *v, size_t n)
{
	char path[4096];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%.255s", dirfd, name);
	ck_assert_msg(!lsetxattr(path, key, v, n, 0), "%s: %s: %s", name, key, strerror(errno));
}

static inline void set_record(int dirfd, const char *name, const struct record *r)
{
	uint8_t raw[RECORD_SIZE];

	record_encode(r, raw);
	set_xattr(dirfd, name, RECORD_XATTR, raw, sizeof(raw));
}

static inline void set_times(int dirfd, const char *name, int64_t sec, long ns)
{
	struct timespec ts[2] = {{.tv_sec = sec, .tv_nsec = ns}, {.tv_sec = sec, .tv_nsec = ns}};

	ck_assert_int_eq(utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW), 0);
}

static inline void put_file(int dirfd, const char *name, const void *p, size_t n)
{
	cleanup_fd int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0, "%s: %s", name, strerror(errno));
	ck_assert_int_eq(fd_write_full(fd, p, n), 0);
}

static inline void put_str(int dirfd, const char *name, const char *s)
{
	put_file(dirfd, name, s, strlen(s));
}

static inline void put_whiteout(int dirfd, const char *name)
{
	struct record r = {.whiteout = true};

	put_str(dirfd, name, "");
	set_record(dirfd, name, &r);
}

static inline int put_dir(int dirfd, const char *name)
{
	int fd;

	ck_assert_msg(!mkdirat(dirfd, name, 0700), "%s: %s", name, strerror(errno));
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Description of a tree: one line per entry with all that a checkpoint keeps. */

static inline int str_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void hex_add(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] > ' ' && s[i] < 127)
			buf_ch(out, s[i]);
		else
			buf_fmt(out, "\\%02x", (unsigned char)s[i]);
}

struct seen {
	ino_t ino[4096];
	size_t n;
};

static inline void describe_xattrs(int dirfd, const char *name, struct buf *out)
{
	char path[4096], list[65536], value[65536], *keys[512];
	size_t nkeys = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	n = llistxattr(path, list, sizeof(list));
	ck_assert_msg(n >= 0, "%s: %s", name, strerror(errno));
	for (char *s = list; s < list + n; s += strlen(s) + 1)
		if (!strncmp(s, "user.gaol.", 10))
			keys[nkeys++] = s;
	qsort(keys, nkeys, sizeof(*keys), str_cmp);
	for (size_t i = 0; i < nkeys; i++) {
		ssize_t len = lgetxattr(path, keys[i], value, sizeof(value));
		if (!strcmp(keys[i], "user.gaol.g"))
			continue; /* shown as link= */
		buf_ch(out, ' ');
		hex_add(out, keys[i], strlen(keys[i]));
		buf_fmt(out, "=%zd:%lx", len, crc32(0, (Bytef *)value, (uInt)len));
	}
}

static inline void describe_data(int dirfd, const char *name, struct buf *out)
{
	cleanup_fd int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char mem[65536];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0, end = lseek(fd, 0, SEEK_END);
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	while ((n = pread(fd, mem, sizeof(mem), at)) > 0) {
		crc = crc32(crc, (Bytef *)mem, (uInt)n);
		at += n;
	}
	buf_fmt(out, " size=%lld crc=%lx holes=", (long long)end, crc);
	for (at = 0; at < end;) {
		off_t hole = lseek(fd, at, SEEK_HOLE);
		if (hole < 0 || hole >= end)
			break;
		at = lseek(fd, hole, SEEK_DATA);
		if (at < 0)
			at = end;
		buf_fmt(out, "%lld+%lld,", (long long)hole, (long long)(at - hole));
	}
}

static inline void describe_one(int dirfd, const char *name, struct buf *out, struct seen *seen)
{
	struct record r;
	struct stat st;

	ck_assert_msg(!record_read_at(dirfd, name, &st, &r), "record of %s", name);
	if (r.whiteout) {
		buf_str(out, " whiteout\n");
		return;
	}
	buf_fmt(out, " %o %u:%u dev=%u:%u flags=%x origin=%u:%llu:%llu:%lld:%lld native=%o", r.mode,
		r.uid, r.gid, major(r.rdev), minor(r.rdev), r.flags, r.origin_dev,
		(unsigned long long)r.origin_ino, (unsigned long long)r.lower_size,
		(long long)r.lower_mtime, (long long)r.lower_ctime, st.st_mode);
	buf_fmt(out, " mtime=%lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	describe_xattrs(dirfd, name, out);
	if (!S_ISDIR(st.st_mode)) {
		size_t i;
		describe_data(dirfd, name, out);
		for (i = 0; i < seen->n && seen->ino[i] != st.st_ino; i++)
			;
		if (st.st_nlink > 1) {
			ck_assert_uint_lt(seen->n, 4096);
			if (i == seen->n)
				seen->ino[seen->n++] = st.st_ino;
			buf_fmt(out, " nlink=%u link=%zu", (unsigned)st.st_nlink, i);
		}
	}
	buf_ch(out, '\n');
}

static inline void describe_dir(int dirfd, const char *at, struct buf *out, struct seen *seen)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	char **names = NULL;
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	for (struct dirent *de; (de = readdir(dir));) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		names = xrealloc(names, (n + 1) * sizeof(*names));
		names[n++] = xstrdup(de->d_name);
	}
	closedir(dir);
	if (n)
		qsort(names, n, sizeof(*names), str_cmp);
	for (size_t i = 0; i < n; i++) {
		struct buf path = {0};
		struct stat st;
		buf_str(&path, at);
		buf_ch(&path, '/');
		hex_add(&path, names[i], strlen(names[i]));
		buf_str(out, path.p);
		describe_one(dirfd, names[i], out, seen);
		fstatat(dirfd, names[i], &st, AT_SYMLINK_NOFOLLOW);
		if (S_ISDIR(st.st_mode)) {
			cleanup_fd int sub =
			    openat(dirfd, names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			describe_dir(sub, path.p, out, seen);
		}
		buf_free(&path);
		free(names[i]);
	}
	free(names);
}

/* The whole layer: upper and work/index. The caller frees the text. */
static inline char *describe(struct tjail *j)
{
	static struct seen seen;
	struct buf out = {0};
	cleanup_fd int index = openat(j->fd, "work/index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	seen.n = 0;
	buf_str(&out, "upper");
	describe_one(j->upper, ".", &out, &seen);
	describe_dir(j->upper, "", &out, &seen);
	if (index >= 0)
		describe_dir(index, "index:", &out, &seen);
	return buf_take(&out);
}

/* Says where two descriptions part. */
static inline void same_text(const char *a, const char *b)
{
	size_t line = 0;

	for (size_t i = 0;; i++) {
		if (a[i] != b[i])
			ck_abort_msg("differ in\n%.*s\n%.*s", (int)strcspn(a + line, "\n"),
				     a + line, (int)strcspn(b + line, "\n"), b + line);
		if (!a[i])
			return;
		if (a[i] == '\n')
			line = i + 1;
	}
}

/* A random hostile layer. */

static const char *const hostile[] = {
    ".git",
    ".GIT",
    ".gitmodules",
    ".gitattributes",
    ".gitignore",
    "git~1",
    "GITMOD~1",
    "a\\.git",
    ".g\xe2\x80\x8cit",
    "%meta",
    "%25",
    "%",
    "new\nline",
    "\x1b[31m",
    "caf\xc3\xa9",
    "\xff\xfe",
    "a b",
    "HEAD",
    ".lfsconfig",
    ".mailmap",
    "map",
    "%00",
    "%index",
    "=",
    "hooks",
    "config",
    "~1",
    "gi7eba~1",
    "a",
    "b",
    "-rf",
    "\xef\xbb\xbf.git",
    " ",
    "con",
    "a.txt",
    "a-b",
};
#define NHOSTILE (sizeof(hostile) / sizeof(*hostile))

static inline unsigned rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

static inline void random_meta(int dirfd, const char *name, struct record *r)
{
	r->mode |= rnd(2) ? rnd(010000) : 0644;
	r->uid = rnd(3) ? 0 : rnd(70000);
	r->gid = rnd(3) ? 0 : UINT32_MAX - rnd(9);
	if (!rnd(4)) {
		r->origin_dev = 1 + rnd(3);
		r->origin_ino = 1 + rnd(100000);
		r->lower_size = rnd(1000);
		r->lower_mtime = -5 + (int64_t)rnd(1000000) * 1000003;
		r->lower_ctime = (int64_t)rnd(1000000) * 1000033;
	}
	if (rnd(4) || !record_is_default(r))
		set_record(dirfd, name, r);
	for (unsigned i = rnd(4) ? 0 : rnd(4); i; i--) {
		char key[64], value[600];
		snprintf(key, sizeof(key), RECORD_GUEST_PREFIX "user.k=%u \xff", rnd(9));
		for (size_t k = 0; k < sizeof(value); k++)
			value[k] = (char)rnd(256);
		set_xattr(dirfd, name, key, value, rnd(300));
	}
}

static inline void random_data(int dirfd, const char *name)
{
	cleanup_fd int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t n = rnd(9) ? rnd(3000) : rnd(200000);
	char *p = xmalloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(rnd(3) ? 'a' : rnd(256));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_full(fd, p, n), 0);
	if (!rnd(12)) { /* holes */
		ck_assert_int_eq(ftruncate(fd, (off_t)n + rnd(3000000)), 0);
		if (rnd(2))
			ck_assert_int_eq(pwrite(fd, "end", 3, (off_t)n + 2000000), 3);
	}
	free(p);
}

static inline void random_entry(struct tjail *j, int dirfd, const char *name, int depth);

static inline void random_dir(struct tjail *j, int dirfd, int depth)
{
	for (unsigned n = rnd(depth > 3 ? 3 : 10); n; n--) {
		char name[256];
		if (rnd(3)) {
			snprintf(name, sizeof(name), "%s", hostile[rnd(NHOSTILE)]);
		} else {
			size_t len = rnd(5) ? 1 + rnd(20) : 255;
			for (size_t i = 0; i < len; i++) {
				char c = (char)(1 + rnd(255));
				name[i] = c == '/' || c == '.' ? 'y' : c;
			}
			name[len] = '\0';
		}
		if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW))
			random_entry(j, dirfd, name, depth + 1);
	}
}

static inline void random_subdir(struct tjail *j, int dirfd, const char *name, int depth)
{
	int fd = put_dir(dirfd, name);
	struct record r = {.mode = S_IFDIR};

	if (!rnd(5))
		r.flags |= RECORD_OPAQUE;
	else if (!rnd(5))
		r.flags |= RECORD_REDIRECT;
	if (r.flags & RECORD_REDIRECT)
		set_xattr(dirfd, name, RECORD_ORIGIN_XATTR, "usr/share/x %y", 14);
	random_meta(dirfd, name, &r);
	if (r.flags)
		set_record(dirfd, name, &r);
	random_dir(j, fd, depth);
	close(fd);
}

static inline void random_entry(struct tjail *j, int dirfd, const char *name, int depth)
{
	static const mode_t special[] = {S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};
	struct record r = {.mode = S_IFREG};
	unsigned kind = rnd(12);

	if (kind < 3) {
		random_subdir(j, dirfd, name, depth);
	} else if (kind == 3) {
		if (rnd(2) || linkat(j->fd, "work/whiteout", dirfd, name, 0))
			put_whiteout(dirfd, name);
		return;
	} else if (kind == 4) {
		put_str(dirfd, name, "../../etc/passwd");
		r.mode = S_IFLNK;
		random_meta(dirfd, name, &r);
	} else if (kind == 5) {
		put_str(dirfd, name, "");
		r.mode = special[rnd(4)];
		if (S_ISCHR(r.mode) || S_ISBLK(r.mode))
			r.rdev = makedev(rnd(4096), rnd(1 << 20));
		random_meta(dirfd, name, &r);
		set_record(dirfd, name, &r);
	} else if (kind == 6) { /* metadata only */
		put_str(dirfd, name, "");
		cleanup_fd int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC);
		ck_assert_int_eq(ftruncate(fd, rnd(100000)), 0);
		r.flags = RECORD_META;
		random_meta(dirfd, name, &r);
		set_record(dirfd, name, &r);
	} else {
		random_data(dirfd, name);
		random_meta(dirfd, name, &r);
		if (!rnd(6)) /* a hard link, sometimes in the index */
			(void)!linkat(dirfd, name, j->upper, hostile[rnd(NHOSTILE)], 0);
		if (!rnd(10)) {
			char index[64];
			snprintf(index, sizeof(index), "work/index/1-%x", rnd(1 << 30));
			set_xattr(dirfd, name, "user.gaol.n", "\2\0\0\0", 4);
			ck_assert_int_eq(linkat(dirfd, name, j->fd, index, 0), 0);
		}
	}
	set_times(dirfd, name, rnd(9) ? rnd(1u << 31) : -(int64_t)rnd(1u << 30),
		  rnd(3) ? rnd(1000000000) : 0);
}

/* Times of directories last, as filling them changes them. */
static inline void random_dir_times(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);

	for (struct dirent *de; (de = readdir(dir));) {
		cleanup_fd int sub = -1;
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		sub = openat(dirfd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			random_dir_times(sub);
	}
	closedir(dir);
	set_times(dirfd, ".", 1000000000 + rnd(1000000), rnd(1000000000));
}

static inline void random_layer(struct tjail *j, unsigned entries)
{
	struct record r = {.mode = S_IFDIR | 0755, .uid = rnd(2)};

	if (faccessat(j->fd, "work/whiteout", F_OK, 0)) {
		cleanup_fd int work = openat(j->fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		put_whiteout(work, "whiteout");
	}
	set_record(j->upper, ".", &r);
	for (unsigned i = 0; i < entries; i++)
		random_dir(j, j->upper, 0);
	random_dir_times(j->upper);
}

#endif
