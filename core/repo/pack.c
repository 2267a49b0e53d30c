/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/pack.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/sha1.h"
#include "core/repo/squeeze.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define OUT_SIZE (256u << 10)
#define COUNT_MAX 0x7fffffffu
#define TEMP_PREFIX "tmp."

#define ALONE 64		/* objects that are written without a thread */
#define QUEUE_MAX (8u << 20) /* bytes that wait for it */

struct packed {
	git_oid oid;
	uint32_t crc;
	uint64_t off;
};

/* An object on its way to the thread that compresses and writes. */
struct packjob {
	struct packjob *next;
	git_object_t type;
	size_t n;
	char data[];
};

/* Where the thread put an object. */
struct placed {
	uint64_t off;
	uint32_t crc;
};

struct pack {
	git_odb *odb;
	int gaolfd, packfd, fd;
	bool dry;
	char temp[40];
	char name[64]; /* pack-HASH, once it is published */
	struct packed *v;
	size_t n, cap;
	uint32_t *slot; /* hash table: index + 1 */
	size_t slots;
	uint64_t off; /* bytes given out so far */
	uint8_t *out;
	size_t fill;
	uint32_t crc; /* of the object being written */
	struct squeeze squeeze;
	/* The thread: while it lives, all that writing uses is its own; the rest goes by the lock. */
	bool threaded, stop, busy;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more, less; /* the queue got longer, shorter */
	struct packjob *first, **last;
	size_t queued; /* bytes */
	struct placed *placed;
	size_t nplaced, placed_cap, known; /* known: of v that have their places */
	int err;			   /* of the thread */
};

static int out_flush(struct pack *p)
{
	int err = fd_write_full(p->fd, p->out, p->fill);

	p->fill = 0;
	return err;
}

static int out_add(void *user, const void *data, size_t n)
{
	struct pack *p = user;
	const uint8_t *from = data;

	p->crc = (uint32_t)crc32(p->crc, from, (uInt)n);
	p->off += n;
	while (n) {
		size_t k = OUT_SIZE - p->fill < n ? OUT_SIZE - p->fill : n;
		int err;
		memcpy(p->out + p->fill, from, k);
		p->fill += k;
		from += k;
		n -= k;
		err = p->fill == OUT_SIZE ? out_flush(p) : 0;
		if (err)
			return err;
	}
	return 0;
}

int pack_new(struct pack **out, git_odb *odb, int gaolfd, struct err *e)
{
	struct pack *p = xcalloc(1, sizeof(*p));
	static const uint8_t head[12] = "PACK\0\0\0\2"; /* the count comes at the end */
	uint64_t tag;
	int err = 0;

	p->odb = odb;
	p->gaolfd = gaolfd;
	p->packfd = -1;
	p->fd = -1;
	p->dry = gaolfd < 0;
	p->slots = 1024;
	p->slot = xcalloc(p->slots, sizeof(*p->slot));
	*out = p;
	if (p->dry)
		return 0;
	p->out = xmalloc(OUT_SIZE);
	p->packfd = openat(gaolfd, "../objects/pack", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->packfd < 0)
		err = err_sys(e, "checkpoint: no objects/pack");
	if (!err && !squeeze_begin(&p->squeeze))
		err = err_set(e, -ENOMEM, "checkpoint: cannot start compression: out of memory");
	if (!err && getrandom(&tag, sizeof(tag), 0) != sizeof(tag))
		err = err_sys(e, "checkpoint: no random number");
	if (!err) {
		snprintf(p->temp, sizeof(p->temp), TEMP_PREFIX "%016llx", (unsigned long long)tag);
		p->fd = openat(gaolfd, p->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
		if (p->fd < 0)
			err = err_sys(e, "checkpoint: cannot make a pack");
	}
	if (!err && out_add(p, head, sizeof(head)))
		err = err_set(e, -EIO, "checkpoint: cannot write the pack");
	if (err) {
		pack_free(p);
		*out = NULL;
	}
	return err;
}

static size_t slot_of(const struct pack *p, const git_oid *oid)
{
	size_t i;

	memcpy(&i, oid->id, sizeof(i));
	for (i &= p->slots - 1; p->slot[i]; i = (i + 1) & (p->slots - 1))
		if (!memcmp(p->v[p->slot[i] - 1].oid.id, oid->id, GIT_OID_RAWSZ))
			break;
	return i;
}

static void remember(struct pack *p, const git_oid *oid, uint64_t off)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 512;
		p->v = xrealloc(p->v, p->cap * sizeof(*p->v));
	}
	if (p->n * 2 >= p->slots) {
		free(p->slot);
		p->slots *= 2;
		p->slot = xcalloc(p->slots, sizeof(*p->slot));
		for (size_t i = 0; i < p->n; i++)
			p->slot[slot_of(p, &p->v[i].oid)] = (uint32_t)i + 1;
	}
	p->slot[slot_of(p, oid)] = (uint32_t)p->n + 1;
	p->v[p->n++] = (struct packed){.oid = *oid, .off = off};
}

bool pack_has(struct pack *p, const git_oid *oid)
{
	return p->slot[slot_of(p, oid)] ||
	       (p->odb && git_odb_exists_ext(p->odb, oid, GIT_ODB_LOOKUP_NO_REFRESH));
}

/* Type and size: 3 bits and 4, then 7 a byte, the lowest first. */
static int write_head(struct pack *p, git_object_t type, size_t n)
{
	uint8_t h[12];
	size_t len = 0;

	h[len] = (uint8_t)((unsigned)type << 4 | (n & 15));
	for (n >>= 4; n; n >>= 7) {
		h[len++] |= 0x80;
		h[len] = n & 0x7f;
	}
	return out_add(p, h, len + 1);
}

static int write_object(struct pack *p, git_object_t type, const void *data, size_t n)
{
	int err;

	p->crc = 0;
	err = write_head(p, type, n);
	return err ? err : squeeze(&p->squeeze, data, n, out_add, p);
}

static void place_note(struct pack *p, uint64_t off)
{
	if (p->nplaced == p->placed_cap) {
		p->placed_cap = p->placed_cap ? p->placed_cap * 2 : 512;
		p->placed = xrealloc(p->placed, p->placed_cap * sizeof(*p->placed));
	}
	p->placed[p->nplaced++] = (struct placed){.off = off, .crc = p->crc};
}

/* Writes what is queued, in order, until it is told to stop. */
static void *write_queue(void *user)
{
	struct pack *p = user;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct packjob *j = p->first;
		uint64_t off = p->off;
		int err = p->err;
		if (!j && p->stop)
			break;
		if (!j) {
			pthread_cond_wait(&p->more, &p->lock);
			continue;
		}
		p->first = j->next;
		if (!p->first)
			p->last = &p->first;
		p->busy = true;
		pthread_mutex_unlock(&p->lock);
		if (!err)
			err = write_object(p, j->type, j->data, j->n);
		pthread_mutex_lock(&p->lock);
		place_note(p, off);
		p->err = err;
		p->queued -= j->n;
		p->busy = false;
		free(j);
		pthread_cond_signal(&p->less);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Many objects: compressing and hashing go on side by side. Failure costs time alone. */
static void thread_start(struct pack *p)
{
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->less, NULL);
	p->threaded = !pthread_create(&p->thread, NULL, write_queue, p);
}

static int enqueue(struct pack *p, git_object_t type, const void *data, size_t n)
{
	struct packjob *j = xmalloc(sizeof(*j) + n);
	int err;

	*j = (struct packjob){.type = type, .n = n};
	memcpy(j->data, data, n);
	pthread_mutex_lock(&p->lock);
	while (p->queued && p->queued + n > QUEUE_MAX)
		pthread_cond_wait(&p->less, &p->lock);
	*p->last = j;
	p->last = &j->next;
	p->queued += n;
	err = p->err;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	return err;
}

/* Waits until all is written; the thread then touches nothing before the next enqueue. */
static int drain(struct pack *p)
{
	int err;

	if (!p->threaded)
		return 0;
	pthread_mutex_lock(&p->lock);
	while (p->first || p->busy)
		pthread_cond_wait(&p->less, &p->lock);
	err = p->err;
	for (size_t i = 0; i < p->nplaced; i++, p->known++) {
		p->v[p->known].off = p->placed[i].off;
		p->v[p->known].crc = p->placed[i].crc;
	}
	p->nplaced = 0;
	pthread_mutex_unlock(&p->lock);
	return err;
}

static void thread_end(struct pack *p)
{
	if (!p->threaded)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	p->threaded = false;
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->more);
	pthread_cond_destroy(&p->less);
}

static int cannot_write(struct err *e, int err)
{
	return err_set(e, err, "checkpoint: cannot write: %s%s", strerror(-err),
		       err == -ENOSPC ? ": free some space and try again" : "");
}

int pack_add(struct pack *p, git_object_t type, const void *data, size_t n, git_oid *oid,
	     struct err *e)
{
	uint64_t off;
	int err;

	if (n > UINT32_MAX / 2)
		return err_set(e, -EFBIG, "checkpoint: an object of %zu bytes is too large", n);
	if (git_odb_hash(oid, data, n, type)) {
		const git_error *ge = git_error_last();
		return err_set(e, -EIO, "checkpoint: cannot hash: %s", ge ? ge->message : "?");
	}
	if (p->dry || pack_has(p, oid))
		return 0;
	if (p->n >= COUNT_MAX)
		return err_set(e, -EFBIG, "checkpoint: too many objects for one pack");
	if (p->n == ALONE)
		thread_start(p);
	if (p->threaded) {
		remember(p, oid, 0);
		err = enqueue(p, type, data, n);
		return err ? cannot_write(e, err) : 0;
	}
	off = p->off;
	err = write_object(p, type, data, n);
	if (err)
		return cannot_write(e, err);
	remember(p, oid, off);
	p->v[p->n - 1].crc = p->crc;
	p->known = p->n;
	return 0;
}

/* The head of an entry in mem: type and size; returns its length, 0 for one that is none. */
static size_t read_head(const uint8_t *mem, size_t have, git_object_t *type, size_t *size)
{
	size_t i = 0;

	*type = (git_object_t)(mem[0] >> 4 & 7);
	*size = mem[0] & 15;
	for (int shift = 4; i < have && mem[i++] & 0x80; shift += 7)
		if (i < have)
			*size |= (size_t)(mem[i] & 0x7f) << shift;
	return i < have ? i : 0;
}

int pack_read(struct pack *p, const git_oid *oid, git_object_t type, size_t max, void **data,
	      size_t *n)
{
	uint32_t slot = p->slot[slot_of(p, oid)];
	uint8_t head[12];
	git_object_t got;
	ssize_t have;
	size_t len;
	int err;

	if (!slot)
		return -ENOENT;
	err = drain(p);
	if (!err)
		err = out_flush(p);
	have = err ? err : pread(p->fd, head, sizeof(head), (off_t)p->v[slot - 1].off);
	if (have <= 0)
		return have ? (int)have : -EIO;
	len = read_head(head, (size_t)have, &got, n);
	if (!len || got != type)
		return -EPROTO;
	if (*n > max)
		return -EFBIG;
	*data = xmalloc(*n + 1);
	((char *)*data)[*n] = '\0';
	err = *n ? unsqueeze_at(p->fd, p->v[slot - 1].off + len, *data, *n) : 0;
	if (err)
		free(*data);
	return err;
}

uint64_t pack_bytes(struct pack *p)
{
	drain(p);
	return p->off;
}

const char *pack_name(const struct pack *p)
{
	return p->name;
}

size_t pack_count(const struct pack *p)
{
	return p->n;
}

/* Puts the count into the header, hashes the whole, adds the trailer. */
static int pack_close(struct pack *p, uint8_t sum[20])
{
	uint32_t count = htonl((uint32_t)p->n);
	struct sha1 s;
	ssize_t got;
	int err = out_flush(p);

	if (!err && pwrite(p->fd, &count, 4, 8) != 4)
		err = -errno;
	if (!err && lseek(p->fd, 0, SEEK_SET) < 0)
		err = -errno;
	sha1_init(&s);
	while (!err && (got = fd_read_full(p->fd, p->out, OUT_SIZE)) != 0) {
		if (got < 0)
			err = (int)got;
		else
			sha1_add(&s, p->out, (size_t)got);
	}
	sha1_end(&s, sum);
	if (!err)
		err = fd_write_full(p->fd, sum, 20);
	if (!err && fsync(p->fd))
		err = -errno;
	return err;
}

static int packed_cmp(const void *a, const void *b)
{
	return memcmp(((const struct packed *)a)->oid.id, ((const struct packed *)b)->oid.id,
		      GIT_OID_RAWSZ);
}

static void put32(struct buf *b, uint32_t v)
{
	v = htonl(v);
	buf_add(b, &v, 4);
}

static void index_build(struct pack *p, const uint8_t sum[20], struct buf *b)
{
	struct sha1 s;
	size_t at = 0;
	uint32_t far = 0;
	uint8_t own[20];

	qsort(p->v, p->n, sizeof(*p->v), packed_cmp);
	buf_add(b, "\377tOc\0\0\0\2", 8);
	for (unsigned i = 0; i < 256; i++) {
		while (at < p->n && p->v[at].oid.id[0] == i)
			at++;
		put32(b, (uint32_t)at);
	}
	for (size_t i = 0; i < p->n; i++)
		buf_add(b, p->v[i].oid.id, GIT_OID_RAWSZ);
	for (size_t i = 0; i < p->n; i++)
		put32(b, p->v[i].crc);
	for (size_t i = 0; i < p->n; i++)
		put32(b, p->v[i].off >> 31 ? 0x80000000u | far++ : (uint32_t)p->v[i].off);
	for (size_t i = 0; i < p->n; i++) {
		if (!(p->v[i].off >> 31))
			continue;
		put32(b, (uint32_t)(p->v[i].off >> 32));
		put32(b, (uint32_t)p->v[i].off);
	}
	buf_add(b, sum, 20);
	sha1_init(&s);
	sha1_add(&s, b->p, b->len);
	sha1_end(&s, own);
	buf_add(b, own, 20);
}

int pack_finish(struct pack *p, struct err *e)
{
	char name[64], idx[80], temp[48];
	struct buf b = {0};
	uint8_t sum[20];
	git_oid oid;
	int err;

	if (p->dry || !p->n)
		return 0;
	err = drain(p);
	if (err)
		return cannot_write(e, err);
	err = pack_close(p, sum);
	if (err)
		return err_set(e, err, "checkpoint: cannot finish the pack: %s", strerror(-err));
	index_build(p, sum, &b);
	git_oid_fromraw(&oid, sum);
	snprintf(name, sizeof(name), "pack-");
	git_oid_tostr(name + 5, GIT_OID_HEXSZ + 1, &oid);
	snprintf(idx, sizeof(idx), "%s.idx", name);
	strcat(name, ".pack");
	snprintf(temp, sizeof(temp), "%s.idx", p->temp);
	err = file_replace_at(p->gaolfd, temp, b.p, b.len, 0444, true);
	buf_free(&b);
	/* readers look for indexes: the pack comes first */
	if (!err && (renameat(p->gaolfd, p->temp, p->packfd, name) ||
		     renameat(p->gaolfd, temp, p->packfd, idx) || fsync(p->packfd)))
		err = -errno;
	if (!err && p->odb && git_odb_refresh(p->odb))
		err = -EIO;
	if (err)
		return err_set(e, err, "checkpoint: cannot publish the pack: %s", strerror(-err));
	*p->temp = '\0';
	snprintf(p->name, sizeof(p->name), "%.*s", (int)(strlen(name) - strlen(".pack")), name);
	return 0;
}

void pack_free(struct pack *p)
{
	char temp[48];

	if (!p)
		return;
	thread_end(p);
	if (*p->temp) {
		snprintf(temp, sizeof(temp), "%s.idx", p->temp);
		unlinkat(p->gaolfd, p->temp, 0);
		unlinkat(p->gaolfd, temp, 0);
	}
	squeeze_end(&p->squeeze);
	fd_close(&p->fd);
	fd_close(&p->packfd);
	free(p->out);
	free(p->slot);
	free(p->v);
	free(p->placed);
	free(p);
}

void pack_clean(int gaolfd)
{
	int fd = openat(gaolfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		fd_close(&fd);
		return;
	}
	while ((de = readdir(d)))
		if (!strncmp(de->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX)))
			unlinkat(gaolfd, de->d_name, 0);
	closedir(d);
}
