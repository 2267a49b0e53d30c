/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeping what was there, before it changes (seal.h). */
#include "core/layer/seal.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/layer/internal.h"
#include "core/layer/runs.h"
#include "core/layer/seal_int.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LIST_LIMIT 65536
#define VALUE_LIMIT 65536
#define RUNS_MAX 2048

static void breaks(struct seal *s)
{
	if (s->broken)
		return;
	s->broken = true;
	s->on_broken(s->user);
}

static void append(struct seal *s, uint32_t kind, uint64_t ino, uint64_t arg, const void *p,
		   size_t n)
{
	static const char zero[8];
	size_t pad = (8 - n % 8) % 8;
	struct seal_record r = {
	    .len = (uint32_t)(sizeof(r) + n + pad), .kind = kind, .ino = ino, .arg = arg};
	struct iovec iov[3] = {{&r, sizeof(r)},
			       {(void *)(uintptr_t)p, n},
			       {(void *)(uintptr_t)zero, pad}};

	if (s->end + r.len > SEAL_LOG_MAX || pwritev(s->log, iov, 3, (off_t)s->end) != r.len) {
		breaks(s);
		return;
	}
	s->end += r.len;
	/* only now it is there: who reads this length finds all of it */
	if (pwrite(s->log, &s->end, sizeof(s->end), 0) != sizeof(s->end))
		breaks(s);
}

static void path_at(char *out, size_t n, int dirfd, const char *name)
{
	snprintf(out, n, "/proc/self/fd/%d%s%s", dirfd, name ? "/" : "", name ? name : "");
}

static bool add_xattrs(struct seal *s, const char *path, bool follow, struct buf *b)
{
	char *list = s->scratch, *value = s->scratch + LIST_LIMIT;
	ssize_t n = follow ? listxattr(path, list, LIST_LIMIT) : llistxattr(path, list, LIST_LIMIT);

	if (n < 0)
		return errno == EOPNOTSUPP;
	for (char *at = list; at < list + n; at += strlen(at) + 1) {
		ssize_t len;
		uint32_t size;
		if (strncmp(at, RECORD_XATTR, strlen(RECORD_XATTR)))
			continue;
		len = follow ? getxattr(path, at, value, VALUE_LIMIT)
			     : lgetxattr(path, at, value, VALUE_LIMIT);
		if (len < 0)
			return false;
		size = (uint32_t)len;
		buf_add(b, &size, sizeof(size));
		buf_add(b, at, strlen(at) + 1);
		buf_add(b, value, (size_t)len);
	}
	return true;
}

struct sealed_inode *seal_inode(struct seal *s, int dirfd, const char *name, const struct stat *st)
{
	struct sealed_inode *i = sealed_inode(s, st->st_ino);
	char path[sizeof("/proc/self/fd/") + 16 + NAME_MAX + 1];
	struct buf b = {0};

	if (i->kept)
		return i;
	i->kept = true;
	i->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	path_at(path, sizeof(path), dirfd, name);
	buf_add(&b, st, sizeof(*st));
	if (add_xattrs(s, path, !name, &b))
		append(s, SEAL_INODE, st->st_ino, 0, b.p, b.len);
	else
		breaks(s);
	buf_free(&b);
	return i;
}

/* One more link, for an inode that loses the name: its content stays, and its number does not come
 * again as another's. */
static void keep_reachable(struct seal *s, int dirfd, const char *name, struct sealed_inode *i)
{
	char to[SEAL_NAME_SIZE];

	if (i->linked)
		return;
	snprintf(to, sizeof(to), SEAL_NAME_FMT, i->ino);
	if (linkat(dirfd, name, s->dir, to, 0) && errno != EEXIST)
		breaks(s);
	else
		i->linked = true;
}

static void send_dir(struct seal *s, int dirfd, const char *name, uint64_t ino)
{
	cleanup_fd int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} c = {.head = {.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec iov = {&ino, sizeof(ino)};
	struct msghdr m = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};

	memcpy(CMSG_DATA(&c.head), &fd, sizeof(int));
	if (fd < 0 || sendmsg(s->sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(ino))
		breaks(s);
}

void seal_name_at(struct seal *s, int dirfd, uint64_t dir_ino, const char *name, bool moves)
{
	bool first = seen_add(s, SEAL_NAME, dir_ino, 0, name);
	struct sealed_inode *i;
	struct stat st;

	if (!first && !moves)
		return;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno != ENOENT)
			breaks(s);
		else if (first)
			append(s, SEAL_NAME, dir_ino, 0, name, strlen(name) + 1);
		return;
	}
	i = seal_inode(s, dirfd, name, &st);
	if (!S_ISDIR(st.st_mode))
		keep_reachable(s, dirfd, name, i);
	i->named |= first;
	/* also when its name was kept before: it has stayed there until now */
	if (S_ISDIR(st.st_mode) && moves && i->named && !i->sent) {
		i->sent = true;
		send_dir(s, dirfd, name, st.st_ino);
	}
	if (first)
		append(s, SEAL_NAME, dir_ino, st.st_ino, name, strlen(name) + 1);
}

/* Copies a chunk of n bytes into the data file; *at is where. */
static bool copy_chunk(struct seal *s, int fd, uint64_t off, size_t n, uint64_t at)
{
	off_t from = (off_t)off, to = (off_t)at;

	for (size_t done = 0; done < n;) {
		ssize_t got = copy_file_range(fd, &from, s->data, &to, n - done, 0);
		if (got < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP)) {
			size_t part = n - done < LIST_LIMIT ? n - done : LIST_LIMIT;
			got = pread(fd, s->scratch, part, from);
			if (got > 0 && pwrite(s->data, s->scratch, (size_t)got, to) != got)
				return false;
			from += got;
			to += got;
		}
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static void keep_chunk(struct seal *s, int fd, const struct sealed_inode *i, uint64_t number)
{
	uint64_t off = number * SEAL_CHUNK, place[2] = {s->data_end, 0};
	size_t n = i->size - off < SEAL_CHUNK ? (size_t)(i->size - off) : SEAL_CHUNK;
	off_t data = lseek(fd, (off_t)off, SEEK_DATA);

	/* a hole is kept as nothing */
	if (!((data < 0 && errno == ENXIO) || (data >= 0 && (uint64_t)data >= off + n))) {
		if (!copy_chunk(s, fd, off, n, s->data_end)) {
			breaks(s);
			return;
		}
		place[1] = n;
		s->data_end += n;
	}
	append(s, SEAL_CHUNKED, i->ino, number, place, sizeof(place));
}

void seal_data_fd(struct seal *s, int fd, struct sealed_inode *i, uint64_t off, uint64_t end)
{
	struct runs runs = {0};
	uint64_t copied = 0;

	if (!i->runs) {
		i->runs = true;
		if (runs_find(fd, i->size, RUNS_MAX, &runs))
			breaks(s);
		else
			append(s, SEAL_RUNS, i->ino, runs.n, runs.v, runs.n * sizeof(*runs.v));
		free(runs.v);
	}
	end = end > i->size ? i->size : end;
	for (uint64_t k = off / SEAL_CHUNK; k * SEAL_CHUNK < end && !s->broken; k++) {
		if (!seen_add(s, SEAL_CHUNKED, i->ino, k, ""))
			continue;
		copied += SEAL_CHUNK;
		if (copied > SEAL_DATA_MAX + SEAL_CHUNK)
			breaks(s);
		else
			keep_chunk(s, fd, i, k);
	}
}

void seal_dir_names(struct seal *s, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct stat st;

	if (!d || fstat(fd, &st)) {
		if (!d)
			fd_close(&fd);
		else
			closedir(d);
		breaks(s);
		return;
	}
	/* should its number come again, that is not it */
	sealed_inode(s, st.st_ino)->sent = true;
	while (!s->broken && (de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (de->d_type == DT_DIR)
			breaks(s);
		else
			seal_name_at(s, fd, st.st_ino, de->d_name, false);
	}
	closedir(d);
}

static void seal_free(struct seal *s)
{
	fd_close(&s->log);
	fd_close(&s->data);
	fd_close(&s->sock);
	fd_close(&s->dir);
	sealed_sets_free(s);
	free(s->scratch);
	free(s);
}

/* The data file: nameless, on the layer's own file system, where copies may cost nothing. */
static int data_file(struct layer *l)
{
	int fd = openat(l->work, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("gaol-seal-data", MFD_CLOEXEC);
}

static int ends_open(struct layer *l, struct seal *s, struct seal_ends *out, struct err *e)
{
	int pair[2];

	dir_remove_tree(l->work, SEAL_DIR);
	if (mkdirat(l->work, SEAL_DIR, 0700))
		return err_sys(e, "work/seal: cannot make");
	s->dir = openat(l->work, SEAL_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	s->log = memfd_create("gaol-seal", MFD_CLOEXEC);
	s->data = data_file(l);
	if (s->dir < 0 || s->log < 0 || s->data < 0 ||
	    pwrite(s->log, &s->end, sizeof(s->end), 0) != sizeof(s->end))
		return err_sys(e, "seal: cannot begin");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_sys(e, "seal: no socket");
	s->sock = pair[0];
	out->sock = pair[1];
	out->log = fcntl(s->log, F_DUPFD_CLOEXEC, 3);
	out->data = fcntl(s->data, F_DUPFD_CLOEXEC, 3);
	return out->log < 0 || out->data < 0 ? err_sys(e, "seal: no descriptors") : 0;
}

int layer_seal(struct layer *l, const struct seal_config *c, struct seal_ends *out, struct err *e)
{
	struct seal *s;
	int err;

	*out = (struct seal_ends){-1, -1, -1};
	while (layer_seal_sweep(l, UINT_MAX))
		;
	if (l->seal || l->upper < 0 || l->readonly)
		return err_set(e, -EINVAL, "seal: the layer cannot be sealed");
	s = xcalloc(1, sizeof(*s));
	s->log = s->data = s->sock = s->dir = -1;
	s->end = sizeof(s->end);
	s->was = c->was;
	s->on_broken = c->on_broken;
	s->user = c->user;
	s->scratch = xmalloc(LIST_LIMIT + VALUE_LIMIT);
	err = getrandom(s->key, sizeof(s->key), 0) != sizeof(s->key) ? -EIO : 0;
	if (!err)
		err = ends_open(l, s, out, e);
	if (err) {
		seal_free(s);
		fd_close(&out->log);
		fd_close(&out->data);
		fd_close(&out->sock);
		return err;
	}
	l->seal = s;
	return 0;
}

void layer_unseal(struct layer *l)
{
	if (!l->seal)
		return;
	l->seal->broken = true;
	fd_close(&l->seal->log);
	fd_close(&l->seal->data);
	fd_close(&l->seal->sock);
}

bool layer_seal_sweep(struct layer *l, unsigned n)
{
	struct seal *s = l->seal;
	char name[SEAL_NAME_SIZE];

	if (!s || s->log >= 0)
		return false;
	for (; n && s->swept < s->inode_cap; s->swept++) {
		struct sealed_inode *i = s->inode[s->swept];
		if (!i || !i->linked)
			continue;
		snprintf(name, sizeof(name), SEAL_NAME_FMT, i->ino);
		unlinkat(s->dir, name, 0);
		i->linked = false;
		n--;
	}
	for (; n && s->dirs; s->dirs--, n--) {
		snprintf(name, sizeof(name), SEAL_GONE_FMT, s->dirs);
		dir_remove_tree(s->dir, name);
	}
	if (s->swept < s->inode_cap || s->dirs)
		return true;
	seal_free(s);
	l->seal = NULL;
	dir_remove_tree(l->work, SEAL_DIR);
	return false;
}

uint64_t layer_seal_held(const struct layer *l)
{
	return l->seal ? l->seal->held / 1000 : 0;
}
