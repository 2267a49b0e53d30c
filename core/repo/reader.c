/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Content of files of any side, by offset. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/look.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (256u << 10)

static int open_base(struct side *s, const struct thing *t, struct reader *rd)
{
	static const struct layer_cred nobody = {0};
	char target[PATH_MAX];
	uint64_t fh;
	ssize_t n;
	int err;

	if (S_ISLNK(t->bst.st_mode)) {
		n = layer_readlink(s->base, t->node, target, sizeof(target));
		if (n < 0)
			return (int)n;
		rd->text = xstrdup(target);
		rd->size = (uint64_t)n;
		return 0;
	}
	err = layer_open_file(s->base, t->node, O_RDONLY, &nobody, &fh);
	if (err)
		return err;
	n = layer_read_fd(s->base, fh);
	rd->fd = n < 0 ? -1 : fcntl((int)n, F_DUPFD_CLOEXEC, 3);
	err = n < 0 ? (int)n : rd->fd < 0 ? -errno : 0;
	layer_release(s->base, fh);
	rd->size = (uint64_t)t->bst.st_size;
	return err;
}

static int open_disk(const struct thing *t, struct reader *rd)
{
	struct stat st;

	rd->fd = openat(t->dirfd, t->x.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (rd->fd < 0 || fstat(rd->fd, &st))
		return -errno;
	rd->size = (uint64_t)st.st_size;
	return S_ISREG(st.st_mode) ? 0 : -EPROTO;
}

int reader_open(struct side *s, const struct thing *t, const char *name, struct reader *rd)
{
	int err;

	*rd = (struct reader){.fd = -1};
	if (t->upper && !(t->x.rec.flags & RECORD_META)) {
		if (s->kind == SIDE_CHECKPOINT) {
			err = content_open(s->r, &t->x, &rd->store, &s->err);
			rd->size = err ? 0 : content_reader_size(rd->store);
			return err;
		}
		err = open_disk(t, rd);
	} else {
		err = t->node ? open_base(s, t, rd) : -ENOENT;
	}
	if (err)
		reader_close(rd);
	return err ? err_set(&s->err, err, "%s: cannot open: %s", name, strerror(-err)) : 0;
}

void reader_close(struct reader *rd)
{
	fd_close(&rd->fd);
	content_close(rd->store);
	free(rd->text);
	*rd = (struct reader){.fd = -1};
}

ssize_t reader_read(struct reader *rd, uint64_t off, void *p, size_t n)
{
	size_t done = 0;

	if (rd->store)
		return content_read(rd->store, off, p, n);
	if (rd->text) {
		n = off >= rd->size ? 0 : n < rd->size - off ? n : (size_t)(rd->size - off);
		memcpy(p, rd->text + off, n);
		return (ssize_t)n;
	}
	while (done < n) {
		ssize_t got = pread(rd->fd, (char *)p + done, n - done, (off_t)(off + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int reader_same(struct reader *a, struct reader *b, const volatile bool *cancel)
{
	char *pa, *pb;
	uint64_t off = 0;
	int ret = 1;

	if (a->size != b->size)
		return 0;
	pa = xmalloc(BLOCK);
	pb = xmalloc(BLOCK);
	while (ret == 1) {
		ssize_t na = reader_read(a, off, pa, BLOCK), nb = reader_read(b, off, pb, BLOCK);
		if (cancel && *cancel)
			ret = -ECANCELED;
		else if (na < 0 || nb < 0)
			ret = (int)(na < 0 ? na : nb);
		else if (na != nb || memcmp(pa, pb, (size_t)na))
			ret = 0;
		else if (!na)
			break;
		off += na > 0 ? (uint64_t)na : 0;
	}
	free(pa);
	free(pb);
	return ret;
}
