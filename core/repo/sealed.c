/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/sealed.h"
#include "core/buf.h"
#include "core/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct moved {
	uint64_t ino;
	int fd;
};

struct named {
	const struct seal_record *r;
	size_t next; /* of the same directory, 0: the last */
};

struct sealed {
	struct seal_ends ends;
	int dir; /* work/seal */
	uint64_t seen;
	struct seal_record **v; /* hashed by kind, inode and chunk or name */
	size_t n, cap;
	struct named *names; /* of kind SEAL_NAME that had something, from 1 on */
	size_t nnames, names_cap;
	size_t *head; /* the newest of a directory, hashed by its inode; 0: none */
	size_t head_cap;
	struct moved *moved;
	size_t nmoved;
};

static const void *body(const struct seal_record *r)
{
	return r + 1;
}

static size_t hash(uint32_t kind, uint64_t ino, uint64_t arg, const char *name)
{
	uint64_t h = (ino ^ (uint64_t)kind << 56) * UINT64_C(0x9e3779b97f4a7c15) + arg;

	for (; name && *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	h *= UINT64_C(0xff51afd7ed558ccd);
	return (size_t)(h ^ h >> 29);
}

static uint64_t arg_of(const struct seal_record *r)
{
	return r->kind == SEAL_CHUNKED ? r->arg : 0;
}

static const char *name_of(const struct seal_record *r)
{
	return r->kind == SEAL_NAME ? body(r) : NULL;
}

static struct seal_record **slot(struct seal_record **v, size_t cap, uint32_t kind, uint64_t ino,
				 uint64_t arg, const char *name)
{
	size_t i = hash(kind, ino, arg, name) & (cap - 1);

	for (; v[i]; i = (i + 1) & (cap - 1))
		if (v[i]->kind == kind && v[i]->ino == ino && arg_of(v[i]) == arg &&
		    (!name || !strcmp(name, body(v[i]))))
			break;
	return &v[i];
}

static const struct seal_record *find(const struct sealed *s, uint32_t kind, uint64_t ino,
				      uint64_t arg, const char *name)
{
	return s && s->n ? *slot(s->v, s->cap, kind, ino, arg, name) : NULL;
}

static struct seal_record **slot_for(struct sealed *s, const struct seal_record *r)
{
	if (s->n * 2 >= s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 256;
		struct seal_record **v = xcalloc(cap, sizeof(struct seal_record *));
		for (size_t i = 0; i < s->cap; i++)
			if (s->v[i])
				*slot(v, cap, s->v[i]->kind, s->v[i]->ino, arg_of(s->v[i]),
				      name_of(s->v[i])) = s->v[i];
		free(s->v);
		s->v = v;
		s->cap = cap;
	}
	return slot(s->v, s->cap, r->kind, r->ino, arg_of(r), name_of(r));
}

static bool fits(const struct seal_record *r)
{
	size_t n = r->len - sizeof(*r);

	switch (r->kind) {
	case SEAL_NAME:
		return n && memchr(body(r), '\0', n);
	case SEAL_INODE:
		return n >= sizeof(struct stat);
	case SEAL_RUNS:
		return r->arg <= n / sizeof(struct run);
	case SEAL_CHUNKED:
		return n == 16;
	default:
		return false;
	}
}

static size_t head_slot(const struct sealed *s, const size_t *head, size_t cap, uint64_t dir)
{
	size_t i = hash(SEAL_NAME, dir, 0, NULL) & (cap - 1);

	while (head[i] && s->names[head[i]].r->ino != dir)
		i = (i + 1) & (cap - 1);
	return i;
}

static void chain(struct sealed *s, size_t n)
{
	if (n * 2 >= s->head_cap) {
		size_t cap = s->head_cap ? s->head_cap * 2 : 64, *head = xcalloc(cap, sizeof(*head));
		for (size_t i = 0; i < s->head_cap; i++)
			if (s->head[i])
				head[head_slot(s, head, cap, s->names[s->head[i]].r->ino)] =
				    s->head[i];
		free(s->head);
		s->head = head;
		s->head_cap = cap;
	}
	size_t i = head_slot(s, s->head, s->head_cap, s->names[n].r->ino);
	s->names[n].next = s->head[i];
	s->head[i] = n;
}

static void take(struct sealed *s, struct seal_record *r)
{
	struct seal_record **to = slot_for(s, r);

	if (*to) {
		free(r); /* the first one counts */
		return;
	}
	*to = r;
	s->n++;
	if (r->kind != SEAL_NAME || !r->arg)
		return;
	if (s->nnames + 1 >= s->names_cap) {
		s->names_cap = s->names_cap ? s->names_cap * 2 : 64;
		s->names = xrealloc(s->names, s->names_cap * sizeof(*s->names));
	}
	s->names[++s->nnames] = (struct named){.r = r};
	chain(s, s->nnames);
}

/* Directories that were moved: their descriptors are sent before their records. */
static void take_dirs(struct sealed *s)
{
	for (;;) {
		union {
			struct cmsghdr head;
			char room[CMSG_SPACE(sizeof(int))];
		} c;
		uint64_t ino;
		struct iovec iov = {&ino, sizeof(ino)};
		struct msghdr m = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = &c,
				   .msg_controllen = sizeof(c)};
		const struct cmsghdr *h;
		if (recvmsg(s->ends.sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof(ino))
			return;
		h = CMSG_FIRSTHDR(&m);
		if (!h || h->cmsg_type != SCM_RIGHTS || h->cmsg_len != CMSG_LEN(sizeof(int)))
			continue;
		if (!(s->nmoved & (s->nmoved - 1)))
			s->moved = xrealloc(s->moved,
					    (s->nmoved ? s->nmoved * 2 : 1) * sizeof(*s->moved));
		s->moved[s->nmoved].ino = ino;
		memcpy(&s->moved[s->nmoved++].fd, CMSG_DATA(h), sizeof(int));
	}
}

bool sealed_sync(struct sealed *s)
{
	uint64_t end;

	if (!s)
		return true;
	if (pread(s->ends.log, &end, sizeof(end), 0) != sizeof(end) || end < s->seen)
		return false;
	if (end == s->seen)
		return true;
	while (s->seen < end) {
		struct seal_record head, *r;
		if (pread(s->ends.log, &head, sizeof(head), (off_t)s->seen) != sizeof(head) ||
		    head.len < sizeof(head) || head.len > end - s->seen)
			return false;
		r = xmalloc(head.len);
		if (pread(s->ends.log, r, head.len, (off_t)s->seen) != head.len || !fits(r)) {
			free(r);
			return false;
		}
		s->seen += head.len;
		take(s, r);
	}
	take_dirs(s);
	return true;
}

struct sealed *sealed_open(const struct seal_ends *ends, int workfd)
{
	struct sealed *s = xcalloc(1, sizeof(*s));

	s->ends = *ends;
	s->seen = sizeof(uint64_t);
	s->dir = openat(workfd, SEAL_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir >= 0 && sealed_sync(s))
		return s;
	sealed_close(s);
	return NULL;
}

void sealed_close(struct sealed *s)
{
	if (!s)
		return;
	fd_close(&s->dir);
	for (size_t i = 0; i < s->cap; i++)
		free(s->v[i]);
	for (size_t i = 0; i < s->nmoved; i++)
		close(s->moved[i].fd);
	free(s->v);
	free(s->names);
	free(s->head);
	free(s->moved);
	free(s);
}

bool sealed_name(const struct sealed *s, uint64_t dir, const char *name, uint64_t *ino)
{
	const struct seal_record *r = find(s, SEAL_NAME, dir, 0, name);

	*ino = r ? r->arg : 0;
	return r;
}

const char *sealed_next_name(const struct sealed *s, uint64_t dir, size_t *at)
{
	if (!s || !s->head_cap)
		return NULL;
	*at = *at ? s->names[*at].next : s->head[head_slot(s, s->head, s->head_cap, dir)];
	return *at ? body(s->names[*at].r) : NULL;
}

bool sealed_inode_was(const struct sealed *s, uint64_t ino, struct stat *st, const char **list,
		      size_t *n)
{
	const struct seal_record *r = find(s, SEAL_INODE, ino, 0, NULL);

	if (!r)
		return false;
	memcpy(st, body(r), sizeof(*st));
	*list = (const char *)body(r) + sizeof(*st);
	*n = r->len - sizeof(*r) - sizeof(*st);
	return true;
}

bool sealed_runs(const struct sealed *s, uint64_t ino, struct runs *out)
{
	const struct seal_record *r = find(s, SEAL_RUNS, ino, 0, NULL);
	const struct run *v = r ? body(r) : NULL;

	for (uint64_t i = 0; r && i < r->arg; i++)
		runs_add(out, v[i].off, v[i].len);
	return r;
}

int sealed_data(const struct sealed *s, uint64_t ino, uint64_t off, void *p, size_t n)
{
	for (uint64_t k = off / SEAL_CHUNK; k * SEAL_CHUNK < off + n; k++) {
		const struct seal_record *r = find(s, SEAL_CHUNKED, ino, k, NULL);
		const uint64_t *place = r ? body(r) : NULL;
		uint64_t at = k * SEAL_CHUNK, from = at > off ? at : off, end = at + SEAL_CHUNK;
		size_t len;
		if (!r)
			continue;
		end = end > off + n ? off + n : end;
		len = (size_t)(end - from);
		memset((char *)p + (from - off), 0, len);
		if (place[1] <= from - at)
			continue;
		if (len > place[1] - (from - at))
			len = (size_t)(place[1] - (from - at));
		if (pread(s->ends.data, (char *)p + (from - off), len,
			  (off_t)(place[0] + (from - at))) != (ssize_t)len)
			return -EIO;
	}
	return 0;
}

int sealed_fd(struct sealed *s, uint64_t ino, bool dir)
{
	char name[SEAL_NAME_SIZE];
	int fd;

	if (dir)
		take_dirs(s);
	for (size_t i = 0; dir && i < s->nmoved; i++) {
		if (s->moved[i].ino != ino)
			continue;
		fd = openat(s->moved[i].fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	if (dir)
		return -ENOENT;
	snprintf(name, sizeof(name), SEAL_NAME_FMT, ino);
	fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
